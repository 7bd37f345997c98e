"""Trained models and ensembles, loaded from their folders, ready to predict recordings.

An ensemble's folder has no weights: its `config.json` lists the folders of its members, relative to it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import Task
from burst2vec.machine.hardware import choose_device
from burst2vec.messages import shown
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.serialisation import CONFIG, ModelError, find_folder, read_config, read_model
from burst2vec.systems import recordings


@dataclass(frozen=True)
class System:
    """What predicts: one trained model, or the several of an ensemble, by the names of their folders."""

    members: Mapping[str, Burst2Vec]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What it predicts."""
        return next(iter(self.members.values())).tasks

    def predict(self, paths: str | Path | Iterable[str | Path], window: float = 10.0, batch_size: int = 8,
                report: recordings.Report = warnings.warn) -> pd.DataFrame:
        """The predictions for files and folders of recordings, a row for each; see `recordings.predict`.

        Raises ModelError where the weights lead to values that are no numbers.
        """
        paths = [paths] if isinstance(paths, str | Path) else paths
        table = recordings.predict(self.members, paths, window, batch_size, report)
        wrong = ~np.isfinite(table.select_dtypes("number")).all(axis=1)
        if wrong.any():
            raise ModelError(f"{', '.join(self.members)}: predicts no finite numbers for "
                             f"{table['file'][wrong.argmax()]}; the training has failed, or model.safetensors is damaged")
        return table


def load(source: str | Path, device: str = "auto") -> System:
    """The trained model or ensemble in a folder, or on the hub under that name, ready to predict on `device`.

    Raises ModelError where a file is missing, damaged or not of such a folder.
    """
    folder, chosen = find_folder(source), choose_device(device)
    config = read_config(folder)
    if "members" not in config:
        return System({folder.resolve().name: read_model(folder, Burst2Vec.from_config).to(chosen)})
    if not config["members"] or not isinstance(config["members"], list):
        raise ModelError(f"{folder / CONFIG}: members is {shown(config['members'])}; expected a list of folders")
    members = {str(name): _member(folder, str(name)).to(chosen) for name in config["members"]}
    _check_members(folder, members)
    return System(members)


def _member(folder: Path, name: str) -> Burst2Vec:
    if not (folder / name).is_dir():
        raise ModelError(f"{folder / CONFIG}: member {name} is not there; expected its folder at "
                         f"{(folder / name).resolve()}")
    return read_model(folder / name, Burst2Vec.from_config)


def _check_members(folder: Path, members: Mapping[str, Burst2Vec]) -> None:
    (first, one), *others = members.items()
    for name, other in others:
        if _questions(other) != _questions(one):
            raise ModelError(f"{folder / CONFIG}: members {first} and {name} do not have the same tasks; "
                             "expected models of one corpus")


def _questions(model: Burst2Vec) -> list[tuple]:
    """What the tasks ask. The range of a scalar may differ: it only scales a member's own output."""
    return [(task.name, task.kind, task.columns, task.classes, task.unit) for task in model.tasks]
