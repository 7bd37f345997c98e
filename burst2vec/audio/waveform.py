"""Waveforms: reading, resampling, and our own preprocessing of raw recordings (section 4.1).

Conventions: a waveform is float32, one number a sample, full scale at 1.0; rates are in Hz; levels in dB re full scale.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

SAMPLE_RATE = 16_000
"""In Hz; what every backbone here was trained on."""

RATES = (1_000, 768_000)
"""In Hz; what is sampled more slowly or faster is no recording of a voice."""

QUALITY = "VHQ"
"""soxr's highest. It costs half a millisecond a burst, once, where torchaudio's Kaiser-windowed kernel of a like
stop-band costs nine times that, and takes a torch."""

RMS_LEVEL = -3.0
"""In dB, the level of our preprocessing (section 4.1)."""

SHORTEST = 400
"""In samples: 25 ms, one frame of a wav2vec 2.0 feature encoder."""

EARLY = 0.1
"""In seconds: by how much less than its header says a recording may hold. Compressed formats tell it roughly."""


class AudioError(ValueError):
    """A recording that cannot be used; the message names the file and what would be right."""


@contextlib.contextmanager
def _opened(path: str | Path) -> Iterator[soundfile.SoundFile]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: there is no such recording")
    open(path, "rb").close()  # a PermissionError says more than libsndfile's "System error"
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:  # as bytes: a name need not be UTF-8
            yield file
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:  # TypeError: headerless, by its suffix
        why = str(getattr(error, "error_string", error)).removeprefix("Error : ").rstrip(".")
        raise AudioError(f"{path}: not readable as audio ({why}); expected WAV, FLAC, OGG or MP3. "
                         f"Others can be converted: ffmpeg -i FILE FILE.wav") from error


def read_audio(path: str | Path) -> tuple[np.ndarray, int]:
    """A recording's waveform (samples, channels) as float32, and its sample rate in Hz.

    Reads what libsndfile reads (WAV, FLAC, OGG, MP3). Raises AudioError for anything else and for what does not fit into
    memory, FileNotFoundError.
    """
    with _opened(path) as file:
        try:
            return file.read(dtype="float32", always_2d=True), file.samplerate
        except (MemoryError, ValueError):  # ValueError: more than NumPy can count
            raise AudioError(f"{path}: too long for this machine's memory; "
                             f"its header promises {file.frames} samples") from None


def read_parts(path: str | Path, longest: float) -> Iterator[tuple[float, float, np.ndarray]]:
    """A recording in equal parts of at most `longest` seconds, one at a time: start and end in seconds, and the
    waveform (samples,) at 16 kHz, mono. No more of it is in memory than a part.

    Raises AudioError where it is unreadable, from a part on perhaps, and FileNotFoundError.
    """
    with _opened(path) as file:
        rate, frames = file.samplerate, file.frames
        count = max(1, math.ceil(frames / (longest * rate)))
        for start, stop in itertools.pairwise(i * frames // count for i in range(count + 1)):
            waveform = file.read(stop - start, dtype="float32", always_2d=True)
            end = start + len(waveform)
            whole = (stop - end) / rate <= EARLY
            if whole or len(waveform) / rate > EARLY:
                yield start / rate, end / rate, to_mono_16k(waveform, rate)
            if not whole:
                raise AudioError(f"{path}: ends after {end / rate:.1f} s where its header says {frames / rate:.1f} s")


def to_mono_16k(waveform: np.ndarray, rate: int) -> np.ndarray:
    """The mean of a waveform's channels (samples, channels), resampled to 16 kHz: float32 (samples at 16 kHz,).

    Tones up to 7.4 kHz keep their level; of those above 8.05 kHz nothing is left as alias, not even 150 dB below. soxr
    works in one thread, so the samples are the same beside whatever it runs. Raises AudioError for a rate outside
    `RATES`.
    """
    if not RATES[0] <= rate <= RATES[1]:
        raise AudioError(f"sampled at {rate} Hz; expected {RATES[0]} to {RATES[1]} Hz")
    with np.errstate(invalid="ignore", over="ignore"):  # `check` says it better
        mono = waveform[:, 0] if waveform.shape[1] == 1 else waveform.mean(axis=1)  # a mean over one is slow
    if rate == SAMPLE_RATE:
        return mono
    longer = np.pad(mono, (0, math.ceil(rate / SAMPLE_RATE)))  # soxr rounds the length; what is begun counts here
    return soxr.resample(longer, rate, SAMPLE_RATE, QUALITY)[:math.ceil(len(mono) * SAMPLE_RATE / rate)]


def to_rms_level(waveform: np.ndarray, level: float = RMS_LEVEL) -> np.ndarray:
    """The waveform scaled to a root mean square of `level` dB.

    At -3 dB the peaks of nearly every burst exceed 1.0: in floating point that is harmless, in a 16-bit file it clips.
    Raises AudioError for silence.
    """
    rms = np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))
    if not rms > 0:
        raise AudioError("silent; a level cannot be set")
    return (waveform * (10 ** (level / 20) / rms)).astype(np.float32)


def check(waveform: np.ndarray) -> np.ndarray:
    """The waveform (samples,) as it is. Raises AudioError where it is silent, not finite, or under 25 ms."""
    if len(waveform) < SHORTEST:
        raise AudioError(f"{len(waveform) / SAMPLE_RATE * 1000:.1f} ms long; "
                         f"expected {SHORTEST / SAMPLE_RATE * 1000:.0f} ms or more")
    if not np.isfinite(waveform).all():
        raise AudioError("holds samples that are not finite numbers")
    if not waveform.any():
        raise AudioError("silent; every sample is zero")
    return waveform


def load(path: str | Path, audio: str) -> np.ndarray:
    """A recording as the experiment hears it: float32 (samples,), 16 kHz, mono.

    `audio` is `own` for our preprocessing of raw recordings (also set to -3 dB RMS) or `provided`, which leaves the
    level alone. Raises AudioError, naming the file, where it is unreadable, silent, not finite, or under 25 ms.
    """
    waveform, rate = read_audio(path)
    try:
        waveform = check(to_mono_16k(waveform, rate))
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from None
    return to_rms_level(waveform) if audio == "own" else waveform
