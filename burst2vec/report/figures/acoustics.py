"""The figure of a corpus's measured acoustics beside those published for real bursts."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from burst2vec.inspection.acoustics import PUBLISHED, compare

PANELS = {
    "f0": "mean F0 (Hz)",
    "voiced": "voiced share",
    "duration": "duration (s)",
    "rate": "syllables a second",
}
"""The label of each measure's axis, by the measure's name in `acoustics.compare`; one panel for each."""


def draw_against_published(measured: pd.DataFrame, published: pd.DataFrame = PUBLISHED) -> Figure:
    """A figure with a panel for each of `PANELS`, and in it a row for each published category and sex.

    Round marks are the medians of the `measured` acoustics (`acoustics.measure_corpus`), diamonds the `published` ones.
    Bars reach from the first to the third quartile where these are known.
    """
    comparison = compare(measured, published)
    figure, panels = plt.subplots(2, 2, figsize=(6.5, 7.0), sharey=True, layout="constrained")
    axes = panels.ravel()
    for ax, (measure, label) in zip(axes, PANELS.items(), strict=True):
        _draw_panel(ax, comparison[comparison["measure"] == measure])
        ax.set_xlabel(label, fontsize=10)
    axes[0].set_xscale("log")
    axes[0].set_xticks([200, 500, 1000, 2000], ["200", "500", "1000", "2000"])
    axes[0].minorticks_off()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False, fontsize=10)
    return figure


def _draw_panel(ax: Axes, rows: pd.DataFrame) -> None:
    """Draws one measure: categories from top to bottom, measured and published values side by side."""
    place = np.arange(len(rows))
    ours, theirs = sns.color_palette("colorblind")[:2]
    ax.hlines(place - 0.14, rows["q25"], rows["q75"], color=ours, linewidth=2)
    ax.plot(rows["median"], place - 0.14, "o", color=ours, markersize=5, label="this corpus")
    ax.hlines(place + 0.14, rows["published_q25"], rows["published_q75"], color=theirs, linewidth=2)
    ax.plot(rows["published"], place + 0.14, "D", color=theirs, markersize=5, label="Anikin & Persson (2017)")
    names = [f"{category} ({sex})" for category, sex in zip(rows["category"], rows["sex"], strict=True)]
    ax.set_yticks(place, names)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.tick_params(labelsize=9)
    ax.grid(axis="x", alpha=0.3)
