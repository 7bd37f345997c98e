"""From a trained model to its predictions: the one loop over batches, for a corpus and for recordings alike."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from burst2vec.audio.packed import LONG, by_length, gather
from burst2vec.audio.store import WaveformStore
from burst2vec.audio.waveform import SAMPLE_RATE
from burst2vec.corpora.corpus import Corpus
from burst2vec.evaluation.predictions import tabulate
from burst2vec.machine.hardware import arithmetic, says_what_lacks_memory
from burst2vec.models.burst2vec import Burst2Vec


class Waveforms(Protocol):
    """Waveforms by number, float32 (samples,) each: a store, or a list."""

    def __getitem__(self, row: int) -> np.ndarray: ...


Ask = Callable[[torch.Tensor, torch.Tensor], Mapping[str, torch.Tensor]]
"""Takes zero-padded waveforms (batch, samples) and their lengths (batch,), and gives tensors (batch, ...) by name."""


def infer(model: Burst2Vec, waveforms: Waveforms, rows: np.ndarray, lengths: np.ndarray, batch_size: int,
          precision: contextlib.AbstractContextManager | None = None, progress: bool = True,
          seconds: float = LONG) -> dict[str, np.ndarray]:
    """Each task's head outputs, float32 (rows, outputs), for `waveforms[row]` of each of the `rows`, in their order.

    `lengths` (rows,) in samples decide the batches: the like go together, `batch_size` of so many `seconds` at most, and
    fewer of longer ones. `precision` is an autocast context. The model is left in the mode it was in.

    Raises `hardware.OutOfMemory`.
    """
    if not len(rows):
        return {task.name: np.empty((0, task.outputs), np.float32) for task in model.tasks}
    return _in_batches(model, model, waveforms, rows, lengths, batch_size, precision, progress, seconds)


def _in_batches(model: Burst2Vec, ask: Ask, waveforms: Waveforms, rows: np.ndarray, lengths: np.ndarray,
                batch_size: int, precision: contextlib.AbstractContextManager | None, progress: bool = True,
                seconds: float = LONG) -> dict[str, np.ndarray]:
    """What `ask` makes of the waveforms with the model in evaluation mode, float32 (rows, ...) each, in their order."""
    parts = by_length(lengths, batch_size, seconds)
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    found: dict[str, list[torch.Tensor]] = {}
    with arithmetic(device), torch.inference_mode(), precision or contextlib.nullcontext():
        for part in tqdm(parts, desc="Predicting", unit="batch", leave=False, disable=not progress):
            with says_what_lacks_memory(f"with {len(part)} bursts to predict, the longest of "
                                        f"{lengths[part].max() / SAMPLE_RATE:.1f} s",
                                        "set a smaller inference_batch_size, or --batch-size"):
                for name, output in ask(*gather(waveforms, rows[part], device)).items():
                    found.setdefault(name, []).append(output.float())
    model.train(was_training)
    # Read from the device at the end: at each batch it would be waited for.
    return {name: torch.cat(outputs).cpu().numpy()[np.argsort(np.concatenate(parts))] for name, outputs in found.items()}


def predict(model: Burst2Vec, corpus: Corpus, store: WaveformStore, splits: Sequence[str] = ("val", "test"),
            batch_size: int = 64, precision: contextlib.AbstractContextManager | None = None) -> pd.DataFrame:
    """The model's predictions for every burst of `splits`, in the corpus's order. Bursts are batched by length.

    `precision` is an autocast context. The model is left in the mode it was in.
    """
    rows = np.flatnonzero(corpus.table["split"].isin(splits))
    outputs = infer(model, store, rows, store.lengths[rows], batch_size, precision)
    return tabulate(outputs, model.tasks, corpus.table.iloc[rows])


def represent(model: Burst2Vec, corpus: Corpus, store: WaveformStore, splits: Sequence[str] = ("train", "val"),
              batch_size: int = 64,
              precision: contextlib.AbstractContextManager | None = None) -> dict[str, np.ndarray]:
    """The model's representations of every burst of `splits`, float32 (bursts, features), in the corpus's order.

    By name: `pooled`, `shared`, and for each task those such as `specific age` and `combined age`.
    """
    def ask(padded: torch.Tensor, samples: torch.Tensor) -> dict[str, torch.Tensor]:
        found = model.represent(padded, samples)
        return {"pooled": found.pooled, "shared": found.shared,
                **{f"specific {name}": features for name, features in found.specific.items()},
                **{f"combined {name}": features for name, features in found.combined.items()}}

    rows = np.flatnonzero(corpus.table["split"].isin(splits))
    return _in_batches(model, ask, store, rows, store.lengths[rows], batch_size, precision)
