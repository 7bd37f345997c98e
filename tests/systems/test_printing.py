"""Predictions as text."""

from __future__ import annotations

import dataclasses
import json
import os

import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import Task
from burst2vec.systems.printing import HINT, format_for_terminal, format_predictions

EMOTION = Task("emotion", "intensities", ("Amusement", "Excitement", "Awe", "Sadness"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("South Africa", "USA"))
NOT_UTF_8 = os.fsdecode(b"lach\xfc.wav")


def predictions(*files, end=1.0):
    rng = np.random.default_rng(0)
    n = len(files)
    table = pd.DataFrame({"file": pd.Series(files, dtype=object), "start": 0.0, "end": end})
    return table.assign(Amusement=0.859, Excitement=0.902, Awe=0.1, Sadness=0.2, age=rng.uniform(20, 40, n),
                        country="South Africa", **{"country_South Africa": 0.6038, "country_USA": 0.3962})


# Files ------------------------------------------------------------------------------------------------------

def test_csv_and_json_lines_hold_the_same(tmp_path):
    table = pd.DataFrame({"file": ["a, b.wav", "ü.wav"], "start": [0.0, 3589.987], "end": [0.5, 3599.9871],
                          "Awe": np.float32([0.1, 1]), "country": ["South Africa", "USA"]})
    (tmp_path / "t.csv").write_text(format_predictions(table))
    lines = [json.loads(line) for line in format_predictions(table, ".jsonl").splitlines()]
    pd.testing.assert_frame_equal(pd.DataFrame(lines), pd.read_csv(tmp_path / "t.csv"))
    assert lines[1] == {"file": "ü.wav", "start": 3589.987, "end": 3599.987, "Awe": 1.0, "country": "USA"}


def test_a_name_that_is_not_utf_8_survives():
    table = predictions(NOT_UTF_8)
    assert b"lach\xfc.wav" in format_predictions(table).encode("utf-8", "surrogateescape")
    assert json.loads(format_predictions(table, ".jsonl"))["file"] == NOT_UTF_8


def test_a_file_holds_numbers_to_1e_4_up_to_999_years():
    table = predictions("a.wav").assign(age=999.12345)
    assert json.loads(format_predictions(table, ".jsonl"))["age"] == pytest.approx(999.12345, abs=1e-4)


# A terminal -------------------------------------------------------------------------------------------------

def test_a_dozen_recordings_fit_a_terminal_of_80_columns():
    files = [f"recordings/session {i}/a long name/laugh {i:02}.wav" for i in range(12)]
    header, *rows, hint = format_for_terminal(predictions(*files), [EMOTION, AGE, COUNTRY]).splitlines()
    assert hint == HINT and len(rows) == 12 and max(map(len, [header, *rows])) <= 80
    assert header.split() == ["file", "emotion", "age", "(years)", "country"]
    for i, row in enumerate(rows):
        assert row.startswith(f"…e/laugh {i:02}.wav  Excitement 0.90, Amusement 0.86  ")
        assert row.endswith("South Africa 0.60")


def test_where_there_is_no_room_for_two_the_strongest_intensity_is_named():
    table = predictions("recordings/a long name.wav", "b.wav")
    row = format_for_terminal(table, [EMOTION, AGE, COUNTRY], 70).splitlines()[1]
    assert row.startswith("…ings/a long name.wav  Excitement 0.90  ") and row.endswith("South Africa 0.60")
    crowded = [EMOTION, *(dataclasses.replace(COUNTRY, name=f"country {i}") for i in range(3))]
    table = table.assign(**{f"{c.name}_{place}": 0.5 for c in crowded[1:] for place in COUNTRY.classes})
    assert max(map(len, format_for_terminal(table, crowded, 90).splitlines())) <= 90


def test_what_fits_is_not_cut():
    lines = format_for_terminal(predictions("laugh.wav"), [EMOTION, AGE, COUNTRY]).splitlines()
    age = predictions("laugh.wav")["age"].iloc[0]
    assert lines[1].split("  ")[:2] == ["laugh.wav", "Excitement 0.90, Amusement 0.86"]
    assert f"{age:.1f}" in lines[1] and not any("…" in line for line in lines)
    assert lines[0].index("age") == lines[1].index(f"{age:.1f}")


def test_windows_have_their_seconds():
    table = predictions("a.wav", "a.wav").assign(start=[0.0, 9.5], end=[9.5, 19.0])
    lines = format_for_terminal(table, [AGE]).splitlines()
    assert lines[0].split() == ["file", "seconds", "age", "(years)"] and "9.5–19.0" in lines[2]
    assert "seconds" not in format_for_terminal(predictions("a.wav"), [AGE])


@pytest.mark.parametrize(("name", "shown"), [
    (NOT_UTF_8, r"lach\udcfc.wav"), ("two\nlines.wav", r"two\nlines.wav"), ("evil\x1b[2J.wav", r"evil\x1b[2J.wav")])
def test_a_name_that_a_terminal_would_obey_is_escaped(name, shown):
    assert format_for_terminal(predictions(name), [AGE]).splitlines()[1].startswith(shown)


def test_wide_and_combining_characters_take_the_room_that_they_take():
    table = predictions("笑い声.wav", "la\u0308cheln.wav", "x" * 200)
    lines = format_for_terminal(table, [AGE], 40).splitlines()
    places = [line.rindex(" ") for line in lines[1:4]]
    assert places == [places[2] - 3, places[2] + 1, places[2]] and len(lines[3]) <= 40


def test_no_recordings_leave_the_heading():
    assert format_for_terminal(predictions(), [EMOTION, AGE]).splitlines()[0].split() == [
        "file", "emotion", "age", "(years)"]
