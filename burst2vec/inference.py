"""From a trained model to its table of predictions."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from burst2vec.batches import collate
from burst2vec.corpus import Corpus
from burst2vec.model import Burst2Vec
from burst2vec.predictions import tabulate
from burst2vec.store import WaveformStore


def predict(model: Burst2Vec, corpus: Corpus, store: WaveformStore, splits: Sequence[str] = ("val", "test"),
            batch_size: int = 64, precision: contextlib.AbstractContextManager | None = None) -> pd.DataFrame:
    """The model's predictions for every burst of `splits`, in the corpus's order. Bursts are batched by length.

    `precision` is an autocast context. The model is left in the mode it was in.
    """
    rows = np.flatnonzero(corpus.table["split"].isin(splits))
    by_length = rows[np.argsort(store.lengths[rows], kind="stable")]
    parts = np.array_split(by_length, -(-len(rows) // batch_size))
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    found: dict[str, list[np.ndarray]] = {t.name: [] for t in model.tasks}
    with torch.inference_mode(), precision or contextlib.nullcontext():
        for part in tqdm(parts, desc="Predicting", unit="batch", leave=False):
            waveforms, lengths = collate([store[r] for r in part])
            for name, output in model(waveforms.to(device), lengths.to(device)).items():
                found[name].append(output.float().cpu().numpy())
    model.train(was_training)
    outputs = {name: np.concatenate(o)[np.argsort(by_length)] for name, o in found.items()}
    return tabulate(outputs, model.tasks, corpus.table.iloc[rows])
