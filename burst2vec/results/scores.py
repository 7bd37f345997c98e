"""Table 2: every system's metrics on validation and test, measured, marked and set beside the paper's.

`table2` computes a tidy table, one row for each system and split; `headline` names the numbers that the
book's sentences quote. `report.tables` draws the table for the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.bootstrap import RESAMPLES, bootstrap, intervals
from burst2vec.evaluation.metrics import (
    METRIC_NAMES,
    aligned,
    ccc_of_each,
    has_s_mtl,
    macro_f1,
    metric_columns,
    s_mtl,
    score,
    sign,
    uar,
)
from burst2vec.evaluation.significance import REFERENCES, compare_systems
from burst2vec.evaluation.speaker_sums import speaker_indices
from burst2vec.evaluation.trivial import is_trivial, predict_constant, trivial_rows
from burst2vec.machine.files import write_aside


def table2(corpus: Corpus, predictions: Mapping[str, pd.DataFrame], models: Mapping[str, str],
           references: Iterable[str] = REFERENCES) -> pd.DataFrame:
    """One row for each system and split: code, model, split, a column for each task's metric, s_mtl, marks.

    `predictions` holds each system's table by its code, `models` what the column *Model(s)* says of it. Where
    the test labels are withheld, the test rows hold NaN. `s_mtl` is there for a corpus with one task of each
    kind. The trivial predictors follow the systems. `marks` names the references from which a metric differs
    significantly, `emo_ccc:V1,V4;age_mae:V6`.
    """
    columns = metric_columns(corpus.tasks)
    rows = []
    for split in ("val", "test"):
        truth = corpus.split(split)
        if truth.empty:
            continue
        comparisons = compare_systems(corpus.tasks, truth, predictions, references)
        for code, table in predictions.items():
            rows.append({"code": code, "model": models.get(code, code), "split": split,
                         **score_system(corpus.tasks, truth, table),
                         "marks": _marks(comparisons[comparisons["system"] == code], columns)})
        for row in trivial_rows(corpus, split):
            rows.append({"code": row.code, "model": row.model, "split": split,
                         **_by_metric(corpus.tasks, row.scores), "marks": ""})
    return pd.DataFrame(rows)


def score_system(tasks: Iterable[Task], truth: pd.DataFrame, predictions: pd.DataFrame) -> dict[str, float]:
    """A system's metrics on the bursts of `truth` by their columns, and `s_mtl` where there is one task of each
    kind."""
    tasks = list(tasks)
    return _by_metric(tasks, {task.name: score(task, truth, predictions) for task in tasks})


def _by_metric(tasks: Iterable[Task], scores: Mapping[str, float]) -> dict[str, float]:
    """The tasks' scores by their metrics' columns, in Table 2's order, and the score that joins them."""
    columns = metric_columns(tasks)
    metrics = {column: scores[task.name] for column, task in columns.items()}
    if has_s_mtl(columns.values()):
        metrics["s_mtl"] = s_mtl(*metrics.values())
    return metrics


def scores_by_corpus(corpus: Corpus, predictions: pd.DataFrame) -> pd.DataFrame:
    """Each task's metric in each of the joined corpora that has labels for it: a row for each corpus, task and split.

    Columns: corpus, task, metric, split, bursts (with a label), score, and constant, what a constant would score.
    """
    rows = []
    for (name, split), truth in corpus.table[corpus.table["split"] != "train"].groupby(["corpus", "split"], sort=False):
        constant = predict_constant(corpus, truth.index)
        for task in corpus.tasks:
            bursts = int(task.labelled(truth).sum())
            if bursts:
                rows.append((name, task.name, METRIC_NAMES[task.kind], split, bursts,
                             score(task, truth, predictions), score(task, truth, constant)))
    return pd.DataFrame(rows, columns=["corpus", "task", "metric", "split", "bursts", "score", "constant"])


def _marks(comparisons: pd.DataFrame, columns: Mapping[str, Task]) -> str:
    """A system's significant differences in the form `emo_ccc:V1,V4;age_mae:V6`."""
    significant = comparisons[comparisons["significant"]]
    found = {name: ",".join(rows["reference"]) for name, rows in significant.groupby("task")}
    return ";".join(f"{column}:{found[task.name]}" for column, task in columns.items() if task.name in found)


def parse_marks(marks: str | float) -> dict[str, list[str]]:
    """The references by metric column that a cell of `marks` names.

    >>> parse_marks("emo_ccc:V1,V4;age_mae:V6")
    {'emo_ccc': ['V1', 'V4'], 'age_mae': ['V6']}
    """
    if not isinstance(marks, str) or not marks:
        return {}
    return {column: found.split(",") for column, found in (part.split(":") for part in marks.split(";"))}


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Writes a table as CSV with six digits, whole or not at all."""
    with write_aside(path) as aside:
        table.to_csv(aside, index=False, float_format="%.6g")


def beat_trivial(table: pd.DataFrame) -> pd.DataFrame:
    """How many trained systems do better on validation than each trivial predictor, by metric: "9 of 11"."""
    rows = table[table["split"] == "val"].set_index("code")
    trivial = rows.index.map(is_trivial).astype(bool)
    systems, counts = rows[~trivial], {}
    for metric in metric_names(table):
        turn, bars = sign(metric), rows.loc[trivial, metric]
        better = [(turn * systems[metric] > turn * bar).sum() for bar in bars]
        counts[metric] = [f"{n} of {len(systems)}" if known else "–"
                          for n, known in zip(better, bars.notna(), strict=True)]
    return pd.DataFrame(counts, index=pd.Index(rows.index[trivial], name="better than"))


def metric_names(table: pd.DataFrame) -> list[str]:
    """The columns of a Table 2 that hold metrics."""
    return [c for c in table.columns if c not in ("code", "model", "split", "marks")]


def ensemble_gains(table: pd.DataFrame, ensembles: Mapping[str, Iterable[str]]) -> pd.DataFrame:
    """What each ensemble gains over its members on validation: ensemble, metric, value, best, mean,
    over_best, over_mean.

    A gain is positive where the ensemble is better, also for errors.
    """
    rows, found = table[table["split"] == "val"].set_index("code"), []
    for code, members in ensembles.items():
        for metric in metric_names(table):
            value, of_members = rows[metric][code], rows[metric][list(members)]
            turn = sign(metric)
            top, mean = turn * (turn * of_members).max(), of_members.mean()
            found.append({"ensemble": code, "metric": metric, "value": value, "best": top, "mean": mean,
                          "over_best": turn * (value - top), "over_mean": turn * (value - mean)})
    return pd.DataFrame(found)


def score_each_output(task: Task, truth: pd.DataFrame,
                      predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The CCC of each intensity, systems by outputs."""
    scores = {code: ccc_of_each(*aligned(task, truth, table)) for code, table in predictions.items()}
    return pd.DataFrame.from_dict(scores, orient="index", columns=list(task.columns))


def class_scores(corpus: Corpus, predictions: pd.DataFrame, repeats: int = 20, seed: int = 0) -> pd.DataFrame:
    """UAR and macro-F1 of each task of classes on each labelled split, each with what chance scores.

    Chance is the mean over `repeats` draws in which a burst gets the class of a random training burst.
    """
    rng, rows = np.random.default_rng(seed), {}
    for task in (task for task in corpus.tasks if task.kind == "classes"):
        train = corpus.split("train")[task.columns[0]].dropna().to_numpy()
        for split in ("val", "test"):
            truth = corpus.split(split)
            if not task.labelled(truth).any():
                continue
            known, guessed = (frame.iloc[:, 0].to_numpy() for frame in aligned(task, truth, predictions))
            draws = [rng.choice(train, len(known)) for _ in range(repeats)]
            rows[task.name, split] = {
                "classes": len(task.classes), "UAR": uar(known, guessed), "UAR by chance": np.mean([uar(known, d) for d in draws]),
                "macro-F1": macro_f1(known, guessed), "macro-F1 by chance": np.mean([macro_f1(known, d) for d in draws]),
            }
    return pd.DataFrame.from_dict(rows, orient="index")


def confusion(task: Task, truth: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Shares of the bursts of each true class (rows) that are given each class (columns); rows sum to 1."""
    known, guessed = aligned(task, truth, predictions)
    counts = pd.crosstab(known.iloc[:, 0], guessed.iloc[:, 0], normalize="index")
    occurring = [c for c in task.classes if c in counts.index]
    return counts.reindex(index=occurring, columns=list(task.classes), fill_value=0.0)


def errors_by_group(task: Task, group: str, truth: pd.DataFrame, predictions: Mapping[str, pd.DataFrame],
                    resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """The mean absolute error of each system in a scalar, within each value of a column: code, group, error, low, high.

    `low` and `high` bound a 95 % interval by bootstrap over the group's speakers; they are NaN for a group of one.
    """
    found = []
    for value, rows in truth[task.labelled(truth)].groupby(group):
        errors = pd.DataFrame({"code": list(predictions), "group": value, "low": np.nan, "high": np.nan})
        errors.insert(2, "error", [score(task, rows, table) for table in predictions.values()])
        if len(set(speaker_indices(rows))) > 1:
            bounds = intervals(bootstrap([task], rows, predictions, resamples, seed), "").set_index("code")
            errors[["low", "high"]] = bounds.loc[errors["code"], ["low", "high"]].to_numpy()
        found.append(errors)
    table = pd.concat(found)
    order = list(predictions).index
    return table.sort_values("code", key=lambda codes: codes.map(order), kind="stable", ignore_index=True)
