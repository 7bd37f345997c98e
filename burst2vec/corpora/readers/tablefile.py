"""A table of a corpus on disk, read as text with every problem that is met in it."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import CorpusError, Problem

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
