"""Attention over padded batches that never waits for the device.

The library's own SDPA looks into every batch's mask for padding, to leave out a mask that hides nothing. On a GPU that
look waits until all work so far is done, at every step. Batches of bursts are hardly ever free of padding.
"""

from __future__ import annotations

import torch
from torch import nn
from transformers import (
    AttentionInterface,
    AttentionMaskInterface,
    PreTrainedModel,
)
from transformers.integrations.sdpa_attention import sdpa_attention_forward


QUIETEST = 1e-7
"""Added to a clip's variance before it is divided by, as the published feature extractors do."""


class MaskedGroupNorm(nn.Module):
    """Group norm with one channel a group, its moments over each clip's real frames instead of the padded axis.

    The published models compute them over the padding too, so that a clip's features depend on its neighbours in the
    batch. With `num_frames` (batch,) unset it is plain group norm. Takes over the weights of `norm`.
    """

    def __init__(self, norm: nn.GroupNorm):
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
        self.num_frames: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised `x` (batch, channels, frames)."""
        if self.num_frames is None:
            return nn.functional.group_norm(x, x.shape[1], self.weight, self.bias, self.eps)
        count = self.num_frames[:, None, None]
        real = torch.arange(x.shape[2], device=x.device) < count
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        mean = (wide * real).sum(2, keepdim=True) / count
        variance = ((wide - mean).square() * real).sum(2, keepdim=True) / count
        normal = (wide - mean) * torch.rsqrt(variance + self.eps)
        return (normal * self.weight[:, None] + self.bias[:, None]).to(x.dtype)


def normalise(waveforms: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Each waveform (batch, samples) with zero mean and unit variance over its `real` samples, zero elsewhere."""
    count = real.sum(1, keepdim=True)
    mean = (waveforms * real).sum(1, keepdim=True) / count
    variance = ((waveforms - mean).square() * real).sum(1, keepdim=True) / count
    return (waveforms - mean) * torch.rsqrt(variance + QUIETEST) * real


def _silence_padding(convolution: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
    """Sets frames past `convolution.num_frames` to zero in inputs (batch, features, frames): a forward pre-hook.

    A clip alone ends in the convolution's own zeros. data2vec stacks five positional convolutions, whose outputs run
    over into the padding; HuBERT may have a batch norm before its one, which lifts the padding off zero.
    """
    x, = inputs
    padding = torch.arange(x.shape[2], device=x.device) >= convolution.num_frames[:, None, None]
    return (x.masked_fill(padding, 0),)

NAME = "sdpa_unconditional"


def padding_mask(*, attention_mask: torch.Tensor | None = None, **_) -> torch.Tensor | None:
    """What each query may attend to, (batch, 1, 1, frames), from the mask of real frames (batch, frames)."""
    return None if attention_mask is None else attention_mask[:, None, None, :]


AttentionInterface.register(NAME, sdpa_attention_forward)
AttentionMaskInterface.register(NAME, padding_mask)


def attend_unconditionally(model: PreTrainedModel) -> None:
    """Gives a model this attention, where its architecture lets attention be chosen. WavLM's has its own."""
    if model._supports_sdpa:
        model.set_attn_implementation(NAME)
