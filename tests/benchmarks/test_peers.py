"""The peers of the benchmarks: that they are what they are said to be, and learn what ours learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import Trainer
from transformers.trainer_pt_utils import LengthGroupedSampler

from benchmarks import peers, workload
from benchmarks.turns import Turns
from burst2vec.models.backbone import Backbone, Settings
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.losses import objective

CPU = torch.device("cpu")


def test_the_documented_trainer_trains_everything_with_the_published_noise_and_the_tuned_one_neither():
    documented, tuned, _ = (peers.build(kind, "tiny").burst2vec.backbone.model for kind in peers.KINDS)
    assert documented.config.apply_spec_augment and documented.config.layerdrop == 0.1
    assert all(p.requires_grad for p in documented.parameters())
    assert not tuned.config.apply_spec_augment and tuned.config.layerdrop == 0
    assert not tuned.feature_extractor(torch.zeros(1, 4_000)).requires_grad
    assert {m.config._attn_implementation for m in (documented, tuned)} == {"sdpa"}


def test_peers_learn_from_the_loss_that_ours_learns_from():
    model = workload.encoder("tiny", apply_spec_augment=False, layerdrop=0.0)
    ours = Burst2Vec(Backbone(model, Settings("hubert-tiny", False, attention_mask=False)), workload.TASKS).eval()
    peer = peers.Multitask(Burst2Vec(peers.Published(model), workload.TASKS).eval())
    for name, part in ours.named_children():
        if name != "backbone":
            getattr(peer.burst2vec, name).load_state_dict(part.state_dict())
    waveforms, labels = torch.randn(3, 8_000), torch.rand(3, 10)
    expected = objective(ours, ours.represent(waveforms, torch.full((3,), 8_000)), workload.TASKS[0], labels)["total"]
    torch.testing.assert_close(peer(waveforms, labels, "emotion")["loss"], expected, rtol=1e-4, atol=1e-5)


def test_the_peers_sampler_is_the_one_that_the_trainer_takes_for_its_arguments(tmp_path):
    lengths = np.arange(1, 41) * 100
    bursts = [{"input_values": np.zeros(n)} for n in lengths]
    extractor = peers.feature_extractor("tiny")
    random = torch.utils.data.RandomSampler
    for kind, expected in (("tuned", LengthGroupedSampler), ("documented", random), ("tuned_random", random)):
        told = peers.arguments(kind, CPU, 4, str(tmp_path))
        trainer = Trainer(torch.nn.Linear(1, 1), told, train_dataset=bursts, processing_class=extractor)
        assert type(trainer._get_train_sampler()) is expected
        dealt = peers.plan(kind, lengths, 4)
        assert sorted(np.concatenate(dealt)) == list(range(40)) and {len(rows) for rows in dealt} == {4}


def test_bursts_are_padded_to_the_longest_and_the_tasks_take_turns():
    corpus, store = workload.corpus(8, 2), workload.Noise(np.full(10, 1_600) + 100 * np.arange(10))
    extractor = peers.feature_extractor("large")
    bursts, collator = peers.Bursts(store, extractor, [np.array([0, 3])]), peers.Collator(extractor, corpus)
    batches = [collator([bursts[0], bursts[3]]) for _ in range(4)]
    assert [b["task"] for b in batches] == ["emotion", "age", "country", "emotion"]
    assert batches[0]["input_values"].shape == (2, 1_900)
    assert batches[0]["attention_mask"].sum(1).tolist() == [1_600, 1_900]
    assert batches[0]["input_values"][1].std().item() == pytest.approx(1, abs=1e-2)
    assert batches[2]["labels"].tolist() == corpus.tasks[2].targets(corpus.table)[[0, 3]].tolist()
    assert "attention_mask" not in peers.Collator(peers.feature_extractor("base"), corpus)([bursts[0], bursts[3]])


def test_a_batch_in_parts_is_padded_as_a_whole_one_for_one_task():
    corpus, store = workload.corpus(8, 2), workload.Noise(np.full(10, 1_600) + 100 * np.arange(10))
    extractor = peers.feature_extractor("base")
    bursts, collator = peers.Bursts(store, extractor, [np.arange(4)]), peers.Collator(extractor, corpus, parts=2)
    batches = [collator([bursts[first], bursts[first + 1]]) for first in (0, 2, 0)]
    assert [b["task"] for b in batches] == ["emotion", "emotion", "age"]
    assert {b["input_values"].shape for b in batches} == {(2, 1_900)}


def test_a_step_in_parts_is_one_step(tmp_path):
    corpus, store, sizes = workload.corpus(8, 2), workload.Noise(np.full(10, 8_000)), []
    model = peers.build("documented", "tiny")
    model.register_forward_pre_hook(lambda _, args, kwargs: sizes.append(len(kwargs["labels"])), with_kwargs=True)
    told = peers.arguments("documented", CPU, 4, str(tmp_path), parts=2)
    turns = Turns(peers.program("tiny", model, corpus, store, [np.arange(4), np.arange(4, 8)], told), CPU)
    turns.take(1)
    assert sizes == [2, 2]
    turns.stop()


def test_two_trainers_taking_turns_keep_their_own_arithmetic_and_train_on_the_batches_they_are_given(tmp_path):
    corpus, store = workload.corpus(8, 2), workload.Noise(np.full(10, 8_000))
    heard, arithmetic, turns = {}, {}, {}
    kinds = ("documented", "tuned")
    for kind in kinds:
        model = peers.build(kind, "tiny")
        told = peers.arguments(kind, CPU, 2, str(tmp_path))
        told.bf16 = kind == "tuned"
        first = model.burst2vec.backbone.model.encoder.layers[0].feed_forward.intermediate_dense
        first.register_forward_hook(
            lambda _, inputs, output, kind=kind: arithmetic.setdefault(kind, set()).add(output.dtype))
        model.register_forward_pre_hook(
            lambda _, args, kwargs, kind=kind: heard.setdefault(kind, []).append(kwargs["labels"]), with_kwargs=True)
        batches = [np.array([5, 1]), np.array([0, 7]), np.array([2, 3])]
        turns[kind] = Turns(peers.program("tiny", model, corpus, store, batches, told), CPU)
    for _ in range(2):
        for each in turns.values():
            each.take(1)
    for each in turns.values():
        each.stop()
    assert arithmetic == {"documented": {torch.float32}, "tuned": {torch.bfloat16}}
    emotion, age, _ = (torch.from_numpy(task.targets(corpus.table)) for task in corpus.tasks)
    for kind in kinds:
        assert torch.equal(heard[kind][0], emotion[[5, 1]]) and torch.equal(heard[kind][1], age[[0, 7]])
