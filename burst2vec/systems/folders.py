"""Writing the folders of systems: those of trained models, by themselves or with all of a run, and of ensembles.

Three words are kept apart. A *system* is a row of Table 2, and the folder of its results (`folders`). `Trained` is what
a training returns. A `Predictor` is what `burst2vec.load` makes of a folder: it predicts.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import safetensors.torch

from burst2vec.audio.store import open_store
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, CorpusError
from burst2vec.corpora.opening import open_corpus
from burst2vec.evaluation.calibration import fit_temperature, tempered
from burst2vec.evaluation.predictions import read_predictions, write_predictions
from burst2vec.machine.files import sync, write_aside
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.serialisation import CARD, WEIGHTS, ModelError, write_config, write_model
from burst2vec.results.ensembles import label
from burst2vec.results.runs import read_params
from burst2vec.systems import card
from burst2vec.training.checkpoints import checkpoints_beside, discard
from burst2vec.training.trained import Trained


def write_system(folder: Path, params: Params, predictions: pd.DataFrame, trained: Trained | None = None,
                 corpus: Corpus | None = None) -> None:
    """Writes the folder of a system, whole or not at all, and deletes the checkpoints of its training.

    The folder holds the parameters; the predictions; and, for a `trained` system, its history, summary and weights.
    `saved.load` loads that of a Burst2Vec, whose card describes the `corpus` that it has heard.
    """
    with write_aside(folder) as aside:
        aside.mkdir()
        _write_params(aside, dataclasses.asdict(params))
        write_predictions(predictions, aside / "predictions.csv")
        if trained is None:
            return
        trained.history.to_csv(aside / "history.csv", index=False)
        (aside / "summary.json").write_text(json.dumps(trained.summary, indent=1))
        if isinstance(trained.model, Burst2Vec):
            text = card.describe_model(trained.model, params.title or folder.name, corpus, predictions, params)
            write_model(trained.model, aside, text)
        else:
            weights = {k: v.cpu().contiguous() for k, v in trained.model.state_dict().items()}
            safetensors.torch.save_file(weights, aside / WEIGHTS)
        for path in (*aside.iterdir(), aside):
            sync(path)
    sync(folder.parent)
    discard(checkpoints_beside(folder))


def export_system(system: Path, folder: Path, half: bool = False, calibrate: bool = False) -> None:
    """Writes the model of a trained system to `folder` by itself, whole or not at all, as it can be passed on.

    `system` is the folder of a Burst2Vec, as `write_system` wrote it. The card is made anew from its parameters, its
    corpus, which must still be there, and its predictions. With `half` the weights are stored in half precision. With
    `calibrate` the model gets a temperature for each task of classes, fitted to its predictions for validation.

    Raises ModelError for another folder, for weights that half precision cannot hold, and where `folder` holds other
    files; FileNotFoundError and CorpusError where the predictions or the corpus are not there or damaged, and
    CorpusError where the corpus is no longer the one that was predicted.
    """
    params = _read_params(system)  # before the model, for which a mistyped folder may be a name on the hub
    model = Burst2Vec.from_pretrained(system)
    predictions = read_predictions(system / "predictions.csv")
    corpus = open_corpus(params)
    _check_corpus(corpus, predictions, system / "predictions.csv")
    store = open_store(corpus, params.audio, params.path(params.cache))
    if calibrate:
        predictions = _calibrated(model, corpus, predictions)
    text = card.describe_model(model, params.title or system.resolve().name, corpus, predictions, params, store, half)
    model.save_pretrained(folder, text, half=half)


def _calibrated(model: Burst2Vec, corpus: Corpus, predictions: pd.DataFrame) -> pd.DataFrame:
    """The predictions with the temperatures that the model gets here. Raises ModelError where validation has no label
    of a task of classes."""
    found, truth = predictions.copy(), corpus.split("val")
    for task in (task for task in corpus.tasks if task.kind == "classes"):
        columns, known = list(task.probability_columns), truth[task.labelled(truth)]
        if known.empty:
            raise ModelError(f"validation has no label of task {task.name}, which calibration needs")
        fitted = fit_temperature(predictions.loc[known.index, columns].to_numpy(), task.labels(known))
        model.temperatures[task.name] = fitted * model.temperatures.get(task.name, 1)
        found[columns] = tempered(predictions[columns].to_numpy(), fitted)
    return found


def write_ensemble(folder: Path, members: Iterable[str], predictions: pd.DataFrame,
                   corpus: Corpus | None = None, run_folder: Path | None = None) -> None:
    """Writes the folder of an ensemble, whole or not at all: its predictions, and its members in `params.json`.

    `members` are the names of the folders that hold the members, in `run_folder`, or beside `folder` without it.
    `saved.load` loads an ensemble as long as these folders are there, relative to it. Its card describes the `corpus`
    that they were trained on.
    """
    members = list(members)
    places = [os.path.relpath((run_folder or folder.parent) / member, folder.parent) for member in members]
    with write_aside(folder) as aside:
        aside.mkdir()
        _write_params(aside, {"variant": folder.name, "title": label(members), "members": places})
        write_predictions(predictions, aside / "predictions.csv")
        write_config(aside, {"members": [f"../{place}" for place in places]})
        text = card.describe_ensemble(f"Ensemble {folder.name}", members, corpus, predictions)
        (aside / CARD).write_text(text, encoding="utf-8")


def _read_params(system: Path) -> Params:
    """The parameters of a system. Raises ModelError where its folder does not say them."""
    try:
        values = read_params(system)
    except ValueError:  # no JSON, or no UTF-8
        values = {}
    if not values or not set(values) <= set(Params.names()):
        raise ModelError(f"{system / 'params.json'}: not the parameters of a training; expected the folder of a "
                         "trained system, such as results/demo/V4")
    return Params(**values)


def _check_corpus(corpus: Corpus, predictions: pd.DataFrame, path: Path) -> None:
    """Raises CorpusError unless all bursts outside the training split are predicted, and each has its split."""
    then, now = predictions["split"].to_dict(), corpus.table["split"].to_dict()
    for file in [*then, *(file for file, split in now.items() if split != "train")]:
        if then.get(file) != now.get(file):
            raise CorpusError(f"{path}: burst {file!r} is of split {then.get(file, 'none')} here and of "
                              f"{now.get(file, 'none')} in the corpus {corpus.name}; expected the corpus as it was "
                              "when the system was trained")


def _write_params(folder: Path, params: dict[str, Any]) -> None:
    (folder / "params.json").write_text(json.dumps(params, indent=1))  # all ASCII: names need not be UTF-8
