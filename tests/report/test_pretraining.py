"""The tables say of each backbone what its folder says, and repeat nothing."""

from __future__ import annotations

import pandas as pd
import pytest

from burst2vec.pretraining.folder import Description
from burst2vec.pretraining.trainer import HISTORY
from burst2vec.report.pretraining import commands, facts_table, probes_table


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
