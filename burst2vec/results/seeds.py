"""Several seeds of one variant, and whether variants differ by more than their seeds do.

A run's own systems stand in `results/<run>/<code>/`, further seeds of them in `results/<run>/seeds/<seed>/<code>/`;
both are ordinary folders of a system, with `predictions.csv` and `params.json`.

The model: a score is its variant's mean plus an error of the seed, normal, independent, and of one variance for all
variants. With the three or so seeds that one can afford, a variance of each variant's own could hardly be estimated;
the pooled one has as many degrees of freedom as there are seeds beyond the first of each variant. Differences of means
get Tukey's simultaneous 95 % intervals (Tukey-Kramer for unequal numbers of seeds): among equal variants, one table in
twenty calls some difference real. For two variants this is Student's pooled t interval.

A seed draws weights, batches and dropout; bursts and speakers stay the same. What is said here is of retraining on this
corpus, not of other speakers: that is the bootstrap's part.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import t, tukey_hsd

from burst2vec.corpora.corpus import Corpus
from burst2vec.evaluation.metrics import sign
from burst2vec.results.runs import read_params, read_systems
from burst2vec.results.scores import score_system

COLUMNS = ["code", "seed", "split", "metric", "value"]
COVERAGE = 0.95
IRRELEVANT = ("seed", "scale", "title", "question", "results", "run", "cache", "device")
"""Parameters in which two seeds of one variant may differ: they do not change what is trained."""


def read_seeds(corpus: Corpus, run_folder: Path) -> pd.DataFrame:
    """The scores of every system and seed of a run: code, seed, split, metric, value.

    Seeds are found by their folders, whatever `params/seeds.yaml` asks for. Splits without labels are left out. Raises
    FileNotFoundError where the run has no system, and ValueError for a folder that is no seed, a seed that is not its
    folder's, or one whose other parameters differ from the run's own.
    """
    rows = []
    for folder, seed in _folders(run_folder):
        for code, predictions in read_systems(folder)[0].items():
            _check(folder / code, seed, run_folder / code)
            for split in ("val", "test"):
                truth = corpus.split(split)
                scores = score_system(corpus.tasks, truth, predictions) if len(truth) else {}
                rows += [(code, _seed(folder / code, seed), split, metric, value) for metric, value in scores.items()]
    return pd.DataFrame(rows, columns=COLUMNS).dropna(ignore_index=True)


def spread(scores: pd.DataFrame) -> pd.DataFrame:
    """Each variant's scores over its seeds: code, split, metric, seeds, mean, sd, low, high.

    `sd` divides by n - 1 and is NaN for one seed; `low` and `high` are the least and greatest score.
    """
    grouped = scores.groupby(["code", "split", "metric"], sort=False)["value"]
    return grouped.agg(seeds="size", mean="mean", sd="std", low="min", high="max").reset_index()


def pooled_spread(scores: pd.DataFrame) -> pd.DataFrame:
    """The seeds' spread that all variants share: split, metric, sd, df, least, variants.

    Empty where no variant has two seeds. `sd` pools the `variants` with two seeds or more (named in one text), `df` are
    its degrees of freedom, `least` is the `least_difference` of one pair.
    """
    rows = []
    for (split, metric), part in scores.groupby(["split", "metric"], sort=False):
        groups = _repeated(part)
        df = sum(len(values) - 1 for values in groups.values())
        if df:
            sd = np.sqrt(sum(((values - values.mean())**2).sum() for values in groups.values()) / df)
            rows.append((split, metric, sd, df, least_difference(sd, df), ", ".join(groups)))
    return pd.DataFrame(rows, columns=["split", "metric", "sd", "df", "least", "variants"])


def least_difference(sd: ArrayLike, df: ArrayLike, pairs: ArrayLike = 1) -> float | np.ndarray:
    """What a difference between single runs has to exceed to be more than a matter of the seed.

    Two runs of *one* variant differ by less in 95 % of cases; with several `pairs` all of them do at once, by
    Bonferroni's t at 1 - 0.05 / 2k. `sd` and `df` are those of `pooled_spread`.
    """
    return t.ppf(1 - (1 - COVERAGE) / (2 * np.asarray(pairs)), df) * np.sqrt(2) * sd


def compare_seeds(scores: pd.DataFrame) -> pd.DataFrame:
    """One row for each pair of variants with two seeds or more: split, metric, a, b, difference, low, high, p_value,
    verdict.

    The difference of the means is positive where `a` is better, also for errors. `verdict`: *exceeds the seeds' spread*
    where the simultaneous 95 % interval leaves 0 out, else *within the seeds' spread*; *not estimable* where no seed
    changes anything. Variants with one seed are not compared: the table is empty where fewer than two have more.

    Source: Tukey (1949), Kramer (1956).
    """
    rows = []
    for (split, metric), part in scores.groupby(["split", "metric"], sort=False):
        groups = _repeated(part)
        turn = sign(metric)
        if len(groups) > 1:
            rows += [(split, metric, *row) for row in _tukey({code: turn * v for code, v in groups.items()})]
    columns = ["split", "metric", "a", "b", "difference", "low", "high", "p_value", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def summary(scores: pd.DataFrame) -> str:
    """What can be said of the seeds, in a sentence or two: which variants have several, and which have not."""
    seeds = scores.groupby("code", sort=False)["seed"].nunique()
    several, single = seeds[seeds > 1], list(seeds.index[seeds == 1])
    if several.empty:
        return ("Every system was trained with one seed. How much a score changes from seed to seed cannot be "
                "estimated from that, and no difference is set against it.")
    said = f"Trained with several seeds: {', '.join(f'{code} ({n})' for code, n in several.items())}."
    if len(several) == 1:
        said += " With one such variant there is a spread, but nothing to compare it with."
    return said + (f" With one seed, shown but not compared: {', '.join(single)}." if single else "")


def _repeated(part: pd.DataFrame) -> dict[str, np.ndarray]:
    """The scores of each variant that has two or more."""
    groups = {code: rows.to_numpy() for code, rows in part.groupby("code", sort=False)["value"]}
    return {code: values for code, values in groups.items() if len(values) > 1}


def _tukey(groups: dict[str, np.ndarray]) -> list[tuple]:
    varies = any(np.ptp(values) > 0 for values in groups.values())
    result = tukey_hsd(*groups.values()) if varies else None
    bounds = result.confidence_interval(COVERAGE) if varies else None
    rows = []
    for (i, a), (j, b) in itertools.combinations(enumerate(groups), 2):
        difference = groups[a].mean() - groups[b].mean()
        if not varies:
            rows.append((a, b, difference, np.nan, np.nan, np.nan, "not estimable"))
            continue
        low, high = bounds.low[i, j], bounds.high[i, j]
        said = "exceeds" if low > 0 or high < 0 else "within"
        rows.append((a, b, difference, low, high, result.pvalue[i, j], f"{said} the seeds' spread"))
    return rows


def _folders(run_folder: Path) -> list[tuple[Path, int | None]]:
    """The run's own folder, whose seed its systems know, and those of further seeds in their order."""
    found = {path.parents[1] for path in run_folder.glob("seeds/*/*/predictions.csv")}
    for folder in found:
        if not folder.name.isdecimal():
            raise ValueError(f"{folder}: the folder of a seed is named by its number")
    return [(run_folder, None), *((f, int(f.name)) for f in sorted(found, key=lambda folder: int(folder.name)))]


def _seed(folder: Path, seed: int | None) -> int:
    """The seed of a system: its folder's, or for the run's own the one in its parameters (0 where it has none)."""
    return int(read_params(folder).get("seed", 0)) if seed is None else seed


def _check(folder: Path, seed: int | None, own: Path) -> None:
    """Raises ValueError where a further seed is not what its folder says, or is that of another training."""
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
