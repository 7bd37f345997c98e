"""ComParE 2016 functionals: the acoustic features that the challenge's baseline is trained on.

The corpus's own `feats/ComParE/<id>.csv` are read where that folder exists; otherwise openSMILE computes the features
from the waveform store. Either way they are kept in a folder of the cache (`machine.cached`).
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.audio.store import RECIPE as AUDIO_RECIPE
from burst2vec.audio.store import audio_paths, cache_folder, fingerprint, open_store
from burst2vec.corpora.corpus import Corpus, CorpusError
from burst2vec.machine.cached import cached
from burst2vec.machine.parallel import in_parallel
from burst2vec.machine.progress import progress_bar

FEATURES = 6373
"""The number of features in the set ComParE 2016 (Weninger et al., 2013)."""

RECIPE = "ComParE_2016 functionals, 1"
"""The way in which features are made; features that were made by another recipe are made again."""

SHORTEST = 1_600
"""The number of samples, 100 ms, to which shorter bursts are padded with silence. openSMILE gives no features for less
than 60 ms."""


def compare_features(corpus: Corpus, audio: str, cache: str | Path) -> np.ndarray:
    """Returns ComParE functionals float32 (bursts, 6373), in the order of the corpus's table.

    Those of a single corpus are mapped into memory from the folder in `cache`. Raises CorpusError where a file of the
    corpus's own features is missing or has another number of columns, and ImportError where openSMILE is needed but not
    installed.
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

    def make(folder: Path) -> None:
        rows = in_parallel(read_features, paths) if given else _extract_all(corpus, audio, cache)
        features = np.lib.format.open_memmap(folder / "features.npy", "w+", np.float32, (len(paths), FEATURES))
        for place, row in enumerate(progress_bar(rows, total=len(paths), desc="ComParE features", unit="burst")):
            features[place] = row
        features.flush()

    folder = cache_folder("compare", corpus, "given" if given else audio, cache)
    cached(folder, fingerprint(corpus, f"{RECIPE}, waveforms {AUDIO_RECIPE}", paths), make)
    return np.load(folder / "features.npy", mmap_mode="r", allow_pickle=False)


def read_features(path: Path) -> np.ndarray:
    """One burst's features float32 (6373,) from a file of the corpus.

    The file has a header and one row, whose first column is not a feature. Features that are not finite are 0, as in
    `extract`. Raises CorpusError, naming the file.
    """
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
    """One burst's features float32 (6373,), computed by openSMILE from its waveform (samples,) at 16 kHz.

    Features that openSMILE leaves undefined are 0, as it writes itself for the pitch of an unvoiced burst.
    """
    waveform = np.pad(waveform, (0, max(0, SHORTEST - len(waveform))))
    features = _smile().process_signal(waveform, SAMPLE_RATE).to_numpy(np.float32)[0]
    return np.nan_to_num(features, nan=0.0, posinf=0.0, neginf=0.0)


@functools.cache
def _smile():
    """The extractor: one for each process, since making it takes longer than using it."""
    import opensmile

    return opensmile.Smile(opensmile.FeatureSet.ComParE_2016, opensmile.FeatureLevel.Functionals)


def _extract_all(corpus: Corpus, audio: str, cache: str | Path) -> Iterator[np.ndarray]:
    if importlib.util.find_spec("opensmile") is None:
        raise ImportError("the ComParE baseline needs openSMILE, whose licence is for research: "
                          "pip install burst2vec[opensmile]")
    store = open_store(corpus, audio, cache)
    return in_parallel(extract, (store[row] for row in range(len(store))))
