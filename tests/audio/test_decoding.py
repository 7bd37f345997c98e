"""Recordings are decoded to their end and by their content, whatever their headers and names say."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from burst2vec.audio.decoding import opened
from burst2vec.audio.faults import AudioError
from burst2vec.audio.quantised import prepared
from burst2vec.audio.waveform import load, read_parts
from burst2vec.inspection.listening import listen

RATE = 16_000
TIME = np.arange(2 * RATE) / RATE
SOUND = (0.3 * np.sin(2 * np.pi * 300 * TIME) * np.hanning(len(TIME))
         + 0.01 * np.random.default_rng(0).normal(size=len(TIME))).astype(np.float32)
"""Two seconds of sound."""

ID3V2, ID3V1 = b"ID3\4\0\0\0\0\0\12" + bytes(10), b"TAG" + bytes(125)
ZERO = bytes(4)


def encoded(form, subtype=None, sound=SOUND, rate=RATE, **options):
    """The bytes of a sound file."""
    with io.BytesIO() as file:
        soundfile.write(file, sound, rate, subtype, format=form, **options)
        return file.getvalue()


def put(content, place, new):
    return content[:place] + new + content[place + len(new):]


def crashed(subtype, riff=ZERO, **options):
    """A WAV file as a recorder leaves it that never came to write how much it recorded."""
    content = encoded("WAV", subtype, **options)
    return put(put(content, 4, riff), content.index(b"data") + 4, ZERO)


def flac(frames):
    """A FLAC file whose header says that it holds that many frames, in the 36 bits from byte 21.5 on; 0 is unknown."""
    content = encoded("FLAC")
    return put(content, 18, (int.from_bytes(content[18:26]) >> 36 << 36 | frames).to_bytes(8))


def unchecked(frames):
    """The same without a checksum of its samples."""
    return put(flac(frames), 26, bytes(16))


def bare(seconds_of_silence=0.0):
    """An MP3 file of variable bit rate without the header that counts its frames, soft at first."""
    soft = 1e-4 * np.random.default_rng(1).normal(size=int(seconds_of_silence * RATE)).astype(np.float32)
    content = encoded("MP3", sound=np.r_[soft, SOUND], bitrate_mode="VARIABLE", compression_level=0.1)
    tag = content.index(b"Xing")
    return content[content.index(content[:2], tag):]


def flipped(content, place):
    return put(content, place, bytes([content[place] ^ 1]))


@pytest.fixture
def keep(tmp_path):
    """A function that writes a file and returns its path."""
    def keep(content, name="burst.wav"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name
    return keep


WHOLE = {
    "WAV of a recorder that crashed": (crashed("PCM_16"), 2),
    "the same with the size of an empty file": (crashed("PCM_16", (36).to_bytes(4, "little")), 2),
    "the same in floating point": (crashed("FLOAT"), 2),
    "the same of GSM 6.10": (crashed("GSM610"), 2),
    "the same in 24 bits, big endian": (crashed("PCM_24", endian="BIG"), 2),
    "WAV from a pipe": (put(put(encoded("WAV"), 4, b"\xff" * 4), 40, b"\xff" * 4), 2),
    "AU from a pipe": (put(encoded("AU"), 8, b"\xff" * 4), 2),
    "FLAC from a pipe": (flac(0), 2),
    "GSM 6.10, which cannot be searched": (encoded("WAV", "GSM610"), 2),
    "MP3 that is soft first, without a header": (bare(2), 4),
    "two MP3s": (2 * encoded("MP3"), 4),
    "two MP3s with tags": (2 * (ID3V2 + encoded("MP3") + ID3V1), 4),
    "two MP3s without headers": (2 * bare(), 4),
    "MP3 with a header, and one without": (encoded("MP3") + bare(), 4),
    "two WAVs": (2 * encoded("WAV"), 4),
    "WAV, and one of a recorder that crashed": (encoded("WAV") + crashed("PCM_16"), 4),
    "two FLACs": (2 * encoded("FLAC"), 4),
    "two FLACs with tags": (2 * (ID3V2 + encoded("FLAC") + ID3V1), 4),
    "FLAC that says half, and has no checksum": (unchecked(RATE), 2),
    "the same with tags": (ID3V2 + unchecked(RATE) + ID3V1, 2),
    "two like it": (2 * unchecked(RATE), 4),
    "FLAC from a pipe, with a tag behind it": (unchecked(0) + ID3V1, 2),
    "two Ogg Vorbis": (2 * encoded("OGG", "VORBIS"), 4),
    "three Ogg Opus": (3 * encoded("OGG", "OPUS"), 6),
    "MP3 behind something else": (b"Content-Type: audio/mpeg\r\n\r\n" + encoded("MP3"), 2),
    "MP3 behind zeros": (bytes(700) + encoded("MP3"), 2),
    "FLAC with a tag behind it": (encoded("FLAC") + ID3V1, 2),
    "WAV with zeros behind it": (encoded("WAV") + bytes(9_000), 2),
}


@pytest.mark.parametrize(("content", "seconds"), WHOLE.values(), ids=WHOLE)
def test_all_of_a_recording_is_heard_prepared_and_predicted_whatever_its_header_says(keep, content, seconds):
    path = keep(content)
    heard = listen(path)
    assert heard.seconds == pytest.approx(seconds, abs=0.3) and (heard.fault, heard.notes) == ("", ())
    assert len(prepared(path, "own")[0]) == 2 * len(load(path, "own")) == 2 * heard.frames * RATE // heard.rate
    parts = list(read_parts(path, 0.7))
    assert np.array_equal(np.concatenate([part.waveform for part in parts]), load(path, "provided"))
    assert parts[-1].end == heard.seconds


@pytest.mark.parametrize("form", [("WAV", None), ("FLAC", None), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None)])
def test_of_two_recordings_in_one_file_each_sounds_as_alone(keep, form):
    alone = load(keep(encoded(*form)), "provided")
    assert np.array_equal(load(keep(2 * encoded(*form)), "provided"), np.r_[alone, alone])


def test_what_a_wrong_estimate_left_out_is_added_to_what_was_heard_before(keep):
    path = keep(bare(2))
    before = soundfile.read(path, dtype="float32")[0]
    assert len(before) < 3 * RATE
    assert np.array_equal(load(path, "provided")[:len(before)], before)


@pytest.mark.parametrize("form", [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("AIFF", None), ("CAF", None),
                                  ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None)])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_recording_in_order_sounds_as_the_decoder_has_it_in_one_go(keep, form, channels):
    path = keep(encoded(*form, sound=np.stack([SOUND, SOUND[::-1]], 1)[:, :channels], rate=48_000))
    with opened(path) as recording:
        assert np.array_equal(np.concatenate(list(recording.blocks())), soundfile.read(path, dtype="float32",
                                                                                      always_2d=True)[0])


INCOMPLETE = {
    "WAV cut off": (encoded("WAV")[:40_000], 1.2, "ends after 1.2 s where its header says 2.0 s"),
    "AIFF cut off": (encoded("AIFF")[:40_000], 1.2, "ends after 1.2 s where its header says 2.0 s"),
    "AU cut off": (encoded("AU")[:40_000], 1.2, "ends after 1.2 s where its header says 2.0 s"),
    "W64 cut off": (encoded("W64")[:40_000], 1.2, "ends after 1.2 s where its header says 2.0 s"),
    "MP3 cut off": (encoded("MP3")[:5_000], 1.0, "ends after 1.0 s where its header says 2.0 s"),
    "Opus cut off": (encoded("OGG", "OPUS")[:-400], 1.0, "only its first 1.0 s can be read; 3 kB follow"),
    "FLAC that promises too much": (flac(64_000), 2, "ends after 2.0 s where its header says 4.0 s"),
    "WAV that says half": (put(encoded("WAV"), 40, RATE.to_bytes(4, "little")), 0.5,
                           "only its first 0.5 s can be read; 48 kB follow"),
    "AU that says half": (put(encoded("AU"), 8, (2 * RATE).to_bytes(4)), 1,
                          "only its first 1.0 s can be read; 28 kB follow"),
    "FLAC without a checksum that promises too much": (unchecked(64_000), 2,
                                                       "ends after 2.0 s where its header says 4.0 s"),
    "an MP3 of another rate behind the first": (encoded("MP3") + encoded("MP3", sound=SOUND[:8_000], rate=48_000), 2,
                                                "only its first 2.0 s can be read; 3 kB follow"),
    "a stereo WAV behind a mono one": (encoded("WAV") + encoded("WAV", sound=np.stack([SOUND, SOUND], 1)), 2,
                                       "only its first 2.0 s can be read; 128 kB follow"),
    "MP3 with something behind it": (encoded("MP3") + 300 * b"<html>", 2,
                                     "only its first 2.0 s can be read; 2 kB follow"),
    "Opus with a damaged page": (flipped(encoded("OGG", "OPUS"), -900), 1,
                                 "only its first 1.0 s can be read; 3 kB follow"),
}


@pytest.mark.parametrize(("content", "seconds", "note"), INCOMPLETE.values(), ids=INCOMPLETE)
def test_what_is_missing_or_left_over_is_told_and_the_rest_is_used(keep, content, seconds, note):
    path = keep(content)
    heard = listen(path)
    assert heard.seconds == pytest.approx(seconds, abs=0.1) and (heard.fault, heard.notes) == ("", (note,))
    assert len(load(path, "provided")) == heard.frames
    parts = read_parts(path, 9)
    assert len(next(parts).waveform) == heard.frames
    with pytest.raises(AudioError, match=note):
        next(parts)


REFUSED = {
    "AU whose size is 0": (put(encoded("AU"), 8, ZERO), "its header says that it holds no samples, but 64 kB follow"),
    "WAV of a header alone": (encoded("WAV")[:44], "empty; it holds no samples"),
    "FLAC that says half": (flac(RATE), "damaged; its checksum is of other samples"),
    "FLAC cut off": (encoded("FLAC")[:20_000], "not readable as audio (flac decoder lost sync)"),
    "FLAC with another checksum": (flipped(encoded("FLAC", "PCM_24"), 30), "damaged; its checksum is of other samples"),
    "no bytes": (b"", "empty; it holds no bytes"),
    "one byte": (b"R", "not readable as audio (Format not recognised)"),
    "text": (b"It was a dark and stormy night.\n" * 99, "not readable as audio (Format not recognised)"),
    "text in UTF-16": ("It was a dark".encode("utf-16") * 99, "not readable as audio (Format not recognised)"),
    "a film": (b"\x1aE\xdf\xa3" + np.random.default_rng(0).bytes(30_000), "not readable as audio (Format not recog"),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_refused_by_all_in_the_same_words(keep, content, words):
    path = keep(content)
    heard = listen(path)
    assert (heard if isinstance(heard, str) else heard.fault).startswith(words)
    assert prepared(path, "provided").startswith(f"{path}: {words}")
    with pytest.raises(AudioError) as error:
        if fault := next(read_parts(path, 9)).fault:
            raise AudioError(f"{path}: {fault}")
    assert str(error.value).startswith(f"{path}: {words}")


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_every_flipped_bit_of_a_flac_files_sound_is_found(keep, subtype):
    content, rng = encoded("FLAC", subtype), np.random.default_rng(0)
    for place in rng.integers(90, len(content), 40):
        with pytest.raises(AudioError):
            load(keep(flipped(content, place)), "provided")


def test_a_header_that_contradicts_itself_is_noted(keep):
    assert listen(keep(flipped(encoded("WAV"), 25))).notes == (
        "its header contradicts itself; Bytes/sec : 32000 (should be 32512)",)


# Names ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["burst.au", "burst.snd", "burst.raw", "burst.mp3", "burst.vox", "burst.txt", "burst",
                                  "burst.gsm", "burst.sd2", "._burst.wav"])
@pytest.mark.parametrize("form", [("WAV", None), ("MP3", None), ("OGG", "OPUS"), ("FLAC", None), ("AIFF", None)])
def test_a_recording_sounds_the_same_under_any_name(keep, form, name):
    content = encoded(*form)
    assert listen(keep(content, name)) == listen(keep(content, "burst.wav"))


@pytest.mark.parametrize("name", ["notes.au", "notes.snd", "notes.mp3", "notes.raw", "notes.vox", "notes.wav"])
def test_text_is_no_audio_under_any_name(keep, name):
    assert listen(keep(b"laugh, sigh, cry\n" * 900, name)).startswith("not readable as audio (Format not recognised)")


@pytest.mark.parametrize("content", [encoded("MP3"), bare()[:3_240], ID3V2 + encoded("MP3")])
def test_a_file_of_macos_beside_a_recording_changes_nothing(keep, content):
    alone = listen(keep(content, "alone.mp3"))
    keep(b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(338), "._burst.mp3")
    assert listen(keep(content, "burst.mp3")) == alone and alone.seconds > 0.4


def test_a_recording_that_is_longer_than_a_block_is_read_to_its_end(keep, monkeypatch):
    whole = listen(keep(encoded("FLAC")))
    monkeypatch.setattr("burst2vec.audio.decoding.BLOCK", 1_000)
    assert listen(keep(encoded("FLAC"))) == whole
    path = keep(encoded("WAV"))
    assert np.array_equal(load(path, "provided"), soundfile.read(path, dtype="float32")[0])
