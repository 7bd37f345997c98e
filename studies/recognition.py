"""What the studies of recognition share: bursts of many speakers, systems that answer which class each is of, and the
record of their answers (`studies.voices`, `studies.curve`).

A record is a JSON that holds, beside `environment`: `command`, which makes all that it holds; what the bursts have
`told`; and `rows`: for each system, seed and unit its answers for each burst of the unit, with `settings`, what was
`chosen`, and `seconds`. Numbers of classes and speakers are written as `report.answers.written` writes them. An
interrupted study goes on where it was, backbones and seeds are added to those that are there, and what had other
settings is made again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shlex
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.model_selection import GroupKFold

from benchmarks.common import write_json
from burst2vec.audio.store import Store, open_store
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, CorpusError, Task
from burst2vec.corpora.opening import open_corpus
from burst2vec.evaluation.metrics import uar
from burst2vec.evaluation.speaker_sums import speaker_indices
from burst2vec.machine.files import checksum
from burst2vec.machine.progress import step_line
from burst2vec.models.shipped import shipped
from burst2vec.models.tiny import CHECKPOINTS
from burst2vec.pretraining.folder import corpora_heard
from burst2vec.report.answers import WAYS, speaker_names, taking_part, written

HELD_OUT = 6
"""One of so many training speakers decides when a training of Burst2Vec stops."""

WEIGHTS = "model.safetensors"
"""The file of a backbone's weights in its folder."""

Answers = dict[str, np.ndarray]
"""The class indices (bursts of a unit,) that a system answers, by way."""


@dataclass(frozen=True)
class Bursts:
    """What all systems of a study share: the bursts that take part, which are `rows` of the corpus's table.

    `truth` and `speakers` (bursts,) hold class and speaker of each as indices. `split` names the split that they are
    of, where others take no part. `left_out` holds the names of the `speakers` of whom there would be more bursts, and
    of the `backbones` that have heard them.
    """

    corpus: Corpus
    store: Store
    task: Task
    rows: np.ndarray
    truth: np.ndarray
    speakers: np.ndarray
    split: str | None
    left_out: Mapping[str, list[str]]

    @classmethod
    def of(cls, corpus: Corpus, store: Store, task: Task, split: str | None = None,
           heard: Mapping[str, Collection[str]] | None = None) -> Self:
        """The labelled bursts of a corpus, or of one of its splits, of speakers whom no backbone has heard.

        `heard` has their names by that of the backbone.
        """
        table = corpus.table
        names = set(speaker_names(table.iloc[taking_part(task, table, split)]))
        by = {backbone: set(whom) & names for backbone, whom in (heard or {}).items()}
        left_out = {"speakers": sorted(set().union(*by.values())), "backbones": [name for name in by if by[name]]}
        rows = taking_part(task, table, split, left_out["speakers"])
        return cls(corpus, store, task, rows, task.labels(table)[rows], speaker_indices(table.iloc[rows]), split,
                   left_out)

    def divided(self, learnt: np.ndarray) -> Corpus:
        """The bursts as a corpus of their own: in train are those `learnt` (bursts,), true or false, but for one in
        `HELD_OUT` of their speakers, who is in val, and all others are in test."""
        own = self.speakers[learnt]
        stopping = deal(own, min(HELD_OUT, len(np.unique(own)))) == 0
        splits = np.full(len(self.rows), "test", object)
        splits[learnt] = np.where(stopping, "val", "train")
        return dataclasses.replace(self.corpus, table=self.corpus.table.iloc[self.rows].assign(split=splits))

    def units(self) -> list[Unit]:
        """What the systems do at a time, in order."""
        raise NotImplementedError

    def told(self) -> dict[str, Any]:
        """What the record says of the corpus, and of its bursts in their order."""
        return {"corpus": {"name": self.corpus.name, "split": self.split, "task": self.task.name,
                           "classes": list(self.task.classes), "speakers": len(np.unique(self.speakers)),
                           "bursts": len(self.rows), "left_out": dict(self.left_out)},
                "truth": written(self.truth), "speakers": written(self.speakers)}


@dataclass(frozen=True)
class Unit:
    """What a system does at a time: it learns from some bursts, and answers for others.

    `key` names the unit in the record; `learnt` and `scored` (bursts,) are true or false. `seed` is its first seed, and
    `ways` are those in which systems answer.
    """

    key: Mapping[str, Any]
    learnt: np.ndarray
    scored: np.ndarray
    seed: int = 0
    ways: Sequence[str] = tuple(WAYS)


def deal(speakers: np.ndarray, folds: int) -> np.ndarray:
    """The fold (bursts,) of each burst: no speaker is in two, and all have about as many bursts."""
    found = np.empty(len(speakers), int)
    for fold, (_, out) in enumerate(GroupKFold(folds).split(speakers, groups=speakers)):
        found[out] = fold
    return found


@dataclass(frozen=True)
class System:
    """A system: its name, what its answers depend on besides the corpus, and what answers a unit with a seed.

    The last returns, beside the answers, what was chosen on the way. `seeds` is the number of seeds that it is asked
    with: one where none draws anything.
    """

    name: str
    settings: Mapping[str, Any]
    answer: Callable[[Any, Unit, int], tuple[Answers, dict[str, Any]]]
    seeds: int = 1


def study(bursts: Bursts, systems: Sequence[System], path: Path, command: Sequence[str]) -> None:
    """Has every system answer every unit that the file at `path` lacks, and writes it after each.

    `command` is the part of the command that names the bursts. Raises ValueError where the file is about other bursts.
    """
    content, units = _found(path, bursts.told()), bursts.units()
    settings = {system.name: dict(system.settings) for system in systems}
    rows = [row for row in content["rows"] if row["settings"] == settings.get(row["system"], row["settings"])]
    there = [{name: row[name] for name in ("system", "seed", *units[0].key)} for row in rows]
    asked = [(system, unit, unit.seed + more) for system in systems for more in range(system.seeds) for unit in units]
    for number, (system, unit, seed) in enumerate(asked, 1):
        key = {"system": system.name, "seed": seed, **unit.key}
        if key in there:
            continue
        started = time.perf_counter()
        answers, chosen = system.answer(bursts, unit, seed)
        seconds, truth = time.perf_counter() - started, bursts.truth[unit.scored]
        rows.append(key | {"settings": settings[system.name]}
                    | {way: written(found) for way, found in answers.items()}
                    | {"chosen": chosen, "seconds": round(seconds, 1)})
        write_json(path, content | {"command": _whole(command, rows, path), "rows": rows})
        scores = ", ".join(f"{way} {uar(truth, found):.3f}" for way, found in answers.items())
        which = ", ".join(f"{name} {value}" for name, value in {**unit.key, "seed": seed}.items())
        print(step_line(path.stem, number, len(asked), f"{system.name}, {which}: UAR {scores}; {seconds:.0f} s"),
              flush=True)


def _found(path: Path, told: dict) -> dict:
    """What the file at `path` is to hold: what is `told` of the bursts, with the rows of an earlier run, or none."""
    if not path.is_file():
        return {"command": "", **told, "rows": []}
    content, corpus = json.loads(path.read_text(encoding="utf-8")), told["corpus"]
    before, now = (each.get("left_out", {}).get("backbones", []) for each in (content.get("corpus", {}), corpus))
    old, new = (told | {"corpus": corpus | {"left_out": corpus["left_out"] | {"backbones": backbones}}}
                for backbones in (before, list(dict.fromkeys([*before, *now]))))
    if any(content.get(name) != value for name, value in old.items()):
        besides = f"its backbones {' '.join(before)} as well, or " if before else ""
        raise ValueError(f"{path}: is about other bursts than those of {corpus['name']} now; name {besides}another "
                         "file")
    return {"command": "", **new, "rows": content["rows"]}


def _whole(command: Sequence[str], rows: Sequence[Mapping], path: Path) -> str:
    """The command that makes all the rows, with names in place of this machine's folders."""
    read, learnt = ([row["settings"]["backbone"] for row in rows if mark in row["settings"]]
                    for mark in ("backbone", "max_steps"))
    return shlex.join([*command, "--backbone", *dict.fromkeys(read), "--train", *dict.fromkeys(learnt),
                       "--json", path.name if path.is_absolute() else path.as_posix()])


# The command line -------------------------------------------------------------------------------------------------

def parser(name: str, doc: str | None, corpus: str) -> argparse.ArgumentParser:
    """A parser with what the studies have in common; `corpus` says what the corpus has to have."""
    made = argparse.ArgumentParser(prog=f"python -m studies.{name}", description=(doc or "").partition("\n")[0])
    made.add_argument("corpus", help=f"folder of a corpus with {corpus}")
    made.add_argument("--backbone", nargs="*", metavar="NAME", help="pre-trained folders, or families whose weights "
                      "come with the package; all of these without this, and none for an empty one")
    made.add_argument("--train", nargs="*", metavar="NAME", help="those of the backbones that Burst2Vec is trained "
                      "on; the first without this, and none for an empty one")
    made.add_argument("--without", nargs="*", default=[], metavar="SYSTEM", choices=["ComParE", "log-mel"],
                      help="ComParE or log-mel, where they take too long")
    made.add_argument("--task", help="which task, where the corpus poses several")
    made.add_argument("--cache", default="cache", help="folder of waveforms and features; cache without this")
    made.add_argument("--json", type=Path, required=True, metavar="FILE", help="where the answers are kept")
    return made


def given(options: argparse.Namespace, defaults: Mapping[str, Any]) -> list[str]:
    """Those of some options that are not what they are by default, as a command has them."""
    parts: list[str] = []
    for name, default in defaults.items():
        value = getattr(options, name)
        if value != default:
            parts += [f"--{name}", *(value if isinstance(value, list) else [str(value)])]
    return parts


def weights_of(folder: Path) -> str:
    """What tells the weights in a folder of a backbone from others."""
    return checksum(folder / WEIGHTS)[:16]


def opened(options: argparse.Namespace) -> tuple[Params, Corpus, Store]:
    """The parameters of what was asked for, and the corpus, which poses the one task of classes that is studied."""
    params = Params(corpus=[options.corpus], tasks=[options.task] if options.task else [], cache=options.cache)
    corpus = open_corpus(params)
    if [task.kind for task in corpus.tasks] != ["classes"]:
        posed = ", ".join(f"{task.name} ({task.kind})" for task in corpus.tasks)
        raise CorpusError(f"corpus {corpus.name}: poses {posed}; name one of kind classes with --task")
    return params, corpus, open_store(corpus, params.audio, params.path(params.cache))


def named(names: Sequence[str] | None) -> dict[str, Path]:
    """The folders of the backbones that `--backbone` names, by what the record calls them; None for all shipped."""
    names = [name for name in CHECKPOINTS if shipped(name)] if names is None else names
    if len({Path(name).name for name in names}) < len(names):
        raise ValueError(f"--backbone {' '.join(names)}: two folders of one name; the record tells them by their names")
    return {Path(name).name: _folder(name) for name in names}


def learners(names: Sequence[str] | None, folders: Mapping[str, Path]) -> list[str]:
    """Those of the backbones that `--train` names, or the first."""
    learning = [Path(name).name for name in (list(folders)[:1] if names is None else names)]
    if not set(learning) <= set(folders):
        raise ValueError(f"--train {' '.join(learning)}: expected some of the backbones {' '.join(folders)}")
    return learning


def _folder(name: str) -> Path:
    """The folder that a name of `--backbone` stands for: that of a family's weights in the package, or a path."""
    own = shipped(name) if name in CHECKPOINTS else None
    if own and os.path.lexists(name):
        raise ValueError(f"--backbone {name}: comes with burst2vec, and lies here as well; expected ./{name} for what "
                         f"lies here, or {own} for the other")
    folder = own or Path(name)
    if not (folder / WEIGHTS).is_file():
        raise FileNotFoundError(f"{folder / WEIGHTS}: missing; --backbone names a pre-trained folder, or one of "
                                f"{', '.join(CHECKPOINTS)} where its weights come with the package")
    return folder


def heard(folder: Path) -> set[str]:
    """The names of the speakers whom the backbone in a folder heard in pre-training, as far as the folder says so.

    Raises ValueError where it tells of a pre-training, and not whom that heard.
    """
    corpora = corpora_heard(folder)
    silent = [part["name"] for part in corpora if "speakers" not in part]
    if silent:
        raise ValueError(f"{folder}: does not say whom of {', '.join(silent)} it has heard, being of an earlier "
                         "burst2vec; expected a folder that this one pre-trained")
    return {name for part in corpora for name in part["speakers"]}
