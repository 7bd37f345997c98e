"""Sentences of the report whose wording depends on the measured numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd


def headline_numbers(table: pd.DataFrame) -> dict[str, str]:
    """Returns, by name, the numbers that sentences of the book quote, as text with the right number of digits.

    `table` is Table 2 (`scores.table2`). The numbers are those of its validation rows; a dash stands for what a run
    does not have.
    """
    val = table[table["split"] == "val"].set_index("code").reindex(columns=["s_mtl", "age_mae"])
    singles = val[val.index.str.fullmatch(r"V\d+")]["s_mtl"].dropna()
    ensembles = val[val.index.str.fullmatch(r"[A-Z]")]["s_mtl"].dropna()
    baseline = val["s_mtl"].get("Baseline", np.nan)
    return {
        "best_single_code": singles.idxmax() if len(singles) else "–",
        "best_single_s_mtl": _number(singles.max()),
        "baseline_s_mtl": _number(baseline),
        "best_ensemble_code": ensembles.idxmax() if len(ensembles) else "–",
        "best_ensemble_s_mtl": _number(ensembles.max()),
        "relative_gain": _number(100 * (ensembles.max() / baseline - 1), 0),
        "constant_age_mae": _number(val["age_mae"].get("Constant", np.nan), 2),
    }


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "–"


def describe_best(table: pd.DataFrame) -> str:
    """Up to three sentences, in Markdown, on the best single system and the best ensemble of Table 2."""
    head, said = headline_numbers(table), []
    if head["best_single_code"] != "–":
        said.append(f"On validation the best single system is {head['best_single_code']}, "
                    f"with *S*<sub>MTL</sub> {head['best_single_s_mtl']}.")
    if head["best_ensemble_code"] != "–":
        said.append(f"The best ensemble is {head['best_ensemble_code']}, with {head['best_ensemble_s_mtl']}.")
    if head["relative_gain"] != "–":
        gain = float(head["relative_gain"])
        said.append(f"That is {abs(gain):.0f} % {'above' if gain >= 0 else 'below'} the baseline's "
                    f"{head['baseline_s_mtl']}.")
    return " ".join(said)
