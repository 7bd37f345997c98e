"""Made-up speakers, and systems whose errors a speaker's bursts share, for the tests of what is computed by speaker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import Corpus, Task

EMOTION = Task("emotion", "intensities", ("Awe", "Fear"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("China", "USA", "Venezuela"))
TASKS = (EMOTION, AGE, COUNTRY)
METRICS = ["emo_ccc", "cou_uar", "age_mae", "s_mtl"]


def make_truth(speakers=12, bursts=4, seed=0):
    """Labels of so many bursts of each speaker, give or take one; a speaker has one age and one country."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(max(bursts - 1, 1), bursts + 2, speakers) if bursts > 1 else np.ones(speakers, int)
    who = np.repeat(np.arange(speakers), sizes)
    country = rng.choice(COUNTRY.classes, speakers, p=[0.4, 0.4, 0.2])
    return pd.DataFrame({
        "split": "val", "speaker": [f"s{i}" for i in who], "Awe": rng.random(len(who)), "Fear": rng.random(len(who)),
        "age": rng.uniform(20, 39, speakers)[who], "country": country[who],
    }, index=[f"{i:05d}" for i in range(len(who))])


def make_system(truth, seed, noise=0.3):
    """Predictions of every task, whose errors have a part that a speaker's bursts share."""
    rng = np.random.default_rng(seed)
    who, names = pd.factorize(truth["speaker"])
    table = truth[["split"]].copy()
    for column, scale in (("Awe", 1), ("Fear", 1), ("age", 20)):
        shared = rng.normal(size=len(names))[who]
        table[column] = truth[column] + noise * scale * (shared + rng.normal(size=len(truth)))
    skill = rng.random(len(names))[who]
    table["country"] = truth["country"].where(rng.random(len(truth)) < skill, rng.choice(COUNTRY.classes, len(truth)))
    return table


def make_corpus(codes=("V1", "V2", "V4", "A"), **sizes):
    """A corpus with labelled validation and test bursts, and a system for each code."""
    parts = []
    for n, split in enumerate(("train", "val", "test")):
        part = make_truth(seed=n, **sizes)
        parts.append(part.assign(split=split, speaker=split + part["speaker"]).set_axis(f"{n}" + part.index))
    table = pd.concat(parts)
    systems = {code: make_system(table, 10 + n) for n, code in enumerate(codes)}
    return Corpus("made up", Path("."), table, TASKS, synthetic=True), systems
