"""Our side of the benchmarks: training on chosen batches, and validation, as `burst2vec.training` does them.

But for one thing: on Linux a training also keeps the memory that it frees (`hardware.keep_memory`). Here that would
falsify the memory that is measured, so it is left out. A training is not slower than what is measured here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from benchmarks import workload
from benchmarks.watching import timed
from burst2vec.batches import Feed
from burst2vec.config import Params
from burst2vec.corpus import Corpus, Task
from burst2vec.encoding import encode_once
from burst2vec.hardware import autocast
from burst2vec.inference import infer
from burst2vec.learning import Learner


class Ours:
    """Burst2Vec of a size on the `rows` of a corpus that batches and validation will be taken from.

    What the frozen encoder makes of them is computed here once, which takes `encoding_s` seconds.
    """

    def __init__(self, size: str, corpus: Corpus, store: workload.Noise, params: Params, device: torch.device,
                 rows: np.ndarray):
        torch.manual_seed(params.seed)
        self.model, self.params, self.device = workload.burst2vec(size).to(device).train(), params, device
        self.precision = autocast(params.precision, device)
        self.dtype = torch.get_autocast_dtype(device.type) if self.precision._enabled else torch.float32
        self.encoding_s = timed(lambda: self._encode(store, rows), device)
        multiple = params.length_multiple or (8 if device.type == "cuda" else 1)  # as in a training
        self.feed = Feed(corpus, self.source, params, device, multiple)

    def _encode(self, store: workload.Noise, rows: np.ndarray) -> None:
        self.source = encode_once(self.model.backbone, store, rows, self.params.inference_batch_size, self.precision)

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
