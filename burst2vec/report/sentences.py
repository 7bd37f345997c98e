"""Sentences of the report whose wording depends on the measured numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from burst2vec.config import Params
from burst2vec.corpora.corpus import AUDIO, Corpus, Task
from burst2vec.evaluation.metrics import METRIC_NAMES, sign
from burst2vec.report.words import counted, listed
from burst2vec.results.ensembles import read_ensembles
from burst2vec.results.runs import VARIANTS
from burst2vec.results.trainings import validation_curve

SIZES = {"tiny": "tiny, with random weights", "small": "small, pre-trained on vocal bursts",
         "published": "as published, pre-trained"}
"""What the values of `backbone_size` mean for the weights that a training begins with."""


def initial_weights(params: Mapping[str, Any]) -> str:
    """What backbones are and knew when their training began, from its parameters: `small, with random weights`."""
    words = SIZES[params.get("backbone_size", "published")]
    return words if params.get("pretrained", True) else f"{words.partition(',')[0]}, with random weights"


def describe_rise(history: pd.DataFrame, task: Task) -> str:
    """A sentence that says whether the validation metric of a task still rose when its training ended.

    `history` is that of the training. The metric still rises if its best value is the last.
    """
    metric = METRIC_NAMES[task.kind]
    turned = sign(metric) * validation_curve(history, task)
    best, last = turned.idxmax(), turned.index[-1]
    if best == last:
        return f"The {metric} of {task.name} is best at the last step, {last:,}: it may still improve."
    after = int((turned.index > best).sum())
    others = f"the {after} validations after it were" if after > 1 else "the validation after it was"
    return f"The {metric} of {task.name} is best at step {best:,} of {last:,}; {others} no better."


def describe_left_out(corpus: Corpus, systems: Collection[str]) -> str:
    """A sentence on the rows of Table 2 that are not among the `systems` of a run; empty where all are.

    It says which kind of recordings is missing where the corpus has none of that kind. Raises what `read_ensembles`
    does.
    """
    variants = [code for code in ("Baseline", *VARIANTS) if code not in systems]
    ensembles = [code for code in read_ensembles() if code not in systems]
    if not variants + ensembles:
        return ""
    kinds = " and ".join(AUDIO[kind] for kind in corpus.absent_audio)
    why = f"this corpus has no {kinds} recordings, which they need" if kinds else "this run has not made them"
    members = f"; {listed(ensembles)}, since members of theirs are" if variants and ensembles else ""
    return f"Left out: {listed(variants or ensembles)}, since {why}{members}."


def describe_worth(worth: pd.DataFrame) -> str:
    """A sentence on a table of `random_weights.worth_of_pretraining`.

    S_MTL is not counted, since it follows from the other metrics.
    """
    if worth.empty:
        return "This run has no trainings from random weights: `params/random.yaml` asks for them."
    judged = worth.loc[worth["metric"] != "s_mtl", "verdict"]
    compared = (f"{counted(len(judged), 'comparison')} of a variant with itself from random weights, on one metric "
                "each and each by itself, uncorrected for their number,")
    counts = judged.value_counts()
    said = listed([f"{verdict} in {counts[verdict]}" for verdict in ("helps", "hurts") if verdict in counts])
    if not said:
        return f"In none of {compared} is it decided whether pre-training helps."
    left = int(judged.str.startswith("undecided").sum())
    undecided = f"; {left} {'is' if left == 1 else 'are'} undecided" if left else ""
    return f"Of {compared} pre-training {said}{undecided}."


def describe_heads_first(params: Params) -> str:
    """A sentence on the steps that leave a backbone as it is, which is empty where all weights learn from the first.

    They say what the backbone knew before, and not what fine-tuning adds.
    """
    if not params.head_steps:
        return ""
    if 0 < params.max_steps <= params.head_steps:
        return (f"In none of the {counted(params.max_steps, 'step')} does the backbone learn: these numbers say what "
                "it knew before, and not what fine-tuning adds.")
    return (f"In the first {counted(params.head_steps, 'step')} the backbone does not learn (`head_steps`): these "
            "numbers say more about what it knew before than about what fine-tuning adds.")
