"""What a backbone learns to guess of the frames that are masked: their units, or their own quantised features.

HuBERT (appendix B) is asked for the unit of each masked frame. wav2vec 2.0 (appendix A) is asked which of several
quantised frames is the one that was masked. Either compares what the Transformer puts out at the masked frames to the
candidates by their cosine, divided by a temperature.
"""

from __future__ import annotations

import contextlib
import copy
import math
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedConfig, Wav2Vec2ForPreTraining

from burst2vec.models.backbone import Backbone
from burst2vec.models.packing import transform
from burst2vec.pretraining.heard import Batch

TEMPERATURE = 0.1
"""What cosines are divided by, in both families."""

Terms = dict[str, torch.Tensor]
"""What is said of a batch: `loss`, that of the guesses; `total`, which is minimised; `accuracy`, the share of masked
frames guessed right; `constant`, the loss of who guesses without having heard; and `perplexity`, the number of units or
codevectors in effect."""


def cosine_logits(contexts: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    """The logits (frames, candidates) of `contexts` (frames, features) for each of the
    `candidates` (candidates, features): their cosines, divided by `TEMPERATURE`.
    """
    normal = nn.functional.normalize(contexts, dim=1)
    return normal @ nn.functional.normalize(candidates, dim=1).T / TEMPERATURE


class MaskedPrediction(nn.Module):
    """HuBERT's task: the unit of each masked frame.

    `units` (frames,) holds the unit of every frame of `Frames`, from 0 to `count` - 1; those of the frames `learnt`
    give the guess without having heard.

    Source: Hsu et al. (2021), equations 1 to 3, with the loss on masked frames alone.
    """

    share = 0.8
    """The share of frames that masked spans would cover without overlap."""

    negatives = 0
    """No other frames are looked at."""

    def __init__(self, features: int, units: np.ndarray, count: int, learnt: np.ndarray, width: int = 256):
        super().__init__()
        self.projection = nn.Linear(features, width)
        self.embeddings = nn.Parameter(torch.empty(count, width).uniform_())
        frequency = np.bincount(units[learnt], minlength=count) + 1.0  # a unit may occur among held-out frames alone
        prior = torch.from_numpy(np.log(frequency / frequency.sum())).float()
        self.units: torch.Tensor
        self.prior: torch.Tensor
        self.register_buffer("units", torch.from_numpy(units), persistent=False)
        self.register_buffer("prior", prior, persistent=False)

    def forward(
        self, contexts: torch.Tensor, inputs: torch.Tensor, batch: Batch
    ) -> Terms:
        """The terms of the loss, from the Transformer's output at masked frames
        (masked frames, features). What was masked (`inputs`) is not looked at.
        """
        units = self.units[batch.frames]
        logits = cosine_logits(self.projection(contexts), self.embeddings)
        loss = cross_entropy(logits, units)
        return {
            "loss": loss,
            "total": loss,
            "accuracy": (logits.argmax(1) == units).float().mean(),
            "constant": -self.prior[units].mean(),
            "perplexity": (-self.prior.exp() @ self.prior).exp(),
        }

    def anneal(self, progress: float) -> None:
        """Nothing changes in the course of the training."""


class ContrastiveTask(nn.Module):
    """wav2vec 2.0's task: which of several quantised frames is the masked one.

    The quantiser chooses an entry of each of its codebooks for a frame, by a Gumbel softmax while it is trained. The
    quantiser and the two projections are those of `Wav2Vec2ForPreTraining` in transformers for a model of that
    `config`, with `units` entries in each codebook. Frames are compared to others by one matrix of cosines;
    transformers compares each to its negatives one by one, with which a step takes twice as long on a processor.

    Source: Baevski et al. (2020), equations 1 to 4.
    """

    share = 0.65
    """The share of frames that masked spans would cover without overlap."""

    negatives = 100
    """The number of other masked frames of the same burst, drawn at random, that the masked one is to be told from."""

    def __init__(self, config: PreTrainedConfig, units: int):
        super().__init__()
        shape: Any = copy.deepcopy(config)
        shape.num_hidden_layers, shape.num_codevectors_per_group = 1, units  # the Transformer is not of interest here
        heads = Wav2Vec2ForPreTraining(shape)
        self.quantizer: Any = heads.quantizer
        self.project_q, self.project_hid = heads.project_q, heads.project_hid
        self.weight: float = shape.diversity_loss_weight
        self.codevectors: int = shape.num_codevector_groups * units

    def forward(
        self, contexts: torch.Tensor, inputs: torch.Tensor, batch: Batch
    ) -> Terms:
        """The terms of the loss, from the Transformer's output at masked frames
        (masked frames, features) and the features that were masked
        (masked frames, channels).
        """
        quantised, perplexity = self.quantizer(inputs[None])
        logits = contrastive_logits(
            self.project_hid(contexts),
            self.project_q(quantised[0]),
            batch.negatives,
        )
        diversity = (self.codevectors - perplexity) / self.codevectors
        target = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
        loss = cross_entropy(logits, target)
        told = (logits[:, 1:] < logits[:, :1]).all(1)
        # A frame all of whose negatives are equal to it has nothing to be told from.
        told &= logits[:, 1:].isfinite().any(1)
        return {
            "loss": loss,
            "total": loss + self.weight * diversity,
            "accuracy": told.float().mean(),
            "constant": logits.isfinite().sum(1).float().log().mean(),
            "perplexity": perplexity,
        }

    def anneal(self, progress: float) -> None:
        """Lets the temperature of the Gumbel softmax fall from 2 to 0.5 over the training's `progress` of 0 to 1."""
        self.quantizer.temperature = 2.0 * math.exp(progress * math.log(0.25))


def contrastive_logits(
    contexts: torch.Tensor, quantised: torch.Tensor, places: torch.Tensor
) -> torch.Tensor:
    """The logits (frames, 1 + negatives) of `contexts` (frames, features) for their own
    `quantised` frames (frames, features), and then for the negatives.

    `places` (frames, negatives) says where the negatives are. One that is equal to the
    right frame cannot be told from it, and counts for nothing.
    """
    logits = cosine_logits(contexts, quantised)
    same = TEMPERATURE * cosine_logits(quantised, quantised).detach() > 1 - 1e-5
    negatives = logits.gather(1, places).masked_fill(same.gather(1, places), -math.inf)
    return torch.cat([logits.diagonal()[:, None], negatives], 1)


class Learning(nn.Module):
    """A backbone and the `task` by which it learns."""

    def __init__(self, backbone: Backbone, task: MaskedPrediction | ContrastiveTask):
        super().__init__()
        self.backbone, self.task = backbone, task

    def forward(self, batch: Batch, precision: contextlib.AbstractContextManager) -> Terms:
        """The terms of a batch's loss. The Transformer computes in `precision`, an autocast context, the task in
        float32."""
        with precision:
            contexts, inputs = hear_masked(self.backbone, batch)
        with torch.autocast(contexts.device.type, enabled=False):
            return self.task(contexts.float(), inputs.float(), batch)


def hear_masked(
    backbone: Backbone, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor]:
    """The Transformer's output at the masked frames (masked frames, features), and what
    was there before they were masked (masked frames, channels).

    The mask embedding, which is learnt, takes the place of each masked frame's
    projection, as in the published models.
    """
    encoded = batch.encoded
    found = backbone.model.feature_projection(encoded)
    # wav2vec 2.0 quantises what its layer norm makes of the encoded frames
    projected, inputs = found if isinstance(found, tuple) else (found, encoded)
    embedding = backbone.model.masked_spec_embed.to(projected.dtype)
    hidden = torch.where(batch.masked[:, None], embedding, projected)
    contexts = transform(backbone, hidden, batch.shapes)
    return contexts[0, batch.places], inputs[0, batch.places]
