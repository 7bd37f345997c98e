"""A corpus of tones, each of which rises by an octave, so that what is masked can be told from the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import soundfile

from burst2vec.audio.store import open_store
from burst2vec.corpora.opening import read_corpus
from burst2vec.pretraining.recipe import Recipe
from tests.support.declared import HEAD

PITCHES = {"low": 150, "middle": 400, "high": 1_100, "highest": 3_000}
"""The pitch in Hz at which a tone begins, by the class of the task."""

DECLARED = HEAD + """\
  pitch: {kind: classes, columns: [pitch], classes: [low, middle, high, highest]}
  noise: {kind: intensities, columns: [noise]}
"""


@pytest.fixture(scope="session")
def tones(tmp_path_factory):
    """The folder of the corpus: 15 speakers, of whom 3 are in val, with a tone of each pitch, 0.6 to 1.2 s long."""
    root, rng, rows = tmp_path_factory.mktemp("corpora") / "rising tones", np.random.default_rng(0), []
    root.mkdir()
    for speaker in range(15):
        for pitch, hertz in PITCHES.items():
            noise = rng.uniform()
            rising = hertz * 2 ** np.linspace(0, 1, int(rng.uniform(0.6, 1.2) * 16_000))
            tone = 0.3 * np.sin(2 * np.pi * rising.cumsum() / 16_000) + 0.1 * noise * rng.normal(size=len(rising))
            soundfile.write(root / f"{speaker}-{pitch}.wav", tone, 16_000)
            rows.append((f"{speaker}-{pitch}.wav", f"s{speaker}", "train" if speaker < 12 else "val", pitch, noise))
    pd.DataFrame(rows, columns=["file", "speaker", "split", "pitch", "noise"]).to_csv(root / "bursts.csv", index=False)
    (root / "corpus.yaml").write_text(DECLARED)
    return root


@pytest.fixture(scope="session")
def corpus(tones):
    """The corpus of tones, with its tasks pitch and noise."""
    return read_corpus(tones)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """The folder of waveform stores."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def store(corpus, cache):
    """The waveforms of the corpus of tones."""
    return open_store(corpus, "provided", cache)


@pytest.fixture(scope="session")
def recipe():
    """A function that returns the recipe of a pre-training of seconds, with the changes asked for."""
    def recipe(**changes):
        return Recipe(**{"family": "hubert", "size": "tiny", "steps": 8, "units": 8, "batch_size": 12,
                         "precision": "float32", **changes})
    return recipe
