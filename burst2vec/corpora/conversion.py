"""Recordings in formats that the decoder does not read, such as WebM, AAC and MP4, made readable by ffmpeg."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import soundfile

from burst2vec.corpora.recordings import all_recordings_below, by_stem, is_readable
from burst2vec.machine.files import write_aside
from burst2vec.machine.parallel import in_parallel
from burst2vec.machine.progress import progress_bar

SUFFIX = ".flac"
"""The suffix of the files that are written: lossless, and half the size of WAV."""

INSTALL = "install it (conda install ffmpeg, apt install ffmpeg, brew install ffmpeg)"
"""How to get ffmpeg."""


def convert(folder: str | Path, report: Callable[[str], object]) -> tuple[int, int]:
    """Makes every recording in a folder and the folders below it readable, and returns how many were converted and how
    many had been before.

    What the decoder does not read becomes a 16-bit FLAC file beside it, of the same name but for the suffix, which is
    the name that readers of corpora look for. Sample rate and channels stay, and of a video the first sound track is
    taken. The originals stay as they are. A file appears whole or not at all, and a recording beside which a readable
    one of its name lies is passed over, so that a conversion that was broken off goes on where it was.

    `report` is told, in one line each, of recordings that could not be converted and of what
    `all_recordings_below` reports. Raises FileNotFoundError where there is no such folder, and OSError where there is
    something to convert but ffmpeg is not installed.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder")
    todo, done = [], 0
    for first, *others in by_stem(all_recordings_below(folder, report)).values():
        unreadable = [path for path in (first, *others) if not is_readable(path)]
        if is_readable(first):
            done += bool(unreadable)
            continue
        todo.append(first)
        for other in unreadable[1:]:
            report(f"{other}: not converted, since {os.path.basename(first)}, which lies beside it, has the same name")
    if not todo:
        return 0, done
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise OSError(f"{folder}: recordings to convert: {len(todo)}, {todo[0]} first, and ffmpeg is not "
                      f"installed; {INSTALL}")
    faults = in_parallel(functools.partial(_convert, ffmpeg=ffmpeg), todo)
    converted = 0
    for fault in progress_bar(faults, total=len(todo), desc="Converting", unit="recording"):
        converted += fault is None
        if fault is not None:
            report(fault)
    return converted, done


def _convert(path: str, ffmpeg: str) -> str | None:
    """Converts a recording; returns what is wrong with it, or None."""
    target = Path(path).with_suffix(SUFFIX)
    try:
        with write_aside(target) as aside:
            # With `file:` a colon in a name is part of it, and a dash at its beginning is no option.
            command = [ffmpeg, "-nostdin", "-v", "error", "-y", "-i", f"file:{path}", "-map", "0:a:0", "-map_metadata",
                       "-1", "-c:a", "flac", "-sample_fmt", "s16", "-f", "flac", f"file:{aside}"]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            if done.returncode:
                raise ValueError(_last_line(done.stderr) or f"ffmpeg ended with {done.returncode}")
            if not aside.exists():
                raise ValueError("ffmpeg wrote nothing")
            with soundfile.SoundFile(os.fsencode(aside)) as made:
                if not made.frames:
                    raise ValueError("it holds no samples")
    except soundfile.SoundFileError:
        return f"{path}: cannot be converted (what ffmpeg wrote is not readable)"
    except ValueError as error:
        return f"{path}: cannot be converted ({error})"
    except OSError as error:
        return f"{target}: cannot be written ({error.strerror or error})"
    return None


def _last_line(text: bytes) -> str:
    return (text.decode(errors="replace").strip().splitlines() or [""])[-1]
