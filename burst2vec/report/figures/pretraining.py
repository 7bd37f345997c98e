"""Figures of a pre-training: what is guessed of the speakers held out, as learning goes on."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from burst2vec.report.figures.style import PALETTE


def draw_guesses(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """A figure with a column for each history (`trainer.HISTORY`) by its name: above the held-out loss over steps
    beside that of a constant guess, below the accuracy. Curves begin anew in each iteration, whose units are others.
    Every panel has a scale of its own, since losses in other units cannot be compared.
    """
    figure, axes = plt.subplots(2, len(histories), figsize=(6.5, 3.8), layout="constrained", squeeze=False,
                                sharex="col")
    for (name, history), (loss, accuracy) in zip(histories.items(), axes.T, strict=True):
        for _, part in history.groupby("iteration"):
            loss.plot(part["step"], part["loss"], color=PALETTE[0], label="held-out loss")
            loss.plot(part["step"], part["constant"], color="0.5", linestyle="--", label="of a constant guess")
            accuracy.plot(part["step"], part["accuracy"], color=PALETTE[2])
        loss.set_title(name)
        accuracy.set_xlabel("step")
    axes[0, 0].set_ylabel("loss")
    axes[1, 0].set_ylabel("accuracy")
    lines = {line.get_label(): line for line in axes[0, 0].lines}
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=2, frameon=False)
    return figure
