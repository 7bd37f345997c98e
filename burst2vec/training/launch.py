"""Starts several processes that train together, and reports how they ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from burst2vec.config import Params
from burst2vec.machine.interruption import Interrupted, die_with_parent, interruptible

OUTCOME = "BURST2VEC_OUTCOME"
"""The environment variable with the path of the file in which the first process that fails writes why."""


def launch(params: Params, folder: Path) -> None:
    """Trains in `params.processes` processes, and leaves their checkpoints, also of the finished training, in `folder`.

    Each process reads the corpus itself. They end when this process ends, however it ends. Raises RuntimeError with the
    traceback of the process that failed, and Interrupted.
    """
    with tempfile.TemporaryDirectory() as scratch:
        task, outcome = Path(scratch) / "task.json", Path(scratch) / "outcome.json"
        task.write_text(json.dumps({"params": params.to_json(), "folder": str(folder.resolve())}))
        rank = die_with_parent([sys.executable, "-u", "-m", "burst2vec.training.worker", task], parent=0)
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
                   str(params.processes), "--no-python", *rank]
        threads = max(1, (os.cpu_count() or 1) // params.processes)
        # By default torchrun gives its processes 30 seconds to end, too few for the checkpoint of a large model.
        environment = {"OMP_NUM_THREADS": str(threads), "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "120", **os.environ,
                       OUTCOME: str(outcome)}
        # In the session of this process, Ctrl-C in a terminal would reach each of them besides the signal sent here.
        with interruptible() as request:
            torchrun = subprocess.Popen(die_with_parent(command), env=environment, start_new_session=True)
            asked = False
            try:
                while torchrun.poll() is None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        torchrun.wait(0.2)
                    if request.wanted and not asked:
                        torchrun.send_signal(request.wanted)
                        asked = True
            finally:  # after a second Ctrl-C too
                torchrun.kill()  # its processes end when it does
                torchrun.wait()
        if torchrun.returncode:
            _raise_failure(outcome, torchrun.returncode, request.wanted)


def _raise_failure(outcome: Path, code: int, asked: signal.Signals | None) -> None:
    """Raises what ended the processes. `asked` is the signal that asked them to end, or None."""
    failure = json.loads(outcome.read_text()) if outcome.is_file() else None
    if failure and failure["signal"]:
        raise Interrupted(failure["message"], signal.Signals(failure["signal"]))
    if asked and (failure is None or failure["consequence"]):
        raise Interrupted("training stopped before its processes had all begun; start the same run again", asked)
    if failure is None or failure["consequence"]:
        raise RuntimeError(f"the processes that trained together ended with exit code {code}: one of them without a "
                           "word; the system may have killed it for its memory. Start the same run again: it goes on")
    raise RuntimeError(f"process {failure['rank']} of those that trained together failed: {failure['message']}\n"
                       f"{failure['traceback']}")
