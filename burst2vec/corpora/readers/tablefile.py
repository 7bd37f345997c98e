"""A table of a corpus on disk, read as text, with every problem that is met in it."""

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
from burst2vec.corpora.spelling import composed, counted, folded, is_doubtful, is_missing, trimmed

SPREADSHEETS = (b"PK\3\4", b"\xd0\xcf\x11\xe0")
"""How the files of spreadsheet programs begin."""


class TableFile:
    """A table of a corpus on disk: `cells`, a row of texts for each burst, and the `problems` met in reading it.

    Cells have no white space at their ends; empty ones are None. `texts`, `words` and `numbers` give a column without
    the words that stand for a missing value. `rows` are the rows of the bursts as a spreadsheet counts them.

    The `needed` columns that the file lacks are listed in `absent`; they are there, but empty. `optional` columns are
    read where they are there, and all others where `optional` is None. Nothing more is said of a row with more or fewer
    cells than the header. Raises CorpusError where the file is no table that has the first of the needed columns.
    """

    def __init__(self, root: Path, name: str, needed: Sequence[str], optional: Sequence[str] | None = ()):
        self.root, self.name = root, name
        self.problems: list[Problem] = []
        self._misfits: set[int | None] = set()
        header, *records = self._records()
        header = [composed(trimmed(column)) for column in header]
        self._refuse_other_separators(header)
        if needed and needed[0] not in header:
            raise self.error(f"column {needed[0]} is missing; expected {', '.join(needed)}, separated by commas")
        self.absent = [c for c in needed if c not in header]
        self._note_columns(header, needed, optional)
        self.rows: list[int] = []
        kept = []
        for row, record in enumerate(records, start=2):
            if any(map(trimmed, record)):  # not a blank line, nor one of separators alone
                self.rows.append(row)
                kept.append(self._fitted(record, len(header), row))
        cells = pd.DataFrame(kept, columns=range(len(header)), dtype=object)
        cells = cells.where(cells != "", None)
        place = {c: i for i, c in reversed(list(enumerate(header)))}  # the first column of its name
        read = [c for c in place if optional is None or c in optional]
        columns = {c: cells[place[c]] if c in place else None for c in (*needed, *reversed(read))}
        self.cells = pd.DataFrame(columns, dtype=object)

    def problem(self, position: int | None, text: str, grave: bool = True) -> None:
        """Adds a problem with the burst at that position, or with the whole table."""
        row = None if position is None else self.rows[position]
        if row not in self._misfits:
            self.problems.append(Problem(self.name, row, text, grave))

    def error(self, text: str, row: int | None = None) -> CorpusError:
        """The error for something that makes the whole table useless."""
        return CorpusError.at(self.root, Problem(self.name, row, text))

    @staticmethod
    def positions(mask: Sequence[bool] | pd.Series | np.ndarray) -> list[int]:
        """The positions at which the mask is true."""
        return np.flatnonzero(mask).tolist()

    def missing(self, column: str, classes: Sequence[str] = ()) -> pd.Series:
        """For which rows a column is empty or holds a word for a missing value that is no spelling of one of
        the declared `classes`, bool (rows,)."""
        named = {folded(name) for name in classes}
        cells = self.cells[column]
        words = {word for word in cells.dropna().unique() if is_missing(word) and folded(word) not in named}
        return cells.isna() | cells.isin(words)

    def texts(self, column: str, classes: Sequence[str] | None = None) -> pd.Series:
        """A column of text as it is written, None where it is missing. A note says which words were taken for missing.

        `classes` are those that are declared for the column; None where it holds no classes.
        """
        cells, missing = self.cells[column], self.missing(column, classes or ())
        for word, count in cells[missing].value_counts().items():
            self.problem(None, f"{column} is {word!r} in {counted(count, 'row')}, read as missing{_hint(classes)}",
                         grave=False)
        return cells.where(~missing, None)

    def words(self, column: str, classes: Sequence[str] | None = None, speakers: bool = False) -> pd.Series:
        """A column of names, in Unicode's composed form, None where it is missing. Notes say which words were taken for
        missing, and which were not, though they may have been meant so.

        `classes` are those that are declared for the column; None where it holds no classes. In a column of `speakers`
        a doubtful word in several rows would make one speaker of people who are not known, and is a grave problem.
        """
        texts = self.texts(column, classes)
        texts = texts.map(composed, na_action="ignore").astype(object).where(texts.notna(), None)
        named = {folded(name) for name in classes or ()}
        for word, count in texts.value_counts().items():
            if is_doubtful(word) and folded(word) not in named:
                grave = speakers and count > 1
                wrong, right = (("which would be one speaker", "leave the cells of unknown speakers empty, or name "
                                 "this speaker otherwise") if grave else
                                (f"read as a name{_hint(classes)}", "if it means that none is known, leave its cells "
                                 "empty"))
                self.problem(None, f"{column} is {word!r} in {counted(count, 'row')}, {wrong}; {right}", grave)
        return texts

    def numbers(self, column: str) -> pd.Series:
        """A column as float64. A cell that holds no finite number becomes NaN, and is a problem unless it is
        empty or a word for a missing value."""
        cells = self.cells[column]
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(float)
        finite = np.isfinite(numbers)
        for position in self.positions(~finite & ~self.missing(column).to_numpy()):
            cell = cells.iloc[position]
            point = " with a decimal point" if re.fullmatch(r"-?\d+,\d+", cell) else ""
            self.problem(position, f"{column} is {cell!r}; expected a number{point}")
        return pd.Series(np.where(finite, numbers, np.nan), cells.index, name=column)

    def within(self, values: pd.Series, allowed: pd.Series, right: str) -> pd.Series:
        """The values that are allowed. Others become NaN, and are a problem; `right` says what is allowed."""
        for position in self.positions(values.notna() & ~allowed):
            self.problem(position, f"{values.name} is {values.iloc[position]:g}; {right}")
        return values.where(allowed)

    def _refuse_other_separators(self, header: Sequence[str]) -> None:
        names = {";": "semicolons", "\t": "tabs", "|": "bars"}
        found = next((name for sign, name in names.items() if sign in header[0]), "")
        if len(header) == 1 and found:
            raise self.error(f"its cells are separated by {found}; expected commas, and numbers with a decimal point")

    def _note_columns(self, header: Sequence[str], needed: Sequence[str], optional: Sequence[str] | None) -> None:
        for column in self.absent:
            self.problem(None, f"column {column} is missing; expected {', '.join(needed)}")
        if optional is not None:
            for column in (c for c in header if c not in (*needed, *optional)):
                self.problem(None, f"column {column!r} is not known, and not read", grave=False)
        for column in (c for c, times in Counter(filter(None, header)).items() if times > 1):
            self.problem(None, f"column {column!r} is there twice; the first is read")

    def _fitted(self, record: list[str], width: int, row: int) -> list[str]:
        """The row's cells, as many as the header has. That they were more or fewer is a problem, unless those beyond
        the header's are empty."""
        while len(record) > width and not trimmed(record[-1]):
            record = record[:-1]
        if len(record) != width:
            text = (f"{len(record)} cells where the header has {width}; numbers have a decimal point, and text with "
                    "commas stands in quotes")
            self.problems.append(Problem(self.name, row, text))
            self._misfits.add(row)
        return [_unquoted(trimmed(cell)) for cell in record[:width]] + [""] * (width - len(record))

    def _records(self) -> list[list[str]]:
        """The file's rows of cells, the header first. Raises CorpusError where it has none."""
        text = self._text()
        records, error = _parsed(text)
        if error:
            again, twice = _parsed(re.sub(r'"[ \t]+(?=[,\r\n]|$)', '"', text))  # without spaces behind a closing quote
            if twice:
                text = f"no cells separated by commas ({error}); is there a quote too many?"
                raise self.error(text, len(records) + 1)
            records = again
        if not records:
            raise self.error("empty; expected a table")
        if not any(map(trimmed, records[0])):
            raise self.error("its first line is blank; expected the names of the columns", 1)
        return records

    def _text(self) -> str:
        path = self.root / self.name
        if not path.is_file():
            raise self.error("there is no such table")
        data = path.read_bytes()
        if data.startswith(SPREADSHEETS):
            raise self.error("a spreadsheet; save it as CSV, in UTF-8")
        if b"\0" in data[:2]:  # which no table in UTF-8 begins with
            raise self.error("not UTF-8; save the table in that encoding")
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


def _parsed(text: str) -> tuple[list[list[str]], csv.Error | None]:
    """The rows of cells up to the first that cannot be read, and what is wrong there."""
    records: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True):
            records.append(record)
    except csv.Error as error:
        return records, error
    return records, None


def _unquoted(cell: str) -> str:
    """The content of a cell in quotes that the table's reader did not take for such, as behind a tab."""
    return trimmed(cell[1:-1].replace('""', '"')) if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _hint(classes: Sequence[str] | None) -> str:
    """What makes a class of a word in a column of classes."""
    return "" if classes is None else "; if it is a class, list it with the others under classes"
