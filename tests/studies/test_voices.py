"""The study of real voices, on a corpus of tones: folds keep speakers apart, and what is scored decides nothing."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from burst2vec.audio.store import open_store
from burst2vec.config import Params, project_root
from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.opening import open_corpus
from burst2vec.models.inference import infer
from burst2vec.models.tiny import CHECKPOINTS
from burst2vec.pretraining.recipe import random_backbone
from burst2vec.report.answers import read
from burst2vec.training.trainer import train
from studies import recognition, systems, voices
from tests.support.declared import HEAD

PITCHES = {"low": 200, "middle": 700, "high": 2_500}

DECLARED = HEAD + """\
  pitch: {kind: classes, columns: [pitch], classes: [low, middle, high]}
"""


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """The folder of a corpus of 12 speakers with two tones of each pitch, of half a second; its last burst is without
    a label."""
    root, rng, rows = tmp_path_factory.mktemp("corpora") / "tones", np.random.default_rng(0), []
    root.mkdir()
    for number in range(72):
        speaker, (pitch, hertz) = number // 6, list(PITCHES.items())[number % 3]
        phase = 2 * np.pi * hertz * rng.uniform(0.8, 1.25) * np.arange(8_000) / 16_000
        soundfile.write(root / f"{number}.wav", 0.3 * np.sin(phase) + 0.02 * rng.normal(size=8_000), 16_000)
        rows.append((f"{number}.wav", f"s{speaker}", "train" if speaker < 8 else "val", pitch if number < 71 else ""))
    pd.DataFrame(rows, columns=["file", "speaker", "split", "pitch"]).to_csv(root / "bursts.csv", index=False)
    (root / "corpus.yaml").write_text(DECLARED)
    return root


@pytest.fixture(scope="module")
def params(tones, tmp_path_factory):
    return Params(corpus=[str(tones)], cache=str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def study(params):
    """What the systems share on the corpus of tones."""
    corpus = open_corpus(params)
    return voices.Voices.of(corpus, open_store(corpus, "provided", params.cache), corpus.tasks[0])


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """The folder of a tiny backbone, whose weights are random."""
    folder = tmp_path_factory.mktemp("backbones") / "ear"
    torch.manual_seed(3)
    random_backbone(CHECKPOINTS["hubert"], "tiny").model.save_pretrained(folder)
    return folder


@pytest.fixture
def brief(monkeypatch):
    """Trainings of a few steps."""
    monkeypatch.setattr(systems, "TRAINING", {
        "head_steps": 4, "max_steps": 4, "validate_every": 2, "max_epochs": 9, "width": 16, "learning_rate": 1e-3,
        "batch_size": 8, "precision": "float32", **systems.POOLED})


def unit(study, fold):
    return study.units()[fold]


def learnt(study, fold):
    return unit(study, fold).learnt


def noise(study, seed=0):
    return np.random.default_rng(seed).normal(size=(len(study.truth), 6)) + study.truth[:, None]


def other_labels_in(study, fold):
    """The same, with other labels in that fold."""
    table, own = study.corpus.table.copy(), study.rows[study.folds == fold]
    table.iloc[own, table.columns.get_loc("pitch")] = np.roll(table["pitch"].iloc[own], 1)
    corpus = dataclasses.replace(study.corpus, table=table)
    found = dataclasses.replace(study, corpus=corpus, truth=study.task.labels(table)[study.rows])
    assert (found.truth != study.truth).sum() > len(own) / 2
    return found


def test_folds_share_no_speaker_and_cover_every_labelled_burst(study):
    assert len(study.rows) == 71 and set(study.folds) == set(range(voices.FOLDS))
    assert len(set(zip(study.speakers, study.folds, strict=True))) == 12


@pytest.mark.parametrize("fold", range(voices.FOLDS))
def test_a_training_stops_by_speakers_who_are_neither_learnt_from_nor_scored(study, fold):
    table = study.divided(learnt(study, fold)).table  # which refuses a speaker who is in two splits
    assert np.array_equal(table["split"] == "test", study.folds == fold) and len(table) == 71
    speakers = table.groupby("split")["speaker"].nunique()
    assert speakers["val"] >= 1 and speakers["train"] >= 6


def test_bursts_without_a_speaker_are_speakers_of_their_own(study):
    table = study.corpus.table.copy()
    table.loc[table.index[[*range(0, 72, 5), 71]], "speaker"] = None  # the last is without a label, too
    unknown = voices.Voices.of(dataclasses.replace(study.corpus, table=table), study.store, study.task)
    assert len(np.unique(unknown.speakers)) == 15 + 12 and len(unknown.rows) == 71
    for fold in range(voices.FOLDS):
        split = unknown.divided(learnt(unknown, fold)).table["split"]
        assert np.array_equal(split == "test", unknown.folds == fold)


def test_speakers_whom_a_backbone_has_heard_are_left_out(study):
    heard = {"ear": {"s0", "s3", "of others"}, "deaf": set(), "other": {"s3", "s7"}}
    found = voices.Voices.of(study.corpus, study.store, study.task, heard=heard)
    assert found.left_out == {"speakers": ["s0", "s3", "s7"], "backbones": ["ear", "other"]}
    names = study.corpus.table["speaker"].iloc[found.rows]
    assert set(names) == {f"s{number}" for number in range(12)} - {"s0", "s3", "s7"}
    assert "s3" not in set(found.divided(learnt(found, 0)).table["speaker"])
    with pytest.raises(CorpusError, match="tones: 2 speakers besides the 10 whom ear heard have a label for task"):
        voices.Voices.of(study.corpus, study.store, study.task, heard={"ear": {f"s{number}" for number in range(10)}})


def test_numbers_are_names_as_text_and_an_unknown_speaker_has_none(study):
    speakers = np.array([None if number < 6 else number // 6 for number in range(72)], object)
    corpus = dataclasses.replace(study.corpus, table=study.corpus.table.assign(speaker=pd.array(speakers, object)))
    found = voices.Voices.of(corpus, study.store, study.task, heard={"ear": {"None", "nan", "4"}})
    assert found.left_out["speakers"] == ["4"] and len(found.rows) == 65


def tell(folder, **corpora):
    """A folder of a backbone that says whom of each corpus it has heard; None for one that does not say it."""
    parts = [{"name": name} | ({} if whom is None else {"speakers": whom}) for name, whom in corpora.items()]
    (folder / "pretraining.json").write_text(json.dumps({"corpora": parts}))
    (folder / "history.csv").write_text("step\n1\n")
    return folder


def test_a_folder_says_whom_its_backbone_has_heard(tmp_path):
    assert recognition.heard(tmp_path) == set()
    assert recognition.heard(tell(tmp_path, a=["1", "2"], synthetic=[], b=["2", "3"])) == {"1", "2", "3"}
    with pytest.raises(ValueError, match="does not say whom of b it has heard"):
        recognition.heard(tell(tmp_path, a=["1"], b=None))


def test_one_split_alone_is_dealt_where_it_is_named(study):
    with pytest.raises(CorpusError, match="4 speakers of split val have a label for task pitch; expected 6 or more"):
        voices.Voices.of(study.corpus, study.store, study.task, "val")
    own = voices.Voices.of(study.corpus, study.store, study.task, "train")
    assert len(own.rows) == len(own.divided(learnt(own, 0)).table) == 48


def test_features_are_standardised_by_each_speakers_own_mean_and_deviation():
    features = np.array([[1, 5, 7.0], [3, 5, 8], [10, 0, 9], [10, 4, 9], [16, 8, 9]])
    found = systems.standardised(features, np.array([0, 0, 1, 1, 1]))
    thirds = np.sqrt(3 / 2)
    np.testing.assert_allclose(found, [[-1, 0, -1], [1, 0, 1], [-np.sqrt(1 / 2), -thirds, 0], [-np.sqrt(1 / 2), 0, 0],
                                       [np.sqrt(2), thirds, 0]], rtol=1e-6)


def test_what_is_the_same_in_all_bursts_of_a_speaker_changes_no_answer_with_speaker_statistics(study):
    features, own = noise(study), np.random.default_rng(1).normal(size=(12, 6))
    shifted = features + 5 * own[study.speakers]
    before, after = (systems.linear("some", lambda each=each: each).answer(study, unit(study, 0), 0)[0]
                     for each in (features, shifted))
    assert np.array_equal(before["centred"], after["centred"])
    assert not np.array_equal(before["plain"], after["plain"])


def test_labels_of_the_fold_that_is_scored_change_no_answer(study, params, backbone, brief):
    asked = [*systems.floor(), systems.linear("some", lambda: noise(study)),
             systems.train_on(study, params, "ear", backbone)[0]]
    other = other_labels_in(study, 2)
    for system in asked:
        before, after = system.answer(study, unit(study, 2), 1)[0], system.answer(other, unit(other, 2), 1)[0]
        assert before.keys() == after.keys()
        for way in before:
            assert np.array_equal(before[way], after[way]), (system.name, way)


def test_features_of_the_fold_that_is_scored_change_no_answer_to_another(study):
    features = noise(study)
    other = np.where((study.folds == 1)[:, None] & (np.arange(len(features)) % 7 > 0)[:, None], 50, features)
    scored = np.flatnonzero(study.folds == 1) % 7 == 0
    before, after = (systems.linear("some", lambda each=each: each).answer(study, unit(study, 1), 0)
                     for each in (features, other))
    assert np.array_equal(before[0]["plain"][scored], after[0]["plain"][scored]) and scored.any()
    assert before[1]["plain"] == after[1]["plain"]


def test_embeddings_that_are_computed_once_train_as_the_recordings_do(study, params, backbone, brief):
    own = dataclasses.replace(params, backbone=str(backbone), **systems.TRAINING)
    system = systems.trained("some", study, own, {}, 1)
    found = system.answer(study, unit(study, 0), 0)[0]["plain"]
    assert np.array_equal(study.rows, np.arange(71))  # so that the store is that of these bursts
    done, rows = train(study.divided(learnt(study, 0)), study.store, own), study.rows[study.folds == 0]
    assert np.array_equal(found, infer(done.model, study.store, rows, study.store.lengths[rows], 8)["pitch"].argmax(1))


def test_embeddings_have_no_shift_nor_scale_of_a_speaker_with_speaker_statistics(study, params, backbone, brief,
                                                                                 monkeypatch):
    own = dataclasses.replace(params, backbone=str(backbone), **systems.TRAINING)
    plain = systems.embeddings(study, own)
    answers = []
    for factor in (1, 3):
        shifted = (plain.astype(np.float64) * factor + 9 * (factor - 1) * study.speakers[:, None]).astype(np.float32)
        monkeypatch.setattr(systems, "embeddings", lambda study, params, found=shifted: found)
        answers.append(systems.trained("some", study, own, {}, 1).answer(study, unit(study, 0), 0)[0])
    assert (answers[0]["centred"] == answers[1]["centred"]).mean() > 0.9  # but for rounding


def test_an_interrupted_study_goes_on_where_it_was_and_does_nothing_twice(study, tmp_path):
    done, path = [], tmp_path / "voices.json"

    def system(name, **settings):
        def answer(study, unit, seed):
            if len(done) == 7:
                done.append("interrupted")
                raise KeyboardInterrupt
            done.append((name, unit.key["fold"]))
            return {"plain": study.truth[unit.scored]}, {}
        return recognition.System(name, settings, answer)

    both = [system("a", steps=3), system("b")]
    with pytest.raises(KeyboardInterrupt):
        recognition.study(study, both, path, ["the", "command"])
    recognition.study(study, both, path, ["the", "command"])
    assert [unit for unit in done if unit != "interrupted"] == [(name, fold) for name in "ab" for fold in range(5)]
    recognition.study(study, both, path, ["the", "command"])
    assert len(done) == 11
    # With other settings it is another system.
    recognition.study(study, [system("a", steps=4)], path, ["the", "command"])
    assert done[11:] == [("a", fold) for fold in range(5)]
    content = json.loads(path.read_text())
    assert len(content["rows"]) == 10 and {"environment", "command", "truth", "folds"} <= content.keys()
    assert [row["settings"] for row in content["rows"] if row["system"] == "a"] == [{"steps": 4}] * 5


def test_what_has_other_settings_goes_as_a_whole_before_any_of_it_is_made_again(study, tmp_path):
    def answer(study, unit, seed):
        if len(done) == 12:
            raise KeyboardInterrupt
        done.append(unit.key)
        return {"plain": study.truth[unit.scored]}, {}

    done, path = [], tmp_path / "voices.json"
    recognition.study(study, [recognition.System(name, {"weights": 1}, answer) for name in "ab"], path, [])
    with pytest.raises(KeyboardInterrupt):
        recognition.study(study, [recognition.System(name, {"weights": 2}, answer) for name in "ab"], path, [])
    rows = json.loads(path.read_text())["rows"]
    assert [(row["system"], row["settings"]["weights"]) for row in rows] == [("a", 2)] * 2


def test_a_record_goes_on_where_the_same_speakers_are_left_out_and_nowhere_else(study, tmp_path):
    def of(**heard):
        return voices.Voices.of(study.corpus, study.store, study.task, heard=heard)

    path = tmp_path / "voices.json"
    recognition.study(of(ear={"s1"}), systems.floor(), path, [])
    constant, _ = systems.floor()
    recognition.study(of(other={"s1"}), [dataclasses.replace(constant, name="late")], path, [])
    assert json.loads(path.read_text())["corpus"]["left_out"] == {"speakers": ["s1"], "backbones": ["ear", "other"]}
    with pytest.raises(ValueError, match="other bursts than those of tones now; name its backbones ear other as well"):
        recognition.study(of(third={"s2"}), systems.floor(), path, [])


def test_a_file_about_other_bursts_is_refused_and_kept(study, tmp_path):
    path = tmp_path / "voices.json"
    recognition.study(study, systems.floor(), path, ["the", "command"])
    before = path.read_text()
    with pytest.raises(ValueError, match="voices.json: is about other bursts than those of tones now"):
        recognition.study(other_labels_in(study, 0), systems.floor(), path, ["the", "command"])
    assert path.read_text() == before


def test_the_command_says_where_its_file_lies_in_the_project_and_nothing_of_this_machine(study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("studies").mkdir()
    for path in (Path("studies/x.json"), tmp_path / "y.json"):
        recognition.study(study, systems.floor(), path, ["the", "command"])
    assert json.loads(Path("studies/x.json").read_text())["command"].endswith("--train --json studies/x.json")
    assert json.loads(Path("y.json").read_text())["command"].endswith("--train --json y.json")


@pytest.mark.parametrize("name", ["voices-emogator-100", "curve"])
def test_the_command_of_a_record_that_comes_with_the_project_makes_this_very_file(name):
    content = json.loads((project_root() / "studies" / f"{name}.json").read_text(encoding="utf-8"))
    assert content["command"].startswith(f"python -m studies.{name.partition('-')[0]} ")
    assert content["command"].endswith(f" --json studies/{name}.json")


def test_the_command_records_every_system(tones, params, backbone, brief, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(systems, "compare_features", lambda corpus, audio, cache: np.ones((72, 4), np.float32))
    path = tmp_path / "voices.json"
    arguments = [str(tones), "--seeds", "2", "--cache", params.cache, "--json", str(path)]
    assert voices.main([*arguments, "--backbone", str(backbone)]) == 0
    content = json.loads(path.read_text())
    names = list(dict.fromkeys(row["system"] for row in content["rows"]))
    assert names == ["Constant", "Chance", "ComParE", "log-mel", "ear, random weights", "ear, pre-trained",
                     "Burst2Vec on ear, random weights", "Burst2Vec on ear, pre-trained"]
    truth, folds = (read(content[name]) for name in ("truth", "folds"))
    right = {name: 0 for name in names}
    for row in content["rows"]:
        right[row["system"]] += (read(row["plain"]) == truth[folds == row["fold"]]).sum()
    assert right["log-mel"] == 71 > right["Chance"]
    assert content["corpus"] == {"name": "tones", "split": None, "task": "pitch", "classes": list(PITCHES),
                                 "speakers": 12, "bursts": 71, "left_out": {"speakers": [], "backbones": []}}
    assert content["command"] == ("python -m studies.voices tones --seeds 2 --backbone ear --train ear "
                                  "--json voices.json")
    assert "step 50 of 50, Burst2Vec on ear, pre-trained, fold 4, seed 1: UAR plain" in capsys.readouterr().out
    seeds = [row["seed"] for row in content["rows"] if row["system"] == names[-1] and row["fold"] == 3]
    assert seeds == [0, 1]
    assert voices.main([*arguments, "--backbone"]) == 0
    assert "step" not in capsys.readouterr().out
    other = tmp_path / "other"
    shutil.copytree(backbone, other)
    assert voices.main([*arguments, "--train", "--backbone", str(other)]) == 0
    assert json.loads(path.read_text())["command"] == ("python -m studies.voices tones --seeds 2 --backbone ear "
                                                       "other --train ear --json voices.json")
    tell(other, tones=["s0", "s5"])
    capsys.readouterr()
    assert voices.main([*arguments, "--backbone", str(other)]) == 1
    assert capsys.readouterr().out == "2 speakers are left out, whom other heard in pre-training; 10 remain\n"


def test_a_name_is_that_of_a_family_that_is_shipped_or_a_path(backbone, tmp_path, monkeypatch):
    for place in ("package/hubert", "package/emogator", "here/wav2vec2"):
        shutil.copytree(backbone, tmp_path / place)
    monkeypatch.setattr("burst2vec.models.shipped.WEIGHTS", tmp_path / "package")
    monkeypatch.chdir(tmp_path / "here")
    assert recognition._folder("hubert") == tmp_path / "package/hubert"
    assert recognition._folder("wav2vec2") == Path("wav2vec2")  # which this package lacks
    with pytest.raises(FileNotFoundError, match="emogator/model.safetensors: missing"):  # it is no backbone
        recognition._folder("emogator")
    shutil.copytree(backbone, "hubert")
    with pytest.raises(ValueError, match="hubert: comes with burst2vec, and lies here as well; expected ./hubert"):
        recognition._folder("hubert")
    assert recognition._folder("./hubert") == Path("hubert")


def test_what_cannot_be_studied_is_refused_in_a_line(tones, params, tmp_path, capsys):
    arguments = ["--cache", params.cache, "--json", str(tmp_path / "voices.json"), "--backbone"]
    assert voices.main([str(tones), *arguments, str(tmp_path / "none")]) == 1
    assert "none/model.safetensors: missing; --backbone names a pre-trained folder, or one of wav2vec2" in (
        capsys.readouterr().err)
    assert voices.main([str(tones), *arguments, "a/hubert", "b/hubert"]) == 1
    assert "two folders of one name" in capsys.readouterr().err
    assert voices.main([str(tones), *arguments, "--train", "hubert"]) == 1
    assert "--train hubert: expected some of the backbones" in capsys.readouterr().err
    assert voices.main([str(tmp_path / "none"), *arguments]) == 1
    assert capsys.readouterr().err.count("\n") == 1
