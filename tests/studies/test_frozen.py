"""Trainings that share embeddings are those of the library; an embedding that depends on its batch is no other's."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from burst2vec.models.inference import predict
from burst2vec.training.trainer import train
from studies import frozen
from studies.frozen import built_with, embeddings, train_heads

LAYER_NORM = "facebook/hubert-large-ls960-ft"


@pytest.fixture(autouse=True)
def nothing_remembered():
    frozen._embedded.clear()


@pytest.fixture
def params(tiny_params):
    def params(**changes):
        return tiny_params(head_steps=4, max_steps=4, validate_every=4, max_epochs=9, encode_once=False,
                           pooled_scale="standardised", **changes)
    return params


@pytest.fixture
def embed(params, tiny_corpus, tiny_store):
    """A function that returns the embeddings of all bursts by a model with the changes asked for."""
    def embed(seed=0, backbone=LAYER_NORM, **changes):
        given = params(seed=seed, backbone=backbone)
        torch.manual_seed(5)
        with built_with(**changes):
            model = frozen.trainer.build(given, tiny_corpus.tasks)
        return embeddings(model, tiny_store, given)
    return embed


@pytest.mark.parametrize("layers", ["last", "all"])
@pytest.mark.parametrize("statistics", ["mean", "mean_deviation"])
def test_predictions_are_those_of_the_library(params, tiny_corpus, tiny_store, layers, statistics):
    given = params(pooled_layers=layers, pooled_statistics=statistics)
    _, found = train_heads(tiny_corpus, tiny_store, given)
    expected = predict(train(tiny_corpus, tiny_store, given).model, tiny_corpus, tiny_store, ("test",))
    pd.testing.assert_frame_equal(found, expected, rtol=1e-4, atol=1e-5)


def test_embeddings_are_computed_once_for_each_backbone(params, tiny_corpus, tiny_store, monkeypatch):
    computed, actual = [], frozen.embed_once
    monkeypatch.setattr(frozen, "embed_once", lambda *given: computed.append(1) or actual(*given))
    for changes in ({}, {"width": 8}, {"adversarial": False}, {"pooled_layers": "all"}):
        train_heads(tiny_corpus, tiny_store, params(**changes))
    assert len(computed) == 1
    train_heads(tiny_corpus, tiny_store, params(seed=1))  # whose tiny backbone is another
    assert len(computed) == 2


def test_with_exact_padding_a_burst_has_one_embedding_and_with_padded_pooling_one_of_each_batch(embed):
    torch.testing.assert_close(embed(0), embed(1))
    padded = embed(0, pooling="padded"), embed(1, pooling="padded")
    assert (padded[0] - padded[1]).abs().max() > 0.01
    torch.testing.assert_close(padded[0], embed(0, pooling="padded"))


def test_padding_as_published_has_no_effect_under_layer_norm_and_one_under_group_norm(embed):
    torch.testing.assert_close(embed(padding="as_published"), embed(), rtol=1e-3, atol=1e-4)
    group = embed(backbone="facebook/hubert-base-ls960"), embed(backbone="facebook/hubert-base-ls960",
                                                                 padding="as_published")
    assert (group[0] - group[1]).abs().max() > 0.01


def test_a_training_in_which_the_backbone_learns_is_refused(params, tiny_corpus, tiny_store):
    given = dataclasses.replace(params(), max_steps=6)
    with pytest.raises(ValueError, match="head_steps is 4 and max_steps is 6"):
        train_heads(tiny_corpus, tiny_store, given)


def test_random_batches_hold_every_burst_once():
    batches = frozen._at_random(8, 3, np.arange(50), 999)
    assert sorted(np.concatenate(batches)) == list(range(50)) and max(map(len, batches)) <= 8
    assert [list(batch) for batch in batches] != [list(batch) for batch in frozen._at_random(8, 4, np.arange(50))]
