"""What is possible but probably not meant is found, and what is usual is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import Task
from burst2vec.corpora.plausibility import implausible, isolated_values

AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=50)
HEIGHT = Task("height", "scalar", ("height",), unit="cm", low=150, high=190)
SOUND = Task("sound", "classes", ("sound",), classes=("Laugh", "laugh", "sigh"))
MOOD = Task("mood", "intensities", ("calm", "wild"))


@pytest.fixture
def table():
    """Twelve bursts of six speakers; nothing about them is implausible."""
    return pd.DataFrame({
        "split": ["train"] * 6 + ["val"] * 4 + ["test"] * 2, "speaker": [f"P{i // 2}" for i in range(12)],
        "sex": ["f", "f", "m", "m"] * 3, "age": np.linspace(20.0, 50, 12), "height": np.linspace(150.0, 190, 12),
        "sound": ["laugh", "sigh"] * 6, "calm": np.linspace(0, 1, 12), "wild": np.linspace(1, 0, 12),
    }, index=pd.Index([f"b{i}" for i in range(12)], name="file"))


def found(table, *tasks):
    return [(f.position, f.text, f.grave) for f in implausible(table, tasks)]


def test_nothing_is_said_of_a_usual_table(table):
    assert found(table, AGE, HEIGHT, MOOD, Task("sound", "classes", ("sound",), classes=("laugh", "sigh"))) == []


def test_one_speaker_in_two_splits_under_several_spellings_is_grave(table):
    table["speaker"], table["sex"] = ["1"] * 6 + ["01"] * 4 + ["1.0"] * 2, "f"
    ((position, text, grave),) = found(table)
    assert (position, grave) == (10, True)
    assert text.startswith("speakers '01', '1' and '1.0' are in the splits train, val, test, and may be one; write")


def test_one_speaker_in_one_split_under_two_spellings_is_a_note(table):
    table.loc["b3", "speaker"] = "p1"
    ((position, text, grave),) = found(table)
    assert (position, grave) == (2, False) and text.startswith("speakers 'P1' and 'p1' may be one; write")


def test_unknown_speakers_are_not_alike(table):
    table["speaker"] = None
    assert found(table) == []


def test_a_speaker_of_both_sexes_is_a_note(table):
    table.loc["b3", "sex"] = "f"
    assert found(table) == [(2, "speaker 'P1' is 'f' and 'm' in different rows", False)]


def test_classes_in_several_spellings_are_a_note_that_counts_them(table):
    table.loc["b4", "sound"] = "Laugh"
    assert found(table, SOUND) == [(4, "task sound: these classes may be one, written in several ways: "
                                       "'Laugh' in 1 row, 'laugh' in 5 rows", False)]


def test_a_class_that_is_scored_but_that_no_training_burst_has_is_a_note(table):
    task = Task("sound", "classes", ("sound",), classes=("laugh", "sigh", "sob", "gasp"))
    table.loc[["b7", "b11"], "sound"] = "sob"  # nothing is said of `gasp`, which is nowhere
    said = "task sound: no training burst is of class 'sob', but 2 bursts of other splits; it cannot be learnt"
    assert found(table, task) == [(7, said, False)]
    table.loc["b0", "sound"] = "sob"
    assert found(table, task) == []
    table.loc[table["split"] == "train", "sound"] = None  # said elsewhere: the task has no training labels at all
    assert found(table, task) == []


@pytest.mark.parametrize("age", [-1, 999, 120.5])
def test_an_age_outside_of_a_life_is_grave(table, age):
    table.loc["b4", "age"] = age
    assert found(table, AGE) == [(4, f"burst 'b4' has age {age:g}; a scalar in years lies between 0 and 120", True)]


@pytest.mark.parametrize("unit", ["years", "Years", "year", "yrs", "years old"])
def test_years_are_known_by_their_unit(table, unit):
    table.loc["b4", "age"] = -5
    assert found(table, Task("age", "scalar", ("age",), unit=unit, high=9))[0][2]


@pytest.mark.parametrize(("values", "told"), [
    ([999], "height is 999 in 1 row, far from all others, 150 to 190"),
    ([-1], "height is -1 in 1 row"), ([0, 0], "height is 0 in 2 rows"), ([-9, -8], "height is -9 to -8 in 2 rows"),
    ([1.7], "height is 1.7 in 1 row"),
])
def test_isolated_values_of_any_scalar_are_a_note(table, values, told):
    table.iloc[3:3 + len(values), table.columns.get_loc("height")] = values
    ((position, text, grave),) = found(table, HEIGHT)
    assert position == 3 and not grave and text.startswith(told) and "leave its cell empty" in text


def test_placeholders_at_both_ends_are_two_notes(table):
    table.loc[["b1", "b2"], "height"] = [-1, 9999]
    assert sorted(text.partition(",")[0] for _, text, _ in found(table, HEIGHT)) == [
        "height is -1 in 1 row", "height is 9999 in 1 row"]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("draw", ["normal", "uniform", "exponential", "lognormal", "poisson"])
def test_no_value_of_a_usual_distribution_is_isolated(draw, seed):
    assert isolated_values(getattr(np.random.default_rng(seed), draw)(size=500))[1] == []


@pytest.mark.parametrize("values", [[], [5.0], [0.0, 1.0], [1, 2, 3], [0, 1, 1, 1], [0, 0, 0, 0, 7, 8, 9],
                                    [0, 1, 2, 3, 4]])
def test_few_values_are_not_isolated(values):
    kept, isolated = isolated_values(np.array(values, float))
    assert isolated == [] and kept.tolist() == sorted(set(values))


@pytest.mark.parametrize(("column", "value", "task", "words"), [
    ("age", 30, AGE, "task age: age is 30 wherever split val has a label; the task cannot be scored there, nor"),
    ("sound", "sigh", SOUND, "task sound: sound is 'sigh' wherever split val"),
    ("wild", 0.5, MOOD, "task mood: wild is 0.5 wherever split val"),
])
def test_labels_that_leave_nothing_to_score_are_a_note(table, column, value, task, words):
    table.loc[table["split"] == "val", column] = value
    notes = [f for f in found(table, task) if "wherever" in f[1]]
    assert len(notes) == 1 and notes[0][1].startswith(words) and notes[0][2] is False


def test_a_test_split_without_labels_is_no_matter(table):
    table.loc[table["split"] == "test", "age"] = np.nan
    assert found(table, AGE) == []
    assert found(table[table["split"] != "test"], AGE) == []
