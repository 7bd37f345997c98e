"""The figure of the study of batches shows the file's numbers."""

from __future__ import annotations

import matplotlib.pyplot as plt

from burst2vec.report.figures.studies import draw_batches


def test_each_seed_is_a_line_over_the_ways_in_their_order():
    values = {"random": (0.5, 0.6), "windows": (0.4, 0.45), "sorted": (0.3, 0.2)}
    rows = [{"way": way, "seed": seed, "task": "emotion", "metric": "CCC", "value": value}
            for way, of_way in reversed(values.items()) for seed, value in enumerate(of_way)]
    axes, = draw_batches({"rows": rows}).axes
    assert [line.get_ydata().tolist() for line in axes.lines] == [[0.5, 0.4, 0.3], [0.6, 0.45, 0.2]]
    assert axes.get_title() == "emotion" and axes.get_ylabel() == "CCC"
    plt.close("all")
