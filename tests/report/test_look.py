"""What one looks at is what was predicted, and the sentences say what the numbers do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from burst2vec.report import look
from tests.support.planted import AGE, COUNTRY, EMOTION, planted


@pytest.fixture(scope="module")
def corpus():
    return planted(1, n=200)


@pytest.fixture(scope="module")
def predictions(corpus):
    """V4 hears Awe rightly but for two bursts, and Fear not at all; V5 hears nothing."""
    val = corpus.split("val")
    right = val.assign(Fear=0.5, country="USA")
    right.loc[val["Awe"].idxmin(), "Awe"], right.loc[val["Awe"].idxmax(), "Awe"] = 1.0, 0.0
    return {"V4": right, "V5": val.assign(Awe=0.5, Fear=0.5, age=30.0)}


@pytest.fixture(scope="module")
def seen(corpus, predictions):
    return look.look_at(corpus, predictions["V4"], most=40)


def test_the_bursts_are_a_sample_and_the_extremes(corpus, predictions, seen):
    val = corpus.split("val")
    assert seen.table.equals(val.iloc[seen.rows]) and 40 <= len(seen.rows) < len(val)
    kinds = {kind: [row for row, found in seen.picked["Awe"].items() if found == kind] for kind in look.KINDS}
    assert seen.table.index[kinds[look.KINDS[0]][0]] == val["Awe"].idxmin()
    assert seen.table.index[kinds[look.KINDS[1]][0]] == val["Awe"].idxmax()
    strong = seen.table["Awe"].iloc[kinds[look.KINDS[2]]]
    assert strong.min() > val["Awe"].quantile(0.8) and val["Awe"].idxmax() not in strong.index
    assert len(look.heard_rows(seen)) <= look.HEARD


def test_only_what_is_of_a_kind_is_called_so():
    truth = pd.DataFrame({"Awe": [0.5, 0.3, 0.9, 0.2], "Fear": [0.4, 0.3, 0.2, 0.1]})
    guess = pd.DataFrame({"Awe": [0.5, 0.3, 0.7, 0.2], "Fear": [0.5, 0.4, 0.3, 0.2]})
    over, under, strong = look.KINDS
    found = look.extremes(EMOTION, truth, guess)
    assert found == {"Awe": {2: under, 0: strong}, "Fear": dict.fromkeys(range(4), over)}


def test_the_view_embeds_what_was_predicted(predictions, seen):
    texts = look.describe_bursts(seen, (EMOTION, AGE, COUNTRY), predictions)
    row, sound = look.heard_rows(seen)[0], np.sin(np.arange(1600) / 5)
    view = look.intensity_view(seen, EMOTION, predictions, texts, {row: sound})
    for name, panels in view.places.items():
        assert list(panels) == ["V4", "V5"]
        for code, places in panels.items():
            wanted = np.stack([seen.table[name], predictions[code].loc[seen.table.index, name]], axis=1)
            np.testing.assert_array_equal(places, wanted)
    first = seen.table.iloc[0]
    age = f"{first['age']:.1f}"
    assert texts[0] == (f"Burst {first.name} by {first['speaker']}: age {age} (V4 {age}, V5 30.0), country "
                        f"{first['country']} (V4 USA, V5 {first['country']}).")
    over = next(iter(seen.picked["Awe"]))
    truth = seen.table["Awe"].iloc[over]
    assert view.readings["Awe"][over] == f"Awe ({look.KINDS[0]}): true {truth:.2f}, V4 1.00, V5 0.50."
    assert list(view.sounds) == [row] and list(view.heard["Awe"]) == list(seen.picked["Awe"])


def test_without_intensities_or_speakers_there_is_still_something_to_look_at(corpus, predictions):
    bare = dataclasses.replace(corpus, tasks=(COUNTRY,), table=corpus.table.assign(speaker=None))
    seen = look.look_at(bare, predictions["V4"], most=10)
    assert len(seen.rows) == 10 and not seen.picked and look.heard_rows(seen) == []
    assert look.describe_bursts(seen, bare.tasks, {})[0].startswith(f"Burst {seen.table.index[0]}: country ")
    assert list(look.marks_of(bare.tasks, seen.table)) == ["country"]


def test_bursts_without_intensities_are_not_looked_at(corpus, predictions):
    unrated = corpus.split("val").index[:50]
    table = corpus.table.copy()
    table.loc[unrated, ["Awe", "Fear"]] = np.nan
    seen = look.look_at(dataclasses.replace(corpus, table=table), predictions["V4"], most=80)
    assert not set(unrated) & set(seen.table.index) and seen.table["Awe"].notna().all()
    assert corpus.split("val").index[seen.rows].equals(seen.table.index)


def test_marks_are_the_strongest_intensity_the_class_and_the_quarter(corpus, seen):
    marks = look.marks_of(corpus.tasks, seen.table)
    assert list(marks) == ["strongest emotion", "quarter of age in years", "country"]
    assert (marks["strongest emotion"] == np.where(seen.table["Awe"] >= seen.table["Fear"], "Awe", "Fear")).all()
    quarters = marks["quarter of age in years"]
    means = seen.table["age"].groupby(quarters, observed=True).mean()
    assert len(means) <= 4 and means.is_monotonic_increasing and quarters.notna().all()


def test_those_that_can_be_heard_on_a_map_are_spread_over_the_marks():
    marks = pd.Series(pd.Categorical(["a"] * 20 + ["b"] * 3 + [None] + ["c"]))
    assert look.spread_rows(marks, 6) == [0, 1, 2, 20, 21, 24]
    assert 23 not in look.spread_rows(marks, 24)


def scored():
    return pd.DataFrame([("V4", "Awe", 0.9, 0.8, 0.95), ("V4", "Fear", -0.01, -0.1, 0.1), ("V5", "Awe", 0, 0, 0),
                         ("V5", "Fear", 0, 0, 0)], columns=["code", "name", "estimate", "low", "high"])


def mapped():
    return pd.DataFrame([("V4", "shared", "strongest emotion", 0.35, 0.12, 0.14),
                         ("V4", "shared", "quarter of age in years", 0.26, 0.21, 0.25),
                         ("V5", "shared", "strongest emotion", 0.36, 0.11, 0.14)],
                        columns=["code", "features", "label", "alike", "floor_low", "floor_high"])


def test_each_intensity_is_scored_by_itself(corpus, predictions):
    scores = look.score_intensities(EMOTION, corpus.split("val"), predictions, resamples=50)
    assert scores[["code", "name"]].to_records(index=False).tolist() == [
        ("V4", "Awe"), ("V4", "Fear"), ("V5", "Awe"), ("V5", "Fear")]
    assert scores["estimate"][0] > 0.8 and scores["estimate"][1:].abs().max() < 1e-9
    table = look.tabulate_intensities(scored())
    assert table.columns.tolist() == ["", "V4", "V4_low", "V4_high", "V5", "V5_low", "V5_high"]
    assert table["V4"].tolist() == [0.9, -0.01]


def test_captions_begin_with_what_was_found(seen):
    said = look.caption_intensities(EMOTION, scored(), seen, 5000)
    assert said.startswith("V4 follows Awe best, with a CCC of 0.90 (0.80 to 0.95), and Fear least, with −0.01 (−0.10")
    assert f"{len(seen.rows)} of the 5,000 bursts" in said
    said = look.caption_maps(mapped(), ["V4", "V5"], {"V4": True, "V5": False})
    assert said.startswith("On the map of V4, neighbours share strongest emotion in 35 % of cases (by chance 12 to 14")
    assert "(by chance 12 to 14 %) and quarter of age in 26 % (21 to 25 %); on the map of V5, neighbours share" in said
    assert "V4 has the adversary and V5 has none." in said


def test_the_answer_says_what_there_is_to_say():
    said = look.in_short(EMOTION, scored(), mapped())
    assert "1 of 2 intensities of emotion" in said and "Awe 0.90 (0.80 to 0.95) and Fear −0.01" in said
    assert "neighbours share strongest emotion in 35 %" in said and "no map decides" in said
    alone = mapped().assign(alike=np.nan, floor_low=np.nan, floor_high=np.nan)
    assert "no bursts of two speakers" in look.in_short(None, pd.DataFrame(), alone)
    assert look.tabulate_maps(alone)["quarter of age (%)"].tolist() == ["–", "–"]
    assert "intensities" not in look.in_short(None, pd.DataFrame(), mapped())
    assert look.in_short(None, pd.DataFrame(), pd.DataFrame()).startswith("This run has no system")


def test_the_table_of_maps_has_a_row_for_each_map():
    table = look.tabulate_maps(mapped())
    assert table[["features", "system"]].to_records(index=False).tolist() == [("shared", "V4"), ("shared", "V5")]
    assert table["strongest emotion (%)"][0] == "35<small>12 to 14</small>" and table["quarter of age (%)"][1] == "–"
