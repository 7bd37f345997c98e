"""Several seeds of a variant: their predictions, their spread, and whether variants differ by more than their seeds do.

The systems of a run are in `results/<run>/<code>/`, and further seeds of them in `results/<run>/seeds/<seed>/<code>/`.
Both are ordinary folders of a system, with `predictions.csv` and `params.json`.

The model of `compare_seeds`: a score is the mean of its variant plus a normal, independent deviation of the seed, with
a variance of the variant's own. Unlike variants need not vary alike, so variances are not pooled. Differences of means
get Welch's interval (1947), at the level 1 - 0.05 / k for the k pairs of a table (Bonferroni): of tables of equal
variants, at most about one in twenty calls some difference real.

A seed draws the initial weights, the batches and the dropout, while bursts and speakers stay the same. What this module
says is about training again on this corpus, and not about other speakers. `evaluation.crossed` takes both together, and
the claims are judged by it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t

from burst2vec.config import CHANGES_NOTHING
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.metrics import sign
from burst2vec.results.ensembles import combine
from burst2vec.results.runs import read_params, read_systems
from burst2vec.results.scores import score_system

COLUMNS = ["code", "seed", "split", "metric", "value"]
"""The columns of a table of scores by seed."""
COVERAGE = 0.95
"""The nominal coverage of the intervals."""
IRRELEVANT = (*CHANGES_NOTHING, "seed", "device")
"""The parameters in which two seeds of one variant may differ, because they do not change what is trained."""


def read_seed_predictions(run_folder: Path) -> dict[str, dict[int, pd.DataFrame]]:
    """The predictions of every system of a run by code and seed, the run's own seed first.

    Seeds are found by their folders, whatever `params/seeds.yaml` asks for. Raises FileNotFoundError where the run has
    no system. Raises ValueError where the folder of a seed is not named by its number, where a system has another seed
    than its folder says or the run's own, and where other parameters differ from those of the run's own system.
    """
    found: dict[str, dict[int, pd.DataFrame]] = {}
    for folder, seed in _folders(run_folder):
        for code, predictions in read_systems(folder)[0].items():
            _check(folder / code, seed, run_folder / code)
            found.setdefault(code, {})[_seed(folder / code, seed)] = predictions
    return found


def combine_seeds(predictions: Mapping[str, Mapping[int, pd.DataFrame]], tasks: Sequence[Task],
                  ensembles: Mapping[str, Sequence[str]]) -> dict[str, dict[int, pd.DataFrame]]:
    """The `predictions` by code and seed, and with them each ensemble for each further seed that all its members have.

    An ensemble of one seed averages its members of that seed. What has been read from the run's folders is kept.
    """
    found = {code: dict(of_seeds) for code, of_seeds in predictions.items()}
    for code, members in ensembles.items():
        of_members = [predictions.get(member, {}) for member in members]
        for seed in sorted(set.intersection(*map(set, of_members)) - set(found.get(code, {}))):
            tables = {member: predictions[member][seed] for member in members}
            found.setdefault(code, {})[seed] = combine(tables, tasks)
    return found


def score_seeds(corpus: Corpus, predictions: Mapping[str, Mapping[int, pd.DataFrame]]) -> pd.DataFrame:
    """The scores of predictions by code and seed, on the splits that have labels: code, seed, split, metric, value."""
    rows = []
    for code, of_seeds in predictions.items():
        for seed, table in of_seeds.items():
            for split in ("val", "test"):
                truth = corpus.split(split)
                scores = score_system(corpus.tasks, truth, table) if len(truth) else {}
                rows += [(code, seed, split, metric, value) for metric, value in scores.items()]
    return pd.DataFrame(rows, columns=COLUMNS).dropna(ignore_index=True)


def spread(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores of each variant over its seeds: code, split, metric, seeds, mean, sd, low, high, least.

    `sd` is the standard deviation (n - 1), and `low` and `high` are the smallest and the largest score. Two single runs
    of the variant differ by less than `least` in 95 % of cases: it is t(n - 1) × sqrt(2) × sd. For one seed `sd` and
    `least` are NaN.
    """
    grouped = scores.groupby(["code", "split", "metric"], sort=False)["value"]
    table = grouped.agg(seeds="size", mean="mean", sd="std", low="min", high="max").reset_index()
    quantile = t.ppf((1 + COVERAGE) / 2, (table["seeds"] - 1).where(table["seeds"] > 1))
    return table.assign(least=quantile * np.sqrt(2) * table["sd"])


def compare_seeds(scores: pd.DataFrame) -> pd.DataFrame:
    """A table with one row for each pair of variants with two seeds or more, on each split and metric.

    The columns are split, metric, a, b, difference, low, high, p_value and verdict. The difference of means is positive
    where `a` is better, for errors as well. Intervals and p-values are simultaneous for the pairs of a split
    and metric. The verdict is *exceeds the seeds' spread* where the interval excludes 0, and otherwise *within the
    seeds' spread*; it is *not estimable* where neither variant varies. Variants with one seed are not compared, so the
    table is empty where fewer than two variants have more.

    Source: Welch (1947).
    """
    rows = []
    for (split, metric), part in scores.groupby(["split", "metric"], sort=False):
        groups = {code: sign(metric) * values.to_numpy() for code, values in part.groupby("code", sort=False)["value"]
                  if len(values) > 1}
        pairs = list(itertools.combinations(groups, 2))
        rows += [(split, metric, a, b, *_welch(groups[a], groups[b], len(pairs))) for a, b in pairs]
    columns = ["split", "metric", "a", "b", "difference", "low", "high", "p_value", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def summary(scores: pd.DataFrame) -> str:
    """A sentence or two that say which variants have several seeds, which have one, and what follows from that."""
    seeds = scores.groupby("code", sort=False)["seed"].nunique()
    several, single = seeds[seeds > 1], list(seeds.index[seeds == 1])
    if several.empty:
        return ("Every system was trained with one seed. How much a score changes from seed to seed cannot be "
                "estimated from that, and no difference is set against it.")
    said = f"Trained with several seeds: {', '.join(f'{code} ({n})' for code, n in several.items())}."
    if len(several) == 1:
        said += " With one such variant there is a spread, but nothing to compare it with."
    return said + (f" With one seed, shown but not compared: {', '.join(single)}." if single else "")


def _welch(a: np.ndarray, b: np.ndarray, pairs: int) -> tuple[float, float, float, float, str]:
    """The difference of two means, its bounds and p-value corrected for so many pairs, and the verdict."""
    difference = a.mean() - b.mean()
    squares = np.array([values.var(ddof=1) / len(values) for values in (a, b)])  # squared standard errors
    if not squares.any():
        return difference, np.nan, np.nan, np.nan, "not estimable"
    degrees = squares.sum() ** 2 / (squares**2 / [len(a) - 1, len(b) - 1]).sum()
    error = np.sqrt(squares.sum())
    margin = t.ppf(1 - (1 - COVERAGE) / (2 * pairs), degrees) * error
    p_value = min(1.0, 2 * pairs * t.sf(abs(difference) / error, degrees))
    said = "exceeds" if abs(difference) > margin else "within"
    return difference, difference - margin, difference + margin, p_value, f"{said} the seeds' spread"


def _folders(run_folder: Path) -> list[tuple[Path, int | None]]:
    """The folder of the run itself, whose seed its systems know, and those of further seeds in their order."""
    found = {path.parents[1] for path in run_folder.glob("seeds/*/*/predictions.csv")}
    for folder in found:
        if not folder.name.isdecimal():
            raise ValueError(f"{folder}: the folder of a seed is named by its number")
    return [(run_folder, None), *((f, int(f.name)) for f in sorted(found, key=lambda folder: int(folder.name)))]


def _seed(folder: Path, seed: int | None) -> int:
    """The seed of a system: that of its folder or, for the run's own, that of its parameters (0 where it has none)."""
    return int(read_params(folder).get("seed", 0)) if seed is None else seed


def _check(folder: Path, seed: int | None, own: Path) -> None:
    """Raise ValueError where a further seed is not the one that its folder says, or belongs to another training."""
    if seed is None:
        return
    params, first = read_params(folder), read_params(own)
    if params.get("seed", seed) != seed:
        raise ValueError(f"{folder / 'params.json'}: seed is {params['seed']}; its folder says {seed}")
    if (own / "predictions.csv").is_file() and _seed(own, None) == seed:
        raise ValueError(f"{folder}: seed {seed} is the run's own, in {own}; remove one of them")
    unlike = [n for n in params.keys() & first.keys() if n not in IRRELEVANT and params[n] != first[n]]
    if unlike:
        name = min(unlike)
        raise ValueError(f"{folder / 'params.json'}: {name} is {params[name]!r}; the run's own {own.name} has "
                         f"{first[name]!r}, and seeds of one variant differ in the seed alone")
