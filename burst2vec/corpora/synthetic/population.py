"""Who speaks in the synthetic corpus, and which emotions they show: tables that are drawn before any sound is made.

Age and country are associated as in ExVo 2022. The counts of its clips by age band and country were measured off a
published figure (train and validation together); `bias` mixes that joint distribution with one in which age and country
are independent and have the same marginals, or makes the association up to twice as strong. Shares are met by quotas
and systematic samples rather than by chance, so that even forty speakers show them.

The columns of tables have the names of `burst2vec.corpora.corpus`: speaker, split, sex, age in years, country.
Intensities lie in [0, 1].
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import SPLITS
from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS

AGE_EDGES = np.linspace(20, 40, 9)
"""The edges of the age bands in years."""

AGE_BY_COUNTRY = np.array([
    [3666, 3490, 1928, 315, 592, 75, 60, 0],
    [1915, 1713, 2646, 1310, 907, 643, 633, 189],
    [1890, 1210, 2116, 1512, 2319, 2193, 1638, 1310],
    [1400, 781, 1084, 958, 453, 125, 252, 151],
])
"""The number of clips of ExVo 2022 by country (rows, as `COUNTRIES`) and age band (columns, between `AGE_EDGES`)."""

LARGEST_BIAS = 2
"""The largest bias. Beyond it old speakers from one country would hardly be left."""

STRONGEST = {
    "Amusement": 0.22, "Surprise": 0.18, "Fear": 0.15, "Sadness": 0.10, "Distress": 0.09,
    "Excitement": 0.08, "Awe": 0.07, "Horror": 0.045, "Awkwardness": 0.04, "Triumph": 0.025,
}
"""The share of the clips in which an emotion is the strongest: in ExVo's order, but with the rarest less rare."""

RELATED = {
    "Awe": ("Surprise", "Excitement"),
    "Excitement": ("Amusement", "Triumph", "Surprise"),
    "Amusement": ("Excitement", "Awkwardness"),
    "Awkwardness": ("Amusement", "Sadness", "Distress"),
    "Fear": ("Horror", "Surprise", "Distress"),
    "Horror": ("Fear", "Distress"),
    "Distress": ("Sadness", "Fear", "Horror"),
    "Triumph": ("Excitement", "Amusement"),
    "Sadness": ("Distress", "Awkwardness"),
    "Surprise": ("Fear", "Awe", "Excitement"),
}
"""The emotions that a clip is likely to show besides its strongest one."""


def age_shares(bias: float) -> np.ndarray:
    """The joint distribution (countries, age bands) of country and age, with a sum of 1.

    A `bias` of 1 gives the measured association, 0 none, and values in between a mixture. Beyond 1 the odds ratios of
    the measured table are raised to the power of `bias`: at 2 the share of the variance of age that lies between
    countries is twice the measured one. The marginals are always the same. Raises ValueError unless `bias` is in
    [0, 2].
    """
    if not 0 <= bias <= LARGEST_BIAS:
        raise ValueError(f"bias is {bias:g}; it lies between 0 (no association) and {LARGEST_BIAS} (twice as strong "
                         "as measured)")
    joint = AGE_BY_COUNTRY / AGE_BY_COUNTRY.sum()
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    if bias <= 1:
        return bias * joint + (1 - bias) * independent
    return _with_marginals_of(joint, independent * (joint / independent) ** bias)


def _with_marginals_of(wanted: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The table with the marginals of `wanted` and its own odds ratios, by iterative proportional fitting (Deming and
    Stephan, 1940)."""
    for _ in range(100):
        table = table * (wanted.sum(axis=1) / table.sum(axis=1))[:, None]
        table = table * (wanted.sum(axis=0) / table.sum(axis=0))
    return table


def draw_speakers(counts: dict[str, int], bias: float, rng: np.random.Generator) -> pd.DataFrame:
    """A table of speakers with speaker, split, sex, age and country; `counts` says how many each split has.

    Every split follows the same distribution, and has a speaker from every country if it has that many speakers.
    """
    shares = age_shares(bias)
    rows = []
    for split, count in counts.items():
        for country, number in enumerate(quotas(count, shares.sum(axis=1))):
            ages = _systematic_ages(number, shares[country], rng)
            sexes = np.resize(rng.permutation(["f", "m"]), number)
            rows += [(split, sex, age, COUNTRIES[country]) for sex, age in zip(sexes, ages, strict=True)]
    table = pd.DataFrame(rows, columns=["split", "sex", "age", "country"])
    table.insert(0, "speaker", [f"Speaker_{n + 1}" for n in rng.permutation(len(table))])
    return table


def draw_clips(speakers: pd.DataFrame, counts: dict[str, int], rng: np.random.Generator) -> pd.DataFrame:
    """A table of clips with their speaker's columns and the emotions to be shown; `counts` says how many each
    split has."""
    parts = []
    for split, count in counts.items():
        own = speakers[speakers["split"] == split]
        share = own["country"].map(dict(zip(COUNTRIES, AGE_BY_COUNTRY.sum(axis=1), strict=True)))
        share = share / own.groupby("country")["country"].transform("size")
        talkative = rng.uniform(0.8, 1.25, len(own))
        clips = own.loc[own.index.repeat(quotas(count, share.to_numpy() * talkative))].reset_index(drop=True)
        strongest = np.repeat(EMOTIONS, quotas(count, np.array([STRONGEST[e] for e in EMOTIONS])))
        intended = [_intended_emotions(e, rng) for e in rng.permutation(strongest)]
        parts.append(clips.join(pd.DataFrame(intended, columns=EMOTIONS)))
    return pd.concat(parts, ignore_index=True)


def rate_oneself(intended: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The label (emotions,) of a clip: how its speaker rates the `intended` intensities (emotions,).

    Ratings are noisy, sometimes name an emotion that was not intended, and are scaled so that the strongest is exactly
    1.
    """
    heard = intended + (intended > 0) * rng.normal(0, 0.18, len(intended))
    stray = (rng.random(len(intended)) < 0.2) * rng.exponential(0.12, len(intended))
    rating = np.maximum(heard + stray, 0)
    return np.round(rating / rating.max(), 4) if rating.max() > 0 else intended


def speakers_in(clips: int, total: int) -> int:
    """How many speakers there are for so many `clips` of a corpus with `total` clips.

    A speaker has 6 clips in a corpus of 1280, and 35 in a corpus of ExVo's size, as in ExVo.
    """
    each = max(6 * (total / 1280) ** 0.46, 1.0)
    return max(round(clips / each), len(COUNTRIES))


def quotas(total: int, shares: np.ndarray) -> np.ndarray:
    """Whole numbers with the sum `total` and in the proportion of `shares`, none of them 0 where possible.

    The method of largest remainders.
    """
    least = np.full(len(shares), int(total >= len(shares)))
    wanted = np.maximum(total * np.asarray(shares) / np.sum(shares) - least, 0)
    wanted *= (total - least.sum()) / max(wanted.sum(), 1e-12)
    whole = np.floor(wanted + 1e-9).astype(int)
    missing = total - least.sum() - whole.sum()
    whole[np.argsort(whole - wanted, kind="stable")[:missing]] += 1
    return least + whole


def _systematic_ages(number: int, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ages (number,) in years in random order, one from each of `number` equally likely intervals."""
    quantiles = (rng.permutation(number) + rng.random(number)) / max(number, 1)
    cumulative = np.concatenate([[0], np.cumsum(shares / shares.sum())])
    return np.round(np.minimum(np.interp(quantiles, cumulative, AGE_EDGES), 39.99), 2)


def _intended_emotions(strongest: str, rng: np.random.Generator) -> np.ndarray:
    """Intensities (emotions,): 1 for the strongest emotion, and less for none, one or two related ones."""
    intensities = dict.fromkeys(EMOTIONS, 0.0)
    intensities[strongest] = 1.0
    related = RELATED[strongest]
    others = rng.choice(related, size=rng.choice([0, 1, 2], p=[0.35, 0.4, 0.25]), replace=False)
    intensities.update({str(other): rng.uniform(0.25, 0.85) for other in others})
    return np.array([intensities[e] for e in EMOTIONS])


def split_sizes(train: int, val: int, test: int) -> dict[str, int]:
    """The number of clips of each split. Raises ValueError where a split has too few for all countries."""
    sizes = dict(zip(SPLITS, (train, val, test), strict=True))
    for split, size in sizes.items():
        if size < len(COUNTRIES):
            raise ValueError(f"{split} is {size}; a split needs {len(COUNTRIES)} clips, one a country")
    return sizes
