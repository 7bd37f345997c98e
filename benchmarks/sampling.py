"""A sample of an epoch's batches, and what it says of the whole epoch.

How long a step takes depends on how many frames are computed for its batch, those of the padding included. A few
batches never hold the epoch's mean, so they are taken at equal steps from the shortest to the longest, and what is left
of the difference is made up along the slope of their own seconds over their own frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

FRAME = 0.02
"""Seconds of audio in a frame of every backbone here."""

Computed = Callable[[np.ndarray], np.ndarray]
"""The frames (bursts,) that are computed for each burst of a batch of those rows, its padding's included."""


@dataclass(frozen=True)
class Sample:
    """Places of batches in an epoch: `warm` to warm up on, then `turns`, each some; and of a mean step of each turn the
    audio in seconds, padded and real. `epoch` says the same of the whole epoch, and its `steps`."""

    warm: np.ndarray
    turns: list[np.ndarray]
    padded_s: list[float]
    real_s: list[float]
    epoch: dict[str, float]

    @property
    def order(self) -> list[int]:
        """Places in the order in which they are trained on. The last is there to be loaded, not to be trained on."""
        return [int(i) for part in (self.warm, *self.turns, self.warm[:1]) for i in part]


def padded_to_longest(frames: np.ndarray) -> Computed:
    """What is computed where a batch of bursts of so many `frames` (rows,) is padded to its longest."""
    return lambda rows: np.full(len(rows), frames[rows].max())


def sample(batches: Sequence[np.ndarray], frames: np.ndarray, computed: Computed, rounds: int, steps: int,
           warm: int = 1, order: Computed | None = None) -> Sample:
    """A turn of `steps` batches for each of the `rounds`, from an epoch's `batches`, rows each, and `warm` more.

    `frames` (rows,) are those of the bursts themselves. Turns of several steps have short and long batches each; turns
    of one come in the same random order of length for whoever is sampled alike. The length of a batch is what is
    `computed` for it, or what `order` says: who shares `order` gets the same batches.
    """
    padded = FRAME * np.array([computed(rows).sum() for rows in batches])
    length = FRAME * np.array([order(rows).sum() for rows in batches]) if order else padded
    real = FRAME * np.array([frames[rows].sum() for rows in batches])
    full = np.flatnonzero([len(rows) >= max(map(len, batches)) - 1 for rows in batches])  # no remainder of an epoch
    ascending = full[np.argsort(length[full], kind="stable")]
    rng = np.random.default_rng(0)
    evenly = ((np.arange(rounds * steps) + 0.5) / (rounds * steps) * len(ascending)).astype(int)
    turns = [rng.permutation(turn) for turn in rng.permutation(ascending[evenly].reshape(steps, rounds).T)]
    epoch = {"steps": len(batches), "padded_s": padded.mean(), "real_s": real.mean(),
             "audio_share": real.sum() / padded.sum()}
    return Sample(ascending[np.linspace(0, len(ascending) - 1, warm).astype(int)], turns,
                  [padded[turn].mean() for turn in turns], [real[turn].mean() for turn in turns], epoch)


def at_mean(seconds: Sequence[float], padded_s: Sequence[float], mean: float) -> list[float]:
    """`seconds` of steps on so much padded audio each, brought to a step on `mean` of it along their own slope.

    In proportion to the audio where they show none: with less than three, or where more audio took no longer.
    """
    t, x = np.array(seconds), np.array(padded_s)
    slope = np.polyfit(x, t, 1)[0] if len(x) > 2 and np.ptp(x) > 0 else 0.0
    return (t + slope * (mean - x) if slope > 0 else t * mean / x).tolist()


def blocks(lengths: np.ndarray, size: int, number: int) -> list[np.ndarray]:
    """Rows of `number` batches of `size` at equal steps from the shortest to the longest, where all of `lengths` are
    batched in the order of length, as in validation. All rows, where there are no more."""
    ascending = np.argsort(lengths, kind="stable")
    if len(ascending) <= size * number:
        return np.array_split(ascending, -(-len(ascending) // size))
    starts = (np.arange(number) + 0.5) / number * len(ascending) - size / 2
    return [ascending[start:start + size] for start in starts.astype(int)]
