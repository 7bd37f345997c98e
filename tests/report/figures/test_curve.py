"""The figure of learning curves shows the numbers of its table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from burst2vec.report.figures.curve import draw_curve


def test_a_line_for_each_system_and_random_weights_dashed_in_the_colour_of_their_backbone():
    rows = [(system, speakers, value + speakers / 1000, value - 0.01, value + 0.02)
            for system, value in (("log-mel", 0.1), ("x, random weights", 0.2), ("x, pre-trained", 0.3))
            for speakers in (10, 40)]
    axes, = draw_curve(pd.DataFrame(rows, columns=["system", "speakers", "estimate", "low", "high"])).axes
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(lines["x, pre-trained"].get_ydata(), [0.31, 0.34])
    assert lines["x, random weights"].get_linestyle() == "--" and lines["log-mel"].get_linestyle() == "-"
    assert lines["x, random weights"].get_color() == lines["x, pre-trained"].get_color() != lines["log-mel"].get_color()
    assert [text.get_text() for text in axes.get_xticklabels()] == ["10", "40"] and axes.get_xscale() == "log"
