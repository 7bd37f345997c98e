"""The trainings of a run: its variants, their further seeds, the other reach, and the one on several corpora.

Those from random weights are not among them: they stand with the claims (`results.random_weights`).
`read_trainings` reads them from the run's folder; the other functions set them side by side.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.bootstrap import RESAMPLES, bootstrap, intervals, scored_splits
from burst2vec.evaluation.metrics import METRIC_NAMES, sign
from burst2vec.evaluation.predictions import read_predictions
from burst2vec.evaluation.speaker_sums import speaker_indices
from burst2vec.results.runs import VARIANTS, read_params
from burst2vec.results.scores import score_system
from burst2vec.results.seeds import IRRELEVANT, read_seed_predictions

SEED, REACH, JOINED = "seed", "reach", "joined"
"""The kinds of training: a variant with one of its seeds, with the other reach of the reversed gradients (`reversal`),
and on several corpora."""


@dataclass(frozen=True)
class Training:
    """A finished training: the code of its variant, its kind, and what it wrote."""

    code: str
    kind: str
    params: Mapping[str, Any]
    summary: Mapping[str, Any]
    history: pd.DataFrame
    predictions: pd.DataFrame

    @property
    def seed(self) -> int:
        """The seed, 0 where its parameters name none."""
        return int(self.params.get("seed", 0))

    @property
    def what(self) -> str:
        """What tells it from the other trainings of its variant, in words."""
        return {SEED: f"seed {self.seed}", REACH: f"reversal: {self.params.get('reversal')}",
                JOINED: "several corpora"}[self.kind]

    @property
    def name(self) -> str:
        """Its variant and what tells it from the others of that: `V4, seed 1`."""
        return f"{self.code}, {self.what}"

    def validation(self, task: Task) -> pd.Series:
        """The metric of a task on validation by iteration; empty where it was not validated on the task."""
        return validation_curve(self.history, task)

    def improves(self, task: Task) -> bool:
        """Whether the metric of a task on validation is best at the last step, and may improve still."""
        turned = sign(METRIC_NAMES[task.kind]) * self.validation(task)
        return len(turned) > 1 and turned.idxmax() == turned.index[-1]


def validation_curve(history: pd.DataFrame, task: Task) -> pd.Series:
    """The metric of a task on validation by iteration, from a training's history."""
    rows = history[(history["stage"] == "validation") & (history["task"] == task.name)
                   & (history["term"] == METRIC_NAMES[task.kind])]
    return rows.set_index("iteration")["value"].dropna()


def read_trainings(run_folder: Path) -> list[Training]:
    """The trainings of the variants of a run: those of each variant by seed, with the other reach after them, and at
    the end the one on several corpora. Those from random weights (`random_weights.read_random`) are left out.

    Raises what `read_seed_predictions` does: FileNotFoundError for a run without systems, ValueError for seeds of one
    variant that differ in more than the seed.
    """
    found = []
    for code, of_seeds in read_seed_predictions(run_folder).items():
        if code in VARIANTS:
            further = {seed: run_folder / "seeds" / str(seed) / code for seed in of_seeds}
            found += [_read(folder if folder.is_dir() else run_folder / code, SEED, of_seeds[seed])
                      for seed, folder in further.items()]
            found += _read_beside(run_folder, REACH, code)
    return found + [training for code in VARIANTS for training in _read_beside(run_folder, JOINED, code)]


def finished(params: Params, summary: Mapping[str, Any], history: pd.DataFrame,
             predictions: pd.DataFrame) -> Training:
    """The training of a variant that has just ended."""
    return Training(params.variant, SEED, dataclasses.asdict(params), summary, history, predictions)


def _read(folder: Path, kind: str, predictions: pd.DataFrame) -> Training:
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return Training(folder.name, kind, read_params(folder), summary, pd.read_csv(folder / "history.csv"),
                    predictions)


def _read_beside(run_folder: Path, kind: str, code: str) -> list[Training]:
    """The training of a variant in the folder that its kind has in the run's, if there is one."""
    folder = run_folder / kind / code
    path = folder / "predictions.csv"
    return [_read(folder, kind, read_predictions(path))] if path.is_file() else []


def score_trainings(corpus: Corpus, trainings: Iterable[Training], resamples: int = RESAMPLES) -> pd.DataFrame:
    """The scores of trainings on every split of their corpus that has labels: name, split, metric, estimate, low, high.

    The bounds are those of 95 % intervals over speakers, and NaN on a split with fewer than two speakers.
    """
    predictions = {training.name: training.predictions for training in trainings}
    found = [_scores(corpus.tasks, corpus.split(split), predictions, resamples).assign(split=split)
             for split in scored_splits(corpus) if predictions]
    columns = ["name", "split", "metric", "estimate", "low", "high"]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def _scores(tasks: Sequence[Task], truth: pd.DataFrame, predictions: Mapping[str, pd.DataFrame],
            resamples: int) -> pd.DataFrame:
    """The scores of predictions on the bursts of `truth` by name: name, metric, estimate, low, high."""
    labelled = truth[np.any([task.labelled(truth) for task in tasks], axis=0)]
    if speaker_indices(labelled).max() > 0:
        return intervals(bootstrap(tasks, truth, predictions, resamples), "").rename(columns={"code": "name"})
    rows = [(name, metric, value) for name, table in predictions.items()
            for metric, value in score_system(tasks, truth, table).items() if np.isfinite(value)]
    return pd.DataFrame(rows, columns=["name", "metric", "estimate"]).assign(low=np.nan, high=np.nan)


def spreads(trainings: Sequence[Training], scores: pd.DataFrame, metric: str, split: str = "val") -> pd.DataFrame:
    """The scores of each variant over its seeds by one metric: code, seeds, mean, low, high (of the seeds)."""
    codes = {training.name: training.code for training in trainings if training.kind == SEED}
    rows = scores[(scores["split"] == split) & (scores["metric"] == metric) & scores["name"].isin(list(codes))]
    grouped = rows.groupby(rows["name"].map(codes), sort=False)["estimate"]
    table = grouped.agg(seeds="size", mean="mean", low="min", high="max")
    return table.rename_axis("code").reset_index()


def differing(trainings: Iterable[Training]) -> dict[str, dict[str, Any]]:
    """The parameters in which the variants of a run differ, by code, in the order of the parameters."""
    own = {training.code: training.params for training in trainings if training.kind == SEED}
    first = next(iter(own.values()), {})
    names = [name for name in first if name not in IRRELEVANT
             and any(params.get(name) != first[name] for params in own.values())]
    return {code: {name: params.get(name) for name in names} for code, params in own.items()}

