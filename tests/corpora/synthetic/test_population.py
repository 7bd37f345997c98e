"""Who speaks in the embedded corpus, and what they are meant to feel."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS
from burst2vec.corpora.synthetic import population


def speakers(count: int, bias: float, split: str = "train") -> pd.DataFrame:
    return population.draw_speakers({split: count}, bias, np.random.default_rng(1))


def explained_variance(table: pd.DataFrame) -> float:
    """Share of the variance of age that lies between countries (eta squared)."""
    means = table.groupby("country")["age"].transform("mean")
    return means.var() / table["age"].var()


def test_bias_changes_the_association_and_leaves_the_marginals():
    planted, mixed, none = (population.age_shares(bias) for bias in (1.0, 0.5, 0.0))
    for axis in (0, 1):
        np.testing.assert_allclose(planted.sum(axis), none.sum(axis))
    np.testing.assert_allclose(none, np.outer(none.sum(1), none.sum(0)))
    np.testing.assert_allclose(mixed, (planted + none) / 2)
    assert planted.sum() == pytest.approx(1.0)


def test_beyond_the_measured_bias_the_odds_ratios_are_squared_and_the_marginals_stay():
    measured, doubled = (population.age_shares(bias) for bias in (1, 2))
    for axis in (0, 1):
        np.testing.assert_allclose(doubled.sum(axis), measured.sum(axis))
    ratios = [table[:, 0] * table[2, 5] / (table[2, 0] * table[:, 5]) for table in (measured, doubled)]
    np.testing.assert_allclose(ratios[1], ratios[0] ** 2)
    np.testing.assert_allclose(population.age_shares(1 + 1e-9), measured, atol=1e-8)  # no jump


def test_age_depends_on_country_with_the_bias_and_not_without():
    assert explained_variance(speakers(1700, 1.0)) > 0.15
    assert explained_variance(speakers(1700, 0.0)) < 0.005
    assert 0.02 < explained_variance(speakers(1700, 0.5)) < 0.1
    measured, doubled = (explained_variance(speakers(1700, bias)) for bias in (1.0, 2.0))
    assert doubled == pytest.approx(2 * measured, rel=0.1)


def test_trivial_age_predictors_err_as_they_do_on_the_measured_table():
    table = speakers(1700, 1.0)
    constant = (table["age"] - table["age"].median()).abs().mean()
    of_country = (table["age"] - table.groupby("country")["age"].transform("median")).abs().mean()
    assert constant == pytest.approx(4.25, abs=0.15)
    assert of_country == pytest.approx(3.71, abs=0.15)


@pytest.mark.parametrize("count", [40, 400])
def test_speakers_follow_the_measured_table_even_when_few(count):
    table = speakers(count, 1.0)
    bands = pd.cut(table["age"], population.AGE_EDGES, right=False, labels=False)
    drawn = np.zeros((4, 8))
    np.add.at(drawn, (table["country"].map(COUNTRIES.index), bands), 1)
    measured = population.AGE_BY_COUNTRY / population.AGE_BY_COUNTRY.sum()
    assert np.abs(drawn / count - measured).max() < 1.5 / count + 0.005


def test_every_split_has_every_country_both_sexes_and_like_ages():
    table = population.draw_speakers({"train": 53, "val": 27, "test": 27}, 1.0, np.random.default_rng(0))
    assert table["speaker"].is_unique
    assert (pd.crosstab(table["split"], table["country"]) > 0).all(axis=None)
    assert (table.groupby("split")["sex"].value_counts(normalize=True) > 0.35).all()
    assert np.ptp(table.groupby("split")["age"].median()) < 1.5


def test_clips_meet_their_quotas_of_country_and_emotion():
    sizes = {"train": 640, "val": 320, "test": 320}
    rng = np.random.default_rng(0)
    table = population.draw_speakers({"train": 53, "val": 27, "test": 27}, 1.0, rng)
    clips = population.draw_clips(table, sizes, rng)
    assert clips["split"].value_counts().to_dict() == sizes
    share = clips["country"].value_counts(normalize=True)
    measured = population.AGE_BY_COUNTRY.sum(axis=1) / population.AGE_BY_COUNTRY.sum()
    assert np.abs(share[list(COUNTRIES)] - measured).max() < 0.03
    strongest = clips[list(EMOTIONS)].idxmax(axis=1)
    for _, split in strongest.groupby(clips["split"]):
        assert (split.value_counts(normalize=True) - pd.Series(population.STRONGEST)).abs().max() < 0.01
    assert clips.groupby("speaker").size().between(6, 20).all()


def test_quotas_of_a_hand_worked_example():
    # 10 at 6 : 3 : 1 is whole, 7 at 3 : 3 : 1 too; of 5 at 8 : 1 : 1 each has some; 2 cannot serve three.
    assert population.quotas(10, np.array([6, 3, 1])).tolist() == [6, 3, 1]
    assert population.quotas(7, np.array([3, 3, 1])).tolist() == [3, 3, 1]
    assert population.quotas(5, np.array([8, 1, 1])).tolist() == [3, 1, 1]
    assert population.quotas(2, np.array([8, 1, 1])).sum() == 2


def test_speakers_give_six_clips_in_a_small_corpus_and_35_in_a_big_one():
    assert population.speakers_in(640, 1280) == 107
    assert 59201 / population.speakers_in(59201, 59201) == pytest.approx(35, abs=0.5)
    assert population.speakers_in(4, 12) == len(COUNTRIES)


def test_a_rating_has_its_maximum_at_1_and_most_of_its_mass_near_0():
    rng = np.random.default_rng(0)
    intended = np.eye(10)[rng.integers(0, 10, 500)] * 1.0
    ratings = np.array([population.rate_oneself(row, rng) for row in intended])
    assert (ratings.max(axis=1) == 1.0).all() and (ratings >= 0).all()
    assert (ratings < 0.05).mean() > 0.7
    assert (ratings.argmax(axis=1) == intended.argmax(axis=1)).mean() > 0.95
    assert (ratings != intended).any(axis=1).mean() > 0.5


@pytest.mark.parametrize("bias", [-0.1, 2.1])
def test_an_impossible_bias_is_refused(bias):
    with pytest.raises(ValueError, match="bias is"):
        population.age_shares(bias)


def test_a_split_too_small_for_the_countries_is_refused():
    with pytest.raises(ValueError, match="val is 3"):
        population.split_sizes(24, 3, 12)
