"""What a frozen feature encoder makes of each burst, computed once and kept for the whole training.

The convolutions of a backbone are half of its work at demo scale, and a twentieth to a seventh at the published sizes.
While they are frozen and nothing perturbs the waveforms, their output for a burst is always the same: with
`padding: exact` it does not depend on the batch either.
"""

from __future__ import annotations

import contextlib

import numpy as np
import torch
from tqdm.auto import tqdm

from burst2vec.backbone import Backbone
from burst2vec.batches import collate
from burst2vec.store import WaveformStore


class EncodedStore:
    """Takes a waveform store's place: `store[row]` is (frames, channels), for those rows that were encoded.

    `lengths` stay those of the waveforms, in samples: batches are the same as before.
    """

    def __init__(self, lengths: np.ndarray, encoded: dict[int, torch.Tensor]):
        self.lengths, self._encoded = lengths, encoded

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> torch.Tensor:
        return self._encoded[row]


def encode_once(backbone: Backbone, store: WaveformStore, rows: np.ndarray, batch_size: int = 64,
                precision: contextlib.AbstractContextManager | None = None) -> EncodedStore:
    """The encoded `rows` of a store, on the backbone's device, in the arithmetic of `precision`, an autocast context."""
    device = next(backbone.parameters()).device
    by_length = rows[np.argsort(store.lengths[rows], kind="stable")]
    parts = np.array_split(by_length, -(-len(rows) // batch_size))
    encoded = {}
    with torch.no_grad(), precision or contextlib.nullcontext():
        for part in tqdm(parts, desc="Encoding", unit="batch", leave=False):
            waveforms, lengths = collate([store[row] for row in part])
            features, num_frames = backbone.encode(waveforms.to(device), lengths.to(device))
            encoded |= {int(row): f[:n].clone() for row, f, n in zip(part, features, num_frames.tolist(), strict=True)}
    return EncodedStore(store.lengths, encoded)


def encodable(backbone: Backbone) -> bool:
    """Whether a burst's features are always the same: a frozen encoder that no neighbour in the batch reaches."""
    return backbone.frozen and backbone.padding == "exact"
