"""What there is to hear in a recording, and what is wrong with it.

Conventions: full scale is at 1.0; a frame is one sample of each channel.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from burst2vec.audio.decoding import Recording, opened
from burst2vec.audio.faults import ABSENT, AudioError, Meter
from burst2vec.audio.waveform import mix


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording that was decoded from its beginning to its end."""

    rate: int
    """The sample rate in Hz."""
    channels: int
    """The number of channels."""
    frames: int
    """The number of frames that the recording holds."""
    checksum: tuple[int, int]
    """The CRC-32 and Adler-32 checksums of the mean of its channels. Recordings of one rate and checksum sound the
    same."""
    clipped: float
    """The share of its samples that are cut off; see `cut_off`."""
    fault: str
    """What makes it unusable, in words; empty where it can be used."""
    notes: tuple[str, ...]
    """What is odd about it, in words, where it can be used."""

    @property
    def seconds(self) -> float:
        """The duration in seconds."""
        return self.frames / self.rate


def listen(path: Path) -> Heard | str:
    """A recording as it was heard from beginning to end, or, where it cannot be read, what is wrong with it."""
    try:
        with opened(path) as recording:
            return _hear(recording)
    except AudioError as error:
        return str(error).removeprefix(f"{path}: ")
    except FileNotFoundError:
        return ABSENT
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _hear(recording: Recording) -> Heard:
    meter, crc, adler, cut = Meter(recording.rate, recording.channels), 0, 1, 0
    ceiling = np.inf if recording.floating else 1.0  # in floating point, samples beyond full scale are usual
    for block in recording.blocks():
        mono = mix(block)
        meter.hear(block, mono)
        crc, adler = zlib.crc32(mono.tobytes(), crc), zlib.adler32(mono.tobytes(), adler)
        cut += cut_off(block, ceiling)
    meter.clipped = cut / max(1, meter.frames * meter.channels)
    meter.missing, meter.unread, meter.contradiction = recording.missing, recording.unread, recording.contradiction
    fault = meter.grave()
    return Heard(meter.rate, meter.channels, meter.frames, (crc, adler), meter.clipped, fault,
                 () if fault else tuple(meter.notes()))


def cut_off(block: np.ndarray, ceiling: float) -> int:
    """How many samples of a block (frames, channels) are cut off.

    A sample counts as cut off when it and the next both stand at the highest level of their channel, or both at the
    lowest, as on the flat top that clipping leaves, also when it was softened afterwards, or both at or beyond the
    `ceiling`, as a lossy format makes of a flat top. Bursts that were never clipped hardly have two such samples. Below
    half of full scale none counts: there, the levels of a 16-bit file are coarse enough for flat tops of their own.
    """
    part = np.ascontiguousarray(block.T)  # (channels, samples), which NumPy reduces many times faster
    return _flat_top(part, ceiling) + _flat_top(-part, ceiling)


def _flat_top(part: np.ndarray, ceiling: float) -> int:
    top = part.max(axis=1, keepdims=True)
    if not (top >= 0.5).any():
        return 0
    high = (part >= np.minimum(top, ceiling)) & (top >= 0.5)
    return int(np.count_nonzero(high[:, 1:] & high[:, :-1]))
