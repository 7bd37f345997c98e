"""What a reader makes of a layout on disk, and what readers have in common."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import SPLITS, Corpus, CorpusError, Finding, Problem, Task, table_faults
from burst2vec.corpora.plausibility import implausible
from burst2vec.corpora.readers.paths import leads_out
from burst2vec.corpora.recordings import by_stem


@dataclass
class Reading:
    """What a reader found: the table and the tasks of a corpus, good or bad, and the problems met on the way.

    A cell that could not be read is missing in `table`.
    """

    root: Path
    table: pd.DataFrame
    tasks: tuple[Task, ...]
    synthetic: bool = False
    source: str = ""
    """The table on disk that lists the bursts, relative to `root`; empty where recordings' names are all there is."""
    rows: Sequence[int] | None = None
    """The row of `source` in which each burst stands (bursts,), or None where there is no such table."""
    problems: list[Problem] = field(default_factory=list)
    """The problems that the reader met."""
    sources: tuple[str, ...] = ()
    """Everything that splits, speakers and labels were read from, relative to `root`: tables, declarations and lists of
    speakers, and folders where it is the names of the recordings that say it."""
    name: str = ""
    """The name of the corpus, which `opening.read` gives."""

    def all_problems(self) -> list[Problem]:
        """The reader's problems, then those of the table as a whole: ids, splits, speakers, labels, paths.

        The latter are left out for rows in which the reader found a grave fault: they could follow from it.
        """
        faulty = self.faulty_rows()
        found = [*table_faults(self.table, self.tasks), *_leaving(self.table), *implausible(self.table, self.tasks)]
        return self.problems + [p for p in map(self._located, found) if p.row not in faulty]

    def faulty_rows(self) -> set[int]:
        """The rows of `source` in which the reader found a grave fault."""
        return {p.row for p in self.problems if p.grave and p.file == self.source and p.row is not None}

    def row(self, position: int) -> int | None:
        """The row of `source` in which the burst at that position stands; None where there is no such table."""
        return None if self.rows is None else int(self.rows[position])

    def _located(self, found: Finding) -> Problem:
        if found.position is None:
            return Problem(self.source or ".", None, found.text, found.grave)
        place = self.source if self.rows is not None else str(self.table["provided"].iloc[found.position])
        return Problem(place, self.row(found.position), found.text, found.grave)

    def corpus(self) -> Corpus:
        """The corpus that was read. Raises CorpusError with the first of its grave problems."""
        grave = [p for p in self.all_problems() if p.grave]
        if grave:
            more = f" (and {len(grave) - 1} more: burst2vec check {self.root})" if len(grave) > 1 else ""
            raise CorpusError.at(self.root, grave[0], more)
        table = self.table.assign(corpus=self.name)
        return Corpus(self.name, self.root, table, self.tasks, self.synthetic)


def _leaving(table: pd.DataFrame) -> list[Finding]:
    """Bursts whose recording lies outside the corpus's folder."""
    found = {i: Finding(i, f"{path} leads out of the corpus; expected a path below its folder")
             for column in ("raw", "provided") for i, path in enumerate(table[column])
             if isinstance(path, str) and leads_out(path)}
    return list(found.values())


def recordings_in(root: Path, folder: str, suffix: str, problems: list[Problem]) -> dict[str, str]:
    """The recordings that lie in a folder of the corpus, relative to the corpus, by their name without suffix.

    Of several recordings of one name the one to be read is chosen as `recordings.by_stem` does, which is given the
    layout's usual `suffix`; the others are notes among `problems`. There are none where there is no such folder.
    """
    if not (root / folder).is_dir():
        return {}
    found = by_stem(os.listdir(root / folder), suffix)
    for chosen, *others in found.values():
        problems += not_read(chosen, [f"{folder}/{name}" for name in others])
    return {stem: f"{folder}/{names[0]}" for stem, names in found.items()}


def not_read(chosen: str, others: Iterable[str]) -> list[Problem]:
    """A note for each of the `others`, recordings in whose place the `chosen` one is read."""
    return [Problem(path, None, f"not read, since {os.path.basename(chosen)} lies beside it", grave=False)
            for path in others]


def draw_splits(speakers: pd.Series, seed: int, shares: tuple[float, float] = (0.7, 0.15)) -> dict[str, str]:
    """A split for each speaker: `shares` of them go to train and val, the rest to test."""
    order = np.random.default_rng(seed).permutation(np.sort(speakers.unique()))
    bounds = (np.cumsum(shares) * len(order)).round().astype(int)
    return {s: name for name, part in zip(SPLITS, np.split(order, bounds), strict=True) for s in part}


def scalar_task(name: str, column: str, unit: str, table: pd.DataFrame) -> Task | None:
    """A scalar task with the range of its training labels, or None where fewer than two of them differ."""
    labels = table[column][table["split"] == "train"].dropna()
    if labels.nunique() < 2:
        return None
    return Task(name, "scalar", (column,), unit=unit, low=float(labels.min()), high=float(labels.max()))
