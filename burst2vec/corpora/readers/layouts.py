"""The layouts that are known, in the order in which they are tried.

A reader says in `KNOWN_BY` what its layout is known by, and has two functions: `recognises(root)`, whether the folder
has that, and `read(root, seed)`.
"""

from __future__ import annotations

from pathlib import Path

from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.readers import emogator, exvo, generic, vocalsound

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
