"""ExVo 2022 (Baird et al., 2022), and the embedded synthetic corpus, which has its layout."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from burst2vec.corpora.corpus import Task
from burst2vec.corpora.readers.reading import AUDIO_SUFFIXES, Reading, scalar_task
from burst2vec.corpora.readers.tablefile import TableFile

KNOWN_BY = "data_info.csv"

EMOTIONS = ("Awe", "Excitement", "Amusement", "Awkwardness", "Fear",
            "Horror", "Distress", "Triumph", "Sadness", "Surprise")
COUNTRIES = ("China", "South Africa", "USA", "Venezuela")
"""In the order of ExVo's integer code."""

LABELS = ("Country", "Age", *EMOTIONS)
NEEDED = ("File_ID", "Split", "Subject_ID", *LABELS)


def recognises(root: Path) -> bool:
    return (root / "data_info.csv").is_file()


def read(root: Path, seed: int = 0) -> Reading:
    """ExVo's `data_info.csv`, with `wav/<id>.wav` as provided and `raw/<id>.*` for the raw recordings.

    Columns are read by name; `Country_string` may be absent, as in the first release. The embedded corpus adds
    `test_labels.csv`, the withheld labels of the test rows, and `speakers.csv`, the speakers' sex.
    """
    source = TableFile(root, "data_info.csv", NEEDED, optional=("Country_string",))
    if "Split" in source.absent:
        raise source.error("column Split is missing; expected one with Train, Val or Test for each row")
    info = _numbered(source)
    _note_missing_cells(source, info)
    if len(info) and (root / "test_labels.csv").is_file():
        info = _with_withheld(info, source)
    files = _ids(info)
    table = pd.DataFrame({"split": info["Split"].str.lower(), "speaker": info["Subject_ID"]})
    table["sex"] = table["speaker"].map(_read_sexes(root, source))
    for kind, folder in (("raw", "raw"), ("provided", "wav")):
        table[kind] = _paths(root / folder, files)
    table[list(EMOTIONS)] = info[list(EMOTIONS)]
    table["age"] = info["Age"]
    table["country"] = info["Country"].map(dict(enumerate(COUNTRIES)))
    tasks = _tasks(table, source)
    return Reading(root, table.set_index(files), tasks, synthetic=(root / "SYNTHETIC.json").is_file(),
                   source=source.name, rows=list(source.rows), problems=source.problems)


def _tasks(table: pd.DataFrame, source: TableFile) -> tuple[Task, ...]:
    """The paper's three tasks, without columns that the file lacks."""
    emotions = tuple(e for e in EMOTIONS if e not in source.absent)
    tasks = [Task("emotion", "intensities", emotions)] if emotions else []
    age = scalar_task("age", "age", "years", table)
    if age:
        tasks.append(age)
    elif "Age" not in source.absent and (table["split"] == "train").any():
        source.problem(None, "the training rows hold fewer than two different ages; ages cannot be scaled")
    if "Country" not in source.absent:
        tasks.append(Task("country", "classes", ("country",), classes=COUNTRIES))
    return tuple(tasks)


def _ids(info: pd.DataFrame) -> pd.Index:
    """The bare ids; a row without one, which is a problem, is named by its place."""
    ids = info["File_ID"].str.strip("[]")
    return pd.Index(ids.where(ids.notna(), [f"(unnamed {i})" for i in range(len(ids))]).astype("str"), name="file")


def _numbered(source: TableFile) -> pd.DataFrame:
    """The file's cells with labels as numbers. Labels that cannot be are missing, and a problem."""
    info = source.cells.copy()
    for column in LABELS:
        info[column] = source.numbers(column)
    codes = ", ".join(f"{i} is {c}" for i, c in enumerate(COUNTRIES))
    info["Country"] = source.within(info["Country"], info["Country"].isin(range(len(COUNTRIES))), codes)
    info["Age"] = source.within(info["Age"], info["Age"].between(1, 120), "expected years")
    for emotion in EMOTIONS:
        info[emotion] = source.within(info[emotion], info[emotion].between(0, 1), "intensities lie in [0, 1]")
    return info


def _note_missing_cells(source: TableFile, info: pd.DataFrame) -> None:
    """In ExVo every burst has an id, and those of training and validation a speaker and every label.

    That a whole split lacks a label is left to be said of the table as a whole.
    """
    unnamed = source.cells["File_ID"].isna()
    for position in source.positions(unnamed):
        source.problem(position, "File_ID is missing; every row has one")
    columns = [c for c in ("Subject_ID", *LABELS) if c not in source.absent]
    empty = source.cells.isna()
    for split in ("train", "val"):
        members = (info["Split"].str.lower() == split) & ~unnamed
        for column in columns:
            missing = members & empty[column]
            if column == "Subject_ID" or (missing != members).any():
                for position in source.positions(missing):
                    source.problem(position, f"{column} is missing; rows of training and validation have it")


def _with_withheld(info: pd.DataFrame, source: TableFile) -> pd.DataFrame:
    """`info` with the labels of its test rows filled in. Rows that `test_labels.csv` does not list stay without."""
    withheld = TableFile(source.root, "test_labels.csv", NEEDED, optional=("Country_string",))
    labels = _numbered(withheld).set_index(_ids(withheld.cells))
    files = _ids(info)
    unknown = ~labels.index.isin(files[~info["Split"].str.lower().isin(["train", "val"])])
    for position in withheld.positions(unknown):
        withheld.problem(position, f"burst {labels.index[position]!r} is not a test row of data_info.csv", grave=False)
    for position in withheld.positions(labels.index.duplicated() & ~unknown):
        withheld.problem(position, f"burst {labels.index[position]!r} is listed twice")
    source.problems.extend(withheld.problems)
    labels = labels[~unknown & ~labels.index.duplicated()]
    filled = info.copy()
    here = files.isin(labels.index)
    columns = ["Subject_ID", *LABELS]
    filled.loc[here, columns] = labels.loc[files[here], columns].to_numpy()
    return filled.astype(dict.fromkeys(LABELS, float))


def _read_sexes(root: Path, source: TableFile) -> dict[str, str]:
    if not (root / "speakers.csv").is_file():
        return {}
    speakers = TableFile(root, "speakers.csv", ("Subject_ID", "Sex"))
    source.problems.extend(speakers.problems)
    return speakers.cells.set_index("Subject_ID")["Sex"].dropna().to_dict()


def _paths(folder: Path, files: pd.Index) -> list[str | None]:
    """For each id the path, relative to the corpus, of its audio in `folder`, whatever the suffix. None where there is
    none; an id with slashes is a path of its own."""
    if not folder.is_dir():
        return [None] * len(files)
    found = {p.stem: f"{folder.name}/{p.name}" for p in sorted(folder.iterdir()) if p.suffix.lower() in AUDIO_SUFFIXES}
    return [found.get(f, f"{folder.name}/{f}.wav" if "/" in f else None) for f in files]
