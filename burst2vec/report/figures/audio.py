"""Figures of the preprocessing page: waveforms, spectrograms, levels, and what resampling lets through."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from burst2vec.inspection.preprocessing import level, mel_spectrogram, peak
from burst2vec.report.figures.style import PALETTE

TICKS = (0, 500, 1_000, 2_000, 4_000, 8_000)
"""Frequencies in Hz that are marked on the axis of a mel spectrogram; the last is its upper edge."""

COLOURS = {"raw": PALETTE[2], "provided": PALETTE[1], "own": PALETTE[0]}
"""The colour of each kind of audio."""

DASHES = {"raw": ":", "provided": "--", "own": "-"}
"""The line style of each kind of audio."""


def draw_recordings(recordings: Mapping[str, tuple[np.ndarray, int]]) -> Figure:
    """A figure with a column for each recording: the waveform above its mel spectrogram.

    `recordings` are pairs of a waveform (samples,) and its sample rate in Hz, by name.
    """
    figure, axes = plt.subplots(2, len(recordings), figsize=(6.5, 4.2), layout="constrained", sharex=True,
                                sharey="row", squeeze=False)
    for (name, (waveform, rate)), (above, below) in zip(recordings.items(), axes.T, strict=True):
        plot_waveform(waveform, rate, above)
        above.set(xlabel="", title=f"{name}\n{_about(waveform, rate)}")
        image = plot_mel(mel_spectrogram(waveform, rate), len(waveform) / rate, below)
    for ax in axes[:, 1:].flat:
        ax.set_ylabel("")
    figure.colorbar(image, ax=axes[1], label="dB", shrink=0.9)
    return figure


def plot_waveform(waveform: np.ndarray, rate: int, axes: Axes) -> Axes:
    """Draws the waveform over time; dotted lines mark full scale.

    The line is drawn in pixels, in a vector drawing too: each of its many thousand samples would be a point there, and
    the figure some three times as large.
    """
    axes.plot(np.arange(len(waveform)) / rate, waveform, linewidth=0.5, color=PALETTE[0], rasterized=True)
    _full_scale(axes)
    axes.set(xlabel="time (s)", ylabel="amplitude")
    return axes


def plot_mel(spectrogram: np.ndarray, seconds: float, axes: Axes, lowest: float = -80.0) -> AxesImage:
    """Draws a mel spectrogram up to 8 kHz (`preprocessing.mel_spectrogram`) and returns the image, which a colour bar
    needs. Values of `lowest` dB or less are black."""
    image = axes.imshow(spectrogram, origin="lower", aspect="auto", cmap="magma", vmin=lowest, vmax=0,
                        extent=(0, seconds, 0, _mel(TICKS[-1])), interpolation="nearest")
    axes.set(xlabel="time (s)", ylabel="frequency (Hz)")
    axes.set_yticks([_mel(f) for f in TICKS], [str(f) for f in TICKS])
    return image


def plot_closely(waveforms: Mapping[str, np.ndarray], rate: int, axes: Axes,
                 milliseconds: float = 12.0) -> Axes:
    """Draws the aligned waveforms `own` and `provided` for a few milliseconds around the largest peak of `own`."""
    middle, half = int(np.abs(waveforms["own"]).argmax()), round(milliseconds / 2000 * rate)
    stretch = slice(max(0, middle - half), middle + half)
    for kind, width in (("own", 1.2), ("provided", 2.0)):
        part = waveforms[kind][stretch]
        time = 1000 * np.arange(len(part)) / rate
        axes.plot(time, part, DASHES[kind], color=COLOURS[kind], linewidth=width, label=kind)
    _full_scale(axes)
    axes.set(xlabel="time (ms)", ylabel="amplitude")
    axes.legend(frameon=False, loc="upper right")
    return axes


def plot_gain(frequencies: np.ndarray, gains: Mapping[str, np.ndarray], axes: Axes) -> Axes:
    """Draws how much is left of tones after resampling to 16 kHz, in dB over their frequency, with a line for each
    kernel."""
    for (name, values), colour, dash in zip(gains.items(), PALETTE, ("-", "--", ":"), strict=False):
        axes.plot(np.asarray(frequencies) / 1000, values, color=colour, linestyle=dash, label=name)
    axes.axvline(8, color="black", linestyle=":", linewidth=0.8)
    axes.set(xlabel="frequency of the tone (kHz)", ylabel="what is left (dB)")
    axes.legend(frameon=False)
    return axes


def draw_survey(survey: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """A figure with a panel for each column of `preprocessing.survey` that `labels` names: the distribution of
    its values for each kind of audio."""
    figure, axes = plt.subplots(1, len(labels), figsize=(6.5, 2.8), layout="constrained", sharey=True,
                                squeeze=False)
    for (measure, label), ax in zip(labels.items(), axes.flat, strict=True):
        plot_distribution(survey, measure, ax)
        ax.set(xlabel=label, ylabel="")
    axes[0, 0].set_ylabel("% of the recordings below")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    return figure


def plot_distribution(survey: pd.DataFrame, measure: str, axes: Axes) -> Axes:
    """Draws the cumulative distribution of one column of `preprocessing.survey` in percent, with a line for each kind
    of audio."""
    for kind, values in survey.groupby("audio", sort=False)[measure]:
        axes.plot(np.sort(values), 100 * np.arange(1, len(values) + 1) / len(values), color=COLOURS[kind],
                  linestyle=DASHES[kind], linewidth=1.6, label=kind)
    axes.set(xlabel=measure, ylabel="% of the recordings below")
    return axes


def plot_ratios(ratios: np.ndarray, axes: Axes) -> Axes:
    """Draws a histogram of signal-to-distortion ratios (bursts,) in dB; a dotted line marks their median."""
    weights = np.full(len(ratios), 100 / len(ratios))
    axes.hist(ratios, bins=40, weights=weights, histtype="step", color=PALETTE[1], linewidth=1.4)
    axes.axvline(np.median(ratios), color="black", linestyle=":", label=f"median {np.median(ratios):.1f} dB")
    axes.set(xlabel="signal to distortion (dB)", ylabel="% of the recordings")
    axes.legend(frameon=False)
    return axes


def _about(waveform: np.ndarray, rate: int) -> str:
    text = f"{rate / 1000:g} kHz, level {level(waveform):z.1f} dB, peak {peak(waveform):z.1f} dB"
    return text.replace("-", "\N{MINUS SIGN}")


def _full_scale(axes: Axes) -> None:
    for edge in (-1, 1):
        axes.axhline(edge, color="black", linestyle=":", linewidth=0.8)


def _mel(frequency: float) -> float:
    """A frequency in Hz on the mel scale of torchaudio's spectrograms (O'Shaughnessy, 1987)."""
    return 2595 * np.log10(1 + frequency / 700)
