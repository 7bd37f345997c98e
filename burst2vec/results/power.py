"""Power: the smallest difference that a run could have shown, beside the differences that the paper reports.

An undecided claim says little where the corpus is too small to decide it. For each claim this module takes the pair
that holds least in the published numbers, which is the one that decides there. It asks how large the true difference of
this pair would have to be for its interval to exclude 0 in 80 % of cases, with the speakers and seeds at hand:

    (t(0.975) + t(0.8)) × standard error,

where the standard error is that of the interval, over speakers and seeds (`evaluation.crossed.Contrast`). A difference
that the paper reports and that is smaller could not be expected to show here.

The same is computed for as many speakers as the validation split of ExVo 2022 has, assuming that those speakers, and
the systems of that scale, vary like those at hand. It is a rough guide to what the paper's own sample could show. More
speakers do not help against seeds: their part stays.

A claim of several pairs needs all of them to hold, so its power is at most that of its deciding pair.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from burst2vec.evaluation.crossed import Crossed
from burst2vec.results.claims import Claim, published_estimates
from burst2vec.results.published import validation_size

COLUMNS = ["claim", "metric", "pair", "paper", "detectable", "detectable_speakers", "exvo", "exvo_speakers"]
"""The columns of the table of `detectable_differences`."""


def detectable_differences(claims: Sequence[Claim], scores: Crossed) -> pd.DataFrame:
    """A table with one row for each claim: what the paper reports, and what could have been shown at 80 % power.

    The columns are those of `COLUMNS`. `pair` is the pair that holds least in the published numbers, and `paper` by how
    much it holds there, in the unit of the metric. `detectable` is the smallest difference that the speakers and seeds
    of `scores` could have shown, and `detectable_speakers` the same if seeds changed nothing. `exvo` and
    `exvo_speakers` are these two for the number of speakers in the validation split of ExVo 2022. Numbers with seeds
    are NaN where a variant of the pair has one seed, and all are NaN where it is not in the run.
    """
    _, exvo = validation_size()
    estimates, rows = {split: published_estimates(split) for split in ("val", "test")}, []
    for claim in (claim for claim in claims if claim.pairs):
        published = claim.statistics(estimates[claim.split])
        name, number = published.idxmin(), int(published.argmin())
        row = dict.fromkeys(COLUMNS, np.nan) | {"claim": claim.name, "metric": claim.metric, "pair": name,
                                                "paper": published.min()}
        first, second = claim.pairs[number]
        if all((code, claim.metric) in scores.means.estimates for code in (first, second)):
            contrast = scores.contrast(first, second, claim.metric, claim.factor)
            row |= {"detectable": contrast.least_detectable(),
                    "detectable_speakers": contrast.least_detectable(seeds=False),
                    "exvo": contrast.least_detectable(exvo),
                    "exvo_speakers": contrast.least_detectable(exvo, seeds=False)}
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)
