"""Sequences of unequal length, one after the other in a tensor on the training's device, and batches gathered from it.

The waveforms of a corpus are kept in this way, as 16-bit integers, and so is the output of a frozen feature encoder. A
batch is one gather on the device: nothing is decoded, and no copy from the host has to be waited for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import psutil
import torch

from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.audio.quantised import SAMPLE
from burst2vec.audio.store import Store

ROOM = 0.5
"""The share of a device's free memory that may be filled with what could be read or computed again instead."""

LONG = 3.0
"""The burst length in seconds up to which a prediction batch holds `batch_size` bursts. Batches of longer bursts hold
fewer."""


class Waveforms(Protocol):
    """Waveforms by number, float32 (samples,) each: a store, `Packed`, or a list."""

    def __getitem__(self, row: int, /) -> np.ndarray | torch.Tensor: ...


class Packed:
    """A waveform store on a device: `packed[row]` is a waveform (samples,), or its encoding (frames, channels).

    `values` (total, ...) holds the sequences of `rows`, one after the other. `sizes` (rows of the corpus,) is the
    length of each row's sequence in samples or frames; sequences that are not held have length 0. `scales` (rows of the
    corpus,) are the factors that a sequence is multiplied by when it is read. `lengths` (rows of the corpus,) are those
    of the waveforms in samples, by which bursts are put together in batches.
    """

    def __init__(self, values: torch.Tensor, rows: np.ndarray, sizes: np.ndarray, lengths: np.ndarray,
                 scales: np.ndarray | None = None):
        self.values, self.device, self.lengths = values, values.device, lengths
        self.sizes = np.zeros(len(lengths), np.int64)
        self.sizes[rows] = sizes[rows]
        self._starts = np.zeros(len(lengths), np.int64)
        self._starts[rows] = np.cumsum(self.sizes[rows]) - self.sizes[rows]
        self._scales = scales
        self._there = {name: torch.from_numpy(array).to(self.device) for name, array in (
            ("starts", self._starts), ("sizes", self.sizes), ("scales", scales)) if array is not None}

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> torch.Tensor:
        sequence = self.values[self._starts[row]:self._starts[row] + self.sizes[row]]
        return sequence if self._scales is None else sequence * self._scales[row]

    def batch(self, rows: np.ndarray, padded: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """The sequences of `rows`, zero padded to the longest (batch, longest, ...), and their sizes (batch,).

        Where `padded` is larger than the longest, they are padded to that. The device is not waited for.
        """
        chosen = to_device(rows, self.device)
        sizes = self._there["sizes"][chosen]
        time = torch.arange(max(padded, self.sizes[rows].max()), device=self.device)
        places = (self._there["starts"][chosen, None] + time).clamp_(max=len(self.values) - 1)
        padding = (time >= sizes[:, None]).view(*places.shape, *[1] * (self.values.dim() - 1))
        found = self.values[places].masked_fill_(padding, 0)
        return found if self._scales is None else found * self._there["scales"][chosen, None], sizes


def to_device(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """A small array as a tensor on the device, without waiting for the device."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def fits(size: int, device: torch.device, processes: int = 1) -> bool:
    """Whether the device has room to train beside `size` bytes that each of the `processes` keeps.

    A GPU belongs to one process alone; a processor's memory is shared by all.
    """
    if device.type == "cuda":
        return size < ROOM * torch.cuda.mem_get_info(device)[0]
    return processes * size < ROOM * psutil.virtual_memory().available


def resident(store: Store, rows: np.ndarray, device: torch.device,
             processes: int = 1) -> Packed | Store:
    """A store with the waveforms of `rows` on the device, with 2 bytes a sample.

    Where they do not fit, once for each of the `processes`, the store itself comes back.
    """
    total = int(store.lengths[rows].sum())
    if not fits(SAMPLE.itemsize * total, device, processes):
        return store
    values, end, scales = np.empty(total, SAMPLE), 0, np.zeros(len(store), np.float32)
    for row in rows:
        samples, scales[row] = store.quantised(row)
        values[end:end + len(samples)] = samples
        end += len(samples)
    return Packed(torch.from_numpy(values).to(device), rows, store.lengths, store.lengths, scales)


def by_length(lengths: np.ndarray, batch_size: int, seconds: float = LONG) -> list[np.ndarray]:
    """The places of bursts in batches of similar length, the shortest first; `lengths` in samples (bursts,).

    A batch holds at most `batch_size` bursts, and no more padded audio than `batch_size` bursts of `seconds` would: the
    memory bounds both.
    """
    order = np.argsort(lengths, kind="stable")
    most = batch_size * seconds * SAMPLE_RATE
    starts = [0]
    for place, length in enumerate(lengths[order]):
        size = place + 1 - starts[-1]
        if size > batch_size or (size > 1 and size * length > most):
            starts.append(place)
    return np.split(order, starts[1:])


SIMILAR = 7 / 8
"""The least size of a burst as a share of the longest in its group: no more than an eighth of a group is padding."""


def group_by_length(sizes: np.ndarray) -> list[np.ndarray]:
    """The places of bursts of those `sizes` (bursts,) in groups of `SIMILAR` size, the shortest first."""
    order = np.argsort(sizes, kind="stable")
    starts, longest = [], np.inf
    for place in range(len(order) - 1, -1, -1):
        if sizes[order[place]] < SIMILAR * longest:
            starts.append(place + 1)
            longest = sizes[order[place]]
    return np.split(order, [start for start in reversed(starts) if start < len(order)])


def collate(sequences: Sequence[np.ndarray | torch.Tensor], padded: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Waveforms (samples,) zero padded to the longest (batch, samples), or to `padded`, and their lengths (batch,)."""
    clips = [torch.as_tensor(s) for s in sequences]
    batch = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
    beyond = max(0, padded - batch.shape[1])
    return torch.nn.functional.pad(batch, (0, beyond)), torch.tensor([len(clip) for clip in clips])


def gather(source: Waveforms, rows: np.ndarray, device: torch.device, padded: int = 0
           ) -> tuple[torch.Tensor, torch.Tensor]:
    """The batch of `source[row]` for each of the `rows`, on the device, and the sizes (batch,).

    It is zero padded to the longest, or to `padded` where that is larger.
    """
    if isinstance(source, Packed):
        return source.batch(rows, padded)
    batch, sizes = collate([source[row] for row in rows], padded)
    return batch.to(device), sizes.to(device)
