"""Trained systems and the folders that hold them."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import safetensors.torch
import torch

from burst2vec.corpus import Corpus
from burst2vec.files import sync, write_aside
from burst2vec.model import Burst2Vec
from burst2vec.predictions import write_predictions
from burst2vec.resumption import checkpoints_beside, discard

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


def write_system(folder: Path, params, predictions: pd.DataFrame, trained: Trained | None = None,
                 corpus: Corpus | None = None) -> None:
    """Writes a system's folder, whole or not at all: parameters, predictions and, of a trained one, its history,
    summary and weights. A Burst2Vec's can be loaded by `pretrained`; its card tells of the `corpus`. The checkpoints of
    its training, which are needed no longer, are deleted."""
    from burst2vec import card, pretrained  # here, as changing a card trains nothing again

    with write_aside(folder) as aside:
        aside.mkdir()
        (aside / "params.json").write_text(params.to_json(), encoding="utf-8")
        write_predictions(predictions, aside / "predictions.csv")
        if trained is None:
            return
        trained.history.to_csv(aside / "history.csv", index=False)
        (aside / "summary.json").write_text(json.dumps(trained.summary, indent=1))
        if isinstance(trained.model, Burst2Vec):
            trained.model.card = card.describe(trained.model, params.title or folder.name, corpus, predictions,
                                               tiny=params.backbone_size == "tiny")
            pretrained.write(trained.model, aside)
        else:
            weights = {k: v.cpu().contiguous() for k, v in trained.model.state_dict().items()}
            safetensors.torch.save_file(weights, aside / "model.safetensors")
        for path in (*aside.iterdir(), aside):
            sync(path)
    sync(folder.parent)
    discard(checkpoints_beside(folder))
