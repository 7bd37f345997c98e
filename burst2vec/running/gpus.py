"""The GPUs of one machine, shared out among processes that know nothing of each other."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

WAIT = 1.0
"""The time in seconds between two looks for a free GPU, give or take a half."""


@contextlib.contextmanager
def claim(count: int) -> Iterator[list[str]]:
    """The names of `count` GPUs that no other claim on this machine holds; CUDA sees only these while the block runs.

    Waits until that many are free. A claim ends with its process, in whatever way the process ends. The list is empty,
    and nothing is chosen, if no GPU is wanted or found, or if CUDA_VISIBLE_DEVICES names no more than `count`, since a
    scheduler has then chosen. GPUs are told apart by their names, so claims do not exclude each other if one is among
    numbers, which CUDA_VISIBLE_DEVICES may hold, and the other among the driver's identifiers. Raises RuntimeError if
    more GPUs are wanted than there are.
    """
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = _installed() if given is None else [name.strip() for name in given.split(",") if name.strip()]
    if not count or not names or (given is not None and len(names) <= count):
        yield []
        return
    if count > len(names):
        raise RuntimeError(f"{count} GPUs are wanted, and this machine has {len(names)}")
    locks = _wait_for(names, count)
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(locks)
    try:
        yield list(locks)
    finally:
        os.environ.pop("CUDA_VISIBLE_DEVICES")
        if given is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = given
        _release(locks)


def _installed() -> list[str]:
    """The identifiers of this machine's GPUs, which do not depend on the order in which CUDA numbers them."""
    try:
        listed = subprocess.run(["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"], check=True,
                                capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return listed.stdout.split()


def _wait_for(names: list[str], count: int) -> dict[str, int]:
    """The first `count` free GPUs with their locks: all or none, lest two claims to several wait for each other."""
    while True:
        locks: dict[str, int] = {}
        for name in names:
            if len(locks) < count and (lock := _lock(name)) is not None:
                locks[name] = lock
        if len(locks) == count:
            return locks
        _release(locks)
        time.sleep(WAIT * random.uniform(0.5, 1.5))


def _lock(name: str) -> int | None:
    """The lock of one GPU, an open file that the system unlocks when this process ends; None if another holds it."""
    path = Path(tempfile.gettempdir(), f"burst2vec-gpu-{name.replace('/', '-')}.lock")
    try:  # another user's file can be opened to read, which is enough to lock it
        lock = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        lock = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
        os.fchmod(lock, 0o644)  # whatever the umask
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _release(locks: dict[str, int]) -> None:
    for lock in locks.values():
        os.close(lock)
