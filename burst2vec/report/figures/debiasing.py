"""Figures of the study of debiasing."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from burst2vec.report.debiasing import BIASES, OTHERS, READ, WAYS, effects
from burst2vec.report.figures.style import PALETTE

MARKERS = {0: ("s", "white"), 1: ("o", PALETTE[0]), 2: ("D", PALETTE[3])}
"""The marker and the colour of each bias."""

SHIFT = 0.22
"""The distance between the biases of a way, in rows."""


def draw_twins(content: Mapping) -> Figure:
    """A figure with a panel for each metric: by how much each way is better on the twins than no adversary."""
    return _draw({"age (years)": effects(content, "twins", "age_mae"),
                  **{f"{task} ({metric[-3:].upper()})": effects(content, "twins", metric)
                     for metric, task in OTHERS.items()}}, "better on the twins than without an adversary")


def draw_losses(content: Mapping) -> Figure:
    """A figure of four panels: what each way loses from bursts to twins in age and in country, and by how much less
    than without an adversary."""
    lost, tasks = pd.DataFrame(content["losses"]), {"age_mae": "age (years)", "cou_uar": "country (UAR)"}
    return _draw({**{f"{task}, lost": lost[lost["metric"] == metric] for metric, task in tasks.items()},
                  **{f"{task}, lost less": effects(content, "loss", metric) for metric, task in tasks.items()}},
                 "lost on the twins, and lost less than without an adversary", columns=2)


def draw_read(content: Mapping) -> Figure:
    """A figure with a panel for each representation and foreign task: how much better a probe reads it than without an
    adversary, on the twins."""
    return _draw({words: effects(content, f"probe of {name}", metric) for (name, metric), words in READ.items()},
                 "better read than without an adversary: UAR of country, years of age", columns=2)


def _draw(panels: Mapping[str, pd.DataFrame], label: str, columns: int = 3) -> Figure:
    ways = [way for way in WAYS if any(way in set(rows["way"]) for rows in panels.values())]
    columns = min(columns, len(panels))
    rows_of = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows_of, columns, figsize=(6.5, 0.8 + rows_of * (0.4 + 0.36 * len(ways))),
                                layout="constrained", sharey=True, squeeze=False)
    for ax, (title, rows) in zip(axes.flat, panels.items(), strict=True):
        plot_effects(rows, ways, ax)
        ax.set_title(title, fontsize=9)
    axes.flat[0].invert_yaxis()
    figure.supxlabel(label, fontsize=9)
    handles = dict(zip(*reversed(axes.flat[0].get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3, frameon=False)
    return figure


def plot_effects(rows: pd.DataFrame, ways: list[str], axes: Axes) -> Axes:
    """Draws the `difference` of each way and bias with its interval, in a row for each of the `ways`."""
    axes.axvline(0, color="black", linewidth=0.8, linestyle=":")
    for bias, (marker, colour) in MARKERS.items():
        part = rows[rows["bias"] == bias]
        places = [ways.index(way) + SHIFT * (bias - 1) for way in part["way"]]
        edge = "0.3" if colour == "white" else colour
        axes.hlines(places, part["low"], part["high"], color=edge, linewidth=1.2)
        if len(part):
            axes.plot(part["difference"], places, marker=marker, linestyle="", markersize=5, markerfacecolor=colour,
                      markeredgecolor=edge, label=BIASES[bias])
    axes.set_yticks(range(len(ways)), [WAYS[way] for way in ways])
    axes.locator_params(axis="x", nbins=4)
    return axes
