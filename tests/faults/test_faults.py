"""What can happen to a run is staged, and nothing is lost: a few of the faults; `python -m tests.faults` stages all."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys

import pytest

from tests.faults import __main__ as table
from tests.faults.faults import FAULTS, Fault, Outcome
from tests.faults.scene import Scene, Seen, command_of, descendants, printed

STAGED = {
    "the disk is full when a checkpoint is written": (
        1, "burst2vec: .* no checkpoint can be written there .* start the"),
    "the folder of results is read-only": (1, r"no checkpoint can be written there \(Permission denied"),
    "the last checkpoint is damaged": (
        0, "damaged, since its checksum is not the one that its name tells; it is left out"),
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return Scene(tmp_path_factory.mktemp("scene"), fresh=False)


@pytest.mark.parametrize("name", STAGED)
def test_a_fault_ends_in_a_clear_word_and_costs_nothing(scene, name):
    code, words = STAGED[name]
    found = FAULTS[name].stage(scene)
    assert found.code == code and found.lost.startswith("nothing"), found
    assert re.search(words, found.saw), found.saw


def test_a_run_that_differs_from_the_undisturbed_one_has_lost_something(scene, monkeypatch):
    assert scene.start("other seed", seed=1).ended().code == 0
    monkeypatch.setattr(scene, "undisturbed", scene.of("other seed").folder, raising=False)
    assert scene.lost("this seed") == "model.safetensors, history.csv, predictions.csv differ"


def test_the_command_writes_the_table_and_fails_where_something_was_lost(tmp_path, monkeypatch, capsys):
    outcomes = {"fire": Outcome(f"{tmp_path}", 1, "nothing (put out)"), "flood": Outcome("wet | cold", 1, "all")}
    faults = {name: Fault(name, lambda scene, o=o: o, True, True) for name, o in outcomes.items()}
    monkeypatch.setattr(table, "FAULTS", faults)
    monkeypatch.setattr(table, "Scene", lambda *_, **__: None)
    files = ["--json", str(tmp_path / "t.json"), "--csv", str(tmp_path / "t.csv")]
    assert table.main(["--only", "fire", *files]) == 0 and table.main(["--only", "fire", "flood", *files]) == 1
    assert "| flood | wet \\| cold | all | 1 |" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    assert [row["fault"] for row in rows] == ["fire", "flood"] and rows[1]["what is lost"] == "all"
    assert json.loads((tmp_path / "t.json").read_text())["faults"][0]["exit code"] == 1


def test_progress_bars_are_no_words(tmp_path):
    bars = "Epoch 1:  50%|##| 1/2 [00:00<00:00, 9batch/s]\rEpoch 2: 0it [00:00, ?it/s]"
    (tmp_path / "log").write_text(f"{bars}\nburst2vec: no\n\n")
    assert printed(tmp_path / "log") == ("burst2vec: no",)
    assert Seen(1, printed(tmp_path / "log")).last == "burst2vec: no" and Seen(1, ()).last == "–"


def test_the_children_of_a_process_are_found():
    with subprocess.Popen([sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '30'])"]) as parent:
        while not (found := [pid for pid in descendants(parent.pid) if "sleep 30" in command_of(pid)]):
            pass
        subprocess.run(["kill", str(found[0])], check=True)
