"""Table 2: the metrics of every system on validation and test, with the marks of the significance tests.

`table2` computes it as a tidy table with one row for each system and split; `report.tables` draws it for the page. The
other functions answer what the pages ask of a run's predictions.
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
    """A table with one row for each system and split: code, model, split, the metric of each task, s_mtl, marks.

    `predictions` holds the table of each system by its code, and `models` what the column *Model(s)* says of it. Test
    rows are NaN where the test labels are withheld. `s_mtl` is there for a corpus with one task of each kind. The
    audio-free baselines follow the systems. `marks` names, for each metric, the references from which the system
    differs significantly: `emo_ccc:V1,V4;age_mae:V6`. As in the paper, the t-tests behind the marks compare the
    predictions themselves; `significance.compare_systems(of="errors")` compares errors.
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
    """The metrics of a system on the bursts of `truth` by column, with `s_mtl` where there is one task of each kind."""
    tasks = list(tasks)
    return _by_metric(tasks, {task.name: score(task, truth, predictions) for task in tasks})


def _by_metric(tasks: Iterable[Task], scores: Mapping[str, float]) -> dict[str, float]:
    """The scores of the tasks by the columns of their metrics, in the order of Table 2, with `s_mtl`."""
    columns = metric_columns(tasks)
    metrics = {column: scores[task.name] for column, task in columns.items()}
    if has_s_mtl(columns.values()):
        metrics["s_mtl"] = s_mtl(*metrics.values())
    return metrics


def scores_by_corpus(corpus: Corpus, predictions: pd.DataFrame) -> pd.DataFrame:
    """The metric of each task in each of the joined corpora with labels for it, a row for each corpus, task and split.

    The columns are corpus, task, metric, split, bursts (the number with a label), score, and constant, which is the
    score of the audio-free baseline *Constant*.
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
    """The significant differences of a system in the form `emo_ccc:V1,V4;age_mae:V6`."""
    significant = comparisons[comparisons["significant"]]
    found = {name: ",".join(rows["reference"]) for name, rows in significant.groupby("task")}
    return ";".join(f"{column}:{found[task.name]}" for column, task in columns.items() if task.name in found)


def parse_marks(marks: str | float) -> dict[str, list[str]]:
    """The references that a cell of `marks` names, by the column of the metric.

    >>> parse_marks("emo_ccc:V1,V4;age_mae:V6")
    {'emo_ccc': ['V1', 'V4'], 'age_mae': ['V6']}
    """
    if not isinstance(marks, str) or not marks:
        return {}
    return {column: found.split(",") for column, found in (part.split(":") for part in marks.split(";"))}


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV with six significant digits, whole or not at all."""
    with write_aside(path) as aside:
        table.to_csv(aside, index=False, float_format="%.6g")


def beat_trivial(table: pd.DataFrame) -> pd.DataFrame:
    """How many trained systems beat each audio-free baseline on validation, by metric: "9 of 11"."""
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


def relative_gains(table: pd.DataFrame, ensembles: Iterable[str]) -> pd.DataFrame:
    """The S_MTL of the best of the `ensembles` over that of the baseline: split, code, s_mtl, baseline, gain.

    `table` is a Table 2, measured or published, and `gain` is in percent. Gains compare only within a split: the 30 %
    of the paper's abstract is its gain on test, and its gain on validation is 33 %. Splits without both scores are left
    out.
    """
    rows = []
    for split, of_split in table.groupby("split", sort=False):
        scores = of_split.set_index("code")["s_mtl"].dropna()
        candidates = scores[scores.index.isin(list(ensembles))]
        if len(candidates) and "Baseline" in scores:
            best, baseline = candidates.idxmax(), scores["Baseline"]
            rows.append((split, best, scores[best], baseline, 100 * (scores[best] / baseline - 1)))
    return pd.DataFrame(rows, columns=["split", "code", "s_mtl", "baseline", "gain"])


def ensemble_gains(table: pd.DataFrame, ensembles: Mapping[str, Iterable[str]]) -> pd.DataFrame:
    """The gain of each ensemble over its members on validation, with one row for each ensemble and metric.

    The columns are ensemble, metric, value (of the ensemble), best and mean (of its members), over_best and over_mean.
    The gains in the last two are positive where the ensemble is better, for errors as well.
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
    """The CCC of each intensity, as a table (systems, outputs)."""
    scores = {code: ccc_of_each(*aligned(task, truth, table)) for code, table in predictions.items()}
    return pd.DataFrame.from_dict(scores, orient="index", columns=list(task.columns))


def class_scores(corpus: Corpus, predictions: pd.DataFrame, repeats: int = 20, seed: int = 0) -> pd.DataFrame:
    """The UAR and macro-F1 of each task of classes on each labelled split, beside what chance scores.

    Chance is the mean over `repeats` draws that give every burst the class of a random training burst.
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
            row: dict[str, float] = {"classes": len(task.classes)}
            for name, metric in (("UAR", uar), ("macro-F1", macro_f1)):
                row[name] = metric(known, guessed)
                row[f"{name} by chance"] = float(np.mean([metric(known, draw) for draw in draws]))
            rows[task.name, split] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def confusion(task: Task, truth: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """The share of the bursts of each true class (rows) that are given each class (columns); rows sum to 1."""
    known, guessed = aligned(task, truth, predictions)
    counts = pd.crosstab(known.iloc[:, 0], guessed.iloc[:, 0], normalize="index")
    occurring = [c for c in task.classes if c in counts.index]
    return counts.reindex(index=occurring, columns=list(task.classes), fill_value=0.0)


def errors_by_group(task: Task, group: str, truth: pd.DataFrame, predictions: Mapping[str, pd.DataFrame],
                    resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """The mean absolute error of each system in a scalar within each value of the column `group` of `truth`.

    The columns are code, group, error, low and high. `low` and `high` bound the 95 % interval of a bootstrap over the
    speakers of the group; they are NaN for a group with one speaker.
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
