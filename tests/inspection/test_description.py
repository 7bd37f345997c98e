"""Table 1, bands and examples, against corpora small enough to count by hand."""

from __future__ import annotations

import doctest

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.inspection import description
from burst2vec.results import published
from tests.support.planted import AGE, COUNTRY, EMOTION, planted

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
