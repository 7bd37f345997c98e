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

import dataclasses
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from huggingface_hub import HfApi
from torch import nn

from burst2vec.corpora.corpus import Task
from burst2vec.models import serialisation
from burst2vec.models.adversarial import TaskDiscriminator
from burst2vec.models.backbone import Backbone
from burst2vec.models.hub import load_backbone


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
    `extractors` alone. `pooling` is `real`, or `padded` to average over the padding's frames too. `audio` is how the
    recordings that it hears are preprocessed, as in `waveform.load`.
    """

    def __init__(self, backbone: Backbone, tasks: Sequence[Task], width: int = 256, hidden: int = 128,
                 dropout: float = 0.1, adversarial: bool = True, pooling: str = "real", reversal: str = "upstream",
                 audio: str = "provided"):
        super().__init__()
        names = [t.name for t in tasks]
        self.settings = {"audio": audio, "width": width, "hidden": hidden, "dropout": dropout,
                         "adversarial": adversarial, "pooling": pooling, "reversal": reversal}
        self.tasks, self.pooling, self.reversal, self.audio = tuple(tasks), pooling, reversal, audio
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

    @classmethod
    def from_config(cls, config: dict) -> Burst2Vec:
        """The model that a `to_config` describes, with random weights. Needs neither hub nor checkpoint."""
        settings = dict(config)
        backbone, tasks = Backbone.from_config(settings.pop("backbone")), settings.pop("tasks")
        lists_to_tuples = ({k: tuple(v) if isinstance(v, list) else v for k, v in task.items()} for task in tasks)
        return cls(backbone, [Task(**task) for task in lists_to_tuples], **settings)

    def to_config(self) -> dict:
        """What `from_config` needs to build this architecture again, ready for JSON."""
        return {**self.settings, "tasks": [dataclasses.asdict(t) for t in self.tasks],
                "backbone": self.backbone.to_config()}

    @classmethod
    def from_pretrained(cls, source: str | Path) -> Burst2Vec:
        """The model in a folder that `save_pretrained` or a training wrote, or on the hub under that name.

        A folder needs neither the hub nor the backbone's checkpoint. Raises `serialisation.ModelError`.
        """
        return serialisation.read_model(serialisation.find_folder(source), cls.from_config)

    def save_pretrained(self, folder: str | Path, card: str = "") -> None:
        """Writes `config.json`, `model.safetensors` and `README.md`, whose text is the `card`, whole or not at all.

        A saved model in `folder` is replaced. Raises `serialisation.ModelError` where it holds anything else.
        """
        serialisation.save(self, folder, card)

    def push_to_hub(self, name: str, card: str = "", *, private: bool | None = None, token: str | None = None) -> str:
        """The address of the commit that puts what `save_pretrained` writes on the hub, as `name` (`user/model`)."""
        hub = HfApi(token=token)
        with tempfile.TemporaryDirectory() as scratch:
            self.save_pretrained(Path(scratch) / "model", card)
            repository = hub.create_repo(name, private=private, exist_ok=True).repo_id
            return hub.upload_folder(repo_id=repository, folder_path=Path(scratch) / "model").commit_url

    @property
    def independent(self) -> bool:
        """Whether what a burst is given does not depend on the padding, and so on its neighbours in a batch."""
        return self.backbone.padding == "exact" and self.pooling == "real"

    def embed(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The backbone's hidden states averaged over time, (batch, features), for zero-padded waveforms (batch, samples)
        with `lengths` (batch,) real samples, or what the backbone's `encode` made of them."""
        hidden_states, num_frames = self.backbone(waveforms, lengths)
        if self.pooling == "padded":
            num_frames = torch.full_like(num_frames, hidden_states.shape[1])
        return masked_mean(hidden_states, num_frames)

    def branch(self, pooled: torch.Tensor) -> Representations:
        """Every representation of bursts of which the backbone gave the embeddings `pooled` (batch, features)."""
        projected = self.projection(pooled)
        shared = self.shared_extractor(projected)
        specific = {n: extract(projected) for n, extract in self.task_extractors.items()}
        combined = {n: combine(torch.cat([shared, specific[n]], 1)) for n, combine in self.combinations.items()}
        return Representations(pooled, projected, shared, specific, combined)

    def represent(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> Representations:
        """Every representation of zero-padded waveforms (batch, samples) with `lengths` (batch,) real samples."""
        return self.branch(self.embed(waveforms, lengths))

    def forward(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> dict[str, torch.Tensor]:
        """Each task's head output (batch, outputs) from its combined features, as at inference."""
        combined = self.represent(waveforms, lengths).combined
        return {n: head(combined[n]) for n, head in self.heads.items()}


def build(params, tasks: Sequence[Task]) -> Burst2Vec:
    """The model that `params` (a `config.Params`) describes. Seed first: its weights are drawn here."""
    backbone = load_backbone(params.backbone, params.backbone_size, params.padding, params.freeze_feature_encoder)
    return Burst2Vec(backbone, tasks, params.width, params.hidden, params.dropout, params.adversarial, params.pooling,
                     params.reversal, params.audio)
