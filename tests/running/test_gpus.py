"""GPUs handed out among processes of one machine, on a machine whose `nvidia-smi` is a script of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

import pytest

from burst2vec.running import gpus

HOLD = """
import time
from burst2vec.running.gpus import claim
with claim({count}) as names:
    print(",".join(names), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A function that sets how many GPUs this machine has; locks in a folder of the test's."""
    def install(count):
        tool = tmp_path / "nvidia-smi"
        tool.write_text("#!/bin/sh\n" + "".join(f"echo GPU-{number}\n" for number in range(count)))
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpus, "WAIT", 0.02)
    return install


@pytest.fixture
def hold():
    """A function that starts a process with a claim to `count` GPUs, and returns it with their names."""
    started = []

    def start(count):
        process = subprocess.Popen([sys.executable, "-c", HOLD.format(count=count)], stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process, process.stdout.readline().strip()
    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_two_processes_get_different_gpus_and_see_only_theirs(machine, hold):
    machine(2)
    assert hold(1)[1] == "GPU-0"
    with gpus.claim(1) as names:
        assert names == ["GPU-1"]
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-1"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_a_claim_waits_until_a_process_is_killed(machine, hold):
    machine(3)
    process, names = hold(2)
    assert names == "GPU-0,GPU-1"
    started = time.monotonic()
    subprocess.Popen(f"sleep 0.5; kill -KILL {process.pid}", shell=True)
    with gpus.claim(3) as names:
        assert names == ["GPU-0", "GPU-1", "GPU-2"]
    assert 0.4 < time.monotonic() - started < 10


def test_who_waits_for_two_holds_none_meanwhile(machine, hold):
    machine(2)
    hold(1)
    waiting = subprocess.Popen([sys.executable, "-c", HOLD.format(count=2)])
    try:
        for _ in range(5):
            with gpus.claim(1) as names:
                assert names == ["GPU-1"]
    finally:
        waiting.kill()
        waiting.wait()


def test_what_a_scheduler_has_chosen_is_left_alone(machine, monkeypatch):
    machine(4)
    for given in ("3", "", "NoDevFiles"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        with gpus.claim(1) as first, gpus.claim(1) as second:
            assert first == second == []
            assert os.environ["CUDA_VISIBLE_DEVICES"] == given


def test_a_claim_chooses_among_the_gpus_that_are_visible(machine, monkeypatch):
    machine(4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 3")
    with gpus.claim(1) as names:
        assert names == ["2"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2, 3"


@pytest.mark.parametrize("installed", [0, 2])
def test_nothing_is_chosen_where_there_is_no_gpu_or_none_is_wanted(machine, installed):
    machine(installed)
    with gpus.claim(1 if installed == 0 else 0) as names:
        assert names == []
        assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_more_gpus_than_there_are_are_refused(machine):
    machine(2)
    with pytest.raises(RuntimeError, match="3 GPUs are wanted, and this machine has 2"), gpus.claim(3):
        pass
