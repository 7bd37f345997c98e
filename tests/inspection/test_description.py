"""Table 1, associations and examples, against corpora small enough to count by hand."""

from __future__ import annotations

import doctest
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.corpora.synthetic.population import AGE_BY_COUNTRY, AGE_EDGES
from burst2vec.inspection import association, description
from burst2vec.inspection.association import correlation_ratio, cramers_v
from burst2vec.report.figures import dataset as figures
from burst2vec.results import published

EMOTION = Task("emotion", "intensities", ("Awe", "Fear"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("China", "USA", "Venezuela"))
SOUND = Task("sound", "classes", ("sound",), classes=("laugh", "cough"))


def corpus(tasks=(EMOTION, AGE, COUNTRY)):
    """Seven bursts of five speakers; the test burst tells nothing."""
    rows = [
        ("train", "a", "f", 1.0, 0.2, 20.0, "China", "laugh"),
        ("train", "a", "f", 0.1, 1.0, 20.0, "China", "cough"),
        ("train", "b", "m", 1.0, 0.0, 31.0, "USA", "laugh"),
        ("train", "b", "m", 0.9, 1.0, 31.0, "USA", "cough"),
        ("val", "c", "f", 1.0, 0.9, 22.4, "China", "laugh"),
        ("val", "d", "f", 0.3, 1.0, 32.5, "USA", "cough"),
        ("test", None, None, np.nan, np.nan, np.nan, None, None),
    ]
    table = pd.DataFrame(rows, columns=["split", "speaker", "sex", "Awe", "Fear", "age", "country", "sound"],
                         index=pd.Index(list("1234567"), name="file"))
    return Corpus("seven", None, table.assign(raw=None, provided=None), tasks)


def test_docstring_examples_hold():
    assert doctest.testmod(description).failed == 0


def test_table_1_counts_time_bursts_and_speakers():
    table = description.table1(corpus(), np.array([1.0, 2, 3, 4, 3600, 61, 59.6]))
    assert list(table) == ["Train", "Validation", "Test"]
    assert table["Train"].to_dict() == {"HH:MM:SS": "0:00:10", "No.": "4", "Speakers": "2", "F:M": "1:1",
                                        "China": "1", "USA": "1", "Venezuela": "0"}
    assert table.loc["HH:MM:SS"].tolist() == ["0:00:10", "1:01:01", "0:01:00"]
    assert table.loc["F:M", "Validation"] == "2:0"


def test_what_a_corpus_withholds_is_a_dash_in_table_1():
    test = description.table1(corpus(), np.ones(7))["Test"]
    assert test["No."] == "1"
    assert (test[["Speakers", "F:M", "China", "USA", "Venezuela"]] == "–").all()


def test_only_classes_that_are_traits_of_the_speaker_are_counted_by_speaker():
    table = corpus((COUNTRY, SOUND)).table
    assert description.is_trait(COUNTRY, table) and not description.is_trait(SOUND, table)
    assert not description.is_trait(AGE, table)
    assert "laugh" not in description.table1(corpus((SOUND,)), np.ones(7)).index


def test_the_published_table_1_adds_up():
    table = published.published_table1()
    for split, whole in (("Train", 571), ("Validation", 568)):
        column = table[split]
        assert int(column["Speakers"]) == whole == sum(map(int, column["F:M"].split(":")))
        assert sum(int(column[c]) for c in ("China", "South Africa", "USA", "Venezuela")) == whole
    assert table["Test"].tolist() == ["12:22:12", "19815", "563"] + ["–"] * 5
    # facts of the corpus: 59,201 bursts in 36 h 47 min
    times = (time.split(":") for time in table.loc["HH:MM:SS"])
    minutes = sum(int(h) * 60 + int(m) + int(s) / 60 for h, m, s in times)
    assert table.loc["No."].astype(int).sum() == 59_201 and int(minutes) == 36 * 60 + 47


def test_bands_hold_their_lower_edge_and_everything():
    values = pd.Series([20.0, 22.4, 22.5, 39.9, 40.0])
    found = description.bands(values, 2.5).tolist()
    assert found == ["20–22.5", "20–22.5", "22.5–25", "37.5–40", "40–42.5"]
    assert description.band_edges(values, 2.5)[[0, -1]].tolist() == [20, 42.5]


def test_categories_are_class_band_and_strongest_intensity():
    table = corpus().table
    assert description.categories(EMOTION, table).tolist()[:4] == ["Awe", "Fear", "Awe", "Fear"]
    assert description.categories(AGE, table).tolist()[2:5] == ["30–32.5", "30–32.5", "20–22.5"]
    assert description.categories(COUNTRY, table).tolist()[:3] == ["China", "China", "USA"]
    for task in (EMOTION, AGE, COUNTRY):
        assert description.categories(task, table).isna().tolist() == [False] * 6 + [True]


def test_scalar_by_class_has_medians_by_hand():
    table = description.scalar_by_class(AGE, COUNTRY, corpus().table)
    assert table.index.tolist() == ["China", "USA"]  # nobody from Venezuela
    assert table["median"].tolist() == [20.0, 31.0]
    assert table[["speakers", "bursts"]].to_numpy().tolist() == [[2, 3], [2, 3]]


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


def planted(bias, n=1200, each=4):
    """A corpus in which ages and countries of `n` / `each` speakers are associated as far as `bias` says."""
    rng = np.random.default_rng(1)
    joint = AGE_BY_COUNTRY[:3] / AGE_BY_COUNTRY[:3].sum()
    joint = bias * joint + (1 - bias) * joint.sum(1, keepdims=True) * joint.sum(0)
    cells = np.repeat(rng.choice(joint.size, n // each, p=joint.ravel()), each)
    table = pd.DataFrame({
        "split": np.where(np.arange(n) < n // 2, "train", "val"),
        "speaker": [f"s{i // each}" for i in range(n)], "sex": rng.choice(["f", "m"], n),
        "raw": None, "provided": None, "Awe": rng.random(n), "Fear": rng.random(n),
        "country": np.array(COUNTRY.classes, object)[cells // 8], "age": AGE_EDGES[cells % 8] + 0.5,
    }, index=pd.Index([f"{i:05d}" for i in range(n)], name="file"))
    return Corpus("planted", None, table, (EMOTION, AGE, COUNTRY))


def test_a_planted_bias_stands_out_from_chance_and_none_does_not():
    biased, fair = (association.associations(planted(b), planted(b).table, repeats=50) for b in (1, 0))
    assert set(biased.index.get_level_values(0)) == {
        "strongest emotion × age", "strongest emotion × country", "age × country"}
    biased, fair = biased.loc["age × country"], fair.loc["age × country"]
    assert (biased["value"] > biased["at_most"]).all() and (fair["value"] < 1.5 * fair["at_most"]).all()
    assert (biased["value"] > fair["value"]).all() and len(biased) == 2


def test_chance_lets_speakers_rather_than_bursts_exchange_what_is_theirs():
    """A speaker's bursts share age and country: few speakers associate more by chance than as many bursts."""
    table, key = planted(0).table, ("age × country", "Cramér's V")
    of_speakers = association.associations(planted(0), table, repeats=50)
    of_bursts = association.associations(planted(0), table.assign(speaker=table.index), repeats=50)
    assert of_speakers.loc[key, "by_chance"] > 1.5 * of_bursts.loc[key, "by_chance"]


def test_the_class_guessed_from_the_scalar_is_better_than_chance_only_with_a_bias():
    biased, fair = (description.uar_from_scalar(planted(b), AGE, COUNTRY, "val") for b in (1, 0))
    assert biased > 0.45 > fair > 0.2


def test_the_class_guessed_from_the_scalar_is_right_where_one_decides_the_other():
    assert description.uar_from_scalar(corpus(), AGE, COUNTRY, "train") == 1.0


def test_examples_show_their_emotion_most_purely():
    table = corpus().table
    assert description.examples(EMOTION, table) == {"Awe": "3", "Fear": "2"}
    assert description.examples(SOUND, table) == {"laugh": "1", "cough": "2"}


def test_a_sample_holds_so_many_of_each_emotion_and_sex():
    table = planted(1).table
    drawn = description.sample_of_each(EMOTION, table, ["Awe"], size=7)
    assert len(drawn) == 14 and set(drawn["sex"]) == {"f", "m"} and (drawn["Awe"] > drawn["Fear"]).all()
    assert drawn.index.is_unique
    pd.testing.assert_frame_equal(drawn, description.sample_of_each(EMOTION, table, ["Awe"], size=7))


def test_the_stacked_histogram_counts_every_labelled_burst_once():
    table, axes = planted(1).table, plt.figure().subplots()
    figures.plot_stacked(table, AGE, COUNTRY, axes)
    tops = [bar.get_y() + bar.get_height() for bar in axes.patches]
    widths = {round(bar.get_width(), 6) for bar in axes.patches}
    assert sum(bar.get_height() for bar in axes.patches) == len(table) and widths == {2.5}
    assert max(tops) == description.bands(table["age"], 2.5).value_counts().max()
    plt.close(axes.figure)


def test_the_spread_of_each_class_sums_to_100_percent():
    axes = plt.figure().subplots()
    figures.plot_spread(planted(1).table, AGE, COUNTRY, axes)
    assert [line.get_ydata().sum() for line in axes.lines] == pytest.approx([100] * 3)
    plt.close(axes.figure)


def test_intensities_and_frequencies_are_shares_of_the_bursts():
    table, (left, right) = planted(1).table, plt.figure().subplots(1, 2)
    figures.plot_intensities(EMOTION, table, left)
    shares = left.collections[0].get_array().reshape(2, 10)
    np.testing.assert_allclose(shares.sum(axis=1), 100)
    assert shares[0, 0] == pytest.approx(100 * (table["Awe"] < 0.1).mean())
    figures.plot_frequencies(EMOTION, table, right)
    assert sum(bar.get_width() for bar in right.patches) == pytest.approx(100)
    plt.close(left.figure)
