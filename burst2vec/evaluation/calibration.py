"""Whether probabilities mean what they say, and a temperature that brings them nearer to it.

Dividing the logits of a task of classes by one number, the temperature, changes no answer: above 1 all probabilities
become more alike, below 1 less. It is fitted to bursts that a model has not learnt from (Guo et al., 2017).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

BINS = 15
"""The number of bins of equal width into which `calibration_error` sorts answers by their probability."""

RANGE = (0.05, 20.0)
"""The temperatures that are tried."""


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """The probabilities (bursts, classes) that follow from the same logits, divided by `temperature`."""
    with np.errstate(divide="ignore"):
        return softmax(np.log(probabilities.astype(np.float64)) / temperature, axis=1)


def fit_temperature(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The temperature for which the probabilities (bursts, classes) of the true classes, indices (bursts,), have the
    highest mean logarithm."""
    def surprise(logarithm: float) -> float:
        right = tempered(probabilities, np.exp(logarithm))[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(right, 1e-12)).mean())

    return float(np.exp(minimize_scalar(surprise, bounds=np.log(RANGE), method="bounded").x))


def calibration_error(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The expected calibration error: by how much the probability of the answer and the share of right answers differ
    in a bin of answers of similar probability, on average over the bursts. It is 0 where they agree.

    `probabilities` are (bursts, classes), `truth` indices (bursts,).
    """
    sure, right = probabilities.max(1), probabilities.argmax(1) == truth
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, sure - right, BINS)
    return float(np.abs(gaps).sum() / len(truth))
