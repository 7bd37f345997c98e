"""Trained systems and the folders that hold them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import safetensors.torch

from burst2vec.corpora.corpus import Corpus
from burst2vec.evaluation.predictions import write_predictions
from burst2vec.machine.files import sync, write_aside
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.serialisation import CARD, WEIGHTS, write_config, write_model
from burst2vec.results.ensembles import label
from burst2vec.systems import card
from burst2vec.training.checkpoints import checkpoints_beside, discard
from burst2vec.training.trained import Trained


def write_system(folder: Path, params, predictions: pd.DataFrame, trained: Trained | None = None,
                 corpus: Corpus | None = None) -> None:
    """Writes a system's folder, whole or not at all: parameters, predictions and, of a trained one, its history,
    summary and weights. A Burst2Vec's can be loaded by `saved.load`; its card tells of the `corpus`. The checkpoints of
    its training, which are needed no longer, are deleted."""
    with write_aside(folder) as aside:
        aside.mkdir()
        (aside / "params.json").write_text(params.to_json(), encoding="utf-8")
        write_predictions(predictions, aside / "predictions.csv")
        if trained is None:
            return
        trained.history.to_csv(aside / "history.csv", index=False)
        (aside / "summary.json").write_text(json.dumps(trained.summary, indent=1))
        if isinstance(trained.model, Burst2Vec):
            text = card.describe(trained.model, params.title or folder.name, corpus, predictions,
                                 tiny=params.backbone_size == "tiny")
            write_model(trained.model, aside, text)
        else:
            weights = {k: v.cpu().contiguous() for k, v in trained.model.state_dict().items()}
            safetensors.torch.save_file(weights, aside / WEIGHTS)
        for path in (*aside.iterdir(), aside):
            sync(path)
    sync(folder.parent)
    discard(checkpoints_beside(folder))


def write_ensemble(folder: Path, members: Iterable[str], predictions: pd.DataFrame,
                   corpus: Corpus | None = None) -> None:
    """Writes an ensemble's folder, whole or not at all: its predictions, and its members in `params.json`.

    `saved.load` loads it while its members' folders stand beside it; its card tells of the `corpus`.
    """
    members = list(members)
    params = {"variant": folder.name, "title": label(members), "members": members}
    with write_aside(folder) as aside:
        aside.mkdir()
        (aside / "params.json").write_text(json.dumps(params, indent=1, ensure_ascii=False), encoding="utf-8")
        write_predictions(predictions, aside / "predictions.csv")
        write_config(aside, {"members": [f"../{member}" for member in members]})
        text = card.describe_ensemble(f"Ensemble {folder.name}", members, corpus, predictions)
        (aside / CARD).write_text(text, encoding="utf-8")
