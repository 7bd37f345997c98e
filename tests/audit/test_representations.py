"""A saved system represents the validation bursts as it did before it was saved."""

from __future__ import annotations

import functools

import numpy as np
import torch

from burst2vec.audio.store import open_store
from burst2vec.audit.representations import represent_saved
from burst2vec.config import Params
from burst2vec.corpora.opening import open_corpus
from burst2vec.corpora.synthetic.synthesis import synthesise
from burst2vec.models.burst2vec import build
from burst2vec.models.inference import represent


def test_a_saved_system_represents_the_validation_bursts_with_its_own_audio(tmp_path, monkeypatch):
    monkeypatch.setattr("burst2vec.corpora.synthetic.synthesis.synthesise", functools.partial(synthesise, workers=1))
    params = Params(synthetic_train=12, synthetic_val=8, synthetic_test=4, cache=str(tmp_path / "cache"),
                    results=str(tmp_path), variant="V6", audio="own", backbone="facebook/hubert-base-ls960",
                    backbone_size="tiny", width=16, hidden=8, device="cpu", precision="float32")
    corpus = open_corpus(params)
    torch.manual_seed(0)
    model = build(params, corpus.tasks)
    model.save_pretrained(params.folder)
    found = represent_saved(corpus, params)
    wanted = represent(model, corpus, open_store(corpus, "own", params.path(params.cache)), ("val",))
    assert set(found) == set(wanted) and "pooled" in found and "specific age" in found
    for name, features in wanted.items():
        assert len(features) == len(corpus.split("val"))
        np.testing.assert_allclose(found[name], features, atol=1e-5)
