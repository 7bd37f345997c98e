"""What a pre-training is: the model that it starts from, how long it takes, and all that its numbers depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from transformers import PreTrainedModel

from burst2vec.config import ParameterError
from burst2vec.messages import shown
from burst2vec.models.backbone import Backbone, BackboneError
from burst2vec.models.hub import load_backbone, usual_settings
from burst2vec.models.packing import can_pack
from burst2vec.models.tiny import CHECKPOINTS, small_model, tiny_model

SIZES: dict[str, Callable[[str], PreTrainedModel]] = {"tiny": tiny_model, "small": small_model}
"""The sizes of models with random weights, and the functions that build them."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that a pre-training's numbers depend on, besides what it hears.

    Raises ParameterError where a value is none that it can have.
    """

    family: str = ""
    """One of `CHECKPOINTS`; it may be left out where a checkpoint is given."""
    size: str = "small"
    """The size of a model with random weights."""
    checkpoint: str = ""
    """The folder, or name on the hub, of a checkpoint to go on from; without one the weights are random."""
    units_from: str = ""
    """The folder, or name on the hub, of a checkpoint whose middle layer describes the frames in the first iteration,
    as a smaller model's did for the large HuBERT of Hsu et al. (2021)."""
    iterations: int = 0
    """How often units are found and learnt to be predicted; 0 for HuBERT's two, or one where `units_from` names who
    knows them, and the one of wav2vec 2.0."""
    steps: int = 0
    """Steps at most, in all iterations together; 0 where the minutes decide."""
    minutes: float = 0
    """Minutes at most, in all iterations together; 0 where the steps decide, and only then are the bits always the
    same."""
    units: int = 100
    """The number of units that HuBERT predicts, or of the entries of each codebook of wav2vec 2.0."""
    batch_size: int = 32
    """Bursts in a batch."""
    learning_rate: float = 1e-3
    """The highest learning rate, to which it rises and from which it falls to zero in each iteration."""
    held_out: float = 0.1
    """The share of the training speakers that are never learnt from, for the held-out loss."""
    seed: int = 0
    """Seed of weights, units, masks, batches and dropout."""
    precision: str = "auto"
    """Arithmetic of the Transformer: bfloat16 where the hardware has it (auto), float32 or bfloat16."""

    def __post_init__(self):
        if not self.checkpoint and self.family not in CHECKPOINTS:
            raise _refused("family", self.family, f"one of {', '.join(CHECKPOINTS)}, or a checkpoint to start from")
        for name, among in (("family", ("", *CHECKPOINTS)), ("size", tuple(SIZES)),
                            ("precision", ("auto", "float32", "bfloat16"))):
            if getattr(self, name) not in among:
                raise _refused(name, getattr(self, name), f"one of {', '.join(filter(None, among))}")
        for name, low, high in (("iterations", 0, 10), ("steps", 0, None), ("minutes", 0, None), ("units", 2, 30_000),
                                ("batch_size", 1, None), ("learning_rate", 0, 1), ("seed", 0, None)):
            value = getattr(self, name)
            if value < low or (high is not None and value > high) or value != value:
                raise _refused(name, value, f"{low} or more" if high is None else f"a value between {low} and {high}")
        if not 0 < self.held_out < 1:
            raise _refused("held_out", self.held_out, "a share between 0 and 1 of the speakers")
        if not self.steps and not self.minutes:
            raise _refused("steps", 0, "1 or more, or a number of minutes")
        if self.family == "wav2vec2" and self.iterations > 1:
            raise _refused("iterations", self.iterations, "1, since wav2vec 2.0 finds its units as it learns")
        if self.family == "wav2vec2" and self.units_from:
            raise _refused("units_from", self.units_from, "nothing, since wav2vec 2.0 finds its units as it learns")


def _refused(name: str, value: object, right: str) -> ParameterError:
    return ParameterError(f"pre-training: {name} is {shown(value)}; expected {right}")


def start(recipe: Recipe) -> Backbone:
    """The backbone that a pre-training starts from. Random weights are drawn here, so torch is to be seeded before.

    The feature encoder is frozen, so that every burst is encoded once. Raises BackboneError where the checkpoint cannot
    be had, is of another family or of one that cannot be trained here.
    """
    if not recipe.checkpoint:
        return random_backbone(CHECKPOINTS[recipe.family], recipe.size)
    backbone = load_backbone(recipe.checkpoint)
    family = family_of(backbone)
    if family is None or recipe.family not in ("", family):
        raise BackboneError(f"backbone {recipe.checkpoint!r} is of the family {family or backbone.config.model_type}; "
                            f"expected {recipe.family or ' or '.join(CHECKPOINTS)}")
    if not can_pack(backbone) or not hasattr(backbone.model, "masked_spec_embed"):
        raise BackboneError(f"backbone {recipe.checkpoint!r} cannot learn from masked frames; expected a config.json "
                            "with mask_time_prob above 0 and without conv_pos_batch_norm")
    return backbone


def random_backbone(name: str, size: str) -> Backbone:
    """A backbone with random weights of the family of `name`, a key of `tiny.FAMILIES`, and a size of `SIZES`."""
    model = SIZES[size](name)
    return Backbone(model, usual_settings(name, model))


def family_of(backbone: Backbone) -> str | None:
    """Which of `CHECKPOINTS` a backbone is of, by its architecture; None where it is of another."""
    if backbone.config.model_type == "hubert":
        return "hubert-layer-norm" if backbone.config.do_stable_layer_norm else "hubert"
    return "wav2vec2" if backbone.config.model_type == "wav2vec2" else None
