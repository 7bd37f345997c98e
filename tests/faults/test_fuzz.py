"""Whatever is fed to the library, it succeeds or says clearly why not: a quick look; `python -m tests.faults.fuzz` is
the long one."""

from __future__ import annotations

import json
import os
import time
import warnings
from pathlib import Path

import hypothesis
import pytest

from tests.faults import fuzz, targets
from tests.faults.damage import Edit, changed_table, false_lengths, respelt
from tests.faults.outcome import Broken, judge

CASES = 25
"""Of each target, always the same ones."""


@pytest.mark.parametrize("name", targets.TARGETS)
def test_what_is_damaged_is_read_or_refused_clearly(name):
    tally = fuzz.fuzz(targets.TARGETS[name], CASES)
    assert not tally.findings, "\n".join(tally.findings.values())
    assert tally.cases >= CASES // 2
    assert tally.refused or name == "stores"  # which are made again, but where samples of the right number are wrong


def complain(folder: Path) -> None:
    os.system("echo a library of C complains >&2")


def leave(folder: Path) -> None:
    (folder / "half.csv").touch()
    raise FileNotFoundError(2, "no such file", "x.csv")


def half_done(folder: Path) -> None:
    (folder / ".half.csv").touch()


def wait(folder: Path) -> None:
    time.sleep(60)


def hang(folder: Path) -> None:
    while True:
        pass


def foreign(folder: Path) -> None:
    {}["x"]


def unworded(folder: Path) -> None:
    int("x")


def hoard(folder: Path) -> None:
    bytearray(2 ** 34)


def change(folder: Path) -> None:
    (folder / "given").write_text("other")


@pytest.mark.parametrize(("action", "complaint"), [
    (complain, "printed: .*a library of C complains"), (leave, "left behind: .*half.csv"), (half_done, "left behind"),
    (hang, "took more than 0.2 s"), (wait, "took more than 0.2 s"), (foreign, "not the library's: KeyError"),
    (unworded, "not the library's: ValueError"), (hoard, "not the library's: MemoryError"),
    (change, "changed what it was given"),
    (lambda folder: warnings.warn("beware", stacklevel=1), "a warning: UserWarning: beware"),
])
def test_what_is_not_clear_is_found(tmp_path, monkeypatch, action, complaint):
    monkeypatch.setattr("tests.faults.outcome.SECONDS", 0.2)
    (tmp_path / "given").touch()
    with pytest.raises(Broken, match=complaint):
        judge(lambda: action(tmp_path), tmp_path)


def test_success_and_the_librarys_own_errors_are_clear(tmp_path):
    from burst2vec.config import Params

    assert judge(lambda: (tmp_path / "out").touch(), tmp_path) is None
    assert "width" in str(judge(lambda: Params(width=0), tmp_path))


@pytest.mark.parametrize(("edit", "wanted"), [
    (Edit("cut off", 0.5), b"abc"), (Edit("leave out", 1, 2), b"adef"), (Edit("insert", 2, 0, b"X"), b"abXcdef"),
    (Edit("overwrite", 1, 0, b"XY"), b"aXYdef"), (Edit("flip", 0, 1), b"\x9ebcdef"),
    (Edit("flip a bit", 1, 0), b"accdef"),
    (Edit("zero", 4, 9), b"abcd\0\0"), (Edit("repeat", 0, 2), b"ababcdef"), (Edit("flip a bit", 9), b"abcdef"),
])
def test_an_edit_does_what_its_name_says(edit, wanted):
    assert edit.apply(b"abcdef") == wanted


def test_a_change_of_a_table_does_what_its_name_says():
    changes = [("set cell", 1, 0, "x,y"), ("drop column", 0, 1, ""), ("repeat row", 1, 0, "")]
    assert changed_table(b"a,b,c\n1,2,3\n", changes, "utf-16", ";", "\r") == 'a;c\rx,y;3\rx,y;3\r'.encode("utf-16")


@pytest.mark.parametrize(("number", "wanted"), [(0, "A B"), (1, "a b"), (2, " a B"), (3, "a B\u200b"), (4, "0a B")])
def test_a_cell_is_spelt_in_another_way(number, wanted):
    assert respelt("a B", number) == respelt("a B", number + 8) == wanted


@hypothesis.given(false_lengths(b"RIFF\x10\0\0\0WAVEdata\x08\0\0\0" + bytes(8)))
def test_a_false_length_stands_where_a_header_has_one_and_nowhere_else(damaged):
    assert damaged.edits and damaged.data[:4] == b"RIFF" and damaged.data[8:16] == b"WAVEdata"
    assert len(damaged.data) == 28 and damaged.data[20:] == bytes(8)


def test_the_command_counts_cases_and_writes_them(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(fuzz, "in_its_own_process",
                        lambda name, seconds, seed: fuzz.record(fuzz.fuzz_for(targets.TARGETS[name], seconds, seed)))
    found = str(tmp_path / "found.json")
    assert fuzz.main(["--minutes", "0.01", "--targets", "notebook globals", "--json", found]) == 0
    said = json.loads((tmp_path / "found.json").read_text())["targets"]["notebook globals"]
    assert said["cases"] == said["succeeded"] + sum(said["refused"].values()) >= 50 and not said["findings"]
    assert f"| notebook globals | {said['cases']:,} |" in capsys.readouterr().out
