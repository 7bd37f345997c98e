"""`convert` makes recordings readable that the decoder does not read: whole or not at all, beside the originals."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
import soundfile

from burst2vec.cli import main
from burst2vec.corpora.conversion import convert

FAKE = f"""#!{sys.executable}
import os, sys
import numpy as np, soundfile
arguments = sys.argv[1:]
source = arguments[arguments.index("-i") + 1].removeprefix("file:")
target = arguments[-1].removeprefix("file:")
with open(os.environ["CALLS"], "a") as calls:
    calls.write(os.path.basename(source) + "\\n")
content = open(source, "rb").read()
if content == b"broken":
    with open(target, "wb") as half:
        half.write(b"fLaC, half of it")
    sys.exit("Duration: N/A\\n" + source + ": Invalid data found when processing input")
if content == b"useless":
    with open(target, "wb") as text:
        text.write(b"a text")
    sys.exit(0)
if content != b"lazy":
    soundfile.write(target, np.full((4_800, 2), 0.1), 48_000, format="FLAC", subtype="PCM_16")
"""
"""A stand-in for ffmpeg, for which the content of a recording says what happens."""


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """Puts the stand-in first on the path. Returns a function that tells which recordings it was given, sorted."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ffmpeg").write_text(FAKE)
    (tmp_path / "bin" / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return lambda: sorted((tmp_path / "calls").read_text().splitlines()) if (tmp_path / "calls").exists() else []


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "corpus"


def put(folder, **contents):
    for name, content in contents.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def files(folder):
    return sorted(os.path.relpath(os.path.join(parent, name), folder)
                  for parent, _, names in os.walk(folder) for name in names)


def converted(folder):
    lines = []
    return convert(folder, lines.append), lines


def test_what_cannot_be_read_becomes_flac_beside_it_and_all_else_stays(ffmpeg, folder):
    put(folder, a_webm=b"x", deep__b_M4A=b"x", deep__c_wav=b"readable", notes_txt=b"x", deep___d_mp4=b"hidden")
    before = {name: (folder / name).read_bytes() for name in files(folder)}
    assert converted(folder) == ((2, 0), [])
    assert ffmpeg() == ["a.webm", "b.M4A"]
    assert files(folder) == sorted([*before, "a.flac", "deep/b.flac"])
    assert {name: (folder / name).read_bytes() for name in before} == before
    info = soundfile.info(folder / "a.flac")
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("FLAC", "PCM_16", 48_000, 2)


def test_a_conversion_goes_on_where_it_was(ffmpeg, folder):
    put(folder, a_webm=b"x", b_webm=b"x", c_aac=b"x")
    soundfile.write(folder / "b.wav", np.full(4_800, 0.1), 48_000)
    assert converted(folder) == ((2, 1), [])
    put(folder, d_webm=b"x")
    assert converted(folder) == ((1, 3), [])
    assert ffmpeg() == ["a.webm", "c.aac", "d.webm"]


@pytest.mark.parametrize(("content", "complaint"), [
    (b"broken", "Invalid data found when processing input"), (b"lazy", "ffmpeg wrote nothing"),
    (b"useless", "what ffmpeg wrote is not readable"),
])
def test_what_fails_is_reported_leaves_nothing_behind_and_stops_no_other(ffmpeg, folder, content, complaint):
    put(folder, a_webm=content, b_webm=b"x")
    (counts, lines) = converted(folder)
    assert counts == (1, 0) and files(folder) == ["a.webm", "b.flac", "b.webm"]
    (line,) = lines
    assert line.startswith(f"{folder}/a.") and complaint in line and "\n" not in line


def test_of_two_recordings_of_one_name_one_is_converted_and_the_other_reported(ffmpeg, folder):
    put(folder, a_m4a=b"x", a_webm=b"x")
    counts, (line,) = converted(folder)
    assert counts == (1, 0) and ffmpeg() == ["a.webm"]
    assert line == f"{folder}/a.m4a: not converted, since a.webm, which lies beside it, has the same name"


def test_names_that_look_like_options_or_protocols_are_names(ffmpeg, folder, monkeypatch):
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("-y.webm", "http:x.webm", "gähnen 1.webm"):
        (folder / name).write_bytes(b"x")
    assert converted(".") == ((3, 0), [])


def test_without_ffmpeg_one_line_says_what_to_install(folder, monkeypatch, capsys):
    put(folder, a_webm=b"x")
    monkeypatch.setenv("PATH", "")
    assert main(["convert", str(folder)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "ffmpeg is not installed; install it" in error and "a.webm" in error


def test_without_anything_to_convert_ffmpeg_is_not_needed(folder, monkeypatch, capsys):
    put(folder, a_wav=b"x")
    monkeypatch.setenv("PATH", "")
    assert main(["convert", str(folder)]) == 0
    assert capsys.readouterr().out == "0 recordings converted; 0 had been before\n"


def test_the_command_says_what_was_done_and_its_exit_code_that_something_was_left(ffmpeg, folder, capsys):
    put(folder, a_webm=b"x", b_webm=b"broken")
    assert main(["convert", str(folder)]) == 1
    told = capsys.readouterr()
    assert told.out == "1 recordings converted; 0 had been before\n" and told.err.count("\n") == 1


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: there is no such folder"):
        convert(tmp_path / "nowhere", print)
