"""Ways of training, compared."""

import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import Task
from studies import comparison
from studies.comparison import Outcome, Way, collect, compare

AGE = Task("age", "scalar", ("age",), low=0.0, high=100.0)


@pytest.fixture
def truth():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"split": "test", "speaker": np.repeat([f"s{i}" for i in range(30)], 4),
                         "age": rng.uniform(20, 40, 120)},
                        index=pd.Index([f"{i}.wav" for i in range(120)], name="file"))


def answers(truth, error, seed):
    noise = np.random.default_rng(seed).normal(scale=error, size=len(truth))
    return Outcome({"test": truth[["split"]].assign(age=truth["age"] + noise)})


def test_a_way_that_errs_less_is_better_and_one_that_errs_alike_is_not(truth):
    outcomes = {way: {seed: answers(truth, error, [seed, number]) for seed in range(5)}
                for number, (way, error) in enumerate({"default": 4.0, "exact": 0.5, "alike": 4.0}.items())}
    found = compare(outcomes, [AGE], {"test": truth}, "default")
    effects = {row["way"]: row for row in found["effects"]}
    assert set(effects) == {"exact", "alike"}
    assert effects["exact"]["low"] > 0  # an error that is smaller is a gain
    assert effects["alike"]["low"] < 0 < effects["alike"]["high"]
    mean = {way: np.mean([row["value"] for row in found["scores"] if row["way"] == way]) for way in outcomes}
    assert effects["exact"]["difference"] == pytest.approx(mean["default"] - mean["exact"], abs=1e-4)


def test_more_ways_of_one_metric_widen_each_interval(truth):
    outcomes = {way: {seed: answers(truth, 4.0, [seed, number]) for seed in range(5)}
                for number, way in enumerate(["default", "a", "b", "c"])}
    alone = compare({way: outcomes[way] for way in ("default", "a")}, [AGE], {"test": truth}, "default")["effects"][0]
    among = compare(outcomes, [AGE], {"test": truth}, "default")["effects"][0]
    assert among["difference"] == alone["difference"]
    assert among["low"] < alone["low"] and among["high"] > alone["high"] and among["least"] > alone["least"]


def test_what_is_there_is_not_trained_again_and_other_settings_are(tmp_path, monkeypatch, truth):
    made = []

    def make(corpus, store, params):
        made.append((params.dropout, params.seed))
        return answers(truth, 1.0, params.seed)

    monkeypatch.setattr(comparison, "open_corpus", lambda params: None)
    monkeypatch.setattr(comparison, "open_store", lambda *args: None)
    common = {"cache": str(tmp_path)}
    first = collect("study", [Way("default"), Way("dropout", {"dropout": 0.5})], 2, common, make)
    assert made == [(0.1, 0), (0.5, 0), (0.1, 1), (0.5, 1)]
    again = collect("study", [Way("default"), Way("dropout", {"dropout": 0.3})], 2, common, make)
    assert made[4:] == [(0.3, 0), (0.3, 1)]
    pd.testing.assert_frame_equal(again["default"][1].tables["test"], first["default"][1].tables["test"], rtol=1e-5)


def test_an_interrupted_training_leaves_nothing(tmp_path, monkeypatch, truth):
    def make(corpus, store, params):
        raise KeyboardInterrupt

    monkeypatch.setattr(comparison, "open_corpus", lambda params: None)
    monkeypatch.setattr(comparison, "open_store", lambda *args: None)
    with pytest.raises(KeyboardInterrupt):
        collect("study", [Way("default")], 1, {"cache": str(tmp_path)}, make)
    assert not list(tmp_path.rglob("training.json"))
