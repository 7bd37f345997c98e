"""Figures of the systems on real recordings."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from burst2vec.evaluation.trivial import is_trivial
from burst2vec.report.answers import WAYS
from burst2vec.report.figures.style import DASHES, PALETTE
from burst2vec.report.voices import BAR

MARKERS = {"plain": "o", "centred": "D"}
"""The marker of each way of answering."""


def draw_scores(scores: pd.DataFrame) -> Figure:
    """A figure of macro-F1 with its intervals, with a row for each system, and ComParE's as lines."""
    systems = scores["system"].nunique()
    figure, axes = plt.subplots(figsize=(6.5, 1.2 + 0.34 * systems), layout="constrained")
    plot_scores(scores[scores["metric"] == "macro_f1"], axes)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def plot_scores(rows: pd.DataFrame, axes: Axes) -> Axes:
    """Draws each system's estimates and intervals, one colour and marker for each way, the floor's hollow."""
    places = {system: place for place, system in enumerate(dict.fromkeys(rows["system"]))}
    for (way, called), shift, colour, dash in zip(WAYS.items(), (-0.15, 0.15), PALETTE, DASHES[1:], strict=False):
        part = rows[rows["way"] == way]
        heights = part["system"].map(places) + shift
        for bar in part["estimate"][part["system"] == BAR]:
            axes.axvline(bar, color=colour, linestyle=dash, linewidth=0.9)
        axes.hlines(heights, part["low"], part["high"], color=colour, alpha=0.6)
        hollow = part["system"].map(is_trivial)
        axes.plot(part["estimate"], heights, MARKERS[way], color=colour, markersize=4, label=called)
        axes.plot(part["estimate"][hollow], heights[hollow], MARKERS[way], color=colour, markersize=4,
                  markerfacecolor="white")
    axes.set_yticks(list(places.values()), list(places))
    axes.set(xlabel="macro-F1", xlim=(0, None))
    axes.invert_yaxis()
    return axes


def draw_confusion(shares: pd.DataFrame) -> Figure:
    """A figure of the shares (true classes in rows, answers in columns) of a confusion of many classes, in percent."""
    figure, axes = plt.subplots(figsize=(6.5, 5.8), layout="constrained")
    sns.heatmap(100 * shares, ax=axes, cmap="cividis", vmin=0, square=True, xticklabels=True, yticklabels=True,
                cbar_kws={"label": "% of the category's bursts", "shrink": 0.7})
    axes.set(xlabel="answer", ylabel="category")
    axes.tick_params(length=0)
    return figure


def draw_recalls(table: pd.DataFrame) -> Figure:
    """A figure of the recall of each category in a table of `voices.category_table`, with chance as a line."""
    figure, axes = plt.subplots(figsize=(6.5, 0.8 + 0.19 * len(table)), layout="constrained")
    axes.axvline(100 / len(table), color="black", linestyle=":", label="chance")
    axes.barh(table["category"], 100 * table["recall"], color=PALETTE[0])
    axes.set(xlabel="recall (%)")
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.legend(frameon=False, loc="lower right")
    return figure
