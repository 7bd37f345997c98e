"""Sentences of the report whose wording depends on the measured numbers."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import AUDIO, Corpus, Task
from burst2vec.evaluation.metrics import METRIC_NAMES, sign
from burst2vec.results.ensembles import read_ensembles
from burst2vec.results.runs import VARIANTS


def describe_rise(history: pd.DataFrame, task: Task) -> str:
    """A sentence that says whether the validation metric of a task still rose when its training ended.

    `history` is that of the training. The metric still rises if its best value is the last.
    """
    metric = METRIC_NAMES[task.kind]
    rows = history[(history["stage"] == "validation") & (history["task"] == task.name)]
    turned = sign(metric) * rows.set_index("iteration")["value"].dropna()
    best, last = turned.idxmax(), turned.index[-1]
    if best == last:
        return f"The {metric} of {task.name} is best at the last step, {last:,}: it may still be rising."
    after = int((turned.index > best).sum())
    others = f"the {after} validations after it were" if after > 1 else "the validation after it was"
    return f"The {metric} of {task.name} is best at step {best:,} of {last:,}; {others} no better."


def headline_numbers(table: pd.DataFrame) -> dict[str, str]:
    """Returns, by name, the numbers that sentences of the book quote, as text with the right number of digits.

    `table` is Table 2 (`scores.table2`). The numbers are those of its validation rows; a dash stands for what a run
    does not have.
    """
    val = table[table["split"] == "val"].set_index("code").reindex(columns=["s_mtl", "age_mae"])
    singles = val[val.index.str.fullmatch(r"V\d+")]["s_mtl"].dropna()
    ensembles = val[val.index.str.fullmatch(r"[A-Z]")]["s_mtl"].dropna()
    baseline = val["s_mtl"].get("Baseline", np.nan)
    return {
        "best_single_code": singles.idxmax() if len(singles) else "–",
        "best_single_s_mtl": _number(singles.max()),
        "baseline_s_mtl": _number(baseline),
        "best_ensemble_code": ensembles.idxmax() if len(ensembles) else "–",
        "best_ensemble_s_mtl": _number(ensembles.max()),
        "relative_gain": _number(100 * (ensembles.max() / baseline - 1), 0),
        "constant_age_mae": _number(val["age_mae"].get("Constant", np.nan), 2),
    }


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "–"


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
    members = f"; {_and(ensembles)}, since members of theirs are" if variants and ensembles else ""
    return f"Left out: {_and(variants or ensembles)}, since {why}{members}."


def _and(codes: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(codes[:-1]), codes[-1]]))


def describe_best(table: pd.DataFrame) -> str:
    """Up to three sentences, in Markdown, on the best single system and the best ensemble of Table 2."""
    head, said = headline_numbers(table), []
    if head["best_single_code"] != "–":
        said.append(f"On validation the best single system is {head['best_single_code']}, "
                    f"with *S*<sub>MTL</sub> {head['best_single_s_mtl']}.")
    if head["best_ensemble_code"] != "–":
        said.append(f"The best ensemble is {head['best_ensemble_code']}, with {head['best_ensemble_s_mtl']}.")
    if head["relative_gain"] != "–":
        gain = float(head["relative_gain"])
        said.append(f"That is {abs(gain):.0f} % {'above' if gain >= 0 else 'below'} the baseline's "
                    f"{head['baseline_s_mtl']}.")
    return " ".join(said)
