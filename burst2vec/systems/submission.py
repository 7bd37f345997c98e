"""The submission file of the challenge, `ExVo-Multi_<team>_<number>.csv` (Baird et al., 2022).

It has a row for each test clip: `File_ID` in its brackets, `Country` as an integer, `Age` in years, and the ten
emotions in [0, 1].
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from burst2vec.config import project_root
from burst2vec.corpora.opening import EMBEDDED, read_corpus
from burst2vec.corpora.plausibility import YEARS
from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS
from burst2vec.evaluation.predictions import read_predictions
from burst2vec.machine.files import write_aside
from burst2vec.results.runs import read_params

COLUMNS = ("File_ID", "Country", "Age", *EMOTIONS)
"""The columns of a submission, in their order."""

TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""The names of teams that can be part of a file name."""


class SubmissionError(ValueError):
    """Predictions cannot be submitted; the message names what is wrong and says what would be right."""


def write_submission(system: str | Path, team: str, number: int, folder: str | Path = ".",
                     corpus: str | Path | None = None) -> Path:
    """Writes the test predictions of a system as the team's submission of that number, and returns the file's path.

    `system` is the folder of a system or an ensemble; the file is written into `folder`. It is read back and checked
    before it appears. Its rows are in the order of the ExVo folder `corpus`, which by default is the one that the
    system was trained on. Where that cannot be found, the rows are in the order of the predictions.

    Raises SubmissionError, CorpusError and FileNotFoundError.
    """
    if not TEAM.fullmatch(team):
        raise SubmissionError(f"team {team!r} cannot stand in the file's name; expected letters, digits, - and _")
    if number < 1:
        raise SubmissionError(f"number is {number}; expected 1 or more")
    system = Path(system)
    trained_on = _trained_on(system)
    if len(trained_on) > 1:
        raise SubmissionError(f"{system} was trained on several corpora; a submission is ExVo's alone")
    predictions = _test_predictions(system / "predictions.csv")
    files = _test_files(corpus or _folder(trained_on)) or predictions.index.tolist()
    path = Path(folder) / f"ExVo-Multi_{team}_{number}.csv"
    with write_aside(path) as aside:
        submission_table(predictions, files).to_csv(aside, index=False, float_format="%.6g")
        check_submission(aside, files)
    return path


def only_synthetic(system: str | Path) -> bool:
    """Whether a system was trained on embedded corpora alone, so that its predictions are about no recorded voice.

    Raises SubmissionError.
    """
    trained_on = _trained_on(Path(system))
    return bool(trained_on) and set(trained_on) <= set(EMBEDDED)


def submission_table(predictions: pd.DataFrame, files: Sequence[str]) -> pd.DataFrame:
    """The table of a submission: the predictions for the test clips `files`, in their order.

    Raises SubmissionError where a test clip has no prediction, or where a prediction is for another clip.
    """
    lacking = [file for file in files if file not in predictions.index]
    if lacking:
        raise SubmissionError(f"{len(lacking)} of {len(files)} test clips have no prediction, {lacking[0]!r} first; "
                              "expected one for each")
    others = predictions.index.difference(files)
    if len(others):
        raise SubmissionError(f"{others[0]!r} is predicted, but is no test clip of the corpus")
    rows = predictions.loc[list(files)]
    country = rows["country"].map({name: code for code, name in enumerate(COUNTRIES)})
    if country.isna().any():
        strange = rows["country"][country.isna()].iloc[0]
        raise SubmissionError(f"{strange!r} is predicted as a country; expected one of {', '.join(COUNTRIES)}")
    return pd.DataFrame({"File_ID": [f"[{file}]" for file in files], "Country": country.to_numpy(int),
                         "Age": rows["age"].to_numpy(), **{e: rows[e].to_numpy() for e in EMOTIONS}})


def check_submission(path: str | Path, files: Sequence[str]) -> None:
    """Raises SubmissionError unless a file is a submission for the test clips `files`, with one row each, in order."""
    name = Path(path).name
    table = pd.read_csv(path, dtype={"File_ID": str, "Country": str})
    if tuple(table) != COLUMNS:
        raise SubmissionError(f"{name}: its columns are {', '.join(table)}; expected {', '.join(COLUMNS)}")
    if table["File_ID"].tolist() != [f"[{file}]" for file in files]:
        raise SubmissionError(f"{name}: its rows are not the {len(files)} test clips, each once, in the corpus's order")
    for column, low, high in (("Country", 0, len(COUNTRIES) - 1), ("Age", *YEARS), *((e, 0, 1) for e in EMOTIONS)):
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = ~numbers.between(low, high)  # true of missing values too
        wrong |= (column == "Country") & ~table[column].astype(str).str.fullmatch(r"\d+")
        if wrong.any():
            row = table[wrong].iloc[0]
            raise SubmissionError(f"{name}: {column} of {row['File_ID']} is {row[column]}; expected {low} to {high}")


def _test_predictions(path: Path) -> pd.DataFrame:
    """The predictions for the test split. Raises SubmissionError where there are none, or where a task of the
    challenge is not among those predicted."""
    predictions = read_predictions(path)
    absent = [c for c in (*EMOTIONS, "age", "country") if c not in predictions]
    if absent:
        raise SubmissionError(f"{path}: no column {absent[0]!r}; a submission needs ExVo's tasks, "
                              "emotion, age and country")
    test = predictions[predictions["split"] == "test"]
    if test.empty:
        raise SubmissionError(f"{path}: no prediction for a test clip; expected one for each")
    return test


def _test_files(folder: str | Path | None) -> list[str]:
    """The test clips of the corpus in `folder`, in their order; empty where no folder is given."""
    return read_corpus(folder, "exvo").split("test").index.tolist() if folder else []


def _folder(names: Sequence[str]) -> Path | None:
    """The folder of the corpus that the parameters name; None where it is embedded or no longer there."""
    folders = [project_root() / Path(name).expanduser() for name in names if name not in EMBEDDED]
    return next((folder for folder in folders if folder.is_dir()), None)


def _trained_on(system: Path) -> list[str]:
    """The corpora that a system, or the first member of an ensemble, was trained on, as its parameters name
    them. Raises SubmissionError where the parameters are not readable."""
    path = system / "params.json"
    try:
        values = read_params(system)
        if values.get("members"):
            return _trained_on(system.parent / values["members"][0])
        names = values.get("corpus") or []
        return [os.fspath(name) for name in ([names] if isinstance(names, str) else names)]
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError, IndexError):
        raise SubmissionError(f"{path}: not readable as a system's parameters; "
                              "name the ExVo folder by --corpus") from None
