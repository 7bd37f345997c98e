"""Programs that run in turns, each so many steps at a time, within one process.

A loop such as the `transformers` Trainer's cannot be asked for one more step. So each runs in a thread of its own, and
waits wherever it calls `done` until it is its turn again: what it does between two such calls is what it does anyway.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import torch


class Stopped(BaseException):
    """Raised in a program that waits when nobody will ask for its next step. No program's own handler catches it."""


class Turns:
    """A program in a thread of its own, which stands still but for its turns.

    `program` is called with `done`, which it calls after each of its steps. `device` is waited for at the end of each
    turn, but not after each step.
    """

    def __init__(self, program: Callable[[Callable[[], None]], None], device: torch.device):
        self._device, self._wanted, self._stopped, self._ended = device, 0, False, False
        self._failure: BaseException | None = None
        self._mine, self._yours = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(program,), daemon=True)
        self._thread.start()

    def take(self, steps: int) -> float:
        """Seconds of the next `steps` steps. Raises what the program raised, and RuntimeError where it has ended."""
        self._wanted = steps
        start = time.perf_counter()
        if not self._ended:
            self._mine.release()
            self._yours.acquire()
        if self._failure is not None:
            raise self._failure
        if self._wanted:
            raise RuntimeError(f"the program ended {self._wanted} steps before the end of its turn")
        return time.perf_counter() - start

    def forget(self) -> None:
        """Lets go of what the program held when it failed."""
        self._failure = None

    def stop(self) -> None:
        """Ends the program where it stands."""
        self._stopped = True
        self._mine.release()
        self._thread.join()

    def _run(self, program: Callable[[Callable[[], None]], None]) -> None:
        self._mine.acquire()
        try:
            if not self._stopped:
                program(self._done)
        except Stopped:
            pass
        except BaseException as failure:  # for whoever waits for it
            self._failure = failure
        self._ended = True
        self._yours.release()

    def _done(self) -> None:
        self._wanted -= 1
        if self._wanted:
            return
        synchronise(self._device)
        self._yours.release()
        self._mine.acquire()
        if self._stopped:
            raise Stopped


def synchronise(device: torch.device) -> None:
    """Waits until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
