"""Learnt weights are those of the challenge's baseline, and models of one task answer together."""

import numpy as np
import pytest
import torch

from burst2vec.baseline.network import combine
from studies import multitask
from studies.comparison import Outcome
from studies.multitask import LearntWeights, joined, learning_weights


def test_the_weighted_loss_is_the_baselines():
    weights = LearntWeights(["emotion", "age"])
    with torch.no_grad():
        weights.moved["age"] += 0.01
    variances = {task: weights.log_variance(task) for task in ("emotion", "age")}
    assert variances["emotion"].item() == pytest.approx(-0.33) and variances["age"].item() == pytest.approx(0.17)
    losses = {"emotion": torch.tensor(2.0), "age": torch.tensor(0.5)}
    apart = sum(weights.weigh(task, loss) for task, loss in losses.items())
    assert apart.item() == pytest.approx(combine(losses, variances).item())


def test_a_weight_comes_to_rest_at_half_of_one_over_its_loss():
    weights = LearntWeights(["age"])
    with torch.no_grad():
        weights.moved["age"].fill_((np.log(0.4) + 0.33) / multitask.FASTER)  # s is ln L
    weights.weigh("age", torch.tensor(0.4)).backward()
    assert weights.moved["age"].grad.item() == pytest.approx(0, abs=1e-5)


def test_shares_follow_the_weights():
    weights = LearntWeights(["emotion", "age"])
    assert weights.shares() == pytest.approx({"emotion": 0.5, "age": 0.5})
    with torch.no_grad():
        weights.moved["age"].fill_(-np.log(3) / multitask.FASTER)
    assert weights.shares() == pytest.approx({"emotion": 0.25, "age": 0.75})


def test_a_training_learns_its_weights(tiny_corpus, tiny_store, tiny_params):
    given = tiny_params(max_steps=90, head_steps=90, max_epochs=99, encode_once=False,
                        validate_every=90)
    with learning_weights():
        learnt = multitask.make(tiny_corpus, tiny_store, given).numbers
    assert set(learnt) == {"emotion", "age", "country"} and sum(learnt.values()) == pytest.approx(1)
    assert learnt["age"] > 1.02 * learnt["country"]  # whose loss, in nats, is larger
    assert multitask.make(tiny_corpus, tiny_store, given).numbers == {}


def test_models_of_one_task_answer_side_by_side(tiny_corpus):
    truth = tiny_corpus.split("test")
    columns = {task.name: list(task.columns) for task in tiny_corpus.tasks}
    outcomes = {f"{task} alone": {0: Outcome({"test": truth[["split", *columns[task]]]})} for task in multitask.TASKS}
    [found] = joined(outcomes, multitask.JOINED[multitask.THREE]).values()
    assert list(found.tables["test"]) == ["split", *(name for task in multitask.TASKS for name in columns[task])]
    assert found.tables["test"]["age"].equals(truth["age"])


def test_every_task_has_as_many_steps_where_that_is_what_is_compared():
    steps = {way.name: way.params(multitask.SETTINGS, 0) for way in multitask.WAYS}
    assert len({params.seed for params in steps.values()}) == 1
    assert all(params.head_steps == params.max_steps for params in steps.values())
    assert 3 * steps["age alone, 200 steps"].max_steps == steps[multitask.V5].max_steps
    assert 3 * steps["age alone"].max_steps == steps[multitask.LONGER].max_steps
    assert not steps[multitask.V5].adversarial and steps[multitask.V4].adversarial
