"""The hidden states of bursts of very unlike lengths, computed without padding.

In a batch of random bursts half of the frames and more are padding, and a Transformer's work on them is lost. Here the
bursts lie one after the other in a single sequence, and attention stays within each of them. Only the positional
convolution, which must find zeros at the ends of a burst, is computed on padded parts of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from burst2vec.audio.packed import to_device
from burst2vec.models.attention import Bounds
from burst2vec.models.backbone import Backbone

PARTS = 8
"""The number of parts, sorted by length, in which a batch goes through the positional convolution."""


def can_pack(backbone: Backbone) -> bool:
    """Whether the hidden states of packed bursts are those of padded ones.

    They are not where padding has an effect (`as_published`). WavLM's attention adds a bias to each pair of frames that
    is computed from the whole batch, and a batch norm before the positional convolution has moments of the whole batch.
    """
    batch_norm = getattr(backbone.config, "conv_pos_batch_norm", False)
    return backbone.padding == "exact" and backbone.model._supports_sdpa and not batch_norm


def hidden_states(backbone: Backbone, encoded: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """The hidden states (frames, features) of each burst, from the encoder's output (frames, channels) for each.

    Up to rounding, they and their gradients are those of `backbone.forward` for the padded batch, if `can_pack` says so
    and no dropout is drawn.
    """
    encoder, stable = backbone.model.encoder, getattr(backbone.config, "do_stable_layer_norm", False)
    sizes = [len(burst) for burst in encoded]
    hidden = backbone.project(torch.cat(list(encoded))[None])
    bounds = Bounds(sizes, to_device(np.cumsum([0, *sizes], dtype=np.int32), hidden.device))
    hidden = hidden + _positions(backbone, hidden[0].split(sizes))[None]
    hidden = encoder.dropout(hidden if stable else encoder.layer_norm(hidden))
    for layer in encoder.layers:
        hidden = layer(hidden, attention_mask=None, bounds=bounds)
    return (encoder.layer_norm(hidden) if stable else hidden)[0].split(sizes)


def _positions(backbone: Backbone, bursts: Sequence[torch.Tensor]) -> torch.Tensor:
    """The positional embeddings (frames, features) of all bursts (frames, features), one after the other."""
    sizes = np.array([len(burst) for burst in bursts])
    found = [torch.empty(0)] * len(bursts)
    with nn.utils.parametrize.cached():  # the weight norm is computed once for all parts
        for part in np.array_split(np.argsort(sizes, kind="stable"), min(PARTS, len(bursts))):
            backbone.expect(to_device(sizes[part], bursts[0].device))
            padded = nn.utils.rnn.pad_sequence([bursts[place] for place in part], batch_first=True)
            for place, embedded in zip(part, backbone.model.encoder.pos_conv_embed(padded), strict=True):
                found[place] = embedded[:sizes[place]]
    return torch.cat(found)
