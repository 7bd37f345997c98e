"""Ending when asked to: Ctrl-C and SIGTERM take effect when the work is ready, and child processes end with this one.

`interruptible` is for work that has something to finish first, such as a step and its checkpoint. `end_with_parent` and
`die_with_parent` are for processes that must not outlive the one that started them, even if that one is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

SAME = 0.5
"""The time in seconds within which a further signal counts as the same request.

One Ctrl-C may arrive twice, from the terminal and from a launcher that passes it on.
"""

SET_PARENT_DEATH_SIGNAL = 1
"""The number of PR_SET_PDEATHSIG in Linux's <sys/prctl.h>."""


class Interrupted(KeyboardInterrupt):
    """Work ended in good order because a signal asked it to; the message says where, and how to go on."""

    def __init__(self, message: str = "interrupted", by: signal.Signals = signal.SIGINT):
        super().__init__(message)
        self.by = by


@dataclass
class Request:
    """The signal that asked the work to end, None until one has, and the time at which it came."""

    wanted: signal.Signals | None = None
    since: float = 0.0

    def note(self, number: int) -> bool:
        """Records a signal, and returns whether it is a further Ctrl-C, of a user who will wait no longer.

        A further SIGTERM is no such sign: launchers send one after a SIGINT, and a SIGKILL after that, so the work
        under way is better finished.
        """
        if self.wanted is None:
            self.wanted, self.since = signal.Signals(number), time.monotonic()
            return False
        return number == signal.SIGINT and time.monotonic() - self.since > SAME


@contextlib.contextmanager
def interruptible() -> Iterator[Request]:
    """A `Request` that records SIGINT and SIGTERM, neither of which then interrupts the block.

    A further Ctrl-C raises KeyboardInterrupt at once. Outside of the main thread, where Python receives no signals,
    `wanted` stays None.
    """
    request = Request()

    def ask(number: int, _frame) -> None:
        if request.note(number):
            raise KeyboardInterrupt

    with handling(ask):
        yield request


@contextlib.contextmanager
def breaking_off() -> Iterator[None]:
    """Raises `Interrupted` in the block at the first SIGINT or SIGTERM, and lets the block tidy up undisturbed."""
    request = Request()

    def end(number: int, _frame) -> None:
        first = request.wanted is None
        if request.note(number) or first:
            raise Interrupted(by=signal.Signals(number))

    with handling(end):
        yield


@contextlib.contextmanager
def handling(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Passes SIGINT and SIGTERM to `handler` within the block.

    Outside of the main thread nothing changes, and a signal that is ignored, as under nohup, stays ignored.
    """
    before = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                # None: a handler that was not set by Python, which could not restore it
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    before[number] = signal.signal(number, handler)
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def end_with_parent(parent: int | None = None, by: signal.Signals = signal.SIGKILL) -> None:
    """Makes Linux send this process the signal `by` when its parent ends, in whatever way. Other systems do nothing.

    `parent` is the parent's process number, if it is known: should the parent have ended already, the signal is sent at
    once. More exactly, what counts is the end of the thread that started this process.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, by, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), by)


def die_with_parent(
    command: Sequence[str | os.PathLike], parent: int | None = None, by: signal.Signals = signal.SIGKILL
) -> list[str]:
    """The arguments of `subprocess.Popen` that run `command` and, on Linux, send it `by` when its parent ends.

    `parent` is the parent's process number, by default that of this process; 0 stands for whichever process starts the
    command. A small Python process sets this up and then becomes the command: `Popen(preexec_fn=...)` would run Python
    between fork and exec, which may hang where there are threads. Children of the command are not covered; they call
    `end_with_parent` themselves.
    """
    parent = os.getpid() if parent is None else parent
    return [sys.executable, "-IS", __file__, str(parent), str(int(by)), *(os.fspath(part) for part in command)]


if __name__ == "__main__":  # the small Python process of `die_with_parent`
    end_with_parent(int(sys.argv[1]) or None, signal.Signals(int(sys.argv[2])))
    try:
        os.execvp(sys.argv[3], sys.argv[3:])
    except OSError as error:
        sys.exit(f"{sys.argv[3]}: {error.strerror}")
