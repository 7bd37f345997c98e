"""Figures of the page *Speed*. The title or the legend of everything measured names the hardware and the date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from burst2vec.report.figures.style import DASHES, PALETTE
from burst2vec.report.speed.measured import CONTENDERS, WAYS, circumstances

MARKERS = ("o", "D", "s", "^", "v")
"""The markers of the contenders, and of the files of one benchmark, in their order."""


def plot_audio_shares(shares: Mapping[str, float], axes: Axes) -> Axes:
    """Draws the share of audio in batches (`measured.audio_shares`) as a bar for each way of batching."""
    percent = [100 * share for share in shares.values()]
    bars = axes.barh([WAYS[way] for way in shares], percent, color=PALETTE[0], height=0.6)
    axes.bar_label(bars, fmt="%.0f %%", padding=3)
    axes.set(xlabel="audio in batches (%)", xlim=(0, 110), xticks=range(0, 101, 20))
    axes.invert_yaxis()
    return axes


def draw_steps(contents: Sequence[Mapping]) -> Figure:
    """A figure with a panel (`plot_steps`) for each file of `benchmarks.training_step`."""
    figure, axes = plt.subplots(len(contents), 1, figsize=(6.5, 0.7 + 2.6 * len(contents)), layout="constrained",
                                squeeze=False)
    for content, ax in zip(contents, axes.flat, strict=True):
        plot_steps(content, ax)
    axes.flat[-1].set_xlabel("audio in a batch, padding included (s)")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def plot_steps(content: Mapping, axes: Axes) -> Axes:
    """Draws the seconds of a step over the audio in its batch: a small mark for each turn, and a large one for each
    contender's mean step. The title names the hardware and the date."""
    for number, (name, title) in enumerate(CONTENDERS.items()):
        style = {"color": PALETTE[number], "marker": MARKERS[number], "linestyle": ""}
        turns = pd.DataFrame(content["turns"].get(name, ()), columns=["padded_s", "seconds"])
        axes.plot(turns["padded_s"], turns["seconds"], markersize=3, alpha=0.6, **style)
        if content[f"{name}_s"] is not None:
            axes.plot([content["epoch"][name]["padded_s"]], [content[f"{name}_s"]], markersize=9, label=title, **style)
    axes.set(ylabel="s a step", title=circumstances(content), xlim=(0, None), ylim=(0, None))
    return axes


def draw_growth(contents: Sequence[Mapping]) -> Figure:
    """A figure of the seconds and the memory of a step over the length of its bursts, with a line for each file
    of `benchmarks.growth`."""
    figure, axes = plt.subplots(1, 2, figsize=(6.5, 2.9 + 0.2 * len(contents)), layout="constrained")
    for column, label, ax in zip(("step_s", "peak_mib"), ("s a step", "peak of memory (MiB)"), axes, strict=True):
        plot_growth(contents, column, ax)
        ax.set_ylabel(label)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", frameon=False)
    return figure


def plot_growth(contents: Sequence[Mapping], column: str, axes: Axes) -> Axes:
    """Draws one column of `lengths` over the length of a burst, on logarithmic axes: what grows in proportion to the
    length has slope 1."""
    for number, content in enumerate(contents):
        rows = pd.DataFrame(content["lengths"])
        label = f"{circumstances(content)}, {content['batch']} bursts a step"
        axes.plot(rows["audio_s"], rows[column], color=PALETTE[number % len(PALETTE)], marker=MARKERS[number % 3],
                  linestyle=DASHES[number % 3], markersize=4, label=label)
    axes.set(xlabel="length of each burst (s)", xscale="log", yscale="log")
    lengths = sorted({row["audio_s"] for content in contents for row in content["lengths"]})
    axes.set_xticks(lengths, [f"{length:g}" for length in lengths])
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    return axes
