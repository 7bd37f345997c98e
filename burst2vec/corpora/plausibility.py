"""What is possible in a corpus's table, but probably not meant: two spellings of one name, placeholders among numbers,
and labels that leave nothing to score.

It is looked for in the table as a whole, whatever the layout on disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import SPLITS, Finding, Task
from burst2vec.corpora.spelling import alike, counted, listed

YEARS = (0, 120)
"""The least and the greatest value of a scalar in years."""

FAR = 2.0
"""How wide the gap between isolated values and the others must be, as a multiple of the range of the others."""

FAR_PLACEHOLDER = 0.25
"""The same for numbers that often stand for an unknown value: 0, -1 to -9, and 77, 88, 99, 999 and the like."""

FEWEST = 3
"""How many different values the others must have."""


def implausible(table: pd.DataFrame, tasks: Iterable[Task]) -> list[Finding]:
    """What is implausible in a corpus's table; most of it are notes, which stop nothing.

    Grave are one speaker in two splits under two spellings, and scalars in years that are outside `YEARS`.
    """
    found = [*_speakers_alike(table), *_speakers_of_both_sexes(table)]
    for task in tasks:
        if task.kind == "classes":
            found += [*_classes_alike(task, table), *_classes_never_heard(task, table)]
        if task.kind == "scalar":
            found += _scalars(task, table[task.columns[0]])
        found += _constant_labels(task, table)
    return found


def _speakers_alike(table: pd.DataFrame) -> Iterator[Finding]:
    speakers, counts = table["speaker"], table["speaker"].value_counts()
    for names in alike(speakers.dropna().unique()):
        splits = table["split"][speakers.isin(names)]
        shared = [s for s in SPLITS if (splits == s).any()]
        where = f"are in the splits {', '.join(shared)}, and " if len(shared) > 1 else ""
        yield Finding(_first(speakers == min(names, key=counts.get)),
                      f"speakers {listed(names)} {where}may be one; write a speaker's name in one way, and different "
                      "names that differ by more than case, spaces or zeros", grave=len(shared) > 1)


def _speakers_of_both_sexes(table: pd.DataFrame) -> Iterator[Finding]:
    known = table[["speaker", "sex"]].dropna()
    counts = known.groupby("speaker")["sex"].nunique()
    for speaker in counts.index[counts > 1]:
        yield Finding(_first(table["speaker"] == speaker),
                      f"speaker {speaker!r} is {listed(sorted(known['sex'][known['speaker'] == speaker].unique()))} in "
                      "different rows", grave=False)


def _classes_alike(task: Task, table: pd.DataFrame) -> Iterator[Finding]:
    labels = table[task.columns[0]]
    counts = labels.value_counts().reindex(task.classes, fill_value=0)
    for names in alike(task.classes):
        rarest = min(names, key=lambda name: counts[name])
        said = ", ".join(f"{name!r} in {counted(counts[name], 'row')}" for name in names)
        yield Finding(_first(labels == rarest) if counts[rarest] else None,
                      f"task {task.name}: these classes may be one, written in several ways: {said}", grave=False)


def _classes_never_heard(task: Task, table: pd.DataFrame) -> Iterator[Finding]:
    """Classes that bursts are scored by, but that no training burst has: whatever is learnt, none of these is right."""
    train, labels = table["split"] == "train", table[task.columns[0]]
    learnt = set(labels[train].dropna())
    never = labels.isin(set(task.classes) - learnt)
    if learnt and never.any():
        names = [name for name in task.classes if name in set(labels[never])]
        yield Finding(_first(never), f"task {task.name}: no training burst is of class {listed(names)}, but "
                                     f"{counted(never.sum(), 'burst')} of other splits; it cannot be learnt",
                      grave=False)


def _scalars(task: Task, values: pd.Series) -> Iterator[Finding]:
    if re.fullmatch(r"(years?|yrs?)( old)?|years? of age", task.unit.strip().lower()):
        allowed = values.between(*YEARS) | values.isna() | np.isinf(values)
        for i in np.flatnonzero(~allowed).tolist():
            yield Finding(i, f"burst {values.index[i]!r} has {task.columns[0]} {values.iloc[i]:g}; a scalar in years "
                             f"lies between {YEARS[0]} and {YEARS[1]}")
        values = values.where(allowed)
    values = values.where(np.isfinite(values))
    others, isolated = isolated_values(values.dropna().to_numpy(float))
    for apart in isolated:
        rows = values.isin(apart).to_numpy()
        text = f"{task.columns[0]} is {_range(apart)} in {counted(rows.sum(), 'row')}, far from all others, "
        yield Finding(_first(rows), f"{text}{_range(others)}; where a label is missing, leave its cell empty",
                      grave=False)


def isolated_values(values: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Splits the different ones among `values` (bursts,) into those that lie together, and groups that lie apart.

    A group lies apart where it holds fewer bursts than the others and the gap between them is more than `FAR` times as
    wide as the range of the others. Where the group consists of the usual placeholders, `FAR_PLACEHOLDER` times is
    enough, if the gap is also `FAR` times as wide as any gap among the others.
    """
    kept, counts = np.unique(values, return_counts=True)
    isolated: list[np.ndarray] = []
    while len(kept) > FEWEST:
        cut = int(np.argmax(np.diff(kept))) + 1
        apart, others = sorted((slice(None, cut), slice(cut, None)), key=lambda side: counts[side].sum())
        if len(kept[others]) < FEWEST:
            break
        far = FAR_PLACEHOLDER if all(map(_is_placeholder, kept[apart])) else FAR
        if kept[cut] - kept[cut - 1] <= max(far * np.ptp(kept[others]), FAR * np.diff(kept[others]).max()):
            break
        isolated.append(kept[apart])
        kept, counts = kept[others], counts[others]
    return kept, isolated


def _is_placeholder(value: float) -> bool:
    return bool(re.fullmatch(r"-?0|-[1-9]|-?(77+|88+|99+)", f"{value:g}"))


def _range(values: np.ndarray) -> str:
    return f"{values[0]:g}" if len(values) == 1 else f"{values[0]:g} to {values[-1]:g}"


def _constant_labels(task: Task, table: pd.DataFrame) -> Iterator[Finding]:
    """Labels that are all the same where predictions are scored: in validation and test."""
    labelled = task.labelled(table)
    for split in SPLITS[1:]:
        labels = table.loc[labelled & (table["split"] == split).to_numpy(), list(task.columns)]
        for column in labels:
            if labels[column].nunique() == 1:
                value = labels[column].iloc[0]
                shown = repr(value) if isinstance(value, str) else f"{value:g}"
                effect = "cannot be scored there" + (", nor training be stopped by it" if split == "val" else "")
                text = f"task {task.name}: {column} is {shown} wherever split {split} has a label; the task {effect}"
                yield Finding(None, text, grave=False)


def _first(mask: pd.Series | np.ndarray) -> int:
    return int(np.flatnonzero(mask)[0])
