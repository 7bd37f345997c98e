"""Figures of the claims page: the ledger of claims, the scores of each variant's seeds, and the parts of S_MTL."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from burst2vec.report.figures.style import PALETTE
from burst2vec.report.words import S_MTL, metric_name

VERDICTS = {
    "supported": {"marker": "o", "color": PALETTE[0]},
    "undecided": {"marker": "s", "color": "0.35", "markerfacecolor": "none"},
    "undecided (one seed)": {"marker": "D", "color": "0.35", "markerfacecolor": "none"},
    "contradicted": {"marker": "X", "color": PALETTE[3], "markersize": 7},
    "not tested": {"marker": "|", "color": "0.6", "markersize": 9},
}
"""How each verdict is drawn: its shape tells it from the others, and so does its colour."""

SEEDS = {True: {"marker": "o", "color": PALETTE[0], "alpha": 0.7},
         False: {"marker": "D", "color": "0.35", "markerfacecolor": "none"}}
"""How the score of a seed is drawn, by whether its variant was trained with several seeds."""

UNITS = {"s_mtl": S_MTL["figure"], "emo_ccc": "CCC or UAR", "cou_uar": "CCC or UAR", "age_mae": "MAE, years"}
"""The unit of each metric; claims in the same unit share a panel of the ledger."""

PARTS = {"ccc": (PALETTE[0], "///"), "uar": (PALETTE[1], "xx"), "mae": (PALETTE[2], "")}
"""The colour and the hatching of each part of S_MTL."""

NAMES = {"ccc": "emotion (CCC)", "uar": "country (UAR)", "mae": "age (MAE)"}
"""The name of each part of S_MTL in legends and sentences."""


def draw_ledger(ledger: pd.DataFrame) -> Figure:
    """A figure of a ledger (`claims.ledger`) with a panel for each unit: S_MTL, CCC or UAR, years. Verdicts are
    told by shapes, which a legend explains."""
    units = ledger["metric"].map(UNITS)
    names = list(dict.fromkeys(units))
    rows = [int((units == name).sum()) for name in names]
    figure, axes = plt.subplots(len(names), 1, figsize=(6.5, 0.9 + 0.6 * len(names) + 0.27 * len(ledger)),
                                height_ratios=rows, layout="constrained", squeeze=False)
    for name, ax in zip(names, axes.flat, strict=True):
        plot_ledger(ledger[units == name], ax)
        ax.set_xlabel(f"contradicts ← 0 → supports ({name})")
    handles = [Line2D([], [], **style, label=verdict) for verdict, style in VERDICTS.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False)
    return figure


def plot_ledger(rows: pd.DataFrame, axes: Axes) -> Axes:
    """Draws the estimate and the 95 % interval of each claim, in a row of its own, and a line at 0. A claim without an
    estimate has its verdict written there instead."""
    axes.axvline(0, color="black", linewidth=0.8)
    for place, row in enumerate(rows.to_dict("records")):
        if np.isnan(row["estimate"]):
            axes.annotate(row["verdict"], (0, place), (4, 0), textcoords="offset points", va="center", fontsize=9)
            continue
        style = VERDICTS[row["verdict"]]
        axes.hlines(place, row["low"], row["high"], color=style["color"])
        axes.plot(row["estimate"], place, linestyle="none", **style)
    axes.set(yticks=range(len(rows)), yticklabels=rows["claim"], ylim=(len(rows) - 0.5, -0.5))
    axes.xaxis.set_major_locator(MaxNLocator(6))
    return axes


def draw_seeds(scores: pd.DataFrame, split: str = "val") -> Figure:
    """A figure with a panel for each metric of `seeds.score_seeds` on one split."""
    rows = scores[scores["split"] == split]
    metrics = list(dict.fromkeys(rows["metric"]))
    figure, axes = plt.subplots(1, len(metrics), figsize=(6.5, 1.1 + 0.24 * rows["code"].nunique()),
                                layout="constrained", sharey=True, squeeze=False)
    for metric, ax in zip(metrics, axes.flat, strict=True):
        plot_seeds(rows[rows["metric"] == metric], ax)
        ax.set_title(metric_name(metric, "figure"))
    handles = [Line2D([], [], linestyle="none", **SEEDS[several], label=label)
               for several, label in ((True, "one of several seeds"), (False, "the only seed"))]
    handles.append(Line2D([], [], linestyle="none", marker="|", color="black", markersize=12, label="mean"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def plot_seeds(rows: pd.DataFrame, axes: Axes) -> Axes:
    """Draws the scores of one metric: a dot for each seed, a row for each variant, and a bar at the mean of a variant
    with several seeds."""
    codes = list(dict.fromkeys(rows["code"]))
    for place, code in enumerate(codes):
        values = rows.loc[rows["code"] == code, "value"].to_numpy()
        axes.plot(values, np.full(len(values), place), linestyle="none", **SEEDS[len(values) > 1])
        if len(values) > 1:
            axes.plot(values.mean(), place, marker="|", color="black", markersize=12)
    axes.set(yticks=range(len(codes)), yticklabels=codes, ylim=(len(codes) - 0.5, -0.5))
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.margins(x=0.15)
    return axes


def draw_decomposition(contributions: pd.DataFrame) -> Figure:
    """A figure of the pairs of `sensitivity.decompose`, one below the other, with a legend."""
    pairs = len(contributions[["a", "b"]].drop_duplicates())
    figure, axes = plt.subplots(figsize=(6.5, 1.2 + 0.35 * pairs), layout="constrained")
    plot_decomposition(contributions, axes)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def plot_decomposition(contributions: pd.DataFrame, axes: Axes) -> Axes:
    """Draws a bar for each pair of `sensitivity.decompose`, stacked from the contributions of the parts, and a diamond
    at their sum.

    Parts in favour of the first system of the pair lie to the right of 0, those in favour of the second to the left.
    """
    wide = contributions.assign(pair=contributions["a"] + " over " + contributions["b"])
    wide = wide.pivot(index="pair", columns="part", values="contribution").loc[list(dict.fromkeys(wide["pair"]))]
    places, ends = np.arange(len(wide)), {1: np.zeros(len(wide)), -1: np.zeros(len(wide))}
    for part, (colour, hatch) in PARTS.items():
        for sign, end in ends.items():
            width = np.where(np.sign(wide[part]) == sign, wide[part], 0.0)
            axes.barh(places, width, left=end, height=0.6, color=colour, hatch=hatch, edgecolor="white",
                      label=NAMES[part] if sign > 0 else None)
            end += width
    axes.plot(wide.sum(axis=1), places, "D", color="black", markersize=5, label="difference")
    axes.axvline(0, color="black", linewidth=0.8)
    axes.use_sticky_edges = False  # otherwise the longest bar would end on the frame
    axes.autoscale_view()
    axes.set(yticks=places, yticklabels=wide.index, ylim=(len(wide) - 0.5, -0.5),
             xlabel=f"contribution to {S_MTL['figure']}")
    return axes
