"""The paper's marks of age cannot come from t-tests on errors."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from scipy.stats import ttest_ind

from burst2vec.results import marks
from burst2vec.results.marks import NORMAL, age_marks, needed_deviation, p_value_of_errors


def marked(system, reference):
    return age_marks().set_index(["system", "reference"]).loc[(system, reference)]


def test_v6s_age_is_marked_against_v4_where_a_test_on_errors_would_give_94_percent():
    row = marked("V6", "V4")
    assert row["marked"] and row["difference"] == pytest.approx(0.002)
    assert row["p_value"] == pytest.approx(0.94, abs=0.005)
    assert row["p_rounded"] > 0.9  # rounding hides no more than 0.001 years


@pytest.mark.parametrize("ratio", [1 / np.sqrt(3), NORMAL, 1.0], ids=["uniform", "normal", "Laplace"])
def test_whatever_the_shape_of_the_errors(ratio):
    assert p_value_of_errors(3.6405, 3.6375, 19396, ratio) > 0.85


def test_a_mark_would_need_absolute_errors_that_hardly_vary():
    row = marked("V6", "V4")
    assert row["sd_needed"] == pytest.approx(0.15, abs=0.005) and row["sd"] > 15 * row["sd_needed"]


def test_a_smaller_difference_is_marked_and_a_larger_one_is_not():
    b, c = marked("B", "V4"), marked("C", "V4")
    assert abs(b["difference"]) < abs(c["difference"])
    assert b["marked"] and not c["marked"] and b["p_value"] > c["p_value"] > 0.05


def test_every_comparison_of_the_paper_has_a_row():
    table = age_marks()
    assert len(table) == 13 and table["marked"].sum() == 10
    assert (table["p_rounded"] <= table["p_value"]).all()
    significant = table["p_value"] <= 0.05
    assert (table["marked"] & ~significant).sum() == 4  # V2 from V1, V6 from V4, B from V4 and V6


def test_the_p_value_is_that_of_the_test_on_simulated_normal_errors():
    rng = np.random.default_rng(0)
    a, b = (np.abs(rng.normal(0, scale, 20_000)) for scale in (4.6, 4.7))
    expected = ttest_ind(a, b).pvalue
    assert 1e-4 < expected < 0.9
    assert p_value_of_errors(a.mean(), b.mean(), 20_000) == pytest.approx(expected, rel=0.1)
    assert a.std() / a.mean() == pytest.approx(NORMAL, abs=0.01)


def test_at_the_needed_deviation_a_difference_is_just_significant():
    sd = needed_deviation(0.05, 500)
    rng = np.random.default_rng(0)
    values = rng.normal(size=500)
    values = (values - values.mean()) / values.std(ddof=1)
    assert ttest_ind(sd * values, sd * values + 0.05).pvalue == pytest.approx(0.05)


def test_the_examples_in_docstrings_run():
    assert doctest.testmod(marks).attempted == 2 and doctest.testmod(marks).failed == 0
