"""The one loop over batches that leads from a trained model to its predictions, for a corpus and for recordings."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.audio.packed import LONG, Packed, Waveforms, by_length, gather, to_device
from burst2vec.audio.store import Store
from burst2vec.corpora.corpus import Corpus
from burst2vec.evaluation.predictions import tabulate
from burst2vec.machine.hardware import arithmetic, explain_out_of_memory
from burst2vec.machine.progress import progress_bar
from burst2vec.models.burst2vec import Burst2Vec

Compute = Callable[[torch.Tensor, torch.Tensor], Mapping[str, torch.Tensor]]
"""A function from zero-padded waveforms (batch, samples) and their lengths (batch,) to tensors (batch, ...) by name."""


class Embedded(Packed):
    """The embeddings of bursts, computed once and kept on the training's device.

    `values` (rows, features) holds those of `rows`; `lengths` (rows of the corpus,) are those of the waveforms in
    samples.
    """

    def __init__(self, values: torch.Tensor, rows: np.ndarray, lengths: np.ndarray):
        super().__init__(values, rows, np.ones(len(lengths), np.int64), lengths)

    def batch(self, rows: np.ndarray, padded: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """The embeddings (batch, features) of `rows`, and ones (batch,)."""
        chosen = to_device(rows, self.device)
        return self.values[self._there["starts"][chosen]], self._there["sizes"][chosen]


def infer(model: Burst2Vec, waveforms: Waveforms, rows: np.ndarray, lengths: np.ndarray, batch_size: int,
          precision: contextlib.AbstractContextManager | None = None, progress: bool = True,
          seconds: float = LONG) -> dict[str, np.ndarray]:
    """The outputs of each task's head, float32 (rows, outputs), by task name.

    They are those for `waveforms[row]` of each of the `rows`, in their order; where these are `Embedded`, the backbone
    has nothing to compute. `lengths` (rows,) in samples decide the batches: bursts of similar length share one, up to
    `batch_size` of them; where bursts are longer than `seconds`, a batch holds fewer. `precision` is an autocast
    context. The model is left in the mode that it was in.

    Raises `hardware.OutOfMemory`.
    """
    if not len(rows):
        return {task.name: np.empty((0, task.outputs), np.float32) for task in model.tasks}
    compute = (lambda pooled, _: model.answer(pooled)) if isinstance(waveforms, Embedded) else model
    return compute_in_batches(model, compute, waveforms, rows, lengths, batch_size, precision, progress, seconds)


def embed_once(model: Burst2Vec, waveforms: Waveforms, rows: np.ndarray, lengths: np.ndarray, batch_size: int,
               precision: contextlib.AbstractContextManager | None = None) -> Embedded:
    """The embeddings of those `rows`, on the model's device, computed in evaluation mode.

    `lengths` (rows of the corpus,) are those of the waveforms in samples; all else is as in `infer`.
    """
    def compute(padded: torch.Tensor, sizes: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"pooled": model.embed([(padded, sizes)])}

    found = compute_in_batches(model, compute, waveforms, rows, lengths[rows], batch_size, precision)
    device = next(model.parameters()).device
    return Embedded(torch.from_numpy(found["pooled"]).to(device), rows, lengths)


def compute_in_batches(model: Burst2Vec, compute: Compute, waveforms: Waveforms, rows: np.ndarray, lengths: np.ndarray,
                       batch_size: int, precision: contextlib.AbstractContextManager | None, progress: bool = True,
                       seconds: float = LONG) -> dict[str, np.ndarray]:
    """What `compute` makes of the waveforms with the model in evaluation mode, float32 (rows, ...), by name.

    `compute` computes with `model`; all else is as in `infer`. There must be at least one row.
    """
    parts = by_length(lengths, batch_size, seconds)
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    found: dict[str, list[torch.Tensor]] = {}
    try:
        with arithmetic(device), torch.inference_mode(), precision or contextlib.nullcontext():
            for part in progress_bar(parts, desc="Predicting", unit="batch", leave=False, disable=not progress):
                with explain_out_of_memory(f"with {len(part)} bursts to predict, the longest of "
                                           f"{lengths[part].max() / SAMPLE_RATE:.1f} s",
                                           "set a smaller inference_batch_size, or --batch-size"):
                    for name, output in compute(*gather(waveforms, rows[part], device)).items():
                        found.setdefault(name, []).append(output.float())
    finally:
        model.train(was_training)
    # We read from the device at the end, since each reading waits until all work so far is done.
    order = np.argsort(np.concatenate(parts))
    return {name: torch.cat(outputs).cpu().numpy()[order] for name, outputs in found.items()}


def predict(model: Burst2Vec, corpus: Corpus, store: Store, splits: Sequence[str] = ("val", "test"),
            batch_size: int = 64, precision: contextlib.AbstractContextManager | None = None) -> pd.DataFrame:
    """The table of the model's predictions for every burst of `splits`, in the corpus's order.

    Its columns are those of `evaluation.predictions`. The predictions are computed in float32, as `systems.predictor`
    computes them, unless `precision`, an autocast context, says otherwise. The model is left in the mode that it was
    in. Raises `hardware.OutOfMemory`, and ValueError where `model` is no network.
    """
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"model is a {type(model).__name__}; expected a network, a Burst2Vec. What burst2vec.load "
                         "returns predicts recordings itself, model.predict(paths), and has networks in model.members")
    rows = np.flatnonzero(corpus.table["split"].isin(splits))
    outputs = infer(model, store, rows, store.lengths[rows], batch_size, precision)
    return tabulate(outputs, model.tasks, corpus.table.iloc[rows])


def represent(model: Burst2Vec, corpus: Corpus, store: Store, splits: Sequence[str] = ("train", "val"),
              batch_size: int = 64,
              precision: contextlib.AbstractContextManager | None = None) -> dict[str, np.ndarray]:
    """The model's representations of every burst of `splits`, float32 (bursts, features), in the corpus's order.

    They are those of `Representations.by_name` but for `projected`. They are computed in float32, unless `precision`,
    an autocast context, says otherwise. Raises `hardware.OutOfMemory`.
    """
    def compute(padded: torch.Tensor, samples: torch.Tensor) -> dict[str, torch.Tensor]:
        found = model.represent(padded, samples).by_name()
        del found["projected"]
        return found

    rows = np.flatnonzero(corpus.table["split"].isin(splits))
    return compute_in_batches(model, compute, store, rows, store.lengths[rows], batch_size, precision)
