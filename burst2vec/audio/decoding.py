"""Decoding a recording from its first sample to its last, by what it holds: neither its name nor its header decides.

Conventions: a frame is one sample of each channel; blocks are float32 (frames, channels), full scale at 1.0.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from burst2vec.audio.containers import Stream, left_over, mpeg_within, riff, streams
from burst2vec.audio.faults import ABSENT, DAMAGED, NO_BYTES, TOO_LONG, AudioError, not_audio

BLOCK = 2 ** 20
"""The most frames that a block holds."""

WIDTHS = {"PCM_S8": 1, "PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4,
          "DOUBLE": 8}
"""The number of bytes of a sample, by the names that soundfile has for how it is stored."""

CHUNKLESS = ("AU", "AVR", "HTK", "IRCAM", "NIST", "PAF", "PVF")
"""The formats in which nothing follows the samples, by soundfile's names."""

HEADER = 4096
"""The most bytes that the header of such a format has."""

UNRECOGNISED = "Format not recognised"
"""What libsndfile says of a file that is of none of its formats."""

UNKNOWN = 0x7F00_0000
"""The size in bytes from which on a header promises nothing: it was written to a pipe, its size being unknown."""


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[Recording]:
    """A recording that is open for reading within the block.

    Raises AudioError, also from within the block, where it cannot be decoded or does not fit into memory,
    FileNotFoundError where there is no such file, and OSError.
    """
    if not Path(path).is_file():  # a named pipe would be waited for
        raise FileNotFoundError(f"{path}: {ABSENT}")
    with open(path, "rb") as file:
        try:
            with contextlib.closing(Recording(file)) as recording:
                yield recording
        except soundfile.SoundFileError as error:
            why = str(getattr(error, "error_string", error)).removeprefix("Error : ").rstrip(".")
            why = UNRECOGNISED if why.startswith("File does not exist") else why  # said of text that begins as MP3 does
            raise AudioError(f"{path}: {not_audio(why)}") from error
        except _Unusable as fault:
            raise AudioError(f"{path}: {fault}") from None
        except MemoryError:
            raise AudioError(f"{path}: {TOO_LONG}") from None


class _Unusable(Exception):
    """A recording that libsndfile would decode cannot be used all the same; the message says why."""


class Recording:
    """A recording that is open for reading, from its beginning onwards.

    `rate` is in Hz, `floating` says whether samples are stored in floating point, which no full scale bounds, and
    `contradiction` says what in the header contradicts what else is in it. Once the recording has been read to its end,
    `missing` is the number of frames that its header promises beyond those that could be decoded, and `unread` the
    number of bytes that are left over behind them, because they are no sound, or sound of another rate or number of
    channels.
    """

    def __init__(self, file: BinaryIO):
        self._file, self._size = file, os.fstat(file.fileno()).st_size
        if not self._size:
            raise _Unusable(NO_BYTES)
        self._streams = streams(file, self._size)
        self._sound: _Sound | None = self._first()
        self.rate, self.channels = self._sound.samplerate, self._sound.channels
        self.floating = self._sound.subtype in ("FLOAT", "DOUBLE")
        self.contradiction = self._sound.contradiction()
        self.missing = self.unread = self._heard = 0
        self._begin(self._sound)

    def read(self, frames: int) -> np.ndarray:
        """The next `frames` frames (frames, channels); fewer only where the recording ends."""
        blocks = []
        while frames and self._sound:
            block = self._sound.read(min(frames, self._left, BLOCK), "float32", always_2d=True)
            blocks.append(block)
            frames -= len(block)
            self._left -= len(block)
            self._promised -= len(block)
            self._heard += len(block)
            if self._checksum:
                self._checksum.update(block)
            if not (len(block) and self._left):
                self._end(self._sound)
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks or [np.zeros((0, self.channels), np.float32)])

    def blocks(self) -> Iterator[np.ndarray]:
        """Yields the rest of the recording in blocks (frames, channels)."""
        while len(block := self.read(BLOCK)):
            yield block

    def close(self) -> None:
        """Closes what decodes; the file stays open."""
        if self._sound:
            self._sound.close()

    def _begin(self, sound: _Sound) -> None:
        stream = self._streams[0]
        self._left = stream.frames or sound.frames
        self._promised = stream.frames or stream.promised or sound.promised()
        self._checksum = _checksum_of(self._file, stream, sound)

    def _end(self, sound: _Sound) -> None:
        """Closes a stream that has been read to its end, and goes on to the next, if there is one."""
        self.missing += max(0, self._promised)
        if self._checksum and not self._checksum.matches():
            raise _Unusable(DAMAGED)
        stream = self._streams.pop(0)
        sound.close()
        self._sound = None
        if not self._streams:
            behind = left_over(self._file, stream.stop, self._size) + sound.left_over(stream.stop - stream.start)
            self.unread = behind if self._heard else self._size
            return
        sound = self._open(self._streams[0])
        if (sound.samplerate, sound.channels) == (self.rate, self.channels):
            self._sound = sound
            self._begin(sound)
        else:
            self.unread = self._size - self._streams[0].start
            sound.close()

    def _first(self) -> _Sound:
        """Opens the first stream. Where libsndfile does not find it by itself, `_streams` is set to where it is."""
        if not self._streams:
            whole = Stream(0, self._size)
            try:
                sound = self._open(whole)
                if sound.frames:
                    self._streams = [whole]
                    return sound
                sound.close()
                self._streams = riff(self._file) or [whole]
            except soundfile.LibsndfileError:
                self._streams = riff(self._file) or mpeg_within(self._file)
                if not self._streams:
                    raise
        return self._open(self._streams[0])

    def _open(self, stream: Stream, times: int = 1, before: int = 0) -> _Sound:
        if (stream.start, stream.stop, times) == (0, self._size, 1):
            os.lseek(self._file.fileno(), 0, os.SEEK_SET)
            sound = _Sound(self._file.fileno(), closefd=False)
        else:
            sound = _Sound(io.BufferedReader(_Excerpt(self._file, stream, times)))
        if stream.frames and before < sound.frames < stream.frames:  # an estimate, which grows with the file's size
            sound.close()
            return self._open(stream, 2 * times, sound.frames)
        return sound


class _Sound(soundfile.SoundFile):
    """A sound file that is only read onwards. So its length may be unknown, and its format may have no seeking."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.log = "" if self.format in ("MP3", "OGG", "FLAC") else self.extra_info

    def seekable(self) -> bool:
        return False

    def promised(self) -> int:
        """The number of frames that the header promises, which libsndfile corrects where the file is cut off; 0 where
        it promises none."""
        if self.frames == np.iinfo(np.int64).max:
            return 0
        told = re.search(r"(?:data|SSND|Data Size|riff) *: *(\d+) \(should be (\d+)\)", self.log)
        size, there = map(int, told.groups()) if told else (1, 1)
        return self.frames * size // there if 0 < there < size < UNKNOWN else self.frames

    def contradiction(self) -> str:
        """What in the header contradicts what else is in it, as far as libsndfile notices."""
        told = re.search(r"(?:Bytes/sec|Block Align) *: *\d+ \(should be \d+\)|Frame count read from .*", self.log)
        return " ".join(told[0].split()) if told else ""

    def left_over(self, size: int) -> int:
        """The number of bytes at the end of a file of `size` bytes that are neither samples nor part of the format."""
        if self.format in CHUNKLESS and self.subtype in WIDTHS:
            return max(0, size - HEADER - self.frames * self.channels * WIDTHS[self.subtype])
        told = re.search(r"Unknown chunk marker .* at position (\d+)", self.log)
        return size - int(told[1]) if told and self.format in ("WAV", "WAVEX", "AIFF") else 0


class _Checksum:
    """The MD5 checksum of the samples of a FLAC stream, compared with the one in the stream's header."""

    def __init__(self, wanted: bytes, width: int):
        self._wanted, self._width, self._found = wanted, width, hashlib.md5(usedforsecurity=False)

    def update(self, block: np.ndarray) -> None:
        """Takes in a block (frames, channels), whose samples FLAC stores as integers."""
        integers = np.rint(block * np.float32(2 ** (8 * self._width - 1))).astype("<i4")
        self._found.update(integers.view(np.uint8).reshape(*integers.shape, 4)[..., :self._width].tobytes())

    def matches(self) -> bool:
        """Whether the samples taken in are those that were encoded."""
        return self._found.digest() == self._wanted


def _checksum_of(file: BinaryIO, stream: Stream, sound: _Sound) -> _Checksum | None:
    """What compares the samples of a stream with the checksum in its header; None where it has none."""
    width = WIDTHS.get(sound.subtype, 4)
    if sound.format != "FLAC" or width > 3:  # float32 has 24 bits
        return None
    header = os.pread(file.fileno(), 42, stream.start)
    known = header[:4] == b"fLaC" and any(header[26:])
    return _Checksum(header[26:], width) if known else None


class _Excerpt(io.RawIOBase):
    """A stream of a file as a file of its own: its head, then its bytes, the latter `times` over."""

    def __init__(self, file: BinaryIO, stream: Stream, times: int):
        self._file, self._stream, self._place = file, stream, 0
        self._length = stream.stop - stream.start
        self._size = len(stream.head) + times * self._length

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        return self._place

    def readinto(self, buffer) -> int:
        head = self._stream.head
        if self._place < len(head):
            found = head[self._place:self._place + len(buffer)]
        elif self._place >= self._size:
            return 0
        else:
            place = (self._place - len(head)) % self._length
            found = os.pread(self._file.fileno(), min(len(buffer), self._length - place), self._stream.start + place)
        buffer[:len(found)] = found
        self._place += len(found)
        return len(found)
