"""Predictions for recordings: files and folders of any length, long ones in windows.

A window is treated as a burst of its own: resampled, levelled where the model wants it, and normalised by itself. So
its row is the one that a file with just these samples would get.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from burst2vec.audio.quantised import as_stored
from burst2vec.audio.waveform import SAMPLE_RATE, SHORTEST, AudioError, check, read_parts, to_rms_level
from burst2vec.evaluation.predictions import tabulate
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.inference import infer
from burst2vec.results.ensembles import combine

SUFFIXES = (".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".snd", ".w64", ".wav",
            ".aac", ".amr", ".m4a", ".webm", ".wma")
"""What is taken for a recording in a folder. libsndfile does not read the last five, so that they are reported."""

AT_ONCE = 600
"""Seconds of audio that are held and sorted by length at once, so that the like share a batch."""

FORMATS = (".csv", ".jsonl")

Report = Callable[[str], object]
"""Is told, in one line, of each recording that was left out, wholly or in part."""


@dataclass(frozen=True)
class Window:
    """A recording, or part of one: its file, start and end in seconds, and waveform (samples,) at 16 kHz."""

    file: str
    start: float
    end: float
    waveform: np.ndarray


def find_recordings(paths: Iterable[str | Path], report: Report) -> list[str]:
    """The files among `paths`, and those in its folders and theirs that are recordings by their suffix, sorted.

    Each stands there once, in the order of `paths`. Hidden files in folders are passed over.
    """
    found: list[str] = []
    for path in paths:
        found += _within(path, report) if os.path.isdir(path) else [os.fspath(path)]
    return list(dict.fromkeys(found))


def _within(folder: str | Path, report: Report) -> list[str]:
    closed: list[OSError] = []
    found = []
    for parent, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.join(parent, name) for name in files
                  if name.lower().endswith(SUFFIXES) and not name.startswith(".")]
    for error in closed:
        report(f"{error.filename}: the folder cannot be read ({error.strerror})")
    if not found and not closed:
        report(f"{folder}: the folder holds no recordings; expected .wav, .flac, .mp3 or other audio files")
    return sorted(found)


def read_windows(files: Sequence[str], longest: float, report: Report) -> Iterator[Window]:
    """Every usable window of the files, in their order; `report` hears of the others, in one line for each file."""
    with tqdm(files, desc="Predicting", unit="file", disable=None) as bar:
        for file in bar:
            faults: list[tuple[float, float, str]] = []
            count, end = 0, 0.0
            try:
                for count, (start, end, waveform) in enumerate(read_parts(file, longest), 1):
                    bar.set_postfix_str(f"{end:.0f} s of {os.path.basename(file)}")
                    fault = _fault(waveform)
                    if fault:
                        faults.append((start, end, fault))
                    else:
                        yield Window(file, start, end, waveform)
            except (AudioError, OSError) as error:
                said = getattr(error, "strerror", None) or str(error)
                said = said if said.startswith(file) else f"{file}: {said}"
                report(said + (f"; its first {end:.1f} s are used" if end else ""))
            if faults:
                report(_describe(file, faults, count))


def _fault(waveform: np.ndarray) -> str:
    try:
        check(waveform)
    except AudioError as error:
        return str(error)
    return ""


def _describe(file: str, faults: Sequence[tuple[float, float, str]], count: int) -> str:
    start, end, fault = faults[0]
    if count == 1:
        return f"{file}: {fault}"
    return f"{file}: {len(faults)} of {count} windows left out, first {start:.1f} to {end:.1f} s: {fault}"


def predict(members: Mapping[str, Burst2Vec], paths: Iterable[str | Path], window: float, batch_size: int,
            report: Report) -> pd.DataFrame:
    """A row for each window of the recordings: `file`, `start` and `end` in seconds, and the columns of
    `predictions`, averaged over `members` as `ensembles.combine` does.

    Recordings longer than `window` seconds are cut into equal windows. No more than ten minutes and a window of audio
    are in memory. `report` is told in one line of whatever was left out. Raises ValueError for a `window` or
    `batch_size` out of range.
    """
    shortest = 2 * SHORTEST / SAMPLE_RATE  # equal windows are longer than half the longest
    if not shortest <= window < float("inf"):
        raise ValueError(f"window is {window} s; expected {shortest:g} s or more")
    if batch_size < 1:
        raise ValueError(f"batch size is {batch_size}; expected 1 or more")
    windows = read_windows(find_recordings(paths, report), window, report)
    tables = [_predict(members, part, batch_size) for part in _portions(windows)]
    return pd.concat(tables or [_predict(members, [], batch_size)], ignore_index=True)


def render(table: pd.DataFrame, suffix: str = ".csv") -> str:
    """A table of `predict` as CSV or, for the suffix `.jsonl`, as JSON lines, in seven digits."""
    if suffix == ".csv":
        return table.to_csv(index=False, float_format="%.7g")
    rows = ({name: float(f"{value:.7g}") if isinstance(value, float) else value for name, value in row.items()}
            for row in table.to_dict("records"))
    return "".join(json.dumps(row) + "\n" for row in rows)


def _portions(windows: Iterator[Window]) -> Iterator[list[Window]]:
    """The windows in lists of `AT_ONCE` seconds."""
    portion, samples = [], 0
    for window in windows:
        portion.append(window)
        samples += len(window.waveform)
        if samples >= AT_ONCE * SAMPLE_RATE:
            yield portion
            portion, samples = [], 0
    if portion:
        yield portion


def _predict(members: Mapping[str, Burst2Vec], windows: Sequence[Window], batch_size: int) -> pd.DataFrame:
    where = pd.DataFrame({
        "file": pd.Series([w.file for w in windows], dtype=object),  # pandas' own text must be UTF-8, a name need not
        "start": [round(w.start, 3) for w in windows], "end": [round(w.end, 3) for w in windows]})
    lengths = np.array([len(w.waveform) for w in windows], int)
    tables = {}
    for name, model in members.items():
        heard = [as_stored(to_rms_level(w.waveform) if model.audio == "own" else w.waveform) for w in windows]
        size = batch_size if model.independent else 1
        outputs = infer(model, heard, np.arange(len(heard)), lengths, size, progress=False,
                        seconds=lengths.max(initial=1) / SAMPLE_RATE)
        tables[name] = tabulate(outputs, model.tasks, where, keep=list(where))
    return combine(tables, next(iter(members.values())).tasks)
