"""The loop: it learns more than a constant guess, and goes on after any interruption as if there had been none."""

from __future__ import annotations

import dataclasses
import math
import os
import random
import signal

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModel, HubertConfig

from burst2vec.machine.interruption import Interrupted
from burst2vec.models.backbone import BackboneError
from burst2vec.models.tiny import CHECKPOINTS
from burst2vec.pretraining import trainer
from burst2vec.pretraining.folder import card, describe, write_folder
from burst2vec.pretraining.heard import Frames, divide
from burst2vec.pretraining.recipe import start
from burst2vec.pretraining.trainer import HISTORY, pretrain, schedule
from burst2vec.pretraining.units import contextual, find_units
from burst2vec.training.checkpoints import ResumptionError
from burst2vec.training.trained import TrainingError
from tests.support.killing import Killed, deeds_before, kill


@pytest.fixture
def before_step(monkeypatch):
    """A function that has something done before a step, counted over all iterations, once."""
    return deeds_before(monkeypatch, trainer._Pretraining, "_step", lambda training: training.standing.steps + 1)


def same(one, other):
    pd.testing.assert_frame_equal(one.history, other.history, check_exact=True)
    for name, weight in one.backbone.state_dict().items():
        assert torch.equal(weight, other.backbone.state_dict()[name]), name


@pytest.mark.parametrize("family", CHECKPOINTS)
def test_a_minute_at_most_leads_below_the_loss_of_a_constant_guess(corpus, store, recipe, family):
    found = pretrain(corpus, store, recipe(family=family, steps=120, iterations=1, learning_rate=3e-3))
    first, last = found.history.iloc[0], found.history.iloc[-1]
    assert list(found.history) == HISTORY
    assert first["loss"] > last["loss"]
    assert last["loss"] < 0.9 * last["constant"]
    assert last["accuracy"] > 0.3
    assert last["constant"] <= math.log(1 + 100) if family == "wav2vec2" else last["perplexity"] <= 8
    assert not found.backbone.training


def test_the_second_iteration_predicts_units_of_the_models_own(corpus, store, recipe, monkeypatch):
    described, find = [], trainer.find_units

    def watched(describe, *rest):
        described.append(describe.__qualname__.split(".")[0])
        return find(describe, *rest)

    monkeypatch.setattr(trainer, "find_units", watched)
    found = pretrain(corpus, store, recipe(steps=6))
    assert described == ["acoustic", "contextual"]
    assert found.history["iteration"].tolist() == [1, 1, 1, 2, 2, 2]
    assert found.history["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert found.record["steps"] == 6
    assert found.history["perplexity"].nunique() == 2


@pytest.fixture(scope="module")
def teacher(corpus, store, recipe, tmp_path_factory):
    """The folder of a HuBERT of another pre-training, and the HuBERT."""
    folder = tmp_path_factory.mktemp("teacher") / "teacher"
    found, told = pretrain(corpus, store, recipe(steps=2, seed=1)), recipe(steps=2, seed=1)
    write_folder(found, folder, describe(found, "teacher", told, corpus))
    return folder, found.backbone


def test_the_first_units_are_of_the_middle_layer_of_another_model_where_one_is_named(corpus, store, recipe, teacher,
                                                                                     monkeypatch):
    units, begin = [], trainer.MaskedPrediction
    monkeypatch.setattr(trainer, "MaskedPrediction", lambda *given: (units.append(given[1]), begin(*given))[1])
    folder, backbone = teacher
    asked = recipe(family="hubert-layer-norm", units_from=str(folder), steps=2)
    found = pretrain(corpus, store, asked)
    assert found.record["iterations"] == 1 and len(units) == 1
    learnt, held_out = divide(corpus, 0.1, 0)
    frames = Frames(backbone, store, np.sort(np.concatenate([learnt, held_out])))
    np.testing.assert_array_equal(
        units[0], find_units(contextual(backbone, frames), frames, frames.of(learnt), 8, seed=0))
    told = describe(found, "student", asked, corpus)
    assert told.facts["recipe"]["units_from"] == "teacher"
    assert [part["name"] for part in told.facts["corpora"]] == [corpus.name]  # the teacher has heard the same
    elsewhere = describe(found, "student", asked, dataclasses.replace(corpus, name="elsewhere"))
    assert [part["name"] for part in elsewhere.facts["corpora"]] == [corpus.name, "elsewhere"]
    assert "Its first units were found in the middle layer of `teacher`." in card(told)


def test_units_of_a_model_that_hears_other_frames_are_refused(corpus, store, recipe, tmp_path):
    AutoModel.from_config(HubertConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
                                       conv_dim=[8] * 7, num_conv_pos_embedding_groups=4)).save_pretrained(tmp_path)
    with pytest.raises(BackboneError, match="hears other frames than the one that learns; expected one whose frames"):
        pretrain(corpus, store, recipe(units_from=str(tmp_path), steps=1))


def test_held_out_bursts_and_those_of_other_splits_are_never_learnt_from(corpus, store, recipe, monkeypatch):
    learnt, held_out = divide(corpus, 0.25, 0)
    heard = []
    batch = trainer.Frames.batch

    def watched(self, bursts, share, negatives, rng):
        heard.append((set(self.rows[bursts]), share))
        return batch(self, bursts, share, negatives, rng)

    monkeypatch.setattr(trainer.Frames, "batch", watched)
    steps = []
    step = trainer._Pretraining._step
    monkeypatch.setattr(trainer._Pretraining, "_step", lambda self, bursts: (
        steps.append(set(self.frames.rows[bursts])), step(self, bursts))[1])
    pretrain(corpus, store, recipe(held_out=0.25, batch_size=9))
    assert set().union(*steps) == set(learnt)
    assert set().union(*(rows for rows, _ in heard)) == {*learnt, *held_out}
    assert len(set().union(*steps[:4])) == len(learnt)  # an epoch hears each once


def test_everything_but_the_feature_encoder_learns(corpus, store, recipe):
    found = pretrain(corpus, store, recipe(steps=2))
    torch.manual_seed(0)
    np.random.seed(0)
    before = start(recipe()).state_dict()
    still = {name for name, weight in found.backbone.state_dict().items() if torch.equal(weight, before[name])}
    assert {name for name in before if "feature_extractor" in name} == still


def test_the_same_seed_gives_the_same_bits_and_another_does_not(corpus, store, recipe):
    one, again, other = (pretrain(corpus, store, recipe(seed=seed, steps=4)) for seed in (1, 1, 2))
    same(one, again)
    assert one.history["loss"].tolist() != other.history["loss"].tolist()


@pytest.mark.parametrize("family", ["hubert", "wav2vec2"])
def test_killed_at_random_and_resumed_it_ends_in_the_same_bits(corpus, store, recipe, before_step, tmp_path, family):
    steps = recipe(family=family, steps=10)
    undisturbed = pretrain(corpus, store, steps)
    deeds = {step: kill for step in random.Random(family).sample(range(1, 11), 5)}
    before_step(deeds)
    while deeds:
        with pytest.raises(Killed):
            pretrain(corpus, store, steps, tmp_path / "checkpoints", checkpoint_minutes=0)
    same(undisturbed, pretrain(corpus, store, steps, tmp_path / "checkpoints", checkpoint_minutes=0))
    same(undisturbed, pretrain(corpus, store, steps, tmp_path / "checkpoints"))  # which has finished


def test_asked_to_end_it_writes_a_checkpoint_and_says_so(corpus, store, recipe, before_step, tmp_path):
    undisturbed = pretrain(corpus, store, recipe())
    before_step({3: lambda: os.kill(os.getpid(), signal.SIGTERM)})
    with pytest.raises(Interrupted, match="stopped after step 3; its checkpoint is written, start the same command"):
        pretrain(corpus, store, recipe(), tmp_path)
    same(undisturbed, pretrain(corpus, store, recipe(), tmp_path))


def test_another_recipe_does_not_resume_but_begins_anew_where_that_is_asked_for(corpus, store, recipe, before_step,
                                                                                tmp_path):
    before_step({3: kill})
    with pytest.raises(Killed):
        pretrain(corpus, store, recipe(), tmp_path, checkpoint_minutes=0)
    with pytest.raises(ResumptionError, match="units was 8 and is 7"):
        pretrain(corpus, store, recipe(units=7), tmp_path)
    same(pretrain(corpus, store, recipe(units=7)), pretrain(corpus, store, recipe(units=7), tmp_path, restart=True))


def test_minutes_end_it_and_each_iteration_has_its_share(corpus, store, recipe, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(trainer.time, "perf_counter", lambda: clock[0])
    step = trainer._Pretraining._step

    def slow(self, bursts):
        step(self, bursts)
        clock[0] += 6

    monkeypatch.setattr(trainer._Pretraining, "_step", slow)
    found = pretrain(corpus, store, recipe(steps=0, minutes=2))
    assert found.record["steps"] == 20
    assert found.history.groupby("iteration")["step"].max().tolist() == [10, 20]


def test_the_learning_rate_rises_and_falls_in_each_iteration(corpus, store, recipe, monkeypatch):
    shares = [schedule(progress) for progress in np.linspace(0, 1, 101)]
    assert int(np.argmax(shares)) == 8
    assert max(shares) == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(np.diff(shares[9:]), -0.01 / 0.92)
    assert shares[-1] == 0
    rates = []
    step = trainer._Pretraining._step
    monkeypatch.setattr(trainer._Pretraining, "_step", lambda self, bursts: (
        step(self, bursts), rates.append(self.optimiser.param_groups[0]["lr"])))
    pretrain(corpus, store, recipe(steps=8, learning_rate=0.5e-3))
    assert rates == [0.5e-3 * schedule(progress) for progress in (0, 0.25, 0.5, 0.75) * 2]


def test_validations_are_evenly_spread(corpus, store, recipe, monkeypatch):
    monkeypatch.setattr(trainer, "VALIDATIONS", 3)
    found = pretrain(corpus, store, recipe(steps=10, iterations=1, batch_size=48))
    assert found.history["step"].tolist() == [4, 7, 10]


def test_a_loss_that_is_no_number_stops_it(corpus, store, recipe, monkeypatch, tmp_path):
    monkeypatch.setattr(trainer, "MAX_NORM", math.inf)
    with pytest.raises(TrainingError, match="try a lower learning rate or precision float32"):
        changed = recipe(learning_rate=1.0, steps=40)
        monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda parameters, norm: [
            p.grad.fill_(math.nan) for p in parameters])
        pretrain(corpus, store, changed, tmp_path)


def test_a_line_says_how_far_it_is(corpus, store, recipe, capsys):
    pretrain(corpus, store, recipe(steps=2))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("hubert: iteration 1 of 2, step 1, held-out loss ")
    assert "a constant guess" in lines[0]
    assert lines[1].endswith(" 00:00 left")
