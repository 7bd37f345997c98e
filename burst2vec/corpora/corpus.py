"""A corpus: one table with a row for each burst, and the tasks that its columns pose.

The table's index is `file`, the burst's id. Its columns are `corpus`, its name; `split` (train, val or test), `speaker`,
`sex`; the paths `raw` and `provided` of the two kinds of audio relative to the corpus; and each task's target columns:
intensities in [0, 1], scalars in their own unit, classes by name. What is unknown is missing (NaN or None).

A reader turns a layout on disk into a `Reading`, which holds every problem that it met; a `Corpus` is a reading without
grave ones. Several corpora are joined into one.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from burst2vec.messages import shown

if TYPE_CHECKING:
    pass


SPLITS = ("train", "val", "test")
KINDS = ("intensities", "scalar", "classes")


class CorpusError(ValueError):
    """A corpus that cannot be used as it is; the message names the file, the row and what would be right.

    `problem` holds these one by one where the error was made `at` a place in the corpus.
    """

    problem: Problem | None = None

    @classmethod
    def at(cls, root: Path, problem: Problem, more: str = "") -> CorpusError:
        """The error that a problem of the corpus in folder `root` is."""
        error = cls(f"{root / str(problem)}{more}")
        error.problem = problem
        return error


@dataclass(frozen=True)
class Problem:
    """Something that is wrong in a corpus, and what would be right.

    `file` is relative to the corpus. `row` is that of the table that lists the burst, counted as a spreadsheet does (the
    header is row 1); None where there is none. What is not `grave` is worth a look, but training goes well with it.
    """

    file: str
    row: int | None
    problem: str
    grave: bool = True

    def __str__(self) -> str:
        row = "" if self.row is None else f", row {self.row}"
        return f"{self.file}{row}: {self.problem}"


@dataclass(frozen=True)
class Task:
    """What is asked of a burst. Its kind decides head, loss and metric.

    | kind | target | head's output | loss | metric |
    |---|---|---|---|---|
    | intensities | values in [0, 1], one for each column | sigmoid | 1 - CCC (Eq. 2) | mean CCC (Eq. 1) |
    | scalar | one number in `unit`, between `low` and `high` in training | linear, 0-1 scaled | MAE (Eq. 3) | MAE |
    | classes | one of `classes` | logits | cross-entropy (Eq. 4) | UAR |
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    classes: tuple[str, ...] = ()
    unit: str = ""
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self):
        if self.kind not in KINDS:
            raise CorpusError(f"task {self.name}: kind is {self.kind!r}; it must be one of {', '.join(KINDS)}")
        for name, texts in (("columns", self.columns), ("classes", self.classes)):
            if not isinstance(texts, tuple) or not all(isinstance(t, str) for t in texts) or len(set(texts)) < len(texts):
                raise CorpusError(f"task {self.name}: its {name} are {shown(texts)}; expected texts, each once")
        if not self.columns or (self.kind != "intensities" and len(self.columns) > 1):
            raise CorpusError(f"task {self.name}: a task of kind {self.kind} cannot have {len(self.columns)} columns")
        if self.kind != "classes" and self.classes:
            raise CorpusError(f"task {self.name}: classes go with the kind classes, not with {self.kind}")
        if self.kind == "classes" and len(self.classes) < 2:
            raise CorpusError(f"task {self.name}: a task of classes needs two classes or more")
        if not self.low < self.high < float("inf"):
            raise CorpusError(f"task {self.name}: its range is {self.low:g} to {self.high:g}; "
                              "it needs two different labels in training")

    @property
    def outputs(self) -> int:
        """Number of values that the task's head puts out."""
        return len(self.classes) or len(self.columns)

    @property
    def probability_columns(self) -> tuple[str, ...]:
        """Columns of the class probabilities in a table of predictions."""
        return tuple(f"{self.name}_{c}" for c in self.classes)

    def labelled(self, table: pd.DataFrame) -> np.ndarray:
        """Which rows of `table` carry this task's label, bool (rows,)."""
        return table[list(self.columns)].notna().all(axis=1).to_numpy()

    def labels(self, table: pd.DataFrame) -> np.ndarray:
        """The labels as numbers: float64 (rows, columns) in their own unit, or class indices int64 (rows,).

        Rows without a label hold NaN, or -1.
        """
        if self.kind == "classes":
            return pd.Categorical(table[self.columns[0]], categories=self.classes).codes.astype(np.int64)
        return table[list(self.columns)].to_numpy(np.float64)

    def targets(self, table: pd.DataFrame) -> np.ndarray:
        """The labels as a head is trained on them: those of `labels`, scalars 0-1 scaled (section 4.1), in float32."""
        labels = self.labels(table)
        if self.kind == "classes":
            return labels
        if self.kind == "scalar":
            labels = (labels - self.low) / (self.high - self.low)
        return labels.astype(np.float32)

    def like(self, other: Task) -> bool:
        """Whether the other task asks the same, whatever the range of its scalar."""
        return dataclasses.replace(self, low=0, high=1) == dataclasses.replace(other, low=0, high=1)


@dataclass(frozen=True)
class Corpus:
    """Bursts and tasks. `synthetic` marks bursts that the embedded synthesiser made, whose numbers say nothing about
    people. `parts` are the corpora of which this one is joined."""

    name: str
    root: Path
    table: pd.DataFrame
    tasks: tuple[Task, ...]
    synthetic: bool = False
    parts: tuple[Corpus, ...] = ()

    def __post_init__(self):
        for problem in problems_of(self.table, self.tasks):
            raise CorpusError(f"{self.root}: {problem[1]}")

    def split(self, name: str) -> pd.DataFrame:
        """The rows of one split."""
        return self.table[self.table["split"] == name]

    def task(self, name: str) -> Task:
        """The task of that name. KeyError where there is none."""
        return {t.name: t for t in self.tasks}[name]

    def poses(self, *names: str) -> bool:
        """Whether every task named is among the tasks."""
        return set(names) <= {t.name for t in self.tasks}


def problems_of(table: pd.DataFrame, tasks: Iterable[Task]) -> list[tuple[int | None, str]]:
    """What is wrong with a corpus's table: the position of the burst (None for the whole table), and the words."""
    files, found = table.index, []
    if not len(table):
        return [(None, "lists no bursts")]
    found += [(i, f"burst {files[i]!r} is listed twice") for i in np.flatnonzero(files.duplicated())]
    known = table["split"].isin(SPLITS)
    found += [(i, f"burst {files[i]!r} is in split {table['split'].iloc[i]!r}; expected one of {', '.join(SPLITS)}")
              for i in np.flatnonzero(~known)]
    found += [(i, f"speaker {table['speaker'].iloc[i]!r} is in more than one split; splits keep speakers apart")
              for i in _astray(table[["speaker", "split"]].where(known))]
    peopled = [s for s in ("train", "val") if (table["split"] == s).any()]
    found += [(None, f"no burst is in split {s}") for s in ("train", "val") if s not in peopled]
    for task in tasks:
        found += _label_problems(task, table, peopled)
    return found


def _astray(table: pd.DataFrame) -> list[int]:
    """Positions of the bursts that are not in the split where most of their speaker's are."""
    positions = np.flatnonzero(table.notna().all(axis=1)).tolist()
    pairs = list(table.iloc[positions].itertuples(index=False, name=None))
    most: dict[str, str] = {}
    for (speaker, split), _ in Counter(pairs).most_common():
        most.setdefault(speaker, split)
    return [i for i, (speaker, split) in zip(positions, pairs, strict=True) if split != most[speaker]]


def _label_problems(task: Task, table: pd.DataFrame, splits: Iterable[str]) -> list[tuple[int | None, str]]:
    found = []
    for column in task.columns:
        labels = table[column]
        if task.kind == "classes":
            strange, right = labels.notna() & ~labels.isin(task.classes), f"expected one of {', '.join(task.classes)}"
        elif task.kind == "intensities":
            strange, right = (labels < 0) | (labels > 1), "intensities lie in [0, 1]"
        else:
            strange, right = np.isinf(labels), "expected a number"
        found += [(i, f"burst {table.index[i]!r} has {column} {_shown(labels.iloc[i])}; {right}")
                  for i in np.flatnonzero(strange)]
    labelled = task.labelled(table)
    for split in splits:
        if not labelled[table["split"] == split].any():
            found.append((None, f"no burst of split {split} has a label for task {task.name}"))
    return found


def _shown(value: float | str) -> str:
    return repr(value) if isinstance(value, str) else f"{value:g}"
