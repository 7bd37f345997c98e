"""Ways of training, compared: each is trained with several seeds, and all answer for the same speakers.

What differs between the ways is all that a comparison can show, so everything else is equal: the corpus, the number of
steps, the seeds. It is a synthetic corpus from which no setting of the project was chosen, and that no page of the
report scores (`CORPUS`), with as many test speakers as training speakers, whom no training chooses by.

A training leaves its predictions in a folder of the cache, and is not repeated while they are there and its settings
are the same. The record, a small JSON, is made of them once all are there: so an interrupted comparison goes on where
it was, and a record is whole. It holds, beside `environment`: `command`; what is `told` of the study; `corpus`, its
parameters and numbers of speakers; `constant`, the scores of a constant guess on test; `reference`, the way that others
are compared with; `ways`, by name the parameters that they change; `scores`, of each way, table, seed and metric; and
`effects`, of each way, table and metric the difference from its `reference`, above 0 where the way is better, with its
interval over speakers and seeds (`evaluation.crossed`), which hold together for all ways of a metric (Bonferroni), and
the smallest difference that would have been found with a power of 80 % (`least`).
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from burst2vec.audio.store import Store, open_store
from burst2vec.config import CHANGES_NOTHING, Params
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.corpora.opening import open_corpus
from burst2vec.corpora.synthetic.synthesis import VERSION
from burst2vec.evaluation.crossed import Crossed, cross
from burst2vec.evaluation.predictions import read_predictions, write_predictions
from burst2vec.evaluation.trivial import predict_constant
from burst2vec.machine.files import checksum, write_aside
from burst2vec.machine.progress import step_line
from burst2vec.models.inference import predict
from burst2vec.models.shipped import MODEL, WEIGHTS
from burst2vec.results.scores import score_system
from burst2vec.training.trainer import train

CORPUS: dict[str, Any] = {"corpus": ["synthetic"], "synthetic_seed": 2026, "synthetic_train": 640, "synthetic_val": 160,
                          "synthetic_test": 640}
"""The parameters of the corpus of all comparisons."""

SCALE = "demo"
"""The scale whose settings all ways share."""

COUNTED = 1
"""Counts the changes of code after which trainings with the same parameters have other numbers."""

LEVEL = 0.95
"""The level at which the intervals of a metric hold together."""

Patch = Callable[[Corpus, Store, Params], contextlib.AbstractContextManager]
"""What puts other code in the place of the library's while a way is trained."""


@dataclass(frozen=True)
class Way:
    """A way of training: its `name`, the parameters that it changes, and what it puts in the place of library code.

    Whatever a `patch` depends on besides its own name belongs into `settings`, by which a training is known again.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    patch: Patch | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def params(self, common: Mapping[str, Any], seed: int) -> Params:
        """The parameters of a training of this way, with what is `common` to all."""
        return Params.resolve({"scale": SCALE, **CORPUS, **common, **self.changes, "seed": seed})


@dataclass(frozen=True)
class Outcome:
    """What a training is asked for: `tables` of predictions by name, `test` among them, and `numbers` by name."""

    tables: Mapping[str, pd.DataFrame]
    numbers: Mapping[str, float] = field(default_factory=dict)


Make = Callable[[Corpus, Store, Params], Outcome]
"""Trains with those parameters on that corpus, and returns what it is asked for."""


def on_test(corpus: Corpus, store: Store, params: Params) -> Outcome:
    """The predictions for the test split of a training, whose best weights validation has chosen."""
    done = train(corpus, store, params)
    return Outcome({"test": predict(done.model, corpus, store, ("test",), params.inference_batch_size)},
                   {"best_iteration": done.summary["best_iteration"]})


def collect(name: str, ways: Sequence[Way], seeds: int, common: Mapping[str, Any],
            make: Make = on_test) -> dict[str, dict[int, Outcome]]:
    """The outcomes of all ways by name and seed, each trained unless its predictions are in the cache.

    `name` is that of the study, a folder of the cache.
    """
    found: dict[str, dict[int, Outcome]] = {}
    units = [(way, seed) for seed in range(seeds) for way in ways]
    for number, (way, seed) in enumerate(units, 1):
        params = way.params(common, seed)
        folder = params.path(params.cache) / "studies" / name / f"{way.name}, seed {seed}"
        settings = _settings(way, params)
        outcome = _read(folder, settings)
        if outcome is None:
            started, corpus = time.perf_counter(), open_corpus(params)
            store = open_store(corpus, params.audio, params.path(params.cache))
            with way.patch(corpus, store, params) if way.patch else contextlib.nullcontext():
                outcome = make(corpus, store, params)
            _write(folder, settings, outcome)
            outcome = _read(folder, settings) or outcome  # rounded as they will be when the study goes on
            print(step_line(name, number, len(units), f"{way.name}, seed {seed}: "
                                                      f"{time.perf_counter() - started:.0f} s"), flush=True)
        found.setdefault(way.name, {})[seed] = outcome
    return found


def compare(outcomes: Mapping[str, Mapping[int, Outcome]], tasks: Sequence[Task], truths: Mapping[str, pd.DataFrame],
            reference: str | Sequence[tuple[str, str]]) -> dict[str, list[dict]]:
    """The `scores` and the `effects` of a record.

    `truths` holds by the name of a table of predictions the rows with its labels. All ways are compared with the
    `reference`, or else each of its pairs of ways, the first with the second. A way that answers for some of the tasks
    is compared in these; the reference answers for all.
    """
    pairs = [(way, reference) for way in outcomes if way != reference] if isinstance(reference, str) else reference
    scores: list[dict] = []
    effects: list[dict] = []
    for table, truth in truths.items():
        predictions = {way: {seed: outcome.tables[table] for seed, outcome in of_seeds.items()}
                       for way, of_seeds in outcomes.items()}
        for way, of_seeds in predictions.items():
            scores += [{"way": way, "table": table, "seed": seed, "metric": metric, "value": round(value, 5)}
                       for seed, found in of_seeds.items()
                       for metric, value in score_system(tasks, truth, found).items() if np.isfinite(value)]
        crossed = cross(tasks, truth, predictions)
        there = crossed.seeds.index
        for metric in there.unique("metric"):
            known = [(way, other) for way, other in pairs if (way, metric) in there]
            effects += [{"way": way, "reference": other, "table": table, "metric": metric,
                         **effect(crossed, way, other, metric, len(known))} for way, other in known]
    return {"scores": scores, "effects": effects}


def effect(crossed: Crossed, way: str, reference: str, metric: str, together: int = 1) -> dict[str, float]:
    """By how much a way is better than another (`difference`), its interval (`low`, `high`), and the smallest
    difference that would have been found (`least`).

    The intervals of as many comparisons as `together` says hold at once.
    """
    contrast, level = crossed.contrast(way, reference, metric), 1 - (1 - LEVEL) / together
    low, high = contrast.interval(level)
    found = {"difference": contrast.difference, "low": low, "high": high,
             "least": contrast.least_detectable(level=level)}
    return {name: round(float(value), 5) for name, value in found.items()}


def told(corpus: Corpus, ways: Sequence[Way], reference: str, seeds: int,
         common: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says of the trainings behind it."""
    speakers = {split: int(corpus.split(split)["speaker"].nunique()) for split in ("train", "val", "test")}
    test = corpus.split("test")
    constant = score_system(corpus.tasks, test, predict_constant(corpus, test.index))
    return {"corpus": {**CORPUS, "speakers": speakers}, "scale": SCALE,
            "constant": {metric: round(value, 5) for metric, value in constant.items()},
            "common": dict(common), "seeds": seeds, "reference": reference,
            "ways": {way.name: {**way.changes, **way.settings} for way in ways}}


def _settings(way: Way, params: Params) -> dict[str, Any]:
    """What the numbers of a training follow from: the backbones that come with the package are among it."""
    known = {name: value for name, value in json.loads(params.to_json()).items()
             if name not in CHANGES_NOTHING and not name.startswith("baseline_")}
    weights = {path.parent.name: checksum(path)[:16] for path in sorted(WEIGHTS.glob("*/model.safetensors"))
               if path.parent.name != MODEL}
    return known | {"version": VERSION, "code": COUNTED, "weights": weights, "patch": way.name if way.patch else "",
                    **way.settings}


def _read(folder: Path, settings: Mapping[str, Any]) -> Outcome | None:
    """The outcome that a training with those settings has left in its folder, or None."""
    try:
        content = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if content["settings"] != settings:
        return None
    return Outcome({path.stem: read_predictions(path) for path in sorted(folder.glob("*.csv"))}, content["numbers"])


def _write(folder: Path, settings: Mapping[str, Any], outcome: Outcome) -> None:
    """Leaves an outcome in the training's folder, whole or not at all."""
    with write_aside(folder) as aside:
        aside.mkdir()
        for name, table in outcome.tables.items():
            write_predictions(table, aside / f"{name}.csv")
        text = json.dumps({"settings": settings, "numbers": dict(outcome.numbers)}, indent=1)
        (aside / "training.json").write_text(text + "\n", encoding="utf-8")
