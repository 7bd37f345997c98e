"""The adversarial part (section 3.4): gradient reversal and the task discriminator."""

from __future__ import annotations

import torch
from torch import nn


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.scale * gradient, None


def reverse_gradient(x: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    """`x` itself, with a gradient that is multiplied by `-scale` on the way back.

    This is the gradient reversal layer of Ganin and Lempitsky (2015).
    """
    return _Reversal.apply(x, scale)


class TaskDiscriminator(nn.Module):
    """A network with one hidden layer that tells from shared features which task their batch belongs to."""

    def __init__(self, width: int, hidden: int, tasks: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, tasks))

    def forward(self, shared: torch.Tensor) -> torch.Tensor:
        """The logits (batch, tasks) of the discrimination loss (Eq. 6), from shared features (batch, width)."""
        return self.layers(shared)
