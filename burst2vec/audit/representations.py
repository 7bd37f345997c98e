"""The representations that saved systems make of a corpus, for the probes to read."""

from __future__ import annotations

import numpy as np

from burst2vec.audio.store import open_store
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus
from burst2vec.machine.hardware import choose_device
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.inference import represent


def represent_saved(corpus: Corpus, params: Params) -> dict[str, np.ndarray]:
    """The representations (bursts, features) of the corpus's validation bursts, by name; see `inference.represent`.

    They are those of the saved system in the folder of `params`. Raises `serialisation.ModelError`.
    """
    device = choose_device(params.device)
    model = Burst2Vec.from_pretrained(params.folder).to(device)
    store = open_store(corpus, model.audio, params.path(params.cache))
    return represent(model, corpus, store, ("val",), params.inference_batch_size)
