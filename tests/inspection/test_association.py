"""Measures of association against tables worked by hand, and beside what chance shows."""

from __future__ import annotations

import doctest
import itertools
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.inspection import association
from burst2vec.inspection.association import associations, correlation_ratio, cramers_v, exchanges
from tests.support.planted import AGE, COUNTRY, EMOTION, planted


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(association).failed == 0


def test_cramers_v_is_pearsons_statistic_scaled():
    a, b = ["x"] * 6 + ["y"] * 4, ["p"] * 4 + ["q"] * 2 + ["p", "q", "q", "q"]
    counts = np.array([[4, 2], [1, 3]])
    expected = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert cramers_v(a, b) == pytest.approx(np.sqrt(statistic / 10))


def test_measures_of_association_know_their_extremes():
    a, b = zip(*itertools.product("xyz", "pq"), strict=True)
    assert cramers_v(a, b) == pytest.approx(0, abs=1e-12) and cramers_v(a, a) == pytest.approx(1)
    assert np.isnan(cramers_v(a, ["same"] * 6))
    assert correlation_ratio([1, 2, 1, 2], ["p", "p", "q", "q"]) == 0
    assert correlation_ratio([1, 1, 2, 2], ["p", "p", "q", "q"]) == 1
    assert correlation_ratio([0, 2, 4, 6], ["p", "p", "q", "q"]) == pytest.approx(16 / 20)


def test_a_planted_bias_stands_out_from_chance_and_none_does_not():
    biased, fair = (associations(planted(b), planted(b).table, repeats=50) for b in (1, 0))
    assert set(biased.index.get_level_values(0)) == {
        "strongest emotion × age", "strongest emotion × country", "age × country"}
    biased, fair = biased.loc["age × country"], fair.loc["age × country"]
    assert (biased["value"] > biased["at_most"]).all() and (fair["value"] < 1.5 * fair["at_most"]).all()
    assert (biased["value"] > fair["value"]).all() and len(biased) == 2


def test_chance_lets_speakers_rather_than_bursts_exchange_what_is_theirs():
    """A speaker's bursts share age and country: few speakers associate more by chance than as many bursts."""
    table, key = planted(0).table, ("age × country", "Cramér's V")
    of_speakers = associations(planted(0), table, repeats=50)
    of_bursts = associations(planted(0), table.assign(speaker=table.index), repeats=50)
    assert of_speakers.loc[key, "by_chance"] > 1.5 * of_bursts.loc[key, "by_chance"]


def test_the_correlation_ratio_is_one_less_the_share_of_variance_within_groups():
    rng = np.random.default_rng(0)
    groups = rng.choice(list("abc"), 200)
    values = rng.normal(size=200) + (groups == "a")
    within = sum(((part := values[groups == g]) - part.mean()) @ (part - part.mean()) for g in "abc")
    assert correlation_ratio(values, groups) == pytest.approx(1 - within / (200 * values.var()))
    assert np.isnan(correlation_ratio([3, 3, 3], ["a", "b", "b"]))


def test_both_measures_are_blind_to_names_units_and_order():
    rng = np.random.default_rng(0)
    values, a, b = rng.normal(size=60), rng.choice(list("xyz"), 60), rng.choice(["p", "q"], 60)
    order, renamed = rng.permutation(60), np.where(a == "x", "zzz", a)
    assert correlation_ratio(5 - 2 * values[order], renamed[order]) == pytest.approx(correlation_ratio(values, a))
    assert cramers_v(renamed[order], b[order]) == pytest.approx(cramers_v(b, a))


def test_labels_of_speakers_are_exchanged_as_a_whole():
    speakers = np.array(list("aabbbc"))
    labels = np.array([1, 1, 2, 2, 2, 3])
    drawn = [tuple(labels[order]) for order in exchanges(labels, speakers, 600, np.random.default_rng(0))]
    assert all(one == two and three == four == five for one, two, three, four, five, _ in drawn)
    counts = Counter((one, three, six) for one, _, three, _, _, six in drawn)
    assert counts.keys() == set(itertools.permutations([1, 2, 3])) and min(counts.values()) > 60


def test_labels_that_vary_within_a_speaker_are_exchanged_one_by_one():
    speakers, labels = np.array(list("aabbbc")), np.array([[1, 0], [2, 0], [3, 0], [3, 0], [3, 0], [4, 0]])
    orders = list(exchanges(labels, speakers, 100, np.random.default_rng(0)))
    assert len(orders) == 100 and all(sorted(order) == list(range(6)) for order in orders)
    assert len({tuple(order) for order in orders}) > 50


def test_each_pair_is_measured_over_the_bursts_that_have_both_labels():
    table = planted(1, n=200).table.astype({"country": object, "age": float})
    known = table.copy()
    table.loc[table.index[::3], "age"] = np.nan
    table.loc[table.index[::5], "country"] = None
    both = known[(np.arange(200) % 3 > 0) & (np.arange(200) % 5 > 0)]
    found = associations(planted(1), table, repeats=3)["value"]
    assert found["age × country", "correlation ratio η²"] == pytest.approx(
        correlation_ratio(both["age"], both["country"]))
    assert found["age × country", "Cramér's V"] == pytest.approx(
        cramers_v((both["age"] // 2.5).astype(int), both["country"]))


def test_chance_is_drawn_by_the_seed_and_the_measures_of_a_pair_follow_its_kinds():
    sound = Task("sound", "classes", ("sound",), classes=("laugh", "sigh"))
    table = planted(0, n=120).table.assign(sound=["laugh", "sigh"] * 60)
    corpus = Corpus("made", None, table, (EMOTION, AGE, COUNTRY, sound))
    first, again, other = (associations(corpus, table, repeats=5, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert first["value"].equals(other["value"]) and not first["by_chance"].equals(other["by_chance"])
    both, alone = ["correlation ratio η²", "Cramér's V"], ["Cramér's V"]
    assert {labels: list(part.index.get_level_values(1)) for labels, part in first.groupby(level=0)} == {
        "strongest emotion × age": both, "strongest emotion × country": alone, "strongest emotion × sound": alone,
        "age × country": both, "age × sound": both, "country × sound": alone}
    assert (first["at_most"] >= first["by_chance"]).all()


def test_a_burst_without_speaker_is_a_speaker_of_its_own():
    table = planted(0).table
    known = np.arange(len(table)) < len(table) // 2

    def chance(others):
        found = associations(planted(0), table.assign(speaker=table["speaker"].where(known, others)), repeats=20)
        return found.loc[("age × country", "Cramér's V"), "by_chance"]

    assert chance(None) == chance(table.index.to_series()) > 1.1 * chance("all one")
