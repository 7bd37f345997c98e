"""Colours, dashes and letters can be told apart and read by everybody."""

from __future__ import annotations

import io
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest

from burst2vec.report.figures.style import DASHES, PALETTE, STYLE, use_style

SIMULATED = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
"""What readers with each kind of colour blindness see of linear red, green and blue (Machado et al., 2009)."""


def lab(linear):
    """Colours (colours, 3) from linear sRGB to CIELAB, in which a difference of 2.3 is just noticeable."""
    xyz = linear @ np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]).T
    ratio = xyz / [0.9505, 1, 1.089]
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


@pytest.mark.parametrize("kind", SIMULATED)
def test_colours_differ_for_readers_with_colour_blindness(kind):
    shown = np.array(PALETTE)
    linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    seen = lab((linear @ np.array(SIMULATED[kind]).T).clip(0, 1))
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 4 * 2.3


def test_dashes_differ_in_black_and_white():
    axes = plt.figure(figsize=(6.5, 3)).subplots()
    drawn = []
    for dash in DASHES:
        line, = axes.plot([0, 1], [0.5, 0.5], dash, color="black")
        axes.figure.canvas.draw()
        drawn.append(np.asarray(axes.figure.canvas.buffer_rgba()).copy())
        line.remove()
    assert all((one != other).any() for one, other in itertools.combinations(drawn, 2))


def test_everything_written_in_a_figure_is_set_in_nine_points_and_frames_are_open():
    figure, axes = plt.subplots()
    axes.plot([0, 1], label="line")
    axes.set(xlabel="x", ylabel="y", title="title")
    texts = [axes.xaxis.label, axes.yaxis.label, axes.title, *axes.get_xticklabels(), *axes.get_yticklabels(),
             *axes.legend().get_texts(), axes.text(0, 0, "text")]
    assert {text.get_fontsize() for text in texts} == {9}
    assert [side for side, spine in axes.spines.items() if spine.get_visible()] == ["left", "bottom"]
    assert plt.rcParams["figure.dpi"] == STYLE["figure.dpi"] >= 100


def test_a_figure_brings_a_white_ground_and_is_the_same_file_each_time():
    use_style()
    drawn = []
    for _ in range(2):
        figure, axes = plt.subplots()
        axes.plot([0, 1], [0, 1], "o")
        assert figure.get_facecolor() == axes.get_facecolor() == (1, 1, 1, 1)
        with io.BytesIO() as file:
            figure.savefig(file, format="svg", metadata={"Date": None})
            drawn.append(file.getvalue())
    assert drawn[0] == drawn[1] and b"<dc:date>" not in drawn[0]
