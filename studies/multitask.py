"""What does multi-task learning bring? One model of all tasks, and one model for each.

    python -m studies.multitask --json studies/multitask.json

All systems stand on one small pre-trained backbone that stays as it is, and all are scored with the weights of their
last step: where one task decides when to stop, the others pay. The systems, in code `WAYS`:

- `all tasks` is variant V5, and `all tasks, adversary` is V4, each of 600 steps, 200 of every task;
- `three models` are three trainings of one task each, of 600 steps, which answer together. That is as long a training
  for each of them, but three times as many steps of each task. So there are `three models of 200 steps`, which have
  had as many steps of every task as V5, and `all tasks, 1,800 steps`, which has had as many as the three models;
- those with `learnt weights` learn how much each task counts, as the challenge's baseline does, in place of equal
  weights. A batch is of one task here: its loss L, with all that Eq. 8 adds, becomes L / (2 exp(s)) + s / 2 with the s
  of its task, which begins at -0.33. The few steps would leave s near there; it learns `FASTER` than weights do.

Each of the `QUESTIONS` compares pairs of them, and the intervals of one question hold together.

The JSON is that of `studies.comparison`, where an effect has its `question` as well; and `weights`: by way with learnt
weights and by task the last weight 1 / (2 exp(s)), the mean of its seeds, in shares of their sum.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
import torch
from torch import nn

from benchmarks.common import write_json
from burst2vec.audio.store import Store
from burst2vec.baseline.network import FIRST_LOG_VARIANCE
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus
from burst2vec.corpora.opening import open_corpus
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.losses import objective
from burst2vec.training import step
from studies.choices import FASTER, SEEDS, SETTINGS, STEPS
from studies.comparison import Outcome, Way, collect, compare, told
from studies.frozen import built_with, train_heads

TASKS = ("emotion", "age", "country")

LONG = {"head_steps": len(TASKS) * STEPS, "max_steps": len(TASKS) * STEPS, "validate_every": len(TASKS) * STEPS}
SHORT = {name: STEPS // len(TASKS) for name in LONG}


class LearntWeights(nn.Module):
    """The weight of each task's loss, learnt: s of every task, from which `weigh` makes the loss.

    Source: Kendall et al. (2018), and `baseline.network.combine`.
    """

    def __init__(self, tasks: Sequence[str]):
        super().__init__()
        self.moved = nn.ParameterDict({task: nn.Parameter(torch.zeros(())) for task in tasks})

    def log_variance(self, task: str) -> torch.Tensor:
        """The s of a task, a scalar."""
        return FIRST_LOG_VARIANCE + FASTER * self.moved[task]

    def weigh(self, task: str, loss: torch.Tensor) -> torch.Tensor:
        """The weighted loss of a batch of that task, a scalar: L / (2 exp(s)) + s / 2."""
        s = self.log_variance(task)
        return loss / (2 * s.exp()) + s / 2

    def shares(self) -> dict[str, float]:
        """The weight of each task in shares of their sum."""
        weights = {task: 1 / (2 * self.log_variance(task).exp().item()) for task in self.moved}
        return {task: weight / sum(weights.values()) for task, weight in weights.items()}


@contextlib.contextmanager
def learning_weights(*_: Any) -> Iterator[None]:
    """Trainings that learn how much each task counts."""
    def add(model: Burst2Vec, params: Params) -> None:
        model.learnt_weights = LearntWeights([task.name for task in model.tasks])

    def weighed(model: Burst2Vec, representations: Any, task: Any, *others: Any) -> dict[str, torch.Tensor]:
        terms = objective(model, representations, task, *others)
        return terms | {"total": model.learnt_weights.weigh(task.name, terms["total"])}

    with built_with(change=add), mock.patch.object(step, "objective", weighed):
        yield


def _alone(suffix: str, changes: Mapping[str, Any]) -> list[Way]:
    return [Way(f"{task} alone{suffix}", {"tasks": [task], **changes}) for task in TASKS]


V5, V4, LONGER = "all tasks", "all tasks, adversary", "all tasks, 1,800 steps"
LEARNT, LEARNT_V4 = "all tasks, learnt weights", "all tasks, adversary, learnt weights"
THREE, THREE_SHORT = "three models", "three models of 200 steps"

WAYS = [Way(V5, {"adversarial": False}), Way(V4),
        *_alone("", {}), *_alone(", 200 steps", SHORT),
        Way(LEARNT, {"adversarial": False}, learning_weights, {"faster": FASTER}),
        Way(LEARNT_V4, {}, learning_weights, {"faster": FASTER}),
        Way(LONGER, {"adversarial": False, **LONG})]

JOINED = {THREE: _alone("", {}), THREE_SHORT: _alone(", 200 steps", SHORT)}
"""The systems of three models that answer together."""

QUESTIONS = {
    "one or three": [(THREE, V5), (THREE, V4), (THREE_SHORT, V5), (THREE, LONGER)],
    "learnt or fixed": [(LEARNT, V5), (LEARNT_V4, V4)],
}
"""What is compared with what, by question."""


def make(corpus: Corpus, store: Store, params: Params) -> Outcome:
    """The predictions for the test split, and the share of each task's weight where it is learnt."""
    done, table = train_heads(corpus, store, params)
    learnt = getattr(done.model, "learnt_weights", None)
    return Outcome({"test": table}, {} if learnt is None else learnt.shares())


def joined(outcomes: Mapping[str, Mapping[int, Outcome]], ways: Sequence[Way]) -> dict[int, Outcome]:
    """By seed the answers of several models, each of which has tasks of its own, side by side."""
    found = {}
    for seed in outcomes[ways[0].name]:
        first, *others = (outcomes[way.name][seed].tables["test"] for way in ways)
        found[seed] = Outcome({"test": pd.concat([first, *(table.drop(columns="split") for table in others)], axis=1)})
    return found


def record(outcomes: Mapping[str, Mapping[int, Outcome]], corpus: Corpus, seeds: int) -> dict[str, Any]:
    """What the study has found, as its JSON holds it."""
    systems = {name: dict(outcomes[name]) for name in (V5, V4, LEARNT, LEARNT_V4, LONGER)}
    systems |= {name: joined(outcomes, ways) for name, ways in JOINED.items()}
    truths, scores, effects = {"test": corpus.split("test")}, [], []
    for question, pairs in QUESTIONS.items():
        found = compare(systems, corpus.tasks, truths, pairs)
        scores = found["scores"]
        effects += [{"question": question, **effect} for effect in found["effects"]]
    shares = {name: pd.DataFrame([outcome.numbers for outcome in outcomes[name].values()]).mean().round(3).to_dict()
              for name in (LEARNT, LEARNT_V4)}
    return {**told(corpus, WAYS, V5, seeds, SETTINGS), "weights": shares, "scores": scores, "effects": effects}


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains every way with every seed, and then writes the JSON."""
    parser = argparse.ArgumentParser(prog="python -m studies.multitask", description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help=f"{SEEDS} without this")
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="where the figures are kept")
    options = parser.parse_args(arguments)
    outcomes = collect("multitask", WAYS, options.seeds, SETTINGS, make)
    found = record(outcomes, open_corpus(WAYS[0].params(SETTINGS, 0)), options.seeds)
    command = f"python -m studies.multitask --seeds {options.seeds} --json studies/multitask.json"
    write_json(options.json, {"command": command, **found})


if __name__ == "__main__":
    torch.set_num_threads(1)  # steps of heads are so small that threads would wait for each other
    main()
