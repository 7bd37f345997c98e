"""A checkpoint holds what a training needs to go on, and a finished one what it ended in."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from burst2vec.models.burst2vec import build
from burst2vec.training.batches import Feed
from burst2vec.training.checkpoints import Checkpoint
from burst2vec.training.history import History
from burst2vec.training.state import Progress, encode, outcome, restore
from burst2vec.training.step import Learner
from burst2vec.training.trained import copy_weights


@pytest.fixture
def begin(tiny_corpus, tiny_store, tiny_params):
    """A function that returns a learner with the weights of a seed, and a batch."""
    def begin(seed=0):
        params = tiny_params(learning_rate_decay="linear")
        torch.manual_seed(seed)
        learner = Learner(build(params, tiny_corpus.tasks).train(), params, steps=10)
        return learner, next(Feed(tiny_corpus, tiny_store, params, torch.device("cpu")).epoch(1))
    return begin


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_learner_that_was_restored_takes_the_step_that_the_other_takes(begin):
    learner, batch = begin()
    learner.step(batch)
    best = copy_weights(learner.model)
    learner.step(batch)
    progress, history = Progress(epoch=2, place=1, best_score=0.4, best_iteration=1, collapsed=2), History([(1, 1)])
    checkpoint = encode(progress, history, learner, best)
    written = {name: value.clone() for name, value in checkpoint.tensors.items()}  # as a file would be
    checkpoint = Checkpoint(written, checkpoint.state)
    other, _ = begin(seed=9)
    found, rows, weights = restore(checkpoint, other)
    assert found == progress and rows.rows == [(1, 1)] and same(weights, best) and other.iteration == 2
    learner.step(batch)
    other.step(batch)
    assert same(learner.model.state_dict(), other.model.state_dict())


def test_the_outcome_has_the_best_weights_and_a_finished_training_keeps_no_others(begin):
    learner, batch = begin()
    best = copy_weights(learner.model)
    learner.step(batch)
    progress = Progress(seconds=8.0, validation_seconds=2.0, best_iteration=0, encoded=False, finished=True)
    checkpoint = encode(progress, History([(1, 1, "validation", "age", "MAE", 4.0)]), learner, best)
    assert {name.partition(".")[0] for name in checkpoint.tensors} == {"best"}
    trained = outcome(begin(seed=9)[0].model, checkpoint)
    assert same(trained.model.state_dict(), best) and not trained.model.training
    assert trained.summary["iterations"] == 1 and trained.summary["validation_share"] == 0.25
    assert trained.history["value"].tolist() == [4.0] and np.isfinite(trained.summary["parameters"])
