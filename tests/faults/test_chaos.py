"""A training that is killed again and again comes to the same bytes as one that was left alone: a quick look;
`make chaos` is the long one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from burst2vec.audio.store import open_store
from tests.faults import chaos, trainee
from tests.faults.chaos import Ended, Kill
from tests.faults.trainee import Note, Notes, read_note


def test_weights_history_and_predictions_survive_kills_to_the_byte(tiny_corpus, tiny_params, tmp_path):
    params = tiny_params(corpus=[str(tiny_corpus.root)], cache=str(tmp_path / "cache"), max_epochs=6, variant="V4")
    open_store(tiny_corpus, "provided", tmp_path / "cache")
    kills, unlike = chaos.chaos(params, tmp_path, kills=5, seed=0, spell=0.1, fresh=False)
    assert unlike == []
    assert len(kills) == 5 and trainee.WRITING in [kill.note.stage for kill in kills]
    assert max(kill.lost for kill in kills) <= 1
    assert 0 < max(kill.note.iteration for kill in kills[:-1]) < 36, "killed before or after training"
    assert kills[-1].note.stage == trainee.OUTCOME
    assert not (tmp_path / "killed" / ".training").exists()


class Process:
    """Something that can be started, killed and waited for; it ends as told, and leaves a note."""

    def __init__(self, note, exitcode, stage, iteration, began):
        self.file, self.exitcode, self.note, self.killed = note, exitcode, Note(stage, iteration, began), False

    def start(self):
        Notes(self.file).now.write(Notes(self.file).file)
        with open(self.file, "rb+") as file:
            self.note.write(file.fileno())

    def is_alive(self):
        return False

    def kill(self):
        self.exitcode = -9

    def join(self, timeout=None):
        pass


def test_what_a_kill_cost_is_told_by_where_the_next_training_that_got_so_far_began(tmp_path):
    told = iter([(trainee.WRITING, 5, 0), (trainee.LOADING, -1, -1), (trainee.STEP, 6, 4), (trainee.OTHER, 9, 6)])
    found = chaos.killed_run(lambda: Process(tmp_path / "note", 0, *next(told)), tmp_path / "note",
                             (trainee.WRITING, trainee.LOADING, trainee.STEP), np.random.default_rng(0), 0)
    assert [kill.lost for kill in found] == [1, 0, 0] and [kill.next_began for kill in found] == [4, 4, 6]


def test_a_training_that_fails_is_no_survivor(tmp_path):
    with pytest.raises(Ended, match="ended with 1 after 0 kills, in .*a step"):
        chaos.killed_run(lambda: Process(tmp_path / "note", 1, trainee.STEP, 1, 0), tmp_path / "note", (),
                         np.random.default_rng(0), 0)


def test_a_byte_that_differs_is_found(tmp_path):
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        for name in chaos.COMPARED:
            (tmp_path / folder / name).write_bytes(folder.encode() if name == "history.csv" else b"same")
    assert chaos.differing(tmp_path / "one", tmp_path / "other") == ["history.csv"]


def test_a_note_is_read_as_it_was_written(tmp_path):
    assert read_note(tmp_path / "none") == Note(trainee.LOADING, -1, -1)
    notes = Notes(tmp_path / "note")
    with notes.at(trainee.STEP):
        notes.set(trainee.STEP, 7)
        assert read_note(tmp_path / "note") == Note(trainee.STEP, 7, 6)
    notes.set(trainee.OTHER, 8)
    assert read_note(tmp_path / "note") == Note(trainee.OTHER, 8, 6)


def test_the_command_says_what_was_hit_and_whether_anything_differs(tmp_path, monkeypatch, capsys):
    kills = [Kill(Note(trainee.WRITING, 5, 0), trainee.WRITING, True, 4),
             Kill(Note(trainee.STEP, 7, 4), None, False, 7)]
    monkeypatch.setattr(chaos, "chaos", lambda *_: (kills, ["history.csv"]))
    assert chaos.main(["--json", str(tmp_path / "found.json")]) == 1
    said = capsys.readouterr().out
    assert "| a checkpoint's writing | 1 |" in said and "| all | 2 |" in said
    assert "2 kills, 1 of them at random moments; 1 left a half-written checkpoint; 1 step at most" in said
    assert "differ: history.csv" in said
    assert json.loads((tmp_path / "found.json").read_text())["kills"][0]["steps_lost"] == 1
