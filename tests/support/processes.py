"""Processes that tests start, signal, and look for afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

PATIENCE = 60.0
"""Seconds that something may take on a machine that is busy with other things."""


class Started:
    """A command in a session of its own, what it prints on standard error, and all processes that come of it."""

    def __init__(self, *command: object, folder: Path):
        scripts = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PATH": scripts}
        self.printed = folder / "printed"
        with self.printed.open("w") as stderr:
            self.process = subprocess.Popen([str(part) for part in command], cwd=folder, env=environment,
                                            stdout=stderr, stderr=stderr, start_new_session=True)
        self.family = [psutil.Process(self.process.pid)]

    def wait_for(self, ready: Callable[[], bool]) -> None:
        """Waits until `ready()`, then notes the processes that there are."""
        wait_for(lambda: ready() or self.process.poll() is not None)
        assert self.process.poll() is None, self.printed.read_text()
        self.family = [self.family[0], *self.family[0].children(recursive=True)]

    def signal(self, number: signal.Signals, group: bool = False) -> None:
        """Sends a signal to the command alone, or as a terminal does, to its whole group."""
        (os.killpg if group else os.kill)(self.process.pid, number)

    def end(self) -> tuple[int, list[str], list[psutil.Process]]:
        """The exit code, what was printed, and those who are still there some seconds later; these are killed."""
        code = self.process.wait(PATIENCE)
        _, left = psutil.wait_procs(self.family, timeout=10)
        for process in left:
            process.kill()
        return code, self.printed.read_text().splitlines(), left


def wait_for(ready: Callable[[], bool]) -> None:
    """Waits until `ready()`; AssertionError after `PATIENCE`."""
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
