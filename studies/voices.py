"""How do the systems do on real recordings? Each is trained on most of the speakers, and scored on the rest.

    python -m studies.voices CORPUS --backbone wav2vec2 hubert --json studies/voices.json

CORPUS is the folder of EmoGator as published, or of any corpus with speakers and a task of classes. Its own splits do
not count: speakers are dealt into `FOLDS`, the same for all systems, and a fold is answered by a system that has heard
the others alone. What has to be chosen, as a penalty or when to stop, is chosen within these. The systems are those of
`studies.systems`; Burst2Vec is trained on the first of the backbones, or on those that `--train` names, with `--seeds`
seeds.

Each answers twice, once with speaker statistics. No label is used for these, but other bursts of the same speaker are:
it is a score for speakers who have been heard before. Where all were asked for every class alike, as in EmoGator, their
means are comparable, and the gain is as large as it can be; elsewhere a speaker's mean also holds what that speaker
felt.

A backbone must not have heard those who are scored. A folder that `burst2vec pretrain` wrote says whom it has heard,
and speakers of these names are left out, for all systems. Nothing is known of other checkpoints, nor of bursts without
a speaker: there `--split` may name a split that no backbone has heard; folds are then dealt of its speakers alone.

The JSON is that of `studies.recognition`: `corpus`, with its name, split, task, classes, numbers, and the speakers
`left_out` with the backbones that have heard them; `truth`, `speakers` and `folds` of each burst; and `rows` with the
answers of each system, seed and fold, `plain` and `centred`.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from burst2vec.audio.store import Store
from burst2vec.cli import reporting
from burst2vec.corpora.corpus import Corpus, CorpusError, Task
from burst2vec.report.answers import written
from studies.recognition import Bursts, Unit, deal, given, heard, learners, named, opened, parser, study
from studies.systems import SEEDS, acoustic, floor, read_backbones, train_on

FOLDS = 5
"""The number of folds that the speakers are dealt into."""


@dataclass(frozen=True)
class Voices(Bursts):
    """Bursts whose speakers are dealt into folds."""

    @classmethod
    def of(cls, corpus: Corpus, store: Store, task: Task, split: str | None = None,
           heard: Mapping[str, Collection[str]] | None = None) -> Self:
        """The same as `Bursts.of`. Raises CorpusError where the speakers that remain are too few for the folds."""
        found = super().of(corpus, store, task, split, heard)
        left_out, speakers = found.left_out, len(np.unique(found.speakers))
        if speakers < FOLDS + 1:
            where = f" of split {split}" if split else ""
            if left_out["speakers"]:
                where += f" besides the {len(left_out['speakers'])} whom {', '.join(left_out['backbones'])} heard"
            raise CorpusError(f"corpus {corpus.name}: {speakers} speakers{where} have a label for task {task.name}; "
                              f"expected {FOLDS + 1} or more, to deal them into {FOLDS} folds")
        return found

    @functools.cached_property
    def folds(self) -> np.ndarray:
        """The fold (bursts,) of each burst."""
        return deal(self.speakers, FOLDS)

    def units(self) -> list[Unit]:
        """Each of the folds: it is scored, and the others are learnt from."""
        return [Unit({"fold": fold}, self.folds != fold, self.folds == fold) for fold in range(FOLDS)]

    def told(self) -> dict[str, Any]:
        """What `Bursts.told` says, and the folds."""
        return super().told() | {"folds": written(self.folds)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the module's docstring shows, and returns its exit code."""
    options = parser("voices", __doc__, "speakers and a task of classes")
    options.add_argument("--seeds", type=int, default=SEEDS, metavar="N",
                         help=f"seeds of Burst2Vec; {SEEDS} without this")
    options.add_argument("--split", choices=("train", "val", "test"), help="bursts of this split alone")
    asked = options.parse_args(arguments)
    return reporting(lambda: _main(asked))


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
    parts = given(options, {"task": None, "split": None, "seeds": SEEDS, "without": []})
    study(voices, systems, options.json, ["python", "-m", "studies.voices", corpus.name, *parts])


if __name__ == "__main__":
    sys.exit(main())
