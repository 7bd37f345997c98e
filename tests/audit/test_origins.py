"""What is told of an origin is what was planted: all of it, nothing, or what a blind guess would tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from burst2vec.audit import origins
from burst2vec.corpora.corpus import Corpus, Task

EMOTION = Task("emotion", "intensities", ("Awe", "Fear"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("China", "USA"))


@pytest.fixture(scope="module")
def table():
    """240 validation bursts of 60 speakers: 40 of the corpus `a`, with emotions alone, and 20 of `b`, without them."""
    rng = np.random.default_rng(0)
    speakers = pd.DataFrame({"speaker": [f"s{i}" for i in range(60)], "split": "val",
                             "corpus": np.repeat(["a", "b"], [40, 20])})
    bursts = speakers.loc[np.repeat(np.arange(60), 4)].reset_index(drop=True)
    of_b = (bursts["corpus"] == "b").to_numpy()
    bursts[["Awe", "Fear"]] = np.where(of_b[:, None], np.nan, rng.random((240, 2)))
    bursts["age"] = np.where(of_b, rng.uniform(20, 40, 240), np.nan)
    bursts["country"] = np.where(of_b, "USA", None)
    bursts.index = pd.Index([f"{i:05d}" for i in range(240)], name="file")
    return bursts


def noise(features=16, seed=1):
    return np.random.default_rng(seed).standard_normal((240, features)).astype(np.float32)


def test_corpora_are_told_where_the_features_differ_and_not_where_they_are_noise(table):
    planted = noise(seed=2)
    planted[:, 3] += 3 * (table["corpus"] == "b")
    found = origins.tell_corpora({"planted": planted, "noise": noise()}, table).set_index("features")
    assert list(found.reset_index()) == origins.COLUMNS and (found["chance"] == 0.5).all()
    assert found["told"].to_dict() == {"planted": True, "noise": False}
    assert found.loc["planted", "score"] > 0.85 and found["floor"].between(0.4, 0.6).all()


def test_one_number_that_tells_the_corpora_apart_has_a_floor_near_chance(table):
    """Scored by the true labels, a line fitted to exchanged ones would be right or wrong about all bursts at once."""
    number = noise(1) + 20 * (table["corpus"] == "b").to_numpy()[:, None]
    [row] = origins.tell_corpora({"one number": number}, table).to_dict("records")
    assert row["score"] == 1 and row["floor_low"] > 0.2 and row["floor_high"] < 0.8


def test_a_voice_known_by_heart_does_not_tell_the_corpus(table):
    voices = pd.get_dummies(table["speaker"]).to_numpy(float)
    assert not origins.tell_corpora({"voices": voices}, table)["told"].item()


def test_extractors_are_told_apart_where_they_map_elsewhere_even_if_they_never_learnt(table):
    projected, rng = np.abs(noise()), np.random.default_rng(3)  # what a ReLU leaves is not around 0
    untrained = {f"specific {name}": np.maximum(projected @ rng.standard_normal((16, 12)), 0)
                 for name in ("emotion", "age", "country")}
    same = {name: noise(12, seed) for seed, name in enumerate(untrained, 11)}
    found = origins.tell_extractors({"V4": untrained | {"shared": projected}, "V5": same}, table)
    assert found["features"].tolist() == ["V4", "V5"] and found["chance"].tolist() == [1 / 3] * 2
    assert found["told"].tolist() == [True, False] and found["score"][0] > 0.9


def test_no_guess_of_the_task_beats_who_knows_the_burst_by_heart(table):
    rows = table.assign(split="train", speaker="t" + table["speaker"]).set_index("t" + table.index)
    apart = Corpus("a + b", Path("."), pd.concat([rows, table]), (EMOTION, AGE, COUNTRY))
    # 160 bursts have one label each, and 80 have two: they come once for either, or twice.
    assert origins.best_guess(apart, table, "each_task") == pytest.approx(240 / (160 + 80 + 80))
    assert origins.best_guess(apart, table, "one_pass") == pytest.approx((160 + 80 / 2) / 240)
    of_a = table[table["corpus"] == "a"].assign(age=30.0, country="USA")
    assert origins.best_guess(apart, of_a, "one_pass") == pytest.approx(1 / 3)


def told(**scores):
    rows = [(name, score, 0.5, 0.4, 0.6, 0.5, score > 0.6) for name, score in scores.items()]
    return pd.DataFrame(rows, columns=origins.COLUMNS).replace("crest", origins.CREST)


@pytest.mark.parametrize(("scores", "reversal", "verdict"), [
    ({"pooled": 0.9, "shared": 0.8, "crest": 0.99}, "upstream", "The shared features do not hide the corpus"),
    ({"pooled": 0.5, "shared": 0.8, "crest": 0.5}, "none", "The shared features do not hide the corpus"),
    ({"pooled": 0.9, "shared": 0.5, "crest": 0.99}, "extractors", "ones.** Whether that is the adversary's doing"),
    ({"pooled": 0.9, "shared": 0.5, "crest": 0.99}, "none", "shared ones.** No adversary was there"),
    ({"pooled": 0.5, "shared": 0.5, "crest": 0.99}, "extractors", "follow.** The adversary has not hidden it"),
    ({"pooled": 0.5, "shared": 0.5, "crest": 0.99}, "upstream", "follow.** Whether that is the adversary's doing"),
    ({"pooled": 0.5, "shared": 0.5, "crest": 0.99}, "none", "follow.** No adversary was there"),
])
def test_the_sentences_on_corpora_follow_from_what_was_told(scores, reversal, verdict):
    said = origins.describe_corpora(told(**scores), reversal)
    assert verdict in said and said.count("**") == 2
    assert ("does not tell the corpora apart" in said) == (scores["crest"] < 0.6)
    found, missed = said.split("and not from these: ")
    assert ("pooled" in found) == (scores["pooled"] > 0.6) == ("pooled" not in missed.split(". ")[0])


@pytest.mark.parametrize(("scores", "verdict"), [
    ({"V4": 0.9, "V5": 0.9}, "places of their own"), ({"V4": 0.5, "V5": 0.5}, "In none of them"),
    ({"V4": 0.5, "V5": 0.9}, "told apart in V5 alone"),
])
def test_the_sentences_on_extractors_follow_from_what_was_told(scores, verdict):
    said = origins.describe_extractors(told(**scores))
    assert verdict in said and f"V4 {scores['V4']:.2f} (floor 0.40 to 0.60)" in said
