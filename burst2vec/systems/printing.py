"""Predictions as text: CSV and JSON lines for files, and a table for a terminal."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from burst2vec.corpora.corpus import Task
from burst2vec.messages import printable

FORMATS = (".csv", ".jsonl")
"""The suffixes of files that predictions can be written to."""

STRONGEST = 2
"""The number of intensities of a task that the table for a terminal names where they fit, the strongest first."""

NARROWEST = 15
"""The number of characters to which no column of the table for a terminal is cut further."""

HINT = "Every intensity and probability: --out FILE.csv"
"""The last line of a table for a terminal, which leaves most numbers out."""


def format_predictions(table: pd.DataFrame, suffix: str = ".csv") -> str:
    """Predictions (`predictor.Predictor.predict`) as CSV or, for the suffix `.jsonl`, as JSON lines.

    Numbers have seven significant digits, about as many as float32 holds.
    """
    if suffix == ".csv":
        return table.to_csv(index=False, float_format="%.7g")
    rows = ({name: float(f"{value:.7g}") if isinstance(value, float) else value for name, value in row.items()}
            for row in table.to_dict("records"))
    return "".join(json.dumps(row) + "\n" for row in rows)


def format_for_terminal(table: pd.DataFrame, tasks: Sequence[Task], width: int = 80) -> str:
    """Predictions as lines of at most `width` characters: a line for each row, a column for each task.

    A column holds the strongest intensities, the scalar, or the most probable class with its probability. Where
    recordings were cut into windows, a column says where in the recording each window lies. What does not fit is cut,
    names of files at their beginning. Only where there are so many tasks that no column can be cut further are the
    lines longer.
    """
    for strongest in range(STRONGEST, 0, -1):
        columns = _columns(table, tasks, strongest)
        first, *others = (max(map(_width, (name, *cells))) for name, cells in columns.items())
        room = width - sum(others) - 2 * len(others)
        if room >= min(first, NARROWEST):
            break
    sizes = _fit([min(first, max(room, NARROWEST)), *others], width)
    from_the_left = [name == "file" for name in columns]
    lines = [tuple(columns), *zip(*columns.values(), strict=True)]
    return "".join("  ".join(map(_cut, line, sizes, from_the_left)).rstrip() + "\n" for line in lines) + f"{HINT}\n"


def _columns(table: pd.DataFrame, tasks: Iterable[Task], strongest: int) -> dict[str, list[str]]:
    """The cells of each column by its heading."""
    rows = table.to_dict("records")
    columns = {"file": [printable(row["file"]).replace("\n", "\\n") for row in rows]}
    if (table["start"] > 0).any():
        columns["seconds"] = [f"{row['start']:.1f}–{row['end']:.1f}" for row in rows]
    return columns | {_heading(task): [_answer(task, row, strongest) for row in rows] for task in tasks}


def _heading(task: Task) -> str:
    return f"{task.name} ({task.unit})" if task.unit else task.name


def _answer(task: Task, row: Mapping[Hashable, Any], strongest: int) -> str:
    """What a row of predictions says of a task, in a few words; so many intensities at most are named."""
    if task.kind == "scalar":
        return f"{row[task.columns[0]]:.1f}"
    if task.kind == "classes":
        return f"{row[task.columns[0]]} {max(row[column] for column in task.probability_columns):.2f}"
    named = sorted(task.columns, key=lambda column: -row[column])[:strongest]
    return ", ".join(f"{column} {row[column]:.2f}" for column in named)


def _fit(sizes: Sequence[int], width: int) -> list[int]:
    """The widths of columns, of which the widest are cut until all columns, two spaces apart, fit."""
    found = list(sizes)
    while sum(found) + 2 * (len(found) - 1) > width and max(found) > NARROWEST:
        found[found.index(max(found))] -= 1
    return found


def _cut(cell: str, size: int, keep_end: bool) -> str:
    """A cell padded to `size` characters; one that is longer loses its beginning or its end."""
    if _width(cell) > size:
        kept = ""
        for letter in reversed(cell) if keep_end else cell:
            if _width(kept + letter) >= size:
                break
            kept += letter
        cell = f"…{kept[::-1]}" if keep_end else f"{kept}…"
    return cell + " " * (size - _width(cell))


def _width(text: str) -> int:
    """The number of columns that a text takes on a terminal."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
