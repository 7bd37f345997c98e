"""The output of a frozen feature encoder for each burst, computed once and kept for the whole training.

The convolutions of a backbone are half of its work at demo scale, and a twentieth to a seventh at the published sizes.
While they are frozen and nothing perturbs the waveforms, their output for a burst is always the same. With
`padding: exact` it does not depend on the batch either.
"""

from __future__ import annotations

import contextlib

import numpy as np
import torch

from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.audio.packed import Packed, by_length, fits, gather
from burst2vec.audio.store import Store
from burst2vec.machine.hardware import explain_out_of_memory
from burst2vec.machine.progress import progress_bar
from burst2vec.models.backbone import Backbone


def encode_once(backbone: Backbone, store: Store, rows: np.ndarray, batch_size: int = 64,
                precision: contextlib.AbstractContextManager | None = None) -> Packed:
    """The feature encoder's output (frames, channels) for each of the `rows` of a store, on the backbone's device.

    `precision` is an autocast context. The `lengths` of what is returned stay those of the waveforms, in samples, so
    that batches hold the same bursts as before. Raises `hardware.OutOfMemory`.
    """
    device = next(backbone.parameters()).device
    sizes = frames(backbone, store.lengths)
    starts = np.cumsum(sizes[rows]) - sizes[rows]
    values = torch.empty(0)  # until the first batch tells the precision
    with torch.no_grad(), precision or contextlib.nullcontext():
        parts = by_length(store.lengths[rows], batch_size)
        for part in progress_bar(parts, desc="Encoding", unit="batch", leave=False):
            with explain_out_of_memory(f"while {len(part)} bursts were encoded, the longest of "
                                       f"{store.lengths[rows[part]].max() / SAMPLE_RATE:.1f} s",
                                       "as a run of another name, set a smaller batch_size or encode_once: false"):
                features, _ = backbone.encode(*gather(store, rows[part], device))
                if not values.numel():
                    values = features.new_empty(int(sizes[rows].sum()), features.shape[2])
            for encoded, start, size in zip(features, starts[part], sizes[rows][part], strict=True):
                values[start:start + size] = encoded[:size]
    return Packed(values, rows, sizes, store.lengths)


def encodable(backbone: Backbone) -> bool:
    """Whether the encoder's output for a burst is always the same: it is frozen, and the batch has no effect."""
    return backbone.frozen and backbone.padding == "exact"


def encoding_fits(backbone: Backbone, lengths: np.ndarray, processes: int = 1) -> bool:
    """Whether the encoder's output for bursts of these `lengths` in samples leaves their device room to train.

    Each of the `processes` keeps a copy of it.
    """
    device = next(backbone.parameters()).device
    return fits(4 * backbone.config.conv_dim[-1] * int(frames(backbone, lengths).sum()), device, processes)


def frames(backbone: Backbone, lengths: np.ndarray) -> np.ndarray:
    """Number of frames (bursts,) of bursts of these `lengths` in samples, as `Backbone.encode` counts them."""
    return backbone.num_frames(torch.from_numpy(np.maximum(lengths, backbone.receptive_field))).numpy()
