"""The figures of the preprocessing page show waveforms, levels and shares where they belong."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from burst2vec.report.figures.audio import (
    COLOURS,
    DASHES,
    TICKS,
    draw_recordings,
    draw_survey,
    plot_closely,
    plot_distribution,
    plot_gain,
    plot_mel,
    plot_ratios,
    plot_waveform,
)

TONE = np.sin(2 * np.pi * 437 * np.arange(16_000) / 16_000)


@pytest.fixture
def axes():
    return plt.figure().subplots()


@pytest.fixture
def survey():
    """Five recordings as three kinds of audio."""
    return pd.DataFrame({"audio": np.repeat(["raw", "provided", "own"], 5),
                         "level": [-30.0, -10, -20, -50, -40, -9, -7, -8, -5, -6, -3, -3, -3, -3, -3],
                         "peak": np.linspace(-20, 0, 15)})


def full_scale(axes):
    """The levels of the dotted lines across the panel."""
    return sorted(line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == ":")


def test_a_recording_is_a_waveform_over_seconds_above_its_spectrogram():
    figure = draw_recordings({"raw": (0.999 * TONE, 16_000), "own": (2 * TONE[:8_000], 32_000)})
    raw, own, *below = figure.axes[:4]
    assert raw.get_title() == "raw\n16 kHz, level \N{MINUS SIGN}3.0 dB, peak 0.0 dB"
    assert own.get_title() == "own\n32 kHz, level 3.0 dB, peak 6.0 dB"
    assert [ax.lines[0].get_xdata()[4_000] for ax in (raw, own)] == [0.25, 0.125]
    assert [list(ax.images[0].get_extent()[:2]) for ax in below] == [[0, 1], [0, 0.25]]
    figure.canvas.draw()
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 9


def test_a_tone_is_bright_at_the_tick_of_its_frequency():
    tone = np.sin(2 * np.pi * 2_000 * np.arange(16_000) / 16_000)
    axes = draw_recordings({"tone": (tone, 16_000)}).axes[1]
    image = axes.images[0]
    *_, low, high = image.get_extent()
    bands = image.get_array().mean(axis=1)
    height = low + (bands.argmax() + 0.5) / len(bands) * (high - low)
    ticks = dict(zip([text.get_text() for text in axes.get_yticklabels()], axes.get_yticks(), strict=True))
    assert list(ticks) == [str(tick) for tick in TICKS] and ticks["8000"] == high
    assert height == pytest.approx(ticks["2000"], abs=(high - low) / len(bands))


def test_what_is_softer_than_the_lowest_level_is_black(axes):
    image = plot_mel(np.array([[-90.0, -80, -1, 0]]), 1.0, axes)
    shades = image.cmap(image.norm(image.get_array()))[0]
    assert (shades[0] == shades[1]).all() and shades[0, :3].max() < 0.02 < 0.5 < shades[3, :3].max()


def test_dotted_lines_mark_full_scale(axes):
    assert full_scale(plot_waveform(TONE, 16_000, axes)) == [-1, 1]


def test_waveforms_are_shown_closely_around_the_largest_peak_of_our_own(axes):
    own = 0.1 * TONE
    own[9_000] = -1.5
    plot_closely({"own": own, "provided": np.clip(own, -1, 1)}, 16_000, axes, milliseconds=10)
    curves = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    assert curves.keys() == {"own", "provided"} and full_scale(axes) == [-1, 1]
    assert curves["own"].get_ydata().tolist() == own[8_920:9_080].tolist()
    assert curves["own"].get_ydata()[80] == -1.5 and curves["provided"].get_ydata()[80] == -1
    assert curves["own"].get_xdata()[80] == 5


def test_a_peak_at_the_beginning_is_shown_from_the_beginning(axes):
    own = np.r_[1.0, np.zeros(999)]
    plot_closely({"own": own, "provided": own}, 16_000, axes)
    assert axes.lines[0].get_ydata()[0] == 1 and len(axes.lines[0].get_ydata()) == 96


def test_gains_stand_over_kilohertz_with_the_new_nyquist_frequency_marked(axes):
    plot_gain(np.array([1_000, 9_000]), {"own": np.array([0, -150]), "default": np.array([0, -12])}, axes)
    own, default, edge = axes.lines
    assert own.get_xydata().tolist() == [[1, 0], [9, -150]] and default.get_ydata().tolist() == [0, -12]
    assert set(edge.get_xdata()) == {8} and own.get_linestyle() != default.get_linestyle()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["own", "default"]


def test_a_distribution_rises_to_100_percent_at_the_greatest_value(survey, axes):
    raw, provided, own = plot_distribution(survey, "level", axes).lines
    assert raw.get_xydata().tolist() == [[-50, 20], [-40, 40], [-30, 60], [-20, 80], [-10, 100]]
    assert own.get_ydata().tolist() == [20, 40, 60, 80, 100]
    assert [line.get_label() for line in (raw, provided, own)] == ["raw", "provided", "own"]


def test_a_survey_has_a_panel_for_each_measure_and_one_legend(survey):
    figure = draw_survey(survey, {"level": "level (dB)", "peak": "peak (dB)"})
    assert [ax.get_xlabel() for ax in figure.axes] == ["level (dB)", "peak (dB)"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["raw", "provided", "own"]
    assert [ax.get_ylabel() for ax in figure.axes] == ["% of the recordings below", ""]


def test_kinds_of_audio_are_told_apart_without_colour():
    assert len(set(DASHES.values())) == len(DASHES) and COLOURS.keys() == DASHES.keys()


def test_ratios_are_shares_of_the_recordings_with_their_median(axes):
    plot_ratios(np.r_[np.full(30, 10.0), np.full(10, 20.0)], axes)
    tops = axes.patches[0].get_xy()[:, 1]
    assert sorted(set(tops[tops > 0])) == pytest.approx([25, 75])
    assert axes.lines[0].get_xdata()[0] == 10 and axes.lines[0].get_label() == "median 10.0 dB"
