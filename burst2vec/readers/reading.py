"""What a reader makes of a layout on disk, and what readers have in common."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np
import pandas as pd

from burst2vec.corpus import SPLITS, Corpus, CorpusError, Problem, Task, problems_of


@dataclass
class Reading:
    """What a reader found: the table and the tasks of a corpus, good or bad, and the problems it met on the way.

    `source` is the table on disk that lists the bursts, relative to `root`, empty where the recordings' names are all
    there is; `rows` (bursts,) says in which of its rows each burst stands. A cell that could not be read is missing.
    The `name` is given by `corpus.read`.
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

MISSING = ("", "nan", "NaN", "NA")
"""Cells that stand for no label."""


class TableFile:
    """A table of a corpus on disk, as text: `cells`, a row for each burst, and the `problems` met in reading it.

    `needed` columns that are `absent` are there, but empty; `optional` is None where any other may stand beside them.
    `rows` are the rows as a spreadsheet counts them. Of a row with more or fewer cells than the header nothing else is
    said. Raises CorpusError where the file is no table with the first of the needed columns.
    """

    def __init__(self, root: Path, name: str, needed: Sequence[str], optional: Sequence[str] | None = ()):
        self.root, self.name, self.problems, self._misfits = root, name, [], set()
        header, *records = self._records()
        header = [column.strip() for column in header]
        if needed and needed[0] not in header:
            raise self.error(f"column {needed[0]} is missing; expected {', '.join(needed)}, separated by commas")
        self.absent = [c for c in needed if c not in header]
        for column in self.absent:
            self.problem(None, f"column {column} is missing; expected {', '.join(needed)}")
        if optional is not None:
            for column in (c for c in header if c not in (*needed, *optional)):
                self.problem(None, f"column {column!r} is not known, and not read", grave=False)
        for column in (c for c, times in Counter(header).items() if times > 1):
            self.problem(None, f"column {column!r} is there twice; the first is read")
        self.rows, kept = [], []
        for row, record in enumerate(records, start=2):
            if record:  # not a blank line
                self.rows.append(row)
                kept.append(self._fitted(record, len(header), row))
        cells = pd.DataFrame(kept, columns=range(len(header)), dtype=object)
        cells = cells.where(~cells.isin(MISSING), None)
        place = {c: i for i, c in reversed(list(enumerate(header)))}  # the first of its name
        read = [c for c in place if optional is None or c in optional]
        columns = {c: cells[place[c]] if c in place else None for c in (*needed, *reversed(read))}
        self.cells = pd.DataFrame(columns, dtype=object)

    def problem(self, position: int | None, text: str, grave: bool = True) -> None:
        """Notes a problem with the burst at that position, or with the whole table."""
        row = None if position is None else self.rows[position]
        if row not in self._misfits:
            self.problems.append(Problem(self.name, row, text, grave))

    def error(self, text: str, row: int | None = None) -> CorpusError:
        """The error that makes the whole table useless."""
        return CorpusError.at(self.root, Problem(self.name, row, text))

    @staticmethod
    def positions(mask: Sequence[bool]) -> list[int]:
        """Where the mask holds."""
        return np.flatnonzero(mask).tolist()

    def numbers(self, column: str) -> pd.Series:
        """A column as float64. A cell that holds no finite number is missing, and a problem."""
        cells = self.cells[column]
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(float)
        finite = np.isfinite(numbers)
        for position in self.positions(~finite & cells.notna()):
            cell = cells.iloc[position]
            point = " with a decimal point" if re.fullmatch(r"-?\d+,\d+", cell) else ""
            self.problem(position, f"{column} is {cell!r}; expected a number{point}")
        return pd.Series(np.where(finite, numbers, np.nan), cells.index, name=column)

    def within(self, values: pd.Series, allowed: pd.Series, right: str) -> pd.Series:
        """The values that are allowed; others are missing, and a problem. `right` says what would be right."""
        for position in self.positions(values.notna() & ~allowed):
            self.problem(position, f"{values.name} is {values.iloc[position]:g}; {right}")
        return values.where(allowed)

    def _fitted(self, record: list[str], width: int, row: int) -> list[str]:
        if len(record) != width:
            text = (f"{len(record)} cells where the header has {width}; numbers have a decimal point, and text with "
                    "commas stands in quotes")
            self.problems.append(Problem(self.name, row, text))
            self._misfits.add(row)
        return [cell.strip() for cell in record[:width]] + [""] * (width - len(record))

    def _records(self) -> list[list[str]]:
        """The file's rows of cells, the header first. Raises CorpusError where it has none."""
        records = []
        try:
            for record in csv.reader(io.StringIO(self._text(), newline=""), strict=True):
                records.append(record)
        except csv.Error as error:
            text = f"no cells separated by commas ({error}); is there a quote too many?"
            raise self.error(text, len(records) + 1) from None
        if not records:
            raise self.error("empty; expected a table")
        return records

    def _text(self) -> str:
        path = self.root / self.name
        if not path.is_file():
            raise self.error("there is no such table")
        data = path.read_bytes()
        if data.startswith(codecs.BOM_UTF8):
            self.problem(None, "begins with a byte order mark, which is read over", grave=False)
            data = data.removeprefix(codecs.BOM_UTF8)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            line = data.count(b"\n", 0, error.start) + 1
            first = "" if utf16 else f", first in line {line}"
            self.problem(None, f"not UTF-8{first}; save the table in that encoding")
            return data.decode("utf-16" if utf16 else "cp1252", errors="replace")


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
