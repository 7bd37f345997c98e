from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.training.batches import Feed, cells, deal, one_task_each, oversample, plan

FEELING = Task("feeling", "intensities", ("joy", "grief"))
HEIGHT = Task("height", "scalar", ("height",), unit="cm", low=150, high=200)
SOUND = Task("sound", "classes", ("kind",), classes=("laugh", "sigh", "cough"))
TASKS = (FEELING, HEIGHT, SOUND)


class Store(list):
    """Waveforms that tell which row they belong to: row 7's are 7.01, 7.02 and so on."""

    @property
    def lengths(self):
        return np.array([len(w) for w in self])


def make(train=30, val=4, test=3, unlabelled=(), tasks=TASKS, seed=0):
    """A corpus whose rows `unlabelled` carry no height, and a store of bursts of 1 to 60 samples."""
    rng = np.random.default_rng(seed)
    n = train + val + test
    table = pd.DataFrame({
        "split": rng.permutation(["train"] * train + ["val"] * val + ["test"] * test), "speaker": None, "sex": None,
        "raw": None, "provided": None, "joy": rng.random(n), "grief": rng.random(n),
        "height": rng.uniform(150, 200, n), "kind": rng.choice(SOUND.classes, n),
    }, index=pd.Index([str(i) for i in range(n)], name="file"))
    table.loc[table.index[list(unlabelled)], "height"] = np.nan
    store = Store((i + 0.01 * np.arange(1, 1 + rng.integers(1, 60))).astype(np.float32) for i in range(n))
    return Corpus("made up", Path("."), table, tasks), store


def options(**changes):
    return SimpleNamespace(**{"seed": 0, "batch_size": 4, "epoch": "each_task", "oversampling": False, "max_repeat": 10,
                              **changes})


def feed(corpus, store, **changes):
    return Feed(corpus, store, options(**changes), torch.device("cpu"))


def epoch(corpus, store, params, number):
    return Feed(corpus, store, params, torch.device("cpu")).epoch(number)


def rows_of(batches, task):
    return sorted(row for b in batches if b.task is task for row in b.rows)


def order(corpus, store, number=1, **changes):
    return [(b.task.name, b.rows.tolist()) for b in epoch(corpus, store, options(**changes), number)]


CPU = torch.device("cpu")


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(2, 9), st.integers(0, 5))
def test_an_epoch_shows_each_training_burst_once_to_each_task(train, batch_size, number):
    corpus, store = make(train)
    found = list(epoch(corpus, store, options(batch_size=batch_size), number))
    training = np.flatnonzero(corpus.table["split"] == "train").tolist()
    for task in TASKS:
        assert rows_of(found, task) == training
    assert max(len(b.rows) for b in found) <= batch_size


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 60), st.integers(0, 3), st.integers(0, 5))
def test_one_pass_shows_each_training_burst_once_for_a_task_that_it_has_a_label_for(train, unlabelled, number):
    corpus, store = make(train, unlabelled=range(unlabelled))
    found = list(epoch(corpus, store, options(epoch="one_pass"), number))
    training = np.flatnonzero(corpus.table["split"] == "train").tolist()
    assert sorted(row for batch in found for row in batch.rows) == training
    assert not set(rows_of(found, HEIGHT)) & set(range(unlabelled))


def test_one_pass_shares_bursts_out_among_the_tasks_evenly_and_otherwise_in_the_next_epoch():
    corpus, store = make(train=31)
    first, second = (list(epoch(corpus, store, options(epoch="one_pass"), number)) for number in (1, 2))
    assert sorted(len(rows_of(first, task)) for task in TASKS) == [10, 10, 11]
    assert rows_of(first, SOUND) != rows_of(second, SOUND)


def test_a_burst_is_dealt_to_tasks_that_it_has_labels_for_alone():
    labelled = np.array([[True, False], [True, True], [False, False], [True, True], [False, True]])
    for seed in range(20):
        chosen = one_task_each(labelled, np.random.default_rng(seed))
        assert chosen[[0, 2, 4]].tolist() == [0, -1, 1] and sorted(chosen[[1, 3]]) == [0, 1]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(2, 32), st.integers(0, 99))
def test_batches_are_as_few_and_as_equal_as_can_be(count, batch_size, seed):
    found = deal(np.arange(count), batch_size, np.random.default_rng(seed))
    sizes = [len(b) for b in found]
    assert len(found) == int(np.ceil(count / batch_size))
    assert max(sizes) - min(sizes) <= 1 and max(sizes) <= batch_size
    assert sorted(np.concatenate(found)) == list(range(count))


def test_bursts_meet_by_chance_whatever_their_lengths():
    """Two bursts of neighbouring length are as often in one batch as any two: 7 of 63 others."""
    together = [any({0, 1} <= set(batch) for batch in deal(np.arange(64), 8, np.random.default_rng(seed)))
                for seed in range(2_000)]
    assert np.mean(together) == pytest.approx(7 / 63, abs=0.03)


def test_a_batch_holds_its_rows_waveforms_lengths_and_its_one_tasks_targets():
    corpus, store = make()
    for batch in epoch(corpus, store, options(), 1):
        table = corpus.table.iloc[batch.rows]
        wanted = {"feeling": table[["joy", "grief"]].to_numpy(), "height": (table[["height"]].to_numpy() - 150) / 50,
                  "sound": np.array([SOUND.classes.index(k) for k in table["kind"]])}[batch.task.name]
        np.testing.assert_allclose(batch.targets.numpy(), wanted, rtol=1e-5)
        assert (np.diff(batch.sizes) >= 0).all()
        bursts = [burst for group in batch.groups(np.arange(len(batch.rows))) for burst in zip(*group, strict=True)]
        for row, size, (waveform, length) in zip(batch.rows, batch.sizes, bursts, strict=True):
            np.testing.assert_array_equal(waveform[:length], store[row])
            assert not waveform[length:].any() and length == size == len(store[row])


def test_tasks_take_turns():
    corpus, store = make(train=24)
    assert [name for name, _ in order(corpus, store)] == ["feeling", "height", "sound"] * 6


def test_a_task_with_fewer_labels_comes_more_seldom_and_never_sees_a_burst_without_label():
    corpus, store = make(train=24, val=8, test=0, unlabelled=range(15))
    found = list(epoch(corpus, store, options(), 1))
    labelled = [r for r in np.flatnonzero(corpus.table["split"] == "train") if r >= 15]
    assert len(labelled) < 20
    assert rows_of(found, HEIGHT) == labelled
    assert len(rows_of(found, SOUND)) == 24
    names = [b.task.name for b in found]
    # Four batches beside six and six: two in each half of the epoch.
    assert [names[:8].count("height"), names[8:].count("height")] == [2, 2]
    assert all(torch.isfinite(b.targets.float()).all() for b in found)


def test_the_same_seed_and_epoch_give_the_same_batches_and_others_do_not():
    corpus, store = make()
    assert order(corpus, store) == order(corpus, store)
    assert order(corpus, store) != order(corpus, store, number=2)
    assert order(corpus, store) != order(corpus, store, seed=1)


def test_the_batches_do_not_depend_on_the_global_random_state():
    corpus, store = make()
    before = order(corpus, store)
    np.random.seed(99)
    torch.manual_seed(99)
    assert order(corpus, store) == before


@pytest.mark.parametrize("kind", ["one_pass", "each_task"])
@pytest.mark.parametrize("oversampling", [False, True])
def test_a_plan_is_the_epoch_without_its_waveforms_and_every_epoch_is_as_long(oversampling, kind):
    corpus, store = make(train=50, unlabelled=range(7))
    changes = {"oversampling": oversampling, "epoch": kind}
    plans = [plan(corpus, options(**changes), number) for number in (1, 2, 3)]
    assert ([(task.name, sorted(rows)) for task, rows in plans[1]]
            == [(name, sorted(rows)) for name, rows in order(corpus, store, 2, **changes)])
    assert len({len(p) for p in plans}) == 1


def test_hardly_any_padding_is_computed_unless_it_has_to_be():
    corpus, store = make(train=200)
    means = [np.mean([Feed(corpus, store, options(batch_size=32), CPU, grouped=grouped).batch(task, rows).padding
                      for task, rows in plan(corpus, options(batch_size=32), 1)]) for grouped in (True, False)]
    assert means[0] < 0.1 and means[1] > 0.4


def test_one_task_alone_makes_its_own_epoch():
    corpus, store = make(tasks=(SOUND,))
    assert {name for name, _ in order(corpus, store)} == {"sound"}


def held(*sizes):
    """A corpus and a store of which the first bursts are of those sizes."""
    corpus, _ = make(train=len(sizes))
    return corpus, Store(np.full(size, row + 1, np.float32) for row, size in enumerate([*sizes, *[1] * 7]))


def test_the_padding_of_a_batch_is_its_share_of_what_is_computed():
    batch = Feed(*held(9, 4, 10), options(), CPU).batch(SOUND, np.arange(3))
    assert batch.rows.tolist() == [1, 0, 2] and batch.padding == pytest.approx(1 / 24)
    assert [group[0].shape for group in batch.groups(np.arange(3))] == [(1, 4), (2, 10)]
    whole = Feed(*held(9, 4, 10), options(), CPU, grouped=False).batch(SOUND, np.arange(3))
    assert whole.padding == pytest.approx(7 / 30)
    assert [group[0].shape for group in whole.groups(np.arange(3))] == [(3, 10)]


def test_a_part_of_a_batch_is_as_long_as_the_batch_where_padding_has_an_effect():
    batch = Feed(*held(9, 4, 10), options(), CPU, grouped=False).batch(SOUND, np.arange(3))
    [(waveforms, lengths)] = batch.groups(np.array([0]))
    assert waveforms.shape == (1, 10) and lengths.tolist() == [4]
    rounded = Feed(*held(9, 4, 10), options(), CPU, multiple=8).batch(SOUND, np.arange(3))
    assert [group[0].shape[1] for group in rounded.groups(np.arange(3))] == [8, 16]


def test_cells_cross_strongest_intensity_scalar_band_and_class():
    table = pd.DataFrame({
        "joy": [1.0, 0.9, 0.1, 1.0, 1.0], "grief": [0.2, 0.1, 1.0, 0.9, 0.2],
        "height": [150.0, 162.4, 151.0, 162.6, 150.0], "kind": ["sigh", "sigh", "sigh", "sigh", "cough"]})
    a, b, c, d, e = cells(TASKS, table)
    assert a == b  # both: joy, lowest quarter of the range, sigh
    assert len({a, c, d, e}) == 4  # c is grief, d in the second quarter, e a cough


def test_the_ends_of_a_scalars_range_lie_in_its_first_and_last_band():
    table = pd.DataFrame({"height": [140.0, 150.0, 199.0, 200.0, 230.0]})
    low, lowest, high, highest, beyond = cells((HEIGHT,), table)
    assert low == lowest != high == highest == beyond


def test_bursts_without_a_label_are_a_cell_of_their_own():
    table = pd.DataFrame({"joy": [0.9, np.nan], "grief": [0.1, np.nan], "height": [155, np.nan],
                          "kind": ["laugh", None]})
    for task in TASKS:
        labelled, unlabelled = cells((task,), table)
        assert labelled != unlabelled


@pytest.mark.parametrize("seed", range(5))
def test_smaller_cells_grow_to_the_size_of_the_largest(seed):
    cell = np.array([0] * 8 + [1] * 3 + [2])
    rows = oversample(np.arange(100, 112), cell, 10, np.random.default_rng(seed))
    counts = np.bincount(rows, minlength=112)[100:]
    assert [counts[cell == c].sum() for c in range(3)] == [8, 8, 8]
    assert sorted(counts[cell == 1]) == [2, 3, 3]  # repeated as evenly as can be


def test_a_small_cell_stays_small_where_repetition_is_capped():
    cell = np.array([0] * 50 + [1] * 4)
    counts = np.bincount(oversample(np.arange(54), cell, 3, np.random.default_rng(0)))
    assert counts[50:].tolist() == [3, 3, 3, 3]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=80), st.integers(1, 6), st.integers(0, 9))
def test_every_burst_is_kept_none_repeated_too_often_and_no_cell_outgrows_the_largest(cell, max_repeat, seed):
    cell = np.array(cell)
    found = oversample(np.arange(len(cell)), cell, max_repeat, np.random.default_rng(seed))
    counts = np.bincount(found, minlength=len(cell))
    assert counts.min() >= 1 and counts.max() <= max_repeat
    largest = np.bincount(cell).max()
    for c in np.unique(cell):
        assert counts[cell == c].sum() == min(largest, (cell == c).sum() * max_repeat)


def test_oversampling_draws_other_repetitions_from_epoch_to_epoch_and_from_training_bursts_alone():
    corpus, store = make(train=60, val=20)
    epochs = [list(epoch(corpus, store, options(oversampling=True), number)) for number in (1, 2)]
    rows = [rows_of(e, SOUND) for e in epochs]
    training = set(np.flatnonzero(corpus.table["split"] == "train"))
    assert set(rows[0]) == set(rows[1]) == training and rows[0] != rows[1]
    assert len(rows[0]) > 60
    assert rows_of(epochs[0], FEELING) == rows[0] == rows_of(epochs[0], HEIGHT)
