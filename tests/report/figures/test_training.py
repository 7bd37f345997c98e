"""The figures of one training show each task's terms and metric, and where its weights were taken."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.text import Text

from burst2vec.report.figures.training import draw_curves, draw_terms, draw_validation
from burst2vec.results.trainings import REACH, SEED, Training
from tests.support import trainings as made
from tests.support.table2 import AGE, COUNTRY, EMOTION, TASKS


@pytest.fixture
def history():
    """Three iterations with terms of every task's loss, of which one is the country's alone, and two validations."""
    rows = [(iteration, "train", task.name, term, value + iteration) for iteration in (1, 2, 3) for task in TASKS
            for term, value in (("total", 9), ("task", 1), ("discriminator", 2), ("padding", 0.1))]
    rows += [(iteration, "train", "country", "adversary_shared", 3 + iteration) for iteration in (1, 2, 3)]
    rows += [(iteration, "validation", task.name, metric, iteration / 10) for iteration in (1, 3)
             for task, metric in zip(TASKS, ("CCC", "MAE", "UAR"), strict=True)]
    table = pd.DataFrame(rows, columns=["iteration", "stage", "task", "term", "value"])
    return table.sample(frac=1, random_state=0).sort_values("iteration", kind="stable", ignore_index=True)


def test_every_term_of_a_tasks_loss_is_a_line_but_for_their_sum_and_the_padding(history):
    figure = draw_terms(history, TASKS)
    assert [ax.get_title() for ax in figure.axes] == [task.name for task in TASKS]
    lines = [{line.get_label(): line.get_ydata().tolist() for line in ax.lines} for ax in figure.axes]
    usual = {"task": [2, 3, 4], "discriminator": [3, 4, 5]}
    assert lines == [usual, usual, usual | {"adversary on shared": [4, 5, 6]}]
    assert {text.get_text() for text in figure.legends[0].get_texts()} == set(lines[2])
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "", ""]


def test_a_term_has_one_colour_and_dash_in_all_panels(history):
    figure = draw_terms(history, TASKS)
    styles = {(line.get_label(), (line.get_color(), line.get_linestyle())) for ax in figure.axes for line in ax.lines}
    assert len(styles) == len(dict(styles)) == len(set(dict(styles).values())) == 3


def test_the_kept_iteration_is_marked_on_every_tasks_metric(history):
    figure = draw_validation(history, [AGE, COUNTRY], kept=3)
    assert [ax.get_ylabel() for ax in figure.axes] == ["age MAE (years)", "country UAR"]
    for ax in figure.axes:
        curve, mark = ax.lines
        assert curve.get_xydata().tolist() == [[1, 0.1], [3, 0.3]]
        assert list(mark.get_xdata()) == [3, 3] and ax.get_title() == ""


def test_every_variant_has_a_column_and_every_seed_a_line_with_shared_scales():
    trained = [Training(code, kind, {}, {"iterations": 1200}, made.history(), pd.DataFrame())
               for code, kind in (("V1", SEED), ("V1", SEED), ("V4", SEED), ("V4", REACH))]
    figure = draw_curves(trained, [EMOTION, AGE], {"emotion": 0.0, "age": 4.2})
    first, second, third, fourth = figure.axes
    assert [ax.get_title() for ax in figure.axes] == ["V1", "V4", "", ""]
    assert [line.get_ydata()[0] for line in third.lines] == [4.2, 5.0, 5.0]
    assert third.get_ylabel() == "age\nMAE\n(years)" and second.get_ylabel() == ""
    assert [line.get_linestyle() for line in second.lines] == [":", "-", "--"]
    assert first.get_ylim() == second.get_ylim() != third.get_ylim() == fourth.get_ylim()
    assert [text.get_text() for text in fourth.get_xticklabels()] == ["1,200"] and fourth.get_xlabel() == "step"
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {
        "constant, audio-free", "one seed", "the other reach"}


def test_letters_are_large_enough_to_read(history):
    for figure in (draw_terms(history, TASKS), draw_validation(history, TASKS, 1)):
        figure.canvas.draw()
        assert figure.get_figwidth() == 6.5
        assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 9
