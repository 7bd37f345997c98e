"""Figures of the statistics page: intervals, differences, and the false positives of tests.

A `plot_` function draws the rows of one metric; a `draw_` function makes a figure with a panel for each metric. The
tables are those of `evaluation.bootstrap`, `evaluation.differences` and `evaluation.false_positives`. `units` holds, by
metric, the unit of each metric that has one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from burst2vec.evaluation.significance import LEVEL
from burst2vec.evaluation.trivial import is_trivial
from burst2vec.report.figures.style import PALETTE
from burst2vec.report.words import metric_name

VERDICTS = {
    "significant": (PALETTE[0], "o"), "not significant": ("0.55", "."),
    "significant here alone": (PALETTE[2], "D"), "significant in the paper's test alone": (PALETTE[1], "s"),
    "not one of the paper's comparisons": ("0.8", "."),
}
"""The colour and the marker of each verdict on a difference (`verdict_of`)."""

NULLS = {"swapped": (PALETTE[0], "o", -0.2), "guessed": (PALETTE[1], "s", 0), "unlike": (PALETTE[2], "D", 0.2)}
"""The colour, the marker and the vertical shift of each null hypothesis of `false_positives.false_positives`."""


def draw_intervals(intervals: pd.DataFrame, units: Mapping[str, str]) -> Figure:
    """A figure of the estimates of one split with their intervals, with a row for each system; the marks of
    audio-free baselines are hollow."""
    return _panels(intervals, units, plot_intervals, columns=2, height=1.2 + 0.4 * intervals["code"].nunique())


def plot_intervals(rows: pd.DataFrame, axes: Axes) -> Axes:
    """Draws a dot and an interval for each system."""
    axes.hlines(rows["code"], rows["low"], rows["high"], color=PALETTE[0], alpha=0.6)
    for trivial, part in rows.groupby(rows["code"].map(is_trivial), sort=False):
        face = "white" if trivial else PALETTE[0]
        axes.plot(part["estimate"], part["code"], "o", color=PALETTE[0], markerfacecolor=face, markersize=4)
    return axes


def draw_differences(differences: pd.DataFrame, units: Mapping[str, str]) -> Figure:
    """A figure of the differences of one split with their intervals, with a row for each pair of systems.

    Colour and marker tell which tests call a difference significant.
    """
    table = differences.assign(code=differences["system"] + " − " + differences["reference"])
    figure = _panels(table, units, plot_differences, table["metric"].nunique(), 1.2 + 0.2 * table["code"].nunique())
    _legend(figure, columns=2)
    return figure


def plot_differences(rows: pd.DataFrame, axes: Axes) -> Axes:
    """Draws a marker and an interval for each pair, and a line at 0."""
    axes.axvline(0, color="black", linewidth=0.8)
    axes.plot([0] * len(rows), rows["code"], alpha=0)  # invisible marks that put the rows in their order
    said = rows.apply(verdict_of, axis=1)
    for verdict, (colour, marker) in VERDICTS.items():
        part = rows[said == verdict]
        axes.hlines(part["code"], part["low"], part["high"], color=colour)
        axes.plot(part["difference"], part["code"], marker, color=colour, markersize=4, label=verdict)
    return axes


def verdict_of(row: pd.Series) -> str:
    """The key of `VERDICTS` for a row of differences; a verdict is on the paper's own comparisons alone."""
    if not row["family"]:
        return "not one of the paper's comparisons"
    alone = {"ours only": "significant here alone", "paper only": "significant in the paper's test alone"}
    return alone.get(row["verdicts"], "significant" if row["significant"] else "not significant")


def draw_false_positives(rates: pd.DataFrame) -> Figure:
    """A figure of how many pairs of equal systems each test calls different, in percent, with a line at the
    level of the tests."""
    tests = sorted(dict.fromkeys(rates["test"]), key=lambda test: test.endswith("speakers"))
    table = rates.assign(code=rates["test"], place=rates["test"].map(tests.index))
    figure = _panels(table, {}, plot_false_positives, table["metric"].nunique(), 1.3 + 0.35 * len(tests))
    figure.axes[0].set_yticks(range(len(tests)), tests)
    figure.supxlabel("equal pairs found different (%)", fontsize=9)
    _legend(figure, columns=4)
    return figure


def plot_false_positives(rows: pd.DataFrame, axes: Axes) -> Axes:
    """Draws a marker and a binomial interval for each test, at its `place`, and null hypothesis."""
    axes.axvline(100 * LEVEL, color="black", linestyle=":", label=f"promised: {100 * LEVEL:g} %")
    for null, (colour, marker, shift) in NULLS.items():
        part = rows[rows["null"] == null]
        axes.hlines(part["place"] + shift, 100 * part["low"], 100 * part["high"], color=colour)
        axes.plot(100 * part["rate"], part["place"] + shift, marker, color=colour, markersize=4, label=null)
    axes.set_xlim(left=-2)
    return axes


def _panels(table: pd.DataFrame, units: Mapping[str, str], plot: Callable, columns: int, height: float) -> Figure:
    metrics = list(dict.fromkeys(table["metric"]))
    rows = -(-len(metrics) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(6.5, height), sharey=True, squeeze=False, layout="constrained")
    for ax in axes.flat[len(metrics):]:
        ax.remove()
    for metric, ax in zip(metrics, axes.flat, strict=False):
        plot(table[table["metric"] == metric], ax)
        ax.set_title(metric_name(metric, "figure") + (f" ({units[metric]})" if metric in units else ""))
    axes.flat[0].invert_yaxis()
    return figure


def _legend(figure: Figure, columns: int) -> None:
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False)
