"""Batches: random bursts for one task, drawn anew for each epoch and reproducible by seed (appendix C).

Which bursts meet in a batch has to be chance, since the concordance loss is computed over the batch: one in which all
bursts are of the same length shows a stratum of the corpus. Lengths play a part within a batch alone: its bursts are
computed in groups of similar length, so that hardly any padding is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from burst2vec.audio.packed import Packed, gather, group_by_length, to_device
from burst2vec.audio.store import Store
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.models.inference import Embedded
from burst2vec.models.packing import Group

SCALAR_BANDS = 4
"""The number of bands of equal width into which oversampling cuts the training range of a scalar."""


@dataclass(frozen=True)
class Batch:
    """Bursts to learn one task from, the shortest first.

    `rows` (batch,) are their rows of the corpus table. `lengths` (batch,) are in samples, and `sizes` (batch,) are the
    same or, if they are encoded, in frames; both are in the memory of the host. `targets` are (batch, columns), or
    class indices (batch,). `feed` is where the bursts come from.
    """

    task: Task
    rows: np.ndarray
    lengths: np.ndarray
    sizes: np.ndarray
    targets: torch.Tensor
    feed: Feed

    @property
    def padding(self) -> float:
        """The share of the samples, or frames, to compute that is padding."""
        padded = sum(len(group) * longest for group, longest in self.feed.group(self.lengths, self.sizes))
        return float(1 - self.sizes.sum() / padded)

    def embeddings(self, places: np.ndarray) -> torch.Tensor:
        """The embeddings (bursts, features) of the bursts at those `places` of the batch, which are computed once."""
        return gather(self.feed.source, self.rows[places], self.feed.device)[0]

    def groups(self, places: np.ndarray) -> list[Group]:
        """The bursts at those `places` of the batch, in their order, zero padded in groups of similar length.

        The groups are on the device, which is not waited for.
        """
        feed = self.feed
        # Where padding has an effect, a part of the batch is as long as the whole.
        least = 0 if feed.grouped else feed.padded(self.sizes)
        return [gather(feed.source, self.rows[places[group]], feed.device, max(longest, least))
                for group, longest in feed.group(self.lengths[places], self.sizes[places])]


def deal(rows: np.ndarray, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Random batches of nearly equal size, at most `batch_size`, with each of the `rows` in exactly one of them."""
    return np.array_split(rng.permutation(rows), -(-len(rows) // batch_size)) if len(rows) else []


def one_task_each(labelled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The number of a random task (rows,) for each row, of those that it is `labelled` (rows, tasks) for.

    Rows with labels for the same tasks are shared out among these as evenly as can be. A row without any gets -1.
    """
    chosen = np.full(len(labelled), -1)
    for pattern in np.unique(labelled, axis=0):
        tasks, rows = np.flatnonzero(pattern), np.flatnonzero((labelled == pattern).all(axis=1))
        if len(tasks):
            chosen[rng.permutation(rows)] = tasks[np.arange(len(rows)) % len(tasks)]
    return chosen


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


def plan(corpus: Corpus, params: Params, epoch: int) -> list[tuple[Task, np.ndarray]]:
    """The task and the rows of each training batch of an epoch.

    Each burst is there once, for one of the tasks that it has a label for (`params.epoch` is `one_pass`), or once for
    each of them (`each_task`). The tasks take turns, spread evenly over the epoch. The order depends on `params.seed`
    and the number of the epoch alone, and every epoch has the same number of batches.
    """
    train = np.flatnonzero(corpus.table["split"] == "train")
    rng = np.random.default_rng((params.seed, epoch))
    if params.oversampling:
        train = oversample(train, cells(corpus.tasks, corpus.table.iloc[train]), params.max_repeat, rng)
    labelled = np.stack([task.labelled(corpus.table)[train] for task in corpus.tasks], axis=1)
    if params.epoch == "one_pass":
        labelled = one_task_each(labelled, rng)[:, None] == np.arange(len(corpus.tasks))
    turns = []
    for number, task in enumerate(corpus.tasks):
        batches = deal(train[labelled[:, number]], params.batch_size, rng)
        turns += [((place + 0.5) / len(batches), task, batch) for place, batch in enumerate(batches)]
    # A task with fewer bursts has its turn less often, instead of only in the first part of the epoch.
    return [(task, batch) for _, task, batch in sorted(turns, key=lambda turn: turn[0])]


class Feed:
    """The training batches of a corpus, gathered and padded on a device.

    The bursts come from `source`, which is `Packed` and already on the device, or a waveform store; they may be
    `encoded`, or wholly `embedded`. Groups of bursts of similar length are padded to a multiple of `multiple` samples,
    or frames if the bursts are `encoded`. Where padding has an effect on what is computed, `grouped` is false, and all
    of a batch is padded to its longest burst.
    """

    def __init__(self, corpus: Corpus, source: Packed | Store, params: Params, device: torch.device,
                 multiple: int = 1, grouped: bool = True):
        self.corpus, self.source, self.params, self.device = corpus, source, params, device
        self.multiple, self.grouped = multiple, grouped
        self.embedded = isinstance(source, Embedded)
        self.encoded = isinstance(source, Packed) and source.values.dim() == 2 and not self.embedded
        self._sizes = source.sizes if isinstance(source, Packed) else source.lengths
        self._targets = {t.name: torch.from_numpy(t.targets(corpus.table)).to(device) for t in corpus.tasks}

    def plan(self, epoch: int) -> list[tuple[Task, np.ndarray]]:
        """The task and the rows of each batch of an epoch; see the function `plan`."""
        return plan(self.corpus, self.params, epoch)

    def batch(self, task: Task, rows: np.ndarray) -> Batch:
        """The batch of those `rows` of the corpus table. The device is not waited for."""
        rows = rows[np.argsort(self.source.lengths[rows], kind="stable")]
        targets = self._targets[task.name][to_device(rows, self.device)]
        return Batch(task, rows, self.source.lengths[rows], self._sizes[rows], targets, self)

    def group(self, lengths: np.ndarray, sizes: np.ndarray) -> list[tuple[np.ndarray, int]]:
        """The places of bursts in each group, and the size that the group is padded to.

        `lengths` and `sizes` (bursts,) are as in `Batch`. Groups are by length in samples, so that they are the same
        whether bursts are encoded once or not.
        """
        groups = group_by_length(lengths) if self.grouped else [np.arange(len(sizes))]
        return [(places, self.padded(sizes[places])) for places in groups]

    def padded(self, sizes: np.ndarray) -> int:
        """The size that bursts of those `sizes` (bursts,) are padded to together."""
        return -(-int(sizes.max()) // self.multiple) * self.multiple

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of one epoch, in the order of `plan`."""
        return (self.batch(task, rows) for task, rows in self.plan(number))
