"""From what a caller names to waveforms: files, folders and arrays of any length, long ones cut into windows.

A window is treated as a burst of its own. It is resampled, set to a level where the model wants that, and normalised by
itself, so its row of predictions is the one that a file of just these samples would get.
"""

from __future__ import annotations

import itertools
import math
import numbers
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from burst2vec.audio.faults import AudioError, Meter
from burst2vec.audio.waveform import Part, mix, part_of, read_parts
from burst2vec.corpora.recordings import recordings_below
from burst2vec.machine.progress import progress_bar
from burst2vec.messages import shown

Report = Callable[[str], object]
"""A function that is told something in one line."""

Samples = np.ndarray | torch.Tensor
"""A waveform (samples,) or (samples, channels): floats with full scale at 1.0, or integers over their whole range."""

Recording = str | Path | Samples | tuple[Samples, float]
"""The path of a file or a folder, an array whose sample rate is told beside it, or a pair of samples and rate in Hz."""

EXPECTED = "expected a path, a pair (samples, rate in Hz), or an array of samples with rate="


@dataclass(frozen=True, eq=False)
class Sound:
    """An array that was given as a recording: what it is called, float32 (samples, channels), its rate in Hz, and
    whether it was given in floating point."""

    name: str
    samples: np.ndarray
    rate: int
    floating: bool = True


@dataclass(frozen=True)
class Window:
    """A recording, or a part of one: its file, its start and end in seconds, and its waveform (samples,) at 16 kHz."""

    file: str
    start: float
    end: float
    waveform: np.ndarray


def list_recordings(given: Recording | Iterable[Recording], rate: float | None, report: Report) -> list[str | Sound]:
    """The paths of all files and the arrays that are given, in their order, each file once.

    A folder stands for all recordings in it and in the folders below it, sorted (`corpora.recordings`). Arrays are
    called `recording 0`, `recording 1` and so on, by their place in what is given; `rate` is the sample rate in Hz of
    those that come without one. `report` is told of folders that hold no recordings or cannot be read.

    Raises ValueError where something given is no recording, and where a rate is missing or out of place.
    """
    if not isinstance(given, Iterable | os.PathLike) or isinstance(given, Mapping):
        raise ValueError(f"{shown(given)} is no recording; {EXPECTED}")
    found: list[str | Sound] = []
    for place, each in enumerate(_several(given)):
        if not isinstance(each, str | os.PathLike):
            found.append(_sound(f"recording {place}", each, rate))
        elif rate is not None:
            raise ValueError(f"rate is {shown(rate)}, but the file {os.fspath(each)} has a rate of its own; {EXPECTED}")
        else:
            found += _files_below(os.fspath(each), report) if os.path.isdir(each) else [os.fspath(each)]
    return list(dict.fromkeys(found))


def read_windows(recordings: Sequence[str | Sound], longest: float, report: Report,
                 odd: Callable[[str, str], object] = lambda name, note: None) -> Iterator[Window]:
    """Yields every usable window of the recordings, in their order; none is longer than `longest` seconds.

    `report` is told, in one line for each recording, of what was left out of it and why. `odd` is told the name of a
    recording and what is odd about what is used of it (`faults.Meter.notes`), each note once.
    """
    with progress_bar(recordings, desc="Predicting", unit="recording") as bar:
        for recording in bar:
            name = recording if isinstance(recording, str) else recording.name
            parts = read_parts(name, longest) if isinstance(recording, str) else _split(recording, longest)
            faults: list[tuple[Part, str]] = []
            notes: defaultdict[str, list[tuple[Part, str]]] = defaultdict(list)
            count, end = 0, 0.0
            try:
                for part in parts:
                    count, end = count + 1, part.end
                    bar.set_postfix_str(f"{end:.0f} s of {os.path.basename(name)}")
                    for note in part.notes:
                        notes[note.partition(";")[0]].append((part, note))  # a kind of note, with its measures behind
                    if part.fault:
                        faults.append((part, part.fault))
                    else:
                        yield Window(name, part.start, part.end, part.waveform)
            except (AudioError, OSError) as error:
                said = getattr(error, "strerror", None) or str(error)
                said = said if said.startswith(name) else f"{name}: {said}"
                report(said + (f"; its first {end:.1f} s are used" if end else ""))
            if faults:
                report(f"{name}: {_describe(faults, count, ' left out')}")
            for of_kind in notes.values():
                odd(name, _describe(of_kind, count))


def _files_below(folder: str, report: Report) -> list[str]:
    said: list[str] = []
    found = recordings_below(folder, said.append)
    if not found and not said:
        said = [f"{folder}: the folder holds no recordings; expected .wav, .flac, .mp3 or other audio files"]
    for line in said:
        report(line)
    return found


def _describe(said: Sequence[tuple[Part, str]], count: int, what: str = "") -> str:
    """What is said of some of a recording's parts, which are `count` in all."""
    first, text = said[0]
    return text if count == 1 else f"{len(said)} of {count} windows{what}, first {first.start:.1f} to " \
                                   f"{first.end:.1f} s: {text}"


def _is_samples(thing: Any) -> bool:
    return isinstance(thing, torch.Tensor) or (isinstance(thing, np.ndarray) and thing.dtype.kind not in "OSUT")


def _several(given: Any) -> Iterable[Any]:
    """The recordings that are given, where they are one or several."""
    pair = isinstance(given, tuple) and len(given) == 2 and _is_samples(given[0]) and not _is_samples(given[1])
    return [given] if pair or isinstance(given, str | os.PathLike) or _is_samples(given) else given


def _sound(name: str, given: Any, rate: float | None) -> Sound:
    """An array of samples, or a pair of samples and rate, as a `Sound`; raises ValueError for anything else."""
    samples, own = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    if not _is_samples(samples):
        raise ValueError(f"{name} is {shown(given)}; {EXPECTED}")
    if (own is None) == (rate is None):
        said = "comes without a sample rate" if rate is None else f"has a rate of its own, but rate is {shown(rate)}"
        raise ValueError(f"{name} {said}; {EXPECTED}")
    hertz = rate if own is None else own
    if not isinstance(hertz, numbers.Real) or isinstance(hertz, bool) or not float(hertz).is_integer() or hertz <= 0:
        raise ValueError(f"{name}: its rate is {shown(hertz)}; expected the sample rate in Hz, a whole number")
    return Sound(name, _floating(name, samples), int(float(hertz)), "float" in str(samples.dtype))


def _floating(name: str, samples: Samples) -> np.ndarray:
    """Samples as float32 (samples, channels), full scale at 1.0; raises ValueError for what are no samples."""
    if isinstance(samples, torch.Tensor):
        samples = (samples.float() if samples.is_floating_point() else samples).numpy(force=True)
    if samples.ndim == 1:
        samples = samples[:, None]
    if samples.ndim != 2 or samples.shape[1] > max(samples.shape[0], 1):
        hint = "; transpose it: give its .T" if samples.ndim == 2 and samples.shape[0] else ""
        raise ValueError(f"{name} is of shape {samples.shape}; expected (samples,) or (samples, channels){hint}")
    if samples.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what becomes infinite is reported
            return samples.astype(np.float32)
    if samples.dtype.kind == "i" and samples.dtype.itemsize in (2, 4):
        return (samples / -float(np.iinfo(samples.dtype).min)).astype(np.float32)
    raise ValueError(f"{name} holds samples of type {samples.dtype}; expected floats, or integers of 16 or 32 bits")


def _split(sound: Sound, longest: float) -> Iterator[Part]:
    """Yields an array in equal parts of at most `longest` seconds, cut as `waveform.read_parts` cuts a file."""
    frames, rate = len(sound.samples), sound.rate
    count = max(1, math.ceil(frames / max(1, int(longest * rate))))
    for start, stop in itertools.pairwise(i * frames // count for i in range(count + 1)):
        block = sound.samples[start:stop]
        mono, meter = mix(block), Meter(rate, block.shape[1], sound.floating)
        meter.hear(block, mono)
        yield part_of(meter, mono, start)
