"""Readers of corpora: each turns one layout on disk into a `Corpus`. A new corpus is one function here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from burst2vec.corpus import SPLITS, Corpus, CorpusError, Task

EMOTIONS = ("Awe", "Excitement", "Amusement", "Awkwardness", "Fear",
            "Horror", "Distress", "Triumph", "Sadness", "Surprise")
COUNTRIES = ("China", "South Africa", "USA", "Venezuela")
"""In the order of ExVo's integer code."""

EMOGATOR = (
    "Adoration", "Amusement", "Anger", "Awe", "Confusion", "Contempt", "Contentment", "Desire", "Disappointment",
    "Disgust", "Distress", "Ecstasy", "Elation", "Embarrassment", "Fear", "Guilt", "Interest", "Neutral", "Pain",
    "Pride", "Realization", "Relief", "Romantic Love", "Sadness", "Serenity", "Shame", "Surprise (Negative)",
    "Surprise (Positive)", "Sympathy", "Triumph",
)
"""EmoGator's categories 01 to 30 (Buhl, 2023)."""


AUDIO_SUFFIXES = (".flac", ".mp3", ".ogg", ".opus", ".wav", ".webm")


def read_exvo(root: Path, seed: int = 0) -> Corpus:
    """ExVo 2022 (Baird et al., 2022): `data_info.csv`, `wav/<id>.wav`, and `raw/<id>.*` for the raw recordings.

    Columns are read by name; `Country_string` may be absent, as in the first release. The embedded corpus adds
    `test_labels.csv`, the withheld labels of the test rows, and `speakers.csv`, the speakers' sex.
    """
    info = _read_info(root / "data_info.csv")
    withheld = root / "test_labels.csv"
    if withheld.is_file():
        info = _with_withheld(info, _read_info(withheld), withheld)
    table = pd.DataFrame({"split": info["Split"].str.lower(), "speaker": info["Subject_ID"]}, index=info.index)
    table["sex"] = table["speaker"].map(_read_sexes(root / "speakers.csv"))
    for kind, folder in (("raw", "raw"), ("provided", "wav")):
        table[kind] = _paths(root / folder, table.index)
    table[list(EMOTIONS)] = info[list(EMOTIONS)]
    table["age"] = info["Age"]
    table["country"] = info["Country"].map(dict(enumerate(COUNTRIES)))
    ages = table["age"][table["split"] == "train"].dropna()
    if not ages.nunique() > 1:
        raise CorpusError(f"{root / 'data_info.csv'}: the training rows hold fewer than two different ages")
    tasks = (
        Task("emotion", "intensities", EMOTIONS),
        Task("age", "scalar", ("age",), unit="years", low=float(ages.min()), high=float(ages.max())),
        Task("country", "classes", ("country",), classes=COUNTRIES),
    )
    return Corpus(root.name, root, table, tasks, synthetic=(root / "SYNTHETIC.json").is_file())


def _with_withheld(info: pd.DataFrame, labels: pd.DataFrame, path: Path) -> pd.DataFrame:
    """`info` with the labels of test rows filled in. Rows that `labels` does not list stay without."""
    unknown = labels.index.difference(info.index[info["Split"] == "Test"])
    if len(unknown):
        raise CorpusError(f"{path}: burst {unknown[0]!r} is not a test row of data_info.csv")
    rest = info[~info.index.isin(labels.index)]
    return pd.concat([rest, labels]).loc[info.index]


def _read_info(path: Path) -> pd.DataFrame:
    """ExVo's own columns with numbers as float64, the bare id as index."""
    try:
        info = pd.read_csv(path, dtype=str, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: not readable as a table ({error}); expected comma-separated UTF-8") from None
    needed = ["File_ID", "Split", "Subject_ID", "Country", "Age", *EMOTIONS]
    absent = [c for c in needed if c not in info.columns]
    if absent:
        raise CorpusError(f"{path}: column {absent[0]} is missing; expected {', '.join(needed)}")
    for column in ("Country", "Age", *EMOTIONS):
        info[column] = _numbers(info[column], path)
    codes = info["Country"].dropna()
    strange = codes[~codes.isin(range(len(COUNTRIES)))]
    if len(strange):
        raise CorpusError(f"{path}, row {strange.index[0] + 2}: Country is {strange.iloc[0]:g}; "
                          + ", ".join(f"{i} is {c}" for i, c in enumerate(COUNTRIES)))
    return info.set_index(info["File_ID"].str.strip("[]").rename("file"))


def _numbers(column: pd.Series, path: Path) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = column[~np.isfinite(numbers) & column.notna()]
    if len(wrong):
        raise CorpusError(f"{path}, row {wrong.index[0] + 2}: {column.name} is {wrong.iloc[0]!r}; expected a number")
    return numbers


def _read_sexes(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    speakers = pd.read_csv(path, dtype=str)
    if not {"Subject_ID", "Sex"} <= set(speakers.columns):
        raise CorpusError(f"{path}: expected the columns Subject_ID and Sex, found {', '.join(speakers.columns)}")
    return speakers.set_index("Subject_ID")["Sex"].to_dict()


def _paths(folder: Path, files: pd.Index) -> list[str | None]:
    """For each id the path, relative to the corpus, of its audio in `folder`, whatever the suffix."""
    if not folder.is_dir():
        return [None] * len(files)
    found = {p.stem: f"{folder.name}/{p.name}" for p in sorted(folder.iterdir()) if p.suffix.lower() in AUDIO_SUFFIXES}
    return [found.get(f) for f in files]


def read_emogator(root: Path, seed: int = 0) -> Corpus:
    """EmoGator (Buhl, 2023): `data/mp3/<speaker>-<category>-<take>.mp3`, one task of 30 emotion categories.

    Its recordings are raw and provided in one. The corpus has no splits: speakers are drawn 70 / 15 / 15 % into train, val and test by `seed`.
    """
    paths = sorted((root / "data" / "mp3").glob("*.mp3"))
    if not paths:
        raise CorpusError(f"{root / 'data' / 'mp3'}: no .mp3 files; EmoGator keeps NNNNNN-EE-I.mp3 there")
    parts = pd.Series([p.stem for p in paths]).str.extract(r"^(\d{6})-(\d\d)-(\d)$")
    wrong = parts.isna().any(axis=1) | ~parts[1].astype(float).between(1, len(EMOGATOR))
    if wrong.any():
        raise CorpusError(f"{paths[int(wrong.idxmax())]}: expected a name NNNNNN-EE-I.mp3 "
                          f"(speaker, category 01 to {len(EMOGATOR)}, take)")
    index = pd.Index([p.stem for p in paths], name="file")
    table = pd.DataFrame({
        "split": parts[0].map(_draw_splits(parts[0].unique(), seed)).to_numpy(),
        "speaker": parts[0].to_numpy(), "sex": None,
        **dict.fromkeys(("raw", "provided"), [f"data/mp3/{p.name}" for p in paths]),
        "emotion": [EMOGATOR[int(code) - 1] for code in parts[1]],
    }, index=index)
    return Corpus(root.name, root, table, (Task("emotion", "classes", ("emotion",), classes=EMOGATOR),))


def _draw_splits(speakers: np.ndarray, seed: int, shares: tuple[float, float] = (0.7, 0.15)) -> dict[str, str]:
    """A split for each speaker: `shares` of them go to train and val, the rest to test."""
    order = np.random.default_rng(seed).permutation(np.sort(speakers))
    bounds = (np.cumsum(shares) * len(order)).round().astype(int)
    return {s: name for name, part in zip(SPLITS, np.split(order, bounds), strict=True) for s in part}


READERS: dict[str, Callable[[Path, int], Corpus]] = {"exvo": read_exvo, "emogator": read_emogator}


def recognise(root: Path) -> str:
    """The layout of the corpus in `root`, by the files it is known for."""
    if (root / "data_info.csv").is_file():
        return "exvo"
    if (root / "data" / "mp3").is_dir():
        return "emogator"
    raise CorpusError(f"{root}: no known layout; expected data_info.csv (exvo) or data/mp3/ (emogator)")
