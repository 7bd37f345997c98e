"""The figures of real voices show the numbers of their tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from burst2vec.report.figures.voices import draw_confusion, draw_recalls, draw_scores


def test_each_way_has_its_mark_and_interval_and_the_floor_is_hollow():
    rows = [("Chance", "plain", 0.03), ("ComParE", "plain", 0.2), ("ComParE", "centred", 0.3)]
    scores = pd.DataFrame([(system, way, metric, value, value - 0.01, value + 0.02)
                           for system, way, value in rows for metric in ("macro_f1", "uar")],
                          columns=["system", "way", "metric", "estimate", "low", "high"])
    axes, = draw_scores(scores).axes
    marks = {line.get_label(): list(line.get_xdata()) for line in axes.lines}
    assert marks["each burst by itself"] == [0.03, 0.2] and marks["with speaker statistics"] == [0.3]
    assert [list(line.get_xdata()) for line in axes.lines if line.get_linewidth() < 1] == [[0.2, 0.2], [0.3, 0.3]]
    assert [list(line.get_xdata()) for line in axes.lines if line.get_markerfacecolor() == "white"][0] == [0.03]
    drawn = [segment[:, 0] for lines in axes.collections for segment in lines.get_segments()]
    np.testing.assert_allclose(drawn, [[0.02, 0.05], [0.19, 0.22], [0.29, 0.32]])
    assert [text.get_text() for text in axes.get_yticklabels()] == ["Chance", "ComParE"] and axes.yaxis_inverted()


def test_a_confusion_is_shown_in_percent_with_the_answers_in_columns():
    shares = pd.DataFrame([[0.7, 0.3], [0, 1]], ["joy", "awe"], ["joy", "awe"])
    axes = draw_confusion(shares).axes[0]
    np.testing.assert_allclose(axes.collections[0].get_array(), [[70, 30], [0, 100]])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("answer", "category")


def test_recalls_stand_from_the_best_to_the_worst_beside_chance():
    table = pd.DataFrame({"category": ["joy", "awe"], "recall": [0.7, 0.2]})
    axes, = draw_recalls(table).axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([70, 20])
    assert axes.lines[0].get_xdata()[0] == 50 and axes.yaxis_inverted()
