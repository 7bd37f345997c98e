"""A waveform store: every burst of a corpus, decoded once, in one file, from which each is read when it is wanted.

A store is a folder of three files: `samples.i16`, the bursts one after the other as `quantised` keeps them;
`index.csv`, a row for each burst with its checksum; and `store.json`, which says what the store was made from and has
the checksum of the index. What is damaged is never heard: where the opening finds it, the store is made again; where
only the reading of a burst does, the work ends there.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from burst2vec.audio.quantised import SAMPLE, Kept, checksum, prepared
from burst2vec.corpora.corpus import Corpus, CorpusError
from burst2vec.machine.files import write_aside
from burst2vec.machine.parallel import WorkerDied, in_parallel

RECIPE = 2
"""Counts the changes of `waveform.load` and `quantised`; a store made by another recipe is made again."""


class DamagedStore(CorpusError):
    """A store that is not as it was written; the message names its folder, what is wrong, and the way out."""

    def __init__(self, folder: Path, wrong: str):
        self.wrong = f"{folder}: {wrong}"
        super().__init__(f"{self.wrong}; delete the folder and it is made again")


class WaveformStore:
    """The waveforms of a corpus, in the order of its table: `store[i]` is float32 (samples,) at 16 kHz.

    A burst is compared with its checksum the first time that it is read. Raises DamagedStore where it differs, and,
    when opened, where a file is missing, does not fit the others, or cannot be read.
    """

    def __init__(self, folder: Path):
        index = _read_index(folder)
        self.files = index["file"].to_numpy()
        self.lengths = index["samples"].to_numpy()
        self._folder = folder
        self._offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        self._scales = index["scale"].to_numpy(np.float32)
        self._checksums = index["checksum"].to_numpy()
        self._checked = np.zeros(len(index), bool)
        try:
            self._samples = open(folder / "samples.i16", "rb", buffering=0)
        except OSError as error:
            raise DamagedStore(folder, f"samples.i16 cannot be read ({error.strerror})") from None
        there = os.fstat(self._samples.fileno()).st_size / SAMPLE.itemsize
        if there != self._offsets[-1]:
            raise DamagedStore(folder, f"holds {there:.0f} samples where its index lists {self._offsets[-1]}")

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> np.ndarray:
        samples, scale = self.quantised(row)
        return samples * scale

    def quantised(self, row: int) -> tuple[np.ndarray, np.float32]:
        """A burst's 16-bit integers (samples,), and what to multiply them by."""
        return np.frombuffer(self._read(row), SAMPLE), self._scales[row]

    @property
    def checksum(self) -> int:
        """Of all bursts."""
        return checksum(np.ascontiguousarray(self._checksums).tobytes())

    def _read(self, row: int) -> bytes:
        # Not mapped into memory: of a mapped file, all that an epoch has read counts as the process's own.
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
    """The stores of several corpora, one after the other, as the store of the corpus joined of them."""

    def __init__(self, stores: Sequence[WaveformStore]):
        self._stores = stores
        self._starts = np.cumsum([0, *map(len, stores)])
        self.lengths = np.concatenate([s.lengths for s in stores])

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> np.ndarray:
        samples, scale = self.quantised(row)
        return samples * scale

    def quantised(self, row: int) -> tuple[np.ndarray, np.float32]:
        """A burst's 16-bit integers (samples,), and what to multiply them by."""
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._stores[number].quantised(row - self._starts[number])

    @property
    def checksum(self) -> int:
        """Of all bursts."""
        return checksum(b"".join(store.checksum.to_bytes(4, "big") for store in self._stores))


def open_store(corpus: Corpus, audio: str, cache: str | Path) -> WaveformStore | JoinedStore:
    """The store of a corpus's `provided` or `own` audio under folder `cache`, made first where it is missing, old or
    damaged; of a damaged one, a line on standard error says so.

    Raises CorpusError where recordings are missing or unusable, naming them, and where the store cannot be made.
    """
    if corpus.parts:
        return JoinedStore([open_store(part, audio, cache) for part in corpus.parts])
    place = hashlib.sha256(str(corpus.root.resolve()).encode()).hexdigest()[:8]
    folder = Path(cache) / f"store-{corpus.name}-{place}-{audio}"
    fingerprint = _fingerprint(corpus, audio)
    try:
        if folder.exists() and _record(folder)["fingerprint"] == fingerprint:
            return WaveformStore(folder)
    except DamagedStore as damage:
        tqdm.write(f"{damage.wrong}; the store is made again", file=sys.stderr)
    _make(corpus, audio, folder, fingerprint)
    return WaveformStore(folder)


def audio_paths(corpus: Corpus, audio: str) -> list[Path]:
    """Where each burst's recording of that kind stands. Raises CorpusError for a burst without one."""
    column = corpus.table["raw" if audio == "own" else "provided"]
    if column.isna().any():
        needed = "raw recordings" if audio == "own" else "provided audio"
        raise CorpusError(f"{corpus.root}: {column.isna().sum()} of {len(column)} bursts have no {needed}, "
                          f"{column.index[column.isna()][0]!r} first; `audio: {audio}` needs one for each")
    return [corpus.root / p for p in column]


def _fingerprint(corpus: Corpus, audio: str) -> str:
    digest, missing = hashlib.sha256(f"{RECIPE} {audio}".encode()), []
    for file, path in zip(corpus.table.index, audio_paths(corpus, audio), strict=True):
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            missing.append(str(path.relative_to(corpus.root)))
            continue
        digest.update(f"{file} {path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    if missing:
        raise CorpusError(f"{corpus.root}: {len(missing)} of {len(corpus.table)} recordings are missing, "
                          f"{', '.join(missing[:3])} first; burst2vec check {corpus.root} lists them all")
    return digest.hexdigest()


def _record(folder: Path) -> dict:
    """What a store says of itself. Raises DamagedStore where it does not."""
    try:
        record = json.loads((folder / "store.json").read_bytes())
    except OSError as error:
        raise DamagedStore(folder, f"store.json cannot be read ({error.strerror})") from None
    except ValueError:
        record = None
    if not isinstance(record, dict) or "fingerprint" not in record:
        raise DamagedStore(folder, "store.json is damaged")
    return record


def _read_index(folder: Path) -> pd.DataFrame:
    wanted = _record(folder).get("index")
    try:
        content = (folder / "index.csv").read_bytes()
    except OSError as error:
        raise DamagedStore(folder, f"index.csv cannot be read ({error.strerror})") from None
    if checksum(content) != wanted:
        raise DamagedStore(folder, "index.csv is not as it was written")
    return pd.read_csv(io.BytesIO(content), dtype={"file": str})


def _make(corpus: Corpus, audio: str, folder: Path, fingerprint: str) -> None:
    paths = audio_paths(corpus, audio)
    try:
        with write_aside(folder) as aside:
            aside.mkdir()
            rows = _write_samples(aside / "samples.i16", paths, audio)
            index = pd.DataFrame(rows, corpus.table.index, ["samples", "scale", "checksum"]).to_csv(index_label="file")
            (aside / "index.csv").write_text(index)
            (aside / "store.json").write_text(json.dumps(
                {"fingerprint": fingerprint, "audio": audio, "index": checksum(index.encode())}))
    except OSError as error:  # not every one names the file
        raise CorpusError(f"{folder}: the waveform store cannot be made there ({error.strerror or error}); make room, "
                          f"or name another folder with the parameter `cache`") from error


def _write_samples(file: Path, paths: Sequence[Path], audio: str) -> list[tuple[int, float, int]]:
    """Each recording's number of samples, scale and checksum; its samples are written to `file`."""
    rows, problems = [], []
    with open(file, "wb") as out:
        try:
            for result in _prepare_all(paths, audio):
                if isinstance(result, str):
                    problems.append(result)
                    continue
                samples, *rest = result
                out.write(samples)
                rows.append((len(samples) // SAMPLE.itemsize, *rest))
        except WorkerDied as died:
            at = paths[len(rows) + len(problems)]
            raise CorpusError(f"{at}: here or at one of the next recordings, {died}") from died
    if problems:
        raise CorpusError(f"{len(problems)} recordings cannot be used:\n  " + "\n  ".join(problems[:20]))
    return rows


def _prepare_all(paths: Sequence[Path], audio: str) -> Iterator[Kept | str]:
    """Each recording as it is kept, or what is wrong with it, in order; decoded in parallel."""
    results = in_parallel(functools.partial(prepared, audio=audio), paths)
    return tqdm(results, total=len(paths), desc=f"Preparing {audio} audio", unit="burst")
