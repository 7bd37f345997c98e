"""Figures of the dataset page: how labels and durations are distributed."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from burst2vec.corpora.corpus import SPLITS, Task
from burst2vec.inspection.description import SPLIT_NAMES, band_edges, band_width, categories
from burst2vec.report.figures.style import PALETTE

MARKERS = "osD^v<>pP*"
"""Markers of the classes, in their order."""


def draw_labels(table: pd.DataFrame, scalar: Task, classes: Task) -> Figure:
    """The paper's Figure 1: the number of bursts in each band of the scalar, by class, and the spread of each
    class over the bands below it."""
    figure, axes = plt.subplots(2, 1, figsize=(6.5, 5.6), layout="constrained", sharex=True)
    plot_stacked(table, scalar, classes, axes[0])
    plot_spread(table, scalar, classes, axes[1])
    axes[0].set_xlabel("")
    return figure


def plot_stacked(table: pd.DataFrame, scalar: Task, classes: Task, axes: Axes) -> Axes:
    """Draws a stacked histogram of the scalar in bands, with a colour for each class."""
    values = [table.loc[table[classes.columns[0]] == c, scalar.columns[0]].dropna() for c in classes.classes]
    colours = sns.color_palette("colorblind", len(values))
    edges = band_edges(pd.concat(values), band_width(scalar)).tolist()
    axes.hist(values, bins=edges, stacked=True, color=colours, label=list(classes.classes), edgecolor="white",
              linewidth=0.5)
    axes.set(xlabel=_name(scalar), ylabel="bursts")
    axes.legend(frameon=False, ncols=2, reverse=True)
    return axes


def plot_spread(table: pd.DataFrame, scalar: Task, classes: Task, axes: Axes) -> Axes:
    """Draws the share of each class's bursts in every band of the scalar, with a line for each class."""
    known = table[scalar.labelled(table) & classes.labelled(table)]
    edges = band_edges(known[scalar.columns[0]], band_width(scalar))
    colours = sns.color_palette("colorblind", len(classes.classes))
    for name, colour, marker in zip(classes.classes, colours, _cycle(MARKERS, len(colours)), strict=True):
        counts = np.histogram(known.loc[known[classes.columns[0]] == name, scalar.columns[0]], edges)[0]
        middles, shares = (edges[:-1] + edges[1:]) / 2, 100 * counts / max(counts.sum(), 1)
        axes.plot(middles, shares, marker=marker, color=colour, markersize=5, label=name)
    axes.set(xlabel=_name(scalar), ylabel=f"% of the {classes.name}'s bursts", ylim=(0, None))
    axes.set_xticks(edges)
    axes.legend(frameon=False, ncols=2)
    return axes


def plot_durations(seconds: np.ndarray, splits: pd.Series, axes: Axes) -> Axes:
    """Draws a histogram of the durations (bursts,) for each split, in shares, so that splits of unequal size can be
    compared. Durations beyond the 99.9th percentile are counted in the last bin."""
    edges = np.linspace(0, np.quantile(seconds, 0.999), 41)
    for split, colour, dash in zip(SPLITS, PALETTE, ("-", "--", ":"), strict=False):
        own = np.minimum(seconds[(splits == split).to_numpy()], edges[-1])
        if len(own):
            label = f"{SPLIT_NAMES[split]}, median {np.median(own):.2f} s"
            axes.hist(own, edges.tolist(), weights=np.full(len(own), 100 / len(own)), histtype="step", color=colour,
                      linestyle=dash, linewidth=1.4, label=label)
    axes.set(xlabel="duration (s)", ylabel="% of the bursts")
    axes.legend(frameon=False)
    return axes


def plot_frequencies(task: Task, table: pd.DataFrame, axes: Axes) -> Axes:
    """Draws the share of the bursts that are of each class, or whose strongest intensity is each; the most frequent is
    at the top."""
    shares = 100 * categories(task, table).value_counts(normalize=True, ascending=True)
    bars = axes.barh(shares.index.astype(str), shares, color=PALETTE[0])
    axes.bar_label(bars, fmt="%.1f", padding=2, fontsize=9)
    axes.set(xlabel="% of the bursts")
    axes.margins(x=0.1, y=0.02)
    return axes


def plot_intensities(task: Task, table: pd.DataFrame, axes: Axes, bins: int = 10) -> Axes:
    """Draws how the values of each intensity are distributed: the share of the bursts in bins of equal width, with a
    row for each intensity."""
    labels = table.loc[task.labelled(table), list(task.columns)]
    edges = np.arange(bins + 1) / bins  # each the nearest to its decimal, unlike those of linspace
    counts = pd.DataFrame({name: np.histogram(labels[name], edges)[0] for name in task.columns}).T
    names = [f"{low:.1f}–{high:.1f}" for low, high in zip(edges[:-1], edges[1:], strict=True)]
    sns.heatmap(100 * counts.set_axis(names, axis=1) / len(labels), ax=axes, cmap="cividis", vmin=0, vmax=20,
                annot=True, fmt=".0f", annot_kws={"size": 9}, linewidths=0.5, cbar=False)
    axes.set(xlabel="intensity", ylabel="")
    axes.tick_params(axis="x", rotation=45, length=0)
    axes.tick_params(axis="y", rotation=0, length=0)
    return axes


def _name(scalar: Task) -> str:
    return f"{scalar.name} ({scalar.unit})" if scalar.unit else scalar.name


def _cycle(symbols: str, number: int) -> str:
    return (symbols * (number // len(symbols) + 1))[:number]
