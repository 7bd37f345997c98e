"""TensorBoard finds the numbers of the history, each once, also after a training was resumed."""

from __future__ import annotations

import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from burst2vec.config import ParameterError
from burst2vec.training.events import Events
from burst2vec.training.trainer import train


def read(folder):
    """The values in event files, by tag: steps and values."""
    found = EventAccumulator(str(folder))
    found.Reload()
    return {tag: {event.step: event.value for event in found.Scalars(tag)} for tag in found.Tags()["scalars"]}


def test_event_files_hold_what_the_history_holds(tiny_corpus, tiny_store, tiny_params, tmp_path):
    params = tiny_params(tensorboard=str(tmp_path), run="mine", variant="V1")
    history = train(tiny_corpus, tiny_store, params).history
    found = read(tmp_path / "mine" / "V1")
    for row in history.itertuples():
        assert found[f"{row.stage}/{row.task} {row.term}"][row.iteration] == pytest.approx(row.value, rel=1e-5)
    assert sum(map(len, found.values())) == len(history)


def test_steps_after_the_one_that_a_training_resumes_from_are_replaced(tiny_params, tmp_path):
    params = tiny_params(tensorboard=str(tmp_path))
    for resumed, rows in ((0, [(1, 1.0), (2, 2.0), (3, 3.0)]), (1, [(2, 5.0)])):
        events = Events(params, resumed)
        events.add([(step, 1, "train", "age", "total", value) for step, value in rows])
        events.close()
    assert read(tmp_path / "run" / "system") == {"train/age total": {1: 1.0, 2: 5.0}}


def test_a_missing_package_is_named(tiny_params, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ParameterError, match="the package tensorboard is not installed; pip install tensorboard"):
        Events(tiny_params(tensorboard=str(tmp_path)))
