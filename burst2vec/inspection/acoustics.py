"""Acoustic measures of a vocal burst, beside published measures of real bursts.

Conventions: the fundamental frequency F0 is in Hz, its spread in semitones, times are in seconds, and shares lie
between 0 and 1. All measures refer to the burst itself, without the silence before and after it. Measures that do not
exist are NaN, such as F0 of an unvoiced burst and the rate of a single syllable.

Offered are `measure` for one waveform, `track_pitch` beneath it, `measure_corpus` and `compare` for a corpus, and
`crest_factors`. Pitch is tracked here because the trackers of torchaudio and librosa are an octave off on some high
tones of the tests, and take noise for voice.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import find_peaks

from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.corpora.readers.exvo import EMOTIONS
from burst2vec.machine.progress import progress_bar

MEASURES = ("f0", "f0_sd", "voiced", "duration", "syllables", "rate")
"""The names of the measures, which `measure` explains."""

WINDOW = 0.040
"""The length of a frame in seconds."""

HOP = 0.010
"""The time in seconds from one frame to the next."""

LOWEST = 75.0
"""The lowest F0 in Hz that is looked for."""

HIGHEST = 2500.0
"""The highest F0 in Hz that is looked for."""

SILENCE = 30.0
"""How many dB below the loudest frame silence begins."""

PUBLISHED = pd.read_csv(io.StringIO("""
category,      sex, emotion,     f0,   f0_q25, f0_q75, f0_sd, voiced, duration, syllables, rate
laugh,         m,   Amusement,   352,  200,    503,    2.4,   0.44,   1.83,     8,         3.6
laugh,         f,   Amusement,   616,  405,    712,    4.0,   0.51,   2.14,     7,         3.4
sad cry,       m,   Sadness,     289,  ,       ,       2.7,   0.50,   2.5,      4,         2.0
sad cry,       f,   Sadness,     507,  ,       ,       3.9,   0.58,   3.1,      5,         2.0
fear scream,   m,   Fear,        633,  305,    903,    4.2,   0.80,   1.4,      1,
fear scream,   f,   Fear,        1521, 1463,   2011,   3.2,   0.76,   0.6,      2,         6.0
pain,          m+f, Distress,    513,  365,    826,    2.4,   0.80,   1.4,      1,
joy,           f,   Excitement,  890,  678,    945,    2.7,   0.78,   2.3,      1,         1.8
triumph,       m,   Triumph,     723,  489,    772,    2.4,   0.84,   1.7,      1,
pleasure moan, m,   Awe,         202,  ,       ,       1.6,   0.57,   2.0,      1,         1.1
pleasure moan, f,   Awe,         449,  ,       ,       2.5,   0.59,   4.3,      4,         1.1
"""), skipinitialspace=True)
"""Medians, and quartiles of F0, of 260 real bursts whose pitch was corrected by hand, after Anikin & Persson (2017),
*Nonlinguistic vocalizations from online amateur videos for emotion research*, Behavior Research Methods 49. The
`emotion` is the one of ExVo's that comes closest to the category."""


def measure(waveform: np.ndarray, sample_rate: int = SAMPLE_RATE) -> dict[str, float]:
    """The measures of one burst, whose `waveform` is (samples,), by the names in `MEASURES`.

    `f0` is the mean F0 of the voiced frames in Hz and `f0_sd` its standard deviation in semitones. `voiced` is the
    share of voiced frames, and `duration` is in seconds. `syllables` is the number of peaks of loudness, and `rate` the
    number of them that follow each other in a second.
    """
    frames = _frames(np.asarray(waveform, dtype=np.float64), sample_rate)
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    sounding = np.flatnonzero(level > level.max() - SILENCE)
    burst = slice(sounding[0], sounding[-1] + 1)
    f0 = _pitch(frames[burst], sample_rate)
    f0[level[burst] < level.max() - SILENCE] = np.nan
    voiced = f0[~np.isnan(f0)]
    peaks = _syllable_peaks(level[burst])
    return {
        "f0": float(voiced.mean()) if len(voiced) else np.nan,
        "f0_sd": float(12 * np.log2(voiced).std()) if len(voiced) else np.nan,
        "voiced": len(voiced) / len(f0),
        "duration": len(f0) * HOP,
        "syllables": len(peaks),
        "rate": float((len(peaks) - 1) / (HOP * (peaks[-1] - peaks[0]))) if len(peaks) > 1 else np.nan,
    }


def crest_factors(waveforms: Iterable[np.ndarray]) -> np.ndarray:
    """The crest factor of each waveform (samples,) in dB, (waveforms, 1): its peak over its root mean square.

    That of silence is 0.

    >>> crest_factors([np.array([1.0, -1.0]), np.array([1.0, 0.0, 0.0, 0.0])]).round(2).tolist()
    [[0.0], [6.02]]
    """
    found = []
    for waveform in waveforms:
        peak, level = np.abs(waveform).max(), np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))
        found.append([20 * np.log10(peak / level) if level > 0 else 0.0])
    return np.array(found)


def measure_corpus(waveforms: Iterable[np.ndarray], table: pd.DataFrame) -> pd.DataFrame:
    """The measures (columns) of many bursts (rows), with each burst's strongest `emotion` and `sex`.

    `table` is the table of a corpus (`burst2vec.corpora.corpus`), or some rows of it. `waveforms` (samples,) are in the
    same order, at 16 kHz.
    """
    progress = progress_bar(waveforms, total=len(table), desc="measuring", unit="clip")
    rows = [measure(waveform) for waveform in progress]
    measures = pd.DataFrame(rows, index=table.index)
    return measures.assign(emotion=table[list(EMOTIONS)].idxmax(axis=1), sex=table["sex"])


def track_pitch(waveform: np.ndarray, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Returns F0 in Hz (frames,), one frame every 10 ms, which is NaN where a frame is unvoiced.

    The method is the autocorrelation of Boersma (1993).
    """
    return _pitch(_frames(np.asarray(waveform, dtype=np.float64), sample_rate), sample_rate)


def compare(measures: pd.DataFrame, published: pd.DataFrame = PUBLISHED) -> pd.DataFrame:
    """The published medians beside those of a corpus, one row for each category, sex and measure.

    `measures` has a row for each burst, with its strongest `emotion`, the speaker's `sex` and the `MEASURES`. The
    columns of the result are category, sex, emotion, measure, published, published_q25, published_q75, bursts, median,
    q25 and q75.
    """
    rows = []
    for known in published.to_dict("records"):
        sexes = known["sex"].split("+")
        alike = measures[(measures["emotion"] == known["emotion"]) & measures["sex"].isin(sexes)]
        for name in MEASURES:
            q25, median, q75 = alike[name].quantile([0.25, 0.5, 0.75])
            rows.append({
                **{key: known[key] for key in ("category", "sex", "emotion")}, "measure": name,
                "published": known[name], "published_q25": known.get(f"{name}_q25", np.nan),
                "published_q75": known.get(f"{name}_q75", np.nan),
                "bursts": int(alike[name].count()), "median": median, "q25": q25, "q75": q75,
            })
    return pd.DataFrame(rows)


def _frames(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Overlapping stretches (frames, samples) of a waveform (samples,), padded so that frame t is centred on t * HOP.
    """
    size, hop = round(WINDOW * sample_rate), round(HOP * sample_rate)
    padded = np.pad(waveform, (size // 2, size - size // 2))
    return np.lib.stride_tricks.sliding_window_view(padded, size)[: len(waveform) + 1 : hop]


def _pitch(frames: np.ndarray, sample_rate: int, threshold: float = 0.45) -> np.ndarray:
    """F0 in Hz (frames,), which is NaN where the autocorrelation has no peak above the `threshold`.

    The highest of a frame's peaks counts, where each octave down costs 0.04; otherwise multiples of the period would do
    as well. A second pass lowers peaks by 0.2 for each octave between them and the median of the first pass, so that
    breath that resonates in a formant does not pass for voice. A median over five frames smooths the result.
    """
    height, period = _peaks(frames - frames.mean(axis=1, keepdims=True), sample_rate)
    cost = 0.04 * np.log2(period * LOWEST)
    f0 = _best(height, period, cost, threshold)
    if np.isfinite(f0).any():
        f0 = _best(height - 0.2 * np.abs(np.log2(period * np.nanmedian(f0))), period, cost, threshold)
    smooth = pd.Series(f0).rolling(5, center=True, min_periods=1).median().to_numpy()
    return np.where(np.isnan(f0), np.nan, smooth)


def _best(height: np.ndarray, period: np.ndarray, cost: np.ndarray, threshold: float) -> np.ndarray:
    """F0 in Hz (frames,) at the peak that is highest less its cost; NaN where it is not above the `threshold`."""
    row = np.arange(len(height))
    best = (height - cost).argmax(axis=1)
    return np.where(height[row, best] > threshold, 1 / period[row, best], np.nan)


def _peaks(frames: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Heights and periods in seconds of the autocorrelation's peaks, each (frames, lags).

    A parabola through three lags refines them. The height is -inf where there is no peak.
    """
    correlation, lag = _autocorrelation(frames, sample_rate)
    before, here, after = correlation[:, :-2], correlation[:, 1:-1], correlation[:, 2:]
    curvature = np.minimum(before - 2 * here + after, -1e-9)
    peak = (here >= before) & (here > after)
    height = np.where(peak, here - (after - before) ** 2 / (8 * curvature), -np.inf)
    shift = np.where(peak, (before - after) / (2 * curvature), 0.0)
    return height, lag[1:-1] + shift * (lag[1] - lag[0])


def _autocorrelation(frames: np.ndarray, sample_rate: int, finer: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """The normalised autocorrelation (frames, lags), and its lags in seconds, `finer` times as dense as the samples.

    It is divided by the autocorrelation of the window, or else it would fall towards long lags.
    """
    samples = frames.shape[1]
    window = np.hanning(samples)
    size = next_fast_len(2 * samples, real=True)
    lags = np.arange(int(finer * sample_rate / HIGHEST) - 1, int(finer * sample_rate / LOWEST) + 2)
    own = irfft(np.abs(rfft(window, size)) ** 2, finer * size)
    whole = irfft(np.abs(rfft(frames * window, size)) ** 2, finer * size)
    whole = whole[:, : lags[-1] + 1] / np.maximum(whole[:, :1], 1e-12) * (own[0] / own[: lags[-1] + 1])
    return whole[:, lags], lags / (finer * sample_rate)


def _syllable_peaks(level: np.ndarray) -> np.ndarray:
    """The frames (syllables,) of the peaks of loudness, 4 dB above their surroundings and 80 ms apart.

    `level` is the loudness in dB (frames,).
    """
    smooth = pd.Series(level).rolling(5, center=True, min_periods=1).mean().to_numpy()
    floor = np.full(1, smooth.max() - 2 * SILENCE)
    padded = np.concatenate([floor, smooth, floor])
    return find_peaks(padded, height=smooth.max() - 20, prominence=4, distance=8)[0] - 1
