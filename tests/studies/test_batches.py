"""The study of batches deals as it says, and goes on where it was."""

from __future__ import annotations

import json

import numpy as np
import pytest

from studies import batches


def dealt(window, seed=0, count=96):
    lengths = np.random.default_rng(5).permutation(count)
    return lengths, batches.dealer(lengths, window)(np.arange(count), 8, np.random.default_rng(seed))


def spread(window):
    """The mean range of the lengths in a batch."""
    lengths, found = dealt(window)
    return np.mean([np.ptp(lengths[rows]) for rows in found])


def test_every_way_deals_each_row_once():
    for window in batches.WINDOWS.values():
        assert sorted(np.concatenate(dealt(window)[1])) == list(range(96))


def test_the_larger_the_window_the_more_alike_are_the_lengths_in_a_batch():
    assert spread(batches.WINDOWS["sorted"]) == 7 < spread(5) < spread(1)


def test_a_window_of_one_batch_leaves_who_meets_whom_to_chance():
    _, found = dealt(1)
    plain = np.array_split(np.random.default_rng(0).permutation(96), 12)
    assert {frozenset(rows) for rows in found} == {frozenset(rows) for rows in plain}


def test_batches_are_shuffled_after_sorting():
    lengths, found = dealt(batches.WINDOWS["sorted"])
    means = [lengths[rows].mean() for rows in found]
    assert means != sorted(means)


def test_an_interrupted_study_goes_on_where_it_was(tmp_path, monkeypatch):
    trained = []

    def scores(corpus, store, params, way):
        trained.append((way, params.seed))
        if len(trained) == 4:
            raise KeyboardInterrupt
        return [{"task": "emotion", "metric": "CCC", "value": 0.5}]

    monkeypatch.setattr(batches, "scores", scores)
    monkeypatch.setattr(batches, "open_corpus", lambda params: None)
    monkeypatch.setattr(batches, "open_store", lambda *_: None)
    arguments = ["--seeds", "2", "--json", str(tmp_path / "found.json")]
    with pytest.raises(KeyboardInterrupt):
        batches.main(arguments)
    batches.main(arguments)
    assert trained == [("random", 0), ("windows", 0), ("sorted", 0), ("random", 1), ("random", 1), ("windows", 1),
                       ("sorted", 1)]
    content = json.loads((tmp_path / "found.json").read_text())
    assert len(content["rows"]) == 6 and {"environment", "command", "steps"} <= content.keys()
    batches.main([*arguments, "--steps", "7"])  # another study takes nothing from the first
    assert len(trained) == 13
    record = json.loads((tmp_path / "found.json").read_text())
    (tmp_path / "found.json").write_text(json.dumps(record | {"backbone_size": "published"}))
    batches.main([*arguments, "--steps", "7"])  # nor does one with other backbones
    assert len(trained) == 19
