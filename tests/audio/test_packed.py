import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from burst2vec.audio import packed
from burst2vec.audio.packed import Packed, by_length, collate, fits, gather, group_by_length, resident

CPU = torch.device("cpu")


@pytest.fixture
def three():
    """Rows 0, 2 and 3 of four, of 2, 3 and 1 frames of two channels each."""
    values = torch.arange(12.0).view(6, 2) + 1
    return Packed(values, np.array([0, 2, 3]), np.array([2, 9, 3, 1]), np.array([20, 90, 30, 10]))


def test_a_batch_holds_each_rows_sequence_and_zeros_after_it(three):
    found, sizes = three.batch(np.array([3, 0, 2]))
    assert sizes.tolist() == [1, 2, 3]
    assert found.tolist() == [[[11, 12], [0, 0], [0, 0]], [[1, 2], [3, 4], [0, 0]], [[5, 6], [7, 8], [9, 10]]]


def test_a_batch_is_padded_to_the_longest_of_it_or_to_more(three):
    assert three.batch(np.array([0, 3]))[0].shape == three.batch(np.array([0, 3]), padded=1)[0].shape == (2, 2, 2)
    found, sizes = three.batch(np.array([0, 3]), padded=8)
    assert found.shape == (2, 8, 2) and sizes.tolist() == [2, 1] and not found[:, 2:].any()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 500), min_size=1, max_size=40))
def test_groups_hold_each_burst_once_in_order_of_length_and_hardly_any_padding(sizes):
    sizes = np.array(sizes)
    groups = group_by_length(sizes)
    assert sorted(np.concatenate(groups)) == list(range(len(sizes)))
    assert (np.diff(sizes[np.concatenate(groups)]) >= 0).all()
    assert all(sizes[group].min() >= 7 / 8 * sizes[group].max() for group in groups)
    neighbours = zip(groups[:-1], groups[1:], strict=True)  # none of them could have been one group
    assert all(sizes[short].max() < 7 / 8 * sizes[long].max() for short, long in neighbours)


def test_bursts_are_grouped_from_the_longest_down():
    assert [group.tolist() for group in group_by_length(np.array([100, 40, 88, 87, 36]))] == [[4, 1], [3], [2, 0]]


def test_a_row_alone_is_its_sequence_and_one_that_is_not_held_is_of_no_length(three):
    assert three[2].tolist() == [[5, 6], [7, 8], [9, 10]] and three.sizes.tolist() == [2, 0, 3, 1]
    assert len(three) == 4 and three.lengths.tolist() == [20, 90, 30, 10]


def test_resident_waveforms_are_those_of_the_store_bit_for_bit(tiny_store):
    rows = np.array([7, 2, 11])
    held = resident(tiny_store, np.arange(12), CPU)
    assert held.values.dtype == torch.int16
    plain, lengths = collate([tiny_store[row] for row in rows])
    found, sizes = held.batch(rows)
    assert torch.equal(found, plain) and torch.equal(sizes, lengths)


def test_what_does_not_fit_stays_where_it_is_and_is_gathered_all_the_same(tiny_store, monkeypatch):
    rows, held = np.array([5, 0]), resident(tiny_store, np.arange(6), CPU)
    monkeypatch.setattr(packed, "fits", lambda size, device, processes: False)
    assert resident(tiny_store, np.arange(6), CPU) is tiny_store
    for padded in (0, 9_000):
        ways = (gather(source, rows, CPU, padded) for source in (tiny_store, held))
        for one, other in zip(*ways, strict=True):
            assert torch.equal(one, other)


def test_half_of_the_free_memory_is_enough_room():
    free = packed.psutil.virtual_memory().available
    assert fits(free // 4, CPU) and not fits(free, CPU)
    assert fits(free // 10, CPU, processes=2) and not fits(free // 3, CPU, processes=2)


def test_batches_of_the_like_hold_each_burst_once_and_no_more_of_long_ones_than_memory_is_for():
    lengths = np.array([int(s * 16_000) for s in (1, 30, 2, 0.5, 3, 3, 4, 9)])
    batches = by_length(lengths, 3)
    assert [[lengths[place] / 16_000 for place in batch] for batch in batches] == [[0.5, 1, 2], [3, 3], [4], [9], [30]]
    assert sorted(np.concatenate(batches)) == list(range(8))
    assert [len(batch) for batch in by_length(np.full(7, 16_000), 3)] == [3, 3, 1]
