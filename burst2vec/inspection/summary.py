"""What `check` found, for people to read and as JSON."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from burst2vec.corpora.corpus import Problem, Task
from burst2vec.inspection.check import Checked
from burst2vec.inspection.description import SPLIT_NAMES, table1
from burst2vec.machine.files import write_aside
from burst2vec.messages import printable

CHANNELS = {1: "mono", 2: "stereo"}

SHOWN = {True: 20, False: 3}
"""How many problems of one kind are printed: grave ones, and others."""


def write_json(checked: Checked, path: Path) -> None:
    """Writes every problem, the grave ones first, as an object of `file`, `row` (or null) and `problem`, which begins
    with "note: " where it is not grave."""
    listed = [{"file": p.file, "row": p.row, "problem": _text(p)} for p in checked.problems]
    with write_aside(path) as aside:
        aside.write_text(json.dumps(listed, indent=1))


def summary(checked: Checked) -> str:
    """What the corpus holds, then its problems; of many of one kind the first few, and how many there are."""
    parts = [] if checked.reading is None else [_contents(checked)]
    grave = [p for p in checked.problems if p.grave]
    notes = [p for p in checked.problems if not p.grave]
    parts.append(f"{_count(len(grave), 'problem')} that would make training wrong:" if grave
                 else "Nothing that would make training wrong.")
    parts += _lines(grave)
    if notes:
        parts += [f"{_count(len(notes), 'note')}:", *_lines(notes)]
    return printable("\n".join(parts))


def _contents(checked: Checked) -> str:
    reading = checked.reading
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
    """How many recordings were heard, by sample rate and channels (rows) and folder (columns)."""
    counts = Counter((h.rate, h.channels, f"{path.rpartition('/')[0]}/") for path, h in checked.heard.items())
    cells = [(f"{rate / 1000:g} kHz {CHANNELS.get(channels, f'{channels} channels')}", folder, f"{count:,}")
             for (rate, channels, folder), count in sorted(counts.items())]
    table = pd.DataFrame(cells, columns=["format", "folder", "count"])
    table = table.pivot(index="format", columns="folder", values="count").fillna("0")
    return table.rename_axis(index=None, columns=None)


def _lines(problems: Sequence[Problem]) -> list[str]:
    """A line for each problem, those of one kind together, and one for how many are not shown."""
    kinds = defaultdict(list)
    for problem in problems:
        kinds[re.sub(r"'[^']*'|[^\s;,]*\d[^\s;,]*", "…", problem.problem)].append(problem)
    lines = []
    for alike in kinds.values():
        shown = alike[:SHOWN[alike[0].grave]]
        lines += ["  " + str(problem).replace("\n", "\\n") for problem in shown]
        if len(alike) > len(shown):
            lines.append(f"  … and {len(alike) - len(shown):,} more like these; --json FILE lists them all")
    return lines


def _text(problem: Problem) -> str:
    return problem.problem if problem.grave else f"note: {problem.problem}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
