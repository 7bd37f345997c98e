"""The rivals to the adversary do what they say."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LinearRegression
from torch import nn

from burst2vec.config import Params
from burst2vec.corpora.corpus import Task
from burst2vec.models import losses
from burst2vec.models.burst2vec import Representations
from burst2vec.training import batches
from studies import rivals
from tests.support.pairs import AGE, COUNTRY
from tests.support.planted import planted

# Reweighting ------------------------------------------------------------------------------------------------------

def test_weighted_bursts_have_independent_labels_and_the_same_marginals():
    country = np.repeat(["China", "USA"], [30, 70])
    age = np.concatenate([np.repeat([21, 39], [24, 6]), np.repeat([21, 39], [14, 56])])
    table = pd.DataFrame({"country": country, "age": age.astype(float)})
    table["weight"] = rivals.independence_weights([AGE, COUNTRY], table)
    shares = table.pivot_table(index="country", columns="age", values="weight", aggfunc="sum") / 100
    np.testing.assert_allclose(shares, np.outer([0.3, 0.7], [0.38, 0.62]))  # 24 + 14 of 100 are 21


def test_a_cell_without_bursts_stays_without():
    table = pd.DataFrame({"country": ["China", "China", "USA"], "age": [21.0, 39.0, 39.0]})
    np.testing.assert_allclose(rivals.independence_weights([AGE, COUNTRY], table), [2 / 3, 4 / 3, 2 / 3])


def test_an_epoch_draws_rare_bursts_more_often_and_is_no_longer():
    corpus = planted(1.0)
    params = Params(oversampling=True)
    plain = sum(len(rows) for _, rows in batches.plan(corpus, Params(), 1))
    with rivals.reweighting(corpus, None, params):
        drawn = np.concatenate([rows for epoch in range(1, 20) for _, rows in batches.plan(corpus, params, epoch)])
    assert len(drawn) == 19 * plain
    weights = rivals.independence_weights([corpus.task(name) for name in rivals.ASSOCIATED], corpus.split("train"))
    counts = np.bincount(drawn, minlength=len(corpus.table))[np.flatnonzero(corpus.table["split"] == "train")]
    heavy, light = weights > np.quantile(weights, 0.8), weights < np.quantile(weights, 0.2)
    assert counts[heavy].mean() / counts[light].mean() == pytest.approx(
        weights[heavy].mean() / weights[light].mean(), rel=0.2)


# Entropy ----------------------------------------------------------------------------------------------------------

def test_an_answer_that_is_the_same_for_every_burst_says_nothing():
    truth = torch.tensor([[0.1], [0.5], [0.9]])
    assert rivals.uniformity(AGE, torch.full((3, 1), 0.3), truth) == 0
    assert rivals.uniformity(AGE, truth, truth) == pytest.approx(1)
    assert rivals.uniformity(AGE, 0.5 * truth, truth) == pytest.approx(0.25)
    assert rivals.uniformity(COUNTRY, torch.zeros(3, 2), torch.zeros(3)) == pytest.approx(0)
    sure = rivals.uniformity(COUNTRY, torch.tensor([[20.0, 0.0], [0.0, 20.0]]), torch.zeros(2))
    assert sure == pytest.approx(np.log(2), abs=1e-6)
    p = np.array([0.8, 0.2])
    some = rivals.uniformity(COUNTRY, torch.tensor(np.log(p)[None]), torch.zeros(1))
    assert some == pytest.approx(np.log(2) + (p * np.log(p)).sum())


def test_the_reader_descends_its_loss_and_the_features_what_is_said():
    torch.manual_seed(0)
    reader, features = nn.Linear(3, 2), torch.randn(5, 3, requires_grad=True)
    truth = torch.tensor([0, 1, 0, 1, 1])
    total = rivals.confusion(reader, features, lambda x: losses.cross_entropy(x, truth),
                             lambda x: rivals.uniformity(COUNTRY, x, truth))
    total.backward()
    apart = features.detach().clone().requires_grad_()
    of_reader, = torch.autograd.grad(losses.cross_entropy(reader(apart.detach()), truth), reader.weight)
    of_features, = torch.autograd.grad(rivals.uniformity(COUNTRY, reader(apart), truth), apart)
    torch.testing.assert_close(reader.weight.grad, of_reader)
    torch.testing.assert_close(features.grad, of_features)


class Small(nn.Module):
    """What the losses use of a model."""

    tasks, reversal = (AGE, COUNTRY), "upstream"

    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleDict({"age": nn.Linear(4, 1), "country": nn.Linear(4, 2)})
        self.task_extractors = nn.ModuleDict({"age": nn.Linear(4, 4), "country": nn.Linear(4, 4)})
        self.shared_extractor, self.discriminator = nn.Linear(4, 4), nn.Linear(4, 2)


def test_extractors_make_the_other_heads_answers_alike_instead_of_wrong():
    """Descending the objective, the age features lose what the country head reads, and its answers grow uniform."""
    torch.manual_seed(0)
    model, x, truth = Small(), torch.randn(64, 4), torch.arange(64) % 2
    x[:, 0] += 4 * truth

    def represented():
        return Representations(x, x, model.shared_extractor(x),
                               {name: extract(x) for name, extract in model.task_extractors.items()}, {})

    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    with rivals.entropy(None, None, None):
        for _ in range(300):
            terms = losses.adversarial_losses(model, represented(), COUNTRY, truth)
            assert set(terms) == {"age"}
            optimiser.zero_grad()
            terms["age"].backward()
            optimiser.step()
    said = rivals.uniformity(COUNTRY, model.heads["country"](represented().specific["age"]), truth)
    assert said < 0.05
    assert float(terms["age"].detach()) == pytest.approx(np.log(2), abs=0.1)  # its reader is at a loss, not misled


# Erasure ----------------------------------------------------------------------------------------------------------

def features_that_tell(rng, bursts=200, features=6):
    concept = np.eye(3)[rng.integers(3, size=bursts)]
    return rng.normal(size=(bursts, features)) @ rng.normal(size=(features, features)) + concept @ rng.normal(
        size=(3, features)), concept


def test_after_erasure_a_linear_reader_finds_nothing():
    x, z = features_that_tell(np.random.default_rng(0))
    assert LinearRegression().fit(x, z).score(x, z) > 0.1
    erased = rivals.Erasure(x, z)(torch.from_numpy(x).float()).double().numpy()
    assert abs(LinearRegression().fit(erased, z).score(erased, z)) < 1e-6
    np.testing.assert_allclose(erased.mean(axis=0), x.mean(axis=0), atol=1e-6)
    assert np.linalg.matrix_rank(erased - erased.mean(axis=0), tol=1e-3) == 4  # three classes are two directions


def test_no_other_erasure_moves_the_features_less():
    """Taking away what the concept explains, which an orthogonal projection does, changes them more."""
    rng = np.random.default_rng(1)
    x, z = features_that_tell(rng)
    centre, removed = rivals.least_squares_erasure(x, z)
    moved = np.square((x - centre) @ removed.T).sum()
    covariance = (x - centre).T @ (z - z.mean(axis=0))
    orthogonal = covariance @ np.linalg.pinv(covariance)
    assert moved < np.square((x - centre) @ orthogonal).sum()
    for _ in range(20):  # whatever maps the covariance to itself erases too
        other = removed + rng.normal(scale=0.1, size=(6, 6)) @ (np.eye(6) - removed)
        np.testing.assert_allclose((np.eye(6) - other) @ covariance, 0, atol=1e-8)
        assert moved < np.square((x - centre) @ other.T).sum()


def test_more_features_than_bursts_can_be_erased_too():
    x, z = features_that_tell(np.random.default_rng(2), bursts=10, features=30)
    centre, removed = rivals.least_squares_erasure(x, z)
    erased = x - (x - centre) @ removed.T
    np.testing.assert_allclose((erased - centre).T @ (z - z.mean(axis=0)), 0, atol=1e-8)


def test_the_concept_of_a_class_is_its_indicators_and_that_of_a_scalar_its_value():
    table = pd.DataFrame({"country": ["USA", "China"], "age": [30.0, 25.0]})
    np.testing.assert_array_equal(rivals.indicators(COUNTRY, table), [[0, 1], [1, 0]])
    np.testing.assert_allclose(rivals.indicators(Task("age", "scalar", ("age",), low=20, high=40), table),
                               [[0.5], [0.25]])
