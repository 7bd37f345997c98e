"""EmoGator (Buhl, 2023): short recordings of thirty emotion categories, whose names say speaker, category and take."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from burst2vec.corpora.corpus import CorpusError, Problem, Task
from burst2vec.corpora.readers.reading import Reading, draw_splits, recordings_in

KNOWN_BY = "data/mp3/"
"""What the layout is known by."""

FOLDER = "data/mp3"
"""Where the recordings lie."""

CATEGORIES = (
    "Adoration", "Amusement", "Anger", "Awe", "Confusion", "Contempt", "Contentment", "Desire", "Disappointment",
    "Disgust", "Distress", "Ecstasy", "Elation", "Embarrassment", "Fear", "Guilt", "Interest", "Neutral", "Pain",
    "Pride", "Realization", "Relief", "Romantic Love", "Sadness", "Serenity", "Shame", "Surprise (Negative)",
    "Surprise (Positive)", "Sympathy", "Triumph",
)
"""The emotion categories 01 to 30."""


def recognises(root: Path) -> bool:
    """Whether the folder has EmoGator's layout."""
    return (root / FOLDER).is_dir()


def sources(root: Path) -> tuple[str, ...]:
    """The folder whose recordings' names say who speaks and what is felt, relative to `root`."""
    return (FOLDER,)


def read(root: Path, seed: int = 0) -> Reading:
    """Reads EmoGator's `data/mp3/<speaker>-<category>-<take>.mp3`, with one task of 30 emotion categories.

    The same recordings are raw and provided. EmoGator has no splits: speakers are drawn 70 / 15 / 15 % into train, val
    and test by `seed`. Raises CorpusError where there are no recordings.
    """
    problems: list[Problem] = []
    paths = recordings_in(root, FOLDER, ".mp3", problems)
    names = pd.Series(sorted(paths), dtype=object)  # a name need not be UTF-8
    if names.empty:
        raise CorpusError.at(root, Problem(FOLDER, None, "no .mp3 files; EmoGator keeps NNNNNN-EE-I.mp3 there"))
    parts = names.str.extract(r"^(\d{6})-(\d\d)-(\d)$")
    wrong = parts.isna().any(axis=1) | ~parts[1].astype(float).between(1, len(CATEGORIES))
    right = f"expected a name NNNNNN-EE-I.mp3 (speaker, category 01 to {len(CATEGORIES)}, take)"
    problems += [Problem(paths[name], None, right) for name in names[wrong]]
    names, parts = names[~wrong].astype(str), parts[~wrong].astype(str)
    table = pd.DataFrame({
        "split": parts[0].map(draw_splits(parts[0], seed)).to_numpy(), "speaker": parts[0].to_numpy(), "sex": None,
        **dict.fromkeys(("raw", "provided"), [paths[name] for name in names]),
        "emotion": [CATEGORIES[int(code) - 1] for code in parts[1]],
    }, index=pd.Index(names, name="file"))
    task = Task("emotion", "classes", ("emotion",), classes=CATEGORIES)
    return Reading(root, table, (task,), problems=problems, sources=sources(root))
