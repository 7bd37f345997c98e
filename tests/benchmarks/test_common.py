"""What the benchmarks share."""

from __future__ import annotations

import json

import pytest

from benchmarks.common import alternate, markdown, ratio, write_json


def test_rivals_take_turns_and_who_was_first_is_last_in_the_next_round():
    ran = []
    alternate({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, 3)
    assert ran == ["a", "b", "b", "a", "a", "b"]


def test_a_function_that_measures_itself_is_believed_and_another_is_timed():
    seconds = alternate({"own": lambda: 7, "timed": lambda: None}, 2)
    assert seconds["own"] == [7.0, 7.0] and all(0 <= s < 1 for s in seconds["timed"])


def test_a_ratio_is_taken_within_each_round():
    assert ratio([2, 30, 4], [1, 10, 1]) == {"median": 3, "low": 2, "high": 4}
    with pytest.raises(ValueError):
        ratio([1, 2], [1])


def test_figures_are_written_with_hardware_versions_and_date_and_no_path(tmp_path):
    write_json(tmp_path / "figures.json", {"rows": [1]}, "soundfile")
    written = json.loads((tmp_path / "figures.json").read_text())
    assert {"Date", "Processor", "Python", "torch", "soundfile"} <= written["environment"].keys()
    assert written["rows"] == [1] and "Training" not in written["environment"]
    assert str(tmp_path) not in json.dumps(written)


def test_a_table_has_its_names_to_the_left_and_its_numbers_to_the_right():
    assert markdown(["who", "s"], [["ours", "1.0"]]) == "| who | s |\n| --- | ---: |\n| ours | 1.0 |"
