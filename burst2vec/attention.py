"""Attention over padded batches that never waits for the device.

The library's own SDPA looks into every batch's mask for padding, to leave out a mask that hides nothing. On a GPU that
look waits until all work so far is done, at every step. Batches of bursts are hardly ever free of padding.
"""

from __future__ import annotations

import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

import burst2vec._torchaudio  # noqa: F401  (before transformers, which imports torchaudio)

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
