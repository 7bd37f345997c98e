"""A corpus is opened by its folder or its name, and is called what its folder is called."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

import burst2vec.corpora.synthetic.example
import burst2vec.corpora.synthetic.synthesis
from burst2vec.config import Params
from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.opening import absent_audio, label_sources, open_corpus, read, read_corpus


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

    def synthesise(folder, *sizes, bias, seed, ageing):
        made.append((sizes, bias, seed, ageing))
        write_exvo(folder, labels, audio=False)
        (folder / "SYNTHETIC.json").write_text(json.dumps({}))

    monkeypatch.setattr(burst2vec.corpora.synthetic.synthesis, "synthesise", synthesise)
    options = {"cache": str(tmp_path), "synthetic_train": 16, "synthetic_val": 8, "synthetic_test": 4}
    for seed in (5, 5, 6):
        assert open_corpus(Params(**options, synthetic_bias=0.5, synthetic_seed=seed)).synthetic
    assert open_corpus(Params(**options, synthetic_bias=0.5, synthetic_seed=6, synthetic_ageing=0.5)).synthetic
    assert made == [((16, 8, 4), 0.5, 5, 0.0), ((16, 8, 4), 0.5, 6, 0.0), ((16, 8, 4), 0.5, 6, 0.5)]


def test_the_example_is_half_as_large_and_has_other_speakers(tmp_path, monkeypatch, write_exvo, labels):
    made = []

    def write_example(folder, *sizes, bias, seed, ageing):
        made.append((sizes, seed))
        write_exvo(folder, labels, audio=False)

    monkeypatch.setattr(burst2vec.corpora.synthetic.example, "write_example", write_example)
    opened = open_corpus(Params(corpus=["example"], cache=str(tmp_path), synthetic_train=16, synthetic_val=9,
                                synthetic_test=4, synthetic_seed=5))
    assert made == [((8, 4, 2), 6)] and opened.name == "example" and set(opened.table["corpus"]) == {"example"}


def test_several_folders_are_one_corpus(tmp_path, write_exvo, labels):
    roots = [str(write_exvo(tmp_path / name, labels, audio=False)) for name in ("first", "second")]
    joined = open_corpus(Params(corpus=roots, tasks=["first:age", "country"]))
    assert joined.table["corpus"].value_counts().to_dict() == {"first": 28, "second": 28}
    aged = joined.table[joined.task("age").labelled(joined.table)]
    assert [t.name for t in joined.tasks] == ["age", "country"] and set(aged["corpus"]) == {"first"}


@pytest.mark.parametrize(("folder", "name"), [("tones", "tones"), ("v1.2.3", "v1_2_3"), ("my tones", "my tones")])
def test_a_corpus_is_called_after_its_folder_without_dots(tmp_path, monkeypatch, write_exvo, labels, folder, name):
    root = write_exvo(tmp_path / folder, labels, audio=False)
    assert read(root).name == read_corpus(f"{root}/").name == name
    monkeypatch.chdir(root)
    assert read(".").name == name
    assert set(read_corpus(".").table["corpus"]) == {name}


def test_a_folder_is_not_joined_with_itself_under_another_name(tiny_corpus, tmp_path):
    (tmp_path / "other").symlink_to(tiny_corpus.root)
    for again in (tmp_path / "other", f"{tiny_corpus.root}/"):
        with pytest.raises(CorpusError, match=f"^corpus {tiny_corpus.root} and corpus {again} are one folder; name it"):
            open_corpus(Params(corpus=[str(tiny_corpus.root), str(again)]))


def test_a_linked_corpus_is_called_after_the_link(tmp_path, write_exvo, labels):
    write_exvo(tmp_path / "store", labels, audio=False)
    (tmp_path / "mine").symlink_to("store")
    assert read(tmp_path / "mine").name == "mine"


def test_the_seed_draws_the_splits_of_a_corpus_that_has_none(tmp_path):
    for speaker in range(20):
        path = tmp_path / "data" / "mp3" / f"{speaker:06d}-01-1.mp3"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    first, again, other = (read(tmp_path, seed=seed).table["split"] for seed in (1, 1, 2))
    assert first.equals(again) and not first.equals(other)
    assert first.value_counts().to_dict() == other.value_counts().to_dict()


def test_the_files_that_labels_are_read_from_lie_in_the_corpus(tiny_corpus, tmp_path):
    root = tiny_corpus.root
    assert label_sources(root) == [root / "data_info.csv", root / "test_labels.csv"]
    (tmp_path / "corpus.yaml").write_text("table: a.csv\nfile: path\n"
                                          "tasks: {age: {kind: scalar, columns: [years]}}\n")
    assert label_sources(tmp_path, "generic") == [tmp_path / "corpus.yaml", tmp_path / "a.csv"]  # which is not there
    shutil.rmtree(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        label_sources(tmp_path)


def test_kinds_of_audio_without_any_recording_are_absent_from_the_corpora_that_are_named(tiny_corpus, tmp_path):
    corpus = shutil.copytree(tiny_corpus.root, tmp_path / "tones")
    assert absent_audio(Params(corpus=["synthetic", str(corpus)])) == []
    shutil.rmtree(corpus / "raw")
    assert absent_audio(Params(corpus=["synthetic", str(corpus)])) == ["own"]
    assert absent_audio(Params()) == []  # the embedded one need not even be there
