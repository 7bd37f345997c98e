"""Which files are recordings, and where in a folder they are found."""

from __future__ import annotations

import os
import unicodedata

import pytest
import soundfile

from burst2vec.corpora.recordings import (
    CONVERTIBLE,
    READABLE,
    SUFFIXES,
    all_recordings_below,
    by_stem,
    is_readable,
    is_recording,
    recordings_below,
)


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def below(folder):
    """The recordings below a folder, relative to it, and what was reported."""
    lines = []
    return [os.path.relpath(path, folder) for path in recordings_below(folder, lines.append)], lines


@pytest.mark.parametrize("name", ["x.wav", "x.WAV", "x.Wave", "x.bwf", "x.mp2", "x.mpga", "x.sph", "x.voc",
                                  "a/b.c/x.aiff", "x.take.2.flac", "gähnen.ogg"])
def test_what_the_decoder_reads_is_a_readable_recording(name):
    assert is_recording(name) and is_readable(name)


@pytest.mark.parametrize("name", ["x.webm", "x.M4A", "x.mp4", "x.mka", "x.aac", "x.wma", "x.amr"])
def test_what_the_decoder_does_not_read_is_a_recording_all_the_same(name):
    assert is_recording(name) and not is_readable(name)


@pytest.mark.parametrize("name", ["._x.mp3", "a/._x.wav", ".wav", ".hidden.flac", "notes.txt", "wav", "x.wav.txt",
                                  "x.mat"])
def test_hidden_files_and_other_suffixes_are_no_recordings(name):
    assert not is_recording(name)


def test_no_suffix_is_both_readable_and_convertible():
    assert len(set(SUFFIXES)) == len(SUFFIXES) == len(READABLE) + len(CONVERTIBLE)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in SUFFIXES)


@pytest.mark.parametrize("suffix, kind", [
    (".wave", "WAV"), (".bwf", "WAV"), (".rf64", "RF64"), (".aif", "AIFF"), (".aifc", "AIFF"), (".caf", "CAF"),
    (".oga", "OGG"), (".opus", "OGG"), (".mp2", "MP3"), (".mpga", "MP3"), (".sph", "NIST"), (".nist", "NIST"),
    (".voc", "VOC"), (".w64", "W64"), (".svx", "SVX"), (".8svx", "SVX"), (".iff", "SVX"), (".paf", "PAF"),
    (".pvf", "PVF"), (".avr", "AVR"), (".sf", "IRCAM"), (".ircam", "IRCAM"), (".wve", "WVE"),
])
def test_the_decoder_reads_its_formats_under_these_suffixes(tmp_path, suffix, kind):
    subtype = {".opus": "OPUS", ".wve": "ALAW"}.get(suffix)
    soundfile.write(tmp_path / "made", [0.1] * 8000, 8000, format=kind, subtype=subtype)
    (tmp_path / "made").rename(tmp_path / f"x{suffix}")
    assert is_readable(f"x{suffix}") and soundfile.info(tmp_path / f"x{suffix}").frames > 0


def test_of_recordings_of_one_stem_the_readable_one_comes_first_then_the_usual_suffix():
    names = ["1.webm", "1.flac", "1.wav", "2.m4a", "._2.wav", "3.WAV", "3.aiff", "notes.txt", "4.opus"]
    assert by_stem(names, ".wav") == {"1": ["1.wav", "1.flac", "1.webm"], "2": ["2.m4a"], "3": ["3.WAV", "3.aiff"],
                                      "4": ["4.opus"]}
    assert by_stem(names, ".flac")["1"] == ["1.flac", "1.wav", "1.webm"]


def test_stems_have_one_unicode_form():
    decomposed = unicodedata.normalize("NFD", "é")
    assert by_stem([f"{decomposed}.webm", "é.wav"]) == {"é": ["é.wav", f"{decomposed}.webm"]}


# Folders ----------------------------------------------------------------------------------------------------

def test_recordings_are_found_in_folders_below_sorted_and_hidden_ones_are_passed_over(tmp_path):
    touch(tmp_path, "b.wav", "a.FLAC", "deep/er/c.mp3", "notes.txt", ".d.wav", ".cache/e.wav", "f.webm", "deep/._c.mp3")
    assert below(tmp_path) == (["a.FLAC", "b.wav", "deep/er/c.mp3", "f.webm"], [])


def test_a_recording_that_was_converted_is_left_out_but_for_the_conversion(tmp_path):
    touch(tmp_path, "a.webm", "a.flac", "b.webm", "c.wav", "c.mp3", "deep/a.webm")
    assert below(tmp_path) == (["a.flac", "b.webm", "c.mp3", "c.wav", "deep/a.webm"], [])
    assert all_recordings_below(tmp_path, print) == sorted(str(path) for path in tmp_path.rglob("*.*"))


def test_a_folder_behind_a_link_is_searched(tmp_path):
    touch(tmp_path, "store/x.wav", "data/own.wav")
    (tmp_path / "data" / "speaker").symlink_to(tmp_path / "store")
    (tmp_path / "data" / "file.wav").symlink_to(tmp_path / "store" / "x.wav")
    assert below(tmp_path / "data") == (["file.wav", "own.wav", "speaker/x.wav"], [])


def test_each_folder_is_searched_once_under_its_own_path_and_loops_end(tmp_path):
    touch(tmp_path, "b/x.wav", "c/y.wav")
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "c" / "here").symlink_to(".")
    assert below(tmp_path) == (["b/x.wav", "c/y.wav"], [])


@pytest.mark.parametrize("target", ["nowhere.wav", "self"])
def test_a_link_that_leads_nowhere_is_named(tmp_path, target):
    touch(tmp_path, "x.wav")
    (tmp_path / "self").symlink_to(target)
    found, lines = below(tmp_path)
    assert found == ["x.wav"] and lines == [f"{tmp_path}/self: the link leads nowhere ({target})"]


def test_a_folder_that_cannot_be_read_is_named_and_the_others_are_searched(tmp_path, monkeypatch):
    touch(tmp_path, "a/x.wav", "closed/y.wav", "z/z.wav")
    scandir = os.scandir

    def refuse(path):
        if os.path.basename(path) == "closed":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert below(tmp_path) == (["a/x.wav", "z/z.wav"],
                               [f"{tmp_path}/closed: the folder cannot be read (Permission denied)"])


def test_a_name_that_is_no_utf_8_is_found(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.wav"
    open(path, "wb").close()
    assert recordings_below(tmp_path, print) == [os.fsdecode(path)]
