"""Weights that come with the package: backbones that were pre-trained on vocal bursts, and one model that predicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WEIGHTS = Path(__file__).parents[1] / "weights"
"""The folder of the package in which each of them has a folder of its own."""

MODEL = "emogator"
"""The name of the model that predicts, a Burst2Vec that was trained on the thirty emotions of EmoGator."""

FACTS = "pretraining.json"
"""The file in the folder of a pre-trained backbone that says what it has heard and how it was made."""


def shipped(name: str) -> Path | None:
    """The folder of the weights `name` that come with the package, or None where there are none of that name."""
    folders = WEIGHTS.iterdir() if WEIGHTS.is_dir() else ()
    return next((folder for folder in folders if folder.name == name and folder.is_dir()), None)


def read_facts(name: str) -> dict[str, Any] | None:
    """The facts of the backbone `name` that comes with the package, or None where they are not there.

    They are those of `pretraining.folder.describe`: corpora, hours, recipe and more, by name.
    """
    path = WEIGHTS / name / FACTS
    return json.loads(path.read_text(encoding="utf-8")) if shipped(name) and path.is_file() else None
