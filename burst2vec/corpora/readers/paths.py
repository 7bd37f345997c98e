"""Paths of recordings as a table lists them, and the files on disk that they mean."""

from __future__ import annotations

import os
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from burst2vec.corpora.recordings import by_stem, is_readable
from burst2vec.corpora.spelling import composed, folded


def leads_out(path: str) -> bool:
    """Whether a path relative to a corpus leaves its folder."""
    return PurePath(path).is_absolute() or PureWindowsPath(path).is_absolute() or ".." in PurePath(path).parts


def as_listed(path: str) -> str:
    """The path without needless `.` and `/`, as it is where it leads out of the corpus.

    >>> as_listed("./clips//a.wav")
    'clips/a.wav'
    """
    return path if leads_out(path) else str(PurePosixPath(path))


class Disk:
    """The files below a folder, of which each folder is listed once, when it is first asked for."""

    def __init__(self, root: Path):
        self._root = root
        self._listings: dict[str, dict[str, str]] = {}

    def find(self, path: str) -> str | None:
        """The path of the file that `path` means, or None where there is no such file.

        Both are relative to the folder. They may differ in Unicode's composed or decomposed form, which file systems
        choose for themselves, in needless `.` and `/`, and in Windows' backslashes.
        """
        for written in dict.fromkeys((path, path.replace("\\", "/"))):
            found = None if leads_out(written) else self._walk(PurePosixPath(written))
            if found is not None:
                return found
        return None

    def read_first(self, path: str) -> str:
        """The readable recording beside a recording that the decoder cannot read and that is named like it but
        for its suffix; `path` itself where there is none, or where the decoder reads it."""
        if is_readable(path):
            return path
        folder, name = os.path.split(path)
        group = by_stem(set(self._listing(folder).values())).get(composed(os.path.splitext(name)[0]), [name])
        return os.path.join(folder, group[0]) if is_readable(group[0]) else path

    def resembling(self, path: str) -> str | None:
        """The path of a file that `path` may mean, as in other letters or with another suffix, or None."""
        folder, name = os.path.split(path)
        stem = os.path.splitext(name)[0]
        names = sorted(set(self._listing(folder).values()))
        close = [n for n in names if folded(n) == folded(name)] or [n for n in names if os.path.splitext(n)[0] == stem]
        return os.path.join(folder, close[0]) if close else None

    def _walk(self, path: PurePosixPath) -> str | None:
        found = ""
        for part in path.parts:
            names = self._listing(found)
            name = names.get(part) or names.get(composed(part))
            if name is None:  # a file system may still know it, in letters of another case
                return str(path) if os.path.lexists(self._root / path) else None
            found = os.path.join(found, name)
        return found or None

    def _listing(self, folder: str) -> dict[str, str]:
        """The names in a folder, by themselves and by their composed form; none where it cannot be listed."""
        if folder not in self._listings:
            try:
                names = sorted(os.listdir(self._root / folder))
            except (OSError, ValueError):
                names = []
            self._listings[folder] = {composed(name): name for name in names} | {name: name for name in names}
        return self._listings[folder]
