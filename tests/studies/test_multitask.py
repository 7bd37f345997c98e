"""Learnt weights are those of the challenge's baseline, and models of one task answer together."""

import collections
import dataclasses
import itertools

import numpy as np
import pytest
import torch

from burst2vec.baseline.network import combine
from burst2vec.models.burst2vec import build
from burst2vec.report.multitask import FAIR
from burst2vec.training.batches import plan
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


def steps(corpus, *ways):
    """How many batches of each task those trainings learn from, all together."""
    found = collections.Counter()
    for way in ways:
        params = way.params(multitask.SETTINGS, 0)
        tasks = tuple(task for task in corpus.tasks if not params.tasks or task.name in params.tasks)
        own = dataclasses.replace(corpus, tasks=tasks)
        dealt = itertools.chain.from_iterable(plan(own, params, epoch) for epoch in itertools.count())
        found.update(task.name for task, _ in itertools.islice(dealt, params.max_steps))
    return found


@pytest.mark.parametrize(("three", "one", "each"), [(multitask.THREE_SHORT, multitask.V5, 200),
                                                    (multitask.THREE, multitask.LONGER, 600)])
def test_every_task_has_as_many_steps_where_that_is_what_is_compared(tiny_corpus, three, one, each):
    assert (three, one) in multitask.QUESTIONS["one or three"] and FAIR[three, one].endswith(f"every task, {each}")
    [joint] = [way for way in multitask.WAYS if way.name == one]
    equal = dict.fromkeys(multitask.TASKS, each)
    assert steps(tiny_corpus, *multitask.JOINED[three]) == steps(tiny_corpus, joint) == equal


def test_every_model_has_as_many_steps_where_that_is_what_is_compared(tiny_corpus):
    ways = {way.name: way for way in multitask.WAYS}
    alone = [steps(tiny_corpus, way).total() for way in multitask.JOINED[multitask.THREE]]
    assert alone == [600] * 3
    assert all(steps(tiny_corpus, ways[name]).total() == 600 for name in (multitask.V5, multitask.V4))
    assert not ways[multitask.V5].params(multitask.SETTINGS, 0).adversarial
    assert ways[multitask.V4].params(multitask.SETTINGS, 0).adversarial


def test_three_models_have_two_projections_and_two_shared_extractors_more_than_one(tiny_corpus, tiny_params):
    def weights(tasks):
        model = build(tiny_params(adversarial=False), tasks)
        sizes = {name: sum(weight.numel() for weight in part.parameters()) for name, part in model.named_children()}
        return sum(sizes.values()) - sizes["backbone"], sizes["projection"] + sizes["shared_extractor"]

    one, common = weights(tiny_corpus.tasks)
    assert sum(weights((task,))[0] for task in tiny_corpus.tasks) == one + 2 * common
