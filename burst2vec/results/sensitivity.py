"""Where S_MTL comes from: its slopes, its ceiling, and what each part contributes to a difference.

S = 3 / (1/CCC + 1/UAR + MAE) adds up unlike things. CCC and UAR cannot exceed 1, so that their terms are between 1 and
some 2.5, while the MAE enters in years and is about 4: the age error is the largest term of the sum, and the hardest to
move. Three readings of that:

* the slopes: how much S changes by a small step of one part;
* the ceiling: what S would be with a perfect CCC and UAR at that age error, 3 / (2 + MAE);
* the decomposition of a difference between two systems into a contribution of each part.

The last needs a rule, since what a better CCC brings depends on the other two: changing the parts one after the other
gives numbers that sum to the difference, but other ones in another order. Shapley's value is their mean over all six
orders. It sums to the difference exactly, treats the parts alike, gives a part that does not differ nothing, and of the
rules that are additive in the score it is the only one that does (Shapley, 1953). It changes its sign when the systems
change places, and stays finite where a CCC of 0 makes S 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from burst2vec.evaluation.metrics import s_mtl

PARTS = ("ccc", "uar", "mae")


def slopes(ccc: float, uar: float, mae: float) -> tuple[float, float, float]:
    """The partial derivatives of S_MTL by CCC, by UAR and by the MAE, the last per year and below 0.

    (S²/3) (1/CCC², 1/UAR², -1): a year of age error weighs as much as CCC² of CCC. NaN where S_MTL is 0.
    """
    if not min(ccc, uar) > 0:
        return (np.nan,) * 3
    weight = s_mtl(ccc, uar, mae) ** 2 / 3
    return weight / ccc**2, weight / uar**2, -weight


def ceiling(mae: float) -> float:
    """S_MTL with a perfect CCC and UAR at that age error.

    >>> ceiling(4.0)
    0.5
    """
    return s_mtl(1.0, 1.0, mae)


def contributions(a: Sequence[float], b: Sequence[float]) -> np.ndarray:
    """What each part, (ccc, uar, mae), contributes to S_MTL(a) - S_MTL(b): Shapley values that sum to it exactly."""
    found, orders = np.zeros(3), list(itertools.permutations(range(3)))
    for order in orders:
        mixed = list(b)
        for part in order:
            before = s_mtl(*mixed)
            mixed[part] = a[part]
            found[part] += s_mtl(*mixed) - before
    return found / len(orders)


def sensitivity(table: pd.DataFrame) -> pd.DataFrame:
    """For each row of a Table 2 with S_MTL: code, split, ccc, uar, mae, s_mtl, by_ccc, by_uar, by_mae, ceiling,
    constant_age.

    `by_` are the slopes; `constant_age` is what S_MTL would be with the age error of the trivial row *Constant*: what
    lies above it, age has brought. Raises ValueError for a corpus that has no S_MTL.
    """
    rows = []
    for split, part in _parts(table).groupby("split", sort=False):
        constant = part.loc[part["code"] == "Constant", "mae"]
        for row in part.to_dict("records"):
            scores = [row[name] for name in PARTS]
            replaced = s_mtl(*scores[:2], constant.iloc[0]) if len(constant) else np.nan
            steps = dict(zip(("by_ccc", "by_uar", "by_mae"), slopes(*scores), strict=True))
            rows.append(row | {"s_mtl": s_mtl(*scores)} | steps
                        | {"ceiling": ceiling(row["mae"]), "constant_age": replaced})
    return pd.DataFrame(rows)


def decompose(table: pd.DataFrame, pairs: Iterable[tuple[str, str]], split: str = "val") -> pd.DataFrame:
    """What each part contributes to the difference of S_MTL between systems of a Table 2: a, b, part, contribution.

    Above 0 where the part speaks for `a`. Pairs of which a system is not scored are left out.
    """
    rows = _parts(table)
    scores = rows[rows["split"] == split].set_index("code")[list(PARTS)].dropna().T
    found = [(a, b, part, value) for a, b in pairs if {a, b} <= set(scores)
             for part, value in zip(PARTS, contributions(list(scores[a]), list(scores[b])), strict=True)]
    return pd.DataFrame(found, columns=["a", "b", "part", "contribution"])


def _parts(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a Table 2 with its metrics' columns, whatever its tasks are called, as `ccc`, `uar` and `mae`."""
    if "s_mtl" not in table:
        raise ValueError("this corpus has no S_MTL: it takes one task of intensities, one of classes and one scalar")
    columns = {column: name for column in table for name in PARTS if column.endswith(f"_{name}")}
    return table[["code", "split", *columns]].rename(columns=columns)
