"""A corpus with a bias of known size between the ages and the countries of its speakers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.corpora.synthetic.population import AGE_BY_COUNTRY, AGE_EDGES

EMOTION = Task("emotion", "intensities", ("Awe", "Fear"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("China", "USA", "Venezuela"))


def planted(bias: float, n: int = 1200, each: int = 4) -> Corpus:
    """A corpus in which ages and countries of `n` / `each` speakers are associated as far as `bias` says."""
    rng = np.random.default_rng(1)
    joint = AGE_BY_COUNTRY[:3] / AGE_BY_COUNTRY[:3].sum()
    joint = bias * joint + (1 - bias) * joint.sum(1, keepdims=True) * joint.sum(0)
    cells = np.repeat(rng.choice(joint.size, n // each, p=joint.ravel()), each)
    table = pd.DataFrame({
        "split": np.where(np.arange(n) < n // 2, "train", "val"),
        "speaker": [f"s{i // each}" for i in range(n)], "sex": rng.choice(["f", "m"], n),
        "raw": None, "provided": None, "Awe": rng.random(n), "Fear": rng.random(n),
        "country": np.array(COUNTRY.classes, object)[cells // 8], "age": AGE_EDGES[cells % 8] + 0.5,
    }, index=pd.Index([f"{i:05d}" for i in range(n)], name="file"))
    return Corpus("planted", None, table, (EMOTION, AGE, COUNTRY))
