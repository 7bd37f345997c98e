"""The reach of the reversed gradients: a variant trained with one and with the other, and without an adversary."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from burst2vec.corpora.corpus import Corpus
from burst2vec.evaluation.metrics import METRIC_NAMES, metric_columns, score
from burst2vec.evaluation.predictions import read_predictions
from burst2vec.results.runs import read_params


def score_reaches(corpus: Corpus, run_folder: Path, pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """The validation scores of each variant that a run has trained with either reach, and of its twin.

    `pairs` are the codes of a variant with an adversary and of its twin without. A pair without a training in the
    folder `reach` of the run is left out. The columns are code; reversal, which is "none" without an adversary; the
    metric of each task, named such as `emotion CCC`; and steps, the number of steps that each was trained.
    """
    rows, columns = [], metric_columns(corpus.tasks).values()
    for first, second in pairs:
        folders = run_folder / first, run_folder / "reach" / first, run_folder / second
        if not (folders[1] / "predictions.csv").is_file():
            continue
        for folder in folders:
            params, summary = read_params(folder), json.loads((folder / "summary.json").read_text(encoding="utf-8"))
            predictions = read_predictions(folder / "predictions.csv")
            scores = {f"{task.name} {METRIC_NAMES[task.kind]}": score(task, corpus.split("val"), predictions)
                      for task in columns}
            rows.append({"code": folder.name, "reversal": params["reversal"] if params["adversarial"] else "none",
                         **scores, "steps": summary["iterations"]})
    return pd.DataFrame(rows)


def describe_reaches(scores: pd.DataFrame) -> str:
    """A sentence, in Markdown, for each variant of `score_reaches`, that states its scores and gives no verdict."""
    said = []
    for start in range(0, len(scores), 3):
        own, other, without = (row for _, row in scores[start:start + 3].iterrows())
        metrics = [name for name in scores if name not in ("code", "reversal", "steps")]
        numbers = "; ".join(f"{name} {own[name]:.3f}, {other[name]:.3f} and {without[name]:.3f}" for name in metrics)
        numbers = numbers.replace("-", "−")
        said.append(f"With `{own['reversal']}`, with `{other['reversal']}` and without an adversary, {own['code']} and "
                    f"{without['code']} reach {numbers}. Each is one training with one seed, and two seeds of one "
                    "variant differ, too, as the page *Which claims hold* shows: which reach is the better one, if "
                    "either is, does not follow.")
    return " ".join(said) or ("No variant has been trained with the other reach, so there is nothing to compare: "
                              "`params/reach.yaml` says which are, and for which sizes of backbone.")
