"""The tables of the studies are those of their files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from burst2vec.report.studies import (
    batches_cells,
    batches_table,
    describe_batches,
    describe_making,
    read_study,
    summarise_batches,
)


def content(ordered=(0.40, 0.42, 0.41)):
    """Three seeds of random batches, 0.02 below them windows, and whatever sorted batches reached."""
    rows = [{"way": way, "seed": seed, "task": task, "metric": metric, "value": value}
            for task, metric in (("emotion", "CCC"), ("age", "MAE"))
            for way, values in {"sorted": ordered, "random": (0.5, 0.51, 0.52), "windows": (0.48, 0.49, 0.5)}.items()
            for seed, value in enumerate(values)]
    return {"steps": 240, "rows": rows, "scale": "demo", "variant": "V5", "backbone_size": "tiny",
            "environment": {"Date": "2026-11-27"}}


def test_the_table_has_means_deviations_and_paired_differences_by_way():
    table = batches_table(content()).set_index(["task", "way"])
    assert list(table.loc["emotion"].index) == ["random", "windows", "sorted"]
    row = table.loc["emotion", "sorted"]
    assert [row["mean"], row["sd"], row["difference"]] == pytest.approx([0.41, 0.01, -0.10])
    # The differences of the seeds are -0.10, -0.09 and -0.11, and t(2) at 98.75 % is 6.205.
    margin = 6.2053 * 0.01 / np.sqrt(3)
    assert [row["low"], row["high"]] == pytest.approx([-0.1 - margin, -0.1 + margin], abs=1e-5)
    assert table.loc["age", "windows"][["difference", "low", "high"]].tolist() == pytest.approx([-0.02] * 3)


def test_the_sentences_say_what_the_seeds_allow():
    said = describe_batches(content())
    assert said.startswith("After 240 steps the CCC of emotion is 0.510 ± 0.010 with random batches")
    assert "With batches that are sorted within windows of 5 it differs by −0.020" in said
    assert said.endswith("it differs by −0.100 (95 % interval: −0.136 to −0.064).")
    assert describe_batches(content(ordered=(0.40, 0.55, 0.51))).endswith("which so few seeds cannot tell from none.")


def test_one_seed_has_no_interval_and_decides_nothing():
    one = content() | {"rows": [row for row in content()["rows"] if row["seed"] == 0]}
    said = describe_batches(one)
    assert "(mean and standard deviation of 1 seed)" in said and "interval" not in said
    assert summarise_batches(one) == (
        "Sorting bursts by length does not change the CCC of emotion by more than the seeds leave open.")


def test_the_finding_names_the_ways_whose_difference_is_clear():
    assert summarise_batches(content()) == (
        "Sorting bursts by length changes the CCC of emotion by −0.020 where they are sorted within windows of 5 and "
        "by −0.100 where they are sorted.")


def test_the_page_shows_differences_above_their_intervals_and_none_of_random_batches_from_themselves():
    table = batches_cells(content()).set_index(["Metric", "Batches"])
    assert table.loc[("Emotion CCC", "sorted")].tolist() == ["0.410 ± 0.010",
                                                              "−0.100<small>−0.136 to −0.064</small>"]
    assert table.loc[("Age MAE", "random")].tolist() == ["0.510 ± 0.010", "–"]


@pytest.mark.parametrize(("size", "words"), [("tiny", "tiny, with random weights"), ("small", "small, pre-trained")])
def test_the_page_says_what_the_record_was_made_with(size, words):
    said = describe_making(content() | {"backbone_size": size})
    assert f"the scale `demo` as it was on 2026-11-27, variant V5), and their backbones were {words}" in said


def test_a_study_that_has_not_been_made_is_none(tmp_path):
    assert read_study(tmp_path, "batches") is None
    (tmp_path / "batches.json").write_text(json.dumps(content()))
    assert read_study(tmp_path, "batches") == content()
