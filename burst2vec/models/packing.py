"""The hidden states of bursts of very unlike lengths, with hardly any padding computed.

In a batch of random bursts half of the frames and more are padding, and a Transformer's work on them is lost. So the
bursts come in groups of similar length, each padded to its own longest burst (`packed.group_by_length`), and the groups
lie one after the other in a single sequence, which every layer computes at once. Only what brings frames of a burst
together, attention and the positional convolution, looks at one group at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from burst2vec.models.backbone import Backbone

Group = tuple[torch.Tensor, torch.Tensor]
"""Padded bursts of similar length, and the number of real samples or frames (bursts,) of each; see
`Backbone.forward`."""


def can_pack(backbone: Backbone) -> bool:
    """Whether the hidden states of packed groups are those of one padded batch.

    They are not where padding has an effect (`as_published`). WavLM's attention adds a bias to each pair of frames that
    is computed from the whole batch, and a batch norm before the positional convolution has moments of the whole batch.
    """
    return backbone.padding == "exact" and backbone.model._supports_sdpa and not has_batch_norm(backbone)


def has_batch_norm(backbone: Backbone) -> bool:
    """Whether a batch norm precedes the positional convolution, so that in training a batch must not be divided."""
    return getattr(backbone.config, "conv_pos_batch_norm", False)


def hidden_states(backbone: Backbone, groups: Sequence[Group], every_layer: bool = False) -> list[Group]:
    """The hidden states (bursts, frames, features) of each group, and the number of real frames (bursts,).

    They are those of the last layer, or with `every_layer` those of all, as in `Backbone.forward`.

    Each group is what `Backbone.forward` takes, and up to rounding the real frames and their gradients are what it
    gives, if no dropout is drawn. Groups that cannot be packed go through the backbone one after the other.
    """
    if len(groups) == 1 or not can_pack(backbone):
        return [backbone(*group, every_layer) for group in groups]
    encoded = [group if group[0].dim() == 3 else backbone.encode(*group) for group in groups]
    hidden = backbone.project(torch.cat([frames.flatten(0, 1) for frames, _ in encoded])[None])
    shapes = [(frames.shape[:2], num_frames) for frames, num_frames in encoded]
    hidden = transform(backbone, hidden, shapes, every_layer)
    parts = hidden[0].split([shape.numel() for shape, _ in shapes])
    return [(part.unflatten(0, shape), num_frames)
            for part, (shape, num_frames) in zip(parts, shapes, strict=True)]


def transform(backbone: Backbone, projected: torch.Tensor,
              shapes: Sequence[tuple[torch.Size, torch.Tensor]], every_layer: bool = False) -> torch.Tensor:
    """The Transformer's output (1, frames, features) for a packed sequence of projected frames of the same shape.

    With `every_layer` the features are those that enter its first layer, and those of all layers, side by side.

    `shapes` has, for each group in the sequence, its shape (bursts, frames) and the number of real frames (bursts,).
    """
    encoder, stable = backbone.model.encoder, getattr(backbone.config, "do_stable_layer_norm", False)
    hidden = projected + _positions(backbone, projected, shapes)
    hidden = encoder.dropout(hidden if stable else encoder.layer_norm(hidden))
    masks = [torch.arange(shape[1], device=hidden.device) < num_frames[:, None] for shape, num_frames in shapes]
    states = [hidden]
    for layer in encoder.layers:
        states.append(layer(states[-1], attention_mask=None, groups=masks))
    last = encoder.layer_norm(states[-1]) if stable else states[-1]
    return torch.cat([*states[:-1], last], 2) if every_layer else last


def _positions(backbone: Backbone, hidden: torch.Tensor,
               shapes: Sequence[tuple[torch.Size, torch.Tensor]]) -> torch.Tensor:
    """The positional embeddings (1, frames, features) of a packed sequence."""
    embedded = []
    with nn.utils.parametrize.cached():  # the weight norm is computed once for all groups
        for part, (shape, num_frames) in zip(hidden[0].split([s.numel() for s, _ in shapes]), shapes, strict=True):
            backbone.expect(num_frames)
            embedded.append(backbone.model.encoder.pos_conv_embed(part.unflatten(0, shape)).flatten(0, 1))
    return torch.cat(embedded)[None]
