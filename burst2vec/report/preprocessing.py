"""What the page on preprocessing says of its sample of recordings (`inspection.preprocessing.survey`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import AUDIO
from burst2vec.report.words import counted, listed, number

KINDS = {"raw": "raw recordings", "own": "recordings by our own preprocessing", "provided": "recordings as provided"}
"""What the kinds of audio in a survey are called."""

NYQUIST = 8_050.0
"""The frequency in Hz above which a tone is wholly alias at 16 kHz, with room for the edge of a filter."""


def survey_table(survey: pd.DataFrame) -> pd.DataFrame:
    """A row for each kind of audio: the mean share of clipped samples in percent, median peak and level in dB."""
    rows = [(KINDS[str(kind)], number(100 * part["clipped"].mean()), number(part["peak"].median(), 1),
             number(part["level"].median(), 1)) for kind, part in survey.groupby("audio", sort=False)]
    return pd.DataFrame(rows, columns=["Audio", "Clipped samples (%, mean)", "Peak (dB, median)", "Level (dB, median)"])


def describe_levels(survey: pd.DataFrame) -> str:
    """A sentence on how far the levels of each kind of audio lie apart."""
    said = [f"{number(span, 1)} dB in {KINDS[kind]}" for kind, span in _spans(survey).items()]
    return f"The middle 90 % of levels span {listed(said)}."


def _spans(survey: pd.DataFrame) -> dict[str, float]:
    """How far the middle 90 % of the levels of each kind of audio span, in dB."""
    return {str(kind): float(np.subtract(*np.percentile(part["level"], [95, 5])))
            for kind, part in survey.groupby("audio", sort=False)}


def describe_clipping(survey: pd.DataFrame) -> str:
    """A sentence on the share of clipped samples in each kind of audio."""
    shares = 100 * survey.groupby("audio", sort=False)["clipped"].mean()
    said = [f"{number(share, 1)} % in {KINDS[str(kind)]}" for kind, share in shares.items()]
    return f"The share of samples that are clipped, at the largest magnitude of their recording, is {listed(said)}."


def describe_example(share: float) -> str:
    """A sentence on the recording of a survey in which the largest share of samples is clipped."""
    return (f"In the most clipped recording of the sample, {number(100 * share, 2)} % of the samples lie at its "
            "largest magnitude.")


def describe_aliases(frequencies: Sequence[float], gains: Mapping[str, np.ndarray]) -> str:
    """A sentence on the most that each way of resampling leaves of tones above 8 kHz, all of which is alias."""
    alias = np.asarray(frequencies) > NYQUIST
    said = [f"{name} leaves up to {number(gain[alias].max(), 0)} dB" for name, gain in gains.items()]
    return f"Of tones above {NYQUIST / 1000:.2f} kHz, {listed(said)}."


def summarise(survey: pd.DataFrame, kinds: Sequence[str]) -> str:
    """Sentences on what the preprocessing does to levels and whether the audio as provided is clipped."""
    asked = "What does preprocessing do to a recording, and is the audio as provided distorted?"
    spans, sample = _spans(survey), counted(survey["file"].nunique(), "recording")
    said = [f"{describe_clipping(survey)} It was measured on {sample}, drawn at random."]
    if {"raw", "own"} <= set(spans):
        said.append(f"Our preprocessing brings all to one level: the middle 90 % span {number(spans['own'], 1)} dB, "
                    f"where those of the raw recordings span {number(spans['raw'], 1)} dB.")
    absent = [words for kind, words in AUDIO.items() if kind not in kinds]
    if absent:
        said.append(f"This corpus has no {absent[0]} recordings of every burst, so the two kinds of audio cannot be "
                    "compared.")
    return " ".join([asked, *said])
