"""The folder of a run: its systems, their predictions, histories and parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from burst2vec.evaluation.predictions import read_predictions

OWN_AUDIO = "♠"
"""Follows the model of a system trained on our own preprocessing of the recordings, as in the paper."""


def read_systems(run_folder: Path) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    """Every system's predictions of a run by its code, in Table 2's order, and their models' names.

    Raises FileNotFoundError where the run has none.
    """
    folders = [path.parent for path in run_folder.glob("*/predictions.csv")]
    if not folders:
        raise FileNotFoundError(f"{run_folder}: no system has written predictions.csv yet; train one first")
    folders.sort(key=lambda folder: _rank(folder.name))
    return ({folder.name: read_predictions(folder / "predictions.csv") for folder in folders},
            {folder.name: _model_name(folder) for folder in folders})


def _rank(code: str) -> tuple:
    """Sorts the baseline first, then variants, then ensembles with their one letter."""
    return code != "Baseline", len(code) == 1, code


def _model_name(folder: Path) -> str:
    params = read_params(folder)
    return _with_spade(params.get("title") or folder.name, params.get("audio") == "own")


def _with_spade(model: str, own_audio: bool) -> str:
    return f"{model} {OWN_AUDIO}" if own_audio else model


def read_histories(run_folder: Path) -> pd.DataFrame:
    """The history of every system of a run that wrote one, with its `code`, in Table 2's order."""
    paths = sorted(run_folder.glob("*/history.csv"), key=lambda path: _rank(path.parent.name))
    if not paths:
        raise FileNotFoundError(f"{run_folder}: no system has written history.csv yet; train one first")
    return pd.concat([pd.read_csv(path).assign(code=path.parent.name) for path in paths], ignore_index=True)


def read_params(folder: Path) -> dict[str, Any]:
    """The parameters of the system in `folder`, from its `params.json`; empty where there is no such file."""
    path = folder / "params.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


VARIANTS = tuple(f"V{number}" for number in range(1, 8))


def random_backbones(run_folder: Path) -> list[str]:
    """The variants of a run whose backbone started from random weights: `params.json` has `backbone_size: tiny`."""
    return [code for code in VARIANTS if read_params(run_folder / code).get("backbone_size") == "tiny"]


def mean_discriminator_loss(history: pd.DataFrame) -> pd.DataFrame:
    """The discriminator's training loss (Eq. 6) in nats, the mean over the tasks: code, iteration, value."""
    return _mean_over_tasks(history, "discriminator")


def _mean_over_tasks(history: pd.DataFrame, term: str) -> pd.DataFrame:
    rows = history[(history["stage"] == "train") & (history["term"] == term)]
    return rows.groupby(["code", "iteration"], sort=False)["value"].mean().reset_index()
