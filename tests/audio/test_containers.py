"""Where streams begin and end, in files whose every header was put together here by hand."""

from __future__ import annotations

import pytest

from burst2vec.audio.containers import FLAC, LEADING, Stream, left_over, mpeg_within, riff, streams

ID3V2, ID3V1 = b"ID3\4\0\0\0\0\1\0" + bytes(128), b"TAG" + bytes(125)
"""Tags before and behind the frames. The size of the first, 128 bytes, is written in seven bits of each byte."""

APE = b"APETAGEX" + (2000).to_bytes(4, "little") + (40).to_bytes(4, "little") + bytes(16) + 40 * b"x"

APE_1 = 40 * b"x" + b"APETAGEX" + (1000).to_bytes(4, "little") + (72).to_bytes(4, "little") + bytes(16)
"""An APE tag of the first version, which has nothing before its items: their size and that of its end."""

APE_2_END = APE[:12] + (72).to_bytes(4, "little") + bytes(7) + b"\x80" + bytes(8)
"""The end of an APE tag of the second version, whose last bit says that it has a beginning, too."""

LYRICS = b"LYRICSBEGIN" + 20 * b"la " + b"000071LYRICS200"

FRAME = bytes.fromhex("FFFB9000") + bytes(413)
"""An MPEG frame of version 1, layer III, 128 kbit/s, 44.1 kHz, stereo: 417 bytes that hold 1152 samples."""


@pytest.fixture
def file(tmp_path):
    """A function that writes bytes and opens the file."""
    opened = []

    def file(content):
        (tmp_path / "burst").write_bytes(content)
        opened.append((tmp_path / "burst").open("rb"))
        return opened[-1]

    yield file
    for each in opened:
        each.close()


@pytest.fixture
def found(file):
    """A function that gives the streams found in a file of these bytes."""
    return lambda content: streams(file(content), len(content))


# MPEG -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("header", "size", "samples"), [
    ("FFFB9000", 144 * 128_000 // 44_100, 1152),  # version 1, layer III
    ("FFFB92C0", 144 * 128_000 // 44_100 + 1, 1152),  # padded by a byte, mono
    ("FFFAE4C0", 144 * 320_000 // 48_000, 1152),  # with a checksum
    ("FFFD1800", 144 * 32_000 // 32_000, 1152),  # layer II
    ("FFFFC200", 4 * (12 * 384_000 // 44_100 + 1), 384),  # layer I, padded by four bytes
    ("FFF38000", 72 * 64_000 // 22_050, 576),  # version 2
    ("FFF5E4C0", 144 * 160_000 // 24_000, 1152),  # version 2, layer II
    ("FFF7E800", 4 * (12 * 256_000 // 16_000), 384),  # version 2, layer I
    ("FFE38800", 72 * 64_000 // 8_000, 576),  # version 2.5
])
def test_frames_are_as_long_as_the_standard_has_it_and_are_counted(found, header, size, samples):
    frame = bytes.fromhex(header) + bytes(size - 4)
    assert found(5 * frame) == [Stream(0, 5 * size, 5 * samples)]
    assert found(5 * frame + frame[:-1]) == [Stream(0, 5 * size, 5 * samples)]  # the last is cut off


@pytest.mark.parametrize("header", [
    "FFEB9000",  # a version that is reserved
    "FFF99000",  # a layer that is
    "FFFBF000", "FFFB0000",  # no bit rate
    "FFFB9C00",  # no sample rate
])
def test_a_header_with_a_reserved_value_is_no_frame(found, header):
    assert found(5 * (bytes.fromhex(header) + bytes(413))) == []


def informed(tag, *, side=32, frame=FRAME):
    """A frame that holds no sound but the tag, behind the `side` bytes of side information."""
    return frame[:4] + bytes(side) + tag + frame[4 + side + len(tag):]


def xing(frames, name=b"Xing"):
    return name + (1).to_bytes(4) + frames.to_bytes(4)


def test_a_header_that_counts_all_frames_leaves_nothing_to_find(found):
    length = 11 * 417
    told = b"Info" + (3).to_bytes(4) + (10).to_bytes(4) + length.to_bytes(4)
    assert found(informed(told) + 10 * FRAME) == []
    assert found(ID3V2 + informed(told) + 10 * FRAME + APE + ID3V1) == []
    vbri = b"VBRI" + bytes(6) + length.to_bytes(4) + (10).to_bytes(4)
    assert found(informed(vbri) + 10 * FRAME) == []


def test_a_header_ends_its_stream_and_begins_the_next(found):
    one = informed(xing(10)) + 10 * FRAME
    assert found(one + ID3V1 + ID3V2 + one) == [Stream(0, 11 * 417), Stream(11 * 417 + 266, 22 * 417 + 266)]
    assert found(one + 3 * FRAME) == [Stream(0, 11 * 417), Stream(11 * 417, 14 * 417, 3 * 1152)]


def test_a_header_that_counts_nothing_is_no_sound(found):
    silent = informed(b"Xing" + (0).to_bytes(4))
    assert found(silent + 10 * FRAME) == [Stream(417, 11 * 417, 10 * 1152)]
    assert found(10 * FRAME + silent + 5 * FRAME) == [
        Stream(0, 10 * 417, 10 * 1152), Stream(11 * 417, 16 * 417, 5 * 1152)]


@pytest.mark.parametrize(("header", "side", "size"), [
    ("FFFB9000", 32, 417), ("FFFB90C0", 17, 417), ("FFF38000", 17, 208), ("FFF380C0", 9, 208)])
def test_a_header_stands_behind_the_side_information_of_its_version_and_channels(found, header, side, size):
    frame = bytes.fromhex(header) + bytes(size - 4)
    samples = 1152 if size == 417 else 576
    for name in (b"Xing", b"Info"):
        once = informed(xing(6, name), side=side, frame=frame) + 6 * frame
        assert found(2 * once) == [Stream(0, 7 * size), Stream(7 * size, 14 * size)]
    elsewhere = informed(xing(6), side=side + 1, frame=frame) + 6 * frame
    assert found(elsewhere) == [Stream(0, 7 * size, 7 * samples)]


def test_damage_among_frames_is_passed_over(found):
    content = 5 * FRAME + 100 * b"\xff" + 5 * FRAME
    assert found(content) == [Stream(0, len(content), 10 * 1152)]


def test_frames_of_another_sample_rate_are_another_stream(found):
    other = bytes.fromhex("FFFB9400") + bytes(144 * 128_000 // 48_000 - 4)
    place = 6 * len(FRAME)
    assert found(6 * FRAME + 5 * other) == [
        Stream(0, place, 6 * 1152), Stream(place, place + 5 * len(other), 5 * 1152)]


def test_a_size_in_seven_bits_a_byte_is_skipped_as_a_whole(found):
    tag = b"ID3\4\0\0" + bytes([0, 0, 2, 3]) + (2 * 128 + 3) * b"\xff"
    assert found(tag + 4 * FRAME) == [Stream(len(tag), len(tag) + 4 * 417, 4 * 1152)]


def test_frames_behind_something_else_are_found_where_four_follow_each_other(file):
    text = b"Content-Type: audio/mpeg\r\n\r\n" + FRAME[:4] + b"no frame"
    assert mpeg_within(file(text + 4 * FRAME)) == [Stream(len(text), len(text) + 4 * 417, 4 * 1152)]
    assert mpeg_within(file(text + 3 * FRAME + b"<html>")) == []
    assert mpeg_within(file(text + informed(xing(4)) + 4 * FRAME)) == [Stream(len(text), len(text) + 5 * 417)]


def test_frames_are_not_looked_for_without_end(file):
    assert mpeg_within(file(bytes(LEADING - 1) + 4 * FRAME)) == [
        Stream(LEADING - 1, LEADING - 1 + 4 * 417, 4 * 1152)]
    assert mpeg_within(file(bytes(LEADING) + 4 * FRAME)) == []


# Ogg --------------------------------------------------------------------------------------------------------

def checksum(page):
    """The cyclic redundancy check of the Ogg standard: polynomial 04C11DB7, most significant bit first, from 0."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register >> 31 else 0)) & 0xFFFF_FFFF
    return register


def page(body, *, first=False, serial=1):
    """An Ogg page with one packet."""
    sizes = bytes([255] * (len(body) // 255) + [len(body) % 255])
    head = b"OggS\0" + bytes([2 if first else 0]) + bytes(8) + serial.to_bytes(4, "little") + bytes(4)
    blank = head + bytes(4) + bytes([len(sizes)]) + sizes + body
    return head + checksum(blank).to_bytes(4, "little") + blank[26:]


LINK = page(b"head", first=True) + page(300 * b"a") + page(255 * b"b")


def test_an_ogg_file_of_one_link_leaves_nothing_to_find(found):
    assert found(LINK) == []
    two_at_once = page(b"sound", first=True) + page(b"film", first=True, serial=2) + page(b"x") + page(b"y", serial=2)
    assert found(two_at_once) == []


def test_each_link_of_an_ogg_chain_is_a_stream(found):
    size = len(LINK)
    assert found(3 * LINK) == [Stream(0, size), Stream(size, 2 * size), Stream(2 * size, 3 * size)]


@pytest.mark.parametrize("spoil", [
    lambda content: content[:-1] + b"?",  # the sound
    lambda content: content[:-256] + b"\xfe" + content[-255:],  # the table of sizes
    lambda content: content[:-1],  # cut off
    lambda content: content[:-len(page(255 * b"b"))] + b"OggS",  # within a header
    lambda content: content[:-len(page(255 * b"b"))] + 40 * b"<html>",  # something else
])
def test_an_ogg_stream_ends_before_the_first_page_that_is_not_whole(found, spoil):
    size, kept = len(LINK), len(LINK) - len(page(255 * b"b"))
    assert found(spoil(LINK)) == [Stream(0, kept)]
    assert found(LINK + spoil(LINK)) == [Stream(0, size), Stream(size, size + kept)]


def test_an_ogg_file_without_a_whole_page_has_no_stream(found):
    assert found(LINK[:20]) == [] and found(LINK[:6] + b"\1" + LINK[7:30]) == []


# WAV --------------------------------------------------------------------------------------------------------

def chunk(name, body, size=None, order="little"):
    return name + (len(body) if size is None else size).to_bytes(4, order) + body + bytes(len(body) % 2)


def wav(*chunks, size=None, order="little"):
    body = b"WAVE" + b"".join(chunks)
    return chunk(b"RIFF" if order == "little" else b"RIFX", body, size, order)


FORMAT, SOUND = chunk(b"fmt ", bytes(16)), bytes(range(1, 201))


def test_wav_files_one_behind_the_other_are_a_stream_each(file):
    one, odd = wav(FORMAT, chunk(b"data", SOUND)), wav(FORMAT, chunk(b"data", SOUND[:7]))
    assert riff(file(one)) == [Stream(0, len(one))]
    assert riff(file(odd + one + odd)) == [
        Stream(0, len(odd)), Stream(len(odd), len(odd + one)), Stream(len(odd + one), len(odd + one + odd))]


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("size", [0, 36, 0xFFFF_FFFF])
def test_a_recorder_that_crashed_left_samples_to_the_end_of_the_file(file, size, order):
    note = chunk(b"note", b"odd", order=order)
    head = wav(chunk(b"fmt ", bytes(16), order=order), note, b"data" + bytes(4), size=size, order=order)
    [stream] = riff(file(head + SOUND))
    assert (stream.start, stream.stop) == (len(head), len(head) + 200)
    whole = wav(chunk(b"fmt ", bytes(16), order=order), note, chunk(b"data", SOUND, order=order), order=order)
    assert stream.head + SOUND == whole


def test_a_wav_file_that_is_empty_indeed_is_left_as_it_is(file):
    empty = wav(FORMAT, chunk(b"data", b""), chunk(b"LIST", b"INFO"))
    assert riff(file(empty)) == [Stream(0, len(empty))]


@pytest.mark.parametrize("content", [wav()[:12], wav(FORMAT)[:-9], wav(FORMAT, chunk(b"data", SOUND))[:-50],
                                     wav(FORMAT, chunk(b"odd ", b"x", size=10 ** 9))])
def test_a_wav_file_that_breaks_off_reaches_to_its_end(file, content):
    assert riff(file(content)) == [Stream(0, len(content))]


def test_a_riff_file_of_another_kind_is_none(file):
    assert riff(file(b"RIFF\4\0\0\0AVI " + bytes(40))) == [] and riff(file(b"RIFF")) == []


# FLAC, tags, and what is none --------------------------------------------------------------------------------

def test_only_several_flac_streams_are_told_apart(found):
    one = FLAC + 50 * b"fLaC"  # the name alone may occur among samples
    assert found(one) == []
    assert found(one + FLAC + b"xyz" + one) == [
        Stream(0, 208), Stream(208, 219), Stream(219, 427)]


def test_where_no_checksum_shows_that_samples_are_missing_those_that_the_header_counts_are_only_a_promise(found):
    start, counted, checksum = FLAC + bytes(13), b"\xf0\0\0\0\7", 15 * b"\0" + b"x"  # four bits and 7 samples
    assert found(start + counted + checksum + SOUND) == []
    assert found(start + b"\xf0" + bytes(4 + 16) + SOUND) == []  # it counts none
    assert found(start + counted + checksum + SOUND + ID3V1) == [Stream(0, 42 + 200)]
    [stream] = found(ID3V2 + start + counted + bytes(16) + SOUND + ID3V1)
    assert (stream.start, stream.stop, stream.promised) == (len(ID3V2) + 42, len(ID3V2) + 42 + 200, 7)
    assert stream.head == start + b"\xf0" + bytes(4 + 16)


def test_streams_behind_a_tag_are_told_apart(found):
    one, tag = FLAC + 50 * b"fLaC", len(ID3V2)
    assert found(ID3V2 + one) == [] and found(ID3V2 + LINK) == [Stream(tag, tag + len(LINK))]
    assert found(ID3V2 + one + one) == [Stream(tag, tag + 208), Stream(tag + 208, tag + 416)]


@pytest.mark.parametrize(("tags", "left"), [
    (APE_1, 0), (APE_1 + ID3V1, 0), (LYRICS + ID3V1, 0), (b"<html>" + LYRICS + ID3V1, 6), (APE + APE_2_END, 0),
    (b"<html>" + APE + APE_2_END, 6),
    (b"", 0), (ID3V1, 0), (APE + ID3V1, 0), (ID3V2 + bytes(9_000), 0), (ID3V1[:50], 0), (b"<html>", 6),
    (ID3V1 + bytes(10) + b"<html>" + ID3V1, 6), (b"TAX" + bytes(125), 128),
])
def test_what_is_left_over_is_counted_behind_the_tags(file, tags, left):
    content = FRAME + tags
    assert left_over(file(content), len(FRAME), len(content)) == left


def test_a_tag_that_would_begin_before_its_stream_is_none(file, found):
    long = b"APETAGEX" + (1000).to_bytes(4, "little") + (300).to_bytes(4, "little") + bytes(16)
    content = 400 * b"x" + SOUND + long
    assert left_over(file(content), 400, len(content)) == len(SOUND) + 32  # it says that it is 300 bytes
    start = FLAC + bytes(13) + bytes(21)
    assert found(start + SOUND + start + 10 * b"x" + long) == [
        Stream(0, len(start) + 200), Stream(len(start) + 200, 2 * len(start) + 242)]


def test_nothing_is_left_over_behind_the_end(file):
    assert left_over(file(b""), 0, 0) == 0 and left_over(file(FRAME), 500, len(FRAME)) == 0


@pytest.mark.parametrize("content", [b"", b"\xff", b"ID3", b"OggS", b"fLaC", b"\xff\xfb\x90\x00", 99 * b"text",
                                     b"RIFF" + bytes(40)])
def test_in_what_is_too_short_or_of_another_kind_nothing_is_found(found, content):
    assert found(content) == []
