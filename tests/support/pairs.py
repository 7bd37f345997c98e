"""Bursts with ages that follow from the country, and the same bursts with ages that do not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import Task

AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("China", "USA"))
TASKS = (AGE, COUNTRY)
TYPICAL = {"China": 25, "USA": 35}


def make_pair():
    """The biased and the unbiased bursts of 40 speakers, four of each."""
    rng = np.random.default_rng(0)
    country = np.repeat(["China", "USA"], 20)
    speakers = pd.DataFrame({"speaker": [f"s{i}" for i in range(40)], "country": country,
                             "age": pd.Series(country).map(TYPICAL) + rng.uniform(-1, 1, 40)})
    biased = speakers.loc[np.repeat(np.arange(40), 4)].reset_index(drop=True)
    biased.index = pd.Index([f"{i:05d}" for i in range(160)], name="file")
    ages = dict(zip(speakers["speaker"], rng.permutation(speakers["age"]), strict=True))
    return biased, biased.assign(age=biased["speaker"].map(ages))


def answers(truth, age, country=None):
    """A table of predictions."""
    return pd.DataFrame({"age": age, "country": truth["country"] if country is None else country}, truth.index)
