"""Which files are recordings, decided by their names alone, and where in a folder they lie.

A recording's name ends in one of `SUFFIXES`, in small or capital letters, and does not begin with a dot. So the
AppleDouble files of macOS, `._laugh.mp3` beside `laugh.mp3`, are no recordings.
"""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

READABLE = (
    ".8svx", ".aif", ".aifc", ".aiff", ".au", ".avr", ".bw64", ".bwf", ".caf", ".flac", ".iff", ".ircam", ".mp1",
    ".mp2", ".mp3", ".mpga", ".nist", ".oga", ".ogg", ".opus", ".paf", ".pvf", ".rf64", ".sds", ".sf", ".snd", ".sph",
    ".svx", ".voc", ".w64", ".wav", ".wave", ".wve",
)
"""Suffixes of the formats that the decoder, libsndfile, reads.

Left out are suffixes of its formats that mostly stand for other files, such as MATLAB's `.mat` or headerless `.raw`.
"""

CONVERTIBLE = (
    ".3g2", ".3gp", ".3gpp", ".aac", ".ac3", ".adts", ".amr", ".ape", ".asf", ".avi", ".awb", ".dff", ".dsf", ".eac3",
    ".flv", ".gsm", ".m4a", ".m4b", ".m4r", ".m4v", ".mka", ".mkv", ".mov", ".mp4", ".mpc", ".mpeg", ".mpg", ".ogv",
    ".ra", ".rm", ".spx", ".tak", ".tta", ".weba", ".webm", ".wma", ".wmv", ".wv",
)
"""Suffixes of formats, of video as well, that libsndfile does not read, but that `burst2vec convert` makes readable."""

SUFFIXES = READABLE + CONVERTIBLE
"""Suffixes of every file that is taken for a recording. What the decoder cannot read is reported, never passed over."""


def is_recording(name: str | os.PathLike[str]) -> bool:
    """Whether a file of that name or path is taken for a recording."""
    return _has_suffix(name, SUFFIXES)


def is_readable(name: str | os.PathLike[str]) -> bool:
    """Whether a file of that name or path is a recording in a format that the decoder reads."""
    return _has_suffix(name, READABLE)


def _has_suffix(name: str | os.PathLike[str], suffixes: tuple[str, ...]) -> bool:
    base = os.path.basename(os.fspath(name))
    return not base.startswith(".") and os.path.splitext(base)[1].lower() in suffixes


def by_stem(names: Iterable[str], suffix: str = "") -> dict[str, list[str]]:
    """Groups the recordings among `names`, or paths, that are alike but for their suffix; other files are left out.

    The keys are the names without suffix, in Unicode's composed form (NFC). Of each group the recording to be read
    comes first: one that the decoder reads before one that it does not, then one with the layout's usual `suffix`, then
    the last in order of the alphabet.

    >>> by_stem(["01.webm", "01.flac", "notes.txt"])
    {'01': ['01.flac', '01.webm']}
    """
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(filter(is_recording, names), reverse=True):
        groups[unicodedata.normalize("NFC", os.path.splitext(name)[0])].append(name)
    for group in groups.values():
        group.sort(key=lambda name: (not is_readable(name), not name.lower().endswith(suffix)))
    return dict(groups)


def recordings_below(folder: str | Path, report: Callable[[str], object]) -> list[str]:
    """The paths of the recordings to be read in a folder and the folders below it, sorted.

    These are `all_recordings_below`, without those that the decoder does not read and that lie beside one of the same
    name that it does read: somebody has converted them.
    """
    paths = all_recordings_below(folder, report)
    converted = {path for first, *others in by_stem(paths).values() if is_readable(first)
                 for path in others if not is_readable(path)}
    return [path for path in paths if path not in converted]


def all_recordings_below(folder: str | Path, report: Callable[[str], object]) -> list[str]:
    """The paths of all recordings in a folder and the folders below it, sorted; each begins with `folder`.

    Links are followed, and each folder is searched once, however many links lead to it. Hidden files and folders are
    passed over. `report` is told, in one line each, of folders that cannot be read and of links that lead nowhere.
    """
    found: list[str] = []
    for entry in _entries_below(os.fspath(folder), report):
        if is_recording(entry.name) and entry.is_file():
            found.append(entry.path)
    return sorted(found)


def _entries_below(top: str, report: Callable[[str], object]) -> Iterator[os.DirEntry[str]]:
    """Every entry that is no folder. Folders behind links come last, so that a file's own path is preferred."""
    folders, linked, searched = [top], list[str](), set[str]()
    while folders or linked:
        folder = folders.pop() if folders else linked.pop()
        real = os.path.realpath(folder)
        if real in searched:
            continue
        searched.add(real)
        for entry in _visible(folder, report):
            if entry.is_symlink() and not os.path.exists(entry.path):
                report(f"{entry.path}: the link leads nowhere ({os.readlink(entry.path)})")
            elif entry.is_dir():
                (linked if entry.is_symlink() else folders).append(entry.path)
            else:
                yield entry


def _visible(folder: str, report: Callable[[str], object]) -> list[os.DirEntry[str]]:
    """The entries of a folder that are not hidden, by name in reverse, as a stack of folders needs them."""
    try:
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        report(f"{folder}: the folder cannot be read ({error.strerror})")
        return []
    return sorted(visible, key=lambda entry: entry.name, reverse=True)
