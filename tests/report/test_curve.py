"""The page says of learning curves what their file holds."""

from __future__ import annotations

import numpy as np
import pytest

from burst2vec.report import curve
from burst2vec.report.answers import written


@pytest.fixture
def content():
    """Twelve test speakers with nine bursts each. `x, pre-trained` is right in all from all speakers, and in two thirds
    from some; with random weights a third less. `late` lacks a draw."""
    truth, speakers = np.tile([0, 1, 2], 36), np.repeat(np.arange(12), 9)

    def right(thirds):
        return np.where(np.arange(108) % 9 < 3 * thirds, truth, (truth + 1) % 3)

    thirds = {("x, pre-trained", 0.25): 2, ("x, pre-trained", 1.0): 3, ("x, random weights", 0.25): 1,
              ("x, random weights", 1.0): 2}
    rows = [{"system": system, "seed": seed, "share": share, "settings": {}, "plain": written(right(number))}
            for (system, share), number in thirds.items() for seed in range(3)]
    late = [{**row, "system": "late"} for row in rows[:2]]
    return {"corpus": {"classes": ["joy", "fear", "awe"]}, "truth": written(truth), "speakers": written(speakers),
            "learnt": {"0.25": {"speakers": 5, "bursts": 15}, "1.0": {"speakers": 20, "bursts": 60}},
            "rows": rows + late}


@pytest.fixture
def found(content):
    return curve.read_curve(content, resamples=200)


def test_scores_are_by_the_number_of_speakers_and_of_systems_with_all_draws(found):
    scores = found.scores.set_index(["system", "speakers"])["estimate"]
    assert list(scores.index) == [("x, pre-trained", 5), ("x, pre-trained", 20), ("x, random weights", 5),
                                  ("x, random weights", 20)]
    np.testing.assert_allclose(scores, [2 / 3, 1, 1 / 3, 2 / 3])


def test_without_rows_there_is_no_curve(content):
    assert curve.read_curve(content | {"rows": []}) is None


def test_draws_that_differ_widen_the_interval(content):
    wrong = written([0] * 108)
    rows = [row | {"plain": wrong} if (row["system"], row["share"], row["seed"]) == ("x, pre-trained", 1.0, 2) else row
            for row in content["rows"]]
    wide = curve.read_curve(content | {"rows": rows}, resamples=200).scores.iloc[1]
    assert wide["estimate"] == pytest.approx((1 + 1 + 1 / 6) / 3) and wide["high"] - wide["low"] > 1


def test_the_summary_says_what_pre_training_adds_and_what_it_is_worth_in_speakers(found):
    said = curve.summarise_curve(found)
    assert said.startswith("The gain of x, pre-trained over x, random weights is +0.333 (+0.")
    assert "with 5 training speakers, and +0.333 (" in said and "cannot be told" not in said
    assert "; all draws read the same random weights, and others might say otherwise. By the estimates" in said
    assert said.endswith("By the estimates alone, 5 speakers are enough for what x, random weights reaches from 20; "
                         "other speakers might say otherwise.")


def answered(content, thirds):
    """The record with other shares of right answers, in thirds, by system and share."""
    truth = np.tile([0, 1, 2], 36)
    return content | {"rows": [row | {"plain": written(np.where(
        np.arange(108) % 9 < 3 * thirds[row["system"], row["share"]], truth, (truth + 1) % 3))}
        for row in content["rows"] if row["system"] != "late"]}


def test_fewer_speakers_are_worth_more_only_where_the_difference_is_certain(content):
    thirds = {("x, pre-trained", 0.25): 2, ("x, pre-trained", 1.0): 3, ("x, random weights", 0.25): 1,
              ("x, random weights", 1.0): 1}
    said = curve.summarise_curve(curve.read_curve(answered(content, thirds), resamples=200))
    assert " From 5 speakers it scores above x, random weights from 20, by 0.333 (0." in said
    thirds["x, pre-trained", 0.25] = 0
    said = curve.summarise_curve(curve.read_curve(answered(content, thirds), resamples=200))
    assert "From 5" not in said and "enough" not in said


def test_random_weights_that_each_draw_has_anew_need_no_reservation(content):
    rows = [row | {"system": f"Burst2Vec on {row['system']}"} for row in content["rows"]]
    said = curve.summarise_curve(curve.read_curve(content | {"rows": rows}, resamples=50))
    assert "Burst2Vec on x, pre-trained over Burst2Vec on x, random weights" in said and "same random" not in said


def test_a_gain_that_is_not_certain_is_not_called_one(content):
    same = [row | {"plain": written(np.tile([0, 1, 2], 36))} for row in content["rows"]]
    said = curve.summarise_curve(curve.read_curve(content | {"rows": same}, resamples=50))
    assert said.count("which cannot be told from none") == 2


def test_the_table_has_a_row_for_each_system_and_a_column_for_each_number_of_speakers(found):
    table = curve.curve_cells(found)
    assert list(table.columns) == ["System", "5 speakers", "20 speakers"] and len(table) == 2
    assert table["20 speakers"][0] == "1.000<small>1.000 to 1.000</small>"
