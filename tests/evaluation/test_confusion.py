"""Confusions give the scores of the bursts that they count, and group what is taken for each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation import metrics
from burst2vec.evaluation.bootstrap import bootstrap
from burst2vec.evaluation.confusion import bootstrap_confusions, confusions, grouped, recalls


@pytest.fixture
def bursts():
    """Truth and answers of 200 bursts of 8 speakers, in five classes of which one is never answered."""
    rng = np.random.default_rng(0)
    truth = rng.integers(5, size=200)
    return truth, np.where(rng.random(200) < 0.5, truth, rng.integers(5, size=200)) % 4, rng.permutation(200) % 8


def test_a_confusion_counts_the_bursts_of_a_speaker_by_class_and_answer():
    found = confusions(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), np.array([0, 0, 0, 1]), 3)
    assert found.tolist() == [[[1, 1, 0], [0, 1, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0], [0, 1, 0]]]
    np.testing.assert_array_equal(recalls(found.sum(0)), [0.5, 1, 0])


def test_scores_are_those_of_the_bursts(bursts):
    truth, answers, _ = bursts
    found = bootstrap_confusions({"a": confusions(*bursts, 5)}, resamples=10).estimates
    assert found["a", "uar"] == pytest.approx(metrics.uar(truth, answers))
    assert found["a", "macro_f1"] == pytest.approx(metrics.macro_f1(truth, answers))


def test_without_a_system_nothing_is_resampled():
    with pytest.raises(ValueError, match="there is no confusion to resample"):
        bootstrap_confusions({})


def test_a_class_without_bursts_is_left_out_as_by_the_metrics():
    truth, answers = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 2])
    found = bootstrap_confusions({"a": confusions(truth, answers, np.array([0, 0, 1, 1]), 3)}, resamples=10).estimates
    assert found["a", "uar"] == metrics.uar(truth, answers) == 0.5
    assert found["a", "macro_f1"] == pytest.approx(metrics.macro_f1(truth, answers))


def test_resamples_of_the_uar_are_those_of_the_bootstrap_over_speakers(bursts):
    truth, answers, speakers = bursts
    names = np.array(list("vwxyz"))
    order = np.argsort(speakers, kind="stable")  # the bootstrap numbers speakers as they appear
    table = pd.DataFrame({"speaker": speakers.astype(str), "class": names[truth]}).iloc[order]
    task = Task("class", "classes", ("class",), classes=tuple(names))
    guessed = pd.DataFrame({"class": names[answers]}).iloc[order]
    wanted = bootstrap([task], table, {"a": guessed}, resamples=50).replicates["a", "cla_uar"]
    found = bootstrap_confusions({"a": confusions(*bursts, 5)}, resamples=50)
    np.testing.assert_allclose(found.replicates["a", "uar"], wanted)
    assert found.speakers == 8 and found.clusters == "speakers"


def test_resamples_of_macro_f1_are_those_of_the_bursts_drawn(bursts):
    found = bootstrap_confusions({"a": confusions(*bursts, 5), "b": confusions(*bursts, 5)}, resamples=3, seed=4)
    drawn = np.random.default_rng(4).integers(8, size=(3, 8))
    for draw, value in zip(drawn, found.replicates["a", "macro_f1"], strict=True):
        rows = np.concatenate([np.flatnonzero(bursts[2] == speaker) for speaker in draw])
        assert value == pytest.approx(metrics.macro_f1(bursts[0][rows], bursts[1][rows]))
    assert found.replicates["a"].equals(found.replicates["b"])  # so that a difference is paired


def test_classes_that_are_taken_for_each_other_stand_side_by_side():
    pairs = np.array([3, 5, 4, 0, 2, 1])  # 0 with 3, 1 with 5, 2 with 4
    confusion = 10 * np.eye(6, dtype=int) + 5 * np.eye(6, dtype=int)[pairs]
    order = grouped(confusion).tolist()
    assert sorted(order) == list(range(6))
    assert {frozenset(order[place:place + 2]) for place in (0, 2, 4)} == {
        frozenset({0, 3}), frozenset({1, 5}), frozenset({2, 4})}
    assert grouped(np.eye(2)).tolist() == [0, 1]
