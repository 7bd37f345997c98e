"""Sentences of the report that numbers decide."""

from __future__ import annotations

import numpy as np
import pandas as pd


def headline(table: pd.DataFrame) -> dict[str, str]:
    """The numbers that the book's sentences quote, on validation, as text with their precision."""
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


def verdict(table: pd.DataFrame) -> str:
    """A sentence or two, in Markdown, on the best single system and the best ensemble of a run."""
    head, said = headline(table), []
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
