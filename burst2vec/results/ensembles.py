"""Ensembles: the predictions of several systems, averaged burst by burst (section 4.2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from burst2vec.config import project_root, read_mapping
from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.predictions import read_predictions


def read_ensembles(path: str | Path | None = None) -> dict[str, tuple[str, ...]]:
    """The members of each ensemble by its code, read from `params/ensembles.yaml` or from `path`.

    Raises FileNotFoundError where there is no such file, and ValueError for an entry that is not a list of at least two
    systems.
    """
    path = Path(path) if path else project_root() / "params" / "ensembles.yaml"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of ensembles")
    ensembles = read_mapping(path)
    for code, members in ensembles.items():
        if not isinstance(members, list) or len(set(members)) < 2:
            raise ValueError(f"{path}: ensemble {code} is {members!r}; expected a list of systems")
    return {str(code): tuple(members) for code, members in ensembles.items()}


def complete(ensembles: Mapping[str, Sequence[str]], systems: Collection[str]) -> dict[str, Sequence[str]]:
    """Those of the `ensembles`, with their members, of which every member is among the `systems`."""
    return {code: members for code, members in ensembles.items() if set(members) <= set(systems)}


def build(run_folder: Path, tasks: Sequence[Task],
          ensembles: Mapping[str, Sequence[str]]) -> dict[str, pd.DataFrame]:
    """The predictions of each ensemble by its code, made from its members' predictions in the folder of a run.

    Raises FileNotFoundError for a member that has not been trained.
    """
    codes = sorted({member for members in ensembles.values() for member in members})
    systems = {code: read_predictions(run_folder / code / "predictions.csv") for code in codes}
    return {code: combine({m: systems[m] for m in members}, tasks) for code, members in ensembles.items()}


def combine(members: Mapping[str, pd.DataFrame], tasks: Iterable[Task]) -> pd.DataFrame:
    """The predictions of an ensemble, in the form of its members' tables, with the bursts in the order of the first.

    Intensities and scalars are the means over the members. The class is the one with the highest mean probability, the
    first one where several tie. Raises ValueError where the members do not cover the same bursts or do not predict the
    tasks.
    """
    if not members:
        raise ValueError("an ensemble needs a member")
    first, tasks = next(iter(members.values())), list(tasks)
    _check_members(members)
    for code, table in members.items():
        _check_columns(code, table, tasks)
    aligned = [table.loc[first.index] for table in members.values()]
    combined = first.copy()
    for task in tasks:
        averaged = list(task.probability_columns if task.kind == "classes" else task.columns)
        combined[averaged] = sum(table[averaged] for table in aligned) / len(aligned)
        if task.kind == "classes":
            winner = combined[averaged].to_numpy().argmax(axis=1)
            combined[task.columns[0]] = [task.classes[i] for i in winner]
    return combined


def label(members: Iterable[str]) -> str:
    """The members as the paper's Table 2 writes them, where three or more consecutive ones become a range.

    >>> label(["V1", "V2", "V3", "V5", "V6"])
    'V1 – V3, V5, V6'
    """
    runs: list[list[str]] = []
    for code in members:
        if runs and code == _successor(runs[-1][-1]):
            runs[-1].append(code)
        else:
            runs.append([code])
    return ", ".join(f"{run[0]} – {run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs)


def _successor(code: str) -> str | None:
    """The next code, V4 for V3, or None for a code that is not a letter and a number."""
    return f"{code[0]}{int(code[1:]) + 1}" if code[1:].isdigit() else None


def _check_members(members: Mapping[str, pd.DataFrame]) -> None:
    """Raise ValueError where a member has other bursts or other splits than the first one."""
    (code, first), *others = members.items()
    for other, table in others:
        unlike = first.index.symmetric_difference(table.index)
        if len(unlike):
            raise ValueError(f"ensemble: {code} and {other} do not cover the same bursts; "
                             f"{unlike[0]!r} is in one only")
        if "split" not in first:
            continue
        moved = first.index[(table.loc[first.index, "split"] != first["split"]).to_numpy()]
        if len(moved):
            raise ValueError(f"ensemble: {code} and {other} put burst {moved[0]!r} in different splits")


def _check_columns(code: str, table: pd.DataFrame, tasks: Iterable[Task]) -> None:
    """Raise ValueError where the predictions of a member lack a column of a task, or hold no numbers in it."""
    for column in (c for task in tasks for c in (task.probability_columns or task.columns)):
        if column not in table or not pd.api.types.is_numeric_dtype(table[column]):
            raise ValueError(f"ensemble: {code} predicts no numbers {column!r}; predict again, or train it again")
