"""What a reader made of a layout becomes a corpus, or a problem that says where it stands on disk."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import CorpusError, Problem, Task
from burst2vec.corpora.readers.reading import Reading, draw_splits, not_read, recordings_in, scalar_task

AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=50)
SOUND = Task("sound", "classes", ("sound",), classes=("laugh", "sigh"))


@pytest.fixture
def reading(tmp_path):
    """Seven bursts that stand in rows 2 to 9 of a table, without row 4."""
    table = pd.DataFrame({
        "split": ["train"] * 3 + ["val"] * 2 + ["test"] * 2, "speaker": list("aabccdd"), "sex": None,
        "raw": [f"raw/{i}.wav" for i in range(7)], "provided": [f"wav/{i}.wav" for i in range(7)],
        "age": [20.0, 30, 50, 25, 35, 45, 40], "sound": [*["laugh", "sigh"] * 3, "laugh"],
    }, index=pd.Index([str(i) for i in range(7)], name="file"))
    return Reading(tmp_path, table, (AGE, SOUND), source="bursts.csv", rows=[2, 3, 5, 6, 7, 8, 9], name="made")


def told(reading):
    return [(p.file, p.row, p.grave, p.problem.partition(";")[0]) for p in reading.all_problems()]


def test_a_reading_without_problems_is_a_corpus_of_its_name(reading):
    corpus = reading.corpus()
    assert (corpus.name, corpus.root, corpus.tasks) == ("made", reading.root, reading.tasks)
    assert set(corpus.table["corpus"]) == {"made"} and "corpus" not in reading.table
    pd.testing.assert_frame_equal(corpus.table.drop(columns="corpus"), reading.table)


def test_a_fault_of_a_burst_stands_in_the_row_that_lists_it(reading):
    reading.table.loc["2", "sound"] = "hiccup"
    assert told(reading) == [("bursts.csv", 5, True, "burst '2' has sound 'hiccup'")]
    assert [reading.row(i) for i in range(7)] == [2, 3, 5, 6, 7, 8, 9]


def test_without_a_table_a_fault_stands_at_the_recording(reading):
    reading.table.loc["2", "sound"] = "hiccup"
    reading.source, reading.rows = "", None
    assert told(reading) == [("wav/2.wav", None, True, "burst '2' has sound 'hiccup'")]
    assert reading.row(2) is None


@pytest.mark.parametrize(("source", "place"), [("bursts.csv", "bursts.csv"), ("", ".")])
def test_a_fault_of_the_whole_table_stands_in_no_row(reading, source, place):
    reading.table.loc[["3", "4"], "age"] = np.nan
    reading.source = source
    assert told(reading) == [(place, None, True, "no burst of split val has a label for task age")]


def test_what_follows_from_a_fault_of_a_row_is_not_said(reading):
    reading.table.loc[["2", "5"], "sound"] = "hiccup"
    mine = [Problem("bursts.csv", 5, "17 cells where the header has 16"), Problem("bursts.csv", 8, "odd", grave=False),
            Problem("speakers.csv", 8, "no speaker")]
    reading.problems = mine
    assert reading.faulty_rows() == {5}
    assert reading.all_problems()[:3] == mine and told(reading)[3:] == [
        ("bursts.csv", 8, True, "burst '5' has sound 'hiccup'")]


@pytest.mark.parametrize("column", ["raw", "provided"])
def test_a_recording_outside_the_corpus_is_grave(reading, column):
    reading.table.loc["1", column] = "../1.wav"
    assert told(reading) == [("bursts.csv", 3, True, "../1.wav leads out of the corpus")]


def test_a_burst_whose_recordings_both_lead_out_is_one_problem(reading):
    reading.table.loc["1", ["raw", "provided"]] = "/1.wav"
    reading.table.loc["2", ["raw", "provided"]] = None
    assert told(reading) == [("bursts.csv", 3, True, "/1.wav leads out of the corpus")]


def test_what_is_implausible_is_a_note_that_stops_nothing(reading):
    reading.table.loc[["0", "1"], "sex"] = ["f", "m"]
    assert told(reading) == [("bursts.csv", 2, False, "speaker 'a' is 'f' and 'm' in different rows")]
    assert len(reading.corpus().table) == 7


def test_the_first_grave_problem_is_raised_with_how_many_more_there_are(reading):
    reading.problems = [Problem("bursts.csv", None, "a note", grave=False)]
    reading.table.loc["2", "sound"] = "hiccup"
    with pytest.raises(CorpusError) as alone:
        reading.corpus()
    assert str(alone.value) == (f"{reading.root}/bursts.csv, row 5: burst '2' has sound 'hiccup'; "
                                "expected one of laugh, sigh")
    reading.table.loc[["4", "5"], "sound"] = "sob"
    with pytest.raises(CorpusError, match=r"row 5: .*\(and 2 more: burst2vec check .*\)") as several:
        reading.corpus()
    assert several.value.problem.row == 5


# What readers have in common --------------------------------------------------------------------------------

def test_recordings_are_known_by_their_name_without_suffix_and_the_usual_suffix_goes_first(tmp_path):
    (tmp_path / "wav").mkdir()
    for name in ("1.wav", "1.flac", "2.flac", "2.mp3", "3.webm", "3.ogg", "4.webm", "notes.txt", ".wav"):
        (tmp_path / "wav" / name).touch()
    problems = []
    assert recordings_in(tmp_path, "wav", ".flac", problems) == {
        "1": "wav/1.flac", "2": "wav/2.flac", "3": "wav/3.ogg", "4": "wav/4.webm"}
    assert sorted((p.file, p.problem, p.row, p.grave) for p in problems) == [
        ("wav/1.wav", "not read, since 1.flac lies beside it", None, False),
        ("wav/2.mp3", "not read, since 2.flac lies beside it", None, False),
        ("wav/3.webm", "not read, since 3.ogg lies beside it", None, False)]


def test_there_are_no_recordings_where_there_is_no_folder(tmp_path):
    (tmp_path / "wav").touch()
    assert recordings_in(tmp_path, "wav", ".wav", []) == recordings_in(tmp_path, "raw", ".wav", []) == {}


def test_a_note_names_the_recording_that_is_read_by_its_name_alone():
    assert [str(p) for p in not_read("a/b/1.flac", ["a/b/1.mp3", "a/b/1.ogg"])] == [
        "a/b/1.mp3: not read, since 1.flac lies beside it", "a/b/1.ogg: not read, since 1.flac lies beside it"]


@pytest.mark.parametrize(("number", "sizes"), [(20, (14, 3, 3)), (100, (70, 15, 15)), (7, (5, 1, 1)), (3, (2, 1, 0))])
def test_speakers_are_dealt_to_the_splits_in_their_shares(number, sizes):
    speakers = pd.Series([f"s{i}" for i in range(number)] * 3)
    drawn = draw_splits(speakers, seed=0)
    assert set(drawn) == set(speakers)
    assert tuple(list(drawn.values()).count(split) for split in ("train", "val", "test")) == sizes


def test_the_draw_depends_on_the_seed_and_on_who_there_is_alone():
    speakers = pd.Series([f"s{i}" for i in range(30)])
    drawn = draw_splits(speakers, seed=3)
    assert draw_splits(pd.concat([speakers[::-1], speakers[:5]]), seed=3) == drawn != draw_splits(speakers, seed=4)
    assert draw_splits(speakers, 3, shares=(0.5, 0.5)).keys() == drawn.keys()
    assert set(draw_splits(speakers, 3, shares=(0.5, 0.5)).values()) == {"train", "val"}


def test_every_speaker_is_tested_about_as_often_as_the_shares_say():
    speakers = pd.Series(list("abcdefghijklmnopqrst"))
    drawn = [draw_splits(speakers, seed) for seed in range(400)]
    shares = {s: np.mean([draw[s] == "test" for draw in drawn]) for s in speakers}
    assert np.abs(np.array(list(shares.values())) - 0.15).max() < 4 * np.sqrt(0.15 * 0.85 / 400)


def test_the_range_of_a_scalar_is_that_of_its_training_labels(reading):
    reading.table.loc["5", "age"] = 99  # a test burst
    assert scalar_task("age", "age", "years", reading.table) == AGE
    reading.table.loc["2", "age"] = np.nan
    assert scalar_task("age", "age", "years", reading.table).high == 30


def test_a_scalar_without_two_different_training_labels_is_no_task(reading):
    reading.table.loc[["0", "1", "2"], "age"] = [20, 20, np.nan]
    assert scalar_task("age", "age", "years", reading.table) is None
