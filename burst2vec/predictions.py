"""Predictions as one tidy table for each system: a row for each burst, by `file`.

Columns: `split`; for each task its target columns (intensities in [0, 1], scalars in their own unit, the class's
name); for a task of classes also a probability for each, `country_China` and so on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from burst2vec.batches import collate
from burst2vec.corpus import Corpus, CorpusError, Task
from burst2vec.files import write_aside
from burst2vec.model import Burst2Vec
from burst2vec.store import WaveformStore


def tabulate(outputs: dict[str, np.ndarray], tasks: Sequence[Task], rows: pd.DataFrame) -> pd.DataFrame:
    """The table of predictions from head outputs, each (rows, outputs), for those rows of the corpus table."""
    table = rows[["split"]].copy()
    for task in tasks:
        output = outputs[task.name]
        if task.kind == "classes":
            table[task.columns[0]] = np.array(task.classes, dtype=object)[output.argmax(1)]
            probabilities = torch.from_numpy(output).double().softmax(1).numpy()
            table[list(task.probability_columns)] = probabilities
        elif task.kind == "scalar":
            table[task.columns[0]] = task.low + output[:, 0].astype(np.float64) * (task.high - task.low)
        else:
            table[list(task.columns)] = output
    return table


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


def write_predictions(table: pd.DataFrame, path: str | Path) -> None:
    """Writes a table of predictions as CSV, whole or not at all."""
    with write_aside(path) as aside:
        table.to_csv(aside, float_format="%.6g")


def read_predictions(path: str | Path) -> pd.DataFrame:
    """A table of predictions as `write_predictions` left it. Raises FileNotFoundError and CorpusError."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no predictions there; train that system first")
    table = pd.read_csv(path, dtype={"file": str})
    if not {"file", "split"} <= set(table.columns):
        raise CorpusError(f"{path}: not a table of predictions; expected the columns file, split and each task's")
    return table.set_index("file")
