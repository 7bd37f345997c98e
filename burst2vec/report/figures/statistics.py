"""Figures of the statistics chapter: each `plot_` draws one metric's rows of a table of `burst2vec.evaluation.bootstrap`,
`differences` or `false_positives` on the axes it is given, each `draw_` makes a figure with a panel for each metric.

`units` names the unit of a metric that has one.
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

VERDICTS = {
    "significant": (PALETTE[0], "o"), "not significant": ("0.55", "."),
    "significant here alone": (PALETTE[2], "D"), "significant in the paper's test alone": (PALETTE[1], "s"),
}
"""Colour and marker of what `verdict_of` says."""
NULLS = {"swapped": (PALETTE[0], "o", -0.2), "guessed": (PALETTE[1], "s", 0), "unlike": (PALETTE[2], "D", 0.2)}
"""Colour, marker and shift of each null of `false_positives.false_positives`."""


def draw_intervals(intervals: pd.DataFrame, units: Mapping[str, str]) -> Figure:
    """The estimates of one split with their intervals, a row for each system; trivial predictors are hollow."""
    return _panels(intervals, units, plot_intervals, columns=2, height=1.2 + 0.4 * intervals["code"].nunique())


def plot_intervals(rows: pd.DataFrame, axes: Axes) -> Axes:
    """A dot and its interval for each code."""
    axes.hlines(rows["code"], rows["low"], rows["high"], color=PALETTE[0], alpha=0.6)
    for trivial, part in rows.groupby(rows["code"].map(is_trivial), sort=False):
        face = "white" if trivial else PALETTE[0]
        axes.plot(part["estimate"], part["code"], "o", color=PALETTE[0], markerfacecolor=face, markersize=4)
    return axes


def draw_differences(differences: pd.DataFrame, units: Mapping[str, str]) -> Figure:
    """The differences of one split with their intervals, a row for each pair; colour and shape say which tests take
    them for more than chance."""
    table = differences.assign(code=differences["system"] + " − " + differences["reference"])
    figure = _panels(table, units, plot_differences, table["metric"].nunique(), 1.2 + 0.2 * table["code"].nunique())
    _legend(figure, columns=2)
    return figure


def plot_differences(rows: pd.DataFrame, axes: Axes) -> Axes:
    """A marker and interval for each pair, and a line at 0."""
    axes.axvline(0, color="black", linewidth=0.8)
    axes.plot([0] * len(rows), rows["code"], alpha=0)  # lays the rows out in their order
    said = rows.apply(verdict_of, axis=1)
    for verdict, (colour, marker) in VERDICTS.items():
        part = rows[said == verdict]
        axes.hlines(part["code"], part["low"], part["high"], color=colour)
        axes.plot(part["difference"], part["code"], marker, color=colour, markersize=4, label=verdict)
    return axes


def verdict_of(row: pd.Series) -> str:
    """The key of `VERDICTS` for a row of differences; where the paper makes no test, ours decides."""
    alone = {"ours only": "significant here alone", "paper only": "significant in the paper's test alone"}
    return alone.get(row["verdicts"], "significant" if row["significant"] else "not significant")


def draw_false_positives(rates: pd.DataFrame) -> Figure:
    """The share of equal systems that each test takes for different, in percent, and the level as a line."""
    tests = sorted(dict.fromkeys(rates["test"]), key=lambda test: test.endswith("speakers"))
    table = rates.assign(code=rates["test"], place=rates["test"].map(tests.index))
    figure = _panels(table, {}, plot_false_positives, table["metric"].nunique(), 1.3 + 0.35 * len(tests))
    figure.axes[0].set_yticks(range(len(tests)), tests)
    figure.supxlabel("equal pairs found different (%)", fontsize=9)
    _legend(figure, columns=4)
    return figure


def plot_false_positives(rows: pd.DataFrame, axes: Axes) -> Axes:
    """A marker and binomial interval for each test (by its `place`) and null."""
    axes.axvline(100 * LEVEL, color="black", linestyle=":", label=f"promised: {100 * LEVEL:g} %")
    for null, (colour, marker, shift) in NULLS.items():
        part = rows[rows["null"] == null]
        axes.hlines(part["place"] + shift, 100 * part["low"], 100 * part["high"], color=colour)
        axes.plot(100 * part["rate"], part["place"] + shift, marker, color=colour, markersize=4, label=null)
    axes.set_xlim(left=-2)
    return axes


def heading(metric: str) -> str:
    """The metric as Table 2 has it.

    >>> heading("age_mae")
    'Age-MAE'
    """
    task, _, name = metric.rpartition("_")
    return r"$S_\mathrm{MTL}$" if metric == "s_mtl" else f"{task.capitalize()}-{name.upper()}"


def _panels(table: pd.DataFrame, units: Mapping[str, str], plot: Callable, columns: int, height: float) -> Figure:
    metrics = list(dict.fromkeys(table["metric"]))
    rows = -(-len(metrics) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(6.5, height), sharey=True, squeeze=False, layout="constrained")
    for ax in axes.flat[len(metrics):]:
        ax.remove()
    for metric, ax in zip(metrics, axes.flat, strict=False):
        plot(table[table["metric"] == metric], ax)
        ax.set_title(heading(metric) + (f" ({units[metric]})" if metric in units else ""))
    axes.flat[0].invert_yaxis()
    return figure


def _legend(figure: Figure, columns: int) -> None:
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False)
