"""What keeps the padding of a batch out of the real frames of a backbone: a norm, a scaling and a hook."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

VARIANCE_EPSILON = 1e-7
"""What is added to a clip's variance before it is divided by, as in the published feature extractors."""


class MaskedGroupNorm(nn.Module):
    """Group norm, one channel a group, with the moments of each clip's real frames.

    In the published models the moments include the padding, so that a clip's features
    depend on its neighbours in the batch. Where `num_frames` (batch,) is None this is
    plain group norm. The weights are those of the layer `norm` that it replaces.
    """

    def __init__(self, norm: nn.GroupNorm):
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
        self.num_frames: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The normalised `x` (batch, channels, frames)."""
        if self.num_frames is None:
            groups = x.shape[1]
            return nn.functional.group_norm(x, groups, self.weight, self.bias, self.eps)
        count = self.num_frames[:, None, None]
        real = torch.arange(x.shape[2], device=x.device) < count
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        mean = (wide * real).sum(2, keepdim=True) / count
        variance = ((wide - mean).square() * real).sum(2, keepdim=True) / count
        normal = (wide - mean) * torch.rsqrt(variance + self.eps)
        return (normal * self.weight[:, None] + self.bias[:, None]).to(x.dtype)


def normalise(waveforms: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Waveforms (batch, samples) of zero mean and unit variance over their `real` samples, and zero elsewhere."""
    count = real.sum(1, keepdim=True)
    mean = (waveforms * real).sum(1, keepdim=True) / count
    variance = ((waveforms - mean).square() * real).sum(1, keepdim=True) / count
    return (waveforms - mean) * torch.rsqrt(variance + VARIANCE_EPSILON) * real


def silence_padding(convolution: Any, inputs: tuple[torch.Tensor]) -> torch.Tensor:
    """A convolution's input (batch, features, frames), zero past its `num_frames`.

    This is a forward pre-hook. A clip alone ends in the convolution's own zeros.
    data2vec stacks five positional convolutions, whose outputs run over into the
    padding. HuBERT may have a batch norm before its one, which lifts the padding off
    zero.
    """
    x, = inputs
    time = torch.arange(x.shape[2], device=x.device)
    return x.masked_fill(time >= convolution.num_frames[:, None, None], 0)
