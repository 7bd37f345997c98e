"""A copy of weights is what they were when it was made."""

from __future__ import annotations

import torch

from burst2vec.messages import REFUSALS
from burst2vec.training.trained import TrainingError, copy_weights


def test_a_copy_of_weights_does_not_learn_and_brings_the_model_back():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    x = torch.randn(8, 3)
    kept, before = copy_weights(model), model.eval()(x)
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    model.train()(x).square().sum().backward()
    optimiser.step()
    assert not torch.equal(model.eval()(x), before)
    assert not torch.equal(kept["1.running_mean"], model.state_dict()["1.running_mean"])  # buffers are kept, too
    model.load_state_dict(kept)
    assert torch.equal(model.eval()(x), before)
    assert not any(weight.requires_grad for weight in kept.values())


def test_a_training_that_cannot_continue_is_refused_in_a_line_without_traceback():
    assert issubclass(TrainingError, REFUSALS)
