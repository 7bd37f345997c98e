"""Burst2Vec: emotion, age and origin from vocal bursts, after Anuchitanukul and Specia (2022).

The names below are what most users need; each is loaded when it is first used. Behind them the library has a room for
each stage of the data, from the ground up: `machine`, `running`, `corpora`, `audio`, `evaluation`, `models`,
`inspection`, `training`, `results`, `baseline`, `systems`, `pretraining`, `audit`, `report`.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from burst2vec import _torchaudio

if TYPE_CHECKING:
    from burst2vec.audio.store import open_store as open_store
    from burst2vec.config import Params as Params
    from burst2vec.corpora.corpus import Corpus as Corpus
    from burst2vec.corpora.corpus import Task as Task
    from burst2vec.corpora.opening import open_corpus as open_corpus
    from burst2vec.corpora.opening import read_corpus as read_corpus
    from burst2vec.corpora.synthetic.synthesis import synthesise as synthesise
    from burst2vec.evaluation.metrics import ccc as ccc
    from burst2vec.evaluation.metrics import mae as mae
    from burst2vec.evaluation.metrics import s_mtl as s_mtl
    from burst2vec.evaluation.metrics import uar as uar
    from burst2vec.inspection.check import check as check
    from burst2vec.models.burst2vec import Burst2Vec as Burst2Vec
    from burst2vec.models.inference import predict as predict
    from burst2vec.systems.saved import load as load
    from burst2vec.training.trainer import train as train

__version__ = "0.1.0"

_HOMES = {
    "Burst2Vec": "models.burst2vec", "Corpus": "corpora.corpus", "Params": "config", "Task": "corpora.corpus",
    "ccc": "evaluation.metrics", "check": "inspection.check", "load": "systems.saved", "mae": "evaluation.metrics",
    "open_corpus": "corpora.opening", "open_store": "audio.store", "predict": "models.inference",
    "read_corpus": "corpora.opening", "s_mtl": "evaluation.metrics", "synthesise": "corpora.synthetic.synthesis",
    "train": "training.trainer", "uar": "evaluation.metrics",
}
"""The module in which each name is at home."""

__all__ = sorted(_HOMES)

_torchaudio.install()

# Progress bars are meant to be text: a report has no widgets.
warnings.filterwarnings("ignore", message="IProgress not found")


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({"__doc__", "__version__", *__all__})
