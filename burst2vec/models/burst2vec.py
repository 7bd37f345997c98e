"""Burst2Vec (section 3, Figure 2): from waveforms to one prediction for each task.

    waveforms (batch, samples)
      -> backbone            hidden states (batch, frames, features)
      -> average pooling     embedding (batch, features), which may be standardised
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
from typing import Any

import torch
from huggingface_hub import HfApi
from torch import nn

from burst2vec.config import Params
from burst2vec.corpora.corpus import Task
from burst2vec.messages import shown
from burst2vec.models import serialisation
from burst2vec.models.adversarial import TaskDiscriminator
from burst2vec.models.backbone import Backbone
from burst2vec.models.hub import load_backbone
from burst2vec.models.packing import Group, hidden_states


@dataclass(frozen=True)
class Representations:
    """All representations of a batch of bursts.

    `pooled` (batch, features) is the backbone's embedding. The others are (batch, width): `projected`, `shared`, and by
    task name `specific`, which is r_Spec of Eq. 5, and `combined`, which is its r_Concat.
    """

    pooled: torch.Tensor
    projected: torch.Tensor
    shared: torch.Tensor
    specific: dict[str, torch.Tensor]
    combined: dict[str, torch.Tensor]

    def by_name(self) -> dict[str, torch.Tensor]:
        """All of them by name: `pooled`, `projected`, `shared`, and for each task those such as `specific age`."""
        return {"pooled": self.pooled, "projected": self.projected, "shared": self.shared,
                **{f"specific {task}": features for task, features in self.specific.items()},
                **{f"combined {task}": features for task, features in self.combined.items()}}


def layer(inputs: int, width: int, dropout: float) -> nn.Sequential:
    """A linear map, layer norm, ReLU and dropout.

    The projection, each extractor and each combination are one such layer. The norm
    keeps the adversary honest: without it an extractor pleases the reversed gradient by
    letting its features grow without end, and training diverges.
    """
    linear = nn.Linear(inputs, width)
    return nn.Sequential(linear, nn.LayerNorm(width), nn.ReLU(), nn.Dropout(dropout))


def _initialise(module: nn.Module) -> None:
    """Draws the weights of a linear map so that a ReLU keeps the variance (He et al., 2015).

    torch's default makes the differences between bursts three times smaller in each layer; five layers up, a head would
    see a constant.
    """
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)


class Head(nn.Sequential):
    """The output head of a task, from features (batch, width) to outputs (batch, outputs), with one hidden layer.

    The outputs for intensities go through a sigmoid, those for scalars are 0-1 scaled, those for classes are logits.
    """

    def __init__(self, task: Task, width: int, hidden: int):
        last = [nn.Sigmoid()] if task.kind == "intensities" else []
        super().__init__(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, task.outputs), *last)


def masked_mean(hidden_states: torch.Tensor, num_frames: torch.Tensor) -> torch.Tensor:
    """The mean (batch, features) of each clip's real hidden states.

    Of the hidden states (batch, frames, features) the first `num_frames` (batch,) are
    real.
    """
    time = torch.arange(hidden_states.shape[1], device=hidden_states.device)
    real = time < num_frames[:, None]
    return torch.where(real[..., None], hidden_states, 0).sum(1) / num_frames[:, None]


def masked_deviation(
    hidden_states: torch.Tensor, num_frames: torch.Tensor
) -> torch.Tensor:
    """The standard deviation (batch, features) of each clip's real hidden states.

    The arguments are those of `masked_mean`.
    """
    # Half precision would lose differences of close numbers.
    precision = torch.promote_types(hidden_states.dtype, torch.float32)
    states = hidden_states.to(precision)
    centred = states - masked_mean(states, num_frames)[:, None]
    time = torch.arange(states.shape[1], device=states.device)
    real = time < num_frames[:, None]
    squares = torch.where(real[..., None], centred, 0).square()
    variance = squares.sum(1) / num_frames[:, None]
    return variance.clamp_min(1e-8).sqrt()  # the root has no gradient at zero


class Standardisation(nn.Module):
    """Brings each of `features` to mean 0 and deviation 1 over some examples; before it has seen these it changes
    nothing.

    Layers and statistics differ in scale, and Adam moves all weights alike: what is small would hardly be heard.
    """

    def __init__(self, features: int):
        super().__init__()
        self.centre: torch.Tensor
        self.spread: torch.Tensor
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))

    def fit(self, examples: torch.Tensor) -> None:
        """Takes means and deviations from `examples` (bursts, features). A feature that does not vary is only
        centred."""
        spread, centre = torch.std_mean(examples.double(), 0, correction=0)
        self.centre.copy_(centre)
        self.spread.copy_(spread.where(spread > 1e-6, 1))

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        """The embeddings `pooled` (batch, features), standardised."""
        return (pooled - self.centre) / self.spread


class Burst2Vec(nn.Module):
    """The model of Figure 2 for any number and kind of tasks.

    `adversarial` adds the task discriminator, which only training uses; with a single task there is nothing to
    discriminate, and it is left out. `reversal` says what ascends the adversarial losses: all that is `upstream` of the
    reversal layer, or the `extractors` alone. `pooling` is `real`, or `padded` to average over the padding's frames
    too; `pooled_layers` is `last` or `all`, `pooled_statistics` is `mean` or `mean_deviation`, and `pooled_scale` is
    `as_is` or `standardised`, all as in `config.Params`. `audio` says how the recordings that the model hears are
    preprocessed, as in `waveform.load`.

    The attribute `heard` is `synthetic` where the model was trained on synthetic bursts alone, and empty where it was
    not, or where that is unknown. `temperatures` has, by the name of a task of classes, what its logits are divided by
    in `answer` (`evaluation.calibration`); a task that it does not name has 1. Both are saved with the model.
    """

    def __init__(self, backbone: Backbone, tasks: Sequence[Task], width: int = 256, hidden: int = 128,
                 dropout: float = 0.1, adversarial: bool = True, pooling: str = "real", reversal: str = "upstream",
                 audio: str = "provided", pooled_layers: str = "last", pooled_statistics: str = "mean",
                 pooled_scale: str = "as_is"):
        super().__init__()
        names = [t.name for t in tasks]
        self.settings = {"audio": audio, "width": width, "hidden": hidden, "dropout": dropout,
                         "adversarial": adversarial, "pooling": pooling, "reversal": reversal,
                         "pooled_layers": pooled_layers, "pooled_statistics": pooled_statistics,
                         "pooled_scale": pooled_scale}
        self.tasks, self.pooling, self.reversal, self.audio = tuple(tasks), pooling, reversal, audio
        self.heard = ""
        self.temperatures: dict[str, float] = {}
        self.backbone = backbone
        self.every_layer = pooled_layers == "all"
        self.with_deviation = pooled_statistics == "mean_deviation"
        states = backbone.config.num_hidden_layers + 1 if self.every_layer else 1
        embedded = backbone.features * states * (1 + self.with_deviation)
        self.standardisation = Standardisation(embedded) if pooled_scale == "standardised" else None
        self.projection = layer(embedded, width, dropout)
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
    def from_config(cls, config: dict[str, Any]) -> Burst2Vec:
        """A model with random weights, of the architecture that `to_config` described. Nothing is downloaded.

        Raises `backbone.BackboneError` where the backbone cannot be built, `corpus.CorpusError` where a task cannot.
        """
        settings = dict(config)
        backbone, tasks = Backbone.from_config(settings.pop("backbone")), settings.pop("tasks")
        heard, temperatures = settings.pop("heard", ""), settings.pop("temperatures", {})
        if heard not in ("", "synthetic"):
            raise ValueError(f"heard is {shown(heard)}; expected synthetic, or nothing")
        model = cls(backbone, [_task(described) for described in tasks], **settings)
        classes = [task.name for task in model.tasks if task.kind == "classes"]
        wrong = {name: value for name, value in temperatures.items()
                 if not (name in classes and 0 < value < float("inf"))}
        if wrong:
            raise ValueError(f"temperatures are {shown(wrong)}; expected numbers above 0 of tasks of classes")
        model.heard, model.temperatures = heard, dict(temperatures)
        return model

    def to_config(self) -> dict[str, Any]:
        """What `from_config` needs to build this architecture again, ready for JSON."""
        heard = {"heard": self.heard} if self.heard else {}
        return {**self.settings, **heard, "temperatures": self.temperatures,
                "tasks": [dataclasses.asdict(t) for t in self.tasks], "backbone": self.backbone.to_config()}

    @classmethod
    def from_pretrained(cls, source: str | Path) -> Burst2Vec:
        """The model in a folder that `save_pretrained` or a training wrote, or that has the name `source`.

        `emogator` is the name of the model that comes with the package; other names are the hub's. A folder needs
        neither the hub nor the backbone's checkpoint. Raises `serialisation.ModelError` where there is no such model,
        where it may be one of two (`serialisation.find_folder`), or where its files are damaged.
        """
        return serialisation.read_model(serialisation.find_folder(source), cls.from_config)

    def save_pretrained(self, folder: str | Path, card: str = "", *, half: bool = False) -> None:
        """Writes `config.json`, `model.safetensors` and `README.md` into `folder`, all of them or none.

        `card` is the text of `README.md`. With `half` the weights are stored in half precision; they are float32 again
        when they are loaded. A saved model in `folder` is replaced. Raises `serialisation.ModelError` where the folder
        holds anything else, and where a weight is too large for half precision.
        """
        serialisation.save(self, folder, card, half)

    def push_to_hub(self, name: str, card: str = "", *, private: bool | None = None, token: str | None = None) -> str:
        """Uploads what `save_pretrained` writes to the hub, as `name` (`user/model`), and returns the commit's address.

        Raises what the hub's HTTP client raises.
        """
        hub = HfApi(token=token)
        with tempfile.TemporaryDirectory() as scratch:
            self.save_pretrained(Path(scratch) / "model", card)
            repository = hub.create_repo(name, private=private, exist_ok=True).repo_id
            return hub.upload_folder(repo_id=repository, folder_path=Path(scratch) / "model").commit_url

    @property
    def independent(self) -> bool:
        """Whether the outputs for a burst are independent of the padding, and so of the other bursts in a batch."""
        return self.backbone.padding == "exact" and self.pooling == "real"

    def embed(self, groups: Sequence[Group]) -> torch.Tensor:
        """The embeddings (bursts, features) of bursts, which are the backbone's hidden states averaged over time.

        Where the model pools deviations too, these follow the means.

        The bursts come in groups of similar length. Each has zero-padded waveforms (bursts, samples) and the number of
        real samples (bursts,) of each, or what the backbone's `encode` made of these.
        """
        pooled = []
        for hidden, num_frames in hidden_states(self.backbone, groups, self.every_layer):
            frames = torch.full_like(num_frames, hidden.shape[1]) if self.pooling == "padded" else num_frames
            statistics = [masked_mean(hidden, frames)]
            if self.with_deviation:
                statistics.append(masked_deviation(hidden, frames))
            pooled.append(torch.cat(statistics, 1))
        return torch.cat(pooled)

    def branch(self, pooled: torch.Tensor) -> Representations:
        """All representations of the bursts whose embeddings are `pooled` (batch, features)."""
        projected = self.projection(pooled if self.standardisation is None else self.standardisation(pooled))
        shared = self.shared_extractor(projected)
        specific = {n: extract(projected) for n, extract in self.task_extractors.items()}
        combined = {n: combine(torch.cat([shared, specific[n]], 1)) for n, combine in self.combinations.items()}
        return Representations(pooled, projected, shared, specific, combined)

    def represent(
        self, waveforms: torch.Tensor, lengths: torch.Tensor
    ) -> Representations:
        """All representations of zero-padded waveforms (batch, samples).

        The first `lengths` (batch,) samples of each are real.
        """
        return self.branch(self.embed([(waveforms, lengths)]))

    def forward(
        self, waveforms: torch.Tensor, lengths: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """The outputs (batch, outputs) of each task's head at inference, by task name.

        The head reads the task's combined features.
        """
        return self.answer(self.embed([(waveforms, lengths)]))

    def answer(self, pooled: torch.Tensor) -> dict[str, torch.Tensor]:
        """The outputs (batch, outputs) of each task's head, by task name, for bursts whose embeddings are `pooled`."""
        combined = self.branch(pooled).combined
        return {n: head(combined[n]) / self.temperatures.get(n, 1) for n, head in self.heads.items()}


def _task(described: dict[str, Any]) -> Task:
    """The task of a model's `config.json`, where tuples are lists."""
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in described.items()}
    return Task(**fields)


def build(params: Params, tasks: Sequence[Task]) -> Burst2Vec:
    """The model that `params` describe, for these tasks. Its weights are drawn here, so torch is to be seeded before.

    Raises `backbone.BackboneError` where the backbone cannot be loaded.
    """
    backbone = load_backbone(params.backbone, params.backbone_size, params.padding, params.freeze_feature_encoder,
                             params.pretrained)
    return Burst2Vec(backbone, tasks, params.width, params.hidden, params.dropout, params.adversarial, params.pooling,
                     params.reversal, params.audio, params.pooled_layers, params.pooled_statistics,
                     params.pooled_scale)
