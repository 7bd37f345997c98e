"""Where S_MTL comes from: its slopes, its ceiling, and the contribution of each part to a difference.

S = 3 / (1/CCC + 1/UAR + MAE) adds quantities of different scale. CCC and UAR cannot exceed 1, so their terms lie
between 1 and about 2.5, while the MAE enters in years and is about 4: the age error is the largest term of the sum, and
the hardest to reduce. Three quantities show what that means:

* The slopes say how much S changes with a small step of one part.
* The ceiling is the S of a perfect CCC and UAR at the same age error, 3 / (2 + MAE).
* The decomposition splits the difference of two systems into one contribution for each part.

A decomposition needs a rule, because what a better CCC gains depends on the other two parts. Changing the parts one
after the other gives contributions that sum to the difference, but other ones in another order. The Shapley value is
their mean over all six orders. It sums to the difference exactly, treats the parts alike and gives nothing to a part
that does not differ, and it is the only rule with these properties that is additive in the score (Shapley, 1953). It
changes its sign when the systems change places, and stays finite where a CCC of 0 makes S 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from burst2vec.evaluation.metrics import s_mtl

PARTS = ("ccc", "uar", "mae")
"""The parts of S_MTL, in the order of its arguments."""


def slopes(ccc: float, uar: float, mae: float) -> tuple[float, float, float]:
    """The partial derivatives of S_MTL by the CCC, the UAR and the MAE; the last is per year and below 0.

    They are (S²/3) (1/CCC², 1/UAR², -1): a year of age error weighs as much as CCC² of CCC. All three are NaN where
    S_MTL is 0.
    """
    if not min(ccc, uar) > 0:
        return np.nan, np.nan, np.nan
    weight = s_mtl(ccc, uar, mae) ** 2 / 3
    return weight / ccc**2, weight / uar**2, -weight


def ceiling(mae: float) -> float:
    """The S_MTL of a perfect CCC and UAR at the age error `mae`, in years.

    >>> ceiling(4.0)
    0.5
    """
    return s_mtl(1.0, 1.0, mae)


def contributions(a: Sequence[float], b: Sequence[float]) -> np.ndarray:
    """The Shapley values of the parts (ccc, uar, mae), (3,), which sum to S_MTL(a) - S_MTL(b) exactly."""
    found, orders = np.zeros(3), list(itertools.permutations(range(3)))
    for order in orders:
        mixed = [float(part) for part in b]
        for part in order:
            before = s_mtl(*mixed)
            mixed[part] = a[part]
            found[part] += s_mtl(*mixed) - before
    return found / len(orders)


def sensitivity(table: pd.DataFrame) -> pd.DataFrame:
    """A table with one row for each row of a Table 2 that has S_MTL.

    Its columns are code, split, ccc, uar, mae, s_mtl, by_ccc, by_uar, by_mae, ceiling and constant_age. The columns
    `by_` are the slopes. `constant_age` is S_MTL with the age error of the audio-free baseline *Constant*; what a row
    has above it was gained by predicting age. Raises ValueError for a corpus that has no S_MTL.
    """
    rows = []
    for _, part in _parts(table).groupby("split", sort=False):
        constant = part.loc[part["code"] == "Constant", "mae"]
        for row in part.to_dict("records"):
            scores = [row[name] for name in PARTS]
            replaced = s_mtl(row["ccc"], row["uar"], constant.iloc[0]) if len(constant) else np.nan
            steps = dict(zip(("by_ccc", "by_uar", "by_mae"), slopes(*scores), strict=True))
            rows.append(row | {"s_mtl": s_mtl(*scores)} | steps
                        | {"ceiling": ceiling(row["mae"]), "constant_age": replaced})
    return pd.DataFrame(rows)


def decompose(table: pd.DataFrame, pairs: Iterable[tuple[str, str]], split: str = "val") -> pd.DataFrame:
    """The contribution of each part to the difference of S_MTL between two systems: a, b, part, contribution.

    `table` is a Table 2 and `pairs` are codes (a, b). A contribution is above 0 where the part favours `a`. Pairs with
    a system that is not scored are left out.
    """
    rows = _parts(table)
    scores = rows[rows["split"] == split].set_index("code")[list(PARTS)].dropna().T
    found = [(a, b, part, value) for a, b in pairs if {a, b} <= set(scores)
             for part, value in zip(PARTS, contributions(list(scores[a]), list(scores[b])), strict=True)]
    return pd.DataFrame(found, columns=["a", "b", "part", "contribution"])


def _parts(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a Table 2 with the columns of its metrics renamed to `ccc`, `uar` and `mae`."""
    if "s_mtl" not in table:
        raise ValueError("this corpus has no S_MTL: it takes one task of intensities, one of classes and one scalar")
    columns = {column: name for column in table for name in PARTS if column.endswith(f"_{name}")}
    return table[["code", "split", *columns]].rename(columns=columns)
