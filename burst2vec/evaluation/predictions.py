"""Predictions as one tidy table for each system, with a row for each burst, indexed by `file`.

The columns are `split`, the target columns of each task (intensities in [0, 1], scalars in their own unit, the name of
the class) and, for a task of classes, the probability of each class: `country_China` and so on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from burst2vec.corpora.corpus import CorpusError, Task
from burst2vec.machine.files import write_aside


def tabulate(outputs: dict[str, np.ndarray], tasks: Sequence[Task], rows: pd.DataFrame,
             keep: Sequence[str] = ("split",)) -> pd.DataFrame:
    """The table of predictions, made from the outputs of each task's head, (rows, outputs).

    `rows` are the predicted rows of a corpus table or of a similar one, whose columns `keep` are kept.
    """
    table = rows[list(keep)].copy()
    for task in tasks:
        output = outputs[task.name]
        if task.kind == "classes":
            table[task.columns[0]] = np.array(task.classes, dtype=object)[output.argmax(1)]
            table[list(task.probability_columns)] = softmax(output.astype(np.float64), axis=1)
        elif task.kind == "scalar":
            table[task.columns[0]] = task.low + output[:, 0].astype(np.float64) * (task.high - task.low)
        else:
            table[list(task.columns)] = output
    return table


def write_predictions(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table of predictions as CSV, whole or not at all."""
    with write_aside(path) as aside:
        table.to_csv(aside, float_format="%.6g")


def read_predictions(path: str | Path) -> pd.DataFrame:
    """The table of predictions that `write_predictions` wrote to `path`.

    The names of classes are read as text, even `1` or `None`. Raises FileNotFoundError where there is no such file, and
    CorpusError where the file is not a table of predictions.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no predictions there; train that system first")
    try:
        first = pd.read_csv(path, dtype=str, keep_default_na=False, nrows=1)
        if not {"file", "split"} <= set(first.columns):
            raise CorpusError(f"{path}: not a table of predictions; expected the columns file, split and each task's")
        classes = [c for c in first for value in first[c] if f"{c}_{value}" in first]  # those with probabilities
        text = dict.fromkeys(["file", "split", *classes], str)
        table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError) as error:
        raise CorpusError(f"{path}: not a table of predictions ({' '.join(str(error).split())}); "
                          "predict again, or train that system again") from None
    _check(table, text, path)
    return table.set_index("file")


def _check(table: pd.DataFrame, text: Collection[str], path: str | Path) -> None:
    """Raise CorpusError where a burst has no name or is listed twice, or where a column of numbers holds text."""
    if not isinstance(table.index, pd.RangeIndex):  # pandas makes another index of rows longer than the header
        raise CorpusError(f"{path}: its rows have more cells than its header")
    unnamed, twice = table["file"].isna(), table["file"].duplicated()
    if unnamed.any():
        raise CorpusError(f"{path}: row {unnamed.argmax() + 2} names no file")
    if twice.any():
        raise CorpusError(f"{path}: burst {table['file'][twice].iloc[0]!r} is listed twice")
    infinite = np.isinf(table.select_dtypes("number")).any()
    for column in [c for c in table if c not in text and infinite.get(c, True)]:
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = numbers.isna() & table[column].notna() | np.isinf(numbers)
        if wrong.any() and not numbers.isna().all():  # a column of text alone holds classes without probabilities
            row = wrong.argmax()
            raise CorpusError(f"{path}: {column} of burst {table['file'][row]!r} is {table[column][row]!s:.100}; "
                              "expected a number")
