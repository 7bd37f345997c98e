"""The figures of the statistics page show the rows that they were given, and never by colour alone."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.text import Text

from burst2vec.evaluation.bootstrap import bootstrap, intervals
from burst2vec.evaluation.differences import differences
from burst2vec.evaluation.false_positives import false_positives
from burst2vec.evaluation.trivial import trivial_predictions
from burst2vec.report.figures.statistics import (
    VERDICTS,
    draw_differences,
    draw_false_positives,
    draw_intervals,
    verdict_of,
)
from tests.support.speakers import make_corpus

UNITS = {"age_mae": "years"}


def sizes(figure):
    """The font sizes of all text that is shown."""
    figure.canvas.draw()
    return {text.get_fontsize() for text in figure.findobj(Text) if text.get_text() and text.get_visible()}


def rows(axes):
    """The labels of the rows, from above."""
    labels = [label.get_text() for label in axes.get_yticklabels()]
    return labels if axes.yaxis_inverted() else labels[::-1]


def test_a_forest_has_a_row_for_each_system_and_a_panel_for_each_metric():
    corpus, systems = make_corpus()
    val = corpus.split("val")
    table = intervals(bootstrap(corpus.tasks, val, systems | trivial_predictions(corpus, val), 50), "val")
    figure = draw_intervals(table, UNITS)
    assert min(sizes(figure)) >= 9 and figure.get_figwidth() == 6.5
    assert [ax.get_title() for ax in figure.axes] == ["Emo-CCC", "Cou-UAR", "Age-MAE (years)", r"$S_\mathrm{MTL}$"]
    assert rows(figure.axes[0]) == ["V1", "V2", "V4", "A", "Constant", "Country median"]


def test_differences_are_drawn_in_their_order_whatever_their_verdict():
    corpus, systems = make_corpus()
    table = differences(corpus, systems, ("V1", "V4"), 50).query("split == 'val'").copy()
    table["verdicts"] = (["agree", "ours only", "paper only", ""] * len(table))[:len(table)]
    figure = draw_differences(table, UNITS)
    assert min(sizes(figure)) >= 9
    assert rows(figure.axes[0]) == ["V2 − V1", "V2 − V4", "V4 − V1", "A − V1", "A − V4"]
    assert {text.get_text() for text in figure.legends[0].get_texts()} == set(VERDICTS)


@pytest.mark.parametrize("verdict, significant, shown", [
    ("agree", True, "significant"), ("agree", False, "not significant"),
    ("ours only", True, "significant here alone"), ("paper only", False, "significant in the paper's test alone")])
def test_a_marker_says_which_tests_take_a_difference_for_more_than_chance(verdict, significant, shown):
    row = pd.Series({"family": True, "verdicts": verdict, "significant": significant})
    assert verdict_of(row) == shown
    assert verdict_of(row.replace({True: False})) == "not one of the paper's comparisons"


def test_rates_stand_beside_the_level_with_the_tests_over_bursts_first():
    corpus, systems = make_corpus()
    table = false_positives(corpus.tasks, corpus.split("val"), systems["V1"], systems["V2"], repeats=5)
    figure = draw_false_positives(table)
    assert min(sizes(figure)) >= 9
    tests = rows(figure.axes[0])
    assert set(tests) == set(table["test"]) and len(tests) > 2
    assert [test.split(", ")[1] for test in tests] == sorted(test.split(", ")[1] for test in tests)
    level = figure.axes[1].lines[0]
    assert (level.get_label(), list(level.get_xdata())) == ("promised: 5 %", [5, 5])
    drawn = sorted(x for line in figure.axes[1].lines[1:] for x in line.get_xdata())
    assert drawn == pytest.approx(sorted(100 * table.loc[table["metric"] == "cou_uar", "rate"]))
