"""Processes that train together get what they need, are asked to end when this one is, and tell why they ended."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from burst2vec.config import Params
from burst2vec.machine.interruption import Interrupted
from burst2vec.training import launch as module
from burst2vec.training.launch import OUTCOME, _raise_failure, launch

FAILURE = {"rank": 1, "message": "ValueError: no such burst", "signal": None, "traceback": "Traceback: in _learn",
           "consequence": False}
CONSEQUENCE = FAILURE | {"message": "RuntimeError: Connection closed by peer", "consequence": True}
STOPPED = FAILURE | {"message": "training stopped after iteration 7", "signal": int(signal.SIGTERM)}
NEVER_BEGAN = "training stopped before its processes had all begun; start the same run again"


class Torchrun:
    """Stands in for the process of torchrun: it ends after some waits, or when it is asked to."""

    started: list[Torchrun] = []
    waits, code, outcome, meanwhile = 2, 0, None, None

    def __init__(self, command, env, start_new_session):
        self.command, self.env, self.own_session = command, env, start_new_session
        self.task = json.loads(Path(command[-1]).read_text())
        self.returncode, self.sent = None, []
        self.started.append(self)

    def poll(self):
        return self.returncode

    def wait(self, timeout=None):
        if self.meanwhile:
            self.meanwhile()
        self.waits -= 1
        if not self.waits and self.returncode is None:
            if self.outcome:
                Path(self.env[OUTCOME]).write_text(json.dumps(self.outcome))
            self.returncode = self.code

    def send_signal(self, number):
        self.sent.append(number)

    def kill(self):
        self.sent.append(signal.SIGKILL)


@pytest.fixture
def torchrun(monkeypatch):
    """A function that has processes end so, instead of being started, and returns those that were."""
    def torchrun(**ending):
        fake = type("Fake", (Torchrun,), {"started": [], **ending})
        monkeypatch.setattr(module.subprocess, "Popen", fake)
        return fake.started
    return torchrun


def test_every_process_is_told_the_parameters_and_the_absolute_folder(torchrun, tmp_path, monkeypatch):
    started = torchrun()
    monkeypatch.chdir(tmp_path)
    params = Params(processes=3, seed=7, corpus=["a b"])
    launch(params, Path("checkpoints"))
    [process] = started
    assert Params(**json.loads(process.task["params"])) == params
    assert process.task["folder"] == str(tmp_path / "checkpoints")
    command = process.command
    assert command[command.index("--nproc-per-node") + 1] == "3" and process.own_session
    assert command[-5:-1] == [sys.executable, "-u", "-m", "burst2vec.training.worker"]
    assert command.count(str(os.getpid())) == 1  # torchrun ends with this process, the others with torchrun


@pytest.mark.parametrize(("cores", "processes", "given", "threads"), [
    (16, 4, None, "4"), (2, 4, None, "1"), (None, 2, None, "1"), (16, 4, "7", "7")])
def test_processes_share_the_cores_unless_the_user_says_otherwise(
        torchrun, tmp_path, monkeypatch, cores, processes, given, threads):
    started = torchrun()
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.delenv("OMP_NUM_THREADS")
    if given:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    launch(Params(processes=processes), tmp_path)
    assert started[0].env["OMP_NUM_THREADS"] == threads


def test_processes_have_more_than_torchruns_half_a_minute_to_save(torchrun, tmp_path):
    started = torchrun()
    launch(Params(processes=2), tmp_path)
    assert int(started[0].env["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"]) > 60


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on_once(torchrun, tmp_path, number):
    started = torchrun(waits=4, code=1, outcome=STOPPED | {"signal": int(number)},
                       meanwhile=lambda self: self.sent or os.kill(os.getpid(), number))
    with pytest.raises(Interrupted, match="^training stopped after iteration 7$") as stopped:
        launch(Params(processes=2), tmp_path)
    assert started[0].sent == [number, signal.SIGKILL] and stopped.value.by == number


def test_whatever_goes_wrong_here_no_process_is_left(torchrun, tmp_path):
    def fail(self):
        if not self.sent:
            raise OSError("no more memory")

    started = torchrun(meanwhile=fail)
    with pytest.raises(OSError, match="no more memory"):
        launch(Params(processes=2), tmp_path)
    assert started[0].sent == [signal.SIGKILL]


def test_nothing_of_the_launch_is_left_in_the_folder(torchrun, tmp_path):
    started = torchrun(code=1, outcome=FAILURE)
    with pytest.raises(RuntimeError):
        launch(Params(processes=2), tmp_path / "checkpoints")
    assert not (tmp_path / "checkpoints").exists() and not Path(started[0].env[OUTCOME]).parent.exists()


# Why they ended -----------------------------------------------------------------------------------------------

def raised(outcome, asked, folder):
    path = folder / "outcome.json"
    if outcome:
        path.write_text(json.dumps(outcome))
    with pytest.raises((RuntimeError, Interrupted)) as error:
        _raise_failure(path, -9, asked)
    return error.value


@pytest.mark.parametrize("asked", [None, signal.SIGINT])
def test_a_failure_is_told_with_its_process_and_traceback_even_to_a_user_who_asked_to_stop(tmp_path, asked):
    error = raised(FAILURE, asked, tmp_path)
    assert isinstance(error, RuntimeError) and str(error) == (
        "process 1 of those that trained together failed: ValueError: no such burst\nTraceback: in _learn")


@pytest.mark.parametrize("asked", [None, signal.SIGTERM, signal.SIGINT])
def test_a_training_that_stopped_says_where_and_by_which_signal(tmp_path, asked):
    error = raised(STOPPED, asked, tmp_path)
    assert isinstance(error, Interrupted) and error.by is signal.SIGTERM
    assert str(error) == "training stopped after iteration 7"


@pytest.mark.parametrize("outcome", [None, CONSEQUENCE])
def test_processes_that_end_without_a_word_were_stopped_only_where_somebody_asked(tmp_path, outcome):
    stopped = raised(outcome, signal.SIGTERM, tmp_path)
    assert isinstance(stopped, Interrupted) and stopped.by is signal.SIGTERM and str(stopped) == NEVER_BEGAN
    failed = raised(outcome, None, tmp_path)
    assert isinstance(failed, RuntimeError) and "ended with exit code -9: one of them without a word" in str(failed)
