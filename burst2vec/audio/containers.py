"""Where the streams of a recording begin and end in its file.

libsndfile takes the length of a compressed file from the header of its first stream, or estimates it from the size of
the file. It decodes no more than that, and nothing of a second stream behind the first. Here, MPEG frames and Ogg pages
are walked from the first to the last, since each of them says how long it is, and WAV files are looked at that
libsndfile finds empty. In nearly every file this finds nothing that libsndfile does not find.
"""

from __future__ import annotations

import mmap
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal, NamedTuple

KILOBITS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""The bit rates in kbit/s of MPEG frames by version and layer, in the order of their codes 1 to 14. Version 2 stands
for 2.5, too."""

RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""The sample rates in Hz of MPEG frames by the code of their version, in the order of their own codes. The codes 3, 2
and 0 stand for the versions 1, 2 and 2.5."""

CHAIN = 4
"""How many MPEG frames must follow each other for bytes to be taken for frames. Chance hardly makes two."""

LEADING = 2 ** 20
"""The most bytes of something else that may stand before the first MPEG frame."""

FLAC = b"fLaC\0\0\0\x22"
"""How a FLAC stream begins: its name, and the head of the block of 34 bytes that always comes first."""

FLAC_HEAD = 42
"""The number of bytes of these and the block. Its last 16 are the checksum of the samples, or 0."""

FLAC_COUNT = 2 ** 36 - 1
"""The bits of the five bytes before the checksum that count the samples of each channel, or are 0."""

REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Every byte with its bits in reverse order."""

WAVES = (b"RIFF", b"RIFX")
"""How WAV files begin."""


@dataclass(frozen=True)
class Stream:
    """The bytes `start` to `stop` of a file, which are decoded by themselves."""

    start: int
    stop: int
    frames: int | None = None
    """The number of samples of each channel, where it was counted because no header tells; None elsewhere."""
    head: bytes = b""
    """A header to be read before the bytes, in place of one that does not fit them."""
    promised: int = 0
    """The number of samples of each channel that the header counted which `head` replaces; 0 where it counted none."""


def streams(file: BinaryIO, size: int) -> list[Stream]:
    """The streams of a file of `size` bytes, in order; none where libsndfile finds them by itself."""
    file.seek(0)
    begins = file.read(4)
    if size < 8 or not (begins in WALKS or _may_be_mpeg(begins)):
        return []
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = _behind_tags(data, 0)
        return WALKS.get(data[start:start + 4], _mpeg)(data, start)


def mpeg_within(file: BinaryIO) -> list[Stream]:
    """The streams of MPEG frames in a file that begins with something else."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = _next_chain(data, 0, LEADING)
        return [] if start is None else _mpeg(data, start) or [Stream(start, len(data))]


def left_over(file: BinaryIO, place: int, size: int) -> int:
    """How many bytes of a file of `size` bytes follow a place in it, not counting the tags there."""
    if place >= size:
        return 0
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return max(0, _before_tags(data, size, place) - _behind_tags(data, place))


class _Frame(NamedTuple):
    """An MPEG frame's length in bytes and in samples, and its `form`, which all frames of a stream have in common.

    The form is the version as the header writes it, the layer, the sample rate in Hz and the number of channels.
    """

    size: int
    samples: int
    form: tuple[int, int, int, int]


def _may_be_mpeg(begins: bytes) -> bool:
    return begins[:3] == b"ID3" or (len(begins) == 4 and begins[0] == 0xFF and begins[1] >= 0xE0)


def _mpeg(data: mmap.mmap, start: int) -> list[Stream]:
    first = _behind_tags(data, start)
    frame = _frame(data, first)
    if frame is None:
        return []
    header = _header(data, first, frame)
    if header and header.frames and _behind_tags(data, first + header.length) == len(data):
        return []  # what the header says is confirmed by the file's size
    return list(_mpeg_streams(data, first))


def _mpeg_streams(data: mmap.mmap, place: int | None) -> Iterator[Stream]:
    """The streams from that place on. A stream begins with a header, or behind the last frame that a header counts."""
    while place is not None:
        frame = _frame(data, place)
        assert frame is not None
        header = _header(data, place, frame)
        counted = header.frames if header else 0
        begin = place + frame.size if header and not counted else place
        stop, samples = _walk(data, begin, frame.form, counted + 1 if counted else None)
        if stop > begin:
            yield Stream(begin, stop, None if counted else samples)
        place = _next_chain(data, _behind_tags(data, max(stop, place + 1)))


def _walk(data: mmap.mmap, place: int, form: tuple[int, int, int, int], most: int | None) -> tuple[int, int]:
    """Where the whole frames of one form that begin at that place end, and how many samples they hold.

    They end before a header, and after `most` frames. Damage among them is passed over, as the decoder does.
    """
    stop, frames, samples = place, 0, 0
    while frames != most:
        frame = _frame(data, place)
        if frame is None and data[place:place + 3] != b"ID3":
            ahead = _next_chain(data, place)
            if ahead is not None:
                place, frame = ahead, _frame(data, ahead)
        if frame is None or frame.form != form or place + frame.size > len(data):
            break
        if frames and _header(data, place, frame):
            break
        frames, samples, place = frames + 1, samples + frame.samples, place + frame.size
        stop = place
    return stop, samples


def _frame(data: mmap.mmap, place: int) -> _Frame | None:
    """The MPEG frame that begins at that place; None where none does."""
    header = int.from_bytes(data[place:place + 4])
    version, layer = header >> 19 & 3, 4 - (header >> 17 & 3)
    bits, rate, padding = header >> 12 & 15, header >> 10 & 3, header >> 9 & 1
    if header >> 21 != 0x7FF or version == 1 or layer == 4 or bits in (0, 15) or rate == 3:
        return None
    hertz = RATES[version][rate]
    bits_a_second = 1000 * KILOBITS[1 if version == 3 else 2, layer][bits - 1]
    samples = 384 if layer == 1 else 1152 if layer == 2 or version == 3 else 576
    slot = 4 if layer == 1 else 1
    size = (samples * bits_a_second // (8 * slot * hertz) + padding) * slot
    return _Frame(size, samples, (version, layer, hertz, 1 if header >> 6 & 3 == 3 else 2))


class _Header(NamedTuple):
    """An MPEG frame that holds no sound, but says how long its stream is. 0 stands for what it does not say."""

    frames: int
    """The number of frames that follow it."""
    length: int
    """The number of bytes of the stream, itself included."""


def _header(data: mmap.mmap, place: int, frame: _Frame) -> _Header | None:
    """The Xing, Info or VBRI header in the MPEG frame at that place; None where it is a frame of sound."""
    version, layer, _, channels = frame.form
    if layer != 3:
        return None
    side = (32, 17) if version == 3 else (17, 9)
    tag = place + 4 + side[channels == 1]
    if data[tag:tag + 4] in (b"Xing", b"Info"):
        flags, first, second = (int.from_bytes(data[at:at + 4]) for at in range(tag + 4, tag + 16, 4))
        return _Header(first if flags & 1 else 0, (second if flags & 1 else first) if flags & 2 else 0)
    if data[place + 36:place + 40] == b"VBRI":
        return _Header(int.from_bytes(data[place + 50:place + 54]), int.from_bytes(data[place + 46:place + 50]))
    return None


def _next_chain(data: mmap.mmap, place: int, until: int = sys.maxsize) -> int | None:
    """Where the next `CHAIN` MPEG frames of one form begin, or fewer at the end of the file; None where none do.

    They begin before `until`.
    """
    while (place := data.find(b"\xff", place, until)) >= 0:
        frame, at, frames = _frame(data, place), place, 0
        form = frame and frame.form
        while frame is not None and frame.form == form and frames < CHAIN and at < len(data):
            frames, at = frames + 1, at + frame.size
            frame = _frame(data, at)
        if frames == CHAIN or (frames and at == len(data)):
            return place
        place += 1
    return None


def _behind_tags(data: mmap.mmap, place: int) -> int:
    """Where the tags (ID3 and APE) and zeros that begin at that place end."""
    while place < len(data):
        if data[place:place + 3] == b"ID3":
            place += 10 + sum((byte & 127) << 7 * (3 - i) for i, byte in enumerate(data[place + 6:place + 10]))
        elif data[place:place + 3] == b"TAG":
            place += 128
        elif data[place:place + 8] == b"APETAGEX":
            place += 32 + int.from_bytes(data[place + 12:place + 16], "little")
        elif data[place:place + 1] == b"\0":
            place += len(chunk := data[place:place + 4096]) - len(chunk.lstrip(b"\0"))
        else:
            return place
    return len(data)


def _before_tags(data: mmap.mmap, stop: int, start: int) -> int:
    """Where the tags (ID3, APE and Lyrics3) that end at `stop` begin, as far as their ends tell how long they are.

    What would begin before `start` is no tag.
    Of these, the first versions of APE's tags have nothing at their beginning that they are known by.
    """
    while stop > start:
        end = data[max(0, stop - 32):stop]
        if data[max(0, stop - 128):max(0, stop - 125)] == b"TAG":
            length = 128
        elif end[:8] == b"APETAGEX":
            length = int.from_bytes(end[12:16], "little") + 32 * (end[23] >> 7)
        elif end[-9:] == b"LYRICS200" and end[-15:-9].isdigit():
            length = int(end[-15:-9]) + 15
        else:
            return stop
        if not 0 < length <= stop - start:
            return stop
        stop -= length
    return stop


def _ogg(data: mmap.mmap, start: int) -> list[Stream]:
    """The links of an Ogg chain, up to the first page that is damaged or not all there.

    libsndfile decodes the first link alone, leaves out damaged pages without a word, and finds nothing in a file that
    breaks off within the first page of sound.
    """
    found: list[Stream] = []
    place, begin, headers = start, start, True
    while (page := _ogg_page(data, place)) is not None:
        first = bool(page[5] & 2)  # of a logical stream; several may begin together
        if first and not headers:
            found.append(Stream(begin, place))
            begin = place
        headers, place = first, place + len(page)
    if place > begin:
        found.append(Stream(begin, place))
    return [] if found == [Stream(0, len(data))] else found


def _ogg_page(data: mmap.mmap, place: int) -> bytes | None:
    """The whole and undamaged Ogg page at that place; None where there is none."""
    table = place + 27
    if data[place:place + 4] != b"OggS" or table > len(data):
        return None
    stop = table + data[place + 26]
    page = data[place:stop + sum(data[table:stop])]
    # The checksum of a page is zlib's with the bits in reverse order, begun with 0, over a page whose own is 0.
    reverse = (page[:22] + bytes(4) + page[26:]).translate(REVERSED)
    found = zlib.crc32(reverse, 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return page if found.to_bytes(4).translate(REVERSED) == page[22:26] else None


def riff(file: BinaryIO) -> list[Stream]:
    """The WAV files, one behind the other, in a file that libsndfile cannot open or finds empty.

    A recorder that crashed leaves sizes of 0 in the header; its samples reach to the end of the file.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found, start = [], 0
        while data[start:start + 4] in WAVES and data[start + 8:start + 12] == b"WAVE":
            found.append(_wave(data, start))
            start = found[-1].stop
        return found


def _wave(data: mmap.mmap, start: int) -> Stream:
    order: Literal["little", "big"] = "big" if data[start:start + 4] == b"RIFX" else "little"
    length = int.from_bytes(data[start + 4:start + 8], order)
    stop = start + 8 + length + length % 2
    stop = stop if data[stop:stop + 4] in WAVES else len(data)

    def chunk(place: int) -> tuple[bytes, int]:
        return data[place:place + 4], int.from_bytes(data[place + 4:place + 8], order)

    place = start + 12
    while place + 8 <= stop:
        name, length = chunk(place)
        place += 8 + length + length % 2
        if name == b"data" and not length:
            following, length = chunk(place)
            if following.isascii() and following.decode().isprintable() and place + 8 + length <= stop:
                break  # it is empty indeed
            head = bytearray(data[start:place])
            head[4:8], head[-4:] = ((stop - at).to_bytes(4, order) for at in (start + 8, place))
            return Stream(place, stop, head=bytes(head))
    return Stream(start, stop)


def _flac(data: mmap.mmap, start: int) -> list[Stream]:
    """FLAC streams, one behind the other.

    libsndfile decodes no more samples than the header counts, and where it counts none, takes a tag for damage. A
    checksum shows whether the samples are all; where there is none, they are read to the end of the stream.
    """
    starts = [start]
    while (place := data.find(FLAC, starts[-1] + 1)) >= 0:
        starts.append(place)
    found = [_flac_stream(data, *ends) for ends in zip(starts, [*starts[1:], len(data)], strict=True)]
    return [] if found == [Stream(start, len(data))] else found


def _flac_stream(data: mmap.mmap, start: int, stop: int) -> Stream:
    stop = _before_tags(data, stop, start)
    head = data[start:start + FLAC_HEAD]
    counted = int.from_bytes(head[21:26]) & FLAC_COUNT
    if any(head[26:]) or not counted:
        return Stream(start, stop)
    uncounted = (int.from_bytes(head[21:26]) - counted).to_bytes(5)
    return Stream(start + FLAC_HEAD, stop, head=head[:21] + uncounted + head[26:], promised=counted)


WALKS = {b"OggS": _ogg, b"fLaC": _flac}
"""What finds the streams of a file that begins with these bytes."""
