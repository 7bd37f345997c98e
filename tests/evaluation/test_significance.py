import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, t

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.metrics import uar
from burst2vec.evaluation.significance import COMPARISONS, REFERENCES, Comparison, compare, compare_systems, samples
from burst2vec.results.published import read_published
from burst2vec.results.scores import parse_marks

AGE = Task("age", "scalar", ("age",), unit="years")
EMOTION = Task("emotion", "intensities", ("Awe", "Fear"))
COUNTRY = Task("country", "classes", ("country",), classes=("x", "y"))


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def table(column, values):
    return pd.DataFrame({column: values}, index=[f"{i:05d}" for i in range(len(values))])


def right(*flags):
    """Predictions of class x that are right where a flag is set; the truth is x throughout."""
    return table("country", ["x" if flag else "y" for flag in flags])


def test_cochrans_q_matches_a_table_worked_by_hand():
    a, b = right(1, 1, 1, 1, 0, 1, 1, 0), right(1, 0, 0, 0, 1, 0, 1, 0)
    # columns sum to 6 and 3; rows to 2 1 1 1 1 1 2 0, of squares 13:
    # Q = (k-1) (k sum C^2 - N^2) / (k N - sum R^2) = 1 (2 (36 + 9) - 81) / (18 - 13) = 9 / 5
    found = compare(COUNTRY, right(*[1] * 8), a, b)
    assert found == Comparison("Cochran's Q", pytest.approx(9 / 5), pytest.approx(chi2.sf(9 / 5, 1)), 8)


def test_for_two_systems_cochrans_q_is_mcnemars_statistic():
    rng = np.random.default_rng(0)
    a, b = rng.random(100) < 0.7, rng.random(100) < 0.5
    only_a, only_b = (a & ~b).sum(), (~a & b).sum()
    found = compare(COUNTRY, right(*[1] * 100), right(*a), right(*b))
    assert found.statistic == pytest.approx((only_a - only_b) ** 2 / (only_a + only_b))


def test_cochrans_q_tests_accuracy_which_is_not_the_uar():
    """Of 90 bursts of x and 10 of y one system gets all x right, and the other 80 x and all y."""
    truth = table("country", ["x"] * 90 + ["y"] * 10)
    a, b = table("country", ["x"] * 100), table("country", ["x"] * 80 + ["y"] * 20)
    assert (uar(truth["country"], a["country"]), uar(truth["country"], b["country"])) == (0.5, pytest.approx(17 / 18))
    assert (truth == a).mean().item() == (truth == b).mean().item() == 0.9
    assert compare(COUNTRY, truth, a, b).p_value == 1


def test_the_papers_own_comparisons_are_those_of_section_5_and_the_ensembles():
    assert len(COMPARISONS) == len(set(COMPARISONS)) == 4 + 3 * 3
    assert {reference for _, reference in COMPARISONS} == set(REFERENCES)
    marks = read_published().query("split == 'val'").set_index("code")["marks"]
    for system, cell in marks.items():
        compared = {reference for code, reference in COMPARISONS if code == system}
        for references in parse_marks(cell).values():  # no mark is of another pair
            assert all(compared & set(reference.split("|")) for reference in references)


def test_t_test_matches_an_example_worked_by_hand():
    truth = table("age", [30.0, 30, 30])
    a, b = table("age", [31.0, 28, 33]), table("age", [30.0, 31, 28])
    # absolute errors 1 2 3 and 0 1 2: means 2 and 1, pooled variance 1, t = 1 / sqrt(1 * 2/3)
    found = compare(AGE, truth, a, b, of="errors")
    assert found.statistic == pytest.approx(np.sqrt(1.5))
    assert found.p_value == pytest.approx(2 * t.sf(np.sqrt(1.5), df=4))
    assert not found.significant


def test_emotion_compares_the_mean_absolute_error_over_the_outputs():
    truth = pd.DataFrame({"Awe": [0.0, 1], "Fear": [1.0, 0]}, index=["a", "b"])
    guess = pd.DataFrame({"Awe": [0.5, 0.9], "Fear": [1.0, 0.3]}, index=["a", "b"])
    assert samples(EMOTION, truth, guess, of="errors").tolist() == pytest.approx([0.25, 0.2])
    assert samples(EMOTION, truth, guess).tolist() == pytest.approx([0.75, 0.6])  # the predictions themselves


def test_comparing_predictions_marks_a_shift_that_leaves_the_errors_alone():
    rng = np.random.default_rng(0)
    truth = table("age", np.full(200, 30.0))
    low = table("age", 29 + 0.1 * rng.standard_normal(200))
    high = table("age", 60 - low["age"].to_numpy())
    assert compare(AGE, truth, low, high, of="errors").p_value == pytest.approx(1)
    assert compare(AGE, truth, low, high) == compare(AGE, truth, low, high, of="predictions")  # as in the paper
    assert compare(AGE, truth, low, high).significant
    with pytest.raises(ValueError, match="'errors' or 'predictions'"):
        compare(AGE, truth, low, high, of="squares")


@pytest.mark.parametrize("task, values", [(AGE, [1.0, 2, 3]), (AGE, [5.0, 5, 5]), (COUNTRY, ["x", "y", "x"])])
def test_a_system_does_not_differ_from_itself(task, values):
    system = table(task.name, values)
    found = compare(task, table(task.name, values[::-1]), system, system)
    assert (found.statistic, found.p_value, found.n) == (0, 1, 3)


def test_errors_without_any_spread_differ_for_certain():
    truth = table("age", [30.0, 30])
    found = compare(AGE, truth, table("age", [31.0, 31]), table("age", [32.0, 32]), of="errors")
    assert (found.statistic, found.p_value) == (-np.inf, 0)


def test_unlabelled_bursts_take_no_part_and_one_is_too_few():
    truth = table("age", [30.0, np.nan, 31, 32])
    assert compare(AGE, truth, table("age", [1.0, 2, 3, 9]), table("age", [4.0, 5, 6, 7])).n == 3
    with pytest.raises(ValueError, match="task age.*there are 1"):
        compare(AGE, truth.iloc[:2], table("age", [1.0, 2]), table("age", [1.0, 2]))


def test_systems_are_compared_with_each_reference_but_themselves():
    truth = table("age", [30.0, 31, 32]).assign(country=["x", "y", "x"])
    systems = {c: truth.assign(age=truth["age"] + i) for i, c in enumerate(("V1", "V2", "V4"))}
    found = compare_systems([AGE, COUNTRY], truth, systems)
    pairs = {(s, r) for s, r in itertools.product(systems, ("V1", "V4")) if s != r}
    assert set(zip(found["system"], found["reference"], strict=True)) == pairs  # V6 has no predictions
    assert len(found) == 2 * len(pairs)
    assert (found["significant"] == (found["p_value"] <= 0.05)).all()


def test_tasks_whose_labels_are_withheld_are_left_out():
    truth = table("age", [np.nan, np.nan])
    found = compare_systems([AGE], truth, {c: table("age", [1.0, 2]) for c in ("V1", "V4")})
    assert found.empty and found["significant"].dtype == bool
