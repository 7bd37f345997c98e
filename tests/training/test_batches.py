from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from burst2vec.audio.packed import collate
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.training.batches import Batch, Feed, bucketed, cells, oversample, plan

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
    return SimpleNamespace(**{"seed": 0, "batch_size": 4, "bucket_batches": 3, "oversampling": False, "max_repeat": 10,
                              **changes})


def feed(corpus, store, **changes):
    return Feed(corpus, store, options(**changes), torch.device("cpu"))


def epoch(corpus, store, params, number):
    return Feed(corpus, store, params, torch.device("cpu")).epoch(number)


def rows_of(batches, task):
    return sorted(row for b in batches if b.task is task for row in b.rows)


def order(corpus, store, number=1, **changes):
    return [(b.task.name, b.rows.tolist()) for b in epoch(corpus, store, options(**changes), number)]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(2, 9), st.integers(1, 6), st.integers(0, 5))
def test_an_epoch_shows_each_training_burst_once_to_each_task(train, batch_size, bucket_batches, number):
    corpus, store = make(train)
    found = list(epoch(corpus, store, options(batch_size=batch_size, bucket_batches=bucket_batches), number))
    training = np.flatnonzero(corpus.table["split"] == "train").tolist()
    for task in TASKS:
        assert rows_of(found, task) == training
    assert max(len(b.rows) for b in found) <= batch_size


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(2, 32), st.integers(1, 9), st.integers(0, 99))
def test_batches_are_as_few_and_as_equal_as_can_be(count, batch_size, bucket_batches, seed):
    rng = np.random.default_rng(seed)
    found = bucketed(np.arange(count), rng.integers(1, 99, count), batch_size, bucket_batches, rng)
    sizes = [len(b) for b in found]
    assert len(found) == int(np.ceil(count / batch_size))
    assert max(sizes) - min(sizes) <= 1 and max(sizes) <= batch_size
    assert sorted(np.concatenate(found)) == list(range(count))


def test_a_batch_holds_its_rows_waveforms_lengths_and_its_one_tasks_targets():
    corpus, store = make()
    for batch in epoch(corpus, store, options(), 1):
        table = corpus.table.iloc[batch.rows]
        wanted = {"feeling": table[["joy", "grief"]].to_numpy(), "height": (table[["height"]].to_numpy() - 150) / 50,
                  "sound": np.array([SOUND.classes.index(k) for k in table["kind"]])}[batch.task.name]
        np.testing.assert_allclose(batch.targets.numpy(), wanted, rtol=1e-5)
        for row, waveform, length in zip(batch.rows, batch.waveforms.numpy(), batch.lengths, strict=True):
            np.testing.assert_array_equal(waveform[:length], store[row])
            assert not waveform[length:].any()
        assert batch.waveforms.shape[1] == max(len(store[r]) for r in batch.rows)


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


@pytest.mark.parametrize("oversampling", [False, True])
def test_a_plan_is_the_epoch_without_its_waveforms_and_every_epoch_is_as_long(oversampling):
    corpus, store = make(train=50)
    changes = {"oversampling": oversampling}
    plans = [plan(corpus, store.lengths, options(**changes), number) for number in (1, 2, 3)]
    assert [(task.name, rows.tolist()) for task, rows in plans[1]] == order(corpus, store, 2, **changes)
    assert len({len(p) for p in plans}) == 1


def test_bucketing_removes_most_padding():
    corpus, store = make(train=200)
    padding = {n: np.mean([b.padding for b in epoch(corpus, store, options(batch_size=8, bucket_batches=n), 1)])
               for n in (1, 25)}
    assert padding[25] < 0.2 * padding[1]


def test_batches_of_one_epoch_are_not_shown_from_short_to_long():
    corpus, store = make(train=200)
    longest = [b.waveforms.shape[1] for b in epoch(corpus, store, options(bucket_batches=50), 1) if b.task is SOUND]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.5


def test_one_task_alone_makes_its_own_epoch():
    corpus, store = make(tasks=(SOUND,))
    assert {name for name, _ in order(corpus, store)} == {"sound"}


def test_the_padding_of_a_batch_is_its_share_of_samples():
    waveforms, lengths = collate([np.ones(4, np.float32), np.ones(1, np.float32)])
    batch = Batch(SOUND, np.arange(2), waveforms, lengths, torch.zeros(2), lengths.numpy())
    np.testing.assert_array_equal(waveforms, [[1, 1, 1, 1], [1, 0, 0, 0]])
    assert lengths.tolist() == [4, 1] and batch.padding == pytest.approx(3 / 8)


def test_taking_rows_keeps_their_order():
    corpus, store = make()
    batch = feed(corpus, store).batch(SOUND, np.array([9, 2, 5]))
    assert [int(w[0]) for w in batch.waveforms] == [9, 2, 5] == batch.rows.tolist()


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
