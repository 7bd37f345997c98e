import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import burst2vec.corpora.synthetic.synthesis
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, CorpusError, Task
from burst2vec.corpora.opening import open_corpus, read_corpus

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
    ("3", "split", None, HEIGHT, "burst '3' is in split"),
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


def test_a_corpus_can_be_read_for_some_of_its_tasks(tiny_corpus):
    some = read_corpus(tiny_corpus.root, tasks=["country", "emotion"])
    assert [t.name for t in some.tasks] == ["emotion", "country"]
    pd.testing.assert_frame_equal(some.table, tiny_corpus.table)


@pytest.mark.parametrize(("options", "complaint"), [
    ({"layout": "wav"}, "layout 'wav' is unknown; expected auto or one of generic, exvo, emogator, vocalsound"),
    ({"tasks": ["emotion", "sex"]}, "task 'sex' is not posed by .*; it has emotion, age, country"),
])
def test_an_unknown_layout_or_task_is_refused_with_those_that_there_are(tiny_corpus, options, complaint):
    with pytest.raises(CorpusError, match=complaint):
        read_corpus(tiny_corpus.root, **options)


def test_a_missing_corpus_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: there is no such folder"):
        read_corpus(tmp_path / "nowhere")


def test_the_corpus_that_the_parameters_name_is_opened(tiny_corpus):
    opened = open_corpus(Params(corpus=str(tiny_corpus.root), tasks=["age"]))
    assert opened.root == tiny_corpus.root and [t.name for t in opened.tasks] == ["age"]


def test_the_embedded_corpus_is_synthesised_once_for_each_of_its_parameters(tmp_path, monkeypatch, write_exvo, labels):
    made = []

    def synthesise(folder, *sizes, bias, seed):
        made.append((sizes, bias, seed))
        write_exvo(folder, labels, audio=False)
        (folder / "SYNTHETIC.json").write_text(json.dumps({}))

    monkeypatch.setattr(burst2vec.corpora.synthetic.synthesis, "synthesise", synthesise)
    options = {"cache": str(tmp_path), "synthetic_train": 16, "synthetic_val": 8, "synthetic_test": 4}
    for seed in (5, 5, 6):
        assert open_corpus(Params(**options, synthetic_bias=0.5, synthetic_seed=seed)).synthetic
    assert made == [((16, 8, 4), 0.5, 5), ((16, 8, 4), 0.5, 6)]
