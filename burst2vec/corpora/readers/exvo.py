"""ExVo 2022 (Baird et al., 2022), and the embedded synthetic corpus, which has its layout."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from burst2vec.config import ParameterError, project_root, read_yaml
from burst2vec.corpora.corpus import Problem, Task
from burst2vec.corpora.plausibility import YEARS
from burst2vec.corpora.readers.reading import Reading, recordings_in, scalar_task
from burst2vec.corpora.readers.tablefile import TableFile
from burst2vec.corpora.spelling import composed, counted, folded, listed

KNOWN_BY = "data_info.csv"
"""What the layout is known by: the table that lists the bursts."""

EMOTIONS = ("Awe", "Excitement", "Amusement", "Awkwardness", "Fear",
            "Horror", "Distress", "Triumph", "Sadness", "Surprise")
"""The columns of the emotion intensities."""

COUNTRIES = ("China", "South Africa", "USA", "Venezuela")
"""The countries in the order of ExVo's integer code."""

LABELS = ("Country", "Age", *EMOTIONS)
"""The columns that hold labels."""

COLUMNS = ("File_ID", "Split", "Subject_ID", *LABELS)
"""The columns that every release of `data_info.csv` has."""

WITHHELD, SPEAKERS = "test_labels.csv", "speakers.csv"

FOLDERS = {"raw": ("raw", "own"), "provided": ("wav", "provided")}
"""Where each kind of recordings lies, and the value of the parameter `audio` that needs it."""


def recognises(root: Path) -> bool:
    """Whether the folder has ExVo's layout."""
    return (root / KNOWN_BY).is_file()


def sources(root: Path) -> tuple[str, ...]:
    """The files that splits, speakers and labels are read from, relative to `root`."""
    return tuple(name for name in (KNOWN_BY, WITHHELD, SPEAKERS) if (root / name).is_file())


def read(root: Path, seed: int = 0) -> Reading:
    """Reads ExVo's `data_info.csv`, with `wav/<id>.*` as provided recordings and `raw/<id>.*` as the raw ones.

    Columns are read by name; `Country_string` may be absent, as in the first release. The embedded corpus adds
    `test_labels.csv`, the withheld labels of the test rows, and `speakers.csv`, the speakers' sex. ExVo's splits are
    given, so `seed` changes nothing. Raises CorpusError where `data_info.csv` is no table with splits.
    """
    source = TableFile(root, KNOWN_BY, COLUMNS, optional=("Country_string",))
    if "Split" in source.absent:
        raise source.error("column Split is missing; expected one with Train, Val or Test for each row")
    info = _numbered(source)
    _note_missing_cells(source, info)
    if len(info) and (root / WITHHELD).is_file():
        info = _with_withheld(info, source)
    files = _ids(info)
    table = pd.DataFrame({"split": info["Split"].str.lower(), "speaker": info["Subject_ID"]})
    table["sex"] = table["speaker"].map(_read_sexes(root, source))
    for kind, (folder, _) in FOLDERS.items():
        table[kind] = _paths(recordings_in(root, folder, ".wav", source.problems), folder, files)
    _note_absent_kinds(table, source)
    table[list(EMOTIONS)] = info[list(EMOTIONS)]
    table["age"] = info["Age"]
    table["country"] = info["Country"].map(dict(enumerate(COUNTRIES)))
    tasks = _tasks(table, source)
    return Reading(root, table.set_index(files), tasks, synthetic=(root / "SYNTHETIC.json").is_file(),
                   source=source.name, rows=source.rows, problems=source.problems, sources=sources(root))


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
    """The ids without brackets. A row without an id, which is a problem, is named by its place."""
    ids = info["File_ID"].str.strip("[]")
    ids = ids.where(ids.notna(), [f"(unnamed {i})" for i in range(len(ids))]).astype("str")
    return pd.Index(ids.map(composed), name="file")


def _numbered(source: TableFile) -> pd.DataFrame:
    """The file's cells with labels as numbers. Labels that cannot be numbers are missing, and a problem."""
    info = source.cells.assign(Subject_ID=source.words("Subject_ID", speakers=True))
    for column in LABELS:
        info[column] = source.numbers(column)
    codes = ", ".join(f"{i} is {c}" for i, c in enumerate(COUNTRIES))
    info["Country"] = source.within(info["Country"], info["Country"].isin(range(len(COUNTRIES))), codes)
    info["Age"] = source.within(info["Age"], info["Age"].between(1, YEARS[1]), "expected years")
    for emotion in EMOTIONS:
        info[emotion] = source.within(info[emotion], info[emotion].between(0, 1), "intensities lie in [0, 1]")
    _compare_countries(source, info["Country"])
    return info


def _compare_countries(source: TableFile, codes: pd.Series) -> None:
    """Adds a problem for each row whose two columns of the country contradict each other."""
    if "Country_string" not in source.cells:
        return
    words = source.cells["Country_string"].mask(source.missing("Country_string"))
    said = words.map({word: folded(word) for word in words.dropna().unique()})
    numbers = said.map({folded(country): code for code, country in enumerate(COUNTRIES)})
    for position in source.positions(codes.notna() & numbers.notna() & (codes != numbers)):
        country = COUNTRIES[int(codes.iloc[position])]
        source.problem(position, f"Country is {codes.iloc[position]:g}, which is {country}, but Country_string is "
                                 f"{words.iloc[position]!r}; correct the one that is wrong")
    for word, count in words[numbers.isna()].value_counts().items():
        source.problem(None, f"Country_string is {word!r} in {counted(count, 'row')}, which cannot be compared with "
                             f"Country; expected one of {', '.join(COUNTRIES)}", grave=False)


def _note_missing_cells(source: TableFile, info: pd.DataFrame) -> None:
    """Adds a problem for each missing cell: every burst has an id, those of train and val a speaker and every label.

    Where a whole split lacks a label, the problem is left to be found in the table as a whole.
    """
    unnamed = source.cells["File_ID"].isna()
    for position in source.positions(unnamed):
        source.problem(position, "File_ID is missing; every row has one")
    empty = {c: source.missing(c) for c in ("Subject_ID", *LABELS) if c not in source.absent}
    for split in ("train", "val"):
        members = (info["Split"].str.lower() == split) & ~unnamed
        for column in empty:
            missing = members & empty[column]
            if column == "Subject_ID" or (missing != members).any():
                for position in source.positions(missing):
                    source.problem(position, f"{column} is missing; rows of training and validation have it")


def _note_absent_kinds(table: pd.DataFrame, source: TableFile) -> None:
    """Adds a note where there are recordings of one kind only, which says what cannot be trained then."""
    there = [kind for kind in FOLDERS if table[kind].notna().any()]
    for kind, (folder, audio) in FOLDERS.items():
        if there and kind not in there:
            variants = _variants_with(audio)
            which = f" ({', '.join(variants)})" if variants else ""
            source.problems.append(Problem(folder, None, f"there are no {kind} recordings; variants with "
                                                         f"audio: {audio}{which} cannot be trained", grave=False))


def _variants_with(audio: str) -> list[str]:
    """The variants of the project at hand that need this kind of audio."""
    found = []
    for path in sorted((project_root() / "params" / "variants").glob("*.yaml")):
        try:
            found += [path.stem] if read_yaml(path).get("audio", "provided") == audio else []
        except ParameterError:  # whoever uses that variant is told
            continue
    return found


def _with_withheld(info: pd.DataFrame, source: TableFile) -> pd.DataFrame:
    """`info` with the labels of its test rows filled in. Rows that `test_labels.csv` does not list stay without."""
    withheld = TableFile(source.root, WITHHELD, COLUMNS, optional=("Country_string",))
    labels = _numbered(withheld).set_index(_ids(withheld.cells))
    files = _ids(info)
    unknown = ~labels.index.isin(files[~info["Split"].str.lower().isin(["train", "val"])])
    for position in withheld.positions(unknown):
        withheld.problem(position, f"burst {labels.index[position]!r} is not a test row of {KNOWN_BY}", grave=False)
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
    """Each speaker's sex. A speaker who is listed with several is a problem, since one of them is wrong."""
    if not (root / SPEAKERS).is_file():
        return {}
    speakers = TableFile(root, SPEAKERS, ("Subject_ID", "Sex"))
    known = pd.DataFrame({c: speakers.words(c) for c in ("Subject_ID", "Sex")}).dropna()
    for speaker, sexes in known.groupby("Subject_ID")["Sex"].unique().items():
        if len(sexes) > 1:
            speakers.problem(None, f"speaker {speaker!r} is listed as {listed(sexes)}; correct the one that is wrong")
    source.problems.extend(speakers.problems)
    return known.set_index("Subject_ID")["Sex"].to_dict()


def _paths(found: dict[str, str], folder: str, files: pd.Index) -> list[str | None]:
    """For each id the path of its recording; None where there is none. An id with slashes is a path of its own."""
    return [found.get(f, f"{folder}/{f}.wav" if "/" in f else None) for f in files]
