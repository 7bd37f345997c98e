"""Batches: bursts of similar length for one task, drawn anew for each epoch and reproducible by seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from burst2vec.audio.packed import Packed, gather, to_device
from burst2vec.audio.store import Store
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, Task

SCALAR_BANDS = 4
"""The number of bands of equal width into which oversampling cuts the training range of a scalar."""


@dataclass(frozen=True)
class Batch:
    """Bursts to learn one task from.

    `rows` (batch,) are their rows of the corpus table. `waveforms` are zero padded, (batch, samples), or encoded,
    (batch, frames, channels), and `lengths` (batch,) are the real samples, or frames, of each. `sizes` (batch,) are the
    lengths once more, in the memory of the host. `targets` are (batch, columns), or class indices (batch,).
    """

    task: Task
    rows: np.ndarray
    waveforms: torch.Tensor
    lengths: torch.Tensor
    targets: torch.Tensor
    sizes: np.ndarray

    @property
    def padding(self) -> float:
        """The share of the batch's samples, or frames, that is padding."""
        clips, longest = self.waveforms.shape[:2]
        return float(1 - self.sizes.sum() / (clips * longest))


def bucketed(rows: np.ndarray, lengths: np.ndarray, batch_size: int, bucket_batches: int,
             rng: np.random.Generator) -> list[np.ndarray]:
    """Random batches of `rows` with similar `lengths`, each row in exactly one of them.

    The rows are shuffled and then sorted by length within windows of `bucket_batches` batches. They are cut into
    batches of nearly equal size, at most `batch_size`, and the batches are shuffled. Windows of one batch leave the
    padding as it is.
    """
    rows = rng.permutation(rows)
    window = batch_size * bucket_batches
    for start in range(0, len(rows), window):
        part = rows[start:start + window]
        rows[start:start + window] = part[np.argsort(lengths[part], kind="stable")]
    batches = np.array_split(rows, -(-len(rows) // batch_size))
    return [batches[i] for i in rng.permutation(len(batches))]


def cells(tasks: Sequence[Task], table: pd.DataFrame) -> np.ndarray:
    """The cross-label cell of each row, an integer (rows,): strongest intensity by scalar band by class.

    Rows without a label for a task are in cells of their own.
    """
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
    """`rows` with random repetitions that bring each cell towards the size of the largest cell (section 4.1).

    `cell` (rows,) is the cell of each row. No row occurs more than `max_repeat` times, since a cell with a single burst
    cannot be filled from that burst alone.
    """
    largest = np.bincount(cell).max()
    chosen = []
    for members in (rows[cell == c] for c in np.unique(cell)):
        whole, rest = divmod(min(largest, len(members) * max_repeat), len(members))
        chosen += [np.tile(members, whole), rng.choice(members, rest, replace=False)]
    return np.concatenate(chosen)


def plan(corpus: Corpus, lengths: np.ndarray, params: Params, epoch: int) -> list[tuple[Task, np.ndarray]]:
    """The task and the rows of each training batch of an epoch, given the `lengths` (bursts,) in samples.

    The tasks take turns, spread evenly over the epoch, until each has seen each of its bursts once. Bursts without a
    label for a task take no part in it. The order depends on `params.seed` and the number of the epoch alone.
    """
    train = np.flatnonzero(corpus.table["split"] == "train")
    rng = np.random.default_rng((params.seed, epoch))
    if params.oversampling:
        train = oversample(train, cells(corpus.tasks, corpus.table.iloc[train]), params.max_repeat, rng)
    turns = []
    for task in corpus.tasks:
        rows = train[task.labelled(corpus.table)[train]]
        batches = bucketed(rows, lengths, params.batch_size, params.bucket_batches, rng)
        turns += [((place + 0.5) / len(batches), task, batch) for place, batch in enumerate(batches)]
    # A task with fewer bursts has its turn less often, instead of only in the first part of the epoch.
    return [(task, batch) for _, task, batch in sorted(turns, key=lambda turn: turn[0])]


class Feed:
    """The training batches of a corpus, gathered and padded on a device.

    The bursts come from `source`, which is `Packed` and already on the device, or a waveform store. Batches are padded
    to a multiple of `multiple` samples, or frames where the bursts are encoded.
    """

    def __init__(self, corpus: Corpus, source: Packed | Store, params: Params, device: torch.device,
                 multiple: int = 1):
        self.corpus, self.source, self.params, self.device, self.multiple = corpus, source, params, device, multiple
        self._targets = {t.name: torch.from_numpy(t.targets(corpus.table)).to(device) for t in corpus.tasks}

    def plan(self, epoch: int) -> list[tuple[Task, np.ndarray]]:
        """The task and the rows of each batch of an epoch; see the function `plan`."""
        return plan(self.corpus, self.source.lengths, self.params, epoch)

    def batch(self, task: Task, rows: np.ndarray) -> Batch:
        """The batch of those `rows` of the corpus table. The device is not waited for."""
        waveforms, lengths = gather(self.source, rows, self.device, self.multiple)
        sizes = self.source.sizes if isinstance(self.source, Packed) else self.source.lengths
        targets = self._targets[task.name][to_device(rows, self.device)]
        return Batch(task, rows, waveforms, lengths, targets, sizes[rows])

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of one epoch, in the order of `plan`."""
        return (self.batch(task, rows) for task, rows in self.plan(number))
