"""A corpus: one table with a row for each burst, and the tasks that its columns pose.

The table's index is `file`, the burst's id. Its columns are `split` (train, val or test), `speaker`, `sex`, the paths
`raw` and `provided` of the two kinds of audio relative to the corpus, and each task's target columns: intensities in
[0, 1], scalars in their own unit, classes by name. What is unknown is missing (NaN or None).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

SPLITS = ("train", "val", "test")
KINDS = ("intensities", "scalar", "classes")


class CorpusError(ValueError):
    """A corpus that cannot be used as it is; the message names the file, the row and what would be right."""


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
        if self.kind == "classes" and len(self.classes) < 2:
            raise CorpusError(f"task {self.name}: a task of classes needs two classes or more")

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

    def targets(self, table: pd.DataFrame) -> np.ndarray:
        """What a head is trained on: float32 (rows, columns), scalars 0-1 scaled (section 4.1), or class indices
        int64 (rows,). Rows without a label hold NaN, or -1."""
        if self.kind == "classes":
            return pd.Categorical(table[self.columns[0]], categories=self.classes).codes.astype(np.int64)
        values = table[list(self.columns)].to_numpy(np.float64)
        if self.kind == "scalar":
            values = (values - self.low) / (self.high - self.low)
        return values.astype(np.float32)


@dataclass(frozen=True)
class Corpus:
    """Bursts and tasks. `synthetic` marks the embedded corpus, whose numbers say nothing about people."""

    name: str
    root: Path
    table: pd.DataFrame
    tasks: tuple[Task, ...]
    synthetic: bool = False

    def __post_init__(self):
        _validate(self)

    def split(self, name: str) -> pd.DataFrame:
        """The rows of one split."""
        return self.table[self.table["split"] == name]

    def task(self, name: str) -> Task:
        """The task of that name. KeyError where there is none."""
        return {t.name: t for t in self.tasks}[name]

    def poses(self, *names: str) -> bool:
        """Whether every task named is among the tasks."""
        return set(names) <= {t.name for t in self.tasks}


def _validate(corpus: Corpus) -> None:
    table, where = corpus.table, corpus.root
    twice = table.index[table.index.duplicated()]
    if len(twice):
        raise CorpusError(f"{where}: burst {twice[0]!r} is listed twice")
    strange = table[~table["split"].isin(SPLITS)]
    if len(strange):
        raise CorpusError(f"{where}: burst {strange.index[0]!r} is in split {strange['split'].iloc[0]!r}; "
                          f"expected one of {', '.join(SPLITS)}")
    speakers = table.dropna(subset="speaker").groupby("speaker")["split"].nunique()
    if (speakers > 1).any():
        raise CorpusError(f"{where}: speaker {speakers.idxmax()!r} is in more than one split; splits keep speakers apart")
    for task in corpus.tasks:
        _validate_task(task, table, where)


def _validate_task(task: Task, table: pd.DataFrame, where: Path) -> None:
    if task.kind == "classes":
        known = table[task.columns[0]].dropna()
        strange = known[~known.isin(task.classes)]
        if len(strange):
            raise CorpusError(f"{where}: burst {strange.index[0]!r} has {task.name} {strange.iloc[0]!r}; "
                              f"expected one of {', '.join(task.classes)}")
    if task.kind == "intensities":
        for column in task.columns:
            strange = table[column][(table[column] < 0) | (table[column] > 1)]
            if len(strange):
                raise CorpusError(f"{where}: burst {strange.index[0]!r} has {column} {strange.iloc[0]:g}; "
                                  "intensities lie in [0, 1]")
    for split in ("train", "val"):
        if not task.labelled(table[table["split"] == split]).any():
            raise CorpusError(f"{where}: no burst of split {split} has a label for task {task.name}")


def read_corpus(root: str | Path, layout: str = "auto", tasks: list[str] | None = None, seed: int = 0) -> Corpus:
    """The corpus in folder `root`, restricted to the tasks named (all of them by default).

    `layout` is a name in `readers.READERS`, or `auto` to recognise it. `seed` draws the splits of a corpus that
    comes without. Raises FileNotFoundError and CorpusError with the file, the row and what would be right.
    """
    from burst2vec.readers import READERS, recognise

    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"corpus {root}: there is no such folder")
    name = recognise(root) if layout == "auto" else layout
    if name not in READERS:
        raise CorpusError(f"layout {name!r} is unknown; expected auto or one of {', '.join(READERS)}")
    corpus = READERS[name](root, seed)
    unknown = [t for t in tasks or [] if not corpus.poses(t)]
    if unknown:
        raise CorpusError(f"task {unknown[0]!r} is not posed by {root}; it has {', '.join(t.name for t in corpus.tasks)}")
    return dataclasses.replace(corpus, tasks=tuple(t for t in corpus.tasks if not tasks or t.name in tasks))


def open_corpus(params) -> Corpus:
    """The corpus that `params` (a `config.Params`) names; the embedded one is synthesised on first use."""
    if params.corpus != "synthetic":
        return read_corpus(params.path(params.corpus), params.layout, params.tasks, params.split_seed)
    sizes = (params.synthetic_train, params.synthetic_val, params.synthetic_test)
    from burst2vec.synth import VERSION, synthesise

    name = "-".join(map(str, (f"synthetic{VERSION}", *sizes, f"bias{params.synthetic_bias:g}", f"seed{params.synthetic_seed}")))
    folder = params.path(params.cache) / name
    if not folder.exists():
        synthesise(folder, *sizes, bias=params.synthetic_bias, seed=params.synthetic_seed)
    return read_corpus(folder, "exvo", params.tasks, params.split_seed)
