"""How much data? The systems of `studies.voices`, trained on recordings of ever more speakers.

    python -m studies.curve CORPUS --backbone hubert --takes 1 --json studies/curve.json

CORPUS is the folder of a corpus with splits and a task of classes. Systems learn from some of the speakers of its
training split, and all answer for those of its test split, each burst by itself. Which speakers are `SHARES` of all is
drawn `DRAWS` times; those of a smaller share are also in the larger ones of the same draw. All else is as in
`studies.voices`: Burst2Vec stops by some of the speakers whom it may learn from, and a linear reader chooses its
penalty across them. Trainings have the number of the draw as their seed.

No test speaker may be known to a backbone, and those who are, by what its folder says, are left out. Of the training
speakers it may have heard recordings, without labels: the curve shows what labels of so many speakers add.

The JSON holds `environment`, `command`, `corpus`, `truth` and `speakers` of the test bursts as in `studies.voices`,
`learnt` with the numbers of speakers and bursts of each share, and `rows`: the answers of each system for each share
and draw, which is the `seed`. An interrupted study goes on where it was.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from burst2vec.cli import reporting
from burst2vec.corpora.corpus import CorpusError
from burst2vec.report.answers import speaker_names, written
from studies.recognition import Bursts, Unit, given, heard, learners, named, opened, parser, study
from studies.systems import acoustic, read_backbones, train_on

SHARES = (0.125, 0.25, 0.5, 1.0)
"""The shares of the training speakers that are learnt from."""

DRAWS = 3
"""How often the speakers of each share are drawn."""

LEAST = 4
"""The number of speakers that a share has at least: some to learn from, and one to stop by."""


@dataclass(frozen=True)
class Shares(Bursts):
    """The bursts of the training and the test speakers, and who is learnt from at a time."""

    @classmethod
    def among(cls, found: Bursts, takes: int = 0) -> Self:
        """Those of the bursts that are in the training or the test split, and with `takes` only the first so many of
        each speaker and class. Raises CorpusError where either split has too few speakers."""
        splits = found.corpus.table["split"].iloc[found.rows].to_numpy()
        place = pd.Series(found.rows).groupby([found.speakers, found.truth]).cumcount().to_numpy()
        kept = np.isin(splits, ["train", "test"]) & (place < (takes or len(splits)))
        for split in ("train", "test"):
            number = len(np.unique(found.speakers[kept & (splits == split)]))
            if number < LEAST:
                raise CorpusError(f"corpus {found.corpus.name}: {number} speakers of split {split} have a label for "
                                  f"task {found.task.name}; expected {LEAST} or more")
        _, speakers = np.unique(found.speakers[kept], return_inverse=True)
        return cls(found.corpus, found.store, found.task, found.rows[kept], found.truth[kept], speakers,
                   found.split, found.left_out)

    @functools.cached_property
    def test(self) -> np.ndarray:
        """Which of the bursts (bursts,) are of test speakers."""
        return (self.corpus.table["split"].iloc[self.rows] == "test").to_numpy()

    def units(self) -> list[Unit]:
        """Each share of the training speakers in each draw; the test speakers are scored."""
        found, everyone = [], np.unique(self.speakers[~self.test])
        for draw in range(DRAWS):
            order = np.random.default_rng(draw).permutation(everyone)
            for share in SHARES:
                learnt = np.isin(self.speakers, order[:max(round(share * len(everyone)), LEAST)])
                found.append(Unit({"share": share}, learnt, self.test, draw, ("plain",)))
        return found

    def told(self) -> dict[str, Any]:
        """What the record says of the corpus, of its test bursts in their order, and of what is learnt from."""
        told, (_, own) = super().told(), np.unique(self.speakers[self.test], return_inverse=True)
        told["corpus"] |= {"speakers": int(own.max()) + 1, "bursts": len(own), "split": "test"}
        learnt = {str(unit.key["share"]): {"speakers": len(np.unique(self.speakers[unit.learnt])),
                                           "bursts": int(unit.learnt.sum())} for unit in self.units()[:len(SHARES)]}
        return {"corpus": told["corpus"], "learnt": learnt, "truth": written(self.truth[self.test]),
                "speakers": written(own)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the module's docstring shows, and returns its exit code."""
    options = parser("curve", __doc__, "splits, speakers and a task of classes")
    options.add_argument("--takes", type=int, default=0, metavar="N",
                         help="only the first N bursts of each speaker and class; all without this")
    asked = options.parse_args(arguments)
    return reporting(lambda: _main(asked))


def _main(options: argparse.Namespace) -> None:
    folders = named(options.backbone)
    learning = learners(options.train, folders)
    params, corpus, store = opened(options)
    test = set(speaker_names(corpus.split("test")))
    heard_of = {name: heard(folder) & test for name, folder in folders.items()}
    shares = Shares.among(Bursts.of(corpus, store, corpus.tasks[0], heard=heard_of), options.takes)
    systems = [*acoustic(shares, params, options.without), *read_backbones(shares, params, folders)]
    for name in learning:
        systems += train_on(shares, params, name, folders[name], 1)
    parts = given(options, {"task": None, "takes": 0, "without": []})
    study(shares, systems, options.json, ["python", "-m", "studies.curve", corpus.name, *parts])


if __name__ == "__main__":
    sys.exit(main())
