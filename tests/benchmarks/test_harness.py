"""How the benchmarks take turns, sample an epoch, count operations and watch memory."""

from __future__ import annotations

import mmap

import numpy as np
import pytest
import torch

from benchmarks import flops, workload
from benchmarks.sampling import at_mean, blocks, padded_to_longest, sample
from benchmarks.turns import Turns
from benchmarks.watching import Meter, held

CPU = torch.device("cpu")


# Turns.

def test_programs_stand_still_until_it_is_their_turn_and_do_as_many_steps_as_they_are_asked_for():
    steps = []

    def program(name):
        def run(done):
            while True:
                steps.append(name)
                done()
        return run

    a, b = Turns(program("a"), CPU), Turns(program("b"), CPU)
    seconds = [a.take(2), b.take(1), a.take(1)]
    assert steps == ["a", "a", "b", "a"] and all(0 < s < 5 for s in seconds)
    a.stop(), b.stop()
    assert steps == ["a", "a", "b", "a"]


def test_what_a_program_raises_is_raised_by_its_turn_and_one_that_has_ended_has_none():
    def fails(done):
        done()
        raise ValueError("no more memory")

    failing, ending = Turns(fails, CPU), Turns(lambda done: done(), CPU)
    failing.take(1), ending.take(1)
    with pytest.raises(ValueError, match="no more memory"):
        failing.take(1)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="ended 3 steps before"):
            ending.take(3)


# Sampling.

def test_a_sample_reaches_from_short_to_long_batches_and_leaves_out_an_epochs_remainder():
    frames = np.arange(1, 83) * 5  # of 0.02 s each
    batches = [np.arange(start, min(start + 4, 82)) for start in range(0, 82, 4)]  # the last holds two
    found = sample(batches, frames, padded_to_longest(frames), rounds=2, steps=5, warm=2)
    chosen = np.concatenate(found.turns)
    assert sorted(chosen) == list(range(1, 20, 2))
    assert max(found.turns, key=lambda turn: turn.max()).min() < 6 and all(len(turn) == 5 for turn in found.turns)
    assert found.warm.tolist() == [0, 19] and found.order == [0, 19, *chosen, 0]
    assert found.epoch["steps"] == 21 and found.epoch["real_s"] == pytest.approx(frames.sum() * 0.02 / 21)
    # A batch of four has 3 + 2 + 1 times 0.1 s of padding, that of two 0.1 s.
    assert found.epoch["audio_share"] == pytest.approx(1 - (20 * 0.6 + 0.1) / (frames.sum() * 0.02 + 20 * 0.6 + 0.1))


def test_who_shares_an_order_is_sampled_on_the_same_batches():
    rng = np.random.default_rng(0)
    frames = rng.integers(10, 500, 80)
    batches = np.array_split(rng.permutation(80), 20)
    one = sample(batches, frames, lambda rows: frames[rows], rounds=4, steps=1)
    other = sample(batches, frames, padded_to_longest(frames), rounds=4, steps=1, order=lambda rows: frames[rows])
    assert one.order == other.order and one.real_s == other.real_s == one.padded_s
    assert other.padded_s == pytest.approx([4 * 0.02 * frames[batches[place]].max() for [place] in other.turns])


def test_seconds_that_grow_evenly_with_the_audio_are_brought_to_the_mean_exactly():
    audio = np.array([10.0, 50, 90])
    assert at_mean(2 + 0.1 * audio, audio, 70) == pytest.approx([9, 9, 9])
    assert at_mean([1, 5], [10, 50], 70) == pytest.approx([7, 7])
    assert at_mean([5, 5, 5], [10, 20, 40], 20) == pytest.approx([10, 5, 2.5])


def test_blocks_of_validation_are_neighbours_in_length():
    lengths = np.random.default_rng(0).permutation(1000)
    found = blocks(lengths, 10, 3)
    assert [np.ptp(lengths[rows]) for rows in found] == [9, 9, 9]
    assert sorted(np.concatenate(blocks(lengths[:25], 10, 3))) == list(range(25))


def test_lengths_follow_exvos_law():
    seconds = workload.draw_lengths(20_000) / 16_000
    assert seconds.mean() == pytest.approx(2.2, abs=0.03) and seconds.std() == pytest.approx(1.2, abs=0.1)
    assert seconds.min() >= 0.3 and seconds.max() == 10


# Operations.

@pytest.mark.parametrize(("size", "forward", "encoder"), [("base", 20.08e9, 10.79e9), ("large", 68.97e9, 10.79e9)])
def test_a_burst_of_mean_length_takes_the_operations_that_a_count_by_hand_gives(size, forward, encoder):
    shape = workload.config(size)
    assert flops.frames(shape, np.array([35_200])).tolist() == [109]
    assert flops.forward(shape, 109) == pytest.approx(forward, rel=2e-3)
    assert flops.encoder(shape, 35_200) == pytest.approx(encoder, rel=2e-3)


@pytest.mark.parametrize("size", ["tiny", "base"])
def test_the_formula_of_a_step_agrees_with_a_count_operation_by_operation(size):
    shape = workload.config(size)
    assert flops.counted_step(shape, 50) == flops.step(shape, 50)
    assert flops.step(shape, np.array([50, 50, 20])) == 2 * flops.step(shape, 50) + flops.step(shape, 20)


def test_the_formula_of_the_encoder_agrees_with_a_count_operation_by_operation():
    shape = workload.config("tiny")
    with torch.device("meta"):
        convolutions, waveform = workload.encoder("tiny").feature_extractor, torch.empty(1, 9_000)
    assert flops.counted(lambda: convolutions(waveform), backward=False) == flops.encoder(shape, 9_000)


def test_the_matrix_rate_is_that_of_the_best_size(monkeypatch):
    monkeypatch.setattr(flops, "SQUARES", {"cpu": (8, 64)})
    found = flops.matrix_rate(CPU, torch.float32, repeats=1)
    assert found["flop_s"] > 0 and found["rows"] in (8, 64) and found["dtype"] == "float32"


# Memory.

def test_a_step_that_takes_64_mib_shows_a_rise_of_as_much():
    meter = Meter(CPU)
    with meter.watching(), mmap.mmap(-1, 2**26) as fresh:  # an array might be given memory that the process has already
        for _ in range(64):
            fresh.write(bytes(2**20))
    assert 60 < meter.rise_mib < 200 and meter.peak_mib > meter.rise_mib


def test_adam_holds_a_weight_that_learns_three_times_and_four_with_its_gradient():
    model = torch.nn.Linear(1024, 1024, bias=False)
    assert held(model) == 12
    model(torch.zeros(1, 1024)).sum().backward()
    assert held(model) == 16
    assert held(model.requires_grad_(False)) == 8
