"""Loading trained models and ensembles from their folders, ready to predict recordings.

The folder of an ensemble holds no weights. Its `config.json` lists the folders of its members, relative to itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from burst2vec.machine.hardware import choose_device
from burst2vec.messages import shown, warn
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.serialisation import CONFIG, ModelError, find_folder, read_config, read_model
from burst2vec.systems.predictor import Predictor
from burst2vec.systems.recordings import Report


def load(source: str | Path | None = None, device: str = "auto", note: Report = warn) -> Predictor:
    """The trained model or the ensemble in a folder, or of that name, ready to predict.

    By default it is the model that comes with the package, whose name is `emogator`; other names are the hub's. A
    folder that is called `emogator` itself is given as `./emogator` or as a `Path`; the bare name is refused where it
    could mean either (`serialisation.find_folder`).

    It predicts on `device`, by default on the GPU where there is one. `note` is told in one line where the model has
    learnt its tasks from synthetic bursts alone. Raises ModelError where a file is missing, is damaged, or does not
    belong in such a folder.
    """
    folder, chosen = find_folder(source), choose_device(device)
    members = _read_members(folder)
    if all(model.heard == "synthetic" for model in members.values()):
        note(f"{source or folder}: learnt its tasks from synthetic bursts alone; what it predicts from a voice means "
             "nothing")
    return Predictor({name: model.to(chosen) for name, model in members.items()})


def _read_members(folder: Path) -> dict[str, Burst2Vec]:
    """The networks of a model or an ensemble by the names of their folders, as `config.json` gives them."""
    config = read_config(folder)
    if "members" not in config:
        return {folder.resolve().name: read_model(folder, Burst2Vec.from_config)}
    if not config["members"] or not isinstance(config["members"], list):
        raise ModelError(f"{folder / CONFIG}: members is {shown(config['members'])}; expected a list of folders")
    members = {str(name): _read_member(folder, str(name)) for name in config["members"]}
    _check_members(folder, members)
    return members


def _read_member(folder: Path, name: str) -> Burst2Vec:
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
    """What the tasks of a model ask. The range of a scalar is left out: it only scales the model's output."""
    return [(task.name, task.kind, task.columns, task.classes, task.unit) for task in model.tasks]
