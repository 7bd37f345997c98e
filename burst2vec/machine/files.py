"""Outputs that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

YOUNG = 60
"""Seconds within which another writer may not have locked its folder yet."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""How a system says that a file cannot grow: the disk is full, or a quota is."""


@contextlib.contextmanager
def write_aside(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and vanishes when it does not.

    The block creates a file or a folder there; FileNotFoundError where it did neither. An existing file at `path` is
    replaced in one step; an existing folder is moved out of the way first and comes back should that fail, so that a
    reader never sees a mixture of old and new. What a killed process has left half-written is deleted by the next.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    aside, held = scratch / path.name, _open_lock(scratch)
    try:
        with contextlib.suppress(OSError):  # a file system without locks, where nobody sweeps either
            fcntl.flock(held, fcntl.LOCK_EX)  # given back by the system when this process ends, however it does
        yield aside
        if not aside.exists():
            raise FileNotFoundError(f"{path}: nothing was written to take its place")
        old = scratch / "replaced"
        if path.is_dir():
            path.rename(old)
        try:
            os.replace(aside, path)
        except OSError:
            if old.exists():
                old.rename(path)
            raise
    except OSError as error:
        if error.errno in NO_ROOM and error.filename is None:  # what a write, unlike an open, does not say
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        os.close(held)  # first: NFS keeps an open file's folder
        shutil.rmtree(scratch, ignore_errors=True)


def sync(path: Path) -> None:
    """Has the file system keep a file, or the names in a folder, even if the machine loses power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checksum(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sweep(path: Path) -> None:
    """Deletes the folders beside `path` in which processes that are no more were writing it."""
    for folder in path.parent.glob(f".{glob.escape(path.name)}.????????"):
        with contextlib.suppress(OSError):  # another is deleting it, or writing in it
            if time.time() - folder.stat().st_mtime < YOUNG:
                continue
            held = _open_lock(folder)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                os.close(held)
            shutil.rmtree(folder, ignore_errors=True)


def _open_lock(scratch: Path) -> int:
    """A file to lock; folders cannot be locked on NFS."""
    return os.open(scratch / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
