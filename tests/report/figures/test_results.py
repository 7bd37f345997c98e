"""The figures of the results show the numbers that they were given, without a warning."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from burst2vec.report.figures.results import (
    draw_ensembles,
    draw_errors_by_group,
    plot_confusion,
    plot_discriminator,
    plot_output_scores,
    plot_validation,
)
from burst2vec.results import scores
from tests.support.table2 import AGE, COUNTRY, EMOTION, TASKS, made_up, measured


def history():
    moments = [(code, iteration, 1) for code in ("V1", "V4") for iteration in (10, 20)]
    rows = [(*moment, "train", task.name, term, 1.0) for moment in moments for task in TASKS
            for term in ("total", "discriminator")]
    rows += [(*moment, "validation", task.name, metric, 0.5) for moment in moments
             for task, metric in zip(TASKS, ("CCC", "MAE", "UAR"), strict=True)]
    return pd.DataFrame(rows, columns=["code", "iteration", "epoch", "stage", "task", "term", "value"])


def test_a_curve_has_a_line_for_each_system_and_its_unit():
    axes = plot_validation(history(), AGE, plt.subplots()[1])
    assert len(axes.lines) == 2 and axes.get_ylabel() == "age MAE (years)"


def test_the_discriminator_stands_beside_a_blind_guess():
    blind = plot_discriminator(history(), 3, plt.subplots()[1]).lines[0]
    assert blind.get_ydata()[0] == pytest.approx(np.log(3))


def test_errors_have_a_panel_for_each_group():
    corpus, systems = made_up()
    errors = scores.errors_by_group(AGE, "country", corpus.split("val"), systems, resamples=50)
    assert len(draw_errors_by_group(errors, "years", ["A"]).axes) == 2


def test_scores_confusion_and_ensembles_are_drawn():
    corpus, systems = made_up()
    val = corpus.split("val")
    of_each = scores.score_each_output(EMOTION, val, systems)
    assert len(plot_output_scores(of_each, plt.subplots()[1]).texts) == of_each.size
    shares = scores.confusion(COUNTRY, val, systems["V4"])
    assert len(plot_confusion(shares, plt.subplots()[1]).texts) == shares.size
    ensembles = draw_ensembles(measured(), {"A": ("V1", "V4")}, ["emo_ccc", "s_mtl"])
    ensembles.canvas.draw()
    assert len(ensembles.axes) == 2
