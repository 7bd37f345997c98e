"""What there is to hear in a recording, and what can be wrong with it.

Conventions: samples lie between -1 and 1, full scale; levels are in dB re full scale.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from burst2vec.audio.waveform import EARLY, RATES, SAMPLE_RATE, SHORTEST, read_parts

PART = 2 ** 20
"""In frames: how much of a recording is in memory at a time."""

LONGEST = 60.0
"""In seconds; a recording that is longer holds more than a burst."""

QUIETEST = -60.0
"""In dB; where even the peak lies below, there is little but the noise of a recorder."""

CLIPPED = 1e-3
"""Share of the samples that must be cut off for a recording to count as clipped.

A sample counts as cut off when it and the next both stand at the highest level of their channel, or at the lowest, as
on the flat top that clipping leaves, also when softened afterwards, or both at or beyond full scale, as a lossy format
makes of a flat top. Bursts that were never clipped hardly have two such samples. Below half of full scale none counts:
there, the levels of a 16-bit file are coarse enough for flat tops of their own.
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording's sample rate in Hz, its channels, the frames (samples of each channel) that it holds and those that
    its header promises, its `peak`, whether its channels' mean is all finite numbers and whether it is silent, and the
    share of its samples that are cut off."""

    rate: int
    channels: int
    frames: int
    promised: int
    peak: float
    finite: bool
    silent: bool
    clipped: float

    @property
    def seconds(self) -> float:
        return self.frames / self.rate


def listen(path: Path) -> Heard | str:
    """A recording as heard from beginning to end, or, where that is not possible, what is wrong with it."""
    try:
        if not path.is_file():  # a named pipe would be waited for
            return "there is no such recording"
        with soundfile.SoundFile(os.fsencode(path)) as file:  # as bytes: a name need not be UTF-8
            return _hear(file)
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError) as error:
        return _complaint(path) or str(error)


def _hear(file: soundfile.SoundFile) -> Heard:
    # Samples beyond full scale are nothing unusual in floating point.
    ceiling = np.inf if file.subtype in ("FLOAT", "DOUBLE") else 1.0
    frames, peak, finite, silent, cut = 0, 0.0, True, True, 0
    while len(block := file.read(PART, dtype="float32", always_2d=True)):
        part = np.ascontiguousarray(block.T)  # (channels, samples), which NumPy reduces many times faster
        frames += part.shape[1]
        with np.errstate(invalid="ignore", over="ignore"):
            mono = part.mean(axis=0)
        finite = finite and bool(np.isfinite(mono).all())
        if finite:
            silent = silent and not mono.any()
            peak = max(peak, float(np.abs(part).max()))
            cut += _cut_off(part, ceiling) + _cut_off(-part, ceiling)
    return Heard(file.samplerate, file.channels, frames, file.frames, peak, finite, silent,
                 cut / max(1, frames * file.channels))


def _cut_off(part: np.ndarray, ceiling: float) -> int:
    """How many samples of a waveform (channels, samples) stand, as the next does, at its top, or at the ceiling."""
    top = part.max(axis=1, keepdims=True)
    if (top < 0.5).all():
        return 0
    high = (part >= np.minimum(top, ceiling)) & (top >= 0.5)
    return int(np.count_nonzero(high[:, 1:] & high[:, :-1]))


def _complaint(path: Path) -> str:
    """What is wrong with a recording that cannot be read; nothing where, on second thoughts, it can."""
    try:
        with open(path, "rb") as file:  # its errors say more than libsndfile's
            if not file.read(1):
                return "empty; it holds no bytes"
        for _ in read_parts(path, longest=60):
            pass
    except ValueError as error:
        return str(error).removeprefix(f"{path}: ")
    except (FileNotFoundError, IsADirectoryError):
        return "there is no such recording"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return ""


def faults(heard: Heard) -> list[tuple[str, bool]]:
    """What is wrong with a recording, in words, and whether that is grave, as where training refuses it."""
    if not heard.frames:
        return [("empty; it holds no samples", True)]
    if not RATES[0] <= heard.rate <= RATES[1]:
        return [(f"sampled at {heard.rate} Hz; expected {RATES[0]} to {RATES[1]} Hz", True)]
    if math.ceil(heard.frames * SAMPLE_RATE / heard.rate) < SHORTEST:
        return [(f"{heard.seconds * 1000:.1f} ms long; expected {SHORTEST / SAMPLE_RATE * 1000:.0f} ms or more", True)]
    if not heard.finite:
        return [("holds samples that are not finite numbers", True)]
    if heard.silent:
        return [("silent; its channels cancel out" if heard.peak else "silent; every sample is zero", True)]
    level = 20 * math.log10(heard.peak)
    promised = heard.promised / heard.rate
    notes = {f"ends after {heard.seconds:.1f} s where its header says {promised:.1f} s":
             promised - heard.seconds > EARLY,
             f"nearly silent; its peak is {level:.0f} dB": level < QUIETEST,
             f"clipped; {heard.clipped:.1%} of its samples are cut off": heard.clipped >= CLIPPED,
             f"{heard.seconds:.0f} s long; bursts last seconds": heard.seconds > LONGEST}
    return [(note, False) for note, applies in notes.items() if applies]
