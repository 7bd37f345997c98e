"""The tables say of each backbone what its folder says, and repeat nothing."""

from __future__ import annotations

import pandas as pd
import pytest

from burst2vec.pretraining.folder import Description
from burst2vec.pretraining.trainer import HISTORY
from burst2vec.report.pretraining import (
    commands,
    describe_data,
    describe_guesses,
    facts_table,
    probes_table,
    summarise,
)


@pytest.fixture
def told():
    """The descriptions of two backbones, of which each was probed on its own, log-mel included."""
    def describe(name, loss, score):
        facts = {"name": name, "hardware": "an abacus", "date": "2026-11-01", "version": "1.0",
                 "probed": "bursts of a",
                 "command": f"burst2vec pretrain a synthetic --out {name}", "recipe": {"batch_size": 32, "seed": 3},
                 "corpora": [{"name": "a", "synthetic": False}, {"name": "example", "synthetic": True},
                             {"name": "synthetic", "synthetic": True}],
                 "record": {"hours": 5.678, "held_out_hours": 0.5, "steps": 1234, "iterations": 2, "minutes": 61.04}}
        history = pd.DataFrame([(1, 600, 5, 4.9, 0.1, 4.2, 50), (2, 1234, 3, loss, 0.25, 4.1, 50)], columns=HISTORY)
        rows = [(features, task, "CCC", value) for task in ("emotion", "age")
                for features, value in (("log-mel", 0.2), (f"{name}, pre-trained", score))]
        return Description(facts, history, pd.DataFrame(rows, columns=["features", "task", "metric", "score"]))
    return [describe("wav2vec2", 3.5, 0.3), describe("hubert", 2.5, 0.4)]


def test_each_backbone_has_a_column_of_facts(told):
    table = facts_table(told)
    assert list(table.columns) == ["", "wav2vec2", "hubert"]
    found = table.set_index("")
    assert found.loc["Data", "hubert"] == "a, example (synthetic), synthetic"
    assert found.loc["Hours learnt from", "hubert"] == "5.68"
    assert found.loc["Steps", "hubert"] == "1,234 of 32 bursts"
    assert found.loc["Held-out loss"].tolist() == ["3.500", "2.500"]
    assert found.loc["Loss of a constant guess"].tolist() == ["4.100", "4.100"]


def test_features_that_both_folders_have_scored_stand_there_once(told):
    table = probes_table(told)
    assert list(table.columns) == ["features", "emotion, CCC", "age, CCC"]
    assert table["features"].tolist() == ["log-mel", "wav2vec2, pre-trained", "hubert, pre-trained"]
    assert table["age, CCC"].tolist() == [0.2, 0.3, 0.4]


def test_features_that_were_scored_on_other_bursts_stand_apart(told):
    told[1].facts["probed"] = "bursts of b"
    table = probes_table(told)
    assert table["features"].tolist() == ["log-mel (bursts of a)", "wav2vec2, pre-trained (bursts of a)",
                                          "log-mel (bursts of b)", "hubert, pre-trained (bursts of b)"]


def test_the_commands_are_a_block_of_lines(told):
    assert commands(told).split("\n") == ["```sh", "burst2vec pretrain a synthetic --out wav2vec2",
                                          "burst2vec pretrain a synthetic --out hubert", "```"]


def test_a_caption_says_what_each_backbone_guesses_at_last(told):
    assert describe_guesses(told[1:]) == (
        "hubert guesses 25 % of the masked frames right after 1,234 steps, at a loss of 2.50 where a constant guess "
        "has 4.10.")
    assert describe_guesses(told).startswith("wav2vec2 guesses") and " and hubert guesses" in describe_guesses(told)
    assert describe_guesses([]) == "No backbone was pre-trained."


def test_the_page_says_which_numbers_are_synthetic(told):
    said = describe_data(["synthetic"], told[:1])
    assert said.startswith("*Synthetic bursts: the pre-trainings that ran for this page heard synthetic bursts and "
                           "wav2vec2, which comes with the library, heard a, example (synthetic), synthetic.")
    assert "bursts, among others" in describe_data(["synthetic", "/data/a"], [])
    told[0].facts["corpora"] = told[0].facts["corpora"][:1]
    assert describe_data(["/data/a"], told[:1]) == ""


def test_in_short_sets_pre_trained_weights_beside_random_ones(told):
    rows = [("hubert, random weights", "emotion", "CCC", 0.3), ("hubert, random weights", "age", "MAE", 0.3),
            ("hubert, pre-trained", "emotion", "CCC", 0.4), ("hubert, pre-trained", "age", "MAE", 0.4)]
    probes = pd.DataFrame(rows, columns=["features", "task", "metric", "score"])
    said = summarise([Description(told[1].facts, told[1].history, probes)])
    assert ("better with pre-trained than with random weights on 1 of 2 tasks (CCC of emotion 0.400 against 0.300; "
            "MAE of age 0.400 against 0.300; bursts of a).") in said
    assert "no interval" in said
    for probes in (None, told[1].probes):  # none, and none of random weights
        unprobed = summarise([Description(told[1].facts, told[1].history, probes)])
        assert "no interval" not in unprobed and unprobed.endswith("has 4.10.")
    assert "None comes with the library" in summarise([])
