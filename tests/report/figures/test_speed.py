"""The figures of the page *Speed* show the files they were given."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Text

from burst2vec.report.figures.speed import draw_growth, draw_steps, plot_audio_shares
from burst2vec.report.speed.measured import CONTENDERS
from tests.support import speed_files as made


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def assert_legible(figure):
    figure.canvas.draw()
    assert figure.get_figwidth() == 6.5
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text() and text.get_visible()) >= 9


def test_each_way_of_batching_has_a_bar_with_its_share():
    axes = plot_audio_shares({"packed": 0.957, "padded": 0.39, "sorted": 0.999}, plt.subplots(figsize=(6.5, 1.8))[1])
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([95.7, 39, 99.9])
    assert [text.get_text() for text in axes.texts] == ["96 %", "39 %", "100 %"]
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "random, groups packed", "random, padded to the longest", "sorted, padded to the longest"]
    assert_legible(axes.figure)


def test_every_turn_is_a_dot_and_every_mean_step_a_large_one_under_hardware_and_date():
    figure = draw_steps([made.training_step(), made.training_step("large", made.ON_GPU)])
    assert [ax.get_title() for ax in figure.axes] == [
        "HuBERT base, Abacus, 2 cores, 2026-01-02", "HuBERT large, Loom, 2026-01-02"]
    turns, mean = figure.axes[0].lines[4:6]
    assert turns.get_xydata().tolist() == [[150, 17], [200, 23]] and mean.get_xydata().tolist() == [[175, 20]]
    assert legend(figure) == list(CONTENDERS.values())
    assert_legible(figure)


def test_a_trainer_that_ran_out_of_memory_has_no_dots():
    content = made.training_step(trainer_documented_s=None)
    del content["turns"]["trainer_documented"]
    figure = draw_steps([content])
    assert legend(figure) == [title for name, title in CONTENDERS.items() if name != "trainer_documented"]


def test_growth_has_a_line_for_each_file_in_time_and_in_memory():
    figure = draw_growth([made.growth(), made.growth("large", made.ON_GPU)])
    seconds, memory = figure.axes
    assert seconds.lines[0].get_xydata().tolist() == [[0.5, 0.25], [2, 1], [20, 10]]
    assert [text.get_text() for text in seconds.get_xticklabels()] == ["0.5", "2", "20"]
    assert memory.lines[1].get_ydata().tolist() == [500, 2000, 20_000]
    assert legend(figure) == ["HuBERT base, Abacus, 2 cores, 2026-01-02, 4 bursts a step",
                              "HuBERT large, Loom, 2026-01-02, 4 bursts a step"]
    assert_legible(figure)
