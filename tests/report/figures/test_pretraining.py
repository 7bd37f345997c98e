"""The figure shows every iteration of every history, beside what a constant guess would cost in it."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.text import Text

from burst2vec.pretraining.trainer import HISTORY
from burst2vec.report.figures.pretraining import draw_guesses


@pytest.fixture
def figure():
    one = pd.DataFrame([(1, 10, 5, 4.5, 0.1, 4.6, 50), (1, 20, 5, 4.0, 0.2, 4.6, 50)], columns=HISTORY)
    two = pd.DataFrame([(1, 10, 5, 4.1, 0.1, 4.2, 50), (2, 20, 5, 3.0, 0.3, 3.9, 50)], columns=HISTORY)
    return draw_guesses({"wav2vec2": one, "hubert": two})


def test_each_history_has_its_loss_above_its_accuracy(figure):
    above, other, below, _ = figure.axes
    assert [ax.get_title() for ax in (above, other)] == ["wav2vec2", "hubert"]
    assert [line.get_xydata().tolist() for line in above.lines] == [[[10, 4.5], [20, 4.0]], [[10, 4.6], [20, 4.6]]]
    assert [line.get_xydata().tolist() for line in below.lines] == [[[10, 0.1], [20, 0.2]]]
    assert [above.get_ylabel(), below.get_ylabel(), below.get_xlabel()] == ["loss", "accuracy", "step"]


def test_no_line_leads_from_one_iteration_to_the_next_and_each_has_its_own_constant(figure):
    lines = [line.get_xydata().tolist() for line in figure.axes[1].lines]
    assert lines == [[[10, 4.1]], [[10, 4.2]], [[20, 3.0]], [[20, 3.9]]]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["held-out loss", "of a constant guess"]


def test_letters_are_large_enough_to_read(figure):
    figure.canvas.draw()
    assert figure.get_figwidth() == 6.5
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 9
