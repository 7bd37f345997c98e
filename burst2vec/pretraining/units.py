"""The units that HuBERT learns to predict (appendix B): clusters of frames, found by k-means before it learns.

At first the frames are described by MFCC, for a model whose weights are random knows nothing. In the next iteration,
and where a checkpoint is gone on from, they are described by the model's own middle layer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from sklearn.cluster import MiniBatchKMeans
from torchaudio.compliance import kaldi
from torchaudio.functional import compute_deltas

from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.audio.store import Store
from burst2vec.machine.progress import progress_bar
from burst2vec.models.backbone import Backbone
from burst2vec.models.packing import transform
from burst2vec.pretraining.heard import Batch, Frames

SAMPLE = 200_000
"""The number of frames that clusters are found in; all frames are then told their cluster."""

Describe = Callable[[np.ndarray], np.ndarray]
"""The features (frames, features) of the frames of some bursts, given by their numbers, in the order of the bursts."""


def mfcc(waveform: torch.Tensor, window: int, hop: int) -> torch.Tensor:
    """13 MFCC of each window, their differences in time, and the differences of these
    (frames, 39).

    A window of `window` samples begins every `hop` samples of the waveform (samples,),
    so that the frames are those of a backbone whose `receptive_field` and `hop` these
    are. As in Hsu et al. (2021), except that their frames were four times as many.
    """
    cepstra = kaldi.mfcc(
        waveform[None], sample_frequency=SAMPLE_RATE, use_energy=False,
        frame_length=1000 * window / SAMPLE_RATE, frame_shift=1000 * hop / SAMPLE_RATE,
    ).T
    deltas = compute_deltas(cepstra)
    return torch.cat([cepstra, deltas, compute_deltas(deltas)]).T


def find_units(describe: Describe, frames: Frames, learnt: np.ndarray, units: int, seed: int) -> np.ndarray:
    """The unit of every frame, int64 (frames,).

    It is the nearest of `units` centres, which k-means finds in frames of the bursts `learnt`, whole bursts of them
    drawn by `seed`. Raises ValueError where those have fewer frames than there are units.
    """
    drawn = np.random.default_rng(seed).permutation(learnt)
    drawn = drawn[:np.searchsorted(np.cumsum(frames.sizes[drawn]), SAMPLE) + 1]
    if frames.sizes[drawn].sum() < units:
        raise ValueError(f"pre-training: units is {units}; expected no more than there are frames to find them in, "
                         f"{frames.sizes[drawn].sum()}")
    heard = [describe(part) for part in _shown(frames.parts(drawn), "Describing")]
    centres = cluster(np.concatenate(heard), units, seed)
    parts = frames.parts(np.arange(len(frames.sizes)))
    found = [centres.predict(describe(part)) for part in _shown(parts, "Finding units")]
    return np.concatenate(found).astype(np.int64)


def cluster(features: np.ndarray, units: int, seed: int) -> MiniBatchKMeans:
    """The clusters of `features` (frames, features), as in Hsu et al. (2021)."""
    means = MiniBatchKMeans(
        units, random_state=seed, batch_size=10_000, n_init=5, reassignment_ratio=0.0,
        max_no_improvement=100,
    )
    return means.fit(np.ascontiguousarray(features, np.float32))


def _shown(parts: Sequence[np.ndarray], what: str) -> Iterator[np.ndarray]:
    return progress_bar(parts, desc=what, unit="part", leave=False)


def acoustic(backbone: Backbone, store: Store, frames: Frames) -> Describe:
    """Describes frames by the MFCC of what the backbone's frames see, each recording being of unit variance."""
    window, hop = backbone.receptive_field, backbone.hop

    def describe(bursts: np.ndarray) -> np.ndarray:
        return np.concatenate([_cepstra(store, frames, burst, window, hop) for burst in bursts])

    return describe


def _cepstra(store: Store, frames: Frames, burst: int, window: int, hop: int) -> np.ndarray:
    row = frames.rows[burst]
    waveform = torch.from_numpy(store[row])
    waveform = (waveform - waveform.mean()) / waveform.std(unbiased=False).clamp_min(1e-7)
    waveform = torch.nn.functional.pad(waveform, (0, max(0, window - len(waveform))))  # as `Backbone.encode` does
    skipped = int(frames.starts[burst] - frames.starts[np.searchsorted(frames.rows, row)]) * hop
    return mfcc(waveform[skipped:skipped + (frames.sizes[burst] - 1) * hop + window], window, hop).numpy()


def contextual(backbone: Backbone, frames: Frames, precision: contextlib.AbstractContextManager | None = None
               ) -> Describe:
    """Describes frames by the output of the backbone's middle layer, nothing being masked or dropped out.

    The backbone is left in evaluation mode.
    """
    middle = backbone.model.encoder.layers[backbone.config.num_hidden_layers // 2 - 1]

    def describe(bursts: np.ndarray) -> np.ndarray:
        batch = frames.batch(bursts, 0, 0, np.random.default_rng())
        with torch.no_grad(), precision or contextlib.nullcontext(), layer_outputs([middle]) as outputs:
            transform(backbone.eval(), backbone.project(batch.encoded), batch.shapes)
        return in_order(outputs[0], batch).float().cpu().numpy()

    return describe


@contextlib.contextmanager
def layer_outputs(layers: Sequence[torch.nn.Module]) -> Iterator[list[torch.Tensor]]:
    """A list that is filled with what each of the layers puts out within the block."""
    outputs: list[torch.Tensor] = []
    hooks = [layer.register_forward_hook(lambda _module, _inputs, output: outputs.append(output)) for layer in layers]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


def in_order(hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The real frames (frames, features) of a packed sequence (1, frames, features), in the order of the bursts.

    The batch is one in which nothing is masked.
    """
    order = np.argsort(batch.bursts, kind="stable")
    return hidden[0, batch.places[torch.from_numpy(order).to(batch.places.device)]]
