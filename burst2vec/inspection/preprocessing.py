"""What a recording is like before and after preprocessing, in numbers.

Conventions: a waveform is float (samples,) with full scale at 1.0; levels are in dB re full scale and gains in dB;
rates and frequencies are in Hz.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
import torchaudio

from burst2vec.audio.decoding import opened
from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.audio.store import WaveformStore, audio_paths
from burst2vec.audio.waveform import load, mix, read_audio
from burst2vec.corpora.corpus import AUDIO, Corpus

FLOOR = 1e-10
"""The amplitude, or power, that everything smaller counts as: -200 dB, or -100 dB."""


def kinds_of_audio(corpus: Corpus) -> list[str]:
    """Which kinds of audio the corpus has for every burst: `provided`, `own` (from raw recordings), or both."""
    return [kind for kind, column in AUDIO.items() if corpus.table[column].notna().all()]


def level(waveform: np.ndarray) -> float:
    """The root mean square level in dB."""
    return _decibels(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))


def peak(waveform: np.ndarray) -> float:
    """The largest magnitude in dB; above 0 it exceeds full scale."""
    return _decibels(np.abs(waveform).max())


def clipped_share(waveform: np.ndarray, tolerance: float = 1e-4) -> float:
    """The share of the samples that lie at the waveform's own largest magnitude, to within `tolerance` of it.

    A clipped recording has many such samples and an intact one hardly more than one, at whatever level it was clipped.
    """
    magnitude = np.abs(waveform)
    return float(np.mean(magnitude >= (1 - tolerance) * magnitude.max()))


def signal_to_distortion(reference: np.ndarray, waveform: np.ndarray) -> float:
    """The ratio in dB of the part of `waveform` that is proportional to `reference` to the rest.

    Both are (samples,) and aligned. Whatever their levels, a scaled copy has no distortion, and its ratio is infinite
    (Le Roux et al., 2019).
    """
    reference, waveform = (np.asarray(x, np.float64) for x in (reference, waveform))
    target = reference * (reference @ waveform) / (reference @ reference)
    rest = np.sum((waveform - target) ** 2)
    return float(10 * np.log10(np.sum(target**2) / rest)) if rest > 0 else float("inf")


def survey(corpus: Corpus, stores: Mapping[str, WaveformStore], rows: Sequence[int]) -> pd.DataFrame:
    """One row for each burst and kind of audio, with the columns file, audio, seconds, level, peak and clipped.

    `rows` are those of the corpus's table, and `stores` are given by the kind of audio. Where the own audio is among
    them, the raw recordings that it was made of are added as kind `raw`, with their channels averaged.
    """
    found = []
    for row in rows:
        heard = {kind: (store[row], SAMPLE_RATE) for kind, store in stores.items()}
        if "own" in stores:
            waveform, rate = read_audio(corpus.root / corpus.table["raw"].iloc[row])
            heard = {"raw": (mix(waveform), rate), **heard}
        found += [(corpus.table.index[row], kind, len(w) / rate, level(w), peak(w), clipped_share(w))
                  for kind, (w, rate) in heard.items()]
    return pd.DataFrame(found, columns=["file", "audio", "seconds", "level", "peak", "clipped"])


def distortion(reference: WaveformStore, store: WaveformStore, rows: Sequence[int]) -> np.ndarray:
    """Returns `signal_to_distortion` in dB (bursts,) for those of the `rows` that are equally long in both stores."""
    pairs = [(reference[row], store[row]) for row in rows if reference.lengths[row] == store.lengths[row]]
    return np.array([signal_to_distortion(intact, heard) for intact, heard in pairs])


def formats(corpus: Corpus, column: str, rows: Sequence[int]) -> pd.DataFrame:
    """How many recordings there are of each sample rate and number of channels (rows).

    `column` is the column of their paths in the corpus's table, and `rows` are those of the table.
    """
    rates = []
    for row in rows:
        with opened(corpus.root / corpus.table[column].iloc[row]) as recording:
            rates.append((recording.rate, recording.channels))
    table = pd.DataFrame(rates, columns=["sample rate (Hz)", "channels"])
    return table.value_counts().rename("recordings").sort_index(ascending=False).reset_index()


def rounding(corpus: Corpus, store: WaveformStore, audio: str, row: int) -> float:
    """The largest error of the store's integers in one burst, in dB relative to the burst's peak."""
    waveform = load(audio_paths(corpus, audio)[row], audio)
    return _decibels(np.abs(store[row] - waveform).max() / np.abs(waveform).max())


def gain(resample: Callable[[np.ndarray, int], np.ndarray], frequencies: Sequence[float],
         rate: int = 48_000) -> np.ndarray:
    """What is left of tones after `resample(waveform, rate)` to 16 kHz, in dB (frequencies,).

    All that is left of a tone above 8 kHz is alias, and should be nothing.
    """
    time = np.arange(rate // 4) / rate
    gains = []
    for frequency in frequencies:
        tone = np.sin(2 * np.pi * frequency * time).astype(np.float32)
        out = resample(tone, rate)
        steady = out[len(out) // 4:-len(out) // 4]  # without the onset and the end, which are no pure tones
        gains.append(level(steady) - level(tone))
    return np.array(gains)


def resample_by_default(waveform: np.ndarray, rate: int) -> np.ndarray:
    """The waveform (samples,) at 16 kHz by torchaudio's default kernel, which is short and lets aliases
    through.
    """
    return torchaudio.functional.resample(torch.from_numpy(waveform), rate, SAMPLE_RATE).numpy()


def mel_spectrogram(waveform: np.ndarray, rate: int, bands: int = 64, highest: float = 8_000.0) -> np.ndarray:
    """The mel spectrogram (bands, frames) up to `highest` Hz, in dB relative to its maximum.

    Its windows are 25 ms long, one every 10 ms.
    """
    transform = torchaudio.transforms.MelSpectrogram(
        rate, n_fft=round(0.064 * rate), win_length=round(0.025 * rate), hop_length=round(0.010 * rate),
        f_max=highest, n_mels=bands)
    power = transform(torch.from_numpy(np.ascontiguousarray(waveform, np.float32))).numpy()
    return 10 * np.log10(np.maximum(power / power.max(), FLOOR))


def _decibels(amplitude: float) -> float:
    return float(20 * np.log10(max(amplitude, FLOOR)))
