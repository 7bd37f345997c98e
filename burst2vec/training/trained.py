"""What a training comes to: a model with its best weights, its history and a summary."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import pandas as pd
import torch

HISTORY = ["iteration", "epoch", "stage", "task", "term", "value"]
"""Columns of a history: at each validation, the mean of every loss term since the last one (stage `train`) and every
task's metric (stage `validation`). The term `padding` is the share of a batch that is padding."""


@dataclass(frozen=True)
class Trained:
    """A trained model with its best weights, its history, a summary of the run and of its backbone (flat, for JSON), and
    the arithmetic that its validations ran in."""

    model: torch.nn.Module
    history: pd.DataFrame
    summary: dict[str, float | int | str]
    precision: contextlib.AbstractContextManager | None = None
