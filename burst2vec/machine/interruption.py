"""Ending when asked to: Ctrl-C and SIGTERM at a moment that the work chooses, and processes that end with ours.

`interruptible` is for work that has something to finish first, such as a step and its checkpoint; `end_with_parent` and
`die_with_parent` are for processes that must not outlive the one that started them, even where that is killed outright.
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
"""Seconds within which a further signal is taken for the same request: one Ctrl-C may arrive by several ways, from the
terminal and again from a launcher that passes it on."""

SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's <sys/prctl.h>."""


class Interrupted(KeyboardInterrupt):
    """Work that ended in good order because a signal asked it to; the message says where, and how to go on."""

    def __init__(self, message: str = "interrupted", by: signal.Signals = signal.SIGINT):
        super().__init__(message)
        self.by = by


@dataclass
class Request:
    """Whether somebody asked to end, and by which signal."""

    wanted: signal.Signals | None = None
    since: float = 0.0

    def note(self, number: int) -> bool:
        """Takes a signal down; True where it is a Ctrl-C of one who asked before and will wait no longer.

        A further SIGTERM does not count: launchers send it after a SIGINT, and SIGKILL after it, so that what is under
        way is better finished.
        """
        if self.wanted is None:
            self.wanted, self.since = signal.Signals(number), time.monotonic()
            return False
        return number == signal.SIGINT and time.monotonic() - self.since > SAME


@contextlib.contextmanager
def interruptible() -> Iterator[Request]:
    """A `Request` whose `wanted` is None until SIGINT or SIGTERM comes, which then does not break into the block.

    A Ctrl-C after that raises KeyboardInterrupt at once. Outside of the main thread, where Python takes no signals,
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
    """SIGINT and SIGTERM raise `Interrupted` in the block, and do not break into what it does about that."""
    request = Request()

    def end(number: int, _frame) -> None:
        first = request.wanted is None
        if request.note(number) or first:
            raise Interrupted(by=signal.Signals(number))

    with handling(end):
        yield


@contextlib.contextmanager
def handling(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """SIGINT and SIGTERM go to `handler` within the block. Not from another than the main thread, and a signal that is
    ignored, as by nohup, stays ignored."""
    before = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):  # None: not Python's, not to be put back
                    before[number] = signal.signal(number, handler)
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def end_with_parent(parent: int | None = None, by: signal.Signals = signal.SIGKILL) -> None:
    """Has Linux send this process `by` when its parent ends, however it does. Elsewhere nothing happens.

    `parent` is the process number of the parent, where known: it may have ended already. More exactly, it is the thread
    that started this process whose end counts.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, by, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), by)


def die_with_parent(
    command: Sequence[str | os.PathLike], parent: int | None = None, by: signal.Signals = signal.SIGKILL
) -> list[str]:
    """`command` for `subprocess.Popen` such that it is sent `by` when the process that starts it ends (on Linux).

    That is `parent`, this process by default, or, where that is 0, whichever starts it. The command gets there by way of a small Python process that becomes it:
    `Popen(preexec_fn=...)` would run Python between fork and exec, which may hang where there are threads. Children of
    the command must see to themselves, by `end_with_parent`.
    """
    parent = os.getpid() if parent is None else parent
    return [sys.executable, "-IS", __file__, str(parent), str(int(by)), *map(os.fspath, command)]


if __name__ == "__main__":  # as `die_with_parent` starts it
    end_with_parent(int(sys.argv[1]) or None, signal.Signals(int(sys.argv[2])))
    try:
        os.execvp(sys.argv[3], sys.argv[3:])
    except OSError as error:
        sys.exit(f"{sys.argv[3]}: {error.strerror}")
