"""Any corpus: a table of recordings, and a `corpus.yaml` beside it that says what its columns are."""

from __future__ import annotations

import difflib
from pathlib import Path

import pandas as pd

from burst2vec.corpora.corpus import CorpusError, Problem, Task
from burst2vec.corpora.readers.declaration import Declaration, Question, read_declaration
from burst2vec.corpora.readers.reading import Reading, draw_splits, leads_out, scalar_task
from burst2vec.corpora.readers.tablefile import TableFile

KNOWN_BY = "corpus.yaml"

SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "devel": "val", "development": "val", "test": "test",
}
"""What a split may be called, in small or capital letters."""

SEXES = {"f": "f", "female": "f", "woman": "f", "w": "f", "m": "m", "male": "m", "man": "m"}


def recognises(root: Path) -> bool:
    return (root / KNOWN_BY).is_file()


def read(root: Path, seed: int = 0) -> Reading:
    """The table that `corpus.yaml` names, with the tasks that it declares.

    A burst's id is its recording's path as listed, without suffix. Without `raw`, recordings are raw and provided in
    one; without `split`, speakers are drawn 70 / 15 / 15 % into train, val and test by `seed`, bursts where no speaker
    is known. Where no classes are listed they are those of the training part. A task of one column fills a column of
    its own name.
    """
    declared = read_declaration(root / KNOWN_BY)
    source = _open_table(root, declared)
    files = _ids(source, declared.file)
    column = {key: _column(source, getattr(declared, key)) for key in ("file", "raw", "speaker", "sex", "split")}
    table = pd.DataFrame({
        "split": _splits(source, files, column["split"] if declared.split else None, column["speaker"], seed),
        "speaker": column["speaker"], "sex": _sexes(source, column["sex"]),
        "raw": column["raw"] if declared.raw else column["file"], "provided": column["file"],
    })
    tasks = [_task(question, table, source) for question in declared.tasks]
    posed = tuple(task for task in tasks if task)
    _refuse_clashes(root, posed)
    return Reading(root, table.set_index(files), posed, declared.synthetic, source.name, list(source.rows),
                   source.problems)


def _open_table(root: Path, declared: Declaration) -> TableFile:
    """The table, which has every column that is declared."""
    if leads_out(declared.table):
        raise _error(root, f"table is {declared.table!r}, which leads out of the corpus; expected a file in it")
    if not (root / declared.table).is_file():
        raise _error(root, f"table is {declared.table!r}, and there is no such file in {root}")
    source = TableFile(root, declared.table, (), optional=None)
    keys = {key: getattr(declared, key) for key in ("file", "raw", "speaker", "sex", "split")}
    wanted = [(key, column) for key, column in keys.items() if column]
    wanted += [(f"task {task.name}: columns", column) for task in declared.tasks for column in task.columns]
    there = list(source.cells.columns)
    for key, column in wanted:
        if column not in there:
            alike = difflib.get_close_matches(column, there, n=1)
            hint = f"did you mean {alike[0]}?" if alike else f"its columns are {', '.join(there)}, separated by commas"
            raise _error(root, f"{key}: {declared.table} has no column {column!r}; {hint}")
    return source


def _error(root: Path, text: str) -> CorpusError:
    return CorpusError.at(root, Problem(KNOWN_BY, None, text))


def _column(source: TableFile, name: str | None) -> pd.Series:
    return source.cells[name] if name else pd.Series(None, source.cells.index, dtype=object)


def _ids(source: TableFile, column: str) -> pd.Index:
    """The recordings' paths without suffix; a row without one is named by its place, and a problem."""
    paths = source.cells[column]
    for position in source.positions(paths.isna()):
        source.problem(position, f"{column} is missing; expected the path of a recording")
    ids = paths.astype("str").str.replace(r"\.\w+$", "", regex=True)
    return pd.Index(ids.where(paths.notna(), [f"(unnamed {i})" for i in range(len(ids))]), name="file")


def _splits(source: TableFile, files: pd.Index, splits: pd.Series | None, speakers: pd.Series, seed: int) -> pd.Series:
    """Each burst's split, as listed or drawn."""
    unknown = speakers.isna()
    if unknown.any():
        consequence = ("they are dealt to the splits one by one, and a speaker may be in several" if splits is None else
                       "that splits keep speakers apart cannot be checked")
        source.problem(None, f"{unknown.sum()} of {len(files)} bursts have no speaker; {consequence}", grave=False)
    if splits is not None:
        return splits.str.lower().map(SPLIT_NAMES).fillna(splits)
    dealt = ("speaker " + speakers.astype("str")).where(~unknown, "burst " + files.to_series(speakers.index))
    return dealt.map(draw_splits(dealt, seed))


def _sexes(source: TableFile, column: pd.Series) -> pd.Series:
    """`f` or `m`; others are missing, and said to be."""
    sexes = column.str.lower().map(SEXES)
    for value, number in column[sexes.isna()].value_counts().items():
        source.problem(None, f"{column.name} is {value!r} in {number} rows, which is read as unknown; expected f or m",
                       grave=False)
    return sexes.astype(object).where(sexes.notna(), None)


def _task(question: Question, table: pd.DataFrame, source: TableFile) -> Task | None:
    """The task that a question poses, its labels put into `table`; None, and a problem, where training has too few."""
    for column, target in zip(question.columns, question.targets, strict=True):
        table[target] = source.cells[column] if question.kind == "classes" else source.numbers(column)
    if question.kind == "intensities":
        return Task(question.name, question.kind, question.targets)
    if question.kind == "scalar":
        task = scalar_task(question.name, question.name, question.unit, table)
    else:
        heard = table[question.name][table["split"] == "train"].dropna()
        classes = question.classes or tuple(sorted(heard.unique()))
        task = Task(question.name, question.kind, question.targets, classes) if len(classes) > 1 else None
    if task is None:
        source.problem(None, f"task {question.name}: the training rows hold fewer than two different labels in column "
                             f"{question.columns[0]}")
    return task


def _refuse_clashes(root: Path, tasks: tuple[Task, ...]) -> None:
    """A column of class probabilities must not be taken for another column of the predictions."""
    columns = [column for task in tasks for column in (*task.columns, *task.probability_columns)]
    for column in columns:
        if columns.count(column) > 1:
            raise _error(root, f"the predictions would hold two columns {column!r}, one of them the probability of a "
                               "class; rename a task or a column")
