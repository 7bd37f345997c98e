"""The state of a pre-training: what it depends on, where it stands, and what a checkpoint holds of it."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field

import numpy as np
import torch

from burst2vec.audio.store import Store
from burst2vec.machine.hardware import arithmetic_dtype
from burst2vec.models.backbone import Backbone
from burst2vec.pretraining.objectives import Learning
from burst2vec.pretraining.recipe import Recipe
from burst2vec.training.checkpoints import (
    Checkpoint,
    optimiser_tensors,
    prefixed,
    restore_optimiser,
    unprefixed,
)
from burst2vec.training.identity import circumstances

FORMAT = 1
"""Counts the changes of what a checkpoint holds; a pre-training resumes from checkpoints of this format alone."""


@dataclass
class Standing:
    """Where a pre-training stands, besides its weights, its optimiser and its units; ready for JSON.

    `step` counts the steps of the present `iteration`, `before` those of the iterations before it, and `validations`
    the parts of the iteration that have been validated. `losses` are the sum of the losses since the last validation
    and the number of steps that it is of, as they were when a checkpoint was written.
    """

    iteration: int = 1
    step: int = 0
    before: int = 0
    validations: int = 0
    seconds: float = 0.0
    finished: bool = False
    losses: list[float] = field(default_factory=lambda: [0.0, 0.0])
    history: list[list[float]] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """The number of steps of all iterations."""
        return self.before + self.step

    def next_iteration(self) -> None:
        """Goes on to the next iteration."""
        self.iteration, self.before, self.step, self.validations = self.iteration + 1, self.steps, 0, 0


def identity(backbone: Backbone, store: Store, learnt: np.ndarray, held_out: np.ndarray, recipe: Recipe,
             device: torch.device) -> dict[str, object]:
    """What the numbers of a pre-training that starts from `backbone` depend on, by name."""
    weights = hashlib.sha256()
    for name, weight in backbone.state_dict().items():
        weights.update(name.encode() + weight.cpu().numpy().tobytes())
    rows = hashlib.sha256(learnt.tobytes() + b"/" + held_out.tobytes())
    arithmetic = str(arithmetic_dtype(recipe.precision, device)).removeprefix("torch.")
    known = {name: value for name, value in dataclasses.asdict(recipe).items() if name != "checkpoint"}
    return {**known, "the weights that it starts from": weights.hexdigest()[:12],
            "the bursts that it hears": rows.hexdigest()[:12], "their recordings": f"{store.checksum:08x}",
            "the kind of device": device.type, "its arithmetic": arithmetic, "the format of checkpoints": FORMAT}


def encode(standing: Standing, learning: Learning, optimiser: torch.optim.Optimizer, units: np.ndarray | None
           ) -> Checkpoint:
    """The checkpoint of a pre-training. Of one that has finished it holds the backbone alone."""
    if standing.finished:
        tensors = prefixed("now.backbone", learning.backbone.state_dict())
    else:
        tensors = prefixed("now", learning.state_dict()) | prefixed("adam", optimiser_tensors(optimiser))
        if units is not None:
            tensors["units"] = torch.from_numpy(units.astype(np.int16))
    return Checkpoint(tensors, {**dataclasses.asdict(standing), "circumstances": circumstances()})


def standing_of(checkpoint: Checkpoint) -> tuple[Standing, np.ndarray | None]:
    """Where the pre-training of a checkpoint stood, and its units (frames,), if there are any."""
    standing = Standing(**{f.name: checkpoint.state[f.name] for f in dataclasses.fields(Standing)})
    units = checkpoint.tensors.get("units")
    return standing, None if units is None else units.numpy().astype(np.int64)


def restore(checkpoint: Checkpoint, learning: Learning, optimiser: torch.optim.Optimizer) -> None:
    """Gives a backbone, its task and their optimiser the state that they had in a checkpoint."""
    learning.load_state_dict(unprefixed("now", checkpoint.tensors))
    restore_optimiser(optimiser, unprefixed("adam", checkpoint.tensors))
