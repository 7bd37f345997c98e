"""Maps: bursts on a plane, near each other where a representation is alike, and what of the labels is seen there.

Features are standardised, reduced to their first principal components, and laid out by t-SNE (van der Maaten and
Hinton, 2008), which keeps near what is near. Far places, empty space and the sizes of clusters mean nothing.

What there is to see is also counted: how many of a burst's nearest neighbours on the map are alike in a label. The
neighbours are bursts of other speakers, since those of one speaker lie together whatever the features hold of a task.
Beside the count stands its floor, the counts where speakers have exchanged their labels.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from burst2vec.audit.probes import REPEATS
from burst2vec.evaluation.speaker_sums import speaker_indices
from burst2vec.inspection.association import exchanges

COMPONENTS = 30
"""The principal components at most that t-SNE is given."""

PERPLEXITY = 30
"""About how many neighbours of a burst t-SNE keeps near it, where there are three times as many bursts."""

NEIGHBOURS = 10
"""The number of nearest bursts of other speakers that are looked at."""


def sample_bursts(table: pd.DataFrame, most: int, seed: int = 0) -> np.ndarray:
    """The positions of at most `most` rows of `table`, drawn at random, in their order."""
    drawn = np.random.default_rng(seed).permutation(len(table))[:most]
    return np.sort(drawn)


def map_bursts(features: np.ndarray, seed: int = 0) -> np.ndarray:
    """The places (bursts, 2) on a map of the features (bursts, features), each between 0 and 1.

    The same features and seed give the same map. Features that are all alike put every burst in the middle. Raises
    ValueError for fewer than four bursts, which make no map.
    """
    if len(features) < 4:
        raise ValueError(f"a map of {len(features)} bursts; it takes four or more")
    scaled = StandardScaler().fit_transform(np.asarray(features, np.float64))
    if not scaled.any():
        return np.full((len(features), 2), 0.5)
    with threadpool_limits(1):  # so few points are laid out quicker by one thread, and the same on every machine
        parts = PCA(min(COMPONENTS, *scaled.shape), random_state=seed).fit_transform(scaled)
        first = np.pad(parts[:, :2], ((0, 0), (0, max(0, 2 - parts.shape[1])))) * (1e-4 / parts[:, 0].std())
        perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
        places = TSNE(2, perplexity=perplexity, init=first, random_state=seed, n_jobs=1).fit_transform(parts)
    low, high = places.min(axis=0), places.max(axis=0)
    return np.where(high > low, (places - low) / np.where(high > low, high - low, 1), 0.5)


def nearest_others(places: np.ndarray, speakers: np.ndarray, number: int = NEIGHBOURS) -> np.ndarray:
    """The positions (bursts, number) of the bursts of other speakers that are nearest to each burst on a map.

    Where fewer bursts are of other speakers, the row ends in -1.
    """
    squares = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    squares[speakers[:, None] == speakers[None]] = np.inf
    order = np.argsort(squares, axis=1, kind="stable")[:, :number]
    return np.where(np.take_along_axis(squares, order, axis=1) < np.inf, order, -1)


def share_alike(neighbours: np.ndarray, labels: np.ndarray) -> float:
    """The share of `neighbours` (bursts, number) whose label is that of the burst whose neighbours they are.

    `labels` (bursts,) are category codes; bursts and neighbours without one, -1, do not count. NaN where none count.
    """
    theirs = np.where(neighbours >= 0, labels[neighbours], -1)
    counts = (theirs >= 0) & (labels >= 0)[:, None]
    return float((theirs == labels[:, None])[counts].mean()) if counts.any() else float("nan")


def score_maps(maps: Mapping[str, Mapping[str, np.ndarray]], labels: Mapping[str, pd.Series], table: pd.DataFrame,
               repeats: int = REPEATS, seed: int = 0) -> pd.DataFrame:
    """How far neighbours on each map are alike: code, features, label, alike, floor_low, floor_high.

    `maps` holds the places (bursts, 2) by the code of a system and the name of a representation, `labels` a categorical
    of the bursts by name, and `table` the bursts' rows of a corpus table. `alike` is the share of a burst's nearest
    neighbours, bursts of other speakers, that have its label; the floor reaches from the lowest to the highest share
    after an exchange of labels.
    """
    speakers, rows = speaker_indices(table), []
    for code, of_system in maps.items():
        for name, places in of_system.items():
            near = nearest_others(places, speakers)
            for label, values in labels.items():
                codes = np.asarray(values.cat.codes)
                rng = np.random.default_rng(seed)
                floor = [share_alike(near, codes[order]) for order in exchanges(codes, speakers, repeats, rng)]
                rows.append((code, name, label, share_alike(near, codes), min(floor), max(floor)))
    return pd.DataFrame(rows, columns=["code", "features", "label", "alike", "floor_low", "floor_high"])
