"""Metrics and differences within groups of bursts are those of the bursts of the group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from burst2vec.audit import groups
from burst2vec.evaluation.metrics import uar
from burst2vec.inspection.description import bands
from tests.support.pairs import AGE, COUNTRY, answers, make_pair


@pytest.fixture(scope="module")
def pair():
    return make_pair()


def test_scores_of_a_group_are_those_of_its_bursts(pair):
    truth, rng = pair[1], np.random.default_rng(1)
    guess = answers(truth, 30.0, rng.choice(["China", "USA"], len(truth)))
    drawn = groups.draw_groups(COUNTRY, bands(truth["age"], 5), truth, {"V4": guess}, resamples=100)
    found = groups.score_groups(drawn).set_index("group")
    assert found.index.tolist() == ["20–25", "25–30", "30–35", "35–40"]
    young = truth[truth["age"] < 25]
    assert found["estimate"].iloc[0] == pytest.approx(uar(young["country"], guess.loc[young.index, "country"]))
    assert found["speakers"].iloc[0] == young["speaker"].nunique()
    assert (found["low"] <= found["estimate"]).all() and (found["estimate"] <= found["high"]).all()


def test_pairs_are_contrasted_within_each_group(pair):
    truth = pair[1]
    tables = {"V4": answers(truth, truth["age"] + 1), "V5": answers(truth, truth["age"] - 3)}
    drawn = groups.draw_groups(AGE, truth["country"], truth, tables, resamples=50)
    found = groups.contrast_groups(drawn, [("V4", "V5")])
    assert found["group"].tolist() == ["China", "USA"] and set(found["pair"]) == {"V4 − V5"}
    np.testing.assert_allclose(found[["difference", "low", "high"]].astype(float), -2)
    assert found["speakers"].tolist() == [20, 20]


def test_a_group_of_one_class_or_one_speaker_says_nothing(pair):
    biased, guess = pair[0], {"V4": answers(pair[0], 30.0)}
    assert groups.draw_groups(COUNTRY, biased["country"], biased, guess, resamples=10) == {}
    assert groups.draw_groups(AGE, biased["speaker"], biased, guess, resamples=10) == {}
    assert groups.score_groups({}).empty and groups.contrast_groups({}, [("V4", "V5")]).empty


def test_an_estimate_is_told_with_its_interval():
    row = pd.Series({"difference": -0.123, "low": -0.2, "high": 0.05})
    assert groups.told(row) == "−0.12 (−0.20 to 0.05)"
    assert groups.decided(pd.DataFrame([row, row.abs()])).tolist() == [False, True]
