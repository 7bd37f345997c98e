"""The figures of debiasing show what the record holds."""

import pytest
from matplotlib import pyplot as plt

from burst2vec.report import debiasing
from burst2vec.report.figures.debiasing import draw_losses, draw_read, draw_twins
from tests.report.test_debiasing import record


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_every_way_and_bias_has_its_mark_at_its_effect():
    axes = draw_twins(record({("upstream", 2): 0.4})).axes
    assert [ax.get_title() for ax in axes] == ["age (years)", "country (UAR)", "emotion (CCC)"]
    labels = [tick.get_text() for tick in axes[0].get_yticklabels()]
    assert labels == [debiasing.WAYS[way] for way in debiasing.WAYS if way != "none"]
    marks = {line.get_label(): line for line in axes[0].lines if line.get_label() in debiasing.BIASES.values()}
    assert list(marks) == list(debiasing.BIASES.values())
    strong = marks["with a bias twice as strong"]
    assert strong.get_xdata()[labels.index("adversary, upstream")] == pytest.approx(0.4)
    assert len(marks["without a bias"].get_xdata()) == 3  # the rivals need a bias


def test_losses_and_probes_have_their_panels():
    lost = draw_losses(record()).axes
    assert [len(ax.lines) for ax in lost] == [3] * 4  # the zero line and two biases
    assert lost[0].get_yticklabels()[0].get_text() == "no adversary"
    assert len(draw_read(record()).axes) == len(debiasing.READ)
