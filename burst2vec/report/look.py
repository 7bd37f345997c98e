"""The page on which one looks and listens: its bursts, what is said of each, its two views, and its sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from burst2vec.audit.maps import sample_bursts
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.bootstrap import RESAMPLES, bootstrap, intervals
from burst2vec.evaluation.metrics import metric_columns
from burst2vec.inspection.description import categories
from burst2vec.report.interactive import Axes, View
from burst2vec.report.sounds import encode
from burst2vec.report.words import interval, listed, number

POINTS = 400
"""The bursts at most that are drawn at random, beside those that can be heard."""

HEARD = 60
"""The bursts at most that can be heard in one view."""

KINDS = ("among the most overestimated", "among the most underestimated", "strong, and heard so")
"""The kinds of bursts that are picked out for an intensity."""

STRONG = 0.5
"""The intensity from which on a burst is strong, in truth and by an answer."""


@dataclass(frozen=True)
class Look:
    """The validation bursts that a page shows.

    `table` holds their rows of the corpus table, and `rows` (bursts,) their positions among all bursts of validation.
    `picked` holds, for each intensity, the bursts at its extremes: their positions in `table`, each with its kind.
    """

    table: pd.DataFrame
    rows: np.ndarray
    picked: Mapping[str, Mapping[int, str]]


def look_at(corpus: Corpus, prediction: pd.DataFrame, most: int = POINTS, seed: int = 0) -> Look:
    """The validation bursts to look at: `most` drawn at random, and those at the `extremes` of each intensity.

    `prediction` is the table of the system by whose answers the extremes are chosen. Where intensities are asked for,
    only bursts that have them are looked at.
    """
    val = corpus.split("val")
    task = intensities_of(corpus)
    labelled = np.flatnonzero(task.labelled(val)) if task else np.arange(len(val))
    known = val.iloc[labelled]
    picked = extremes(task, known, prediction) if task else {}
    chosen = np.array(sorted(set(sample_bursts(known, most, seed).tolist()).union(*picked.values())))
    place = {int(position): i for i, position in enumerate(chosen)}
    picked = {name: {place[position]: kind for position, kind in of_name.items()} for name, of_name in picked.items()}
    return Look(known.iloc[chosen], labelled[chosen], picked)


def intensities_of(corpus: Corpus) -> Task | None:
    """The first task of the corpus that asks for intensities, or None."""
    return next((task for task in corpus.tasks if task.kind == "intensities"), None)


def extremes(task: Task, table: pd.DataFrame, prediction: pd.DataFrame) -> dict[str, dict[int, str]]:
    """The positions in `table` of the bursts at the extremes of each intensity, each with its kind of `KINDS`.

    They are the bursts that are overestimated most, those that are underestimated most, and those whose true and
    predicted intensities are highest, both of them `STRONG` at least: `HEARD` in all at most, or one of each. There
    are fewer where fewer are of a kind.
    """
    each = max(1, HEARD // (len(KINDS) * len(task.columns)))
    found: dict[str, dict[int, str]] = {}
    for column in task.columns:
        truth, guess = (of.loc[table.index, column].to_numpy(float) for of in (table, prediction))
        weaker = np.minimum(truth, guess)
        scores = ((guess - truth, guess > truth), (truth - guess, truth > guess), (weaker, weaker >= STRONG))
        found[column] = {}
        for kind, (score, is_of_kind) in zip(KINDS, scores, strict=True):
            order = np.argsort(-score, kind="stable")
            for position in order[is_of_kind[order]][:each]:
                found[column].setdefault(int(position), kind)
    return found


def describe_bursts(look: Look, tasks: Iterable[Task], predictions: Mapping[str, pd.DataFrame]) -> list[str]:
    """What is said of each burst: its id, its speaker, and its scalars and classes with what each system predicts.

    >>> describe_bursts(look, tasks, {"V4": table})  # doctest: +SKIP
    ['Burst 00002 by Speaker_7: age 25.3 (V4 26.1), country China (V4 USA).']
    """
    traits = [task for task in tasks if task.kind != "intensities"]
    said = []
    for file, row in look.table.iterrows():
        answers = [f"{task.name} {_value(task, row)} ("
                   + ", ".join(f"{code} {_value(task, table.loc[file])}" for code, table in predictions.items()) + ")"
                   for task in traits]
        speaker = f" by {row['speaker']}" if pd.notna(row["speaker"]) else ""
        said.append(f"Burst {file}{speaker}{': ' if answers else ''}{', '.join(answers)}.")
    return said


def _value(task: Task, row: pd.Series) -> str:
    value = row[task.columns[0]]
    if pd.isna(value):
        return "unknown"
    return f"{value:.1f}" if task.kind == "scalar" else str(value)


def intensity_view(look: Look, task: Task, predictions: Mapping[str, pd.DataFrame], texts: Sequence[str],
                   waveforms: Mapping[int, np.ndarray]) -> View:
    """The view of predicted against true intensities, one intensity at a time, with a panel for each system.

    `waveforms` holds the sounds of those bursts that can be heard, by position in the table of `look`.
    """
    truth, files = look.table[list(task.columns)], look.table.index
    guesses = {code: table.loc[files, list(task.columns)] for code, table in predictions.items()}
    places = {name: {code: np.stack([truth[name], guess[name]], axis=1) for code, guess in guesses.items()}
              for name in task.columns}
    readings = {name: [_reading(name, truth[name].iloc[row], {code: g[name].iloc[row] for code, g in guesses.items()},
                                look.picked[name].get(row, "")) for row in range(len(files))] for name in task.columns}
    return View(places, texts, f"predicted against true {task.name} intensity of each burst", task.name,
                Axes("true intensity", "predicted intensity", (0, 0.5, 1), diagonal=True), readings=readings,
                sounds={row: encode(sound) for row, sound in waveforms.items()},
                heard={name: list(rows) if waveforms else [] for name, rows in look.picked.items()})


def _reading(name: str, truth: float, guesses: Mapping[str, float], kind: str) -> str:
    numbers = ", ".join(f"{code} {guess:.2f}" for code, guess in guesses.items())
    return f"{name}{f' ({kind})' if kind else ''}: true {truth:.2f}, {numbers}."


def heard_rows(look: Look) -> list[int]:
    """The positions of all bursts at the extremes of an intensity, in their order."""
    return sorted(set().union(*look.picked.values()))


def spread_rows(marks: pd.Series, most: int = HEARD // 2) -> list[int]:
    """The positions of at most `most` bursts, as equally many of each category of `marks` as there are, in turns."""
    turn = marks.groupby(marks, observed=True).cumcount().to_numpy()
    known = np.flatnonzero(marks.notna())
    return sorted(known[np.argsort(turn[known], kind="stable")][:most].tolist())


def marks_of(tasks: Iterable[Task], table: pd.DataFrame) -> dict[str, pd.Series]:
    """A categorical of the bursts for each task: their strongest intensity, their class, or the quarter of the bursts
    to which their scalar belongs, by what the page calls it."""
    return {_mark_name(task): _quarters(task, table) if task.kind == "scalar" else categories(task, table)
            for task in tasks if task.labelled(table).any()}


def _mark_name(task: Task) -> str:
    unit = f" in {task.unit}" if task.unit else ""
    return {"intensities": f"strongest {task.name}", "scalar": f"quarter of {task.name}{unit}",
            "classes": task.name}[task.kind]


def _quarters(task: Task, table: pd.DataFrame) -> pd.Series:
    values = table[task.columns[0]]
    quarters, edges = pd.qcut(values, 4, duplicates="drop", retbins=True)
    names = [f"{low:.3g}–{high:.3g}" for low, high in zip(edges[:-1], edges[1:], strict=True)]
    return pd.Series(quarters.cat.codes.map(lambda code: names[code] if code >= 0 else None), table.index).astype(
        pd.CategoricalDtype(list(dict.fromkeys(names)), ordered=True))


def map_view(maps: Mapping[str, Mapping[str, np.ndarray]], marks: Mapping[str, pd.Series], texts: Sequence[str],
             waveforms: Mapping[int, np.ndarray]) -> View:
    """The view of maps (`maps.map_bursts`) by the code of the system and the name of the representation.

    `waveforms` holds the sounds of those bursts that can be heard, by position.
    """
    names = list(dict.fromkeys(name for of_system in maps.values() for name in of_system))
    places = {name: {code: 0.03 + 0.94 * of_system[name] for code, of_system in maps.items()} for name in names}
    return View(places, texts, "map of the bursts, near each other where the features are alike", "features",
                marks=marks, sounds={row: encode(sound) for row, sound in waveforms.items()})


def score_intensities(task: Task, val: pd.DataFrame, predictions: Mapping[str, pd.DataFrame],
                      resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """The CCC of each intensity by itself, with its 95 % interval over speakers: code, name, estimate, low, high.

    `val` holds rows of the corpus table, `predictions` the systems' tables by code.
    """
    single = [Task(column, "intensities", (column,)) for column in task.columns]
    table = intervals(bootstrap(single, val, predictions, resamples, seed), "val")
    of_metric = {name: part.name for name, part in metric_columns(single).items()}
    return table[table["metric"].isin(of_metric)].assign(name=table["metric"].map(of_metric))[
        ["code", "name", "estimate", "low", "high"]].reset_index(drop=True)


def tabulate_intensities(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores of `score_intensities`, a row for each intensity and for each system its CCC with the bounds."""
    wide = scores[["name"]].drop_duplicates().rename(columns={"name": ""})
    for code, rows in scores.groupby("code", sort=False):
        bounds = {"estimate": f"{code}", "low": f"{code}_low", "high": f"{code}_high"}
        wide = wide.merge(rows[["name", *bounds]].rename(columns={"name": "", **bounds}), on="", how="left")
    return wide


def tabulate_maps(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores of `maps.score_maps` as text, a row for each map and a column for each label, in percent."""
    cells = [_percent(row) for row in scores.to_dict("records")]
    wide = scores.assign(cell=cells).pivot(index=["features", "code"], columns="label", values="cell")
    wide = wide.reindex(pd.MultiIndex.from_frame(scores[["features", "code"]].drop_duplicates()).sortlevel(
        "features", sort_remaining=False)[0], columns=scores["label"].unique()).fillna("–")
    wide.columns = [f"{_plain(label)} (%)" for label in wide.columns]
    return wide.reset_index().rename(columns={"code": "system"})


def _percent(row: Mapping) -> str:
    if not np.isfinite(row["alike"]):
        return "–"
    return f"{100 * row['alike']:.0f}<small>{100 * row['floor_low']:.0f} to {100 * row['floor_high']:.0f}</small>"


# Sentences --------------------------------------------------------------------------------------------------

def caption_intensities(task: Task, scores: pd.DataFrame, look: Look, bursts: int) -> str:
    """The caption of the view of intensities: whose answers follow best and worst, and what is drawn of how many
    `bursts` of validation."""
    code = scores["code"].iloc[0]
    own = scores[scores["code"] == code].set_index("name")
    best, worst = own["estimate"].idxmax(), own["estimate"].idxmin()
    drawn = f"{len(look.rows)} of the {bursts:,}" if len(look.rows) < bursts else f"all {bursts:,}"
    extent = f"{code} follows {best} best, with a CCC of {_with_interval(own.loc[best])}"
    if best != worst:
        extent += f", and {worst} least, with {_with_interval(own.loc[worst])}"
    return (f"{extent}. Predicted against true intensity of {task.name} (between 0 and 1) for {drawn} bursts of "
            "validation, a panel for each system; a perfect answer lies on the dashed line. Intervals: 95 %, over "
            "speakers.")


def caption_maps(scores: pd.DataFrame, codes: Sequence[str], adversarial: Mapping[str, bool]) -> str:
    """The caption of the maps: what neighbours share on the maps that are drawn first, and which system has the
    adversary."""
    features = scores["features"].iloc[0]
    first = scores[scores["features"] == features]
    have = [f"{code} has {'the adversary' if adversarial[code] else 'none'}" for code in codes]
    said = f"{_alike(first)} Each mark is a burst of validation; marks are near each other where the {features} "
    return (f"{said}features are alike. Distances between groups, directions and empty space mean nothing. "
            f"{listed(have)}.")


def _alike(scores: pd.DataFrame) -> str:
    """What a burst's nearest neighbours share on each system's map, and what they share by chance."""
    said = []
    for code, rows in scores.dropna().groupby("code", sort=False):
        parts = [f"{_plain(row['label'])} in {100 * row['alike']:.0f} %{' of cases' * (i == 0)} "
                 f"({'by chance ' * (i == 0)}{100 * row['floor_low']:.0f} to {100 * row['floor_high']:.0f} %)"
                 for i, row in enumerate(rows.to_dict("records"))]
        said.append(f"on the map of {code}, neighbours share {listed(parts)}")
    return f"O{'; '.join(said)[1:]}." if said else "There are no bursts of two speakers to compare."


def _plain(label: str) -> str:
    """What a label is called in a sentence: without its unit."""
    return label.partition(" in ")[0]


def in_short(task: Task | None, scores: pd.DataFrame, maps: pd.DataFrame) -> str:
    """The page's answer in Markdown: how far the first system's answers follow each intensity, and what its map shows.

    Both tables may be empty, and `task` is None for a corpus without intensities.
    """
    said = []
    if task is not None and len(scores):
        code = scores["code"].iloc[0]
        own = scores[scores["code"] == code].sort_values("estimate", ascending=False)
        following = own[own["low"] > 0]
        ends = [f"{row['name']} {_with_interval(row)}" for _, row in own.iloc[[0, -1][:len(own)]].iterrows()]
        said.append(f"Which bursts does {code} hear rightly, and which not? Its answers follow {len(following)} of "
                    f"{len(own)} intensities of {task.name} with a CCC whose 95 % interval over speakers lies above 0; "
                    f"the two ends are {listed(ends)}.")
    if len(maps):
        features, code = maps["features"].iloc[0], maps["code"].iloc[0]
        first = _alike(maps[(maps["features"] == features) & (maps["code"] == code)])
        said.append(f"{first} It is a map of the {features} features, and one of one training with one seed: what the "
                    "adversary changed, [the audit](audit.ipynb) measures, and no map decides.")
    return " ".join(said) or "This run has no system whose bursts could be looked at."


def _with_interval(row: pd.Series) -> str:
    return f"{number(row['estimate'], 2)} ({interval(row['low'], row['high'], 2)})"
