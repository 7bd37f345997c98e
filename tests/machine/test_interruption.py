"""Ending when asked to: real processes, real signals, and nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from burst2vec.machine import interruption
from burst2vec.machine.interruption import Interrupted, breaking_off, die_with_parent, interruptible
from tests.support.processes import Started

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's end")


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_is_broken_off_once_and_then_tidies_up_undisturbed(number):
    tidied = False
    with pytest.raises(Interrupted) as stop, breaking_off():
        try:
            os.kill(os.getpid(), number)
            pytest.fail("the signal was lost")
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            tidied = True
    assert tidied and stop.value.by == number


def test_interrupted_work_passes_for_an_interrupt_and_not_for_an_error():
    assert issubclass(Interrupted, KeyboardInterrupt) and not issubclass(Interrupted, Exception)
    assert str(Interrupted("stopped at iteration 3")) == "stopped at iteration 3"
    assert Interrupted().by == signal.SIGINT


PARENT = '''
import signal, subprocess, sys, time
from burst2vec.machine.interruption import die_with_parent
code = """import signal, sys, time
signal.signal(15, lambda *_: sys.exit(print('asked')))
print('here', flush=True)
time.sleep(60)
"""
subprocess.Popen(die_with_parent([sys.executable, "-c", code], by=signal.Signals(int(sys.argv[1]))))
time.sleep(60)
'''


@linux
@pytest.mark.parametrize("by, asked", [(signal.SIGKILL, False), (signal.SIGTERM, True)])
def test_a_command_ends_with_the_process_that_started_it(tmp_path, by, asked):
    parent = Started(sys.executable, "-c", PARENT, int(by), folder=tmp_path)
    parent.wait_for(lambda: "here" in parent.printed.read_text())
    assert len(parent.family) == 2
    parent.signal(signal.SIGKILL)
    _, printed, left = parent.end()
    assert not left and printed == ["here", "asked"][:1 + asked]


def test_a_command_that_ends_with_its_parent_is_otherwise_the_command_itself():
    code = "import os, sys; print(sys.argv[1:], os.environ['WORD']); sys.exit(3)"
    done = subprocess.run(die_with_parent([sys.executable, "-c", code, "a b", "-x"]), capture_output=True, text=True,
                          env={**os.environ, "WORD": "owl"})
    assert (done.returncode, done.stdout) == (3, "['a b', '-x'] owl\n")


def test_a_command_whose_parent_is_gone_already_never_starts():
    done = subprocess.run(die_with_parent([sys.executable, "-c", "print('started')"], parent=1), capture_output=True)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")


def test_a_command_that_does_not_exist_is_named():
    done = subprocess.run(die_with_parent(["no-such-command"]), capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr == "no-such-command: No such file or directory\n"


@linux
def test_a_command_that_many_workers_share_ends_with_one_line_and_leaves_none_of_them(tmp_path):
    synth = Started("burst2vec", "synth", "corpus", "--train", 5000, folder=tmp_path)
    synth.wait_for(lambda: any(tmp_path.glob(".corpus.*/corpus/wav/*.wav")))
    assert len(synth.family) > 2
    synth.signal(signal.SIGINT, group=True)
    code, printed, left = synth.end()
    assert code == 130 and not left
    assert [line for line in printed if line and "synthesising" not in line] == ["burst2vec: interrupted"]
    assert [path.name for path in tmp_path.iterdir()] == ["printed"]
