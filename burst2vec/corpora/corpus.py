"""A corpus: one table with a row for each burst, and the tasks that its columns pose.

The table's index is `file`, the burst's id. Its columns are `corpus`, the name of the corpus; `split` (train, val or
test); `speaker`; `sex` (f or m); the paths `raw` and `provided` of the two kinds of audio, relative to the corpus; and
the target columns of each task: intensities in [0, 1], scalars in their own unit, classes by name. Unknown values are
missing (NaN or None).

A reader turns a layout on disk into a `Reading`, which holds every problem that the reader met; a `Corpus` is a reading
without grave problems. Several corpora can be joined into one.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from burst2vec.corpora.spelling import folded
from burst2vec.messages import shown

SPLITS = ("train", "val", "test")
"""The splits of a corpus."""

SPLIT_WORDS = {"train": "training", "val": "validation", "test": "test"}
"""What sentences, and in capitals headings, call each split."""

KINDS = ("intensities", "scalar", "classes")
"""The kinds of task."""


AUDIO = {"provided": "provided", "own": "raw"}
"""The column of a corpus's table with the recordings that each kind of audio is made of."""


class CorpusError(ValueError):
    """A corpus that cannot be used as it is; the message names the file, the row and what would be right."""

    problem: Problem | None = None
    """The file, the row and the words, one by one, where the error was made `at` a place in the corpus."""

    @classmethod
    def at(cls, root: Path, problem: Problem, more: str = "") -> CorpusError:
        """The error for a problem of the corpus in folder `root`; `more` is added to the message."""
        error = cls(f"{root / str(problem)}{more}")
        error.problem = problem
        return error


@dataclass(frozen=True)
class Problem:
    """Something that is wrong in a corpus, and what would be right.

    `file` is relative to the corpus. `row` is the row of the table that lists the burst, counted as a spreadsheet does
    (the header is row 1), or None where there is no such row. A `grave` problem makes training wrong or impossible;
    others are notes, which are worth a look.
    """

    file: str
    row: int | None
    problem: str
    grave: bool = True

    @property
    def place(self) -> str:
        """The file, and the row where there is one, as messages name them."""
        return self.file if self.row is None else f"{self.file}, row {self.row}"

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


class Finding(NamedTuple):
    """Something that is wrong in a corpus's table: the position of the burst (None for the whole table), the words, and
    whether it is grave. A `Reading` turns it into a `Problem`, which says where that is on disk."""

    position: int | None
    text: str
    grave: bool = True


@dataclass(frozen=True)
class Task:
    """What is asked of a burst. The kind of the task decides its head, loss and metric.

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
            right = isinstance(texts, tuple) and all(isinstance(t, str) for t in texts)
            if not right or len(set(texts)) < len(texts):
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
        """The number of values that the task's head puts out."""
        return len(self.classes) or len(self.columns)

    @property
    def probability_columns(self) -> tuple[str, ...]:
        """The columns of the class probabilities in a table of predictions."""
        return tuple(f"{self.name}_{c}" for c in self.classes)

    def labelled(self, table: pd.DataFrame) -> np.ndarray:
        """Which rows of `table` have a label for this task, bool (rows,)."""
        return table[list(self.columns)].notna().all(axis=1).to_numpy()

    def labels(self, table: pd.DataFrame) -> np.ndarray:
        """The labels as numbers: float64 (rows, columns) in their own unit, or class indices int64 (rows,).

        Rows without a label hold NaN, or the class index -1.
        """
        if self.kind == "classes":
            return pd.Categorical(table[self.columns[0]], categories=self.classes).codes.astype(np.int64)
        return table[list(self.columns)].to_numpy(np.float64)

    def targets(self, table: pd.DataFrame) -> np.ndarray:
        """The labels as a head is trained on them.

        They are those of `labels`, but float32, and scalars are scaled to 0-1 (section 4.1); class indices stay int64.
        """
        labels = self.labels(table)
        if self.kind == "classes":
            return labels
        if self.kind == "scalar":
            labels = (labels - self.low) / (self.high - self.low)
        return labels.astype(np.float32)

    def asks_the_same(self, other: Task) -> bool:
        """Whether the other task differs from this one at most in the range of its scalar."""
        return dataclasses.replace(self, low=0, high=1) == dataclasses.replace(other, low=0, high=1)


@dataclass(frozen=True)
class Corpus:
    """Bursts and tasks.

    `synthetic` marks bursts that the embedded synthesiser made, whose numbers say nothing about people. `parts` are the
    corpora that were joined into this one. Raises CorpusError where the table does not fit the tasks.
    """

    name: str
    root: Path
    table: pd.DataFrame
    tasks: tuple[Task, ...]
    synthetic: bool = False
    parts: tuple[Corpus, ...] = ()

    def __post_init__(self):
        for finding in table_faults(self.table, self.tasks):
            raise CorpusError(f"{self.root}: {finding.text}")

    @property
    def wholly_synthetic(self) -> bool:
        """Whether all bursts are synthetic, those of all corpora that it is joined from."""
        return all(part.wholly_synthetic for part in self.parts) if self.parts else self.synthetic

    @property
    def absent_audio(self) -> list[str]:
        """The kinds of audio for which it, or one of the corpora that it is joined from, has no recordings at all."""
        absent = [absent_audio(part.table) for part in self.parts or (self,)]
        return [kind for kind in AUDIO if any(kind in kinds for kinds in absent)]

    def split(self, name: str) -> pd.DataFrame:
        """The rows of one split."""
        return self.table[self.table["split"] == name]

    def task(self, name: str) -> Task:
        """The task of that name. Raises KeyError where there is none."""
        return {t.name: t for t in self.tasks}[name]

    def poses(self, *names: str) -> bool:
        """Whether the corpus has a task of every name given."""
        return set(names) <= {t.name for t in self.tasks}


def absent_audio(table: pd.DataFrame) -> list[str]:
    """The kinds of audio for which no burst of a corpus's table has a recording."""
    return [kind for kind, column in AUDIO.items() if table[column].isna().all()]


def deciding_task(tasks: Sequence[Task], name: str = "auto") -> Task:
    """The task that decides when training stops: the one of that name, or for `auto` emotion, or else the first.

    Raises CorpusError where none of the tasks has the name.
    """
    by_name = {task.name: task for task in tasks}
    if name == "auto":
        return by_name.get("emotion", tasks[0])
    if name not in by_name:
        raise CorpusError(f"parameter early_stopping_task is {name!r}; this corpus poses {', '.join(by_name)}")
    return by_name[name]


def table_faults(table: pd.DataFrame, tasks: Iterable[Task]) -> list[Finding]:
    """Every fault of a corpus's table that makes it unusable: in ids, splits, speakers and labels."""
    files = table.index
    if not len(table):
        return [Finding(None, "lists no bursts")]
    found = [Finding(i, f"burst {files[i]!r} is listed twice") for i in _positions(files.duplicated())]
    known = table["split"].isin(SPLITS)
    found += [Finding(i, f"burst {files[i]!r} is in {_split(table['split'].iloc[i])}; "
                         f"expected one of {', '.join(SPLITS)}") for i in _positions(~known)]
    found += [Finding(i, f"speaker {table['speaker'].iloc[i]!r} is in more than one split; splits keep speakers apart")
              for i in _outside_their_speakers_split(table[["speaker", "split"]].where(known))]
    peopled = [s for s in ("train", "val") if (table["split"] == s).any()]
    found += [Finding(None, f"no burst is in split {s}") for s in ("train", "val") if s not in peopled]
    for task in tasks:
        found += _label_faults(task, table, peopled)
    return found


def _split(name: str | float) -> str:
    return f"split {name!r}" if isinstance(name, str) else "no split"


def _positions(mask: np.ndarray | pd.Series) -> list[int]:
    return np.flatnonzero(mask).tolist()


def _outside_their_speakers_split(table: pd.DataFrame) -> list[int]:
    """Positions of the bursts that are not in the split that holds most of their speaker's bursts."""
    positions = _positions(table.notna().all(axis=1))
    pairs = list(table.iloc[positions].itertuples(index=False, name=None))
    most: dict[str, str] = {}
    for (speaker, split), _ in Counter(pairs).most_common():
        most.setdefault(speaker, split)
    return [i for i, (speaker, split) in zip(positions, pairs, strict=True) if split != most[speaker]]


def _label_faults(task: Task, table: pd.DataFrame, splits: Iterable[str]) -> list[Finding]:
    found = []
    for column in task.columns:
        labels = table[column]
        if task.kind == "classes":
            strange, right = labels.notna() & ~labels.isin(task.classes), f"expected one of {', '.join(task.classes)}"
        elif task.kind == "intensities":
            strange, right = (labels < 0) | (labels > 1), "intensities lie in [0, 1]"
        else:
            strange, right = np.isinf(labels), "expected a number"
        found += [Finding(i, f"burst {table.index[i]!r} has {column} {_shown(labels.iloc[i])}; {right}"
                             f"{_hint(labels.iloc[i], task.classes)}") for i in _positions(strange)]
    labelled = task.labelled(table)
    for split in splits:
        if not labelled[table["split"] == split].any():
            found.append(Finding(None, f"no burst of split {split} has a label for task {task.name}"))
    return found


def _shown(value: float | str) -> str:
    return repr(value) if isinstance(value, str) else f"{value:g}"


def _hint(label: float | str, classes: Iterable[str]) -> str:
    """Which class a label that is none is probably meant for."""
    meant = [c for c in classes if isinstance(label, str) and folded(c) == folded(label)]
    return f"; did you mean {meant[0]!r}?" if meant else ""
