"""Starting several processes that train together, and what becomes of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from burst2vec.machine.interruption import Interrupted, die_with_parent, interruptible

OUTCOME = "BURST2VEC_OUTCOME"
"""The environment's name for the file in which the first process to fail says why."""


def launch(params, folder: Path) -> None:
    """Trains as `params` say in `params.processes` processes, whose checkpoints, the finished one too, go to `folder`.

    Each reads the corpus itself. They end with this process, however that ends. Raises RuntimeError with the traceback of
    the process that failed, and Interrupted.
    """
    with tempfile.TemporaryDirectory() as scratch:
        task, outcome = Path(scratch) / "task.json", Path(scratch) / "outcome.json"
        task.write_text(json.dumps({"params": params.to_json(), "folder": str(folder.resolve())}))
        rank = die_with_parent([sys.executable, "-u", "-m", "burst2vec.training.worker", task], parent=0)
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
                   str(params.processes), "--no-python", *rank]
        threads = max(1, (os.cpu_count() or 1) // params.processes)
        # By itself torchrun gives its processes 30 seconds to end, too few for the checkpoint of a large model.
        environment = {"OMP_NUM_THREADS": str(threads), "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "120", **os.environ,
                       OUTCOME: str(outcome)}
        # A session of their own: Ctrl-C in a terminal would reach each of them besides what is passed on here.
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
            finally:  # a second Ctrl-C
                torchrun.kill()  # its processes end with it
                torchrun.wait()
        if torchrun.returncode:
            _raise(outcome, torchrun.returncode, request.wanted)


def _raise(outcome: Path, code: int, asked: signal.Signals | None) -> None:
    """Raises what ended the processes; `asked` is the signal by which they were asked to end, if they were."""
    told = json.loads(outcome.read_text()) if outcome.is_file() else None
    if told and told["signal"]:
        raise Interrupted(told["message"], signal.Signals(told["signal"]))
    if asked and (told is None or told["left_alone"]):
        raise Interrupted("training stopped before its processes had all begun; start the same run again", asked)
    if told is None or told["left_alone"]:
        raise RuntimeError(f"the processes that trained together ended with exit code {code}: one of them without a word; "
                           "the system may have killed it for its memory. Start the same run again: it goes on")
    raise RuntimeError(f"process {told['rank']} of those that trained together failed: {told['message']}\n"
                       f"{told['traceback']}")
