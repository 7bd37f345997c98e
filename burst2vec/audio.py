"""Waveforms: reading, resampling, and our own preprocessing of raw recordings (section 4.1).

Conventions: a waveform is float32, one number a sample, full scale at 1.0; rates are in Hz; levels in dB re full scale.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import soundfile
import torch

import burst2vec._torchaudio  # noqa: F401  (before torchaudio)
import torchaudio

SAMPLE_RATE = 16_000
"""In Hz; what every backbone here was trained on."""

RMS_LEVEL = -3.0
"""In dB, the level of our preprocessing (section 4.1)."""

SHORTEST = 400
"""In samples: 25 ms, one frame of a wav2vec 2.0 feature encoder."""


class AudioError(ValueError):
    """A recording that cannot be used; the message names the file and what would be right."""


def read_audio(path: str | Path) -> tuple[np.ndarray, int]:
    """A recording's waveform (samples, channels) as float32, and its sample rate in Hz.

    Reads what libsndfile reads (WAV, FLAC, OGG, MP3). Raises AudioError for anything else, FileNotFoundError.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: there is no such recording")
    try:
        return soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path}: not readable as audio ({error}); expected WAV, FLAC, OGG or MP3. "
                         f"Others can be converted: ffmpeg -i FILE FILE.wav") from error


@functools.cache
def _resampler(rate: int) -> torchaudio.transforms.Resample:
    # The default kernel lets through -8 dB of a tone just above the new Nyquist frequency; this one, with the
    # settings of the resampy package's kaiser_best filter, -140 dB. The kernel is costly to make, hence the cache.
    return torchaudio.transforms.Resample(
        rate, SAMPLE_RATE, resampling_method="sinc_interp_kaiser", lowpass_filter_width=64,
        rolloff=0.9475937167399596, beta=14.769656459379492)


def to_mono_16k(waveform: np.ndarray, rate: int) -> np.ndarray:
    """The mean of a waveform's channels (samples, channels), resampled to 16 kHz: float32 (samples,)."""
    mono = waveform.mean(axis=1)
    return mono if rate == SAMPLE_RATE or not mono.size else _resampler(rate)(torch.from_numpy(mono)).numpy()


def to_rms_level(waveform: np.ndarray, level: float = RMS_LEVEL) -> np.ndarray:
    """The waveform scaled to a root mean square of `level` dB.

    At -3 dB the peaks of nearly every burst exceed 1.0: in floating point that is harmless, in a 16-bit file it clips.
    Raises AudioError for silence.
    """
    rms = np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))
    if not rms > 0:
        raise AudioError("silent; a level cannot be set")
    return (waveform * (10 ** (level / 20) / rms)).astype(np.float32)


def load(path: str | Path, audio: str) -> np.ndarray:
    """A recording as the experiment hears it: float32 (samples,), 16 kHz, mono.

    `audio` is `own` for our preprocessing of raw recordings (also set to -3 dB RMS) or `provided`, which leaves the
    level alone. Raises AudioError, naming the file, where it is unreadable, silent, not finite, or under 25 ms.
    """
    waveform = to_mono_16k(*read_audio(path))
    if len(waveform) < SHORTEST:
        raise AudioError(f"{path}: {len(waveform) / SAMPLE_RATE * 1000:.1f} ms long; "
                         f"expected {SHORTEST / SAMPLE_RATE * 1000:.0f} ms or more")
    if not np.isfinite(waveform).all():
        raise AudioError(f"{path}: holds samples that are not finite numbers")
    if not waveform.any():
        raise AudioError(f"{path}: silent; every sample is zero")
    return to_rms_level(waveform) if audio == "own" else waveform
