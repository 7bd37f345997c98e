"""Any corpus: a table of recordings, and a `corpus.yaml` beside it that says what its columns are."""

from __future__ import annotations

import difflib
from pathlib import Path

import pandas as pd

from burst2vec.corpora.corpus import CorpusError, Problem, Task
from burst2vec.corpora.readers.declaration import Declaration, DeclaredTask, read_declaration
from burst2vec.corpora.readers.paths import Disk, as_listed, leads_out
from burst2vec.corpora.readers.reading import Reading, draw_splits, not_read, scalar_task
from burst2vec.corpora.readers.tablefile import TableFile
from burst2vec.corpora.spelling import composed, counted, folded
from burst2vec.messages import shown

KNOWN_BY = "corpus.yaml"
"""What the layout is known by."""

SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "devel": "val", "development": "val", "test": "test",
}
"""What a split may be called, in small or capital letters."""

SEXES = {"f": "f", "female": "f", "woman": "f", "w": "f", "m": "m", "male": "m", "man": "m"}
"""What a sex may be called, in small or capital letters."""


def recognises(root: Path) -> bool:
    """Whether the folder has a `corpus.yaml`."""
    return (root / KNOWN_BY).is_file()


def sources(root: Path) -> tuple[str, ...]:
    """The files that splits, speakers and labels are read from, relative to `root`.

    Raises CorpusError where the declaration, which names the table, cannot be read.
    """
    return KNOWN_BY, read_declaration(root / KNOWN_BY).table


def read(root: Path, seed: int = 0) -> Reading:
    """Reads the table that `corpus.yaml` names, with the tasks that it declares.

    A burst's id is the path of its recording as listed, without suffix. Without `raw`, the same recordings are raw and
    provided. Without `split`, speakers are drawn 70 / 15 / 15 % into train, val and test by `seed`, or bursts where no
    speaker is known. Where no classes are listed they are those of the training part. A task with a single column fills
    a column of its own name. Raises CorpusError where the declaration and the table do not fit each other.
    """
    declared = read_declaration(root / KNOWN_BY)
    source = _open_table(root, declared)
    paths = source.cells[declared.file].mask(source.missing(declared.file), None)
    speakers = source.words(declared.speaker, speakers=True) if declared.speaker else _unknown(source)
    disk = Disk(root)
    provided = _recordings(source, paths, disk)
    raw = _recordings(source, source.texts(declared.raw), disk) if declared.raw else provided
    files = _ids(source, declared.file, paths, provided)
    table = pd.DataFrame({
        "split": _splits(source, files, declared, speakers, seed), "speaker": speakers,
        "sex": _sexes(source, declared.sex), "raw": raw, "provided": provided,
    })
    tasks = tuple(task for task in (_task(question, table, source) for question in declared.tasks) if task)
    _refuse_clashes(root, tasks)
    return Reading(root, table.set_index(files), tasks, declared.synthetic, source.name, source.rows, source.problems,
                   sources=sources(root))


def _open_table(root: Path, declared: Declaration) -> TableFile:
    """The table, which has every column that is declared."""
    if leads_out(declared.table):
        raise _error(root, f"table is {declared.table!r}, which leads out of the corpus; expected a file in it")
    if not _is_file(root / declared.table):
        raise _error(root, f"table is {declared.table!r}, and there is no such file in {root}")
    source = TableFile(root, declared.table, (), optional=None)
    keys = {key: getattr(declared, key) for key in ("file", "raw", "speaker", "sex", "split")}
    wanted = [(key, column) for key, column in keys.items() if column]
    wanted += [(f"task {task.name}: columns", column) for task in declared.tasks for column in task.columns]
    there = list(source.cells.columns)
    for key, column in wanted:
        if column not in there:
            close = difflib.get_close_matches(column, there, n=1)
            hint = f"did you mean {close[0]}?" if close else f"its columns are {', '.join(there)}, separated by commas"
            raise _error(root, f"{key}: {declared.table} has no column {shown(column)}; {hint}")
    return source


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for the file system
        return False


def _error(root: Path, text: str) -> CorpusError:
    return CorpusError.at(root, Problem(KNOWN_BY, None, text))


def _unknown(source: TableFile) -> pd.Series:
    return pd.Series(None, source.cells.index, dtype=object)


def _recordings(source: TableFile, paths: pd.Series, disk: Disk) -> pd.Series:
    """The files that the listed paths mean. A path that means none is kept, and a note says what resembles it."""
    found: list[str | None] = []
    for position, path in enumerate(paths):
        file = disk.find(path) if path else None
        if path and file is None and not leads_out(path) and (other := disk.resembling(path)):
            source.problem(position, f"{path}: there is no such file, but {other}, which is written otherwise",
                           grave=False)
        if file is not None and (chosen := disk.read_first(file)) != file:
            source.problems += not_read(chosen, [file])
            file = chosen
        found.append(file or (path and as_listed(path)))
    return pd.Series(found, paths.index, dtype=object)


def _ids(source: TableFile, column: str, listed: pd.Series, found: pd.Series) -> pd.Index:
    """The recordings' paths without suffix. A row without one is named by its place, and is a problem."""
    for position in source.positions(listed.isna()):
        source.problem(position, f"{column} is missing; expected the path of a recording")
    ids = found.astype("str").str.replace(r"\.\w+$", "", regex=True)
    ids = ids.map(composed, na_action="ignore")
    return pd.Index(ids.where(listed.notna(), [f"(unnamed {i})" for i in range(len(ids))]), name="file")


def _splits(source: TableFile, files: pd.Index, declared: Declaration, speakers: pd.Series, seed: int) -> pd.Series:
    """Each burst's split, as listed or drawn."""
    unknown = speakers.isna()
    if unknown.any():
        consequence = ("that splits keep speakers apart cannot be checked" if declared.split else
                       "they are dealt to the splits one by one, and a speaker may be in several")
        source.problem(None, f"{unknown.sum()} of {len(files)} bursts have no speaker; {consequence}", grave=False)
    if declared.split:
        splits = source.cells[declared.split]
        return _translated(splits, SPLIT_NAMES).fillna(splits)
    dealt = ("speaker " + speakers.astype("str")).where(~unknown, "burst " + files.to_series(speakers.index))
    return dealt.map(draw_splits(dealt, seed))


def _translated(cells: pd.Series, names: dict[str, str]) -> pd.Series:
    return cells.map({word: names.get(folded(word)) for word in cells.dropna().unique()})


def _sexes(source: TableFile, column: str | None) -> pd.Series:
    """The speakers' sex, `f` or `m`. Everything else is read as missing, with a note."""
    if column is None:
        return _unknown(source)
    cells = source.cells[column]
    sexes = _translated(cells, SEXES)
    for value, number in cells[sexes.isna()].value_counts().items():
        source.problem(None, f"{column} is {value!r} in {counted(number, 'row')}, which is read as unknown; "
                             "expected f or m", grave=False)
    return sexes.astype(object).where(sexes.notna(), None)


def _task(declared: DeclaredTask, table: pd.DataFrame, source: TableFile) -> Task | None:
    """The task as declared, whose labels are put into `table`; None, and a problem, where training has too few."""
    for column, target in zip(declared.columns, declared.targets, strict=True):
        classes = declared.kind == "classes"
        table[target] = source.words(column, declared.classes) if classes else source.numbers(column)
    if declared.kind == "intensities":
        return Task(declared.name, declared.kind, declared.targets)
    if declared.kind == "scalar":
        task = scalar_task(declared.name, declared.name, declared.unit, table)
    else:
        occurring = table[declared.name][table["split"] == "train"].dropna()
        names = declared.classes or tuple(sorted(occurring.unique()))
        task = Task(declared.name, declared.kind, declared.targets, names) if len(names) > 1 else None
    if task is None:
        source.problem(None, f"task {declared.name}: the training rows hold fewer than two different labels in column "
                             f"{declared.columns[0]}")
    return task


def _refuse_clashes(root: Path, tasks: tuple[Task, ...]) -> None:
    """Refuses a column of class probabilities that could be taken for another column of the predictions."""
    columns = [column for task in tasks for column in (*task.columns, *task.probability_columns)]
    for column in columns:
        if columns.count(column) > 1:
            raise _error(root, f"the predictions would hold two columns {column!r}, one of them the probability of a "
                               "class; rename a task or a column")
