"""Which classes are taken for which: confusions by speaker, and the scores that follow from them.

A confusion (..., classes, classes) counts bursts by their true class, in rows, and their answer, in columns. UAR and
macro-F1 depend on a set of bursts through its confusion alone, so that resampling speakers adds confusions instead of
reading the bursts again.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from burst2vec.evaluation.bootstrap import RESAMPLES, Replicates, draw_speakers

METRICS = ("macro_f1", "uar")
"""The scores of a confusion."""


def confusions(truth: np.ndarray, answers: np.ndarray, speakers: np.ndarray, classes: int) -> np.ndarray:
    """The confusion of each speaker, (speakers, classes, classes), from indices (bursts,) of class and speaker."""
    shape = speakers.max() + 1, classes, classes
    places = np.ravel_multi_index((speakers, truth, answers), shape)
    return np.bincount(places, minlength=np.prod(shape)).reshape(shape)


def recalls(confusion: np.ndarray) -> np.ndarray:
    """The recall (..., classes) of each class of a confusion; NaN for a class without bursts."""
    return scores(*_sums(confusion))["recall"]


def scores(true: np.ndarray, answered: np.ndarray, right: np.ndarray) -> dict[str, np.ndarray]:
    """The `recall` (..., classes) of each class, and `uar` and `macro_f1` (...), as `metrics.uar` and `macro_f1`.

    `true`, `answered` and `right` (..., classes) count the bursts of each class, the answers of each class, and those
    that are right. Classes without bursts are left out of the means.
    """
    with np.errstate(invalid="ignore"):
        recall, f1 = right / true, 2 * right / (true + answered)
    there = true > 0
    number = there.sum(-1)
    return {"recall": recall, "uar": np.where(there, recall, 0).sum(-1) / number,
            "macro_f1": np.where(there, f1, 0).sum(-1) / number}


def bootstrap_confusions(found: Mapping[str, np.ndarray], resamples: int = RESAMPLES, seed: int = 0) -> Replicates:
    """The `METRICS` of several systems, by code, and of resamples of their speakers, the same for all.

    `found` holds confusions by speaker, (speakers, classes, classes). Raises ValueError where it is empty.
    """
    if not found:
        raise ValueError("there is no confusion to resample; expected those of one system or more")
    estimates, replicates = {}, {}
    for code, confusion in found.items():
        counts = np.stack(_sums(confusion), axis=1)
        whole = scores(*counts.sum(0))
        drawn = [scores(*np.moveaxis(np.tensordot(draws, counts, 1), 1, 0))
                 for draws in draw_speakers(len(counts), resamples, seed)]
        for metric in METRICS:
            estimates[code, metric] = float(whole[metric])
            replicates[code, metric] = np.concatenate([part[metric] for part in drawn])
    index = pd.MultiIndex.from_tuples(estimates, names=["code", "metric"])
    return Replicates(pd.Series(list(estimates.values()), index), pd.DataFrame(replicates), "speakers", len(counts))


def grouped(confusion: np.ndarray) -> np.ndarray:
    """An order (classes,) in which classes that are taken for each other stand side by side.

    Classes are clustered by how often either is answered for the other, in shares of the bursts of each (average
    linkage), and neighbouring clusters are turned towards each other (Bar-Joseph et al., 2001).
    """
    if len(confusion) < 3:
        return np.arange(len(confusion))
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    mutual = (shares + shares.T) / 2
    distances = mutual.max() - mutual
    np.fill_diagonal(distances, 0)
    return leaves_list(linkage(squareform(distances, checks=False), "average", optimal_ordering=True))


def _sums(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The bursts, the answers and the right answers (..., classes) of each class of a confusion."""
    return confusion.sum(-1), confusion.sum(-2), np.diagonal(confusion, axis1=-2, axis2=-1)
