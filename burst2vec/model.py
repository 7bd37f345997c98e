"""Burst2Vec (section 3, Figure 2): from waveforms to one prediction for each task.

    waveforms (batch, samples)
      -> backbone            hidden states (batch, frames, features)
      -> average pooling     embedding (batch, features)
      -> projection          (batch, width)
      -> shared extractor    shared features (batch, width)
      -> task extractors     task features (batch, width), one for each task
      -> combination         [shared; task] -> combined features (batch, width), one for each task
      -> heads               (batch, outputs), one for each task
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from burst2vec.adversarial import TaskDiscriminator
from burst2vec.backbone import Backbone
from burst2vec.checkpoints import load_backbone
from burst2vec.corpus import Task


@dataclass(frozen=True)
class Representations:
    """What Burst2Vec knows of a batch: `pooled` (batch, features), and (batch, width) each, `projected`, `shared`
    and, by task name, `specific`, r_Spec, and `combined`, r_Concat of Eq. 5."""

    pooled: torch.Tensor
    projected: torch.Tensor
    shared: torch.Tensor
    specific: dict[str, torch.Tensor]
    combined: dict[str, torch.Tensor]


def layer(inputs: int, width: int, dropout: float) -> nn.Sequential:
    """A linear map, layer norm, ReLU and dropout: projection, extractors and combinations are one each.

    The norm keeps the adversary honest: without it an extractor pleases the reversed gradient by letting its features
    grow without end, and training diverges.
    """
    return nn.Sequential(nn.Linear(inputs, width), nn.LayerNorm(width), nn.ReLU(), nn.Dropout(dropout))


def _initialise(module: nn.Module) -> None:
    """Draws a linear map's weights so that a ReLU keeps the variance (He et al., 2015).

    torch's default shrinks the differences between bursts threefold a layer; five layers up a head sees a constant.
    """
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)


class Head(nn.Sequential):
    """A task's output head: (batch, width) -> (batch, outputs), with one hidden layer.

    Intensities go through a sigmoid, scalars are 0-1 scaled, classes are logits.
    """

    def __init__(self, task: Task, width: int, hidden: int):
        last = [nn.Sigmoid()] if task.kind == "intensities" else []
        super().__init__(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, task.outputs), *last)


def masked_mean(hidden_states: torch.Tensor, num_frames: torch.Tensor) -> torch.Tensor:
    """The mean (batch, features) of the first `num_frames` (batch,) hidden states (batch, frames, features)."""
    real = torch.arange(hidden_states.shape[1], device=hidden_states.device) < num_frames[:, None]
    return torch.where(real[..., None], hidden_states, 0).sum(1) / num_frames[:, None]


class Burst2Vec(nn.Module):
    """The model of Figure 2 for any number and kind of tasks.

    `adversarial` adds the task discriminator, which only training uses; with a single task there is nothing to
    discriminate and it is left out. `reversal` says what ascends: everything `upstream` of the reversal layer, or the
    `extractors` alone. `pooling` is `real`, or `padded` to average over the padding's frames too.
    """

    def __init__(self, backbone: Backbone, tasks: Sequence[Task], width: int = 256, hidden: int = 128,
                 dropout: float = 0.1, adversarial: bool = True, pooling: str = "real", reversal: str = "upstream"):
        super().__init__()
        names = [t.name for t in tasks]
        self.tasks, self.pooling, self.reversal = tuple(tasks), pooling, reversal
        self.backbone = backbone
        self.projection = layer(backbone.features, width, dropout)
        self.shared_extractor = layer(width, width, dropout)
        self.task_extractors = nn.ModuleDict({n: layer(width, width, dropout) for n in names})
        self.combinations = nn.ModuleDict({n: layer(2 * width, width, dropout) for n in names})
        self.heads = nn.ModuleDict({t.name: Head(t, width, hidden) for t in tasks})
        several = adversarial and len(names) > 1
        self.discriminator = TaskDiscriminator(width, hidden, len(names)) if several else None
        for name, part in self.named_children():
            if name != "backbone":
                part.apply(_initialise)

    def represent(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> Representations:
        """Every representation of zero-padded waveforms (batch, samples) with `lengths` (batch,) real samples."""
        hidden_states, num_frames = self.backbone(waveforms, lengths)
        if self.pooling == "padded":
            num_frames = torch.full_like(num_frames, hidden_states.shape[1])
        pooled = masked_mean(hidden_states, num_frames)
        projected = self.projection(pooled)
        shared = self.shared_extractor(projected)
        specific = {n: extract(projected) for n, extract in self.task_extractors.items()}
        combined = {n: combine(torch.cat([shared, specific[n]], 1)) for n, combine in self.combinations.items()}
        return Representations(pooled, projected, shared, specific, combined)

    def forward(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> dict[str, torch.Tensor]:
        """Each task's head output (batch, outputs) from its combined features, as at inference."""
        combined = self.represent(waveforms, lengths).combined
        return {n: head(combined[n]) for n, head in self.heads.items()}


def build(params, tasks: Sequence[Task]) -> Burst2Vec:
    """The model that `params` (a `config.Params`) describes. Seed first: its weights are drawn here."""
    backbone = load_backbone(params.backbone, params.backbone_size, params.padding, params.freeze_feature_encoder)
    return Burst2Vec(backbone, tasks, params.width, params.hidden, params.dropout, params.adversarial, params.pooling,
                     params.reversal)
