"""The attention of the backbones: torch's SDPA over padded batches, or within each burst of packed ones.

The attention of transformers that is based on SDPA looks for padding in the mask of every batch, so that it can leave
out a mask that hides nothing. On a GPU it then waits, at every step, until all work so far is done. Batches of bursts
nearly always have padding, so here the mask is always given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.attention.varlen import varlen_attn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

ATTENTION = "burst2vec"
"""The name under which transformers finds this attention."""


@dataclass(frozen=True)
class Bounds:
    """Where the bursts of a packed batch lie, one after the other without padding.

    `sizes` counts the frames of each burst. `ends` (bursts + 1,), int32 and on the batch's device, holds 0 and then the
    number of frames up to the end of each burst.
    """

    sizes: list[int]
    ends: torch.Tensor


def attend(module: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
           attention_mask: torch.Tensor | None, bounds: Bounds | None = None, **options: Any
           ) -> tuple[torch.Tensor, None]:
    """The values (batch, frames, heads, width) that the frames of each head attend to; the weights are not returned.

    `query`, `key` and `value` are (batch, heads, frames, width). They are padded, with a mask as from `padding_mask`,
    or one packed batch with its `bounds`; then no frame attends to another burst.
    """
    if bounds is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    return _attend_within(query, key, value, bounds, options["dropout"], options["scaling"]), None


def _attend_within(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bounds: Bounds, dropout: float,
                   scaling: float) -> torch.Tensor:
    # One kernel computes all bursts, but it draws no dropout, and its gradient is not the same bits each time.
    if query.is_cuda and query.dtype == torch.bfloat16 and not dropout and torch.backends.cuda.flash_sdp_enabled():
        q, k, v = (x[0].transpose(0, 1) for x in (query, key, value))
        longest = max(bounds.sizes)
        attended: Any = varlen_attn(q, k, v, bounds.ends, bounds.ends, longest, longest)
        return attended[None]
    bursts = zip(*(x.split(bounds.sizes, dim=2) for x in (query, key, value)), strict=True)
    sdpa = nn.functional.scaled_dot_product_attention
    parts = [sdpa(q, k, v, dropout_p=dropout, scale=scaling) for q, k, v in bursts]
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous()


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
