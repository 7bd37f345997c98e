"""How do the systems do on real recordings? Each is trained on most of the speakers, and scored on the rest.

    python -m studies.voices CORPUS --backbone wav2vec2 hubert --json studies/voices.json

CORPUS is the folder of EmoGator as published, or of any corpus with speakers and a task of classes. Its own splits do
not count: speakers are dealt into `FOLDS`, the same for all systems, and a fold is answered by a system that has heard
the others alone. What has to be chosen, as a penalty or when to stop, is chosen within these. The systems:

- `Constant`, the most frequent class, and `Chance`, a label drawn from the other folds: the floor;
- `ComParE`, the functionals of the challenge's baseline, and `log-mel`, the statistics of a spectrogram, each with
  logistic regression on their main directions (`pretraining.probes`);
- the same reading of each backbone, with random weights and with its own, of the means and deviations of all its
  layers;
- `Burst2Vec` on the first of the backbones, or on those that `--train` names, with weights of either kind. What
  follows these embeddings is trained, with `--seeds` seeds, and the backbone stays as it is: so it shows what the model
  makes of what a linear reader hears as well.

**With speaker statistics** each answers once more (`centred`). Features, and embeddings of Burst2Vec, are standardised
by each speaker's own mean and deviation, in training and in what is scored. No label is used, but other bursts of the
same speaker are: it is a score for speakers who have been heard before. Where all were asked for every class alike, as
in EmoGator, their means are comparable, and the gain is as large as it can be; elsewhere a speaker's mean also holds
what that speaker felt.

A backbone must not have heard those who are scored. A folder that `burst2vec pretrain` wrote says whom it has heard,
and speakers of these names are left out, for all systems. Nothing is known of other checkpoints, nor of bursts without
a speaker: there `--split` may name a split that no backbone has heard; folds are then dealt of its speakers alone.

The JSON holds, beside `environment`: `command`, which makes all that it holds; `corpus`, with its name, split, task,
classes, numbers, and the speakers `left_out` with the backbones that have heard them; `truth`, `speakers` and `folds`
of each burst; and `rows`: for each system, seed and fold its answers, `plain` and `centred`, for each burst of the
fold, with `settings`, what was `chosen`, and `seconds`. Numbers of classes, speakers and folds are written as
`report.voices.written` writes them. An interrupted study goes on where it was, backbones and seeds are added to those
that are there, and what had other settings is made again.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import hashlib
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
import torch
from sklearn.model_selection import GroupKFold

from benchmarks.common import write_json
from burst2vec.audio.store import Store, cache_folder, open_store
from burst2vec.baseline.functionals import compare_features
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, CorpusError, Task
from burst2vec.corpora.opening import open_corpus
from burst2vec.evaluation.metrics import uar
from burst2vec.evaluation.speaker_sums import speaker_indices
from burst2vec.machine.cached import cached
from burst2vec.machine.files import checksum
from burst2vec.machine.hardware import choose_device
from burst2vec.machine.progress import step_line
from burst2vec.messages import REFUSALS, refusal
from burst2vec.models.burst2vec import build
from burst2vec.models.inference import Embedded, embed_once, infer
from burst2vec.models.shipped import shipped
from burst2vec.models.tiny import CHECKPOINTS
from burst2vec.pretraining import probes
from burst2vec.pretraining.folder import corpora_heard
from burst2vec.report.voices import WAYS, speaker_names, taking_part, written
from burst2vec.training.seeding import seed_everything
from burst2vec.training.trainer import train_heads

FOLDS = 5
"""The number of folds that the speakers are dealt into."""

HELD_OUT = 6
"""One of so many training speakers decides when a training of Burst2Vec stops."""

POOLED = {"pooled_layers": "all", "pooled_statistics": "mean_deviation"}
"""The parameters of the embeddings that a linear reader and Burst2Vec have from a backbone."""

TRAINING: dict[str, Any] = {**POOLED, "pooled_scale": "standardised", "head_steps": 800, "max_steps": 800,
                            "learning_rate": 1e-3, "learning_rate_decay": "linear", "max_epochs": 10**6,
                            "validate_every": 100, "patience": 10**6}
"""The parameters of Burst2Vec's trainings, chosen on speakers of EmoGator who are scored nowhere."""

SEEDS = 3
"""The number of seeds with which Burst2Vec is trained."""

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

    def divided(self, learnt: np.ndarray) -> Corpus:
        """The bursts as a corpus of their own: in train are those `learnt` (bursts,), true or false, but for one in
        `HELD_OUT` of their speakers, who is in val, and all others are in test."""
        own = self.speakers[learnt]
        stopping = deal(own, min(HELD_OUT, len(np.unique(own)))) == 0
        splits = np.full(len(self.rows), "test", object)
        splits[learnt] = np.where(stopping, "val", "train")
        return dataclasses.replace(self.corpus, table=self.corpus.table.iloc[self.rows].assign(split=splits))

    def told(self) -> dict:
        """What the record says of the corpus, and of its bursts in their order."""
        return {"corpus": {"name": self.corpus.name, "split": self.split, "task": self.task.name,
                           "classes": list(self.task.classes), "speakers": len(np.unique(self.speakers)),
                           "bursts": len(self.rows), "left_out": dict(self.left_out)},
                "truth": written(self.truth), "speakers": written(self.speakers), "folds": written(self.folds)}

    def units(self) -> list[Unit]:
        """Each of the folds: it is scored, and the others are learnt from."""
        return [Unit({"fold": fold}, self.folds != fold, self.folds == fold) for fold in range(FOLDS)]


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


@dataclass(frozen=True)
class System:
    """A system: its name, what its answers depend on besides the corpus, and what answers a unit with a seed.

    The last returns, beside the answers, what was chosen on the way. `seeds` is the number of seeds that it is asked
    with: one where none draws anything.
    """

    name: str
    settings: Mapping[str, Any]
    answer: Callable[[Voices, Unit, int], tuple[Answers, dict[str, Any]]]
    seeds: int = 1


def floor() -> list[System]:
    """The systems that hear nothing: the most frequent class of what is learnt from, and one of its labels at random.
    """
    def constant(voices: Voices, unit: Unit, seed: int) -> tuple[Answers, dict[str, Any]]:
        return {"plain": np.full(unit.scored.sum(), np.bincount(voices.truth[unit.learnt]).argmax())}, {}

    def chance(voices: Voices, unit: Unit, seed: int) -> tuple[Answers, dict[str, Any]]:
        rng = np.random.default_rng([seed, *np.packbits(unit.learnt).tolist()])  # the same in no two units
        return {"plain": rng.choice(voices.truth[unit.learnt], unit.scored.sum())}, {}

    return [System("Constant", {}, constant), System("Chance", {}, chance)]


def linear(name: str, compute: Callable[[], np.ndarray], **settings: Any) -> System:
    """Logistic regression on features (bursts, features), which are computed when they are first needed."""
    compute = functools.cache(compute)

    def answer(voices: Voices, unit: Unit, seed: int) -> tuple[Answers, dict[str, Any]]:
        learnt, found, chosen = unit.learnt, {}, {}
        for way in unit.ways:
            features = standardised(compute(), voices.speakers) if way == "centred" else compute()
            found[way], chosen[way] = probes.read(
                voices.task, features[learnt], voices.truth[learnt], voices.speakers[learnt], features[unit.scored])
        return found, chosen

    return System(name, {"components": probes.COMPONENTS, **settings}, answer)


def acoustic(voices: Voices, params: Params, without: Collection[str] = ()) -> list[System]:
    """The linear readings of ComParE's functionals and of a log-mel spectrogram, but for those that are left out."""
    cache = params.path(params.cache)
    found = [linear("ComParE", lambda: compare_features(voices.corpus, params.audio, cache)[voices.rows]),
             linear("log-mel", lambda: probes.log_mel(voices.store, voices.rows))]
    return [system for system in found if system.name not in without]


def embeddings(voices: Voices, params: Params) -> np.ndarray:
    """The embeddings (bursts, features) by the Burst2Vec with which a training begins that has the backbone, the
    `POOLED` and the seed of `params`. They are kept in the cache."""
    params = dataclasses.replace(params, tasks=[voices.task.name], **POOLED)
    depends = [voices.store.checksum, voices.rows.tolist(), _weights(Path(params.backbone)), params.pretrained, POOLED,
               0 if params.pretrained else params.seed]
    digest = hashlib.sha256(json.dumps(depends).encode()).hexdigest()

    def make(folder: Path) -> None:
        seed_everything(params.seed)
        model = build(params, [voices.task]).to(choose_device(params.device))
        found = embed_once(model, voices.store, voices.rows, voices.store.lengths, params.inference_batch_size)
        np.save(folder / "embeddings.npy", found.values.cpu().numpy())

    place = cache_folder(f"embeddings-{digest[:8]}", voices.corpus, params.audio, params.path(params.cache))
    return np.load(cached(place, digest, make) / "embeddings.npy")


def trained(name: str, voices: Voices, params: Params, settings: Mapping[str, Any], seeds: int = SEEDS) -> System:
    """Burst2Vec, trained as `params` say on `embeddings`."""
    embed = functools.cache(lambda seed: embeddings(voices, dataclasses.replace(params, seed=seed)))

    def answer(voices: Voices, unit: Unit, seed: int) -> tuple[Answers, dict[str, Any]]:
        plain, found, best = embed(0 if params.pretrained else seed), {}, {}
        corpus, lengths = voices.divided(unit.learnt), np.ones(len(plain), int)
        scored = np.flatnonzero(unit.scored)
        for way in unit.ways:
            values = standardised(plain, voices.speakers) if way == "centred" else plain
            values = torch.from_numpy(values).to(choose_device(params.device))
            source = Embedded(values, np.arange(len(values)), lengths)
            done = train_heads(corpus, source, dataclasses.replace(params, seed=seed))
            logits = infer(done.model, source, scored, lengths[scored], params.inference_batch_size)[voices.task.name]
            found[way], best[way] = logits.argmax(1), done.summary["best_iteration"]
        return found, {"best_iteration": best}

    return System(name, settings, answer, seeds)


def read_backbones(voices: Voices, params: Params, folders: Mapping[str, Path]) -> list[System]:
    """The linear reading of each backbone, by name, with random weights and with its own."""
    return [linear(f"{name}, {kind}", functools.partial(embeddings, voices, dataclasses.replace(
        params, backbone=str(folder), **changes)), backbone=name, weights=_weights(folder), **POOLED)
        for name, folder in folders.items() for kind, changes in WEIGHTS.items()]


def train_on(voices: Voices, params: Params, name: str, folder: Path, seeds: int = SEEDS) -> list[System]:
    """Burst2Vec on a backbone, with random weights and with the backbone's own."""
    given = {"backbone": name, "weights": _weights(folder)} | TRAINING
    return [trained(f"Burst2Vec on {name}, {kind}", voices, dataclasses.replace(
        params, tasks=[voices.task.name], backbone=str(folder), **TRAINING | changes), given | changes, seeds)
        for kind, changes in WEIGHTS.items()]


def _weights(folder: Path) -> str:
    """What tells the weights in a folder of a backbone from others."""
    return checksum(folder / _WEIGHTS)[:16]


def study(voices: Voices, systems: Sequence[System], path: Path, command: Sequence[str]) -> None:
    """Has every system answer every unit that the file at `path` lacks, and writes it after each.

    `command` is the part of the command that names the bursts. Raises ValueError where the file is about other bursts.
    """
    content, units = _found(path, voices.told()), voices.units()
    settings = {system.name: dict(system.settings) for system in systems}
    rows = [row for row in content["rows"] if row["settings"] == settings.get(row["system"], row["settings"])]
    there = [{name: row[name] for name in ("system", "seed", *units[0].key)} for row in rows]
    asked = [(system, unit, unit.seed + more) for system in systems for more in range(system.seeds) for unit in units]
    for number, (system, unit, seed) in enumerate(asked, 1):
        key = {"system": system.name, "seed": seed, **unit.key}
        if key in there:
            continue
        started = time.perf_counter()
        answers, chosen = system.answer(voices, unit, seed)
        seconds, truth = time.perf_counter() - started, voices.truth[unit.scored]
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the module's docstring shows, and returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m studies.voices", description=__doc__.partition("\n")[0])
    parser.add_argument("corpus", help="folder of a corpus with speakers and a task of classes")
    parser.add_argument("--backbone", nargs="*", metavar="NAME", help="pre-trained folders, or families whose weights "
                        "come with the package; all of these without this, and none for an empty one")
    parser.add_argument("--train", nargs="*", metavar="NAME", help="those of the backbones that Burst2Vec is trained "
                        "on; the first without this, and none for an empty one")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N",
                        help=f"seeds of Burst2Vec; {SEEDS} without this")
    parser.add_argument("--without", nargs="*", default=[], metavar="SYSTEM", choices=["ComParE", "log-mel"],
                        help="ComParE or log-mel, where they take too long")
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
    folders = named(options.backbone)
    learning = learners(options.train, folders)
    params, corpus, store = opened(options)
    voices = Voices.of(corpus, store, corpus.tasks[0], options.split,
                       {name: heard(folder) for name, folder in folders.items()})
    known, backbones = voices.left_out["speakers"], voices.left_out["backbones"]
    if known:
        print(f"{len(known)} speakers are left out, whom {', '.join(backbones)} heard in pre-training; "
              f"{len(np.unique(voices.speakers))} remain", flush=True)
    systems = [*floor(), *acoustic(voices, params, options.without), *read_backbones(voices, params, folders)]
    for name in learning:
        systems += train_on(voices, params, name, folders[name], options.seeds)
    parts = [[f"--{name}", getattr(options, name)] for name in ("task", "split") if getattr(options, name)]
    parts += [["--seeds", str(options.seeds)]] if options.seeds != SEEDS else []
    parts += [["--without", *options.without]] if options.without else []
    study(voices, systems, options.json, ["python", "-m", "studies.voices", corpus.name, *sum(parts, [])])


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
