"""What a reader makes of a layout on disk, and what readers have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import SPLITS, Corpus, CorpusError, Problem, Task, problems_of


@dataclass
class Reading:
    """What a reader found: the table and the tasks of a corpus, good or bad, and the problems it met on the way.

    `source` is the table on disk that lists the bursts, relative to `root`, empty where the recordings' names are all
    there is; `rows` (bursts,) says in which of its rows each burst stands. A cell that could not be read is missing.
    The `name` is given by `opening.read`.
    """

    root: Path
    table: pd.DataFrame
    tasks: tuple[Task, ...]
    synthetic: bool = False
    source: str = ""
    rows: Sequence[int] | None = None
    problems: list[Problem] = field(default_factory=list)
    name: str = ""

    def all_problems(self) -> list[Problem]:
        """The reader's problems, then those of the table as a whole: ids, splits, speakers, labels, paths.

        Of a row in which the reader found a fault there are none of the table's: they could follow from it.
        """
        found = [*problems_of(self.table, self.tasks), *_leaving(self.table)]
        located, faulty = [self._locate(position, text) for position, text in found], self.faulty_rows()
        return self.problems + [p for p in located if p.row not in faulty]

    def faulty_rows(self) -> set[int]:
        """The rows of `source` in which the reader found a grave fault."""
        return {p.row for p in self.problems if p.grave and p.file == self.source and p.row is not None}

    def row(self, position: int) -> int | None:
        """The row of `source` in which the burst at that position stands; None where there is no such table."""
        return None if self.rows is None else int(self.rows[position])

    def _locate(self, position: int | None, text: str) -> Problem:
        if position is None:
            return Problem(self.source or ".", None, text)
        recording = str(self.table["provided"].iloc[position])
        return Problem(recording if self.rows is None else self.source, self.row(position), text)

    def corpus(self) -> Corpus:
        """The corpus read. Raises CorpusError with the first of its grave problems."""
        grave = [p for p in self.all_problems() if p.grave]
        if grave:
            more = f" (and {len(grave) - 1} more: burst2vec check {self.root})" if len(grave) > 1 else ""
            raise CorpusError.at(self.root, grave[0], more)
        table = self.table.assign(corpus=self.name)
        return Corpus(self.name, self.root, table, self.tasks, self.synthetic)


def _leaving(table: pd.DataFrame) -> list[tuple[int, str]]:
    """Bursts whose recording lies outside the corpus's folder."""
    found = {i: f"{path} leads out of the corpus; expected a path below its folder"
             for column in ("raw", "provided") for i, path in enumerate(table[column])
             if isinstance(path, str) and leads_out(path)}
    return list(found.items())


def leads_out(path: str) -> bool:
    """Whether a path relative to a corpus leaves its folder."""
    return PurePath(path).is_absolute() or ".." in PurePath(path).parts


AUDIO_SUFFIXES = (".flac", ".mp3", ".ogg", ".opus", ".wav", ".webm")
"""Of files that are taken for recordings."""


def draw_splits(speakers: pd.Series, seed: int, shares: tuple[float, float] = (0.7, 0.15)) -> dict[str, str]:
    """A split for each speaker: `shares` of them go to train and val, the rest to test."""
    order = np.random.default_rng(seed).permutation(np.sort(speakers.unique()))
    bounds = (np.cumsum(shares) * len(order)).round().astype(int)
    return {s: name for name, part in zip(SPLITS, np.split(order, bounds), strict=True) for s in part}


def scalar_task(name: str, column: str, unit: str, table: pd.DataFrame) -> Task | None:
    """A scalar with the range of its training labels; None where they are fewer than two different ones."""
    labels = table[column][table["split"] == "train"].dropna()
    if labels.nunique() < 2:
        return None
    return Task(name, "scalar", (column,), unit=unit, low=float(labels.min()), high=float(labels.max()))
