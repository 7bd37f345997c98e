"""What there is to hear in a recording, and what is wrong with it.

Conventions: full scale is at 1.0; a frame is one sample of each channel.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

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
    """The share of its samples that are cut off; see `faults.cut_off`."""
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
    meter, crc, adler = Meter(recording.rate, recording.channels, recording.floating), 0, 1
    for block in recording.blocks():
        mono = mix(block)
        meter.hear(block, mono)
        crc, adler = zlib.crc32(mono.tobytes(), crc), zlib.adler32(mono.tobytes(), adler)
    meter.missing, meter.unread, meter.contradiction = recording.missing, recording.unread, recording.contradiction
    fault = meter.grave()
    return Heard(meter.rate, meter.channels, meter.frames, (crc, adler), meter.clipped, fault,
                 () if fault else meter.notes())
