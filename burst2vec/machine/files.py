"""Files and folders that appear whole or not at all."""

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
"""The age in seconds below which a scratch folder is left alone: its writer may not have locked it yet."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The error numbers of a file that cannot grow, because the disk is full or a quota is used up."""


@contextlib.contextmanager
def write_aside(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary path beside `path`, which takes the place of `path` when the block ends well and vanishes otherwise.

    The block creates a file or a folder there; if it creates neither, FileNotFoundError is raised. An existing file at
    `path` is replaced in one step. An existing folder is moved out of the way first, and comes back if the replacement
    fails, so that a reader never sees a mixture of old and new. What a killed process has left half-written is deleted
    by the next one that writes the same path. Raises OSError, which names `path` where the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    aside, held = scratch / path.name, _open_lock(scratch)
    try:
        with contextlib.suppress(OSError):  # on a file system without locks nobody sweeps either
            fcntl.flock(held, fcntl.LOCK_EX)  # the system releases it when this process ends, however it does
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
        if error.errno in NO_ROOM and error.filename is None:  # the error of a write, unlike an open's, names no file
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        os.close(held)  # before the folder is deleted, since NFS keeps the folder of an open file
        shutil.rmtree(scratch, ignore_errors=True)


def sync(path: Path) -> None:
    """Makes the file system keep a file, or the names in a folder, even if the machine loses power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checksum(path: Path) -> str:
    """The SHA-256 checksum of a file's content, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sweep(path: Path) -> None:
    """Deletes the scratch folders of `path` whose writers have ended."""
    for folder in path.parent.glob(f".{glob.escape(path.name)}.????????"):
        with contextlib.suppress(OSError):  # another process is deleting it, or writing into it
            if time.time() - folder.stat().st_mtime < YOUNG:
                continue
            held = _open_lock(folder)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                os.close(held)
            shutil.rmtree(folder, ignore_errors=True)


def _open_lock(scratch: Path) -> int:
    """Opens a file to lock in place of its folder, since folders cannot be locked on NFS."""
    return os.open(scratch / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
