"""`corpus.yaml`, in which the owner of a corpus says what the columns of its table are and what is asked of a burst."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from burst2vec.config import UNREADABLE, StrictLoader
from burst2vec.corpora.corpus import KINDS, CorpusError, Problem
from burst2vec.corpora.spelling import composed, trimmed
from burst2vec.messages import shown

RESERVED = ("file", "corpus", "split", "speaker", "sex", "raw", "provided", "start", "end")
"""The columns of every corpus's table and of every table of predictions, whose names no task may have."""

EXPECTED = {
    "table": "the name of a CSV file in this folder", "file": "the column of the recordings' paths",
    "raw": "the column of the raw recordings' paths", "speaker": "a column of the table",
    "sex": "a column of the table", "split": "a column of the table", "synthetic": "true or false",
    "tasks": "a line for each, such as `age: {kind: scalar, columns: [age], unit: years}`",
    "kind": f"one of {', '.join(KINDS)}", "columns": "columns of the table, such as [age]",
    "unit": "a word, such as years", "classes": "two class names or more, such as [laugh, sigh]",
}
"""What the value of each key should be, in words."""


@dataclass(frozen=True)
class DeclaredTask:
    """A task as declared: its kind, the columns of the table on disk, the unit of a scalar, and the listed classes."""

    name: str
    kind: str
    columns: tuple[str, ...]
    unit: str = ""
    classes: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns of the corpus's table that the task fills: a single one has the task's name."""
        return (self.name,) if len(self.columns) == 1 else self.columns


@dataclass(frozen=True)
class Declaration:
    """What a `corpus.yaml` says. `file`, `raw`, `speaker`, `sex` and `split` are columns of the table on disk.

    Without `tasks` the corpus has no labels: a backbone can learn from it, and nothing else.
    """

    table: str
    file: str
    tasks: tuple[DeclaredTask, ...] = ()
    raw: str | None = None
    speaker: str | None = None
    sex: str | None = None
    split: str | None = None
    synthetic: bool = False


def read_declaration(path: Path) -> Declaration:
    """What a `corpus.yaml` says. Raises CorpusError, naming the file, the key and what would be right."""
    try:
        return _declaration(_content(path))
    except CorpusError as error:
        raise CorpusError.at(path.parent, Problem(path.name, None, str(error))) from None


@dataclass(frozen=True)
class Misread:
    """A word without quotes that YAML does not read as text: the word as `written`, and the `value` it becomes."""

    written: str
    value: Any

    def __repr__(self) -> str:
        return f"{self.written} (without quotes YAML reads it as {shown(self.value)})"


class _Loader(StrictLoader):
    """YAML in which a word that is turned into something that is written otherwise, such as 010 into 8 or NO into
    False, is a `Misread`."""

    twice = "{!r} is there twice"

    def construct_object(self, node, deep=False):
        value = super().construct_object(node, deep)
        plain = value is None or isinstance(value, str | int | float) and str(value) == node.value
        return value if plain or not isinstance(node, yaml.ScalarNode) else Misread(node.value, value)


def _content(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8-sig"), _Loader)
    except FileNotFoundError:
        raise CorpusError("there is no such file; it names the table and its columns, and declares the tasks") from None
    except UnicodeDecodeError:
        raise CorpusError("not UTF-8; save it in that encoding") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise CorpusError(f"{line}not readable as YAML ({' '.join(str(error.problem).split())})") from None
    except UNREADABLE:
        raise CorpusError("not readable as YAML; expected lines `key: value`") from None


def _declaration(content: Any) -> Declaration:
    said = _mapping(content, "", _fields(Declaration), needed=("table", "file"))
    texts = {key: _text(key, value) for key, value in said.items() if key not in ("synthetic", "tasks")}
    synthetic = said.get("synthetic", False)
    synthetic = synthetic.value if isinstance(synthetic, Misread) else synthetic  # `yes` means true in YAML
    if not isinstance(synthetic, bool):
        raise CorpusError(_wrong("synthetic", said["synthetic"]))
    tasks = said.get("tasks", {})
    if not isinstance(tasks, dict) or "tasks" in said and not tasks:
        raise CorpusError(_wrong("tasks", tasks))
    declared = tuple(_task(name, task) for name, task in tasks.items())
    made = Declaration(**{**texts, "table": said["table"], "tasks": declared, "synthetic": synthetic})
    _refuse_clashes(made)
    return made


def _task(name: Any, content: Any) -> DeclaredTask:
    name = composed(name) if isinstance(name, str) else name
    where = f"task {name if _is_line(name) else shown(name)}: "
    _refuse_name(name, where)
    said = _mapping(content, where, _fields(DeclaredTask)[1:], needed=("kind", "columns"))
    kind = said["kind"]
    if kind not in KINDS:
        raise CorpusError(where + _wrong("kind", kind))
    for key, its_kind in (("unit", "scalar"), ("classes", "classes")):
        if key in said and kind != its_kind:
            raise CorpusError(f"{where}{key} goes with the kind {its_kind}, and this task is of the kind {kind}")
    columns = _texts("columns", said["columns"], where)
    if kind != "intensities" and len(columns) > 1:
        raise CorpusError(f"{where}columns are {shown(list(columns))}; a task of the kind {kind} has one")
    classes = _texts("classes", said["classes"], where) if "classes" in said else ()
    if len(classes) == 1:
        raise CorpusError(where + _wrong("classes", said["classes"]))
    return DeclaredTask(name, kind, columns, _text("unit", said["unit"], where) if "unit" in said else "", classes)


def _refuse_name(name: Any, where: str) -> None:
    """Refuses what is no name, the name of a column of every table, and names that PyTorch keeps for itself: parts of
    models have the names of tasks."""
    from torch.nn import ModuleDict, ParameterDict

    if not isinstance(name, str) or not re.fullmatch(r"[^\W\d_][\w-]*", name):
        raise CorpusError(f"{where}a task's name has letters, digits, - and _, and begins with a letter")
    if name in RESERVED or hasattr(ModuleDict(), name) or hasattr(ParameterDict(), name):
        raise CorpusError(f"{where}the name is taken; call the task otherwise, such as {name}_label")


def _refuse_clashes(declared: Declaration) -> None:
    """Refuses tasks on columns that hold no labels, and two tasks that would fill one column."""
    filled: dict[str, str] = {}
    for task in declared.tasks:
        for key in ("file", "raw", "speaker", "split"):
            if getattr(declared, key) in task.columns:
                raise CorpusError(f"task {task.name}: column {getattr(declared, key)!r} is the {key}; "
                                  "a task's columns hold its labels")
        for column in task.targets:
            if column in RESERVED:
                raise CorpusError(f"task {task.name}: a column of several cannot be named {column!r}; rename it")
            if column in filled:
                raise CorpusError(f"tasks {filled[column]} and {task.name} would both fill the column {column!r}; "
                                  "rename a task or a column")
            filled[column] = task.name


def _mapping(content: Any, where: str, known: Collection[str], needed: Collection[str]) -> dict[str, Any]:
    """The keys that have a value. Raises CorpusError unless all are known and the needed ones are among them."""
    if not isinstance(content, dict):
        empty = "empty; " if content is None else ""
        raise CorpusError(f"{where}{empty}expected lines `key: value` with the keys {', '.join(known)}")
    for key in content:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
            raise CorpusError(f"{where}key {shown(key)} is not known; {hint}")
    said = {key: value for key, value in content.items() if value is not None}
    for key in needed:
        if key not in said:
            raise CorpusError(f"{where}{key} is missing; expected {EXPECTED[key]}")
    return said


def _texts(key: str, value: Any, where: str) -> tuple[str, ...]:
    """A list of different texts. One alone may stand without brackets, and whole numbers count as text."""
    values = value if isinstance(value, list) else [value]
    texts = tuple(str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in values)
    texts = tuple(_text(key, Misread("null", None) if text is None else text, where) for text in texts)
    if not texts:
        raise CorpusError(where + _wrong(key, value))
    if len(set(texts)) < len(texts):
        raise CorpusError(f"{where}{key} names {max(texts, key=texts.count)!r} twice")
    return texts


def _text(key: str, value: Any, where: str = "") -> str:
    """The value, which has to be one line of text, as the cells of a table are read: without white space at its ends,
    and composed."""
    if not isinstance(value, str):
        quotes = "" if isinstance(value, list | dict) else "; put quotes around it"
        raise CorpusError(where + _wrong(key, value) + quotes)
    if not _is_line(value):
        raise CorpusError(where + _wrong(key, value))
    return composed(trimmed(value))


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and value.splitlines() == [value] and bool(value.strip())


def _fields(kind: type) -> list[str]:
    return [f.name for f in dataclasses.fields(kind)]


def _wrong(key: str, value: Any) -> str:
    return f"{key} is {shown(value)}; expected {EXPECTED[key]}"
