"""Losses of the tasks (Eq. 1-4), and the objective that a batch of one task is trained on (Eq. 5-8)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from burst2vec.corpora.corpus import Task
from burst2vec.models.adversarial import reverse_gradient
from burst2vec.models.burst2vec import Burst2Vec, Representations

NEGLIGIBLE = 1e-8
"""A squared distance below rounding, between intensities in [0, 1]: no concordance is computed from less."""


def ccc_loss(prediction: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """1 - CCC, a scalar in [0, 2]: the mean concordance over columns (batch, outputs), Eq. 1 and 2.

    Moments are divided by n, in float32 whatever the input's precision. Where a column is constant in truth and
    prediction alike its concordance is undefined and taken as 0.
    """
    x, y = prediction.float(), truth.float()
    x_mean, y_mean = x.mean(0), y.mean(0)
    covariance = ((x - x_mean) * (y - y_mean)).mean(0)
    spread = x.var(0, correction=0) + y.var(0, correction=0) + (x_mean - y_mean).square()
    return 1 - (2 * covariance / spread.clamp_min(NEGLIGIBLE)).mean()


def mae_loss(prediction: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The mean absolute error, a scalar (Eq. 3), in the unit of its arguments."""
    return functional.l1_loss(prediction.float(), truth.float())


def cross_entropy(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The mean negative log-likelihood in nats, a scalar, of class indices (batch,) under logits (batch, classes);
    Eq. 4 for the countries and Eq. 6 for the tasks."""
    return functional.cross_entropy(logits.float(), truth)


_BY_KIND = {"intensities": ccc_loss, "scalar": mae_loss, "classes": cross_entropy}


def task_loss(task: Task, prediction: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The loss that the task's kind calls for (section 3.3), a scalar."""
    return _BY_KIND[task.kind](prediction, truth)


def output_losses(model: Burst2Vec, r: Representations, task: Task, truth: torch.Tensor) -> dict[str, torch.Tensor]:
    """Losses of the head's three forward passes, by name; Eq. 5 is their sum."""
    views = {"shared": r.shared, "specific": r.specific[task.name], "combined": r.combined[task.name]}
    return {name: task_loss(task, model.heads[task.name](x), truth) for name, x in views.items()}


def discrimination_loss(model: Burst2Vec, r: Representations, task: Task) -> torch.Tensor:
    """Cross-entropy in nats, a scalar, of the discriminator's guess at the batch's task (Eq. 6).

    The reversal stands between discriminator and shared extractor: the one descends, the other ascends.
    """
    logits = model.discriminator(reverse_gradient(_reached(model, model.shared_extractor, r.shared, r)))
    index = model.tasks.index(task)
    return cross_entropy(logits, torch.full((len(logits),), index, device=logits.device))


def adversarial_losses(model: Burst2Vec, r: Representations, task: Task, truth: torch.Tensor) -> dict[str, torch.Tensor]:
    """Losses of the task's head on each other task's features, by that task's name; Eq. 7 is their sum.

    The reversal stands between head and foreign extractor: the head descends, the extractor ascends.
    """
    foreign = {name: _reached(model, model.task_extractors[name], x, r)
               for name, x in r.specific.items() if name != task.name}
    return {name: task_loss(task, model.heads[task.name](reverse_gradient(x)), truth) for name, x in foreign.items()}


def _reached(model: Burst2Vec, extractor: nn.Module, features: torch.Tensor, r: Representations) -> torch.Tensor:
    """An extractor's features, through which a reversed gradient reaches all that lies upstream, or that extractor only."""
    return features if model.reversal == "upstream" else extractor(r.projected.detach())


def objective(model: Burst2Vec, r: Representations, task: Task, truth: torch.Tensor,
              alpha_discriminator: float = 0.5, alpha_adversarial: float = 0.25) -> dict[str, torch.Tensor]:
    """Every term of the loss of a batch of one task, by name, and their weighted sum as `total` (Eq. 8).

    Eq. 8 subtracts the adversarial terms. Here the reversal layer already turns their gradient for what lies upstream
    of it, so they are added: discriminator and heads descend, extractors ascend, as section 3.4 describes. Without a
    discriminator (-Adv) only the output loss of Eq. 5 is left.
    """
    terms = output_losses(model, r, task, truth)
    total = sum(terms.values())
    if model.discriminator is not None:
        terms["discriminator"] = discrimination_loss(model, r, task)
        foreign = adversarial_losses(model, r, task, truth)
        terms |= {f"adversarial_{name}": loss for name, loss in foreign.items()}
        total = total + alpha_discriminator * terms["discriminator"] + alpha_adversarial * sum(foreign.values())
    return terms | {"total": total}
