"""The state of a training: what a checkpoint holds, how a training resumes from it, and the model that it ends in."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.training.checkpoints import (
    Checkpoint,
    optimiser_tensors,
    prefixed,
    restore_optimiser,
    unprefixed,
)
from burst2vec.training.history import History
from burst2vec.training.identity import circumstances
from burst2vec.training.step import Learner
from burst2vec.training.trained import Trained, Weights


@dataclass
class Progress:
    """Where a training stands, besides its weights, its optimiser and its history; ready for JSON.

    `place` is the number of batches of the `epoch` that have been learnt from. `best_score` is the validation metric of
    the best weights, and None before the first. `collapsed` counts the last validations in a row with a constant
    prediction. `head_seconds` is the time until the backbone began to learn. `encoded` says whether the bursts are
    encoded once, and is None until that is decided, once for the whole training: the two ways do not round alike.
    """

    epoch: int = 1
    place: int = 0
    best_score: float | None = None
    best_iteration: int = 0
    collapsed: int = 0
    seconds: float = 0.0
    head_seconds: float = 0.0
    validation_seconds: float = 0.0
    checkpoint_seconds: float = 0.0
    encoded: bool | None = None
    finished: bool = False


def encode(progress: Progress, history: History, learner: Learner, best_weights: Weights) -> Checkpoint:
    """The checkpoint of a training.

    Its tensors are the best weights and, unless the training has finished, the present weights and what Adam keeps of
    each. Its state is all the rest.
    """
    tensors = prefixed("best", best_weights)
    if not progress.finished:
        tensors |= prefixed("now", learner.model.state_dict())
        tensors |= prefixed("adam", optimiser_tensors(learner.optimiser))
    state = {"iteration": learner.iteration, **dataclasses.asdict(progress), "history": history.to_json(),
             "circumstances": circumstances()}
    return Checkpoint(tensors, state)


def restore(checkpoint: Checkpoint, learner: Learner) -> tuple[Progress, History, Weights]:
    """The progress, the history and the best weights of a checkpoint; the learner goes on from where it was."""
    state, device = checkpoint.state, learner.team.device
    progress = Progress(**{field.name: state[field.name] for field in dataclasses.fields(Progress)})
    learner.iteration = state["iteration"]
    if not progress.finished:
        learner.model.load_state_dict(unprefixed("now", checkpoint.tensors))
        restore_optimiser(learner.optimiser, unprefixed("adam", checkpoint.tensors))
    best_weights = {name: value.to(device) for name, value in unprefixed("best", checkpoint.tensors).items()}
    return progress, History.from_json(state["history"]), best_weights


def outcome(model: Burst2Vec, checkpoint: Checkpoint) -> Trained:
    """The trained model that the checkpoint of a finished training holds."""
    model.load_state_dict(unprefixed("best", checkpoint.tensors))
    state = checkpoint.state
    seconds = max(state["seconds"], 1e-9)
    summary = {
        "iterations": state["iteration"], "epochs": state["epoch"], "best_iteration": state["best_iteration"],
        "seconds": round(seconds, 1), "validation_share": round(state["validation_seconds"] / seconds, 3),
        "checkpoint_share": round(state["checkpoint_seconds"] / seconds, 3),
        "parameters": sum(p.numel() for p in model.parameters()), "device": str(next(model.parameters()).device),
        "encoded_once": bool(state["encoded"]),
        **{f"backbone_{name}": value for name, value in model.backbone.record().items()},
    }
    return Trained(model.eval(), History.from_json(state["history"]).table(), summary)
