"""What `check` found, for people to read and as JSON."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from burst2vec.config import Params
from burst2vec.corpora.corpus import AUDIO, Problem, Task, deciding_task
from burst2vec.corpora.readers.reading import Reading
from burst2vec.inspection.check import Checked
from burst2vec.inspection.description import SPLIT_NAMES, table1
from burst2vec.machine.files import write_aside
from burst2vec.messages import FEW, abridged, printable

NOTEBOOK = "notebooks/04_train_variant.ipynb"
"""The notebook that trains one variant."""

CHANNELS = {1: "mono", 2: "stereo"}
"""What one and two channels are called."""

FOLDERS = 4
"""The most folders that have columns of their own in the table of formats; more are counted together."""

GRAVE = 20
"""How many grave problems of one kind are printed; of notes they are `messages.FEW`."""


def write_json(checked: Checked, path: Path) -> None:
    """Writes all problems as a list of objects with `file`, `row` (or null) and `problem`, the grave ones first.

    The `problem` of the others begins with "note: ".
    """
    listed = [{"file": p.file, "row": p.row, "problem": _text(p)} for p in checked.problems]
    with write_aside(path) as aside:
        aside.write_text(json.dumps(listed, indent=1))


def summary(checked: Checked) -> str:
    """What the corpus holds, its problems, and the command that trains on it where none is grave, or pre-trains on it
    where it has no task.

    Of many problems of one kind the first few are shown, and how many there are.
    """
    parts = [] if checked.reading is None else [_contents(checked, checked.reading)]
    grave = [p for p in checked.problems if p.grave]
    notes = [p for p in checked.problems if not p.grave]
    parts.append(f"{_count(len(grave), 'problem')} that would make training wrong:" if grave
                 else "Nothing that would make training wrong.")
    parts += _lines(grave)
    if notes:
        parts += [f"{_count(len(notes), 'note')}:", *_lines(notes)]
    reading = checked.reading
    if reading is not None and not reading.tasks and not grave:
        root = shlex.quote(str(checked.root.resolve()))
        parts += ["", "It declares no task. To pre-train a backbone on it:",
                  f"  burst2vec pretrain {root} --family hubert --out {shlex.quote(f'backbones/{reading.name}')}"]
    if reading is not None and reading.tasks and not grave:
        parts += ["", "To train on it:", f"  {command(checked, reading)}"]
        if not any(_varies(task, reading.table) for task in reading.tasks):
            parts.append("No task of it can decide when the training stops, since no validation labels differ.")
    return printable("\n".join(parts))


def command(checked: Checked, reading: Reading) -> str:
    """The shell command that trains one variant on the corpus, with the parameters that the corpus asks for."""
    usual = Params()
    parameters = {"corpus": str(checked.root.resolve()), "run": reading.name, "layout": checked.layout}
    able = [task for task in reading.tasks if _varies(task, reading.table)]
    if able and deciding_task(reading.tasks) not in able:
        parameters["early_stopping_task"] = able[0].name
    if not _has(reading, usual.audio):
        parameters["audio"] = next(kind for kind in AUDIO if kind != usual.audio)
    options = (f"-p {name} {shlex.quote(value)}" for name, value in parameters.items()
               if value != getattr(usual, name))
    return " ".join([f"burst2vec run {NOTEBOOK} {shlex.quote(f'{reading.name}.ipynb')}", *options])


def _varies(task: Task, table: pd.DataFrame) -> bool:
    """Whether the validation labels of a task differ, so that it can decide when training stops."""
    return bool((table.loc[table["split"] == "val", list(task.columns)].nunique() > 1).any())


def _has(reading: Reading, audio: str) -> bool:
    return bool(reading.table[AUDIO[audio]].notna().all())


def _contents(checked: Checked, reading: Reading) -> str:
    about = f"{reading.name}: {_count(len(reading.table), 'burst')}" + (", synthetic" if reading.synthetic else "")
    tables = table1(reading, checked.seconds()), labels(reading.tasks, reading.table), formats(checked)
    return "\n\n".join([about, *(table.to_string() for table in tables if len(table))]) + "\n"


def labels(tasks: Sequence[Task], table: pd.DataFrame) -> pd.DataFrame:
    """A row for each task, as text: how many bursts of each split have its label, and what labels there are."""
    counts = {name: [f"{(task.labelled(table) & (table['split'] == split)).sum():,}" for task in tasks]
              for split, name in SPLIT_NAMES.items()}
    return pd.DataFrame({**counts, "labels": [_range(t, table) for t in tasks]}, index=[t.name for t in tasks])


def _range(task: Task, table: pd.DataFrame) -> str:
    if task.kind == "scalar":
        return f"{task.low:g} to {task.high:g} {task.unit}"
    if task.kind == "intensities":
        return f"{len(task.columns)} intensities"
    counts = table.loc[table["split"] == "train", task.columns[0]].value_counts().reindex(task.classes, fill_value=0)
    sizes = " to ".join(str(n) for n in dict.fromkeys((counts.min(), counts.max())))
    return f"{len(task.classes)} classes of {sizes} training bursts"


def formats(checked: Checked) -> pd.DataFrame:
    """How many recordings there are, by sample rate and channels (rows) and folder (columns).

    Where the folders are many, those of one folder at the top are counted together, or else all.
    """
    folders = {path: path.rpartition("/")[0] for path in checked.heard}
    tops = {path: folder.partition("/")[0] for path, folder in folders.items()}
    every = dict.fromkeys(folders, f"{len(set(folders.values())):,} folders")
    columns = next(names for names in (folders, tops, every) if len(set(names.values())) <= FOLDERS)
    counts = Counter((h.rate, h.channels, columns[path]) for path, h in checked.heard.items())
    cells = [(f"{rate / 1000:g} kHz {CHANNELS.get(channels, f'{channels} channels')}",
              column if columns is every else f"{column}/", f"{count:,}")
             for (rate, channels, column), count in sorted(counts.items())]
    table = pd.DataFrame(cells, columns=["format", "folder", "count"])
    shown = table.pivot(index="format", columns="folder", values="count").fillna("0")
    return shown.reindex(table["format"].unique()).rename_axis(index=None, columns=None)  # by rate, not as text


def _lines(problems: Sequence[Problem]) -> list[str]:
    """A line for each problem, those of one kind together, and one for how many are not shown."""
    most = GRAVE if any(problem.grave for problem in problems) else FEW
    lines = abridged(((p.place, p.problem) for p in problems), most, "; --json FILE lists them all")
    return [f"  {line}" for line in lines]


def _text(problem: Problem) -> str:
    return problem.problem if problem.grave else f"note: {problem.problem}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
