"""The figures of the audit show the tables they were given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from burst2vec.corpora.corpus import Task
from burst2vec.report.figures.audit import draw_bias_losses, draw_pairs_by_group, draw_probes

EMOTION = Task("emotion", "intensities", ("Awe", "Fear"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("China", "USA"))
LABELS = {"V4": "with adversary", "V5": "without"}


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.fixture
def probed():
    rows = [(code, name, task, metric, constant, skill)
            for code, gain in (("V4", 0.0), ("V5", 0.1)) for name in ("pooled", "shared")
            for task, metric, constant, skill in (("emotion", "CCC", 0.0, 0.4 + gain), ("age", "MAE", 4.0, 0.1 + gain))]
    table = pd.DataFrame(rows, columns=["code", "representation", "task", "metric", "constant", "skill"])
    mae = table["metric"] == "MAE"
    return table.assign(skill_low=table["skill"] - 0.05, skill_high=table["skill"] + 0.05,
                        floor_low=np.where(mae, 3.8, -0.1), floor_high=np.where(mae, 4.4, 0.1))


def test_every_reading_stands_at_its_skill_on_its_floor(probed):
    figure = draw_probes(probed, [EMOTION, AGE], LABELS)
    for ax, skill, floor in zip(figure.axes, (0.4, 0.1), ((-0.1, 0.1), (-0.1, 0.05)), strict=True):
        dots = [line for line in ax.lines if line.get_marker() != "None"]
        np.testing.assert_allclose([line.get_xdata() for line in dots], [[skill] * 2, [skill + 0.1] * 2])
        bar = ax.collections[0].get_segments()[0]
        np.testing.assert_allclose(bar[:, 0], floor)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["pooled", "shared"]
    assert legend(figure) == ["floor", *LABELS.values()]


def test_scores_stand_above_their_groups_with_their_level_and_the_speakers():
    scores = pd.DataFrame({"code": ["V4", "V5"] * 2, "group": ["20–25"] * 2 + ["25–30"] * 2,
                           "estimate": [0.4, 0.5, 0.6, 0.7], "low": 0.2, "high": 0.9, "speakers": [12, 12, 3, 3]})
    figure = draw_pairs_by_group(scores, [LABELS], pd.Series({"20–25": 0.25, "25–30": 0.5}), "chance")
    ax = figure.axes[0]
    dots = {line.get_label(): line.get_ydata().tolist() for line in ax.lines}
    assert dots == {"with adversary": [0.4, 0.6], "without": [0.5, 0.7]}
    assert [label.get_text() for label in ax.get_xticklabels()] == ["20–25\n12", "25–30\n3"]
    assert {segment[0][1] for segment in ax.collections[-1].get_segments()} == {0.25, 0.5}
    assert legend(figure) == ["with adversary", "without", "chance"] and ax.get_title() == "V4 and V5"


def test_a_loss_stands_in_the_row_of_its_system_and_the_colour_of_its_group():
    losses = pd.DataFrame({"code": ["V4", "V5", "V4", "V5", "Country median"],
                           "metric": ["cou_uar"] * 2 + ["age_mae"] * 3, "beyond_constant": [0.01, 0.02, 0.2, 0.1, 1.0],
                           "low": 0.0, "high": 1.5})
    groups = {"with adversary": ["V4"], "without": ["V5"], "trivial": ["Country median"]}
    figure = draw_bias_losses(losses, [AGE, COUNTRY], groups)
    assert [ax.get_xlabel() for ax in figure.axes] == ["worse UAR", "worse MAE (years)"]
    dots = [(line.get_label(), line.get_xdata().tolist(), list(line.get_ydata()))
            for line in figure.axes[1].lines if line.get_marker() != "None"]
    assert dots == [("with adversary", [0.2], [0]), ("without", [0.1], [1]), ("trivial", [1.0], [2])]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["V4", "V5", "Country median"]
    assert figure.axes[0].yaxis_inverted() and legend(figure) == list(groups)


def test_letters_are_large_enough_to_read(probed):
    figure = draw_probes(probed, [EMOTION, AGE], LABELS)
    figure.canvas.draw()
    assert figure.get_figwidth() == 6.5
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 9
