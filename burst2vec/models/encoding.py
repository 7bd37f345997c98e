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

from burst2vec.audio.packed import Packed, by_length, fits, gather
from burst2vec.audio.store import WaveformStore
from burst2vec.audio.waveform import SAMPLE_RATE
from burst2vec.machine.hardware import says_what_lacks_memory
from burst2vec.models.backbone import Backbone


def encode_once(backbone: Backbone, store: WaveformStore, rows: np.ndarray, batch_size: int = 64,
                precision: contextlib.AbstractContextManager | None = None) -> Packed:
    """The encoded `rows` of a store, (frames, channels) each, on the backbone's device, in the arithmetic of
    `precision`, an autocast context.

    `lengths` stay those of the waveforms, in samples: batches are the same as before.
    """
    device = next(backbone.parameters()).device
    sizes = frames(backbone, store.lengths)
    starts = np.cumsum(sizes[rows]) - sizes[rows]
    values = None
    with torch.no_grad(), precision or contextlib.nullcontext():
        for part in tqdm(by_length(store.lengths[rows], batch_size), desc="Encoding", unit="batch", leave=False):
            with says_what_lacks_memory(f"while {len(part)} bursts were encoded, the longest of "
                                        f"{store.lengths[rows[part]].max() / SAMPLE_RATE:.1f} s",
                                        "as a run of another name, set a smaller batch_size or encode_once: false"):
                features, _ = backbone.encode(*gather(store, rows[part], device))
                if values is None:
                    values = features.new_empty(int(sizes[rows].sum()), features.shape[2])
            for encoded, start, size in zip(features, starts[part], sizes[rows][part], strict=True):
                values[start:start + size] = encoded[:size]
    return Packed(values, rows, sizes, store.lengths)


def encodable(backbone: Backbone) -> bool:
    """Whether a burst's features are always the same: a frozen encoder that no neighbour in the batch reaches."""
    return backbone.frozen and backbone.padding == "exact"


def encoding_fits(backbone: Backbone, lengths: np.ndarray, processes: int = 1) -> bool:
    """Whether the encoded bursts of so many samples, kept by each of the processes, leave their device room to train."""
    device = next(backbone.parameters()).device
    return fits(4 * backbone.config.conv_dim[-1] * int(frames(backbone, lengths).sum()), device, processes)


def frames(backbone: Backbone, lengths: np.ndarray) -> np.ndarray:
    """Frames of bursts of so many samples, as `Backbone.encode` counts them."""
    return backbone.num_frames(torch.from_numpy(np.maximum(lengths, backbone.receptive_field))).numpy()
