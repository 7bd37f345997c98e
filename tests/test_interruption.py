"""Ending when asked to: real processes, real signals, and nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from burst2vec import interruption
from burst2vec.interruption import Interrupted, die_with_parent, interruptible


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_breaks_into_nothing(number):
    before = signal.getsignal(number)
    with interruptible() as request:
        assert request.wanted is None
        os.kill(os.getpid(), number)
        assert request.wanted == number
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_ctrl_c_ends_at_once(monkeypatch, first):
    monkeypatch.setattr(interruption, "SAME", 0.0)
    before = signal.getsignal(first)
    with pytest.raises(KeyboardInterrupt), interruptible():
        os.kill(os.getpid(), first)
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("the second signal was lost")
    assert signal.getsignal(first) is before


@pytest.mark.parametrize("second, same", [(signal.SIGINT, 60.0), (signal.SIGTERM, 0.0)])
def test_the_same_request_by_another_way_changes_nothing(monkeypatch, second, same):
    monkeypatch.setattr(interruption, "SAME", same)
    with interruptible() as request:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), second)
    assert request.wanted == signal.SIGINT


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible() as request:
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert request.wanted is None


def test_another_thread_may_be_interruptible_though_no_signal_comes_to_it():
    seen = []

    def work():
        with interruptible() as request:
            seen.append(request.wanted)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [None] and signal.getsignal(signal.SIGINT) is before


def test_interrupted_work_passes_for_an_interrupt_and_not_for_an_error():
    assert issubclass(Interrupted, KeyboardInterrupt) and not issubclass(Interrupted, Exception)
    assert str(Interrupted("stopped at iteration 3")) == "stopped at iteration 3"
    assert Interrupted().by == signal.SIGINT


PARENT = """
import subprocess, sys, time
from burst2vec.interruption import die_with_parent
child = subprocess.Popen(die_with_parent([sys.executable, "-c", "import time; time.sleep(60)"]))
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_command_ends_with_the_process_that_started_it():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    time.sleep(0.5)
    assert alive(child)
    parent.kill()
    parent.communicate()
    until(lambda: not alive(child))


def test_a_command_that_ends_with_its_parent_is_otherwise_the_command_itself():
    code = "import os, sys; print(sys.argv[1:], os.environ['WORD']); sys.exit(3)"
    done = subprocess.run(die_with_parent([sys.executable, "-c", code, "a b", "-x"]), capture_output=True, text=True,
                          env={**os.environ, "WORD": "käuze", "PYTHONUTF8": "1"})
    assert (done.returncode, done.stdout) == (3, "['a b', '-x'] käuze\n")


def test_a_command_whose_parent_is_gone_already_never_starts():
    command = die_with_parent([sys.executable, "-c", "print('started')"])
    command[3] = "1"  # the parent's number
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")


def test_a_command_that_does_not_exist_is_named():
    done = subprocess.run(die_with_parent(["no-such-command"]), capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr == "no-such-command: No such file or directory\n"


def alive(number: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        with open(f"/proc/{number}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition, seconds: float = 20.0) -> None:
    """Waits for what must become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
