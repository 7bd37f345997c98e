"""Our side of the benchmarks: training on chosen batches, and validation, as `burst2vec.training.trainer` does them.

But for one thing: on Linux a training also keeps the memory that it frees (`hardware.keep_memory`). Here that would
falsify the memory that is measured, so it is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from benchmarks import flops, workload
from benchmarks.watching import timed
from burst2vec.audio.packed import resident
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.machine.hardware import arithmetic, autocast
from burst2vec.models.encoding import encodable, encode_once
from burst2vec.models.inference import infer
from burst2vec.training.batches import Feed
from burst2vec.training.source import length_multiple
from burst2vec.training.step import Learner


class Ours:
    """Burst2Vec of a size, as `params` describe it. `hear` first what batches and validation are to be taken from."""

    def __init__(self, size: str, params: Params, device: torch.device):
        torch.manual_seed(params.seed)
        self.model, self.params, self.device = workload.burst2vec(size, params).to(device).train(), params, device
        self.precision = autocast(params.precision, device)
        self.dtype = torch.get_autocast_dtype(device.type) if self.precision._enabled else torch.float32
        self.encoded = params.encode_once and encodable(self.model.backbone)
        self._multiple = length_multiple(self.model, self.encoded, params)

    def padded_frames(self, longest: np.ndarray) -> np.ndarray:
        """Frames of batches whose longest bursts have so many samples (batches,)."""
        shape = self.model.backbone.config
        if self.encoded:
            return -(-flops.frames(shape, longest) // self._multiple) * self._multiple
        return flops.frames(shape, -(-longest // self._multiple) * self._multiple)

    @property
    def step(self) -> int:
        """What the padded lengths of batches are multiples of, in samples."""
        return self._multiple * self.model.backbone.hop if self.encoded and self._multiple > 1 else self._multiple

    def hear(self, corpus: Corpus, store: workload.Noise, rows: np.ndarray) -> None:
        """Brings those rows of a corpus to the device.

        Unless `encode_once` is off, what a frozen encoder makes of them is computed once, which takes `encoding_s`
        seconds.
        """
        self.encoding_s = timed(lambda: self._gather(store, rows), self.device)
        self.feed = Feed(corpus, self.source, self.params, self.device, self._multiple)

    def _gather(self, store: workload.Noise, rows: np.ndarray) -> None:
        if self.encoded:
            with arithmetic(self.device, self.params.deterministic):
                self.source = encode_once(self.model.backbone, store, rows, self.params.batch_size, self.precision)
        else:
            self.source = resident(store, rows, self.device)

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
