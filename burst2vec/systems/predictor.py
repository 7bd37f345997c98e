"""Predictions and representations for recordings, by a trained model or an ensemble.

Everything is computed in float32, whatever the precision of the training. So a burst of a corpus is given the numbers
that it has in the run's table of predictions, to 1e-4, on any machine and whichever bursts share its batch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from burst2vec.audio.faults import SAMPLE_RATE, SHORTEST
from burst2vec.audio.quantised import as_stored
from burst2vec.audio.waveform import to_rms_level
from burst2vec.corpora.corpus import Task
from burst2vec.corpora.plausibility import YEARS
from burst2vec.evaluation.predictions import tabulate
from burst2vec.messages import abridged, warn
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.inference import compute_in_batches, infer
from burst2vec.models.serialisation import ModelError
from burst2vec.results.ensembles import combine
from burst2vec.systems.recordings import Recording, Report, Window, list_recordings, read_windows

AT_ONCE = 600
"""Seconds of audio that are in memory at once, sorted by length so that windows of similar length share a batch."""


@dataclass(frozen=True)
class Embeddings:
    """What a model makes of recordings before its heads: float32 arrays with a row for each recording or window.

    `windows` says which part of which recording a row is about: `file`, and `start` and `end` in seconds.

    | name | shape | holds |
    |---|---|---|
    | `pooled` | (rows, features) | the backbone's hidden states, averaged over time |
    | `projected` | (rows, width) | the projection of these, from which the extractors start |
    | `shared` | (rows, width) | the features that all tasks share |
    | `specific["age"]` | (rows, width) | the features that are specific to a task, for each task by its name |
    | `combined["age"]` | (rows, width) | shared and specific features combined, which the task's head reads |

    `features` is the width of the backbone's hidden states, `width` the parameter of that name.
    """

    windows: pd.DataFrame
    pooled: np.ndarray
    projected: np.ndarray
    shared: np.ndarray
    specific: dict[str, np.ndarray]
    combined: dict[str, np.ndarray]


@dataclass(frozen=True)
class Predictor:
    """A trained model or an ensemble that predicts from recordings; `burst2vec.load` returns one.

    `members` holds the network of the model, or the networks of the ensemble, by the names of their folders.
    """

    members: Mapping[str, Burst2Vec]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that are predicted. The range of a scalar is the widest of the members'."""
        by_member = [model.tasks for model in self.members.values()]
        return tuple(dataclasses.replace(tasks[0], low=min(t.low for t in tasks), high=max(t.high for t in tasks))
                     for tasks in zip(*by_member, strict=True))

    def predict(self, recordings: Recording | Iterable[Recording], window: float = 10.0, batch_size: int = 8,
                report: Report = warn, *, rate: float | None = None, note: Report = warn) -> pd.DataFrame:
        """The predictions for recordings, with a row for each recording, or for each window of a long one.

        A recording is the path of a file, a pair `(samples, rate)`, or an array of samples, whose sample rate in Hz is
        then `rate`; several of them are given as a list. Samples have the shape (samples,) or (samples, channels). The
        path of a folder stands for all recordings in it.

        Columns: `file`, and `start` and `end` in seconds; then those of `evaluation.predictions`, averaged over the
        members of an ensemble (`ensembles.combine`). Recordings longer than `window` seconds are cut into equal
        windows. `batch_size` windows are computed at once; about ten minutes of audio are in memory.

        `report` is told, in one line each, which recordings were left out, wholly or in part, and why. `note` is told
        what is odd about the others (`faults.Meter.notes`), a few lines of each kind, and which scalars are
        implausible. Raises ValueError for arguments that are out of range, and ModelError where the
        weights lead to values that are not finite.
        """
        odd: list[tuple[str, str]] = []
        windows = _windows(recordings, rate, window, batch_size, report, lambda *said: odd.append(said))
        table = pd.concat([self._predict(portion, batch_size) for portion in _portions(windows)], ignore_index=True)
        wrong = ~np.isfinite(table.select_dtypes("number")).all(axis=1)
        if wrong.any():
            raise ModelError(f"{', '.join(self.members)}: predicts no finite numbers for "
                             f"{table['file'][wrong.argmax()]}; the training has failed, or model.safetensors is "
                             "damaged")
        for line in (*abridged(odd), *implausible_scalars(table, self.tasks)):
            note(line)
        return table

    def embed(self, recordings: Recording | Iterable[Recording], window: float = 10.0, batch_size: int = 8,
              report: Report = warn, *, rate: float | None = None) -> Embeddings:
        """The model's representations of recordings, which are given in the same way as to `predict`.

        Raises ValueError for an ensemble, which has no representations of its own, and for arguments out of range.
        """
        if len(self.members) > 1:
            raise ValueError("an ensemble has no representations of its own; load one of its members instead: "
                             + ", ".join(self.members))
        [model] = self.members.values()
        portions = list(_portions(_windows(recordings, rate, window, batch_size, report)))
        found = [_represent(model, portion, batch_size) for portion in portions]
        joined = {name: np.concatenate([arrays[name] for arrays in found]) for name in found[0]}
        specific, combined = ({task.name: joined[f"{kind} {task.name}"] for task in model.tasks}
                              for kind in ("specific", "combined"))
        return Embeddings(pd.concat(map(_places, portions), ignore_index=True), joined["pooled"], joined["projected"],
                          joined["shared"], specific, combined)

    def _predict(self, windows: Sequence[Window], batch_size: int) -> pd.DataFrame:
        places, tables = _places(windows), {}
        for name, model in self.members.items():
            outputs = infer(model, *_batches(model, windows, batch_size), progress=False, seconds=_longest(windows))
            tables[name] = tabulate(outputs, model.tasks, places, keep=list(places))
        return combine(tables, self.tasks)


def implausible_scalars(table: pd.DataFrame, tasks: Iterable[Task]) -> Iterator[str]:
    """Yields a line for each task of which the table holds implausible scalars.

    A scalar is implausible if it is farther from the range of the training labels than that range is wide, and also if
    it is in years and no age.
    """
    for task in (task for task in tasks if task.kind == "scalar"):
        values, width = table[task.columns[0]], task.high - task.low
        odd = ~values.between(task.low - width, task.high + width)
        if task.unit == "years":
            odd |= ~values.between(*YEARS)
        if odd.any():
            first, unit = odd.idxmax(), f" {task.unit}" if task.unit else ""
            yield (f"{task.name} is implausible in {odd.sum()} of {len(table)} rows, first {values[first]:.1f}{unit} "
                   f"for {table['file'][first]}; the model was trained on {task.low:.1f} to {task.high:.1f}{unit}")


def _windows(recordings: Recording | Iterable[Recording], rate: float | None, window: float, batch_size: int,
             report: Report, odd: Callable[[str, str], object] = lambda name, note: None) -> Iterator[Window]:
    shortest = 2 * SHORTEST / SAMPLE_RATE  # equal windows are longer than half of the longest
    if not shortest <= window < float("inf"):
        raise ValueError(f"window is {window} s; expected {shortest:g} s or more")
    if batch_size < 1:
        raise ValueError(f"batch size is {batch_size}; expected 1 or more")
    return read_windows(list_recordings(recordings, rate, report), window, report, odd)


def _portions(windows: Iterator[Window]) -> Iterator[list[Window]]:
    """Yields the windows in lists of `AT_ONCE` seconds; a single empty list where there are no windows."""
    portion: list[Window] = []
    samples, first = 0, True
    for window in windows:
        portion.append(window)
        samples += len(window.waveform)
        if samples >= AT_ONCE * SAMPLE_RATE:
            yield portion
            portion, samples, first = [], 0, False
    if portion or first:
        yield portion


def _places(windows: Sequence[Window]) -> pd.DataFrame:
    return pd.DataFrame({
        "file": pd.Series([w.file for w in windows], dtype=object),  # pandas' own text must be UTF-8, a name need not
        "start": [round(w.start, 3) for w in windows], "end": [round(w.end, 3) for w in windows]})


def _longest(windows: Sequence[Window]) -> float:
    return max((len(w.waveform) for w in windows), default=1) / SAMPLE_RATE


def _batches(model: Burst2Vec, windows: Sequence[Window],
             batch_size: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, int]:
    """What `inference.infer` batches: the waveforms as the model was trained to hear them, their numbers, their
    lengths in samples, and the size of a batch, in which nothing may depend on the other windows."""
    heard = [as_stored(to_rms_level(w.waveform) if model.audio == "own" else w.waveform) for w in windows]
    lengths = np.array([len(waveform) for waveform in heard], int)
    return heard, np.arange(len(heard)), lengths, batch_size if model.independent else 1


def _represent(model: Burst2Vec, windows: Sequence[Window], batch_size: int) -> dict[str, np.ndarray]:
    def ask(waveforms: torch.Tensor, lengths: torch.Tensor) -> dict[str, torch.Tensor]:
        return model.represent(waveforms, lengths).by_name()

    if windows:
        return compute_in_batches(model, ask, *_batches(model, windows, batch_size), None, progress=False,
                                  seconds=_longest(windows))
    nothing = next(model.parameters()).new_empty(0, model.backbone.features)
    with torch.inference_mode():
        return {name: features.cpu().numpy() for name, features in model.branch(nothing).by_name().items()}

