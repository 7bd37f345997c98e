"""What a recording is like before and after preprocessing, in numbers.

Conventions: a waveform is float (samples,) with full scale at 1.0; levels are in dB re full scale, gains in
dB; rates and frequencies in Hz.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import soundfile
import torch
import torchaudio

from burst2vec.audio.store import WaveformStore, audio_paths
from burst2vec.audio.waveform import SAMPLE_RATE, load, read_audio, to_mono_16k
from burst2vec.corpora.corpus import Corpus

FLOOR = 1e-10
"""-200 dB: what is softer counts as this."""


def kinds_of_audio(corpus: Corpus) -> list[str]:
    """Which audio the corpus has for every burst: `provided`, `own` (preprocessed from raw recordings), or
    both."""
    columns = {"provided": "provided", "own": "raw"}
    return [kind for kind, column in columns.items() if corpus.table[column].notna().all()]


def level(waveform: np.ndarray) -> float:
    """Root mean square in dB."""
    return _decibels(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))


def peak(waveform: np.ndarray) -> float:
    """Largest magnitude in dB; above 0 it exceeds full scale."""
    return _decibels(np.abs(waveform).max())


def clipped_share(waveform: np.ndarray, tolerance: float = 1e-4) -> float:
    """Share of the samples that lie at the waveform's own largest magnitude, to within `tolerance` of it.

    A clipped recording has many, an intact one hardly more than one; at which level it was clipped does not
    matter.
    """
    magnitude = np.abs(waveform)
    return float(np.mean(magnitude >= (1 - tolerance) * magnitude.max()))


def signal_to_distortion(reference: np.ndarray, waveform: np.ndarray) -> float:
    """Ratio in dB of what of `waveform` is proportional to `reference` to the rest; infinite where nothing is
    left over.

    Both (samples,), aligned. Whatever their levels, a scaled copy has no distortion (Le Roux et al., 2019).
    """
    reference, waveform = (np.asarray(x, np.float64) for x in (reference, waveform))
    target = reference * (reference @ waveform) / (reference @ reference)
    rest = np.sum((waveform - target) ** 2)
    return float(10 * np.log10(np.sum(target**2) / rest)) if rest > 0 else float("inf")


def survey(corpus: Corpus, stores: Mapping[str, WaveformStore], rows: Sequence[int]) -> pd.DataFrame:
    """One row for each burst (of the corpus table's `rows`) and kind of audio: file, audio, seconds, level,
    peak, clipped.

    `stores` by kind; the raw recordings, their channels averaged, are added as kind `raw` where the corpus
    has them.
    """
    found = []
    for row in rows:
        heard = {kind: (store[row], SAMPLE_RATE) for kind, store in stores.items()}
        if "own" in stores:
            waveform, rate = read_audio(corpus.root / corpus.table["raw"].iloc[row])
            heard = {"raw": (waveform.mean(axis=1), rate), **heard}
        found += [(corpus.table.index[row], kind, len(w) / rate, level(w), peak(w), clipped_share(w))
                  for kind, (w, rate) in heard.items()]
    return pd.DataFrame(found, columns=["file", "audio", "seconds", "level", "peak", "clipped"])


def distortion(reference: WaveformStore, store: WaveformStore, rows: Sequence[int]) -> np.ndarray:
    """`signal_to_distortion` in dB of those of the `rows` that are equally long in both stores (bursts,)."""
    pairs = [(reference[row], store[row]) for row in rows if reference.lengths[row] == store.lengths[row]]
    return np.array([signal_to_distortion(intact, heard) for intact, heard in pairs])


def formats(corpus: Corpus, column: str, rows: Sequence[int]) -> pd.DataFrame:
    """Sample rate and number of channels of the recordings in a path column, and how many have them: a row
    for each."""
    headers = [soundfile.info(corpus.root / corpus.table[column].iloc[row]) for row in rows]
    rates = [(header.samplerate, header.channels) for header in headers]
    table = pd.DataFrame(rates, columns=["sample rate (Hz)", "channels"])
    return table.value_counts().rename("recordings").sort_index(ascending=False).reset_index()


def rounding(corpus: Corpus, store: WaveformStore, audio: str, row: int) -> float:
    """The largest error of the store's integers in one burst, in dB of its peak."""
    waveform = load(audio_paths(corpus, audio)[row], audio)
    return _decibels(np.abs(store[row] - waveform).max() / np.abs(waveform).max())


def gain(resample: Callable[[np.ndarray, int], np.ndarray], frequencies: Sequence[float],
         rate: int = 48_000) -> np.ndarray:
    """What is left of tones after `resample(waveform, rate)` to 16 kHz, in dB (frequencies,).

    Above 8 kHz all that is left is alias: it should be nothing.
    """
    time = np.arange(rate // 4) / rate
    gains = []
    for frequency in frequencies:
        tone = np.sin(2 * np.pi * frequency * time).astype(np.float32)
        out = resample(tone, rate)
        steady = out[len(out) // 4:-len(out) // 4]  # without the onset and the end, which are no pure tones
        gains.append(level(steady) - level(tone))
    return np.array(gains)


def resample_by_ours(waveform: np.ndarray, rate: int) -> np.ndarray:
    """The waveform (samples,) at 16 kHz as `audio` resamples it."""
    return to_mono_16k(waveform[:, None], rate)


def resample_by_default(waveform: np.ndarray, rate: int) -> np.ndarray:
    """The waveform (samples,) at 16 kHz by torchaudio's default kernel, which is short and so lets aliases
    through."""
    return torchaudio.functional.resample(torch.from_numpy(waveform), rate, SAMPLE_RATE).numpy()


def mel_spectrogram(waveform: np.ndarray, rate: int, bands: int = 64, highest: float = 8_000.0) -> np.ndarray:
    """Mel spectrogram (bands, frames) up to `highest` Hz, in dB of its maximum; 25 ms windows every 10 ms."""
    transform = torchaudio.transforms.MelSpectrogram(
        rate, n_fft=round(0.064 * rate), win_length=round(0.025 * rate), hop_length=round(0.010 * rate),
        f_max=highest, n_mels=bands)
    power = transform(torch.from_numpy(np.ascontiguousarray(waveform, np.float32))).numpy()
    return 10 * np.log10(np.maximum(power / power.max(), FLOOR))


def _decibels(amplitude: float) -> float:
    return float(20 * np.log10(max(amplitude, FLOOR)))
