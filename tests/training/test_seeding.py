"""Random numbers follow from the seed, and those of a step from its place in the training."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from burst2vec.training.seeding import seed_everything, seed_part


@pytest.fixture(autouse=True)
def as_before():
    """Leaves the global generators as they were."""
    numpy, own = np.random.get_state(), torch.get_rng_state()
    yield
    np.random.set_state(numpy)
    torch.set_rng_state(own)


def drawn():
    return (*torch.rand(3).tolist(), *np.random.rand(3))


def test_both_generators_follow_from_the_seed():
    found = []
    for seed in (3, 3, 4):
        seed_everything(seed)
        found.append(drawn())
    assert found[0] == found[1] and not set(found[0]) & set(found[2])


def test_a_part_draws_the_same_whatever_was_drawn_before_it():
    seed_everything(0)
    seed_part(7, 100, 1)
    first = torch.rand(3).tolist()
    torch.rand(1_000)
    seed_part(7, 100, 1)
    assert torch.rand(3).tolist() == first


def test_every_seed_iteration_and_part_draws_other_numbers():
    seen = set()
    for place in itertools.product((0, 1, 2 ** 32 - 1), (0, 1, 10, 10 ** 6), (0, 1, 2)):
        seed_part(*place)
        seen.add(tuple(torch.rand(3).tolist()))
    assert len(seen) == 3 * 4 * 3


def test_a_part_leaves_the_numbers_that_numpy_draws_alone():
    seed_everything(1)
    wanted = np.random.rand(3)
    seed_everything(1)
    seed_part(1, 2, 0)
    np.testing.assert_array_equal(np.random.rand(3), wanted)


def test_the_dropout_of_successive_iterations_is_uncorrelated():
    masks = []
    for iteration in range(200):
        seed_part(0, iteration, 0)
        masks.append(torch.nn.functional.dropout(torch.ones(500), 0.5) > 0)
    correlations = torch.corrcoef(torch.stack(masks).double()).numpy()[np.triu_indices(200, 1)]
    assert np.abs(correlations).max() < 6 / np.sqrt(500) and abs(correlations.mean()) < 0.01
