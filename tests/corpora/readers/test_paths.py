"""A path in a table means the file that a person would take it for, and no file outside the corpus."""

from __future__ import annotations

import doctest
import os
import unicodedata

import pytest

from burst2vec.corpora.readers import paths
from burst2vec.corpora.readers.paths import Disk, as_listed, composed, leads_out

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "gähnen/é.wav") for form in ("NFC", "NFD"))


@pytest.fixture
def lay(tmp_path):
    """A function that puts empty files into a folder, and returns the `Disk` of it."""
    def lay(*names):
        for name in names:
            (tmp_path / "corpus" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "corpus" / name).touch()
        return Disk(tmp_path / "corpus")
    return lay


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(paths).failed == 0


@pytest.mark.parametrize("path", ["/a.wav", "../a.wav", "clips/../../a.wav", "clips/..", "C:\\a.wav", "c:/a.wav",
                                  "\\\\server\\share\\a.wav"])
def test_a_path_leads_out_where_any_system_would_leave_the_folder(path):
    assert leads_out(path) and as_listed(path) == path


@pytest.mark.parametrize("path", ["a.wav", "./a.wav", "clips//a.wav", "..a.wav", "a..wav", ".../a.wav", "~/a.wav"])
def test_dots_within_a_name_lead_nowhere(path):
    assert not leads_out(path)


@pytest.mark.parametrize("path", ["./clips/a.wav", "clips//a.wav", "clips/./a.wav", "././clips/a.wav", "clips/a.wav/"])
def test_needless_parts_of_a_path_are_left_out(lay, path):
    assert as_listed(path) == lay("clips/a.wav").find(path) == "clips/a.wav"


def test_both_unicode_forms_have_one_composed_form():
    assert COMPOSED != DECOMPOSED and composed(COMPOSED) == composed(DECOMPOSED) == COMPOSED


@pytest.mark.parametrize("there", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("listed", [COMPOSED, DECOMPOSED])
def test_a_file_is_found_in_either_unicode_form_under_the_name_that_it_has(lay, there, listed):
    assert lay(there).find(listed) == there


def test_of_two_files_that_differ_in_their_unicode_form_each_is_found_by_its_own(lay):
    disk = lay(COMPOSED.replace("gähnen", "x"), unicodedata.normalize("NFD", "x/é.wav"))
    assert {disk.find(f"x/{unicodedata.normalize(form, 'é')}.wav") for form in ("NFC", "NFD")} == {
        "x/\N{LATIN SMALL LETTER E WITH ACUTE}.wav", "x/e\N{COMBINING ACUTE ACCENT}.wav"}


def test_a_backslash_is_taken_as_it_stands_before_it_is_taken_for_windows(lay):
    assert lay("clips/a.wav").find("clips\\a.wav") == "clips/a.wav"
    assert lay("clips\\a.wav").find("clips\\a.wav") == "clips\\a.wav"


@pytest.mark.parametrize("path", ["b.wav", "clips/b.wav", "other/a.wav", "clips/a.wav/b", "../outside.wav",
                                  "..\\outside.wav", "clips/../clips/a.wav", "a\0b", 5_000 * "x", ".", ""])
def test_what_is_not_there_or_outside_is_not_found(lay, tmp_path, path):
    disk = lay("clips/a.wav")
    (tmp_path / "outside.wav").touch()
    assert disk.find(path) is None and disk.find(str(tmp_path / "outside.wav")) is None


def test_a_folder_is_listed_once_and_only_when_it_is_asked_for(lay, monkeypatch):
    disk, listed, listing = lay("a/1.wav", "a/2.wav", "b/3.wav"), [], os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: listed.append(os.path.basename(path)) or listing(path))
    assert disk.find("a/1.wav") and disk.find("a/2.wav") and not disk.find("a/9.wav")
    assert listed == ["corpus", "a"]


def test_a_recording_that_the_decoder_reads_goes_before_its_namesake_that_it_does_not(lay):
    disk = lay("a/1.webm", "a/1.flac", "a/2.webm", "a/2.txt", "a/3.flac", "a/3.wav", "b/4.webm", "4.flac")
    assert disk.read_first("a/1.webm") == "a/1.flac"
    for alone in ("a/2.webm", "a/3.flac", "b/4.webm", "a/5.webm", "c/1.webm"):
        assert disk.read_first(alone) == alone


def test_a_namesake_is_known_in_either_unicode_form(lay):
    disk = lay("e\N{COMBINING ACUTE ACCENT}.webm", "\N{LATIN SMALL LETTER E WITH ACUTE}.wav")
    assert disk.read_first("e\N{COMBINING ACUTE ACCENT}.webm") == "\N{LATIN SMALL LETTER E WITH ACUTE}.wav"


@pytest.mark.parametrize(("path", "meant"), [
    ("clips/A.WAV", "clips/a.wav"), ("clips/a .wav", "clips/a.wav"), ("clips/a.mp3", "clips/a.wav"),
    ("clips/a", "clips/a.wav"), ("clips/7.flac", "clips/007.flac"), ("clips/b.wav", None), ("other/a.wav", None)])
def test_a_file_resembles_a_path_in_other_letters_or_with_another_suffix(lay, path, meant):
    assert lay("clips/a.wav", "clips/007.flac").resembling(path) == meant


def test_other_letters_resemble_a_path_more_than_another_suffix(lay):
    assert lay("a.flac", "A.wav").resembling("a.wav") == "A.wav"
