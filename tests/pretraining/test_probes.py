"""Probes: they read what is there, choose within the training split, and score speakers that they have not met."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from burst2vec.evaluation.metrics import ccc, uar
from burst2vec.models.tiny import CHECKPOINTS
from burst2vec.pretraining import heard, probes
from burst2vec.pretraining.folder import describe, write_folder
from burst2vec.pretraining.probes import compare, layer_statistics, log_mel, main, probe, statistics, untrained
from burst2vec.pretraining.recipe import start
from burst2vec.pretraining.trainer import pretrain


def test_statistics_are_the_mean_and_the_deviation_over_frames():
    frames = torch.tensor([[1.0, 10], [3, 10], [5, 40]])
    np.testing.assert_allclose(statistics(frames), [3, 20, np.sqrt(8 / 3), np.sqrt(200)], rtol=1e-6)


@pytest.mark.parametrize("family", CHECKPOINTS)
def test_features_are_those_of_each_burst_alone_in_the_order_of_the_rows(recipe, store, family):
    torch.manual_seed(0)
    backbone = start(recipe(family=family))
    rows = np.array([7, 2, 30])
    found, last = layer_statistics(backbone, store, rows), layer_statistics(backbone, store, rows, layer=2)
    assert found.shape == (3, 2 * 96 * 3)
    assert last.shape == (3, 2 * 96)
    for number, row in enumerate(rows):
        np.testing.assert_allclose(layer_statistics(backbone, store, np.array([row]))[0], found[number], atol=1e-4)
    hidden = backbone(torch.from_numpy(store[2])[None], torch.tensor([store.lengths[2]]))[0][0]
    if family != "hubert-layer-norm":  # whose last layer is followed by another norm
        np.testing.assert_allclose(statistics(hidden).detach(), last[1], atol=1e-4)


def test_a_recording_in_pieces_has_the_mean_of_their_statistics(recipe, store, monkeypatch):
    torch.manual_seed(0)
    backbone = start(recipe())
    whole = layer_statistics(backbone, store, np.array([3]), layer=1)[0, :96]
    monkeypatch.setattr(heard, "LONGEST", 0.5)
    pieces = layer_statistics(backbone, store, np.array([3]), layer=1)[0, :96]
    assert np.corrcoef(whole, pieces)[0, 1] > 0.95  # the pieces do not hear each other


def test_what_is_there_is_read_and_what_is_not_is_not(corpus):
    rng, table = np.random.default_rng(0), corpus.table
    code = pd.get_dummies(table["pitch"]).to_numpy(float)
    there = np.c_[code + 0.1 * rng.normal(size=code.shape), table["noise"], rng.normal(size=(60, 5))]
    nothing = rng.normal(size=(60, 10))
    found = probe({"there": there, "nothing": nothing}, corpus).set_index(["features", "task"])["score"]
    assert found["there", "pitch"] == 1
    assert found["there", "noise"] > 0.95
    assert found["nothing", "pitch"] < 0.6
    assert found["nothing", "noise"] < 0.5


def test_what_is_scored_decides_nothing(corpus, monkeypatch):
    features = np.random.default_rng(0).normal(size=(60, 4))
    train, val = (np.flatnonzero(corpus.table["split"] == name) for name in ("train", "val"))
    fitted, chosen = [], []
    compress, choose = probes._compress, probes._choose
    monkeypatch.setattr(probes, "_compress", lambda found: (fitted.append(found), compress(found))[1])
    monkeypatch.setattr(probes, "_choose", lambda *args: (chosen.append(args), choose(*args))[1])
    before = probe({"some": features}, corpus)
    assert {tuple(row) for part in fitted for row in part} == {tuple(row) for row in features[train]}
    assert all(np.array_equal(args[1], features[train]) for args in chosen)
    features[val] += 100
    assert probe({"some": features}, corpus)["penalty"].tolist() == before["penalty"].tolist()


def test_the_penalty_is_chosen_across_speakers(corpus, monkeypatch):
    parts = []
    reader = probes._reader
    monkeypatch.setattr(probes, "_reader", lambda task, penalty, bursts: (parts.append(bursts), reader(
        task, penalty, bursts))[1])
    probe({"some": np.random.default_rng(0).normal(size=(60, 4))}, corpus)
    assert parts.count(48) == 2  # of 12 speakers, once for each task
    assert set(parts) == {32, 48}  # and of 8 in every other fit


def test_of_wide_features_the_main_directions_are_kept():
    rng = np.random.default_rng(0)
    narrow = rng.normal(size=(500, 5)) @ rng.normal(size=(5, 800))
    found = probes._compress(narrow).transform(narrow)
    assert found.shape == (500, 300)
    standard = (narrow - narrow.mean(0)) / narrow.std(0)
    np.testing.assert_allclose(found @ found.T, standard @ standard.T, atol=1e-6)
    assert probes._compress(narrow[:, :300]).transform(narrow[:, :300]).shape == (500, 300)


def test_scores_are_the_tasks_metrics_on_the_split_named(corpus):
    table = corpus.table
    perfect = np.c_[pd.get_dummies(table["pitch"]).to_numpy(float), table["noise"]]
    blurred = perfect + 0.5 * np.random.default_rng(1).normal(size=perfect.shape)
    found = probe({"blurred": blurred}, corpus).set_index("task")
    train, val = (table["split"] == name for name in ("train", "val"))
    for task, metric in (("pitch", uar), ("noise", ccc)):
        of = corpus.task(task)
        standard = (blurred - blurred[train].mean(0)) / blurred[train].std(0)
        answers = probes._reader(of, found["penalty"][task], int(train.sum())).fit(
            standard[train], of.labels(table)[train]).predict(standard[val])
        truth = of.labels(table)[val]
        wanted = metric(truth.ravel(), answers.ravel())
        assert found["score"][task] == pytest.approx(np.mean(wanted))
    assert found["bursts"].tolist() == [12, 12]
    with pytest.raises(ValueError, match="no burst of split test has a label for task pitch"):
        probe({"blurred": blurred}, corpus, "test")


def test_a_single_training_speaker_is_too_few(corpus):
    alone = dataclasses.replace(corpus, table=corpus.table.assign(
        speaker=np.where(corpus.table["split"] == "train", "a", "b")))
    with pytest.raises(ValueError, match="two training speakers or more"):
        probe({"some": np.zeros((60, 2))}, alone)


def test_log_mel_statistics_do_not_depend_on_the_level(store):
    class Louder:
        def __getitem__(self, row):
            return 5 * store[row]

    rows = np.arange(4)
    found = log_mel(store, rows)
    assert found.shape == (4, 160)
    np.testing.assert_allclose(log_mel(Louder(), rows), found, atol=1e-2)


def test_untrained_weights_differ_but_the_ear_is_the_same(recipe):
    torch.manual_seed(0)
    backbone = start(recipe())
    other = untrained(backbone, seed=5)
    ours, theirs = backbone.state_dict(), other.state_dict()
    assert ours.keys() == theirs.keys()
    same = {name for name in ours if torch.equal(ours[name], theirs[name])}
    assert {name for name in ours if "feature_extractor" in name} <= same
    assert not [name for name in same if name.endswith("q_proj.weight")]


def test_the_command_prints_and_writes_the_table(corpus, store, recipe, tones, cache, tmp_path, capsys):
    pretrained = pretrain(corpus, store, recipe(steps=2))
    write_folder(pretrained, tmp_path / "tone", describe(pretrained, "tone", recipe(), corpus))
    out = tmp_path / "probes.csv"
    assert main([str(tones), str(tmp_path / "tone"), "--out", str(out), "--cache", str(cache)]) == 0
    table = pd.read_csv(out)
    assert table["features"].unique().tolist() == ["log-mel", "tone, random weights", "tone, pre-trained"]
    assert table["score"].between(-1, 1).all()
    assert "tone, pre-trained" in capsys.readouterr().out
    assert main([str(tones), str(tmp_path / "no-such"), "--cache", str(cache)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("burst2vec: backbone ") and said.count("\n") == 1


def test_every_feature_set_is_compared(corpus, store, recipe):
    torch.manual_seed(0)
    found = compare(corpus, store, {"a": start(recipe()), "b": start(recipe(family="wav2vec2"))})
    assert len(found) == 5 * 2
    assert found.query("features == 'log-mel' and task == 'pitch'")["score"].item() > 0.9
