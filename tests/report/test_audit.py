"""The audit's sentences say what its tables do, and no more."""

from __future__ import annotations

import pandas as pd
import pytest

from burst2vec.corpora.corpus import Task
from burst2vec.report import audit
from tests.support.planted import planted

AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("China", "USA"))
PAIR = {"V4": "with adversary", "V5": "without"}


def compared(*intervals):
    """The differences of *specific, of another task* of age and country, with these intervals."""
    rows = [(task, audit.AIMED, 0.1, 0.2, (low + high) / 2, low, high)
            for task, (low, high) in zip(("age", "country"), intervals, strict=False)]
    rows.append(("age", "pooled", 0.1, 0.1, 0, -0.1, 0.1))
    return pd.DataFrame(rows, columns=["task", "features", "V4", "V5", "difference", "low", "high"])


def losses(*lows):
    rows = [(code, metric, low + 0.1, low, low + 0.2) for code, metric, low in
            zip(("V4", "V4", "V5", "V5", "Constant"), ("age_mae", "cou_uar") * 2 + ("age_mae",), lows, strict=True)]
    return pd.DataFrame(rows, columns=["code", "metric", "beyond_constant", "low", "high"])


def test_a_difference_has_a_direction_only_where_its_interval_leaves_out_0():
    table = compared((-0.3, -0.1), (-0.1, 0.2))
    said = audit.changed_by_adversary(table, "V4", "V5")
    assert "hold **less** of age (−0.20, −0.30 to −0.10) and **neither clearly less nor more** of country (" in said
    assert "with the adversary (V4) than without it (V5)" in said
    assert audit.clear_differences(table).startswith("1 difference of 3 has an interval that leaves out 0: age from")
    assert audit.clear_differences(compared((-0.1, 0.1), (-0.1, 0.1))) == (
        "0 differences of 3 have an interval that leaves out 0.")
    both = audit.aimed_at(compared((-0.1, 0.1), (-0.2, 0.2)))
    assert both == "**neither clearly less nor more** of age (0.00, −0.10 to 0.10) and country (0.00, −0.20 to 0.20)"
    assert "**more** of age" in audit.changed_by_adversary(compared((0.1, 0.3)), "V4", "V5")


def test_one_task_has_no_features_of_another():
    assert "There is one task" in audit.changed_by_adversary(compared(), "V4", "V5")


def test_a_score_is_owed_where_the_interval_of_the_loss_lies_above_0():
    table = losses(0.1, -0.1, -0.3, -0.1, 0.5)
    assert audit.owing(table, (AGE, COUNTRY), ("V4", "V5")) == {"country": [], "age": ["V4 0.20 (0.10 to 0.30)"]}
    said = audit.owed(table, (AGE, COUNTRY), ("V4", "V5"))
    assert "In **age**, part of the score is owed to the association by V4" in said
    assert "In **country**, part of the score is owed to the association by none of 2 systems." in said
    assert audit.caption_losses(table, (AGE, COUNTRY), ("V4", "V5")).startswith(
        "Of 2 variants, 0 in country and 1 in age lose clearly more than a constant answer loses on bursts whose age ")


def test_the_answer_says_what_was_asked_what_came_out_and_how_sure_it_is():
    tasks, table = (AGE, COUNTRY), compared((-0.3, -0.1), (-0.1, 0.2))
    said = audit.in_short(table, PAIR, losses(0.1, -0.1, -0.3, -0.1, 0.5), tasks, ("V4", "V5"))
    assert said.startswith("Did the adversary") and "**less** of age" in said and "0 in country and 1 in age" in said
    assert "95 % over speakers" in said and "one seed" in said
    assert "cannot be asked here" in audit.in_short(table, PAIR, None, tasks, ("V4", "V5"))
    assert "that stays open" in audit.in_short(None, {}, None, tasks, ("V4",))


def test_a_caption_of_groups_names_those_that_differ():
    gaps = pd.DataFrame([("V4 − V5", "China", -0.1, -0.2, -0.1), ("V4 − V5", "USA", 0.1, -0.1, 0.3)],
                        columns=["pair", "group", "difference", "low", "high"])
    assert audit.caption_groups(gaps, "age error", "countries") == (
        "The age error differs clearly with and without the adversary in 1 of 2 countries (China) between V4 and V5.")
    assert audit.caption_groups(gaps[1:], "age error", "countries").startswith(
        "The age error differs clearly with and without the adversary in 0 of 1 countries between")
    assert "speakers enough" in audit.caption_groups(gaps[:0], "age error", "countries")


def test_the_caption_of_probes_counts_those_above_their_floor():
    row = {"metric": "CCC", "constant": 0.0, "floor_low": -0.1, "floor_high": 0.1}
    table = pd.DataFrame([row | {"task": task, "code": code, "skill": skill} for task, code, skill in
                          (("emotion", "V4", 0.4), ("emotion", "V4", 0.1), ("emotion", "V5", 0.3), ("age", "V4", 0.0))])
    assert audit.read_by_probes(table) == "emotion from 1 of 2 in V4 and 1 of 1 in V5; age from 0 of 1 in V4"


@pytest.mark.parametrize(("told", "said"), [
    (True, "afresh finds the corpus in the shared features (UAR 0.50, floor 0.40 to 0.60), and one number"),
    (False, "afresh does not find the corpus in the shared features (UAR 0.50, floor 0.40 to 0.60), but one number")])
def test_several_corpora_are_told_apart_or_not(told, said):
    corpus = planted(1, n=80)
    corpus.table["corpus"] = ["here", "there"] * 40
    origins = pd.DataFrame([("crest factor", 0.9, 0.4, 0.6, True), ("shared", 0.5, 0.4, 0.6, told)],
                           columns=["features", "score", "floor_low", "floor_high", "told"])
    scores = pd.DataFrame([("here", "age", "val", 4.0, 4.5), ("here", "age", "test", 9.0, 9.5)],
                          columns=["corpus", "task", "split", "score", "constant"])
    text = audit.in_short_corpora(corpus, scores, origins)
    assert said in text and "from here and there" in text and "age MAE 4.000 where a constant answer has 4.500" in text
    assert "the crest factor, gives it away (UAR 0.90, floor 0.40 to 0.60)" in text
    assert "one seed" in text and "9.000" not in text
