"""What the numbers of a training depend on, from which follows whether an interrupted training may resume."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping

import torch
import transformers

from burst2vec import __version__
from burst2vec.audio.store import Store
from burst2vec.config import CHANGES_NOTHING, Params
from burst2vec.corpora.corpus import Corpus
from burst2vec.machine.hardware import arithmetic_dtype, choose_device

FORMAT = 3
"""Counts the changes of what a checkpoint holds; a training resumes from checkpoints of this format alone."""


def identity(corpus: Corpus, store: Store, params: Params) -> dict[str, object]:
    """What the numbers of a training depend on, by name: parameters, labels, recordings, and the meaning of `auto`.

    The content of the corpus's folder is compared, but not its name.
    """
    known = {f.name: getattr(params, f.name) for f in dataclasses.fields(params)
             if f.name not in (*CHANGES_NOTHING, "corpus") and not f.name.startswith("baseline_")}
    # The batch of a burst changes its predictions, or the embeddings that heads learn from in their last bits.
    if params.padding == "exact" and params.pooling == "real" and not params.head_steps:
        del known["inference_batch_size"]
    labelled = corpus.table.drop(columns=["corpus", "raw", "provided"])  # the store knows the recordings
    labels = hashlib.sha256(labelled.to_csv().encode("utf-8", "surrogateescape"))
    labels.update(json.dumps([dataclasses.asdict(task) for task in corpus.tasks]).encode())
    device = choose_device(params.device)
    arithmetic = str(arithmetic_dtype(params.precision, device)).removeprefix("torch.")
    return {**known, "the corpus's labels": labels.hexdigest()[:12], "its recordings": f"{store.checksum:08x}",
            "the kind of device": device.type, "its arithmetic": arithmetic, "the format of checkpoints": FORMAT}


def circumstances() -> dict[str, object]:
    """What else the bits of a training depend on, by name. A training resumes although it has changed, and says so."""
    return {"burst2vec": __version__, "torch": torch.__version__, "transformers": transformers.__version__,
            "the number of threads": torch.get_num_threads()}


def changed_circumstances(before: Mapping[str, object]) -> list[str]:
    """A line for each of the `circumstances` that is not what it was `before`."""
    return [f"{name} was {before.get(name)} and is {now}: what follows will differ, at first in the last bits"
            for name, now in circumstances().items() if before.get(name) != now]
