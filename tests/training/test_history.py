"""The history of a training: what it records, and that a checkpoint keeps it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from burst2vec.training.history import HISTORY, History


def batch(task="age", rows=(3, 1), padding=0.25):
    return SimpleNamespace(task=SimpleNamespace(name=task), rows=np.array(rows), padding=padding)


def losses(total):
    return {"shared": torch.tensor(0.5), "total": torch.tensor(total)}


@pytest.fixture
def history():
    """A history with one validation, and two steps since."""
    made = History()
    made.add_step(1, batch(), losses(1.0))
    made.read_losses()
    made.add_losses(1, 1)
    made.add_score(1, 1, "age", "MAE", 4.0)
    made.add_step(2, batch(), losses(2.0))
    made.add_step(3, batch(padding=0.75), losses(4.0))
    return made


def test_the_means_since_the_last_validation_are_added_for_each_task_and_term(history):
    history.add_step(4, batch("mood"), losses(7.0))
    history.read_losses()
    history.add_losses(4, 2)
    assert history.recent == []
    rows = history.table()[4:]
    assert list(rows) == HISTORY and set(rows["iteration"]) == {4} and set(rows["epoch"]) == {2}
    assert {(r.task, r.term): r.value for r in rows[rows["stage"] == "train"].itertuples()} == {
        ("age", "shared"): 0.5, ("age", "total"): 3.0, ("age", "padding"): 0.5,
        ("mood", "shared"): 0.5, ("mood", "total"): 7.0, ("mood", "padding"): 0.25}


def test_the_first_step_whose_total_is_not_finite_is_found_with_its_bursts(history):
    assert history.read_losses() is None
    history.add_step(4, batch(), losses(1.0))
    history.add_step(5, batch(rows=(7, 2)), losses(float("nan")))
    history.add_step(6, batch(), losses(float("inf")))
    found = history.read_losses()
    assert (found.iteration, found.rows) == (5, [7, 2]) and np.isnan(found.terms["total"])


def test_a_history_goes_through_json_unchanged(history):
    again = History.from_json(json.loads(json.dumps(history.to_json())))
    for either in (history, again):
        either.read_losses()
        either.add_losses(3, 1)
    pd.testing.assert_frame_equal(again.table(), history.table(), check_exact=True)
