"""Losses of the tasks (Eq. 1-4), and the objective that a batch of one task is trained on (Eq. 5-8)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from burst2vec.corpora.corpus import Task
from burst2vec.models.adversarial import reverse_gradient
from burst2vec.models.burst2vec import Burst2Vec, Representations

NEGLIGIBLE = 1e-8
"""The least squared distance that a concordance is divided by. Between intensities in [0, 1] it is below rounding."""


def ccc_loss(prediction: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """One minus the CCC, a scalar in [0, 2] (Eq. 1 and 2).

    The CCC is the mean concordance of the columns of `prediction` and `truth`, both
    (batch, outputs). Moments are divided by n, and computed in float32 whatever the
    precision of the inputs. Where a column is constant in truth and prediction alike,
    its concordance is undefined and taken as 0.
    """
    x, y = prediction.float(), truth.float()
    x_mean, y_mean = x.mean(0), y.mean(0)
    covariance = ((x - x_mean) * (y - y_mean)).mean(0)
    variances = x.var(0, correction=0) + y.var(0, correction=0)
    spread = variances + (x_mean - y_mean).square()
    return 1 - (2 * covariance / spread.clamp_min(NEGLIGIBLE)).mean()


def mae_loss(prediction: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The mean absolute error, a scalar in the unit of its arguments (Eq. 3)."""
    return functional.l1_loss(prediction.float(), truth.float())


def cross_entropy(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The mean negative log-likelihood in nats, a scalar.

    It is that of the class indices `truth` (batch,) under `logits` (batch, classes), in
    Eq. 4 for the countries and in Eq. 6 for the tasks.
    """
    return functional.cross_entropy(logits.float(), truth)


_BY_KIND = {"intensities": ccc_loss, "scalar": mae_loss, "classes": cross_entropy}


def task_loss(
    task: Task, prediction: torch.Tensor, truth: torch.Tensor
) -> torch.Tensor:
    """The loss, a scalar, that the kind of the task calls for (section 3.3)."""
    return _BY_KIND[task.kind](prediction, truth)


def output_losses(
    model: Burst2Vec, r: Representations, task: Task, truth: torch.Tensor
) -> dict[str, torch.Tensor]:
    """The losses of the head's three forward passes, by name; Eq. 5 is their sum."""
    head = model.heads[task.name]
    views = {
        "shared": r.shared,
        "specific": r.specific[task.name],
        "combined": r.combined[task.name],
    }
    return {name: task_loss(task, head(x), truth) for name, x in views.items()}


def discrimination_loss(
    model: Burst2Vec, r: Representations, task: Task
) -> torch.Tensor:
    """The cross-entropy in nats, a scalar, of the discriminator's guess (Eq. 6).

    It guesses which task the batch belongs to. The reversal stands between the
    discriminator, which descends, and the shared extractor, which ascends.
    """
    assert model.discriminator is not None  # a model without adversary has none
    shared = _reversible(model, model.shared_extractor, r.shared, r)
    logits = model.discriminator(reverse_gradient(shared))
    index = torch.full((len(logits),), model.tasks.index(task), device=logits.device)
    return cross_entropy(logits, index)


def adversarial_losses(
    model: Burst2Vec, r: Representations, task: Task, truth: torch.Tensor
) -> dict[str, torch.Tensor]:
    """The losses of the task's head on the features of each other task, by its name.

    Eq. 7 is their sum. The reversal stands between the head, which descends, and the
    foreign extractor, which ascends.
    """
    head = model.heads[task.name]
    foreign = {
        name: _reversible(model, model.task_extractors[name], x, r)
        for name, x in r.specific.items() if name != task.name
    }
    return {
        name: task_loss(task, head(reverse_gradient(x)), truth)
        for name, x in foreign.items()
    }


def _reversible(
    model: Burst2Vec, extractor: nn.Module, features: torch.Tensor, r: Representations
) -> torch.Tensor:
    """The features of an extractor, for a gradient that will be reversed.

    That gradient reaches all that lies upstream, or the extractor alone, as
    `model.reversal` says.
    """
    upstream = model.reversal == "upstream"
    return features if upstream else extractor(r.projected.detach())


def objective(
    model: Burst2Vec, r: Representations, task: Task, truth: torch.Tensor,
    alpha_discriminator: float = 0.5, alpha_adversarial: float = 0.25,
) -> dict[str, torch.Tensor]:
    """Every term of the loss of a batch of one task, by name, and the loss as `total`.

    The loss is the weighted sum of Eq. 8. The equation subtracts the adversarial terms.
    Here they are added, because the reversal layer already turns their gradient for all
    that lies upstream of it: discriminator and heads descend, extractors ascend, as
    section 3.4 describes. Without a discriminator (-Adv) only the output loss of Eq. 5
    is left.
    """
    terms = output_losses(model, r, task, truth)
    total = terms["shared"] + terms["specific"] + terms["combined"]
    if model.discriminator is not None:
        discriminator = discrimination_loss(model, r, task)
        foreign = adversarial_losses(model, r, task, truth)
        terms["discriminator"] = discriminator
        terms |= {f"adversarial_{name}": loss for name, loss in foreign.items()}
        total = total + alpha_discriminator * discriminator
        total = total + alpha_adversarial * sum(foreign.values())
    return terms | {"total": total}
