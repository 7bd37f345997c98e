"""Readers of corpora: each module turns one layout on disk into a `Reading`. A new corpus is one small module here.

It says in `KNOWN_BY` what the layout is known by, and has two functions: `recognises(root)`, whether the folder has
that, and `read(root, seed)`.
"""

from __future__ import annotations

from pathlib import Path

from burst2vec.corpus import CorpusError
from burst2vec.readers import emogator, exvo, generic, vocalsound
from burst2vec.readers.emogator import EMOGATOR
from burst2vec.readers.exvo import COUNTRIES, EMOTIONS
from burst2vec.readers.reading import Reading

__all__ = ["COUNTRIES", "EMOGATOR", "EMOTIONS", "LAYOUTS", "Reading", "recognise"]

LAYOUTS = {"generic": generic, "exvo": exvo, "emogator": emogator, "vocalsound": vocalsound}
"""The modules by the name of their layout. The first that recognises a folder reads it: who writes a `corpus.yaml`
means it."""


def recognise(root: Path) -> str:
    """The layout of the corpus in `root`, by the files it is known for."""
    for name, module in LAYOUTS.items():
        if module.recognises(root):
            return name
    *known, last = (f"{module.KNOWN_BY} ({name})" for name, module in LAYOUTS.items())
    raise CorpusError(f"{root}: no known layout; expected {', '.join(known)} or {last}")
