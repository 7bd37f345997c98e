"""One step of training: whatever way it is computed, the losses and gradients are those of the plain way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from burst2vec.machine.hardware import OutOfMemory
from burst2vec.models.burst2vec import build
from burst2vec.models.encoding import encode_once
from burst2vec.models.losses import objective
from burst2vec.models.tiny import FAMILIES
from burst2vec.training import step
from burst2vec.training.batches import Feed
from burst2vec.training.step import Learner

CPU = torch.device("cpu")
STILL = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "feat_proj_dropout": 0.0}


@pytest.fixture
def prepare(tiny_corpus, tiny_store, tiny_params):
    """A function that gives a learner, whose backbone drops nothing unless asked to, and its first batch."""
    def prepare(still=True, encoded=False, **changes):
        params = tiny_params(**{"dropout": 0.0 if still else 0.1, **changes})
        torch.manual_seed(0)
        model = build(params, tiny_corpus.tasks)
        if still:
            for module in model.backbone.model.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0
                elif isinstance(getattr(module, "dropout", None), float):  # attention's
                    module.dropout = 0.0
        source = encode_once(model.backbone, tiny_store, np.arange(len(tiny_store))) if encoded else tiny_store
        return Learner(model.train(), params), next(Feed(tiny_corpus, source, params, CPU).epoch(1))
    return prepare


def differentiate(learner, batch):
    """The terms of the loss and the gradients that a step would follow."""
    terms = learner._differentiate(batch, learner.params.accumulate)
    gradients = {name: p.grad.clone() for name, p in learner.model.named_parameters() if p.grad is not None}
    learner.model.zero_grad()
    return {name: term.item() for name, term in terms.items()}, gradients


def agree(one, other):
    """Whether two outcomes of `differentiate` are equal within rounding in float32."""
    assert one[0] == pytest.approx(other[0], abs=1e-5)
    assert one[1].keys() == other[1].keys()
    whole = torch.cat([gradient.flatten() for gradient in other[1].values()]).norm()
    for name, gradient in one[1].items():
        difference = (gradient - other[1][name]).norm()
        assert difference <= 1e-5 * whole and difference <= 1e-4 * max(1e-2 * whole, other[1][name].norm()), name


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("way", [{"accumulate": 2}, {"accumulate": 5}, {"gradient_checkpointing": True},
                                 {"accumulate": 2, "gradient_checkpointing": True}], ids=str)
def test_losses_and_gradients_do_not_depend_on_the_way_they_are_computed(prepare, name, way):
    agree(differentiate(*prepare(backbone=name, **way)), differentiate(*prepare(backbone=name)))


def test_padding_to_a_multiple_changes_neither_losses_nor_gradients(prepare):
    learner, batch = prepare(encoded=True)
    wanted = differentiate(learner, batch)
    batch.feed.multiple = 8
    agree(differentiate(learner, batch), wanted)


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("name", FAMILIES)
def test_groups_of_similar_length_change_neither_losses_nor_gradients(prepare, name, encoded):
    learner, batch = prepare(backbone=name, encoded=encoded)
    assert len(batch.groups(np.arange(len(batch.rows)))) > 2
    found = differentiate(learner, batch)
    batch.feed.grouped = False
    agree(found, differentiate(learner, batch))


def test_more_parts_than_bursts_are_as_good_as_any(prepare):
    agree(differentiate(*prepare(accumulate=11)), differentiate(*prepare()))


def test_the_losses_of_a_batch_in_parts_are_not_the_mean_of_the_parts_losses(prepare):
    """CCC is of the batch: this is why embeddings are brought together before the loss."""
    learner, batch = prepare(accumulate=2)
    whole = differentiate(learner, batch)[0]["combined"]
    halves = []
    for places in (np.arange(half, len(batch.rows), 2) for half in (0, 1)):
        r = learner.model.branch(learner.model.embed(batch.groups(places)))
        halves.append(objective(learner.model, r, batch.task, batch.targets[places])["combined"].item())
    assert abs(np.mean(halves) - whole) > 0.01


def test_a_step_is_adams_on_those_gradients(prepare):
    """The first step of Adam moves each weight by the learning rate against its gradient's sign, nearly."""
    learner, batch = prepare()
    _, gradients = differentiate(learner, batch)
    before = {name: p.detach().clone() for name, p in learner.model.named_parameters()}
    learner.step(batch)
    for name, gradient in gradients.items():
        moved = dict(learner.model.named_parameters())[name].detach() - before[name]
        clear = gradient.abs() > 1e-5
        wanted = -learner.params.learning_rate * gradient[clear].sign()
        torch.testing.assert_close(moved[clear], wanted, rtol=2e-3, atol=1e-7)


def moved(learner, batch):
    """How far a step moves the weights of the backbone, and all others, at most."""
    before = {name: p.detach().clone() for name, p in learner.model.named_parameters()}
    learner.step(batch)
    far = {name: (p.detach() - before[name]).abs().max().item() for name, p in learner.model.named_parameters()}
    return [max(d for name, d in far.items() if name.startswith("backbone") == inside) for inside in (True, False)]


def test_heads_may_have_a_learning_rate_of_their_own(prepare):
    assert moved(*prepare(learning_rate=1e-3)) == pytest.approx([1e-3, 1e-3], rel=0.01)
    assert moved(*prepare(learning_rate=1e-3, head_learning_rate=1e-2)) == pytest.approx([1e-3, 1e-2], rel=0.01)


def test_the_learning_rate_warms_up_in_a_line_and_decays_from_there(prepare):
    learner, _ = prepare(warmup_steps=4, learning_rate_decay="linear")
    learner.steps = 8
    found = []
    for learner.iteration in range(8):
        found.append(learner.schedule)
    assert found == [0.25, 0.5, 0.75, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]


def test_it_warms_up_and_decays_once_for_the_heads_alone_and_once_for_all(prepare):
    learner, _ = prepare(warmup_steps=2, learning_rate_decay="linear", head_steps=4)
    learner.steps = 6
    found = []
    for learner.iteration in range(6):
        found.append(learner.schedule)
    assert found == [0.5, 3 / 4, 2 / 4, 1 / 4, 0.5, 1 / 2]


def test_gradients_are_shortened_to_the_norm_that_is_set(prepare, monkeypatch):
    learner, batch = prepare(max_gradient_norm=1e-3)
    whole = torch.cat([g.flatten() for g in differentiate(learner, batch)[1].values()])
    seen = []
    monkeypatch.setattr(learner.optimiser, "step", lambda: seen.append(
        torch.cat([p.grad.flatten() for p in learner.model.parameters() if p.grad is not None])))
    learner.step(batch)
    assert whole.norm() > 0.1
    torch.testing.assert_close(seen[0], whole * 1e-3 / whole.norm(), rtol=1e-4, atol=1e-9)


def test_what_is_random_in_a_step_depends_on_seed_and_iteration_alone(prepare):
    learner, batch = prepare(still=False)
    first = differentiate(learner, batch)[0]
    torch.manual_seed(99)
    assert differentiate(learner, batch)[0] == first
    learner.iteration = 1
    assert differentiate(learner, batch)[0] != first
    assert differentiate(*prepare(still=False, seed=1))[0] != first


class Waits(TorchDispatchMode):
    """Lists the operations for which a GPU would be waited for."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        aten = torch.ops.aten
        indexes = (aten.index, aten.index_put_, aten.index_put, aten._index_put_impl_)
        by_mask = function.overloadpacket in indexes and any(
            index is not None and index.dtype == torch.bool for index in args[1])
        by_mask = by_mask and not (len(args) > 2 and args[2].numel() == 1)  # which torch makes a masked_fill
        if by_mask or function.overloadpacket in (aten._local_scalar_dense, aten.nonzero, aten.masked_select,
                                                  aten.unique_consecutive):
            self.seen.append(str(function))
        return function(*args, **kwargs or {})


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("name", FAMILIES)
def test_no_step_waits_for_the_device(prepare, tiny_corpus, name, encoded):
    learner, batch = prepare(backbone=name, encoded=encoded)
    with Waits() as waits:
        learner.step(batch)
    assert waits.seen == []


def test_the_watch_for_waiting_sees_it():
    with Waits() as waits:
        torch.ones(2).sum().item()
    assert len(waits.seen) == 1
    with Waits() as waits:
        ones = torch.ones(2)
        ones[ones > 0]
    assert waits.seen


def refuse(monkeypatch, most):
    """Has the backbone run out of memory on more than so many bursts."""
    embed = step.Burst2Vec.embed

    def limited(self, groups):
        if sum(len(waveforms) for waveforms, _ in groups) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return embed(self, groups)

    monkeypatch.setattr(step.Burst2Vec, "embed", limited)


def test_a_batch_that_does_not_fit_is_named_with_what_would_help(prepare, monkeypatch):
    learner, batch = prepare()
    refuse(monkeypatch, 4)
    wanted = (rf"out of memory at iteration 1, in a batch of 8 bursts of task {batch.task.name}, the longest of "
              rf"{batch.sizes.max()} samples \(0\.. s\); set accumulate: 2 or out_of_memory: split")
    with pytest.raises(OutOfMemory, match=wanted):
        learner.step(batch)
    assert learner.iteration == 0 and all(p.grad is None for p in learner.model.parameters())


def test_a_batch_that_does_not_fit_can_be_split_until_it_does_with_the_same_result(prepare, monkeypatch, capsys):
    wanted = differentiate(*prepare())
    learner, batch = prepare(out_of_memory="split")
    refuse(monkeypatch, 2)
    gradients = {}
    monkeypatch.setattr(learner.optimiser, "step", lambda: gradients.update(
        {name: p.grad.clone() for name, p in learner.model.named_parameters() if p.grad is not None}))
    agree(({name: term.item() for name, term in learner.step(batch).items()}, gradients), wanted)
    assert "computed in 4 parts instead" in capsys.readouterr().out


def test_an_update_that_does_not_fit_is_told_too(prepare, monkeypatch):
    learner, batch = prepare()

    def full():
        raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")

    monkeypatch.setattr(learner.optimiser, "step", full)
    with pytest.raises(OutOfMemory, match="out of memory for what Adam keeps of each weight; take a smaller backbone"):
        learner.step(batch)


def test_other_errors_are_not_taken_for_a_lack_of_memory(prepare, monkeypatch):
    learner, batch = prepare(out_of_memory="split")

    def broken(self, groups):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(step.Burst2Vec, "embed", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        learner.step(batch)


def test_compiled_layers_give_the_same_losses_and_gradients(prepare, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: compiled.append(options) or setattr(
        self, "_compiled_call_impl", torch.compile(self._call_impl, backend="eager", **options)))
    found = differentiate(*prepare(compile_layers=True))
    assert len(compiled) == 2 and compiled[0] == {"dynamic": True}
    agree(found, differentiate(*prepare()))


def test_where_layers_cannot_be_compiled_training_goes_on_without_and_says_so(prepare, monkeypatch, capsys):
    wanted = differentiate(*prepare())[0]

    def missing(graph, inputs):
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: setattr(
        self, "_compiled_call_impl", torch.compile(self._call_impl, backend=missing)))
    learner, batch = prepare(compile_layers=True)
    found = learner.step(batch)
    assert {k: v.item() for k, v in found.items()} == pytest.approx(wanted, abs=1e-6)
    said = capsys.readouterr().out
    assert "compile_layers: true is not to be had here" in said and "no compiler here" in said and not learner.compiled
