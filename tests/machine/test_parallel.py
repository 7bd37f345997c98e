"""Parallel work: in order, and no further ahead of whoever takes the results than it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pytest

from burst2vec.machine.parallel import AHEAD, AT_ONCE, WorkerDied, in_parallel

several = pytest.mark.skipif(joblib.effective_n_jobs(-1) == 1, reason="one processor works without worker processes")


@pytest.mark.parametrize("count", [0, 1, AT_ONCE + 1, 2 * AHEAD * joblib.effective_n_jobs(-1) + 3])
def test_every_result_comes_once_and_in_order(count):
    assert list(in_parallel(lambda n: n * n, range(count))) == [n * n for n in range(count)]


def test_work_waits_for_whoever_takes_its_results():
    done = []
    results = in_parallel(done.append, iter(range(10 ** 9)))
    for _ in range(5):
        next(results)
    assert len(done) <= AHEAD * joblib.effective_n_jobs(-1)
    results.close()


def test_an_error_in_the_work_reaches_whoever_takes_its_results():
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda n: 1 / n, range(3)))


@several
def test_a_worker_that_is_killed_is_told_and_the_next_work_goes_well():
    def die(number):
        if number == 3 and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    here = os.getpid()
    with joblib.parallel_config(backend="loky"):
        with pytest.raises(WorkerDied, match="a worker process died, .* LOKY_MAX_CPU_COUNT=1"):
            list(in_parallel(die, range(100)))
        assert list(in_parallel(abs, range(5))) == [0, 1, 2, 3, 4]


@several
@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the processes")
def test_ctrl_c_leaves_no_worker_process_and_no_word_but_its_own(tmp_path):
    code = ("import os, sys, time; from burst2vec.machine.parallel import in_parallel\n"
            "def work(folder):\n    open(f'{folder}/{os.getpid()}', 'w').close(); time.sleep(60)\n"
            "list(in_parallel(work, sys.argv[1:] * 500))")
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    try:
        # All of them: one that has not begun yet says that it was interrupted in beginning.
        until(lambda: len(list(tmp_path.iterdir())) == joblib.cpu_count())
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        said = process.communicate(timeout=20)[1]
    finally:
        process.kill()
    assert said.count("KeyboardInterrupt") == 1 and "Warning" not in said
    until(lambda: not any(alive(path.name) for path in tmp_path.iterdir()))


def until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def alive(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
