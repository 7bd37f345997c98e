import numpy as np
import pytest
import torch

from burst2vec.models.adversarial import TaskDiscriminator, reverse_gradient


@pytest.mark.parametrize("scale", [1.0, 0.25, 3.0])
def test_reversal_leaves_the_value_and_multiplies_the_gradient_by_minus_scale(scale):
    x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    y = reverse_gradient(x, scale)
    assert torch.equal(y, x)
    y.square().sum().backward()
    torch.testing.assert_close(x.grad, -scale * torch.tensor([2.0, -4.0, 6.0]))


def test_reversal_is_complete_unless_asked_otherwise():
    x = torch.ones(3, requires_grad=True)
    reverse_gradient(x).sum().backward()
    assert x.grad.tolist() == [-1, -1, -1]


def test_two_reversals_cancel():
    x = torch.ones(3, requires_grad=True)
    reverse_gradient(reverse_gradient(x)).sum().backward()
    assert x.grad.tolist() == [1, 1, 1]


def test_reversal_touches_only_the_way_through_it():
    x = torch.ones(3, requires_grad=True)
    (5 * x + reverse_gradient(x)).sum().backward()
    assert x.grad.tolist() == [4, 4, 4]


def test_downstream_of_the_reversal_nothing_is_reversed():
    weight = torch.tensor(2.0, requires_grad=True)
    (weight * reverse_gradient(torch.tensor(3.0, requires_grad=True))).backward()
    assert weight.grad == 3


def test_the_discriminator_has_one_hidden_layer_and_a_logit_for_each_task():
    torch.manual_seed(0)
    discriminator = TaskDiscriminator(width=4, hidden=5, tasks=3)
    (a, b), (c, d) = [(m.weight.detach().numpy(), m.bias.detach().numpy()) for m in discriminator.modules()
                      if isinstance(m, torch.nn.Linear)]
    x = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    by_hand = np.maximum(x @ a.T + b, 0) @ c.T + d
    assert by_hand.shape == (7, 3)
    np.testing.assert_allclose(discriminator(torch.from_numpy(x)).detach().numpy(), by_hand, atol=1e-6)
