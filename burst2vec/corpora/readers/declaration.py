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

from burst2vec.corpora.corpus import KINDS, CorpusError, Problem
from burst2vec.messages import shown

STANDARD = ("file", "corpus", "split", "speaker", "sex", "raw", "provided")
"""What every corpus's table has; no task goes by these names."""

MEANING = {
    "table": "the name of a CSV file in this folder", "file": "the column of the recordings' paths",
    "raw": "the column of the raw recordings' paths", "speaker": "a column of the table",
    "sex": "a column of the table", "split": "a column of the table", "synthetic": "true or false",
    "tasks": "a line for each, such as `age: {kind: scalar, columns: [age], unit: years}`",
    "kind": f"one of {', '.join(KINDS)}", "columns": "columns of the table, such as [age]",
    "unit": "a word, such as years", "classes": "two class names or more, such as [laugh, sigh]",
}


@dataclass(frozen=True)
class Question:
    """A task as declared: its kind, the columns of the table on disk, the unit of a scalar, the classes if listed."""

    name: str
    kind: str
    columns: tuple[str, ...]
    unit: str = ""
    classes: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns of the corpus's table: a single one goes by the task's name."""
        return (self.name,) if len(self.columns) == 1 else self.columns


@dataclass(frozen=True)
class Declaration:
    """What a `corpus.yaml` says. `file`, `raw`, `speaker`, `sex` and `split` are columns of the table on disk."""

    table: str
    file: str
    tasks: tuple[Question, ...]
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


class _Loader(yaml.SafeLoader):
    """YAML in which no key stands twice: the later one would silently win."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        twice = [key for key, _ in node.value if keys.count(key.value) > 1]
        if twice:
            raise yaml.constructor.ConstructorError(
                problem=f"{twice[-1].value!r} is there twice", problem_mark=twice[-1].start_mark)
        return super().construct_mapping(node, deep)


def _content(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8-sig"), _Loader)
    except FileNotFoundError:
        raise CorpusError("there is no such file; it names the table and its columns, and declares the tasks") from None
    except UnicodeDecodeError:
        raise CorpusError("not UTF-8; save it in that encoding") from None
    except yaml.MarkedYAMLError as error:
        raise CorpusError(f"line {error.problem_mark.line + 1}: not readable as YAML ({error.problem})") from None
    except (yaml.YAMLError, ValueError, RecursionError):  # a date that is none, brackets without end
        raise CorpusError("not readable as YAML; expected lines `key: value`") from None


def _declaration(content: Any) -> Declaration:
    said = _mapping(content, "", _fields(Declaration), needed=("table", "file", "tasks"))
    for key, value in said.items():
        if key not in ("synthetic", "tasks"):
            _text(key, value)
    if not isinstance(said.get("synthetic", False), bool):
        raise CorpusError(_wrong("synthetic", said["synthetic"]))
    tasks = said["tasks"]
    if not isinstance(tasks, dict) or not tasks:
        raise CorpusError(_wrong("tasks", tasks))
    made = Declaration(**{**said, "tasks": tuple(_question(name, task) for name, task in tasks.items())})
    _refuse_clashes(made)
    return made


def _question(name: Any, content: Any) -> Question:
    where = f"task {name}: "
    _refuse_name(name, where)
    said = _mapping(content, where, _fields(Question)[1:], needed=("kind", "columns"))
    kind = said["kind"]
    if kind not in KINDS:
        raise CorpusError(where + _wrong("kind", kind))
    for key, its_kind in (("unit", "scalar"), ("classes", "classes")):
        if key in said and kind != its_kind:
            raise CorpusError(f"{where}{key} goes with the kind {its_kind}, and this task is of the kind {kind}")
    columns = _texts("columns", said["columns"], where)
    if kind != "intensities" and len(columns) > 1:
        raise CorpusError(f"{where}columns are {', '.join(columns)}; a task of the kind {kind} has one")
    classes = _texts("classes", said["classes"], where) if "classes" in said else ()
    if len(classes) == 1:
        raise CorpusError(where + _wrong("classes", said["classes"]))
    return Question(name, kind, columns, _text("unit", said.get("unit", ""), where), classes)


def _refuse_name(name: Any, where: str) -> None:
    """Refuses what is no name, a column of every corpus, and what PyTorch keeps: parts of models bear tasks' names."""
    from torch.nn import ModuleDict, ParameterDict

    if not isinstance(name, str) or not re.fullmatch(r"[^\W\d_][\w-]*", name):
        raise CorpusError(f"{where}a task's name has letters, digits, - and _, and begins with a letter")
    if name in STANDARD or hasattr(ModuleDict(), name) or hasattr(ParameterDict(), name):
        raise CorpusError(f"{where}the name is taken; call the task otherwise, such as {name}_label")


def _refuse_clashes(declared: Declaration) -> None:
    """Refuses tasks on columns that say no label, and two tasks that would fill one column."""
    filled: dict[str, str] = {}
    for task in declared.tasks:
        for key in ("file", "raw", "speaker", "split"):
            if getattr(declared, key) in task.columns:
                raise CorpusError(f"task {task.name}: column {getattr(declared, key)!r} is the {key}; "
                                  "a task's columns hold its labels")
        for column in task.targets:
            if column in STANDARD:
                raise CorpusError(f"task {task.name}: a column of several cannot be named {column!r}; rename it")
            if column in filled:
                raise CorpusError(f"tasks {filled[column]} and {task.name} would both fill the column {column!r}; "
                                  "rename a task or a column")
            filled[column] = task.name


def _mapping(content: Any, where: str, known: Collection[str], needed: Collection[str]) -> dict[str, Any]:
    """The content's keys that have a value, all of them known and the needed ones among them."""
    if not isinstance(content, dict):
        raise CorpusError(f"{where}expected lines `key: value` with the keys {', '.join(known)}")
    for key in content:
        if key not in known:
            alike = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {alike[0]}?" if alike else f"known are {', '.join(known)}"
            raise CorpusError(f"{where}key {shown(key)} is not known; {hint}")
    said = {key: value for key, value in content.items() if value is not None}
    for key in needed:
        if key not in said:
            raise CorpusError(f"{where}{key} is missing; expected {MEANING[key]}")
    return said


def _texts(key: str, value: Any, where: str) -> tuple[str, ...]:
    """A list of different texts; one alone may stand without brackets, and a whole number is text as well."""
    values = value if isinstance(value, list) else [value]
    texts = tuple(str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in values)
    for text in texts:
        _text(key, text, where)
    if not texts:
        raise CorpusError(where + _wrong(key, value))
    if len(set(texts)) < len(texts):
        raise CorpusError(f"{where}{key} names {max(texts, key=texts.count)!r} twice")
    return texts


def _text(key: str, value: Any, where: str = "") -> str:
    if not isinstance(value, str):
        quotes = "; put quotes around it" if isinstance(value, bool | int | float) else ""
        raise CorpusError(where + _wrong(key, value) + quotes)
    return value


def _fields(kind: type) -> list[str]:
    return [f.name for f in dataclasses.fields(kind)]


def _wrong(key: str, value: Any) -> str:
    return f"{key} is {shown(value)}; expected {MEANING[key]}"
