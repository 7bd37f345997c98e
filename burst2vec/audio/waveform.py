"""Waveforms: mixing, resampling, and our own preprocessing of raw recordings (section 4.1).

Conventions: a waveform is float32, one number a sample, full scale at 1.0; rates are in Hz; levels in dB re full scale.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from burst2vec.audio.decoding import Recording, opened
from burst2vec.audio.faults import RATES, SAMPLE_RATE, AudioError, Meter, wrong_rate

QUALITY = "VHQ"
"""The name of soxr's highest quality. It costs half a millisecond a burst, once. torchaudio's Kaiser-windowed kernel
with the same stop band costs nine times as much, and needs torch."""

RMS_LEVEL = -3.0
"""The root mean square level in dB to which our preprocessing sets a recording (section 4.1)."""


def read_audio(path: str | Path) -> tuple[np.ndarray, int]:
    """A recording's waveform (samples, channels) as float32, and its sample rate in Hz.

    Whatever libsndfile decodes is read: WAV, FLAC, OGG, MP3 and others. Raises AudioError for anything else and for
    what does not fit into memory, and FileNotFoundError.
    """
    with opened(path) as recording:
        blocks = list(recording.blocks()) or [np.zeros((0, recording.channels), np.float32)]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks), recording.rate


def load(path: str | Path, audio: str, note: Callable[[str], object] = lambda line: None) -> np.ndarray:
    """A recording as the experiment hears it: float32 (samples,), 16 kHz, mono.

    `audio` is `own` for our preprocessing of raw recordings, which also sets them to -3 dB RMS, or `provided`, which
    leaves their level alone. `note` is told what is odd about the recording (`faults.Meter.notes`). Raises AudioError,
    naming the file, where the recording has a grave fault (`faults.Meter.grave`), and FileNotFoundError.
    """
    with opened(path) as recording:
        meter = _meter(recording)
        blocks = [_measured(block, meter) for block in recording.blocks()]
        meter.missing, meter.unread = recording.missing, recording.unread
        fault = meter.grave()
        if fault:
            raise AudioError(f"{path}: {fault}")
        for line in meter.notes():
            note(line)
        waveform = resample(blocks[0] if len(blocks) == 1 else np.concatenate(blocks), meter.rate)
        return to_rms_level(waveform) if audio == "own" else waveform


@dataclass(frozen=True)
class Part:
    """A stretch of a recording, with its start and end in seconds."""

    start: float
    end: float
    waveform: np.ndarray
    """The waveform (samples,) at 16 kHz, mono; empty where the part cannot be used."""
    fault: str
    """What makes the part unusable, in words; empty where it can be used."""
    notes: tuple[str, ...]
    """What is odd about the part, in words, where it can be used."""


def read_parts(path: str | Path, longest: float) -> Iterator[Part]:
    """Yields a recording in equal parts of at most `longest` seconds; no more of it is in memory than a part.

    A recording that is longer than a part is first decoded to its end, because its header may be wrong about its
    length. Of a recording that is damaged somewhere, the parts before the damage come, each of `longest` seconds.
    Raises FileNotFoundError, and AudioError where the recording, or a part of it, cannot be decoded, and after the last
    part where some of it is missing or could not be read.
    """
    with opened(path) as recording:
        most = max(1, int(longest * recording.rate))
        block = recording.read(most + 1)
        whole = len(block) <= most
        start = len(block)
        if whole:
            yield _part(recording, 0, block)
    if not whole:
        start, ends = 0, _ends(path, most)
        with opened(path) as recording:
            while len(block := recording.read(next(ends, start + 1) - start)):
                yield _part(recording, start, block)
                start += len(block)
    meter = _meter(recording)
    meter.frames, meter.missing, meter.unread = start, recording.missing, recording.unread
    if start and meter.incomplete():
        raise AudioError(f"{path}: {meter.incomplete()}")


def _ends(path: str | Path, most: int) -> Iterator[int]:
    """The frames at which the parts of a recording end, each of which holds at most `most` frames."""
    total = 0
    try:
        with opened(path) as recording:
            for block in recording.blocks():
                total += len(block)
    except AudioError:  # which the parts meet, too
        return itertools.count(most, most)
    count = math.ceil(total / most)
    return iter([total * (i + 1) // count for i in range(count)])


def _part(recording: Recording, start: int, block: np.ndarray) -> Part:
    meter = _meter(recording)
    mono = _measured(block, meter)
    if not len(block):
        meter.unread = recording.unread
    if start:
        meter.contradiction = ""  # the first part has it
    return part_of(meter, mono, start)


def part_of(meter: Meter, mono: np.ndarray, start: int) -> Part:
    """The part of a recording that begins at frame `start`, given the mean of its channels (frames,) and its meter."""
    fault = meter.grave()
    waveform = np.zeros(0, np.float32) if fault else resample(mono, meter.rate)
    return Part(start / meter.rate, (start + len(mono)) / meter.rate, waveform, fault, () if fault else meter.notes())


def _meter(recording: Recording) -> Meter:
    """A meter for what is read of the recording, which knows what the header says."""
    meter = Meter(recording.rate, recording.channels, recording.floating)
    meter.contradiction = recording.contradiction
    return meter


def _measured(block: np.ndarray, meter: Meter) -> np.ndarray:
    """The mean of a block's channels (frames,), which the meter has taken in."""
    mono = mix(block)
    meter.hear(block, mono)
    return mono


def mix(waveform: np.ndarray) -> np.ndarray:
    """The mean (samples,) of a waveform's channels (samples, channels)."""
    with np.errstate(invalid="ignore", over="ignore"):  # the meter says it better
        if waveform.shape[1] == 1:
            return waveform[:, 0]
        if waveform.shape[1] == 2:  # many times as fast as a mean over rows of two, to the same bits
            return (waveform[:, 0] + waveform[:, 1]) / 2
        return waveform.mean(axis=1)


def resample(mono: np.ndarray, rate: int) -> np.ndarray:
    """A waveform (samples,) of a sample rate in Hz resampled to 16 kHz, float32 (samples at 16 kHz,).

    Tones up to 7.4 kHz keep their level. Of tones above 8.05 kHz nothing is left as alias, not even 150 dB below. soxr
    works in one thread, so the samples are the same whatever else is running. Raises AudioError for a rate outside
    `faults.RATES`.
    """
    if not RATES[0] <= rate <= RATES[1]:
        raise AudioError(wrong_rate(rate))
    if rate == SAMPLE_RATE:
        return mono
    longer = np.pad(mono, (0, math.ceil(rate / SAMPLE_RATE)))  # soxr rounds the length; what is begun counts here
    return soxr.resample(longer, rate, SAMPLE_RATE, QUALITY)[:math.ceil(len(mono) * SAMPLE_RATE / rate)]


def to_rms_level(waveform: np.ndarray, level: float = RMS_LEVEL) -> np.ndarray:
    """The waveform scaled to a root mean square of `level` dB.

    At -3 dB the peaks of nearly every burst exceed 1.0. That is harmless in floating point, and clips in a 16-bit file.
    Raises AudioError for silence.
    """
    rms = np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))
    if not rms > 0:
        raise AudioError("silent; a level cannot be set")
    return (waveform * (10 ** (level / 20) / rms)).astype(np.float32)
