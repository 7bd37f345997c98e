"""A made-up corpus, five systems of growing skill, and their Table 2, for the tests of the results and the report."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.results.scores import table2

EMOTION = Task("emotion", "intensities", ("Awe", "Fear"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("China", "USA"))
TASKS = (EMOTION, AGE, COUNTRY)
CODES = ("Baseline", "V1", "V4", "V6", "A")


@functools.cache
def made_up(tasks=TASKS, withheld=False):
    """A corpus of 240 bursts and the predictions of five systems, each better than the one before."""
    rng, n = np.random.default_rng(0), 240
    truth = pd.DataFrame({
        "split": np.repeat(["train", "val", "test"], n // 3), "speaker": [f"s{i // 8}" for i in range(n)],
        "sex": None, "raw": None, "provided": None, "Awe": rng.random(n), "Fear": rng.random(n),
        "age": 20 + 19 * rng.random(n), "country": rng.choice(COUNTRY.classes, n),
    }, index=pd.Index([f"{i:05d}" for i in range(n)], name="file"))
    systems = {}
    for i, code in enumerate(CODES):
        table = truth.loc[truth["split"] != "train", ["split"]].copy()
        for column, scale in (("Awe", 0.5), ("Fear", 0.5), ("age", 8.0)):
            noise = scale * (1 - 0.2 * i) * rng.standard_normal(len(table))
            table[column] = truth.loc[table.index, column] + noise
        right = rng.random(len(table)) < 0.55 + 0.1 * i
        known = truth.loc[table.index, "country"]
        table["country"] = np.where(right, known, np.where(known == "USA", "China", "USA"))
        systems[code] = table
    if withheld:
        truth.loc[truth["split"] == "test", ["speaker", "Awe", "Fear", "age", "country"]] = None
    return Corpus("made up", Path("."), truth, tasks, synthetic=True), systems


@functools.cache
def measured(withheld=False):
    """Their Table 2."""
    return table2(*made_up(withheld=withheld), {"V1": "Burst2Vec WL ♠"})
