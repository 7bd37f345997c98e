"""A waveform store: every burst of a corpus, decoded once, in one file, from which each is read when it is wanted.

Samples are 16-bit integers scaled to each burst's own peak, so that nothing clips whatever its level: no
rounding error comes within 96 dB of the peak.
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
from tqdm.auto import tqdm

from burst2vec.corpus import Corpus, CorpusError
from burst2vec.files import write_aside
from burst2vec.parallel import in_parallel

SAMPLE = np.dtype("<i2")

RECIPE = 2
"""Counts the changes of `audio.load`; a store made by another recipe is made again."""


class WaveformStore:
    """The waveforms of a corpus, in the order of its table: `store[i]` is float32 (samples,) at 16 kHz."""

    def __init__(self, folder: Path):
        index = pd.read_csv(folder / "index.csv", dtype={"file": str})
        self.files = index["file"].to_numpy()
        self.lengths = index["samples"].to_numpy()
        self._offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        self._scales = index["scale"].to_numpy(np.float32)
        self._samples = open(folder / "samples.i16", "rb", buffering=0)
        there = os.fstat(self._samples.fileno()).st_size // SAMPLE.itemsize
        if there != self._offsets[-1]:
            raise CorpusError(f"{folder}: holds {there} samples where its index lists "
                              f"{self._offsets[-1]}; delete the folder and it is made again")

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> np.ndarray:
        samples, scale = self.quantised(row)
        return samples * scale

    def quantised(self, row: int) -> tuple[np.ndarray, np.float32]:
        """A burst's 16-bit integers (samples,), and what to multiply them by."""
        # Not mapped into memory: of a mapped file, all that an epoch has read counts as the process's own.
        start, stop = SAMPLE.itemsize * self._offsets[row], SAMPLE.itemsize * self._offsets[row + 1]
        return np.frombuffer(os.pread(self._samples.fileno(), stop - start, start), SAMPLE), self._scales[row]


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


def open_store(corpus: Corpus, audio: str, cache: str | Path) -> WaveformStore | JoinedStore:
    """The store of a corpus's `provided` or `own` audio under folder `cache`, made first where it is missing or old.

    Raises CorpusError where recordings are missing or unusable, naming them.
    """
    if corpus.parts:
        return JoinedStore([open_store(part, audio, cache) for part in corpus.parts])
    place = hashlib.sha256(str(corpus.root.resolve()).encode()).hexdigest()[:8]
    folder = Path(cache) / f"store-{corpus.name}-{place}-{audio}"
    fingerprint = _fingerprint(corpus, audio)
    if _recorded(folder) != fingerprint:
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


def _recorded(folder: Path) -> str | None:
    record = folder / "store.json"
    return json.loads(record.read_text())["fingerprint"] if record.is_file() else None


def _make(corpus: Corpus, audio: str, folder: Path, fingerprint: str) -> None:
    rows, problems = [], []
    with write_aside(folder) as aside:
        aside.mkdir()
        with open(aside / "samples.i16", "wb") as out:
            for file, result in zip(corpus.table.index, _load_all(audio_paths(corpus, audio), audio), strict=True):
                if isinstance(result, str):
                    problems.append(result)
                    continue
                samples, scale = result
                out.write(samples.tobytes())
                rows.append((file, len(samples), scale))
        if problems:
            raise CorpusError(f"{len(problems)} recordings cannot be used:\n  " + "\n  ".join(problems[:20]))
        pd.DataFrame(rows, columns=["file", "samples", "scale"]).to_csv(aside / "index.csv", index=False)
        (aside / "store.json").write_text(json.dumps({"fingerprint": fingerprint, "audio": audio}))


def _load_all(paths: list[Path], audio: str) -> Iterator[tuple[np.ndarray, float] | str]:
    """Each recording as integers and their scale, or what is wrong with it, in order; decoded in parallel."""
    loaded = in_parallel(functools.partial(_load_one, audio=audio), paths)
    return tqdm(loaded, total=len(paths), desc=f"Preparing {audio} audio", unit="burst")


def _load_one(path: Path, audio: str) -> tuple[np.ndarray, float] | str:
    from burst2vec.audio import AudioError, load

    try:
        waveform = load(path, audio)
    except (AudioError, OSError) as error:
        return str(error)
    return quantise(waveform)


def quantise(waveform: np.ndarray) -> tuple[np.ndarray, float]:
    """A waveform (samples,) as 16-bit integers, and what to multiply them by to have it back."""
    scale = float(np.abs(waveform).max()) / 32767
    return np.round(waveform / scale).astype(SAMPLE), scale


def as_stored(waveform: np.ndarray) -> np.ndarray:
    """A waveform float32 (samples,) with the store's rounding, so that it is heard as in training."""
    samples, scale = quantise(waveform)
    return samples * np.float32(scale)
