"""What makes a training's numbers what they are: whether one that was interrupted may go on, and what else its bits depend on."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import torch
import transformers

from burst2vec import __version__
from burst2vec.audio.store import WaveformStore
from burst2vec.corpora.corpus import Corpus
from burst2vec.machine.hardware import autocast, choose_device

CHANGES_NOTHING = ("scale", "variant", "title", "question", "corpus", "results", "run", "cache", "restart",
                   "checkpoint_minutes", "accumulate", "gradient_checkpointing", "out_of_memory")
"""Parameters with which a training may go on although they have changed: its numbers do not depend on them, or only by
which of the backbone's features dropout happens to drop. What the corpus's folder holds is compared, not its name."""


def identity(corpus: Corpus, store: WaveformStore, params) -> dict[str, object]:
    """What makes a training's numbers what they are, by name: parameters, labels, recordings, and what `auto` means."""
    told = {f.name: getattr(params, f.name) for f in dataclasses.fields(params)
            if f.name not in CHANGES_NOTHING and not f.name.startswith("baseline_")}
    if params.padding == "exact" and params.pooling == "real":  # else neighbours in a batch change what a burst is given
        del told["inference_batch_size"]
    labels = hashlib.sha256(corpus.table.to_csv().encode("utf-8", "surrogateescape"))
    labels.update(json.dumps([dataclasses.asdict(task) for task in corpus.tasks]).encode())
    device = choose_device(params.device)
    arithmetic = "bfloat16" if autocast(params.precision, device)._enabled else "float32"
    return {**told, "the corpus's labels": labels.hexdigest()[:12], "its recordings": f"{store.checksum:08x}",
            "the kind of device": device.type, "its arithmetic": arithmetic}


def circumstances() -> dict[str, object]:
    """What else the bits of a training depend on, by name: a training goes on although it has changed, and says so."""
    return {"burst2vec": __version__, "torch": torch.__version__, "transformers": transformers.__version__,
            "the number of threads": torch.get_num_threads()}
