"""The paper's own tables, from `params/published.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from burst2vec.config import project_root
from burst2vec.inspection.description import UNKNOWN
from burst2vec.results.runs import _with_spade


def published_table1(path: str | Path | None = None) -> pd.DataFrame:
    """The paper's own Table 1 in the form of `table1`, from `params/published.yaml` or the file given."""
    return pd.DataFrame(_read(path)["table1"]).fillna(UNKNOWN)


def read_published(path: str | Path | None = None) -> pd.DataFrame:
    """The paper's own Table 2 in the columns of `table2`, from `params/published.yaml` or the file given."""
    rows = []
    for code, row in ((c, r) for c, r in _read(path).items() if c != "table1"):
        system = {"code": code, "model": _with_spade(row["model"], row.get("own_audio", False))}
        metrics = dict(zip(("emo_ccc", "cou_uar", "age_mae", "s_mtl"), row["val"], strict=True))
        rows.append({**system, "split": "val", **metrics, "marks": row.get("marks", "")})
        rows.append({**system, "split": "test", "s_mtl": row.get("test", np.nan), "marks": ""})
    return pd.DataFrame(rows).sort_values("split", ascending=False, kind="stable", ignore_index=True)


def _read(path: str | Path | None) -> dict[str, Any]:
    path = Path(path) if path else project_root() / "params" / "published.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))
