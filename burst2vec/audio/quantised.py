"""A waveform as the store keeps it: 16-bit integers, scaled to the waveform's own peak, with a checksum.

Nothing clips, whatever the level, and every rounding error is 96 dB below the peak or more. Worker processes that
prepare a store import this module and little else, because they import it before their first burst.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from burst2vec.audio.faults import AudioError
from burst2vec.audio.waveform import load

SAMPLE = np.dtype("<i2")
"""The type of a stored sample."""


class Kept(NamedTuple):
    """A recording as the store keeps it: the integers' bytes, the factor that turns the integers into the waveform, the
    checksum of the bytes, and what is odd about the recording, in words."""

    samples: bytes
    scale: float
    checksum: int
    notes: tuple[str, ...]



def prepared(path: Path, audio: str) -> Kept | str:
    """A recording as the store keeps it, or what is wrong with it; `audio` is that of `waveform.load`."""
    notes: list[str] = []
    try:
        waveform = load(path, audio, notes.append)
    except (AudioError, OSError) as error:
        return str(error)
    integers, scale = quantise(waveform)
    samples = integers.tobytes()
    return Kept(samples, scale, checksum(samples), tuple(notes))


def quantise(waveform: np.ndarray) -> tuple[np.ndarray, float]:
    """A waveform (samples,) as 16-bit integers, and the factor that turns these into the waveform again."""
    scale = float(np.abs(waveform).max()) / 32767
    return np.round(waveform / scale).astype(SAMPLE), scale


def as_stored(waveform: np.ndarray) -> np.ndarray:
    """A waveform float32 (samples,) with the store's rounding, so that a model hears it as in training."""
    integers, scale = quantise(waveform)
    return integers * np.float32(scale)


def checksum(content: bytes) -> int:
    """The CRC-32 checksum of some bytes.

    It changes with any flipped bit. Of the cases in which a stretch of bytes is lost or zeroed it misses one in four
    thousand million.
    """
    return zlib.crc32(content)
