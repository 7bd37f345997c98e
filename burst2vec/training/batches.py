"""Batches: one task each, bursts of similar length together, random from epoch to epoch, reproducible by seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from burst2vec.audio.packed import Packed, gather, to_device
from burst2vec.audio.store import WaveformStore
from burst2vec.corpora.corpus import Corpus, Task

SCALAR_BANDS = 4
"""Into how many bands of equal width oversampling cuts a scalar's training range."""


@dataclass(frozen=True)
class Batch:
    """Bursts to learn one task from: `waveforms` (batch, samples), zero padded, or encoded ones (batch, frames,
    channels); `lengths` (batch,), the real samples, or frames, of each; `targets` (batch, columns), or class indices
    (batch,); `rows` (batch,) of the corpus table; and `sizes` (batch,), the lengths once more, on the host."""

    task: Task
    rows: np.ndarray
    waveforms: torch.Tensor
    lengths: torch.Tensor
    targets: torch.Tensor
    sizes: np.ndarray

    @property
    def padding(self) -> float:
        """Share of the batch's samples that are padding."""
        clips, longest = self.waveforms.shape[:2]
        return float(1 - self.sizes.sum() / (clips * longest))


def bucketed(rows: np.ndarray, lengths: np.ndarray, batch_size: int, bucket_batches: int,
             rng: np.random.Generator) -> list[np.ndarray]:
    """`rows` dealt into random batches of similar `lengths`, each row exactly once.

    Shuffled rows are sorted by length inside windows of `bucket_batches` batches, cut into batches of nearly equal
    size, `batch_size` at most, and the batches shuffled. With one batch to a window nothing is gained or lost.
    """
    rows = rng.permutation(rows)
    window = batch_size * bucket_batches
    for start in range(0, len(rows), window):
        part = rows[start:start + window]
        rows[start:start + window] = part[np.argsort(lengths[part], kind="stable")]
    batches = np.array_split(rows, -(-len(rows) // batch_size))
    return [batches[i] for i in rng.permutation(len(batches))]


def cells(tasks: Sequence[Task], table: pd.DataFrame) -> np.ndarray:
    """The cross-label cell of each row, an integer (rows,): its strongest intensity x scalar band x class.
    Where a label is missing, that is a cell of its own."""
    keys = []
    for task in tasks:
        targets = task.targets(table)
        if task.kind == "intensities":
            targets = targets.argmax(axis=1)
        elif task.kind == "scalar":
            targets = np.nan_to_num(np.clip(targets[:, 0] * SCALAR_BANDS, 0, SCALAR_BANDS - 1)).astype(int)
        keys.append(np.where(task.labelled(table), targets, -1))
    return pd.DataFrame(dict(enumerate(keys))).groupby(list(range(len(keys)))).ngroup().to_numpy()


def oversample(rows: np.ndarray, cell: np.ndarray, max_repeat: int, rng: np.random.Generator) -> np.ndarray:
    """`rows` and random repetitions of them that bring each cell towards the size of the largest (section 4.1).

    `cell` (rows,) holds the cell of each row. No row stands there more than `max_repeat` times: a cell of one burst
    cannot be filled from it alone.
    """
    largest = np.bincount(cell).max()
    chosen = []
    for members in (rows[cell == c] for c in np.unique(cell)):
        whole, rest = divmod(min(largest, len(members) * max_repeat), len(members))
        chosen += [np.tile(members, whole), rng.choice(members, rest, replace=False)]
    return np.concatenate(chosen)


def plan(corpus: Corpus, lengths: np.ndarray, params, number: int) -> list[tuple[Task, np.ndarray]]:
    """Task and rows of each training batch of epoch `number`, given each burst's length in samples.

    The tasks take turns, spread evenly over the epoch, until each has seen each of its bursts once; bursts without a
    task's label take no part in it. The order depends on `params.seed` and the epoch's number alone.
    """
    train = np.flatnonzero(corpus.table["split"] == "train")
    rng = np.random.default_rng((params.seed, number))
    if params.oversampling:
        train = oversample(train, cells(corpus.tasks, corpus.table.iloc[train]), params.max_repeat, rng)
    turns = []
    for task in corpus.tasks:
        rows = train[task.labelled(corpus.table)[train]]
        dealt = bucketed(rows, lengths, params.batch_size, params.bucket_batches, rng)
        turns += [((place + 0.5) / len(dealt), task, batch) for place, batch in enumerate(dealt)]
    # A task with fewer bursts comes more seldom, not in the first part of the epoch alone.
    return [(task, batch) for _, task, batch in sorted(turns, key=lambda turn: turn[0])]


class Feed:
    """The training batches of a corpus, gathered and padded on a device.

    `source` is where the bursts are taken from: `Packed`, on the device already, or a store. Batches are padded to a
    `multiple` of samples or, where they are encoded, frames.
    """

    def __init__(self, corpus: Corpus, source: Packed | WaveformStore, params, device: torch.device, multiple: int = 1):
        self.corpus, self.source, self.params, self.device, self.multiple = corpus, source, params, device, multiple
        self._targets = {t.name: torch.from_numpy(t.targets(corpus.table)).to(device) for t in corpus.tasks}

    def plan(self, number: int) -> list[tuple[Task, np.ndarray]]:
        """Task and rows of each batch of epoch `number`; see `plan`."""
        return plan(self.corpus, self.source.lengths, self.params, number)

    def batch(self, task: Task, rows: np.ndarray) -> Batch:
        """The batch of those rows of the corpus table. The device is not waited for."""
        waveforms, lengths = gather(self.source, rows, self.device, self.multiple)
        sizes = self.source.sizes if isinstance(self.source, Packed) else self.source.lengths
        targets = self._targets[task.name][to_device(rows, self.device)]
        return Batch(task, rows, waveforms, lengths, targets, sizes[rows])

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of one epoch, as `plan` deals them."""
        return (self.batch(task, rows) for task, rows in self.plan(number))
