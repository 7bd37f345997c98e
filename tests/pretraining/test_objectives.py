"""What is learnt: the losses of both families, written down a second time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2ForPreTraining

from burst2vec.models.tiny import CHECKPOINTS
from burst2vec.pretraining.heard import Batch, Frames
from burst2vec.pretraining.objectives import (
    ContrastiveTask,
    Learning,
    MaskedPrediction,
    contrastive_logits,
    cosine_logits,
    hear_masked,
)
from burst2vec.pretraining.recipe import start

FLOAT = torch.autocast("cpu", enabled=False)


def batch_of(frames, negatives=None):
    """A batch that consists of nothing but masked frames, whose places in `Frames` are given."""
    count = len(frames)
    others = torch.zeros(count, 0, dtype=torch.long) if negatives is None else torch.tensor(negatives)
    return Batch([], torch.ones(count, dtype=torch.bool), torch.arange(count), torch.tensor(frames), np.zeros(count),
                 others)


def cosine(a, b):
    return float(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


def test_huberts_loss_is_that_of_a_softmax_over_cosines_divided_by_a_tenth():
    torch.manual_seed(0)
    units = np.array([2, 0, 1, 1, 2, 2, 0])
    task = MaskedPrediction(5, units, 3, np.arange(7), width=4)
    contexts, frames = torch.randn(4, 5), [6, 2, 3, 0]
    with torch.no_grad():
        terms = task(contexts, contexts, batch_of(frames))
    projected = contexts.numpy() @ task.projection.weight.detach().numpy().T + task.projection.bias.detach().numpy()
    losses, right = [], []
    for vector, frame in zip(projected, frames, strict=True):
        scores = [math.exp(cosine(vector, embedding) / 0.1) for embedding in task.embeddings.detach().numpy()]
        losses.append(-math.log(scores[units[frame]] / sum(scores)))
        right.append(max(scores) == scores[units[frame]])
    assert float(terms["loss"]) == pytest.approx(np.mean(losses), rel=1e-5)
    assert float(terms["accuracy"]) == pytest.approx(np.mean(right))


def test_a_constant_guess_says_how_frequent_each_unit_is_in_what_is_learnt_from():
    units = np.array([0] * 7 + [1] * 2 + [2] * 50)
    task = MaskedPrediction(5, units, 3, np.arange(9))  # the third does not occur there, and counts once nevertheless
    terms = task(torch.randn(3, 5), torch.zeros(3), batch_of([0, 8, 10]))
    assert float(terms["constant"]) == pytest.approx(-np.mean(np.log([8 / 12, 3 / 12, 1 / 12])))
    share = np.array([8, 3, 1]) / 12
    assert float(terms["perplexity"]) == pytest.approx(np.exp(-(share * np.log(share)).sum()))


def test_the_contrastive_logits_of_an_example_worked_by_hand():
    quantised = torch.tensor([[1.0, 0], [0, 2], [3, 3], [5, 0]])
    contexts = torch.tensor([[4.0, 0], [0, 1], [1, 0], [0, -1]])
    places = torch.tensor([[1, 2], [0, 3], [3, 1], [0, 2]])
    root = math.sqrt(0.5)
    wanted = torch.tensor([[1, 0, root], [1, 0, 0], [root, 1, 0], [0, -math.inf, -root]]) * 10
    torch.testing.assert_close(contrastive_logits(contexts, quantised, places), wanted)  # 4 and 1 are the same frame


def test_the_contrastive_logits_are_those_of_transformers():
    torch.manual_seed(0)
    contexts, quantised = torch.randn(9, 16), torch.randn(9, 16)
    places = torch.stack([torch.tensor([j for j in range(9) if j != i]) for i in range(9)])
    theirs = Wav2Vec2ForPreTraining.compute_contrastive_logits(quantised[None], quantised[places.T], contexts, 0.1)
    torch.testing.assert_close(contrastive_logits(contexts, quantised, places), theirs.T)
    torch.testing.assert_close(cosine_logits(contexts, quantised).diagonal(), theirs[0])


def test_wav2vecs_loss_is_that_of_transformers_for_a_burst(recipe, store):
    torch.manual_seed(0)
    backbone = start(recipe(family="wav2vec2")).eval()
    task = ContrastiveTask(backbone.config, 12).eval()
    frames = Frames(backbone, store, np.array([3]))
    batch = frames.batch(np.array([0]), task.share, 10, np.random.default_rng(0))
    whole = Wav2Vec2ForPreTraining(backbone.config).eval()
    whole.wav2vec2, whole.quantizer = backbone.model, task.quantizer
    whole.project_hid, whole.project_q = task.project_hid, task.project_q
    clip = torch.from_numpy(store[3])
    clip = (clip - clip.mean()) / torch.sqrt(clip.var(unbiased=False) + 1e-7)
    places = torch.zeros(len(frames), 10, dtype=torch.long)
    places[batch.places] = batch.places[batch.negatives]
    backbone.expect(torch.tensor([len(frames)]))
    backbone.config.apply_spec_augment = True  # without it, transformers leaves what is masked as it is
    backbone.model.feature_extractor.conv_layers[0].layer_norm.num_frames = None
    with torch.no_grad():
        theirs = whole(clip[None], mask_time_indices=batch.masked[None], sampled_negative_indices=places[None])
        ours = Learning(backbone, task).eval()(batch, FLOAT)
    count = int(batch.masked.sum())
    assert float(ours["loss"]) == pytest.approx(float(theirs.contrastive_loss) / count, rel=1e-4)
    assert float(ours["perplexity"]) == pytest.approx(float(theirs.codevector_perplexity), rel=1e-5)
    diversity = (24 - float(theirs.codevector_perplexity)) / 24
    assert float(ours["total"] - ours["loss"]) == pytest.approx(0.1 * diversity, abs=1e-6)


def test_the_temperature_of_the_gumbel_softmax_falls_from_2_to_a_half(recipe):
    task = ContrastiveTask(start(recipe(family="wav2vec2")).config, 12)
    temperatures = []
    for progress in (0, 0.5, 1):
        task.anneal(progress)
        temperatures.append(task.quantizer.temperature)
    assert temperatures == pytest.approx([2, 1, 0.5])


@pytest.mark.parametrize("family", CHECKPOINTS)
def test_what_lies_behind_the_mask_does_not_reach_what_is_guessed_from(recipe, store, family):
    torch.manual_seed(0)
    backbone = start(recipe(family=family)).eval()
    frames = Frames(backbone, store, np.arange(8))
    batch = frames.batch(np.arange(8), 0.8, 0, np.random.default_rng(0))
    contexts, inputs = hear_masked(backbone, batch)
    frames._packed.values[batch.frames] = 100 * torch.randn(len(batch.frames), frames._packed.values.shape[1])
    changed = frames.batch(np.arange(8), 0.8, 0, np.random.default_rng(0))
    torch.testing.assert_close(hear_masked(backbone, changed)[0], contexts)
    assert contexts.shape == (len(batch.bursts), backbone.features)
    assert inputs.shape == (len(batch.bursts), 64)


@pytest.mark.parametrize("family", CHECKPOINTS)
def test_the_mask_embedding_and_every_part_of_the_transformer_learn(recipe, store, family):
    torch.manual_seed(0)
    backbone = start(recipe(family=family))
    frames = Frames(backbone, store, np.arange(8))
    units = np.random.default_rng(0).integers(0, 4, len(frames))
    task = (ContrastiveTask(backbone.config, 12) if family == "wav2vec2" else
            MaskedPrediction(backbone.features, units, 4, np.arange(len(frames))))
    learning = Learning(backbone, task).train()
    batch = frames.batch(np.arange(8), task.share, task.negatives, np.random.default_rng(0))
    learning(batch, FLOAT)["total"].backward()
    learnt = {name: p.grad for name, p in learning.named_parameters() if p.requires_grad}
    assert [name for name, gradient in learnt.items() if gradient is None or not gradient.any()] == []
    assert not any(p.requires_grad for p in backbone.model.feature_extractor.parameters())
