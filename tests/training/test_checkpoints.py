"""Trainings that are interrupted and go on: to the bit as if they never had been, or not without saying why."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys

import pandas as pd
import pytest
import torch

from burst2vec.machine.interruption import Interrupted
from burst2vec.models.inference import predict
from burst2vec.systems.folders import write_system
from burst2vec.training import checkpoints as module
from burst2vec.training import identity, step, trainer
from burst2vec.training.checkpoints import Checkpoint, Checkpoints, ResumptionError, checkpoints_beside
from burst2vec.training.trained import TrainingError
from burst2vec.training.trainer import train
from tests.support.killing import Killed, deeds_before, kill


@pytest.fixture
def every_step(tiny_params):
    """A function that gives parameters of a training of nine steps that writes a checkpoint after each."""
    return lambda **changes: tiny_params(**{"checkpoint_minutes": 0, "validate_every": 4, "batch_size": 6,
                                            "learning_rate_decay": "linear", **changes})


@pytest.fixture
def before_step(monkeypatch):
    """A function that has something done before the step of an iteration, once."""
    return deeds_before(monkeypatch, step.Learner, "step", lambda learner: learner.iteration + 1)


def same(one, other):
    pd.testing.assert_frame_equal(one.history, other.history, check_exact=True)
    for name, weight in one.model.state_dict().items():
        assert torch.equal(weight, other.model.state_dict()[name]), name
    assert [one.summary[k] for k in ("iterations", "epochs", "best_iteration")] == [
        other.summary[k] for k in ("iterations", "epochs", "best_iteration")]


@pytest.mark.parametrize("kills", [(1,), (2, 5), (4, 4, 5, 8, 9)], ids=str)
def test_a_training_that_was_killed_comes_to_the_same_bits_as_one_that_was_not(
        tiny_corpus, tiny_store, every_step, before_step, tmp_path, kills):
    wanted = train(tiny_corpus, tiny_store, every_step(max_epochs=1))
    for iteration in kills:
        before_step({iteration: kill})
        with pytest.raises(Killed):
            train(tiny_corpus, tiny_store, every_step(max_epochs=1), tmp_path)
    found = train(tiny_corpus, tiny_store, every_step(max_epochs=1), tmp_path)
    same(found, wanted)
    assert found.history["iteration"].max() == 9
    tables = [predict(t.model, tiny_corpus, tiny_store) for t in (found, wanted)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_checkpoints_are_written_when_their_time_has_come_and_the_last_two_stay(
        tiny_corpus, tiny_store, every_step, before_step, tmp_path):
    counts = []
    before_step({i: lambda: counts.append(len(list(tmp_path.glob("*.safetensors")))) for i in range(1, 10)})
    train(tiny_corpus, tiny_store, every_step(), tmp_path)
    assert counts == [0, 1, 2, 2, 2, 2, 2, 2, 2]
    seldom = tmp_path / "seldom"
    before_step({9: lambda: counts.append(len(list(seldom.glob("*.safetensors"))))})
    train(tiny_corpus, tiny_store, every_step(checkpoint_minutes=5), seldom)
    assert counts[-1] == 0 and len(list(seldom.glob("*.safetensors"))) == 1  # the finished one


def test_a_finished_training_is_not_repeated(tiny_corpus, tiny_store, every_step, before_step, tmp_path):
    first = train(tiny_corpus, tiny_store, every_step(), tmp_path)
    before_step({i: kill for i in range(1, 10)})
    same(train(tiny_corpus, tiny_store, every_step(), tmp_path), first)


def test_checkpoints_are_gone_once_the_system_is_written(tiny_corpus, tiny_store, every_step, tmp_path):
    folder = tmp_path / "run" / "V4"
    params = every_step()
    trained = train(tiny_corpus, tiny_store, params, checkpoints_beside(folder))
    assert list(checkpoints_beside(folder).iterdir())
    write_system(folder, params, predict(trained.model, tiny_corpus, tiny_store), trained, tiny_corpus)
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["V4"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_training_after_its_step_with_a_checkpoint_and_says_how_to_go_on(
        tiny_corpus, tiny_store, every_step, before_step, tmp_path, number):
    wanted = train(tiny_corpus, tiny_store, every_step(checkpoint_minutes=60))
    before_step({3: lambda: os.kill(os.getpid(), number)})
    with pytest.raises(Interrupted, match="stopped after iteration 3; .* start the same run again") as stopped:
        train(tiny_corpus, tiny_store, every_step(checkpoint_minutes=60), tmp_path)
    assert stopped.value.by == number
    assert [p.name.split("-")[1] for p in tmp_path.glob("*.safetensors")] == ["3"]
    same(train(tiny_corpus, tiny_store, every_step(checkpoint_minutes=60), tmp_path), wanted)


def test_a_signal_in_the_last_step_is_not_lost(tiny_corpus, tiny_store, every_step, before_step, tmp_path, monkeypatch):
    validate = trainer._Training._validate
    monkeypatch.setattr(trainer._Training, "_validate", lambda self, source: (
        os.kill(os.getpid(), signal.SIGTERM), validate(self, source)))
    with pytest.raises(Interrupted, match="training has finished, and its checkpoint is written"):
        train(tiny_corpus, tiny_store, every_step(validate_every=99, checkpoint_minutes=9), tmp_path)
    same(train(tiny_corpus, tiny_store, every_step(validate_every=99, checkpoint_minutes=9), tmp_path),
         train(tiny_corpus, tiny_store, every_step(validate_every=99)))


def test_without_a_folder_an_interrupted_training_says_that_it_is_lost(
        tiny_corpus, tiny_store, every_step, before_step):
    before_step({2: lambda: os.kill(os.getpid(), signal.SIGINT)})
    with pytest.raises(Interrupted, match="its work is lost"):
        train(tiny_corpus, tiny_store, every_step())


@pytest.fixture
def interrupted(tiny_corpus, tiny_store, every_step, before_step, tmp_path):
    """The folder of a training that was killed in its sixth step."""
    before_step({6: kill})
    with pytest.raises(Killed):
        train(tiny_corpus, tiny_store, every_step(), tmp_path / "V4")
    return tmp_path / "V4"


def test_other_parameters_are_refused_with_what_differs_and_nothing_is_lost(
        interrupted, tiny_corpus, tiny_store, every_step):
    before = sorted(interrupted.iterdir())
    complaint = (r"interrupted there is another one: learning_rate was 0.001 and is 0.002; seed was 0 and is 3\. "
                 ".*-p restart true")
    with pytest.raises(ResumptionError, match=complaint):
        train(tiny_corpus, tiny_store, every_step(learning_rate=0.002, seed=3), interrupted)
    assert sorted(interrupted.iterdir()) == before


def test_other_labels_are_refused(interrupted, tiny_corpus, tiny_store, every_step):
    table = tiny_corpus.table.assign(age=tiny_corpus.table["age"] + 1)
    changed = type(tiny_corpus)(tiny_corpus.name, tiny_corpus.root, table, tiny_corpus.tasks)
    with pytest.raises(ResumptionError, match="the corpus's labels was .* and is"):
        train(changed, tiny_store, every_step(), interrupted)


def test_other_recordings_of_the_same_length_are_refused(interrupted, tiny_corpus, tiny_store, every_step, monkeypatch):
    monkeypatch.setattr(type(tiny_store), "checksum", property(lambda self: 7))
    with pytest.raises(ResumptionError, match="its recordings was '.{8}' and is '00000007'"):
        train(tiny_corpus, tiny_store, every_step(), interrupted)


def test_what_changes_no_number_may_change(interrupted, tiny_corpus, tiny_store, every_step):
    wanted = train(tiny_corpus, tiny_store, every_step())
    same(train(tiny_corpus, tiny_store, every_step(title="V4 again", checkpoint_minutes=9, corpus=["moved"]),
               interrupted), wanted)


def test_restart_gives_up_what_was_there(interrupted, tiny_corpus, tiny_store, every_step):
    params = every_step(seed=3)
    same(train(tiny_corpus, tiny_store, every_step(seed=3, restart=True), interrupted),
         train(tiny_corpus, tiny_store, params))


def test_restart_goes_on_all_the_same_where_nothing_has_changed(
        interrupted, tiny_corpus, tiny_store, every_step, capsys):
    """A job that is submitted again comes with the parameters of its first attempt, `restart` among them."""
    same(train(tiny_corpus, tiny_store, every_step(restart=True), interrupted),
         train(tiny_corpus, tiny_store, every_step()))
    assert "going on after iteration 5" in capsys.readouterr().out


def test_a_finished_training_that_nobody_has_written_yet_is_not_given_up_unasked(
        tiny_corpus, tiny_store, every_step, tmp_path, capsys):
    train(tiny_corpus, tiny_store, every_step(), tmp_path)
    complaint = "has finished but is not yet written there is another one: seed was 0 and is 3"
    with pytest.raises(ResumptionError, match=complaint):
        train(tiny_corpus, tiny_store, every_step(seed=3), tmp_path)
    same(train(tiny_corpus, tiny_store, every_step(seed=3, restart=True), tmp_path),
         train(tiny_corpus, tiny_store, every_step(seed=3)))
    assert "training anew; the one there is another: seed was 0 and is 3" in capsys.readouterr().out


def test_other_classes_of_a_task_are_refused_although_the_labels_are_the_same(
        interrupted, tiny_corpus, tiny_store, every_step):
    tasks = [dataclasses.replace(t, classes=t.classes[::-1]) if t.kind == "classes" else t for t in tiny_corpus.tasks]
    changed = type(tiny_corpus)(tiny_corpus.name, tiny_corpus.root, tiny_corpus.table, tuple(tasks))
    with pytest.raises(ResumptionError, match="the corpus's labels was .* and is"):
        train(changed, tiny_store, every_step(), interrupted)


def test_another_number_of_threads_or_version_is_said(
        interrupted, tiny_corpus, tiny_store, every_step, monkeypatch, capsys):
    now = identity.circumstances()
    monkeypatch.setattr(identity, "circumstances", lambda: now | {"torch": "2.99"})
    train(tiny_corpus, tiny_store, every_step(), interrupted)
    assert f"torch was {torch.__version__} and is 2.99: what follows will differ" in capsys.readouterr().out


@pytest.mark.parametrize("way", [
    {"encode_once": False}, {"freeze_feature_encoder": False}, {"padding": "as_published"}, {"oversampling": True},
    {"accumulate": 2}, {"gradient_checkpointing": True}, {"precision": "bfloat16"}, {"deterministic": True}], ids=str)
def test_whatever_way_a_training_goes_it_goes_on_to_the_same_bits(
        tiny_corpus, tiny_store, every_step, before_step, tmp_path, way):
    wanted = train(tiny_corpus, tiny_store, every_step(max_epochs=1, **way))
    before_step({5: kill})
    with pytest.raises(Killed):
        train(tiny_corpus, tiny_store, every_step(max_epochs=1, **way), tmp_path)
    same(train(tiny_corpus, tiny_store, every_step(max_epochs=1, **way), tmp_path), wanted)


def test_a_checkpoint_that_cannot_be_read_now_is_no_damaged_one(
        interrupted, tiny_corpus, tiny_store, every_step, monkeypatch):
    before = sorted(interrupted.iterdir())

    def stale(path):
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(module, "_checksum", stale)
    complaint = "safetensors: cannot be read now .Stale file handle.; nothing was changed"
    with pytest.raises(ResumptionError, match=complaint):
        train(tiny_corpus, tiny_store, every_step(restart=True), interrupted)
    assert sorted(interrupted.iterdir()) == before


def test_checkpoints_of_a_training_that_goes_on_elsewhere_are_not_discarded(interrupted):
    before = sorted(interrupted.iterdir())
    module.discard(interrupted)  # not finished
    assert sorted(interrupted.iterdir()) == before


@pytest.mark.parametrize("damage", [
    lambda path: path.write_bytes(path.read_bytes()[:-1]),
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes()[:-9] + b"x" + path.read_bytes()[-8:]),
    lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]),
], ids=["shortened", "empty", "a byte of the weights", "a bit of the header"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(
        interrupted, tiny_corpus, tiny_store, every_step, capsys, damage):
    last = max(interrupted.glob("*.safetensors"))
    damage(last)
    same(train(tiny_corpus, tiny_store, every_step(), interrupted), train(tiny_corpus, tiny_store, every_step()))
    said = capsys.readouterr().out
    assert f"{last}: damaged" in said and "going on after iteration 4" in said


def test_where_every_checkpoint_is_damaged_nothing_is_deleted(interrupted, tiny_corpus, tiny_store, every_step):
    for path in interrupted.glob("*.safetensors"):
        path.write_bytes(b"noise")
    with pytest.raises(ResumptionError, match="every checkpoint in it is damaged; .* set restart: true"):
        train(tiny_corpus, tiny_store, every_step(), interrupted)
    assert len(list(interrupted.glob("*.safetensors"))) == 2
    same(train(tiny_corpus, tiny_store, every_step(restart=True), interrupted),
         train(tiny_corpus, tiny_store, every_step()))


def test_a_loss_that_is_no_number_leaves_the_last_good_checkpoint(
        tiny_corpus, tiny_store, every_step, before_step, tmp_path):
    learn = step.Learner.step

    def spoil():
        step.Learner.step = lambda self, batch: {k: v * torch.nan for k, v in learn(self, batch).items()}

    before_step({5: spoil})
    watched = step.Learner.step
    with pytest.raises(TrainingError, match="the loss of task .* is nan at iteration 6, on bursts 000.*; try a lower "
                                            "learning_rate.*Checkpoints from before are kept"):
        train(tiny_corpus, tiny_store, every_step(), tmp_path)
    step.Learner.step = watched
    assert max(tmp_path.glob("*.safetensors")).name.split("-")[1] == "5"


def test_weights_that_are_no_numbers_are_not_kept(tiny_corpus, tiny_store, every_step, before_step, tmp_path):
    """A finite loss may have a gradient that is not."""
    step = torch.optim.Adam.step

    def spoil(self):
        step(self)
        self.param_groups[0]["params"][0].data[0] = torch.nan

    before_step({5: lambda: setattr(torch.optim.Adam, "step", spoil)})
    try:
        with pytest.raises(TrainingError, match="the weights are not finite numbers after iteration 5; .* are kept"):
            train(tiny_corpus, tiny_store, every_step(), tmp_path)
    finally:
        torch.optim.Adam.step = step
    assert max(tmp_path.glob("*.safetensors")).name.split("-")[1] == "4"


def test_two_trainings_in_one_folder_are_one_too_many(tiny_corpus, tiny_store, every_step, before_step, tmp_path):
    second = []

    def try_too():
        with pytest.raises(ResumptionError, match=f"another process is training this system .process {os.getpid()} on"):
            train(tiny_corpus, tiny_store, every_step(), tmp_path)
        second.append("refused")

    before_step({2: try_too})
    train(tiny_corpus, tiny_store, every_step(), tmp_path)
    assert second == ["refused"]


def test_a_killed_process_leaves_no_lock(tmp_path):
    held = ("import sys, time; from pathlib import Path; from burst2vec.training.checkpoints import Checkpoints\n"
            "with Checkpoints(Path(sys.argv[1]), {}).locked(): print('locked', flush=True); time.sleep(60)")
    process = subprocess.Popen([sys.executable, "-c", held, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    with pytest.raises(ResumptionError, match=f"process {process.pid} on"), Checkpoints(tmp_path, {}).locked():
        pass
    process.kill()
    process.wait()
    with Checkpoints(tmp_path, {}).locked():
        pass


@pytest.fixture
def checkpoints(tmp_path):
    """Checkpoints in an empty folder."""
    made = Checkpoints(tmp_path, {"seed": 1})
    with made.locked():
        yield made


def test_what_was_written_is_read(checkpoints):
    weights = {"a": torch.arange(3.0), "b": torch.ones(2, 2, dtype=torch.bfloat16), "step": torch.tensor(4.0)}
    checkpoints.write(7, Checkpoint(weights, {"iteration": 7, "finished": False, "best": float("nan")}))
    found = checkpoints.read()
    assert all(torch.equal(found.tensors[name], weight) for name, weight in weights.items())
    assert found.state["iteration"] == 7 and found.state["best"] != found.state["best"]
    assert found.state["identity"] == {"seed": 1}


def test_a_write_that_fails_names_the_folder_and_keeps_what_is_there(checkpoints, monkeypatch):
    checkpoints.write(1, Checkpoint({"a": torch.ones(1)}, {"finished": False}))

    def full(tensors, path, metadata):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.safetensors.torch, "save_file", full)
    complaint = r"no checkpoint can be written there \(No space left on device\); .* start the same"
    with pytest.raises(ResumptionError, match=complaint):
        checkpoints.write(2, Checkpoint({"a": torch.ones(1)}, {"finished": False}))
    assert [p.name.split("-")[1] for p in checkpoints.folder.glob("*") if p.name != "lock"] == ["1"]


def test_a_half_written_checkpoint_of_a_killed_process_is_no_checkpoint(checkpoints):
    (checkpoints.folder / ".writing-123").write_bytes(b"half")
    assert checkpoints.read() is None


def test_what_a_killed_process_left_half_written_is_deleted_by_the_next(tmp_path):
    for name in (".writing-123", ".tmpAbC123"):
        (tmp_path / name).write_bytes(b"half")
    with Checkpoints(tmp_path, {}).locked():
        assert [p.name for p in tmp_path.iterdir()] == ["lock"]


def test_another_file_in_the_folder_is_no_checkpoint(checkpoints):
    (checkpoints.folder / "0x-1-a.safetensors").write_bytes(b"mine")
    assert checkpoints.read() is None
    checkpoints.write(1, Checkpoint({"a": torch.ones(1)}, {"finished": False}))
    assert checkpoints.read() and (checkpoints.folder / "0x-1-a.safetensors").exists()


def test_the_identity_tells_every_parameter_that_changes_numbers(tiny_corpus, tiny_store, tiny_params):
    told = trainer.identity(tiny_corpus, tiny_store, tiny_params())
    assert {"learning_rate", "seed", "batch_size", "audio", "processes"} <= told.keys()
    assert not {"title", "run", "checkpoint_minutes", "baseline_patience"} & told.keys()
    assert json.loads(json.dumps(told)) == told
