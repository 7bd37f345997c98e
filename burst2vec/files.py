"""Outputs that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def write_aside(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and vanishes when it does not.

    The block creates a file or a folder there; FileNotFoundError where it did neither. An existing file at `path` is
    replaced in one step; an existing folder is moved out of the way first and comes back should that fail, so that a
    reader never sees a mixture of old and new.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    aside = scratch / path.name
    try:
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
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
