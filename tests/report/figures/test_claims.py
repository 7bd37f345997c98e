"""The figures of the claims show the numbers that they were given, and never by colour alone."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from burst2vec.report.figures.claims import (
    PARTS,
    VERDICTS,
    draw_decomposition,
    draw_ledger,
    draw_seeds,
    plot_decomposition,
    plot_ledger,
)
from burst2vec.results.claims import estimates_of, ledger, paper_claims
from burst2vec.results.published import read_published
from burst2vec.results.sensitivity import decompose

ROWS = pd.DataFrame({
    "claim": ["one", "two", "three", "four", "five", "six"],
    "verdict": ["supported", "undecided", "undecided (one seed)", "contradicted", "not tested", "not tested"],
    "estimate": [0.2, 0.0, 0.1, -0.2, -0.4, np.nan], "low": [0.1, -0.1, 0.0, -0.3, -0.5, np.nan],
    "high": [0.3, 0.1, 0.2, -0.1, -0.3, np.nan], "metric": "s_mtl"})
SCORES = pd.DataFrame([("V4", 0, "val", "s_mtl", 0.3), ("V4", 1, "val", "s_mtl", 0.4), ("V5", 0, "val", "s_mtl", 0.5),
                       ("V5", 0, "test", "s_mtl", 0.9)], columns=["code", "seed", "split", "metric", "value"])


def test_each_claim_has_its_interval_and_its_verdicts_shape():
    axes = plot_ledger(ROWS, plt.subplots()[1])
    points = axes.lines[1:]
    assert [point.get_marker() for point in points] == [style["marker"] for style in VERDICTS.values()]
    assert [point.get_xdata()[0] for point in points] == [0.2, 0.0, 0.1, -0.2, -0.4]
    ends = [tuple(segment[:, 0]) for lines in axes.collections for segment in lines.get_segments()]
    assert ends == [(0.1, 0.3), (-0.1, 0.1), (0.0, 0.2), (-0.3, -0.1), (-0.5, -0.3)]
    assert [text.get_text() for text in axes.texts] == ["not tested"]


def test_shapes_tell_the_verdicts_apart_without_colour():
    assert len({style["marker"] for style in VERDICTS.values()}) == len(VERDICTS)
    assert len({hatch for _, hatch in PARTS.values()}) == len(PARTS)


def test_the_papers_ledger_is_drawn_in_a_panel_for_each_unit():
    claims = ledger(paper_claims(), estimates_of(read_published()))
    figure = draw_ledger(claims)
    units = claims["metric"].map({"s_mtl": "S", "age_mae": "years"}).fillna("CCC or UAR")
    assert [len(ax.get_yticks()) for ax in figure.axes] == units.value_counts()[units.unique()].tolist()
    assert len(figure.axes) == 3 and "years" in figure.axes[2].get_xlabel()


def test_every_seed_is_a_dot_and_only_several_have_a_mean():
    figure = draw_seeds(SCORES)
    dots, mean, only = figure.axes[0].lines
    assert dots.get_xdata().tolist() == [0.3, 0.4] and mean.get_xdata()[0] == pytest.approx(0.35)
    assert only.get_xdata().tolist() == [0.5]
    assert dots.get_marker() != only.get_marker()


def test_bars_of_a_pair_end_at_what_speaks_for_either_system_and_the_diamond_stands_at_the_sum():
    parts = pd.DataFrame({"a": "V1", "b": "V2", "part": ["ccc", "uar", "mae"], "contribution": [0.3, -0.2, 0.1]})
    axes = plot_decomposition(parts, plt.subplots()[1])
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches]
    assert max(ends) == pytest.approx(0.4) and min(ends) == pytest.approx(-0.2)
    assert axes.lines[0].get_xdata()[0] == pytest.approx(0.2)
    assert axes.get_yticklabels()[0].get_text() == "V1 over V2"


def test_no_letter_is_smaller_than_9_points():
    parts = decompose(read_published(), [("V1", "V2"), ("V4", "V5")])
    for figure in (draw_ledger(ROWS), draw_seeds(SCORES), draw_decomposition(parts)):
        figure.canvas.draw()
        assert figure.get_figwidth() <= 6.5
        assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 9
