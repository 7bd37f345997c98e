"""Which frames are masked: random spans, within the real frames of each burst."""

from __future__ import annotations

import numpy as np

LEAST = 4
"""The least number of frames of a burst that is learnt from: of fewer, none can be masked and guessed from the rest."""


def mask_spans(
    frames: int, share: float, span: int, rng: np.random.Generator
) -> np.ndarray:
    """Which of a burst's `frames` are masked, bool (frames,).

    So many spans of `span` frames are drawn that, if none overlapped, they would
    cover `share` of the burst. They begin at different frames, so in long bursts
    1 - (1 - share / span) ** span of the frames are masked. There is at least one
    span, none is longer than half of the burst, and some frames always stay.

    Source: Baevski et al. (2020), section 4.2, for whom `share` is 0.65; it is 0.8
    for Hsu et al. (2021).
    """
    span = min(span, frames // 2)
    spans = int(share * frames / span + rng.random())
    spans = max(1, min(spans, (frames - 1) // span))
    starts = rng.choice(frames - span + 1, spans, replace=False)
    masked = np.zeros(frames, bool)
    masked[starts[:, None] + np.arange(span)] = True
    return masked


def draw_negatives(bursts: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """For each masked frame the places (masked frames, count) of random other masked frames of the same burst.

    `bursts` (masked frames,) is the number of each frame's burst, in which the frames of
    a burst follow each other; there are at least two of each.
    """
    _, first, own, size = np.unique(
        bursts, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.arange(len(bursts)) - first[own]
    others = size[own, None] - 1
    drawn = (rng.random((len(bursts), count)) * others).astype(np.int64)
    drawn += drawn >= rank[:, None]  # the frame itself is passed over
    return first[own, None] + drawn
