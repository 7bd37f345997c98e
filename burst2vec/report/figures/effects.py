"""Figures of what ways of training gain or cost against others."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from burst2vec.report.effects import metrics_of, named
from burst2vec.report.figures.style import PALETTE
from burst2vec.report.words import number

LONGEST = 30
"""The letters of a line of a label."""

MANY = 6
"""An effect is off the scale from so many times the typical bound."""


def draw_effects(effects: pd.DataFrame, ways: Mapping[tuple[str, str], str]) -> Figure:
    """A figure with a panel for each metric and a row for each pair of ways that `ways` has a label for: the effect
    with its interval, filled where it is told from none. An effect many times as large as the others is an arrow at the
    edge, with its size."""
    metrics = metrics_of(effects)
    labels = {pair: textwrap.fill(label, LONGEST) for pair, label in ways.items()}
    lines = max(label.count("\n") for label in labels.values()) + 1
    figure, axes = plt.subplots(1, len(metrics), figsize=(6.5, 1.0 + (0.08 + 0.15 * lines) * len(ways)),
                                layout="constrained", sharey=True, squeeze=False)
    for panel, metric in zip(axes.flat, metrics, strict=True):
        plot_effects(effects[effects["metric"] == metric], labels, panel)
        panel.set_title(named(metric, "figure").replace(" ", "\n"))
        panel.xaxis.set_major_locator(MaxNLocator(2, symmetric=True))
    axes[0, 0].invert_yaxis()
    figure.supxlabel("difference from what it is compared with (right of 0: better)", fontsize=9)
    return figure


def plot_effects(effects: pd.DataFrame, ways: Mapping[tuple[str, str], str], axes: Axes) -> Axes:
    """Draws the effects of one metric, a row for each pair of ways that `ways` has a label for."""
    found, edge = effects.set_index(["way", "reference"]), _edge(effects)
    axes.axvline(0, color="black", linewidth=0.8)
    for place, pair in enumerate(ways):
        if pair not in found.index:
            continue
        row = found.loc[pair]
        colour = {"gains": PALETTE[2], "costs": PALETTE[3]}.get(str(row["verdict"]), PALETTE[7])
        if abs(row["difference"]) > edge:
            side = np.sign(row["difference"])
            axes.plot(side * edge, place, "<" if side < 0 else ">", color=colour, markersize=5)
            axes.annotate(number(row["difference"], 1, signed=True), (side * edge, place), (-side * 6, 0),
                          textcoords="offset points", va="center", ha="left" if side < 0 else "right")
            continue
        axes.hlines(place, max(row["low"], -edge), min(row["high"], edge), color=colour)
        axes.plot(row["difference"], place, "o", color=colour, markersize=4,
                  markerfacecolor=colour if row["verdict"] else "white")
    axes.set_yticks(range(len(ways)), list(ways.values()))
    axes.margins(y=0.03)
    return axes


def _edge(effects: pd.DataFrame) -> float:
    """Where a panel ends: at the largest bound that is not many times as large as the typical one."""
    bounds = effects[["low", "high"]].abs().max(axis=1)
    return float(1.05 * bounds[bounds <= MANY * bounds.median()].max())
