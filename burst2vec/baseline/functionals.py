"""ComParE 2016 functionals: the acoustic features that the challenge's baseline hears.

The corpus's own `feats/ComParE/<id>.csv` are read where that folder exists; otherwise openSMILE computes them
from the waveform store. Either way they are kept in a folder of the cache, and made again when what they came
from changes.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from burst2vec.audio.store import audio_paths, open_store
from burst2vec.corpora.corpus import Corpus, CorpusError
from burst2vec.machine.files import checksum, write_aside
from burst2vec.machine.parallel import in_parallel

FEATURES = 6373
"""In the set ComParE 2016 (Weninger et al., 2013)."""

RECIPE = "ComParE_2016 functionals, 1"
"""Changes with the way features are made; those made by another recipe are made again."""

SAMPLE_RATE = 16_000  # as in `audio`, whose import of torch would slow down every worker process
SHORTEST = 1_600
"""In samples: 100 ms. openSMILE gives no features of less than 60 ms; shorter bursts are padded with
silence."""


def compare_features(corpus: Corpus, audio: str, cache: str | Path) -> np.ndarray:
    """ComParE functionals float32 (bursts, 6373), in the order of the corpus's table; memory-mapped for a single corpus.

    Raises CorpusError where a file of the corpus's own features is missing or has another number of columns,
    and ImportError where openSMILE is needed but not installed.
    """
    if corpus.parts:
        return np.concatenate([compare_features(part, audio, cache) for part in corpus.parts])
    own = corpus.root / "feats" / "ComParE"
    given = own.is_dir()
    paths = [own / f"{file}.csv" for file in corpus.table.index] if given else audio_paths(corpus, audio)
    absent = [path for path in paths if not path.is_file()]
    if absent:
        raise CorpusError(f"{absent[0]}: missing, and {len(absent) - 1} more of {len(paths)}; "
                          "expected one for each burst")
    place = hashlib.sha256(str(corpus.root.resolve()).encode()).hexdigest()[:8]
    folder = Path(cache) / f"compare-{corpus.name}-{place}-{'given' if given else audio}"
    fingerprint = _fingerprint(paths)
    record, features = _record(folder), folder / "features.npy"
    whole = record.get("fingerprint") == fingerprint and features.is_file()
    if whole and "sha256" in record and record["sha256"] != checksum(features):
        tqdm.write(f"{features}: damaged; the features are made again")
        whole = False
    if not whole:
        rows = in_parallel(read_features, paths) if given else _extract_all(corpus, audio, cache)
        _make(folder, fingerprint, rows, len(paths))
    return np.load(features, mmap_mode="r", allow_pickle=False)


def read_features(path: Path) -> np.ndarray:
    """One burst's features float32 (6373,) from a file of the corpus: a header, then one row whose first
    column is not a feature. What is not finite is 0, as in `extract`. Raises CorpusError, naming the file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) != 2:
        raise CorpusError(f"{path}: {len(lines)} lines; expected a header and one row of features")
    cells = lines[1].split(",")[1:]
    if len(cells) != FEATURES:
        raise CorpusError(f"{path}: {len(cells)} features after the first column; expected {FEATURES}, "
                          "separated by commas")
    try:
        return np.nan_to_num(np.array(cells, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    except ValueError as error:
        raise CorpusError(f"{path}: a feature is not a number ({error})") from None


def extract(waveform: np.ndarray) -> np.ndarray:
    """One burst's features float32 (6373,) from its waveform (samples,) at 16 kHz, by openSMILE.

    What openSMILE leaves undefined is 0, as it writes itself for the pitch of an unvoiced burst.
    """
    waveform = np.pad(waveform, (0, max(0, SHORTEST - len(waveform))))
    features = _smile().process_signal(waveform, SAMPLE_RATE).to_numpy(np.float32)[0]
    return np.nan_to_num(features, nan=0.0, posinf=0.0, neginf=0.0)


@functools.cache
def _smile():
    """The extractor; one for each process, because making it takes longer than using it."""
    import opensmile

    return opensmile.Smile(opensmile.FeatureSet.ComParE_2016, opensmile.FeatureLevel.Functionals)


def _extract_all(corpus: Corpus, audio: str, cache: str | Path) -> Iterator[np.ndarray]:
    if importlib.util.find_spec("opensmile") is None:
        raise ImportError("the ComParE baseline needs openSMILE, whose licence is for research: "
                          "pip install burst2vec[opensmile]")
    store = open_store(corpus, audio, cache)
    return in_parallel(extract, (store[row] for row in range(len(store))))


def _make(folder: Path, fingerprint: str, rows: Iterator[np.ndarray], bursts: int) -> None:
    with write_aside(folder) as aside:
        aside.mkdir()
        features = np.lib.format.open_memmap(aside / "features.npy", "w+", np.float32, (bursts, FEATURES))
        for place, row in enumerate(tqdm(rows, total=bursts, desc="ComParE features", unit="burst")):
            features[place] = row
        features.flush()
        (aside / "features.json").write_text(json.dumps({"fingerprint": fingerprint, "recipe": RECIPE,
                                                         "sha256": checksum(aside / "features.npy")}))


def _fingerprint(paths: list[Path]) -> str:
    digest = hashlib.sha256(RECIPE.encode())
    for path in paths:
        status = path.stat()
        digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _record(folder: Path) -> dict:
    """What was written down of the features in a folder; nothing where that is missing or no longer readable."""
    try:
        told = json.loads((folder / "features.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
