"""Folders of the cache: made when they are first needed, and again when their sources change or they are damaged."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from tqdm.auto import tqdm

from burst2vec.machine.files import checksum, write_aside

RECORD = "cached.json"
"""The file of a cached folder that lists the folder's fingerprint and files, the latter with sizes and checksums."""


def cached(folder: Path, fingerprint: str, make: Callable[[Path], None], large: Collection[str] = ()) -> Path:
    """The folder, whole and made from what `fingerprint` stands for.

    Where it is missing, or its record holds another fingerprint, `make` writes its files into an empty folder that then
    takes its place; if `make` fails, the old folder stays as it was. A damaged folder is made again, too, and a line on
    standard error says so. Every file is compared with its checksum at every call; files named in `large` are compared
    by their size alone, so their reader must check what it reads.

    Raises what `make` raises, and OSError, naming the folder and the way out, where it cannot be written.
    """
    if folder.exists():
        try:
            record = _read_record(folder)
            if record["fingerprint"] == fingerprint:
                _verify(folder, record["files"])
                return folder
        except _Damaged as damage:
            tqdm.write(f"{folder}: {damage}; it is made again", file=sys.stderr)
    with _explain_unwritable(folder), write_aside(folder) as aside:
        aside.mkdir()
        make(aside)
        files = {str(file.relative_to(aside)): _described(file, file.name in large)
                 for file in sorted(aside.rglob("*")) if file.is_file()}
        (aside / RECORD).write_text(json.dumps({"fingerprint": fingerprint, "files": files}, indent=1))
    return folder


class _Damaged(Exception):
    """A cached folder is not as it was written; the message says what is wrong."""


def _described(file: Path, large: bool) -> dict[str, int | str]:
    """A file's size in bytes and, unless it is large, its checksum."""
    size: dict[str, int | str] = {"bytes": file.stat().st_size}
    return size if large else size | {"sha256": checksum(file)}


def _read_record(folder: Path) -> dict:
    try:
        record = json.loads((folder / RECORD).read_bytes())
    except OSError as error:
        raise _Damaged(f"{RECORD} cannot be read ({error.strerror})") from None
    except ValueError:
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("files"), dict) or "fingerprint" not in record:
        raise _Damaged(f"{RECORD} is damaged")
    return record


def _verify(folder: Path, files: dict[str, dict]) -> None:
    for name, written in files.items():
        try:
            there = _described(folder / name, "sha256" not in written)
        except OSError as error:
            raise _Damaged(f"{name} cannot be read ({error.strerror})") from None
        if there != written:
            raise _Damaged(f"{name} is not as it was written")


@contextlib.contextmanager
def _explain_unwritable(folder: Path) -> Iterator[None]:
    """Within the block an error of the file system at `folder` says which folder could not be made, and the way out."""
    try:
        yield
    except OSError as error:
        at = Path(error.filename) if isinstance(error.filename, str) else None
        if at is not None and folder.parent not in (at, *at.parents):
            raise  # a source that could not be read
        raise OSError(f"{folder}: cannot be made there ({error.strerror or error}); make room, or name another folder "
                      "with the parameter `cache`") from error
