"""Reading the folder of a run: its systems with their predictions, histories and parameters."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from burst2vec.evaluation.predictions import read_predictions
from burst2vec.messages import shown

OWN_AUDIO = "♠"
"""The mark of a system trained on our own preprocessing of the recordings, as in the paper."""
VARIANTS = tuple(f"V{number}" for number in range(1, 8))
"""The codes of the variants in Table 2."""
CORPUS = ("corpus", "layout", "tasks", "split_seed", "synthetic_train", "synthetic_val", "synthetic_test",
          "synthetic_bias", "synthetic_seed")
"""The parameters that say which bursts and labels a system was trained on."""


def read_systems(run_folder: Path) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    """The predictions of every system of a run and the names of their models, by code, in the order of Table 2.

    Raises FileNotFoundError where the run has no predictions yet, and ValueError where two systems were not trained on
    the same corpus, as when an earlier run with other parameters left one of them in the folder.
    """
    folders = [path.parent for path in run_folder.glob("*/predictions.csv")]
    if not folders:
        raise FileNotFoundError(f"{run_folder}: no system has written predictions.csv yet; train one first")
    folders.sort(key=lambda folder: _rank(folder.name))
    _check_one_corpus(folders)
    return ({folder.name: read_predictions(folder / "predictions.csv") for folder in folders},
            {folder.name: _model_name(folder) for folder in folders})


def _check_one_corpus(folders: Iterable[Path]) -> None:
    """Raises ValueError, naming the parameter, where the systems in `folders` were trained on different corpora."""
    first: dict[str, tuple[Path, Any]] = {}
    for folder in folders:
        for name, value in read_params(folder).items():
            other, there = first.setdefault(name, (folder, value))
            if name in CORPUS and value != there:
                raise ValueError(f"{folder.parent}: {other.name} was trained with {name}: {shown(there)}, "
                                 f"{folder.name} with {name}: {shown(value)}; expected one corpus: delete the folder "
                                 "of the one that is out of date, or give the run another name")


def _rank(code: str) -> tuple[bool, bool, str]:
    """The sort key that puts the baseline first, then the variants, then the ensembles with their one letter."""
    return code != "Baseline", len(code) == 1, code


def _model_name(folder: Path) -> str:
    params = read_params(folder)
    return with_spade(params.get("title") or folder.name, params.get("audio") == "own")


def with_spade(model: str, own_audio: bool) -> str:
    """The name of a model as Table 2 has it, marked where it was trained on our own preprocessing."""
    return f"{model} {OWN_AUDIO}" if own_audio else model


def read_histories(run_folder: Path) -> pd.DataFrame:
    """The training histories of a run, one below the other with the `code` of the system, in the order of Table 2.

    Raises FileNotFoundError where no system has written its history yet.
    """
    paths = sorted(run_folder.glob("*/history.csv"), key=lambda path: _rank(path.parent.name))
    if not paths:
        raise FileNotFoundError(f"{run_folder}: no system has written history.csv yet; train one first")
    return pd.concat([pd.read_csv(path).assign(code=path.parent.name) for path in paths], ignore_index=True)


def read_params(folder: Path) -> dict[str, Any]:
    """The parameters of the system in `folder`, from its `params.json`; empty where there is no such file."""
    path = folder / "params.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def read_steps(run_folder: Path) -> dict[str, set[int]]:
    """The numbers of steps that each variant of a run was trained for, with any of its seeds, by code."""
    found: dict[str, set[int]] = {}
    for code in VARIANTS:
        for path in (run_folder / code / "summary.json", *run_folder.glob(f"seeds/*/{code}/summary.json")):
            if path.is_file():
                found.setdefault(code, set()).add(json.loads(path.read_text(encoding="utf-8"))["iterations"])
    return found


def read_own_steps(run_folder: Path) -> dict[str, int]:
    """The number of steps that each system of a run was trained for, with the run's own seed, by code."""
    paths = sorted(run_folder.glob("*/summary.json"))
    return {path.parent.name: json.loads(path.read_text(encoding="utf-8"))["iterations"] for path in paths}


def random_backbones(run_folder: Path) -> list[str]:
    """The systems of a run whose backbone started from random weights, which tells nothing of pre-training.

    These are the variants whose parameters have `backbone_size: tiny` or `pretrained: false`, and the ensembles with
    such a member.
    """
    params = {code: read_params(run_folder / code) for code in VARIANTS}
    random = [code for code, said in params.items()
              if said.get("backbone_size") == "tiny" or not said.get("pretrained", True)]
    folders = sorted(path.parent for path in run_folder.glob("*/params.json"))
    return random + [folder.name for folder in folders if set(read_params(folder).get("members", [])) & set(random)]


def small_backbones(run_folder: Path) -> list[str]:
    """The variants of a run whose backbone is one of the small pre-trained ones that come with the package.

    These were not pre-trained alike, so which of them is better tells nothing of the published ones.
    """
    params = {code: read_params(run_folder / code) for code in VARIANTS}
    return [code for code, said in params.items()
            if said.get("backbone_size") == "small" and said.get("pretrained", True)]


def mean_discriminator_loss(history: pd.DataFrame) -> pd.DataFrame:
    """The training loss of the discriminator (Eq. 6) in nats, averaged over the tasks: code, iteration, value."""
    return mean_over_tasks(history, "discriminator")


def mean_over_tasks(history: pd.DataFrame, term: str) -> pd.DataFrame:
    """A term of the training loss, averaged over the tasks: code, iteration, value."""
    rows = history[(history["stage"] == "train") & (history["term"] == term)]
    return rows.groupby(["code", "iteration"], sort=False)["value"].mean().reset_index()
