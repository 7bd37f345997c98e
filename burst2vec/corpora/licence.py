"""The licence of a corpus, as far as its folder tells it."""

from __future__ import annotations

from pathlib import Path

from burst2vec.corpora.corpus import Corpus


def find_licence(corpus: Corpus) -> str:
    """The first line of the licence that lies in the folder of a corpus; empty where there is none."""
    for path in sorted(Path(corpus.root).glob("LICEN[CS]E*")):
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else []
        if said := [line.strip() for line in lines if line.strip()]:
            return said[0][:100]
    return ""
