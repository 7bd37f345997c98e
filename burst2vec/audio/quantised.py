"""A waveform as the store keeps it: 16-bit integers, scaled to the waveform's own peak, with a checksum.

Nothing clips, whatever the level, and no rounding error comes within 96 dB of the peak. Worker processes that prepare
a store import this module and little else, for what they import they import before their first burst.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from burst2vec.audio.waveform import AudioError, load

SAMPLE = np.dtype("<i2")

Kept = tuple[bytes, float, int]
"""The integers' bytes, what to multiply the integers by, and the checksum of the bytes."""


def prepared(path: Path, audio: str) -> Kept | str:
    """A recording as the store keeps it, or what is wrong with it; `audio` as in `waveform.load`."""
    try:
        waveform = load(path, audio)
    except (AudioError, OSError) as error:
        return str(error)
    integers, scale = quantise(waveform)
    samples = integers.tobytes()
    return samples, scale, checksum(samples)


def quantise(waveform: np.ndarray) -> tuple[np.ndarray, float]:
    """A waveform (samples,) as 16-bit integers, and what to multiply them by to have it back."""
    scale = float(np.abs(waveform).max()) / 32767
    return np.round(waveform / scale).astype(SAMPLE), scale


def as_stored(waveform: np.ndarray) -> np.ndarray:
    """A waveform float32 (samples,) with the store's rounding, so that it is heard as in training."""
    integers, scale = quantise(waveform)
    return integers * np.float32(scale)


def checksum(content: bytes) -> int:
    """CRC-32: it tells any flipped bit, and any run of bytes lost or zeroed but for one in four thousand million."""
    return zlib.crc32(content)
