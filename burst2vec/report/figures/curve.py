"""The figure of learning curves."""

from __future__ import annotations

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from burst2vec.report.answers import PRETRAINED, RANDOM
from burst2vec.report.figures.style import DASHES, PALETTE

MARKERS = "osD^vP"


def draw_curve(scores: pd.DataFrame) -> Figure:
    """A figure of macro-F1 by the number of training speakers, on a logarithmic axis, a line for each system.

    `scores` is that of `report.curve.Curve`. A backbone's systems share a colour; dashed are those with random weights.
    """
    figure, axes = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
    families = list(dict.fromkeys(_family(system) for system in scores["system"]))
    shift = 1.0
    for system, part in scores.groupby("system", sort=False):
        place = families.index(_family(str(system)))
        x = part["speakers"] * shift
        shift *= 1.015  # so that intervals stand side by side
        axes.plot(x, part["estimate"], DASHES[str(system).endswith(RANDOM)], marker=MARKERS[place % len(MARKERS)],
                  markersize=4, color=PALETTE[place], label=system)
        axes.vlines(x, part["low"], part["high"], color=PALETTE[place], alpha=0.5)
    axes.set(xscale="log", xlabel="training speakers", ylabel="macro-F1", ylim=(0, None))
    ticks = sorted(scores["speakers"].unique())
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def _family(system: str) -> str:
    return system.removesuffix(PRETRAINED).removesuffix(RANDOM)
