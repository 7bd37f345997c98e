"""Sentences of the tutorial whose wording depends on what it measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest


def describe_recognition(truth: Sequence[str], answers: Sequence[str]) -> str:
    """A sentence on how many of a few recordings were recognised, and whether so many could have been guessed.

    `truth` and `answers` are class names, a pair for each recording; a guess is the most frequent class. The interval
    is that of Clopper and Pearson for a share, which is exact for independent recordings. Raises ValueError where there
    are no recordings, or not as many answers.
    """
    if not len(truth):
        raise ValueError("there are no recordings; expected one or more")
    right, number = sum(a == b for a, b in zip(truth, answers, strict=True)), len(truth)
    guess = np.unique(np.asarray(truth), return_counts=True)[1].max() / number
    interval = binomtest(right, number).proportion_ci(0.95)
    verdict = ("is better than" if interval.low > guess else "is worse than" if interval.high < guess else
               "so few recordings cannot tell from")
    return (f"{right} of {number} recordings {'is' if right == 1 else 'are'} recognised ({100 * right / number:.0f} %, "
            f"95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f} %), which {verdict} a guess "
            f"({100 * guess:.0f} %).")


def describe_tutorial(recordings: int, recognised: str, seconds: float) -> str:
    """Sentences on what the tutorial shows: what is done with so many recordings, in how long, and with what result.

    `recognised` is what `describe_recognition` says of them.
    """
    took = max(round(seconds), 1)
    return (f"A folder of {recordings} recordings is checked, heard by the model that comes with the package, turned "
            f"into features, and used to train a classifier and a Burst2Vec. The machine took {took} "
            f"second{'s' * (took > 1)} for all of it. By the classifier, {recognised} The recordings are synthetic.")
