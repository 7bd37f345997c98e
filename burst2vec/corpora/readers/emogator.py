"""EmoGator (Buhl, 2023): short recordings of thirty emotion categories, whose names say speaker, category and take."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from burst2vec.corpora.corpus import CorpusError, Problem, Task
from burst2vec.corpora.readers.reading import Reading, draw_splits

KNOWN_BY = "data/mp3/"

EMOGATOR = (
    "Adoration", "Amusement", "Anger", "Awe", "Confusion", "Contempt", "Contentment", "Desire", "Disappointment",
    "Disgust", "Distress", "Ecstasy", "Elation", "Embarrassment", "Fear", "Guilt", "Interest", "Neutral", "Pain",
    "Pride", "Realization", "Relief", "Romantic Love", "Sadness", "Serenity", "Shame", "Surprise (Negative)",
    "Surprise (Positive)", "Sympathy", "Triumph",
)
"""The categories 01 to 30."""


def recognises(root: Path) -> bool:
    return (root / "data" / "mp3").is_dir()


def read(root: Path, seed: int = 0) -> Reading:
    """EmoGator's `data/mp3/<speaker>-<category>-<take>.mp3`: one task of 30 emotion categories.

    Its recordings are raw and provided in one. It has no splits: speakers are drawn 70 / 15 / 15 % into train, val and
    test by `seed`.
    """
    folder = root / "data" / "mp3"
    names = pd.Series(sorted(p.stem for p in folder.glob("*.mp3")), dtype=object)  # a name need not be UTF-8
    if names.empty:
        raise CorpusError.at(root, Problem("data/mp3", None, "no .mp3 files; EmoGator keeps NNNNNN-EE-I.mp3 there"))
    parts = names.str.extract(r"^(\d{6})-(\d\d)-(\d)$")
    wrong = parts.isna().any(axis=1) | ~parts[1].astype(float).between(1, len(EMOGATOR))
    right = f"expected a name NNNNNN-EE-I.mp3 (speaker, category 01 to {len(EMOGATOR)}, take)"
    problems = [Problem(f"data/mp3/{name}.mp3", None, right) for name in names[wrong]]
    names, parts = names[~wrong].astype(str), parts[~wrong].astype(str)
    table = pd.DataFrame({
        "split": parts[0].map(draw_splits(parts[0], seed)).to_numpy(), "speaker": parts[0].to_numpy(), "sex": None,
        **dict.fromkeys(("raw", "provided"), [f"data/mp3/{name}.mp3" for name in names]),
        "emotion": [EMOGATOR[int(code) - 1] for code in parts[1]],
    }, index=pd.Index(names, name="file"))
    task = Task("emotion", "classes", ("emotion",), classes=EMOGATOR)
    return Reading(root, table, (task,), problems=problems)
