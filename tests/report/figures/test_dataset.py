"""The figures of the dataset page count every burst once, and show shares that add up."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from burst2vec.corpora.corpus import Task
from burst2vec.inspection.description import bands
from burst2vec.report.figures.dataset import (
    draw_labels,
    plot_durations,
    plot_frequencies,
    plot_intensities,
    plot_spread,
    plot_stacked,
)
from tests.support.planted import AGE, COUNTRY, EMOTION, planted


def texts(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_the_stacked_histogram_counts_every_labelled_burst_once():
    table, axes = planted(1).table, plt.figure().subplots()
    plot_stacked(table, AGE, COUNTRY, axes)
    tops = [bar.get_y() + bar.get_height() for bar in axes.patches]
    widths = {round(bar.get_width(), 6) for bar in axes.patches}
    assert sum(bar.get_height() for bar in axes.patches) == len(table) and widths == {2.5}
    assert max(tops) == bands(table["age"], 2.5).value_counts().max()


def test_the_spread_of_each_class_sums_to_100_percent():
    axes = plt.figure().subplots()
    plot_spread(planted(1).table, AGE, COUNTRY, axes)
    assert [line.get_ydata().sum() for line in axes.lines] == pytest.approx([100] * 3)


def test_intensities_and_frequencies_are_shares_of_the_bursts():
    table, (left, right) = planted(1).table, plt.figure().subplots(1, 2)
    plot_intensities(EMOTION, table, left)
    shares = left.collections[0].get_array().reshape(2, 10)
    np.testing.assert_allclose(shares.sum(axis=1), 100)
    assert shares[0, 0] == pytest.approx(100 * (table["Awe"] < 0.1).mean())
    plot_frequencies(EMOTION, table, right)
    assert sum(bar.get_width() for bar in right.patches) == pytest.approx(100)


def test_a_classs_share_stands_at_the_middle_of_its_band():
    table = pd.DataFrame({"age": [20, 21, 24, 22.5, 39, None, 30], "country": ["China"] * 3 + ["USA"] * 3 + [None]})
    axes = plot_spread(table, AGE, COUNTRY, plt.figure().subplots())
    china, usa, nobody = axes.lines
    assert china.get_xdata()[:2].tolist() == [21.25, 23.75]
    assert china.get_ydata()[:2] == pytest.approx([200 / 3, 100 / 3])
    assert usa.get_ydata()[[1, -1]].tolist() == [50, 50] and usa.get_ydata().sum() == 100
    assert not nobody.get_ydata().any()
    assert axes.get_xlabel() == "age (years)" and axes.get_ylabel() == "% of the country's bursts"


def test_figure_1_has_its_histogram_above_the_spread_in_the_same_colours():
    figure = draw_labels(planted(1).table, AGE, COUNTRY)
    above, below = figure.axes
    figure.canvas.draw()
    assert texts(above) == list(COUNTRY.classes)[::-1] and texts(below) == list(COUNTRY.classes)
    bars = zip(*above.get_legend_handles_labels()[::-1], strict=True)
    colours = {label: handle.get_facecolor()[:3] for label, handle in bars}
    assert all(tuple(line.get_color()) == pytest.approx(colours[line.get_label()]) for line in below.lines)
    assert above.get_xlim() == below.get_xlim() and above.get_xlabel() == ""
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 9


def test_every_class_has_a_line_however_many_there_are():
    names = tuple(f"class {i:02d}" for i in range(23))
    many = Task("kind", "classes", ("kind",), classes=names)
    table = pd.DataFrame({"age": np.linspace(20, 39, 230), "kind": names * 10})
    axes = plot_spread(table, AGE, many, plt.figure().subplots())
    assert [line.get_label() for line in axes.lines] == list(names)
    assert len({line.get_marker() for line in axes.lines[:10]}) == 10


def test_durations_are_shares_of_each_split_and_the_longest_are_in_the_last_bin():
    seconds = np.r_[np.full(1_500, 1.0), np.full(500, 3.0), 1_000.0]
    splits = pd.Series(["train"] * 1_500 + ["val"] * 501)
    axes = plot_durations(seconds, splits, plt.figure().subplots())
    assert texts(axes) == ["Train, median 1.00 s", "Validation, median 3.00 s"]
    tops = [polygon.get_xy()[:, 1] for polygon in axes.patches]
    assert [top.max() for top in tops] == pytest.approx([100, 100])
    assert axes.patches[1].get_xy()[:, 0].max() == pytest.approx(3)  # as far as the 99.9th percentile
    assert len({polygon.get_linestyle() for polygon in axes.patches}) == 2


def test_the_most_frequent_class_is_at_the_top_with_its_share():
    table = pd.DataFrame({"country": ["USA"] * 5 + ["China"] * 2 + ["Venezuela"] + [None] * 9})
    axes = plot_frequencies(COUNTRY, table, plt.figure().subplots())
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Venezuela", "China", "USA"]
    assert [text.get_text() for text in axes.texts] == ["12.5", "25.0", "62.5"]


def test_a_bin_of_intensities_holds_its_lower_edge_as_it_is_written():
    written = [float(f"{tenth / 10:.1f}") for tenth in range(11)]
    axes = plot_intensities(EMOTION, pd.DataFrame({"Awe": written, "Fear": 0.5}), plt.figure().subplots())
    np.testing.assert_allclose(axes.collections[0].get_array().ravel()[:10] * 11 / 100, [1] * 9 + [2])


def test_bursts_without_intensities_are_not_counted():
    table = pd.DataFrame({"Awe": [0.0, 0.95, 1.0, None], "Fear": [0.1, 0.15, 0.3, 0.5]})
    axes = plot_intensities(EMOTION, table, plt.figure().subplots())
    awe, fear = axes.collections[0].get_array().reshape(2, 10)
    np.testing.assert_allclose(awe, [100 / 3] + 8 * [0] + [200 / 3])
    np.testing.assert_allclose(fear[:4], [0, 200 / 3, 0, 100 / 3])
    assert [label.get_text() for label in axes.get_xticklabels()][::9] == ["0.0–0.1", "0.9–1.0"]
