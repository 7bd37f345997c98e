"""The layouts that are known, in the order in which they are tried."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.readers import emogator, exvo, generic, vocalsound

LAYOUTS: dict[str, ModuleType] = {"generic": generic, "exvo": exvo, "emogator": emogator, "vocalsound": vocalsound}
"""The readers by the names of their layouts.

A reader says in `KNOWN_BY` what its layout is known by, and has three functions: `recognises(root)` tells whether the
folder has that layout, `sources(root)` what its labels are read from, and `read(root, seed)` returns a `Reading`. The
first reader that recognises a folder reads it; `generic` comes first, since whoever writes a `corpus.yaml` wants it to
be used.
"""


def recognise(root: Path) -> str:
    """The name of the layout of the corpus in `root`, by the files that it is known by. Raises CorpusError."""
    for name, reader in LAYOUTS.items():
        if reader.recognises(root):
            return name
    *known, last = (f"{reader.KNOWN_BY} ({name})" for name, reader in LAYOUTS.items())
    raise CorpusError(f"{root}: no known layout; expected {', '.join(known)} or {last}")
