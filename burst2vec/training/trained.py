"""What a training ends in: a model with its best weights, its history and a summary, or an error."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import torch

Weights = dict[str, torch.Tensor]
"""The parameters and buffers of a model by name."""


class TrainingError(RuntimeError):
    """Training that cannot continue; the message says when, on which bursts, and what to try."""


@dataclass(frozen=True)
class Trained:
    """A trained model with its best weights.

    `history` has the columns `history.HISTORY`. `summary` describes the run and the backbone, flat and ready for JSON.
    """

    model: torch.nn.Module
    history: pd.DataFrame
    summary: dict[str, float | int | str]


def copy_weights(model: torch.nn.Module) -> Weights:
    """A copy of the present weights of a model."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
