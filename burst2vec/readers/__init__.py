"""Readers of corpora: each module turns one layout on disk into a `Reading`. A new corpus is one small module here.

It has two functions: `recognises(root)`, whether the folder has the layout, and `read(root, seed)`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from burst2vec.corpus import CorpusError
from burst2vec.readers import emogator, exvo
from burst2vec.readers.emogator import EMOGATOR
from burst2vec.readers.exvo import COUNTRIES, EMOTIONS
from burst2vec.readers.reading import Reading

__all__ = ["COUNTRIES", "EMOGATOR", "EMOTIONS", "LAYOUTS", "READERS", "Reading", "recognise"]

LAYOUTS = {"exvo": exvo, "emogator": emogator}
"""The modules by the name of their layout, the most particular first."""

READERS: dict[str, Callable[[Path, int], Reading]] = {name: module.read for name, module in LAYOUTS.items()}


def recognise(root: Path) -> str:
    """The layout of the corpus in `root`, by the files it is known for."""
    for name, module in LAYOUTS.items():
        if module.recognises(root):
            return name
    known = " or ".join(f"{module.KNOWN_BY} ({name})" for name, module in LAYOUTS.items())
    raise CorpusError(f"{root}: no known layout; expected {known}")
