"""Commands that a page runs are shown with what they print, and never pass for run where they failed."""

from __future__ import annotations

import pytest

from burst2vec.report.terminal import terminal


def test_a_command_stands_above_what_it_printed_as_output_and_as_error():
    shown = terminal("echo heard; echo noted >&2").data
    assert shown == "````console\n$ echo heard; echo noted >&2\nheard\nnoted\n````"


def test_a_command_that_says_nothing_stands_alone():
    assert terminal("true").data == "````console\n$ true\n````"


def test_no_path_of_the_machine_reaches_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert terminal('echo "read $PWD/recordings"').data.splitlines()[2] == "read …/recordings"


def test_a_command_that_fails_is_an_error_with_what_it_said():
    with pytest.raises(RuntimeError, match="echo no >&2; exit 3: ended with exit code 3: no"):
        terminal("echo no >&2; exit 3")


def test_control_characters_are_shown_as_escapes():
    assert r"a\x1b[2Jb" in terminal(r"printf 'a\033[2Jb'").data
