import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import Corpus, CorpusError, Task, deciding_task
from burst2vec.corpora.joining import join

FEELING = Task("feeling", "intensities", ("joy", "grief"))
HEIGHT = Task("height", "scalar", ("height",), unit="cm", low=150, high=200)
SOUND = Task("sound", "classes", ("kind",), classes=("laugh", "sigh", "cough"))


@pytest.fixture
def table():
    return pd.DataFrame({
        "split": ["train", "train", "val", "test"], "speaker": ["a", "a", "b", None], "sex": None, "raw": None,
        "provided": None, "joy": [0.0, 1.0, 0.5, np.nan], "grief": [1.0, 0.25, np.nan, np.nan],
        "height": [150.0, 200.0, 160.0, np.nan], "kind": ["cough", "laugh", "sigh", None],
    }, index=pd.Index(["1", "2", "3", "4"], name="file"))


def corpus(table, *tasks):
    return Corpus("made up", Path("somewhere"), table, tasks)


def test_a_head_has_an_output_for_each_intensity_each_class_and_one_for_a_scalar():
    assert (FEELING.outputs, HEIGHT.outputs, SOUND.outputs) == (2, 1, 3)


def test_only_classes_have_probability_columns():
    assert SOUND.probability_columns == ("sound_laugh", "sound_sigh", "sound_cough")
    assert FEELING.probability_columns == HEIGHT.probability_columns == ()


def test_scalars_are_0_1_scaled_with_the_training_range(table):
    targets = HEIGHT.targets(table)
    np.testing.assert_allclose(targets[:, 0], [0, 1, 0.2, np.nan])
    assert targets.dtype == np.float32


def test_class_targets_are_indices_and_minus_one_without_label(table):
    np.testing.assert_array_equal(SOUND.targets(table), [2, 0, 1, -1])


def test_intensities_are_targets_as_they_are(table):
    np.testing.assert_allclose(FEELING.targets(table), [[0, 1], [1, 0.25], [0.5, np.nan], [np.nan, np.nan]])


def test_a_burst_has_a_tasks_label_when_all_its_columns_are_there(table):
    assert FEELING.labelled(table).tolist() == [True, True, False, False]
    assert SOUND.labelled(table).tolist() == [True, True, True, False]


@pytest.mark.parametrize(("options", "complaint"), [
    ({"kind": "regression"}, "task x: kind is 'regression'; it must be one of intensities, scalar, classes"),
    ({"kind": "classes", "classes": ("one",)}, "task x: a task of classes needs two"),
])
def test_a_task_that_makes_no_sense_is_refused(options, complaint):
    with pytest.raises(CorpusError, match=complaint):
        Task("x", columns=("x",), **options)


def test_splits_and_tasks_are_found_by_name(table):
    made = corpus(table, HEIGHT, SOUND)
    assert made.split("train").index.tolist() == ["1", "2"]
    assert made.task("sound") is SOUND and made.poses("height", "sound") and not made.poses("sound", "feeling")


@pytest.mark.parametrize(("row", "column", "value", "task", "complaint"), [
    ("3", "split", "dev", HEIGHT, "burst '3' is in split 'dev'; expected one of train, val, test"),
    ("3", "split", None, HEIGHT, "burst '3' is in no split; expected one of"),
    ("3", "speaker", "a", HEIGHT, "speaker 'a' is in more than one split"),
    ("2", "joy", 1.5, FEELING, r"burst '2' has joy 1.5; intensities lie in \[0, 1\]"),
    ("1", "kind", "sneeze", SOUND, "burst '1' has kind 'sneeze'; expected one of laugh, sigh, cough"),
    ("3", "kind", None, SOUND, "no burst of split val has a label for task sound"),
])
def test_a_bad_row_is_named_with_what_would_be_right(table, row, column, value, task, complaint):
    table["grief"] = 0.0
    corpus(table, task)
    table.loc[row, column] = value
    with pytest.raises(CorpusError, match=f"somewhere: {complaint}"):
        corpus(table, task)


def test_a_burst_listed_twice_is_named(table):
    with pytest.raises(CorpusError, match="somewhere: burst '2' is listed twice"):
        corpus(pd.concat([table, table.loc[["2"]]]), HEIGHT)


def test_bursts_without_speaker_may_be_in_any_split(table):
    table["speaker"] = None
    assert len(corpus(table, HEIGHT).table) == 4


def test_labels_of_tasks_that_are_not_posed_do_not_matter(table):
    table["joy"] = 7.0
    assert corpus(table, SOUND).tasks == (SOUND,)


def test_kinds_of_audio_without_any_recording_are_absent(tiny_corpus):
    assert tiny_corpus.absent_audio == []
    one = dataclasses.replace(tiny_corpus, table=tiny_corpus.table.assign(raw=None))
    assert one.absent_audio == ["own"]
    table = tiny_corpus.table.copy()
    table.iloc[1:, table.columns.get_loc("provided")] = None  # some are there, which `check` and the preparation tell
    assert dataclasses.replace(tiny_corpus, table=table).absent_audio == []
    joined = join([tiny_corpus, dataclasses.replace(one, name="other")])
    assert joined.absent_audio == ["own"]


def test_a_corpus_is_wholly_synthetic_where_all_its_parts_are(tiny_corpus):
    made = dataclasses.replace(tiny_corpus, name="made", synthetic=True)
    assert made.wholly_synthetic and not tiny_corpus.wholly_synthetic
    assert not join([tiny_corpus, made]).wholly_synthetic
    assert join([made, dataclasses.replace(made, name="too")]).wholly_synthetic


def test_emotion_decides_about_stopping_and_otherwise_the_first_task(tiny_corpus):
    emotion, age, country = tiny_corpus.tasks
    assert deciding_task([age, emotion]) is emotion and deciding_task([country, age]) is country
    assert deciding_task([age, emotion], "age") is age
    with pytest.raises(CorpusError, match="parameter early_stopping_task is 'mood'; this corpus poses age, emotion"):
        deciding_task([age, emotion], "mood")
