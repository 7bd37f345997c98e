"""The published numbers are complete, and agree with one another."""

from __future__ import annotations

import numpy as np
import pytest

from burst2vec.corpora.synthetic import population
from burst2vec.results.published import read_audio_free, read_leaderboard, read_published, validation_size
from tests.support.table2 import measured


def test_the_papers_table_is_complete():
    published = read_published()
    val = published.query("split == 'val'").set_index("code")
    assert list(val.index) == ["Baseline", *(f"V{i}" for i in range(1, 8)), "A", "B", "C"]
    assert val[["emo_ccc", "cou_uar", "age_mae", "s_mtl"]].notna().all(axis=None)
    tested = published.query("split == 'test'").set_index("code")["s_mtl"].dropna()
    assert tested.to_dict() == {"Baseline": 0.335, "V1": 0.421, "V6": 0.417,
                                "A": 0.435, "B": 0.432, "C": 0.432}
    assert {code for code, model in val["model"].items() if "♠" in model} == {"V1", "V2", "V6", "V7"}
    assert list(measured()) == list(published)


def test_validation_has_the_bursts_and_speakers_of_table_1():
    assert validation_size() == (19396, 568)


def test_the_leaderboard_is_ordered_and_burst2vec_leads_it():
    board = read_leaderboard()
    assert board["s_mtl"].is_monotonic_decreasing and len(board) == 7
    assert board.iloc[0][["code", "model", "s_mtl"]].tolist() == ["A", "Burst2Vec", 0.435]
    assert board.iloc[1][["code", "s_mtl"]].tolist() == ["CMU", 0.412]
    assert board.iloc[-1]["code"] == "Baseline" and set(board["split"]) == {"test"}


def test_the_papers_age_errors_hardly_differ_from_that_of_the_countrys_median():
    val = read_published().query("split == 'val'").set_index("code")["age_mae"].drop(["Baseline", "V7"])
    median = read_audio_free().set_index("code")["age_mae"]["Country median"]
    assert (val.min(), val.max()) == (3.580, 3.709)
    assert 0 < median - val.max() < 0.005 and median - val.min() < 0.04 * median


def test_the_errors_without_audio_follow_from_the_distribution_of_age_and_country():
    counts = np.asarray(population.AGE_BY_COUNTRY)
    ages = [np.concatenate([20 + 2.5 * (band + (np.arange(n) + 0.5) / n) for band, n in enumerate(row) if n])
            for row in counts]
    everyone = np.concatenate(ages)
    median = np.concatenate([np.abs(of_country - np.median(of_country)) for of_country in ages]).mean()
    known = read_audio_free().set_index("code")["age_mae"]
    assert np.abs(everyone - np.median(everyone)).mean() == pytest.approx(known["Constant"], abs=0.01)
    assert median == pytest.approx(known["Country median"], abs=0.01)
