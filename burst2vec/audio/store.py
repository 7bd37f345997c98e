"""A waveform store: every burst of a corpus, decoded once, in one file, from which each is read when it is needed.

A store is a folder of the cache (`machine.cached`) with three files of its own: `samples.i16` holds the bursts one
after the other, as `quantised` keeps them, `index.csv` has a row for each with its checksum, and `notes.json` says what
was odd about the recordings. Damaged samples are never heard. Damage that is found when the store is opened has it made
again; damage that is found when a burst is read ends the work.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from burst2vec.audio.quantised import SAMPLE, Kept, checksum, prepared
from burst2vec.corpora.corpus import AUDIO, Corpus, CorpusError
from burst2vec.corpora.spelling import counted
from burst2vec.machine.cached import cached
from burst2vec.machine.parallel import WorkerDied, in_parallel
from burst2vec.machine.progress import progress_bar

RECIPE = 4
"""The number of changes so far to `waveform.load` and `quantised`; a store made by another recipe is made again."""

SAMPLES, INDEX, NOTES = "samples.i16", "index.csv", "notes.json"


class DamagedStore(CorpusError):
    """A burst of a store that is not as it was written; the message names the folder, the burst and the way out."""

    def __init__(self, folder: Path, wrong: str):
        super().__init__(f"{folder}: {wrong}; delete the folder and it is made again")


class WaveformStore:
    """The waveforms of a corpus, in the order of its table: `store[row]` is float32 (samples,) at 16 kHz.

    A burst is compared with its checksum the first time that it is read; raises DamagedStore where it differs.
    """

    def __init__(self, folder: Path):
        index = pd.read_csv(folder / INDEX, dtype={"file": str})
        self.files = index["file"].to_numpy()
        self.lengths: np.ndarray = index["samples"].to_numpy()
        self._folder = folder
        self._offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        self._scales = index["scale"].to_numpy(np.float32)
        self._checksums = index["checksum"].to_numpy()
        self._checked = np.zeros(len(index), bool)
        self._samples = open(folder / SAMPLES, "rb", buffering=0)  # noqa: SIM115  # as long as the store is used

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> np.ndarray:
        samples, scale = self.quantised(row)
        return samples * scale

    def quantised(self, row: int) -> tuple[np.ndarray, np.float32]:
        """A burst's 16-bit integers (samples,), and the factor that turns them into the waveform."""
        return np.frombuffer(self._read(row), SAMPLE), self._scales[row]

    @property
    def checksum(self) -> int:
        """The checksum of all bursts."""
        return checksum(np.ascontiguousarray(self._checksums).tobytes())

    @property
    def notes(self) -> list[tuple[str, str]]:
        """What was odd about the recordings (`faults.Meter.notes`), each with the path of its recording."""
        return [(path, note) for path, note in json.loads((self._folder / NOTES).read_bytes())]

    def _read(self, row: int) -> bytes:
        # Not mapped into memory: all that an epoch reads of a mapped file counts as memory of the process itself.
        start, stop = SAMPLE.itemsize * self._offsets[row], SAMPLE.itemsize * self._offsets[row + 1]
        try:
            content = os.pread(self._samples.fileno(), stop - start, start)
        except OSError as error:
            raise DamagedStore(self._folder, f"burst {self.files[row]!r} cannot be read ({error.strerror})") from None
        if not self._checked[row]:
            if checksum(content) != self._checksums[row]:
                raise DamagedStore(self._folder, f"burst {self.files[row]!r} is not as it was written")
            self._checked[row] = True
        return content


class JoinedStore:
    """The stores of several corpora, one after the other, as the store of the corpus that was joined from them."""

    def __init__(self, stores: Sequence[WaveformStore | JoinedStore]):
        self._stores = stores
        self._starts = np.cumsum([0, *map(len, stores)])
        self.lengths: np.ndarray = np.concatenate([store.lengths for store in stores])

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> np.ndarray:
        store, own = self._place(row)
        return store[own]

    def quantised(self, row: int) -> tuple[np.ndarray, np.float32]:
        """The 16-bit integers and the factor of a burst; see `WaveformStore.quantised`."""
        store, own = self._place(row)
        return store.quantised(own)

    def _place(self, row: int) -> tuple[WaveformStore | JoinedStore, int]:
        """The store that holds a burst, and the burst's row there."""
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._stores[number], row - int(self._starts[number])

    @property
    def checksum(self) -> int:
        """The checksum of all bursts."""
        return checksum(b"".join(store.checksum.to_bytes(4, "big") for store in self._stores))

    @property
    def notes(self) -> list[tuple[str, str]]:
        """What was odd about the recordings of all of them; see `WaveformStore.notes`."""
        return [note for store in self._stores for note in store.notes]


Store = WaveformStore | JoinedStore
"""The waveforms of a corpus, or of several joined corpora."""


def open_store(corpus: Corpus, audio: str, cache: str | Path) -> Store:
    """The store of a corpus's `provided` or `own` audio under folder `cache`.

    It is made first where it is missing, out of date or damaged. Raises CorpusError, naming the recordings, where some
    are missing or unusable, and OSError where the store cannot be written.
    """
    if corpus.parts:
        return JoinedStore([open_store(part, audio, cache) for part in corpus.parts])
    paths = audio_paths(corpus, audio)
    make = functools.partial(_make, corpus.table.index, paths, audio)
    recipe = fingerprint(corpus, f"{RECIPE} {audio}", paths)
    return WaveformStore(cached(cache_folder("store", corpus, audio, cache), recipe, make, large=[SAMPLES]))


def audio_paths(corpus: Corpus, audio: str) -> list[Path]:
    """Where each burst's recording for that kind of audio is. Raises CorpusError for a burst without one."""
    column = corpus.table[AUDIO[audio]]
    if column.isna().any():
        needed = "raw recordings" if audio == "own" else "provided audio"
        raise CorpusError(f"{corpus.root}: {column.isna().sum()} of {len(column)} bursts have no {needed}, "
                          f"{column.index[column.isna()][0]!r} first; `audio: {audio}` needs one for each")
    return [corpus.root / p for p in column]


def cache_folder(kind: str, corpus: Corpus, audio: str, cache: str | Path) -> Path:
    """The folder under `cache` for one `kind` of what is made of a corpus; its name tells corpora apart."""
    place = hashlib.sha256(str(corpus.root.resolve()).encode()).hexdigest()[:8]
    return Path(cache) / f"{kind}-{corpus.name}-{place}-{audio}"


def fingerprint(corpus: Corpus, recipe: str, paths: Sequence[Path]) -> str:
    """A text that changes with the recipe, the bursts' ids and order, and the files that they are made from.

    A file of each burst, in `paths`, counts by where it really is within the corpus, behind all links, and by its size
    and time of change. Raises CorpusError where files are missing.
    """
    digest, missing, root = hashlib.sha256(recipe.encode()), [], os.path.realpath(corpus.root)
    folder = functools.cache(os.path.realpath)  # of a path's folder: that of each path would take seconds
    for file, path in zip(corpus.table.index, paths, strict=True):
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            missing.append(str(path.relative_to(corpus.root)))
            continue
        real = os.path.realpath(path) if path.is_symlink() else os.path.join(folder(path.parent), path.name)
        said = f"{file} {os.path.relpath(real, root)} {status.st_size} {status.st_mtime_ns}\n"
        digest.update(said.encode("utf-8", "surrogateescape"))
    if missing:
        raise CorpusError(f"{corpus.root}: {len(missing)} of {len(corpus.table)} recordings are missing, "
                          f"{', '.join(missing[:3])} first; burst2vec check {corpus.root} lists them all")
    return digest.hexdigest()


def _make(files: pd.Index, paths: Sequence[Path], audio: str, folder: Path) -> None:
    rows = _write_samples(folder / SAMPLES, paths, audio)
    pd.DataFrame([row[:3] for row in rows], files, ["samples", "scale", "checksum"]).to_csv(
        folder / INDEX, index_label="file")
    notes = [(str(path), note) for path, row in zip(paths, rows, strict=True) for note in row[3]]
    (folder / NOTES).write_text(json.dumps(notes, indent=1))  # all ASCII: names need not be UTF-8


def _write_samples(file: Path, paths: Sequence[Path], audio: str) -> list[tuple[int, float, int, tuple[str, ...]]]:
    """Writes each recording's samples to `file`; returns how many they are, their scale, their checksum and notes."""
    rows: list[tuple[int, float, int, tuple[str, ...]]] = []
    problems = []
    with open(file, "wb") as out:
        try:
            for result in _prepare_all(paths, audio):
                if isinstance(result, str):
                    problems.append(result)
                    continue
                out.write(result.samples)
                rows.append((len(result.samples) // SAMPLE.itemsize, result.scale, result.checksum, result.notes))
        except WorkerDied as died:
            at = paths[len(rows) + len(problems)]
            raise CorpusError(f"{at}: here or at one of the next recordings, {died}") from died
    if problems:
        raise CorpusError(f"{counted(len(problems), 'recording')} cannot be used:\n  " + "\n  ".join(problems[:20]))
    return rows


def _prepare_all(paths: Sequence[Path], audio: str) -> Iterator[Kept | str]:
    """Each recording as it is kept, or what is wrong with it, in order; decoded in parallel."""
    results = in_parallel(functools.partial(prepared, audio=audio), paths)
    return progress_bar(results, total=len(paths), desc=f"Preparing {audio} audio", unit="burst")
