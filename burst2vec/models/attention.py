"""The attention of the backbones: torch's SDPA over padded batches, or within each group of a packed batch.

The attention of transformers that is based on SDPA looks for padding in the mask of every batch, so that it can leave
out a mask that hides nothing. On a GPU it then waits, at every step, until all work so far is done. Batches of bursts
nearly always have padding, so here the mask is always given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

ATTENTION = "burst2vec"
"""The name under which transformers finds this attention."""


@torch.compiler.disable  # groups differ from batch to batch, and would be compiled anew each time
def attend(module: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
           attention_mask: torch.Tensor | None, groups: Sequence[torch.Tensor] | None = None, **options: Any
           ) -> tuple[torch.Tensor, None]:
    """The values (batch, frames, heads, width) that the frames of each head attend to; the weights are not returned.

    `query`, `key` and `value` are (batch, heads, frames, width). They are padded, with a mask as from `padding_mask`.
    Or they are one packed sequence, in which group after group of bursts lies flat; then `groups` has the mask of real
    frames (bursts, frames) of each group, and no frame attends to another burst.
    """
    if groups is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    attended, start = [], 0
    for real in groups:
        q, k, v = (_unfold(states, start, real) for states in (query, key, value))
        found = nn.functional.scaled_dot_product_attention(
            q, k, v, attn_mask=real[:, None, None, :], dropout_p=options["dropout"], scale=options["scaling"])
        attended.append(found.transpose(1, 2).flatten(0, 1))
        start += real.numel()
    return torch.cat(attended)[None], None


def _unfold(states: torch.Tensor, start: int, real: torch.Tensor) -> torch.Tensor:
    """The states (bursts, heads, frames, width) of a group in a packed sequence (1, heads, frames, width)."""
    group = states[0, :, start:start + real.numel()].transpose(0, 1)
    return group.unflatten(0, real.shape).transpose(1, 2)


def padding_mask(*, attention_mask: torch.Tensor | None = None, **_: Any) -> torch.Tensor | None:
    """Which frames every query may attend to (batch, 1, 1, frames), from the mask of real frames (batch, frames)."""
    return None if attention_mask is None else attention_mask[:, None, None, :]


AttentionInterface.register(ATTENTION, attend)
AttentionMaskInterface.register(ATTENTION, padding_mask)


def use_attention(model: PreTrainedModel) -> None:
    """Gives a model this attention, if its architecture lets attention be chosen.

    WavLM's does not; it has an attention of its own.
    """
    if model._supports_sdpa:
        model.set_attn_implementation(ATTENTION)
