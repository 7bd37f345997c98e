"""Several corpora in one run: a burst takes part in the tasks that its own corpus poses."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from burst2vec.corpora.corpus import Corpus, CorpusError, Task


def select(corpora: Sequence[Corpus], tasks: Sequence[str]) -> list[Corpus]:
    """The corpora, restricted to the tasks that are named, as `age` or `exvo:age`; all where none is named.

    Raises CorpusError for a task that none of them has, and for a corpus of which no task is left, or that has none.
    """
    for c in corpora:
        if not c.tasks:
            raise CorpusError(f"{c.root}: declares no task, so a backbone can learn from it (burst2vec pretrain) and "
                              "nothing else; to train on it, declare its tasks in corpus.yaml")
    posed = [name for c in corpora for t in c.tasks for name in _names(c, t)]
    unknown = [t for t in tasks if t not in posed]
    if unknown:
        there = ", ".join(dict.fromkeys(t.name for c in corpora for t in c.tasks))
        asked = ", ".join(str(c.root) for c in corpora)
        raise CorpusError(f"task {unknown[0]!r} is not posed by {asked}; it has {there}")
    chosen = [dataclasses.replace(c, tasks=tuple(t for t in c.tasks if not tasks or set(tasks) & set(_names(c, t))))
              for c in corpora]
    idle = [c for c in chosen if not c.tasks]
    if idle:
        raise CorpusError(f"{idle[0].root}: none of its tasks is among {', '.join(tasks)}; leave that corpus out")
    return chosen


def _names(corpus: Corpus, task: Task) -> tuple[str, str]:
    return task.name, f"{corpus.name}:{task.name}"


def join(corpora: Sequence[Corpus]) -> Corpus:
    """Joins several corpora into one, in which a burst takes part in the tasks of its own corpus.

    Bursts and speakers are named `corpus/file` and `corpus/speaker`. Tasks that ask the same become one task, and the
    range of a scalar becomes the union of their ranges. Tasks that share a name or a column but ask different things
    stay apart, as `corpus:task`. Raises CorpusError where two corpora have one name.
    """
    names = [c.name for c in corpora]
    if len(set(names)) < len(names):
        raise CorpusError(f"two of the corpora are both named {max(names, key=names.count)!r}; rename a folder")
    parts = [_apart(c, corpora) for c in corpora]
    merged: dict[str, Task] = {}
    for task in (t for part in parts for t in part.tasks):
        same = merged.get(task.name, task)
        merged[task.name] = dataclasses.replace(task, low=min(task.low, same.low), high=max(task.high, same.high))
    posed = {c for t in merged.values() for c in t.columns}
    table = pd.concat([_prefixed(part, posed) for part in parts])
    return Corpus("+".join(names), Path(), table, tuple(merged.values()), any(c.synthetic for c in corpora),
                  tuple(corpora))


def _apart(corpus: Corpus, others: Sequence[Corpus]) -> Corpus:
    """The corpus with new names, `corpus:task`, for those of its tasks and their columns that share a name or a column
    with a task of another corpus that asks something else."""
    foreign = [t for c in others if c is not corpus for t in c.tasks]
    clashing = [t for t in corpus.tasks if any(
        not t.asks_the_same(f) and (t.name == f.name or set(t.columns) & set(f.columns)) for f in foreign)]
    columns = {c: f"{corpus.name}:{c}" for t in clashing for c in t.columns}
    tasks = tuple(dataclasses.replace(t, name=f"{corpus.name}:{t.name}", columns=tuple(columns[c] for c in t.columns))
                  if t in clashing else t for t in corpus.tasks)
    return dataclasses.replace(corpus, table=corpus.table.rename(columns=columns), tasks=tasks)


def _prefixed(part: Corpus, posed: set[str]) -> pd.DataFrame:
    """A part's rows with ids, speakers and paths that need no context, without the labels of tasks it does not have."""
    own = {c for t in part.tasks for c in t.columns}
    table = part.table.drop(columns=[c for c in part.table.columns if c in posed - own])
    table = table.set_index(f"{part.name}/" + table.index)
    table["speaker"] = (f"{part.name}/" + table["speaker"].astype("str")).where(table["speaker"].notna(), None)
    for column in ("raw", "provided"):
        table[column] = [str(part.root.resolve() / p) if isinstance(p, str) else None for p in table[column]]
    return table.rename_axis("file")
