"""A training may go on if what its numbers depend on is the same, and whatever else has changed."""

from __future__ import annotations

import dataclasses

import pytest

from burst2vec.config import CHANGES_NOTHING, Params
from burst2vec.training.identity import circumstances, identity


@pytest.fixture
def known(tiny_corpus, tiny_store, tiny_params):
    """A function that returns the identity of a training with the changes asked for."""
    return lambda corpus=tiny_corpus, **changes: identity(corpus, tiny_store, tiny_params(**changes))


def test_the_parameters_that_change_nothing_are_parameters():
    assert set(CHANGES_NOTHING) <= set(Params.names())


@pytest.mark.parametrize("changes", [
    {"results": "elsewhere"}, {"cache": "elsewhere"}, {"restart": True}, {"checkpoint_minutes": 1.0}, {"accumulate": 4},
    {"tensorboard": "events"}, {"baseline_patience": 9}, {"inference_batch_size": 3}], ids=str)
def test_what_changes_no_number_is_no_part_of_it(known, changes):
    assert known(**changes) == known()


@pytest.mark.parametrize("changes", [
    {"seed": 1}, {"epoch": "one_pass"}, {"max_steps": 5}, {"warmup_steps": 2}, {"max_gradient_norm": 1.0},
    {"head_learning_rate": 1e-4}, {"precision": "bfloat16"}], ids=str)
def test_what_changes_numbers_is(known, changes):
    assert known(**changes) != known()


def test_the_size_of_a_batch_of_predictions_counts_where_the_batch_has_an_effect(known):
    assert known(pooling="padded", inference_batch_size=3) != known(pooling="padded")


def test_other_labels_are_another_training_and_the_same_in_another_folder_are_not(known, tiny_corpus, tmp_path):
    moved = dataclasses.replace(tiny_corpus, root=tmp_path, table=tiny_corpus.table.assign(corpus="elsewhere"))
    assert known(moved) == known()
    aged = dataclasses.replace(tiny_corpus, table=tiny_corpus.table.assign(age=tiny_corpus.table["age"] + 1))
    assert known(aged)["the corpus's labels"] != known()["the corpus's labels"]


def test_circumstances_name_the_versions_and_the_threads():
    assert {"torch", "transformers", "burst2vec", "the number of threads"} == circumstances().keys()
