import doctest
import warnings

import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation import metrics
from burst2vec.evaluation.metrics import ccc, ccc_of_each, macro_f1, mae, s_mtl, score, uar
from burst2vec.results.published import read_published

EMOTION = Task("emotion", "intensities", ("Awe", "Fear"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("China", "USA"))


def draws(*shape, seed=0):
    return np.random.default_rng(seed).random(shape)


def test_ccc_is_the_papers_equation():
    truth, prediction = draws(50, 10), draws(50, 10, seed=1)
    expected = 0.0
    for x, y in zip(prediction.T, truth.T, strict=True):  # Eq. 1, symbol by symbol
        covariance = sum((a - sum(x) / 50) * (b - sum(y) / 50) for a, b in zip(x, y, strict=True)) / 50
        variances = sum((a - sum(x) / 50) ** 2 for a in x) / 50 + sum((b - sum(y) / 50) ** 2 for b in y) / 50
        expected += 2 * covariance / (variances + (sum(x) / 50 - sum(y) / 50) ** 2) / 10
    assert ccc(truth, prediction) == pytest.approx(expected, abs=1e-12)


def test_ccc_worked_by_hand():
    # means 2 and 3, variances 2/3 each, covariance 2/3: 2 * 2/3 / (4/3 + 1) = 4/7
    assert ccc([1, 2, 3], [2, 3, 4]) == pytest.approx(4 / 7)


def test_ccc_is_symmetric_bounded_and_turned_by_a_mirror():
    a, b = draws(40), draws(40, seed=1)
    assert ccc(a, b) == pytest.approx(ccc(b, a))
    assert abs(ccc(a, b)) <= abs(np.corrcoef(a, b)[0, 1])
    assert ccc(a - a.mean(), a.mean() - a) == pytest.approx(-1)


def test_equal_inputs_have_ccc_one_even_when_constant():
    assert ccc(draws(20, 3), draws(20, 3)) == pytest.approx(1)
    assert ccc([0.1] * 7, [0.1] * 7) == 1
    assert ccc([3], [3]) == 1


@pytest.mark.parametrize("constant", [0.1, 1 / 3, 1e6])
def test_a_constant_prediction_has_ccc_exactly_zero(constant):
    assert ccc(draws(20), np.full(20, constant)) == 0
    assert ccc(np.full(20, 0.5), np.full(20, constant)) == 0


def test_the_challenges_moments_shrink_a_perfect_ccc_by_one_in_n():
    truth = draws(10)
    assert ccc(truth, truth, variance_ddof=1) == pytest.approx(9 / 10)


def test_ccc_of_each_output_is_its_own_ccc():
    truth, prediction = draws(30, 4), draws(30, 4, seed=1)
    one_by_one = [ccc(truth[:, i], prediction[:, i]) for i in range(4)]
    assert ccc_of_each(truth, prediction) == pytest.approx(one_by_one)


def test_uar_worked_by_hand():
    # recalls: a 1 of 3, b 1 of 1, c 1 of 2
    assert uar(list("aaabcc"), list("abcbca")) == pytest.approx((1 / 3 + 1 + 1 / 2) / 3)


def test_uar_averages_over_the_classes_of_the_truth_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert uar(["a", "a"], ["a", "z"]) == 0.5
        assert uar([0, 1], [1, 0]) == 0
        assert macro_f1(["a", "b"], ["a", "a"]) == pytest.approx((2 / 3 + 0) / 2)


def test_uar_does_not_mind_how_frequent_a_class_is():
    truth = np.array(["a"] * 90 + ["b"] * 10)
    assert uar(truth, np.full(100, "a")) == 0.5


def test_s_mtl_is_the_harmonic_mean_of_ccc_uar_and_the_inverse_mae():
    assert s_mtl(0.5, 0.25, 4) == pytest.approx(3 / (2 + 4 + 4))
    assert s_mtl(1, 1, 4.25) == pytest.approx(0.48)


def test_s_mtl_reproduces_every_row_of_the_papers_table():
    published = read_published()
    for row in published[published["split"] == "val"].itertuples():
        values = np.array([row.emo_ccc, row.cou_uar, row.age_mae])
        corners = [s_mtl(*(values + 0.0005 * np.array(signs))) for signs in ((1, 1, -1), (-1, -1, 1))]
        assert corners[1] - 0.0005 <= row.s_mtl <= corners[0] + 0.0005, row.code


@pytest.mark.parametrize("ccc_value, uar_value", [(0, 0.25), (-0.1, 0.25), (0.5, 0)])
def test_s_mtl_is_zero_where_a_part_is_not_positive(ccc_value, uar_value):
    assert s_mtl(ccc_value, uar_value, 4) == 0


def test_s_mtl_tends_to_zero_with_its_parts_and_is_nan_where_one_is():
    assert s_mtl(1e-9, 0.5, 4) == pytest.approx(0, abs=1e-8)
    assert np.isnan(s_mtl(0.5, float("nan"), 4))


def test_s_mtl_of_arrays_is_that_of_each_of_their_parts():
    parts = np.array([[0.5, 0, np.nan], [0.25, 0.5, 0.5], [4, 4, 4]])
    np.testing.assert_array_equal(s_mtl(*parts), [s_mtl(*column) for column in parts.T])


@pytest.mark.parametrize("metric", [ccc, mae, uar, macro_f1])
def test_what_cannot_be_scored_is_refused(metric):
    with pytest.raises(ValueError, match="no burst"):
        metric([], [])
    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        metric([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="prediction holds a"):
        metric([1.0, 2.0], [1.0, np.nan])


def test_score_leaves_out_bursts_without_a_label():
    truth = pd.DataFrame({"age": [20, np.nan, 30]}, index=["a", "b", "c"])
    assert score(AGE, truth, pd.DataFrame({"age": [30.0, 0, 21]}, index=["c", "b", "a"])) == 0.5
    assert np.isnan(score(AGE, truth.loc[["b"]], pd.DataFrame({"age": [1.0]}, index=["b"])))


def test_score_picks_the_metric_by_the_tasks_kind():
    truth = pd.DataFrame({"Awe": [0, 1.0], "Fear": [1, 0.5], "country": ["China", "USA"]}, index=["a", "b"])
    guess = pd.DataFrame({"Awe": [0, 1.0], "Fear": [0.5, 0.5], "country": ["USA", "USA"]}, index=["a", "b"])
    assert score(EMOTION, truth, guess) == pytest.approx(0.5)
    assert score(COUNTRY, truth, guess) == 0.5


def test_score_names_the_burst_that_lacks_a_prediction():
    truth = pd.DataFrame({"age": [20, 21]}, index=["00001", "00002"])
    with pytest.raises(ValueError, match="'00002' is missing"):
        score(AGE, truth, pd.DataFrame({"age": [20.0]}, index=["00001"]))
    with pytest.raises(ValueError, match="'00002' has no value"):
        score(AGE, truth, pd.DataFrame({"age": [20.0, np.nan]}, index=["00001", "00002"]))
    with pytest.raises(ValueError, match="column 'age'"):
        score(AGE, truth, pd.DataFrame({"Awe": [0.5, 0.5]}, index=["00001", "00002"]))


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(metrics).failed == 0


def test_text_among_numbers_is_refused():
    with pytest.raises(ValueError, match="truth or prediction holds text; expected numbers"):
        metrics.mae([20.0, 30.0], ["21", "old"])
