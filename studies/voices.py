"""How do the systems do on real recordings? Each is trained on most of the speakers, and scored on the rest.

    python -m studies.voices CORPUS --backbone wav2vec2 hubert --json studies/voices.json

CORPUS is the folder of EmoGator as published, or of any corpus with speakers and a task of classes. Its own splits do
not count: speakers are dealt into `FOLDS`, the same for all systems, and a fold is answered by a system that has heard
the others alone. What has to be chosen, as a penalty or when to stop, is chosen within these. The systems:

- `Constant`, the most frequent class, and `Chance`, a label drawn from the other folds: the floor;
- `ComParE`, the functionals of the challenge's baseline, and `log-mel`, the statistics of a spectrogram, each with
  logistic regression on their main directions (`pretraining.probes`);
- the same reading of each backbone, with random weights and with its own;
- `Burst2Vec` on the first of the backbones, or on those that `--train` names, trained from random weights and from the
  backbone's own.

**With speaker statistics** each answers once more (`centred`). Of the linear ones the features are standardised by
each speaker's own mean and deviation, in training and in what is scored; of Burst2Vec the logits are centred on the
speaker's mean. No label is used, but other bursts of the same speaker are: it is a score for speakers who have been
heard before. Where all were asked for every class alike, as in EmoGator, their means are comparable, and the gain is
as large as it can be; elsewhere a speaker's mean also holds what that speaker felt.

A backbone must not have heard those who are scored. A folder that `burst2vec pretrain` wrote says whom it has heard,
and speakers of these names are left out, for all systems. Nothing is known of other checkpoints, nor of bursts without
a speaker: there `--split` may name a split that no backbone has heard; folds are then dealt of its speakers alone.

The JSON holds, beside `environment`: `command`, which makes all that it holds; `corpus`, with its name, split, task,
classes, numbers, and the speakers `left_out` with the backbones that have heard them; `truth`, `speakers` and `folds`,
a number for each burst; and `rows`: for each system and fold its answers, `plain` and `centred`, the number of a class
for each burst of the fold, with `settings`, what was `chosen`, and `seconds`. An interrupted study goes on where it
was, backbones are added to those that are there, and what had other settings is made again.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold

from benchmarks.common import write_json
from burst2vec.audio.store import Store, open_store
from burst2vec.baseline.functionals import compare_features
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, CorpusError, Task
from burst2vec.corpora.opening import open_corpus
from burst2vec.evaluation.metrics import uar
from burst2vec.evaluation.speaker_sums import speaker_indices
from burst2vec.machine.files import checksum
from burst2vec.machine.hardware import arithmetic, choose_device
from burst2vec.machine.progress import step_line
from burst2vec.messages import REFUSALS, refusal
from burst2vec.models.hub import load_backbone
from burst2vec.models.inference import infer
from burst2vec.models.shipped import shipped
from burst2vec.models.tiny import CHECKPOINTS
from burst2vec.pretraining import probes
from burst2vec.pretraining.folder import corpora_heard
from burst2vec.report.voices import speaker_names, taking_part
from burst2vec.training.trainer import train

FOLDS = 5
"""The number of folds that the speakers are dealt into."""

HELD_OUT = 6
"""One of so many training speakers decides when a training of Burst2Vec stops."""

TRAINING: dict[str, Any] = {"learning_rate": 2e-4, "head_learning_rate": 1e-3, "learning_rate_decay": "linear",
                            "head_steps": 1500, "max_steps": 1600, "max_epochs": 10**6, "validate_every": 100,
                            "patience": 10**6}
"""The parameters of Burst2Vec's trainings, fixed before anything was scored."""

WEIGHTS: dict[str, dict[str, Any]] = {"random weights": {"pretrained": False}, "pre-trained": {}}
"""What else is set for trainings from each kind of weights."""

_WEIGHTS = "model.safetensors"

Answers = dict[str, np.ndarray]
"""The class indices (bursts of a fold,) that a system answers, `plain` and `centred`."""


@dataclass(frozen=True)
class Voices:
    """What all systems share: the bursts that are scored, which are `rows` of the corpus's table, and their folds.

    `truth`, `speakers` and `folds` (bursts,) hold class, speaker and fold of each as indices. `split` names the split
    that they are of, where not all are scored. `left_out` holds the names of the `speakers` of whom there would be more
    bursts, and of the `backbones` that have heard them.
    """

    corpus: Corpus
    store: Store
    task: Task
    rows: np.ndarray
    truth: np.ndarray
    speakers: np.ndarray
    folds: np.ndarray
    split: str | None
    left_out: Mapping[str, list[str]]

    @classmethod
    def of(cls, corpus: Corpus, store: Store, task: Task, split: str | None = None,
           heard: Mapping[str, Collection[str]] | None = None) -> Voices:
        """The labelled bursts of a corpus, or of one of its splits, of speakers whom no backbone has heard.

        `heard` has their names by that of the backbone. Raises CorpusError where the speakers that remain are too few.
        """
        table = corpus.table
        names = set(speaker_names(table.iloc[taking_part(task, table, split)]))
        by = {backbone: set(whom) & names for backbone, whom in (heard or {}).items()}
        left_out = {"speakers": sorted(set().union(*by.values())), "backbones": [name for name in by if by[name]]}
        rows = taking_part(task, table, split, left_out["speakers"])
        speakers, where = speaker_indices(table.iloc[rows]), f" of split {split}" if split else ""
        if left_out["speakers"]:
            where += f" besides the {len(left_out['speakers'])} whom {', '.join(left_out['backbones'])} heard"
        if len(np.unique(speakers)) < FOLDS + 1:
            raise CorpusError(f"corpus {corpus.name}: {len(np.unique(speakers))} speakers{where} have a label for task "
                              f"{task.name}; expected {FOLDS + 1} or more, to deal them into {FOLDS} folds")
        folds = deal(speakers, FOLDS)
        return cls(corpus, store, task, rows, task.labels(table)[rows], speakers, folds, split, left_out)

    def divided(self, fold: int) -> Corpus:
        """The corpus with that fold as its test split, and with one in `HELD_OUT` of the others' speakers as its val.

        Bursts that take no part in the study are where their speaker is; of speakers who take none, in test.
        """
        learnt = np.flatnonzero(self.folds != fold)
        stopping = deal(self.speakers[learnt], min(HELD_OUT, len(np.unique(self.speakers[learnt])))) == 0
        everyone = speaker_indices(self.corpus.table)  # of which an unknown speaker has one of its own
        splits = np.full(everyone.max() + 1, "test", object)
        splits[everyone[self.rows[learnt]]] = np.where(stopping, "val", "train")
        return dataclasses.replace(self.corpus, table=self.corpus.table.assign(split=splits[everyone]))

    def told(self) -> dict:
        """What the record says of the corpus, and of its bursts in their order."""
        return {"corpus": {"name": self.corpus.name, "split": self.split, "task": self.task.name,
                           "classes": list(self.task.classes), "speakers": len(np.unique(self.speakers)),
                           "bursts": len(self.rows), "left_out": dict(self.left_out)},
                "truth": written(self.truth), "speakers": written(self.speakers), "folds": written(self.folds)}


def deal(speakers: np.ndarray, folds: int) -> np.ndarray:
    """The fold (bursts,) of each burst: no speaker is in two, and all have about as many bursts."""
    found = np.empty(len(speakers), int)
    for fold, (_, out) in enumerate(GroupKFold(folds).split(speakers, groups=speakers)):
        found[out] = fold
    return found


def standardised(features: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Features (bursts, features) in units of the deviation of each one's speaker from that speaker's own mean.

    A feature that is the same in all bursts of a speaker is 0.
    """
    found = np.zeros(features.shape, np.float32)
    for speaker in np.unique(speakers):
        own = features[speakers == speaker].astype(np.float64)
        varies = np.ptp(own, axis=0) > 0
        found[speakers == speaker] = np.divide(own - own.mean(0), own.std(0), out=np.zeros_like(own), where=varies)
    return found


def centred(logits: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Logits (bursts, classes) less the mean of each one's speaker."""
    found = logits.astype(np.float64)
    for speaker in np.unique(speakers):
        found[speakers == speaker] -= found[speakers == speaker].mean(0)
    return found


@dataclass(frozen=True)
class System:
    """A system: its name, what its answers depend on besides the corpus, and what answers a fold of `Voices`.

    The last returns, beside the answers, what was chosen on the way.
    """

    name: str
    settings: Mapping[str, Any]
    answer: Callable[[Voices, int], tuple[Answers, dict[str, Any]]]


def floor() -> list[System]:
    """The systems that hear nothing: the most frequent class of the other folds, and one of their labels at random."""
    def constant(voices: Voices, fold: int) -> tuple[Answers, dict[str, Any]]:
        out = voices.folds == fold
        return {"plain": np.full(out.sum(), np.bincount(voices.truth[~out]).argmax())}, {}

    def chance(voices: Voices, fold: int) -> tuple[Answers, dict[str, Any]]:
        out = voices.folds == fold
        return {"plain": np.random.default_rng(fold).choice(voices.truth[~out], out.sum())}, {}

    return [System("Constant", {}, constant), System("Chance", {}, chance)]


def linear(name: str, compute: Callable[[], np.ndarray], **settings: Any) -> System:
    """Logistic regression on features (bursts, features), which are computed when they are first needed."""
    compute = functools.cache(compute)

    def answer(voices: Voices, fold: int) -> tuple[Answers, dict[str, Any]]:
        out, found, chosen = voices.folds == fold, {}, {}
        for way, features in {"plain": compute(), "centred": standardised(compute(), voices.speakers)}.items():
            found[way], chosen[way] = probes.read(
                voices.task, features[~out], voices.truth[~out], voices.speakers[~out], features[out])
        return found, chosen

    return System(name, {"components": probes.COMPONENTS, **settings}, answer)


def trained(name: str, params: Params, settings: Mapping[str, Any]) -> System:
    """Burst2Vec, trained as `params` say."""
    def answer(voices: Voices, fold: int) -> tuple[Answers, dict[str, Any]]:
        done, out = train(voices.divided(fold), voices.store, params), voices.folds == fold
        rows = voices.rows[out]
        logits = infer(done.model, voices.store, rows, voices.store.lengths[rows],
                       params.inference_batch_size)[voices.task.name]
        return ({"plain": logits.argmax(1), "centred": centred(logits, voices.speakers[out]).argmax(1)},
                {"best_iteration": done.summary["best_iteration"]})

    return System(name, settings, answer)


def read_backbones(voices: Voices, folders: Mapping[str, Path]) -> list[System]:
    """The linear reading of each backbone, by name, with random weights and with its own."""
    device = choose_device("auto")

    def compute(folder: Path, pretrained: bool) -> np.ndarray:
        with arithmetic(device):
            backbone = load_backbone(str(folder)).to(device)
            return probes.layer_statistics(backbone if pretrained else probes.untrained(backbone), voices.store,
                                           voices.rows)

    return [linear(f"{name}, {kind}", functools.partial(compute, folder, kind == "pre-trained"),
                   backbone=name, weights=_weights(folder)) for name, folder in folders.items() for kind in WEIGHTS]


def train_on(voices: Voices, params: Params, name: str, folder: Path) -> list[System]:
    """Burst2Vec on a backbone, from random weights and from the backbone's own."""
    given = {"backbone": name, "weights": _weights(folder)} | TRAINING
    return [trained(f"Burst2Vec on {name}, {kind}", dataclasses.replace(
        params, tasks=[voices.task.name], backbone=str(folder), **TRAINING | changes), given | changes)
        for kind, changes in WEIGHTS.items()]


def _weights(folder: Path) -> str:
    """What tells the weights in a folder of a backbone from others."""
    return checksum(folder / _WEIGHTS)[:16]


def written(indices: np.ndarray) -> str:
    """Indices in one line, with spaces between them."""
    return " ".join(map(str, indices.tolist()))


def study(voices: Voices, systems: Sequence[System], path: Path, command: Sequence[str]) -> None:
    """Has every system answer every fold that the file at `path` lacks, and writes it after each.

    `command` is the part of the command that names the bursts. Raises ValueError where the file is about other bursts.
    """
    content = _found(path, voices.told())
    settings = {system.name: dict(system.settings) for system in systems}
    rows = [row for row in content["rows"] if row["settings"] == settings.get(row["system"], row["settings"])]
    there = {(row["system"], row["fold"]) for row in rows}
    units = [(system, fold) for system in systems for fold in range(FOLDS)]
    for number, (system, fold) in enumerate(units, 1):
        if (system.name, fold) in there:
            continue
        started = time.perf_counter()
        answers, chosen = system.answer(voices, fold)
        seconds, truth = time.perf_counter() - started, voices.truth[voices.folds == fold]
        rows.append({"system": system.name, "fold": fold, "settings": settings[system.name]}
                    | {way: written(found) for way, found in answers.items()}
                    | {"chosen": chosen, "seconds": round(seconds, 1)})
        write_json(path, content | {"command": _whole(command, rows, path), "rows": rows})
        scores = ", ".join(f"{way} {uar(truth, found):.3f}" for way, found in answers.items())
        print(step_line("voices", number, len(units), f"{system.name}, fold {fold + 1} of {FOLDS}: UAR {scores}; "
                                                      f"{seconds:.0f} s"), flush=True)


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
                       "--json", path.name])


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the module's docstring shows, and returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m studies.voices", description=__doc__.partition("\n")[0])
    parser.add_argument("corpus", help="folder of a corpus with speakers and a task of classes")
    parser.add_argument("--backbone", nargs="*", metavar="NAME", help="pre-trained folders, or families whose weights "
                        "come with the package; all of these without this, and none for an empty one")
    parser.add_argument("--train", nargs="*", metavar="NAME", help="those of the backbones that Burst2Vec is trained "
                        "on; the first without this, and none for an empty one")
    parser.add_argument("--task", help="which task, where the corpus poses several")
    parser.add_argument("--split", choices=("train", "val", "test"), help="bursts of this split alone")
    parser.add_argument("--cache", default="cache", help="folder of waveforms and functionals; cache without this")
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="where the answers are kept")
    try:
        _main(parser.parse_args(arguments))
    except REFUSALS as error:
        print(refusal(error), file=sys.stderr)
        return 1
    return 0


def _main(options: argparse.Namespace) -> None:
    names = [name for name in CHECKPOINTS if shipped(name)] if options.backbone is None else options.backbone
    if len({Path(name).name for name in names}) < len(names):
        raise ValueError(f"--backbone {' '.join(names)}: two folders of one name; the record tells them by their names")
    folders = {Path(name).name: _folder(name) for name in names}
    learning = [Path(name).name for name in (names[:1] if options.train is None else options.train)]
    if not set(learning) <= set(folders):
        raise ValueError(f"--train {' '.join(options.train)}: expected some of the backbones {' '.join(folders)}")
    params = Params(corpus=[options.corpus], tasks=[options.task] if options.task else [], cache=options.cache)
    corpus, cache = open_corpus(params), params.path(params.cache)
    if [task.kind for task in corpus.tasks] != ["classes"]:
        posed = ", ".join(f"{task.name} ({task.kind})" for task in corpus.tasks)
        raise CorpusError(f"corpus {corpus.name}: poses {posed}; name one of kind classes with --task")
    voices = Voices.of(corpus, open_store(corpus, params.audio, cache), corpus.tasks[0], options.split,
                       {name: heard(folder) for name, folder in folders.items()})
    known, backbones = voices.left_out["speakers"], voices.left_out["backbones"]
    if known:
        print(f"{len(known)} speakers are left out, whom {', '.join(backbones)} heard in pre-training; "
              f"{len(np.unique(voices.speakers))} remain", flush=True)
    systems = [*floor(), linear("ComParE", lambda: compare_features(corpus, params.audio, cache)[voices.rows]),
               linear("log-mel", lambda: probes.log_mel(voices.store, voices.rows)),
               *read_backbones(voices, folders)]
    for name in learning:
        systems += train_on(voices, params, name, folders[name])
    parts = [[f"--{name}", getattr(options, name)] for name in ("task", "split") if getattr(options, name)]
    study(voices, systems, options.json, ["python", "-m", "studies.voices", corpus.name, *sum(parts, [])])


def _folder(name: str) -> Path:
    """The folder that a name of `--backbone` stands for: that of a family's weights in the package, or a path."""
    own = shipped(name) if name in CHECKPOINTS else None
    if own and os.path.lexists(name):
        raise ValueError(f"--backbone {name}: comes with burst2vec, and lies here as well; expected ./{name} for what "
                         f"lies here, or {own} for the other")
    folder = own or Path(name)
    if not (folder / _WEIGHTS).is_file():
        raise FileNotFoundError(f"{folder / _WEIGHTS}: missing; --backbone names a pre-trained folder, or one of "
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


if __name__ == "__main__":
    sys.exit(main())
