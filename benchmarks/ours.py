"""Our side of the benchmarks: training on chosen batches, and validation, as `burst2vec.training.trainer` does them.

But for one thing: on Linux a training also keeps the memory that it frees (`hardware.keep_memory`). Here that would
falsify the memory that is measured, so it is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from transformers import PreTrainedConfig

from benchmarks import flops, workload
from benchmarks.watching import timed
from burst2vec.audio.packed import Packed, resident
from burst2vec.audio.store import Store
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.machine.hardware import arithmetic, arithmetic_dtype, autocast
from burst2vec.models.encoding import encodable, encode_once
from burst2vec.models.inference import infer
from burst2vec.training.batches import Feed
from burst2vec.training.source import length_multiple
from burst2vec.training.step import Learner


class Ours:
    """Burst2Vec of a size, as `params` describe it, and the bursts of a corpus, whose waveforms are in `store`.

    `hear` first what batches and validation are to be taken from. `changes` are made to the size's configuration.
    """

    def __init__(self, size: str, params: Params, device: torch.device, corpus: Corpus, store: workload.Noise,
                 **changes):
        torch.manual_seed(params.seed)
        self.model = workload.burst2vec(size, params, **changes).to(device).train()
        self.params, self.device, self.corpus, self.store = params, device, corpus, store
        self.precision = autocast(params.precision, device)
        self.dtype = arithmetic_dtype(params.precision, device)
        self.encoded = params.encode_once and encodable(self.model.backbone)
        self._take_from(store)

    @property
    def shape(self) -> PreTrainedConfig:
        """The backbone's configuration."""
        return self.model.backbone.config

    def hear(self, rows: np.ndarray) -> None:
        """Brings those rows of the corpus to the device.

        Unless `encode_once` is off, what a frozen encoder makes of them is computed once, which takes `encoding_s`
        seconds.
        """
        self.encoding_s = timed(lambda: self._take_from(self._gathered(rows)), self.device)

    def _take_from(self, source: workload.Noise | Packed | Store) -> None:
        multiple = length_multiple(self.model, self.encoded, self.params)
        self.source = source
        self.feed = Feed(self.corpus, source, self.params, self.device, multiple, self.model.independent)

    def _gathered(self, rows: np.ndarray) -> Packed | Store:
        if not self.encoded:
            return resident(self.store, rows, self.device)
        with arithmetic(self.device, self.params.deterministic):
            return encode_once(self.model.backbone, self.store, rows, self.params.batch_size, self.precision)

    def computed(self, rows: np.ndarray) -> np.ndarray:
        """Frames (bursts,) that are computed for each burst of a batch of those rows: its own and its padding's."""
        lengths = self.store.lengths[rows]
        sizes = flops.frames(self.shape, lengths) if self.encoded else lengths
        padded = np.concatenate([np.full(len(places), size) for places, size in self.feed.group(lengths, sizes)])
        return padded if self.encoded else flops.frames(self.shape, padded)

    def program(self, dealt: Sequence[tuple[Task, np.ndarray]]) -> Callable[[Callable[[], None]], None]:
        """Training on those batches, a task and rows each, over and over, for `turns.Turns`."""
        def train(done: Callable[[], None]) -> None:
            learner = Learner(self.model, self.params, self.precision)
            while True:
                for task, rows in dealt:
                    learner.step(self.feed.batch(task, rows))
                    done()

        return train

    def validate(self, blocks: Sequence[np.ndarray]) -> float:
        """Seconds of the predictions for each of those batches of rows, as validation makes them."""
        return timed(lambda: [infer(self.model, self.source, rows, self.source.lengths[rows], len(rows), self.precision,
                                    progress=False) for rows in blocks], self.device)
