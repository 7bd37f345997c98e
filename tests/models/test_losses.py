import math

import numpy as np
import pytest
import torch

import burst2vec.models.losses
from burst2vec.corpora.corpus import Task
from burst2vec.evaluation import metrics
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.losses import (
    adversarial_losses,
    ccc_loss,
    cross_entropy,
    discrimination_loss,
    mae_loss,
    objective,
    output_losses,
)

FEELING = Task("feeling", "intensities", ("joy", "grief"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("China", "South Africa", "USA", "Venezuela"))
TASKS = (FEELING, AGE, COUNTRY)
BATCH, SAMPLES = 6, 40


# The equations once more, in loops over plain numbers.

def moment(a, b):
    """E[(a - E a)(b - E b)], divided by n."""
    a_mean, b_mean = sum(a) / len(a), sum(b) / len(b)
    return sum((x - a_mean) * (y - b_mean) for x, y in zip(a, b, strict=True)) / len(a)


def equation_1(x, y):
    columns = []
    for i in range(x.shape[1]):
        a, b = x[:, i].tolist(), y[:, i].tolist()
        distance = (sum(a) / len(a) - sum(b) / len(b)) ** 2
        columns.append(2 * moment(a, b) / (moment(a, a) + moment(b, b) + distance))
    return sum(columns) / len(columns)


def equation_3(x, y):
    return sum(abs(float(a) - float(b)) for a, b in zip(x.ravel(), y.ravel(), strict=True)) / len(x)


def equation_4(logits, classes):
    return -sum(math.log(math.exp(row[c]) / sum(math.exp(v) for v in row))
                for row, c in zip(logits.tolist(), classes.tolist(), strict=True)) / len(logits)


LOSS = {"intensities": lambda x, y: 1 - equation_1(x, y), "scalar": equation_3, "classes": equation_4}


class Ears(torch.nn.Module):
    """A backbone in miniature: two frames of five features."""

    features = 5

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(SAMPLES // 2, self.features)

    def forward(self, waveforms, lengths, every_layer=False):
        return self.linear(waveforms.reshape(len(waveforms), 2, -1)), torch.full((len(waveforms),), 2)


def model_of(*tasks, adversarial=True):
    torch.manual_seed(0)
    return Burst2Vec(Ears(), tasks, width=8, hidden=6, dropout=0.0, adversarial=adversarial).double()


def targets(task):
    rng = np.random.default_rng(1)
    if task.kind == "classes":
        return torch.from_numpy(rng.integers(0, len(task.classes), BATCH))
    return torch.from_numpy(rng.random((BATCH, len(task.columns))))


def representations(model):
    torch.manual_seed(1)
    return model.represent(torch.randn(BATCH, SAMPLES, dtype=torch.float64), torch.full((BATCH,), SAMPLES))


def head_by_hand(model, task, features):
    (a, b), (c, d) = [(m.weight.detach().numpy(), m.bias.detach().numpy()) for m in model.heads[task.name]
                      if isinstance(m, torch.nn.Linear)]
    output = np.maximum(features.detach().numpy() @ a.T + b, 0) @ c.T + d
    return 1 / (1 + np.exp(-output)) if task.kind == "intensities" else output


def test_ccc_loss_is_equation_2():
    rng = np.random.default_rng(0)
    x, y = rng.random((9, 10)), rng.random((9, 10))
    assert ccc_loss(torch.from_numpy(x), torch.from_numpy(y)).item() == pytest.approx(1 - equation_1(x, y), abs=1e-6)


def test_ccc_loss_of_an_example_worked_by_hand():
    # covariance and variances 2/3, means apart by 1: CCC = (4/3) / (4/3 + 1) = 4/7
    x, y = torch.tensor([[1.0], [2], [3]]), torch.tensor([[2.0], [3], [4]])
    assert ccc_loss(x, y).item() == pytest.approx(3 / 7)


@pytest.mark.parametrize(("prediction", "truth", "loss"), [
    ([1, 2, 3], [1, 2, 3], 0), ([1, -1], [-1, 1], 2), ([5, 5, 5], [1, 2, 3], 1), ([0.3, 0.3], [0, 0], 1),
    ([0, 0], [0, 0], 1)])
def test_ccc_loss_at_its_ends(prediction, truth, loss):
    x = torch.tensor(prediction, dtype=torch.float32)[:, None].requires_grad_()
    value = ccc_loss(x, torch.tensor(truth, dtype=torch.float32)[:, None])
    value.backward()
    assert value.item() == pytest.approx(loss, abs=1e-6)
    assert torch.isfinite(x.grad).all()


def test_ccc_loss_is_one_minus_the_metric():
    rng = np.random.default_rng(0)
    x, y = rng.random((30, 10)), rng.random((30, 10))
    assert ccc_loss(torch.from_numpy(x), torch.from_numpy(y)).item() == pytest.approx(1 - metrics.ccc(y, x), abs=1e-6)


def test_losses_are_computed_in_float32_whatever_the_predictions_precision():
    x, y = torch.rand(64, 3).bfloat16(), torch.rand(64, 3)
    losses = ccc_loss(x, y), mae_loss(x, y.bfloat16()), cross_entropy(x, torch.zeros(64, dtype=torch.long))
    assert all(loss.dtype == torch.float32 for loss in losses)
    assert ccc_loss(x, y).item() == pytest.approx(1 - equation_1(x.float().numpy(), y.numpy()), abs=1e-5)


def test_mae_loss_of_an_example_worked_by_hand():
    assert mae_loss(torch.tensor([[20.0], [30]]), torch.tensor([[21.0], [27]])).item() == 2


def test_cross_entropy_is_equation_4_in_nats():
    logits, classes = torch.randn(7, 4), torch.tensor([0, 1, 2, 3, 0, 1, 2])
    assert cross_entropy(logits, classes).item() == pytest.approx(equation_4(logits, classes), abs=1e-6)
    assert cross_entropy(torch.zeros(7, 4), classes).item() == pytest.approx(math.log(4))


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_the_head_passes_forward_three_times(task):
    """Eq. 5: shared, specific and combined representation through the one head of the task."""
    model, truth = model_of(*TASKS), targets(task)
    r = representations(model)
    terms = output_losses(model, r, task, truth)
    wanted = {"shared": r.shared, "specific": r.specific[task.name], "combined": r.combined[task.name]}
    assert list(terms) == list(wanted)
    for name, features in wanted.items():
        by_hand = LOSS[task.kind](head_by_hand(model, task, features), truth.numpy())
        assert terms[name].item() == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("index", range(3))
def test_the_discriminator_is_asked_which_task_the_batch_belongs_to(index):
    """Eq. 6."""
    model = model_of(*TASKS)
    r = representations(model)
    logits = model.discriminator(r.shared)
    loss = discrimination_loss(model, r, TASKS[index])
    assert loss.item() == pytest.approx(equation_4(logits, np.full(BATCH, index)), abs=1e-6)


def test_a_discriminator_that_cannot_tell_has_a_loss_of_ln_3():
    model = model_of(*TASKS)
    for p in model.discriminator.parameters():
        torch.nn.init.zeros_(p)
    assert discrimination_loss(model, representations(model), AGE).item() == pytest.approx(math.log(3))


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_the_head_also_reads_every_other_tasks_features(task):
    """Eq. 7."""
    model, truth = model_of(*TASKS), targets(task)
    r = representations(model)
    terms = adversarial_losses(model, r, task, truth)
    assert list(terms) == [t.name for t in TASKS if t is not task]
    for name, loss in terms.items():
        by_hand = LOSS[task.kind](head_by_hand(model, task, r.specific[name]), truth.numpy())
        assert loss.item() == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_the_objective_adds_the_weighted_terms(task):
    """Eq. 8, with the signs left to the reversal layer."""
    model = model_of(*TASKS)
    terms = {k: v.item() for k, v in objective(model, representations(model), task, targets(task), 0.7, 0.3).items()}
    others = [f"adversarial_{t.name}" for t in TASKS if t is not task]
    assert list(terms) == ["shared", "specific", "combined", "discriminator", *others, "total"]
    by_hand = (terms["shared"] + terms["specific"] + terms["combined"]
               + 0.7 * terms["discriminator"] + 0.3 * (terms[others[0]] + terms[others[1]]))
    assert terms["total"] == pytest.approx(by_hand, abs=1e-6)


def test_the_papers_weights_are_the_default():
    model = model_of(*TASKS)
    r = representations(model)
    default, papers = objective(model, r, AGE, targets(AGE)), objective(model, r, AGE, targets(AGE), 0.5, 0.25)
    assert torch.equal(default["total"], papers["total"])


@pytest.mark.parametrize(("tasks", "adversarial"), [(TASKS, False), ((AGE,), True), ((COUNTRY,), False)])
def test_without_adversary_or_with_one_task_alone_only_equation_5_is_left(tasks, adversarial):
    model = model_of(*tasks, adversarial=adversarial)
    assert model.discriminator is None
    terms = objective(model, representations(model), tasks[-1], targets(tasks[-1]))
    assert list(terms) == ["shared", "specific", "combined", "total"]
    assert terms["total"].item() == pytest.approx(sum(terms[n].item() for n in ("shared", "specific", "combined")))


def test_any_number_and_kind_of_tasks_will_do():
    tasks = (COUNTRY, Task("sound", "classes", ("s",), classes=("laugh", "sigh")), Task("height", "scalar", ("h",)),
             Task("weight", "scalar", ("w",)), Task("pain", "intensities", ("pain",)))
    model = model_of(*tasks)
    for task in tasks:
        terms = objective(model, representations(model), task, targets(task))
        assert len(terms) == 3 + 1 + 4 + 1 and torch.isfinite(terms["total"])


# Gradients, parameter group by parameter group, against the same losses without reversal.

def groups(model):
    found = {"backbone": model.backbone, "projection": model.projection, "shared_extractor": model.shared_extractor,
             "discriminator": model.discriminator}
    for name in ("task_extractors", "combinations", "heads"):
        found |= {f"{name}.{task}": part for task, part in getattr(model, name).items()}
    return {name: [p for p in part.parameters()] for name, part in found.items()}


def gradients(loss_of):
    """The gradient of each group under `loss_of(model, representations)`; None where the loss does not reach it."""
    model = model_of(*TASKS)
    loss_of(model, representations(model)).backward()
    return {name: None if all(p.grad is None for p in parameters) else torch.cat([p.grad.flatten() for p in parameters])
            for name, parameters in groups(model).items()}


@pytest.fixture
def plain(monkeypatch):
    """A function that computes gradients with the reversal layer taken out."""
    def compute(loss_of):
        with monkeypatch.context() as patch:
            patch.setattr(burst2vec.models.losses, "reverse_gradient", lambda x, scale=1.0: x)
            return gradients(loss_of)
    return compute


def check(found, without, signs):
    """Each group's gradient is `sign` times the one without reversal; groups not named have none."""
    for name, gradient in found.items():
        if name in signs:
            assert gradient.abs().max() > 1e-8, name
            torch.testing.assert_close(gradient, signs[name] * without[name], rtol=1e-9, atol=1e-15)
        else:
            assert gradient is None or not gradient.any(), name


UPSTREAM = ("backbone", "projection")


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_under_the_discrimination_loss_the_discriminator_descends_and_all_upstream_ascends(plain, task):
    def loss(model, r):
        return discrimination_loss(model, r, task)

    check(gradients(loss), plain(loss), {"discriminator": 1, "shared_extractor": -1, **dict.fromkeys(UPSTREAM, -1)})


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_under_the_adversarial_losses_the_head_descends_and_foreign_extractors_ascend(plain, task):
    def loss(model, r):
        return sum(adversarial_losses(model, r, task, targets(task)).values())

    foreign = {f"task_extractors.{t.name}": -1 for t in TASKS if t is not task}
    check(gradients(loss), plain(loss), {f"heads.{task.name}": 1, **foreign, **dict.fromkeys(UPSTREAM, -1)})


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_under_the_output_loss_the_way_of_the_task_descends_and_no_other_moves(plain, task):
    def loss(model, r):
        return sum(output_losses(model, r, task, targets(task)).values())

    own = {f"{part}.{task.name}": 1 for part in ("task_extractors", "combinations", "heads")}
    check(gradients(loss), plain(loss), {"shared_extractor": 1, **own, **dict.fromkeys(UPSTREAM, 1)})


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_extractors_follow_equation_8_as_printed_while_discriminator_and_heads_descend_everywhere(plain, task):
    def terms(model, r):
        output = sum(output_losses(model, r, task, targets(task)).values())
        adversarial = sum(adversarial_losses(model, r, task, targets(task)).values())
        return output, discrimination_loss(model, r, task), adversarial

    def printed(model, r):
        output, discriminator, adversarial = terms(model, r)
        return output - 0.5 * discriminator - 0.25 * adversarial

    def descended(model, r):
        output, discriminator, adversarial = terms(model, r)
        return output + 0.5 * discriminator + 0.25 * adversarial

    found = gradients(lambda model, r: objective(model, r, task, targets(task), 0.5, 0.25)["total"])
    minus, plus = plain(printed), plain(descended)
    for name, gradient in found.items():
        wanted = (plus if name == "discriminator" or name.startswith("heads") else minus)[name]
        if wanted is None:
            assert gradient is None
        else:
            torch.testing.assert_close(gradient, wanted, rtol=1e-6, atol=1e-9)
