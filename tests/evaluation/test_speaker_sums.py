import numpy as np
import pandas as pd
import pytest

from burst2vec.evaluation.metrics import ccc, s_mtl, score
from burst2vec.evaluation.speaker_sums import burst_features, encode, metric_of_sums, speaker_indices, sum_by_speaker
from tests.support.speakers import AGE, COUNTRY, EMOTION, METRICS, TASKS, make_system, make_truth


def metrics_of(truth, table):
    sums = sum_by_speaker(TASKS, truth, {"V1": table})
    return sums.metrics(sums.values.sum(axis=0))[0]


def test_metrics_of_the_sums_are_the_metrics_of_the_bursts():
    truth = make_truth()
    table = make_system(truth, 1)
    expected = [score(task, truth, table) for task in (EMOTION, COUNTRY, AGE)]
    assert metrics_of(truth, table) == pytest.approx([*expected, s_mtl(*expected)], abs=1e-12)
    assert sum_by_speaker(TASKS, truth, {"V1": table}).names == METRICS


def test_sums_worked_by_hand():
    truth = pd.DataFrame({"speaker": ["s", "t", "s"], "age": [20.0, 30, 40], "country": ["China", "USA", "USA"]},
                         index=list("abc"))
    table = pd.DataFrame({"age": [21.0, 28, 43], "country": ["China", "China", "USA"]}, index=list("abc"))
    sums = sum_by_speaker((AGE, COUNTRY), truth, {"V1": table})
    # China, USA, Venezuela: bursts, then hits; after them the number of ages and the absolute errors
    assert sums.values[:, 0].tolist() == [[1, 1, 0, 1, 1, 0, 2, 4], [0, 1, 0, 0, 0, 0, 1, 2]]
    assert sums.metrics(sums.values[0]).tolist() == [[1, 2]]  # the first speaker's own


def test_the_order_of_bursts_in_a_table_does_not_matter():
    truth = make_truth()
    table = make_system(truth, 1)
    assert metrics_of(truth, table[::-1]) == pytest.approx(metrics_of(truth, table))


def test_bursts_without_a_label_take_no_part_in_that_task():
    truth = make_truth()
    table = make_system(truth, 1)
    partly = truth.assign(age=truth["age"].where(np.arange(len(truth)) % 3 > 0), country=None)
    sums = sum_by_speaker(TASKS, partly, {"V1": table})
    assert list(sums.tasks) == ["emo_ccc", "age_mae"] == sums.names
    found = sums.metrics(sums.values.sum(axis=0))[0]
    assert found == pytest.approx([score(EMOTION, truth, table), score(AGE, partly, table)])


@pytest.mark.parametrize("constant", [0.5, 0.1, 1e6])
def test_a_constant_scores_exactly_0_and_the_same_constant_1(constant):
    same = np.full((7, 1), 0.1)
    for truth, expected in ((np.random.default_rng(0).random((7, 1)), 0), (same, float(constant == 0.1))):
        sums = burst_features(EMOTION, truth, np.full((7, 1), constant)).sum(axis=0)
        assert metric_of_sums(EMOTION, sums) == expected


def test_large_values_do_not_drown_the_ccc():
    rng = np.random.default_rng(0)
    truth, prediction = 1e6 + rng.random((2, 50, 1))
    sums = burst_features(EMOTION, truth, prediction).sum(axis=0)
    assert metric_of_sums(EMOTION, sums) == pytest.approx(ccc(truth, prediction), abs=1e-9)


def test_a_class_that_does_not_occur_has_no_recall():
    sums = burst_features(COUNTRY, np.array([[0], [0], [1]]), np.array([[0], [2], [1]])).sum(axis=0)
    assert metric_of_sums(COUNTRY, sums) == 0.75
    assert np.isnan(metric_of_sums(COUNTRY, 0 * sums))


def test_a_system_that_leaves_a_task_out_has_nothing_to_score_there():
    truth = make_truth()
    ages = make_system(truth, 1)[["split", "age"]]
    assert np.isnan(metrics_of(truth, ages)).tolist() == [True, True, False, True]
    with pytest.raises(ValueError, match="'Fear' of task emotion is missing"):
        sum_by_speaker(TASKS, truth, {"V1": make_system(truth, 1).drop(columns="Fear")})


def test_bursts_without_a_speaker_are_speakers_of_their_own():
    truth = make_truth()
    assert sum_by_speaker(TASKS, truth, {"V1": make_system(truth, 1)}).clusters == "speakers"
    unknown = sum_by_speaker(TASKS, truth.assign(speaker=None), {"V1": make_system(truth, 1)})
    assert (unknown.clusters, len(unknown.values)) == ("bursts", len(truth))
    first = truth["speaker"] == "s0"
    one = sum_by_speaker(TASKS, truth.assign(speaker=truth["speaker"].mask(first)), {"V1": make_system(truth, 1)})
    assert (one.clusters, len(one.values)) == ("speakers", 11 + first.sum())


def test_a_burst_without_speaker_is_none_of_the_others_whatever_it_is_called():
    truth = pd.DataFrame({"speaker": ["b", None, np.nan, "b", "c"]}, index=list("abcde"))
    assert speaker_indices(truth).tolist() == [0, 1, 2, 0, 3]


@pytest.mark.parametrize("truth", [make_truth().assign(speaker="one"), make_truth()[:0]])
def test_fewer_than_two_speakers_are_refused(truth):
    with pytest.raises(ValueError, match="labelled bursts of [01] speaker.*two or more"):
        sum_by_speaker(TASKS, truth, {"V1": make_system(make_truth(), 1)})


def test_classes_are_encoded_by_their_index():
    assert encode(COUNTRY, pd.DataFrame({"country": ["USA", "China"]})).tolist() == [[1], [0]]
