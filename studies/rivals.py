"""Three ways of debiasing that need no reversed gradient, each as a patch of a training (`comparison.Patch`).

- `reweighting` has training bursts drawn so that age band and country are independent (Kamiran and Calders, 2012).
- `entropy` keeps the adversary's readers, and has extractors make their answers uninformative instead of wrong: what
  ascends the adversarial losses of Eq. 6 and 7 descends `uniformity` (for classes Tzeng et al., 2015, in the form of an
  entropy).
- `erasure` trains as without an adversary, and then erases linearly what the features of one task tell of the other
  (`least_squares_erasure`, LEACE: Belrose et al., 2023).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from unittest import mock

import numpy as np
import pandas as pd
import torch
from torch import nn

from burst2vec.audio.store import Store
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.models import losses
from burst2vec.models.burst2vec import Burst2Vec, Representations
from burst2vec.training import batches

ASSOCIATED = ("age", "country")
"""The tasks whose labels the corpus associates."""

Measure = Callable[[torch.Tensor], torch.Tensor]
"""A scalar of the outputs (batch, outputs) of a head or a discriminator."""


# Reweighting ------------------------------------------------------------------------------------------------------

def reweighting(corpus: Corpus, store: Store, params: Params) -> contextlib.AbstractContextManager:
    """Has each epoch draw its training bursts with the chances of `independence_weights`, with replacement.

    It stands in the place of oversampling, so the way has to set `oversampling`.
    """
    weights = independence_weights([corpus.task(name) for name in ASSOCIATED], corpus.split("train"))

    def draw(rows: np.ndarray, cell: np.ndarray, max_repeat: int, rng: np.random.Generator) -> np.ndarray:
        return rng.choice(rows, len(rows), p=weights / weights.sum())

    return mock.patch.object(batches, "oversample", draw)


def independence_weights(tasks: Sequence[Task], table: pd.DataFrame) -> np.ndarray:
    """The weight (bursts,) of each burst under which the cells of two tasks' labels are independent.

    It is p(a) p(b) / p(a, b), where a and b are the `batches.cells` of a burst, such as its age band and its country.
    What no burst shows at all cannot be weighted: where cells are empty, a dependence is left.
    """
    a, b = (batches.cells([task], table) for task in tasks)
    counts = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(counts, (a, b), 1)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    return (expected / np.maximum(counts, 1))[a, b]


# Entropy ----------------------------------------------------------------------------------------------------------

def entropy(corpus: Corpus, store: Store, params: Params) -> contextlib.AbstractContextManager:
    """Puts the losses of `confusion` in the place of those of Eq. 6 and 7."""
    patches = contextlib.ExitStack()
    patches.enter_context(mock.patch.object(losses, "discrimination_loss", _discrimination))
    patches.enter_context(mock.patch.object(losses, "adversarial_losses", _adversarial))
    return patches


def uniformity(task: Task, outputs: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """How much the `outputs` (batch, outputs) of a head say, a scalar: 0 where they say the same of every burst.

    For classes it is log K - H(p), where H is the entropy in nats of the softmax p over the K classes, averaged over
    the batch; for intensities and scalars the variance of the outputs over the batch, as a share of that of the
    `truth`.
    """
    outputs = outputs.float()
    if task.kind == "classes":
        return _lacking_entropy(outputs)
    spread, wanted = (values.float().var(0, correction=0).sum() for values in (outputs, truth))
    return spread / wanted.clamp_min(losses.NEGLIGIBLE)


def confusion(reader: nn.Module, features: torch.Tensor, loss: Measure, said: Measure) -> torch.Tensor:
    """The sum of two terms, a scalar: a `loss` of the reader's outputs, which the reader alone descends, and what is
    `said` by the same outputs, which the features alone descend."""
    weights = {name: weight.detach() for name, weight in reader.named_parameters()}
    return loss(reader(features.detach())) + said(torch.func.functional_call(reader, weights, (features,)))


def _discrimination(model: Burst2Vec, r: Representations, task: Task) -> torch.Tensor:
    assert model.discriminator is not None
    shared = losses._reversible(model, model.shared_extractor, r.shared, r)
    index = torch.full((len(shared),), model.tasks.index(task), device=shared.device)
    return confusion(model.discriminator, shared, lambda outputs: losses.cross_entropy(outputs, index),
                     lambda outputs: _lacking_entropy(outputs.float()))


def _adversarial(model: Burst2Vec, r: Representations, task: Task, truth: torch.Tensor) -> dict[str, torch.Tensor]:
    def loss(outputs: torch.Tensor) -> torch.Tensor:
        return losses.task_loss(task, outputs, truth)

    def said(outputs: torch.Tensor) -> torch.Tensor:
        return uniformity(task, outputs, truth)

    return {name: confusion(model.heads[task.name], losses._reversible(model, model.task_extractors[name], x, r),
                            loss, said)
            for name, x in r.specific.items() if name != task.name}


def _lacking_entropy(logits: torch.Tensor) -> torch.Tensor:
    log_p = logits.log_softmax(1)
    return np.log(logits.shape[1]) + (log_p.exp() * log_p).sum(1).mean()


# Erasure ----------------------------------------------------------------------------------------------------------

class Erasure(nn.Module):
    """The affine map of `least_squares_erasure`, from features (batch, features) to as many."""

    def __init__(self, features: np.ndarray, concept: np.ndarray):
        super().__init__()
        centre, removed = (torch.from_numpy(part).float() for part in least_squares_erasure(features, concept))
        self.centre, self.removed = nn.Buffer(centre), nn.Buffer(removed)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features - (features - self.centre) @ self.removed.T


def least_squares_erasure(features: np.ndarray, concept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The centre m (features,) and the matrix R (features, features) of the erasure x - R (x - m).

    Afterwards the `features` (bursts, features) have no covariance with the `concept` (bursts, columns), so that no
    affine function of them predicts it with a smaller squared error than a constant; of all affine maps with this
    property it moves the features least in the mean square. With the whitening W = (Σ_xx^1/2)+ and the orthogonal
    projection P onto the columns of W Σ_xz it is R = W+ P W.

    Source: Belrose et al. (2023), Theorem 4.3.
    """
    x, z = features.astype(np.float64), concept.astype(np.float64)
    centre = x.mean(axis=0)
    x, z = x - centre, z - z.mean(axis=0)
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    there = values > values.max() * len(values) * np.finfo(float).eps
    roots, vectors = np.sqrt(values[there]), vectors[:, there]
    left, sizes, _ = np.linalg.svd((vectors / roots).T @ (x.T @ z / len(x)), full_matrices=False)
    left = left[:, sizes > sizes.max() * 1e-10]
    removed = (vectors * roots) @ left @ left.T @ (vectors / roots).T
    removed[np.ptp(x, axis=0) == 0] = 0  # a feature that does not vary stays as it is, without noise of rounding
    return centre, removed


def erase_associated(model: Burst2Vec, corpus: Corpus, features: Mapping[str, np.ndarray]) -> None:
    """Has the head of each of the `ASSOCIATED` tasks read features from which the other's labels are erased.

    `features` holds the model's representations of the training bursts by name, from which the erasure is learnt. It
    becomes the last layer of what combines them.
    """
    train, device = corpus.split("train"), next(model.parameters()).device
    for task, other in (ASSOCIATED, ASSOCIATED[::-1]):
        erasure = Erasure(features[f"combined {task}"], indicators(corpus.task(other), train))
        model.combinations[task] = nn.Sequential(model.combinations[task], erasure.to(device))


def indicators(task: Task, table: pd.DataFrame) -> np.ndarray:
    """The labels of a task as numbers, (bursts, columns): for classes a column of zeros and ones for each."""
    targets = task.targets(table)
    return np.eye(len(task.classes))[targets] if task.kind == "classes" else targets
