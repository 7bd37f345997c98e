"""Trainings on a backbone that learns nothing: what it makes of the bursts is computed once for all of them.

Where all steps are steps of the heads (`head_steps`), the embeddings of the bursts depend on backbone and pooling
alone, and not on the seed. A study of a hundred such trainings would compute them a hundred times.

Where an embedding depends on its batch (`padding: as_published`, `pooling: padded`), each burst is embedded once in a
random batch, drawn anew for each seed, in training and test alike: neighbours of any length, as it would meet them in
a training. `train` itself refuses such parameters with `head_steps`, since a training would embed a burst anew in every
epoch. A study asks for them by `built_with`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import torch

from burst2vec.audio.store import Store
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.predictions import tabulate
from burst2vec.machine.hardware import choose_device
from burst2vec.models import burst2vec, inference
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.inference import Embedded, embed_once, infer
from burst2vec.training import trainer
from burst2vec.training.batches import deal
from burst2vec.training.seeding import seed_everything
from burst2vec.training.trained import Trained

COMMON: dict[str, Any] = {"encode_once": False, "precision": "float32"}
"""The parameters that all trainings need whose embeddings are shared: nothing is encoded before, and the same numbers
come out on every processor."""

_embedded: dict[str, torch.Tensor] = {}
"""The embeddings (bursts of the corpus, statistics, layers, features) that this process has computed, by what they
follow from: means and deviations of all layers, of which others are a part."""


def train_heads(corpus: Corpus, store: Store, params: Params) -> tuple[Trained, pd.DataFrame]:
    """A training all of whose steps are of the heads, and its predictions for the test split.

    Raises ValueError where the backbone would learn, too.
    """
    if params.head_steps < (params.max_steps or np.inf):  # before anything is embedded
        raise ValueError(f"head_steps is {params.head_steps} and max_steps is {params.max_steps}; expected no less")
    seed_everything(params.seed)
    model = trainer.build(params, corpus.tasks).to(choose_device(params.device))
    source = embedded(model, store, params)
    done = trainer.train_heads(corpus, source, params)
    return done, predict(done.model, corpus, source, params)


def predict(model: Burst2Vec, corpus: Corpus, source: Embedded, params: Params) -> pd.DataFrame:
    """The predictions of a model for the test split, from the embeddings of all bursts."""
    rows = np.flatnonzero(corpus.table["split"] == "test")
    outputs = infer(model, source, rows, source.lengths[rows], params.inference_batch_size)
    return tabulate(outputs, model.tasks, corpus.table.iloc[rows])


def embedded(model: Burst2Vec, store: Store, params: Params) -> Embedded:
    """The `embeddings` of all bursts, for a training or for predictions."""
    return Embedded(embeddings(model, store, params), np.arange(len(store.lengths)), store.lengths)


def embeddings(model: Burst2Vec, store: Store, params: Params) -> torch.Tensor:
    """The embeddings (bursts of the corpus, features) of all bursts as the model pools them, computed where this
    process has not yet."""
    digest = hashlib.sha256(json.dumps([store.checksum, model.backbone.to_config(), model.pooling,
                                        None if model.independent else params.seed]).encode())
    for weights in model.backbone.state_dict().values():
        digest.update(weights.numpy(force=True).tobytes())
    key = digest.hexdigest()
    if key not in _embedded:
        together = contextlib.nullcontext() if model.independent else mock.patch.object(
            inference, "by_length", functools.partial(_at_random, params.batch_size, params.seed))
        with together, mock.patch.multiple(model, every_layer=True, with_deviation=True):
            found = embed_once(model, store, np.arange(len(store.lengths)), store.lengths, params.inference_batch_size)
        _embedded[key] = found.values.unflatten(1, (2, -1, model.backbone.features))
    first = 0 if model.every_layer else -1
    return _embedded[key][:, :1 + model.with_deviation, first:].flatten(1)


def _at_random(batch_size: int, seed: int, lengths: np.ndarray, *_: Any) -> list[np.ndarray]:
    """Random batches of places, in the place of batches of similar length."""
    return deal(np.arange(len(lengths)), batch_size, np.random.default_rng((seed, 0)))


@contextlib.contextmanager
def built_with(*_: Any, change: Callable[[Burst2Vec, Params], None] | None = None, **values: Any) -> Iterator[None]:
    """Has trainings build models with other `values` of parameters than theirs, and with what `change` makes of them.

    What is given by position is ignored, so that with its keywords bound this is a `comparison.Patch`.
    """
    def build(params: Params, tasks: tuple[Task, ...]) -> Burst2Vec:
        model = burst2vec.build(dataclasses.replace(params, **values), tasks)
        if change:
            change(model, params)
        return model

    with mock.patch.object(trainer, "build", build):
        yield
