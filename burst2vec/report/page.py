"""What the notebooks show besides figures and tables: the banner of synthetic corpora, audio players, and a sentence
where a corpus has nothing to show."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
from IPython.display import HTML, Markdown, display

from burst2vec.corpora.corpus import Corpus
from burst2vec.report.sounds import encode


def banner(corpus: Corpus) -> None:
    """Displays a line that says that the corpus is synthetic, wholly or in part; nothing for a corpus of recordings."""
    if corpus.synthetic:
        real = [part.name for part in corpus.parts if not part.synthetic]
        but = f", but for the recordings of {', '.join(real)}" if real else ""
        display(Markdown(f"*Synthetic corpus{but}: the numbers show how the report works; they say nothing about "
                         "people.*"))


def poses_kinds(corpus: Corpus, *kinds: str) -> bool:
    """Whether the corpus has a task of each of these kinds; displays a sentence where it has not."""
    absent = [kind for kind in kinds if kind not in {task.kind for task in corpus.tasks}]
    if absent:
        kind = " or ".join(absent)
        display(Markdown(f"This corpus poses no task of kind *{kind}*: there is nothing to show here."))
    return not absent


def player(waveform: np.ndarray, caption: str = "", lossless: bool = False) -> HTML:
    """An audio player for a waveform (samples,) at 16 kHz, with a caption below it.

    The sound is part of the page, as `sounds.encode` makes it.
    """
    caption = escape(caption)
    return HTML(f'<figure style="margin: 0"><audio controls preload="none" aria-label="{caption}" '
                f'style="width: 100%" src="{encode(waveform, lossless)}"></audio>'
                f"<figcaption>{caption}</figcaption></figure>")


def players(waveforms: Mapping[str, np.ndarray], lossless: bool = False) -> HTML:
    """Players for waveforms by caption, side by side where there is room and one above the other on a phone."""
    cells = "".join(player(waveform, caption, lossless).data for caption, waveform in waveforms.items())
    return HTML('<div style="display: grid; gap: 1rem; grid-template-columns: '
                f'repeat(auto-fill, minmax(min(100%, 14rem), 1fr))">{cells}</div>')
