"""The published numbers: the paper's tables, the challenge's leaderboard, and two audio-free baselines on its corpus.

All of them are in `params/published.yaml`. Every reader takes another file of the same form as its argument.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from burst2vec.config import project_root, read_mapping
from burst2vec.inspection.description import UNKNOWN
from burst2vec.results.runs import with_spade


def published_table1(path: str | Path | None = None) -> pd.DataFrame:
    """The paper's Table 1, in the form of `inspection.description.table1`."""
    return pd.DataFrame(_read(path)["table1"]).fillna(UNKNOWN)


def validation_size(path: str | Path | None = None) -> tuple[int, int]:
    """The numbers of bursts and of speakers in the validation split of ExVo 2022, from Table 1."""
    column = _read(path)["table1"]["Validation"]
    return int(column["No."]), int(column["Speakers"])


def read_published(path: str | Path | None = None) -> pd.DataFrame:
    """The paper's Table 2, in the columns of `scores.table2`."""
    rows = []
    for code, row in _read(path)["table2"].items():
        system = {"code": code, "model": with_spade(row["model"], row.get("own_audio", False))}
        metrics = dict(zip(("emo_ccc", "cou_uar", "age_mae", "s_mtl"), row["val"], strict=True))
        rows.append({**system, "split": "val", **metrics, "marks": row.get("marks", "")})
        rows.append({**system, "split": "test", "s_mtl": row.get("test", np.nan), "marks": ""})
    return pd.DataFrame(rows).sort_values("split", ascending=False, kind="stable", ignore_index=True)


def read_leaderboard(path: str | Path | None = None) -> pd.DataFrame:
    """The leaderboard of the challenge, best first: code, model, split, s_mtl.

    The other participants stand beside the best ensemble of the paper's Table 2 and the baseline. All scores are on
    test.
    """
    own = read_published(path).query("split == 'test'").set_index("code")["s_mtl"]
    best = own.drop("Baseline").idxmax()
    rows = [(best, "Burst2Vec", own[best]), ("Baseline", "ComParE, the challenge's baseline", own["Baseline"])]
    rows += [(code, row["model"], row["test"]) for code, row in _read(path)["leaderboard"].items()]
    table = pd.DataFrame(rows, columns=["code", "model", "s_mtl"]).sort_values("s_mtl", ascending=False)
    table.insert(2, "split", "test")
    return table.reset_index(drop=True)


def read_audio_free(path: str | Path | None = None) -> pd.DataFrame:
    """The age errors of the audio-free baselines on ExVo 2022, in years: code, split, age_mae.

    They are computed from the published distribution of age and country (see the file), not taken from the paper. The
    median age of the true country errs by 3.71 years, and the paper's V1 to V6 and its ensembles by 3.58 to 3.71.
    """
    rows = [{"code": code, "split": "val", **scores} for code, scores in _read(path)["audio_free"].items()]
    return pd.DataFrame(rows)


def _read(path: str | Path | None) -> dict[str, Any]:
    path = Path(path) if path else project_root() / "params" / "published.yaml"
    return read_mapping(path)
