"""What the benchmarks' files hold is read as it is, and what can be counted agrees with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import flops, full_run, growth, inference, packing, stretch, training_step, workload
from burst2vec.config import Params
from burst2vec.report.speed import measured
from burst2vec.report.speed.measured import read_benchmarks
from burst2vec.training.batches import Feed
from tests.support import speed_files as made


def test_files_belong_to_the_benchmark_that_their_name_begins_with(tmp_path):
    made.write(tmp_path, training_step=made.training_step(), scale=made.scale(), scaled={}, notes={},
               training_step_large_cuda=made.training_step("large", made.ON_GPU), preparation_own=made.preparation())
    found = read_benchmarks(tmp_path)
    assert [each["file"] for each in found["training_step"]] == ["training_step.json", "training_step_large_cuda.json"]
    assert {name: len(files) for name, files in found.items() if files} == {
        "training_step": 2, "preparation": 1, "scale": 1}


@pytest.mark.parametrize("content, says", [("{", "no JSON"), ('{"environment": {}}', "lacks rows"), ("[]", "lacks")])
def test_a_file_that_is_not_what_its_name_says_is_named_with_its_command(tmp_path, content, says):
    (tmp_path / "scale.json").write_text(content)
    with pytest.raises(ValueError, match=rf"scale\.json: .*{says}.*make it again: python -m benchmarks\.scale"):
        read_benchmarks(tmp_path)


def test_a_number_stands_beside_the_hardware_it_was_measured_on(found):
    gpu = made.training_step("large", made.ON_GPU)
    assert measured.circumstances(gpu) == "HuBERT large, Loom, 2026-01-02"
    assert measured.circumstances(found["training_step"][0]) == "HuBERT base, Abacus, 2 cores, 2026-01-02"
    assert measured.circumstances(found["preparation"][0]) == "Abacus, 2 cores, 2026-01-02"


# What can be counted ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("module", [full_run, growth, inference, packing, stretch, training_step],
                         ids=lambda m: m.__name__)
def test_what_the_page_needs_is_what_the_benchmarks_say_that_they_write(module):
    needed = measured.NEEDED[module.__name__.removeprefix("benchmarks.")]
    assert [key for key in needed if key.replace("_rtf", "_s") not in module.__doc__] == []


@pytest.mark.parametrize("size", ["base", "large"])
def test_the_operations_for_a_second_of_audio_are_those_that_the_benchmarks_count(size):
    shape, seconds = workload.config(size), 2.2
    samples = int(16_000 * seconds)
    behind = 3 * flops.forward(shape, int(flops.frames(shape, np.array([samples]))[0]))
    counted = [flop / seconds / 1e9 for flop in (behind, flops.encoder(shape, samples))]
    assert measured.GFLOP[size] == pytest.approx(counted, abs=0.06)


def test_the_bursts_are_as_many_and_as_long_as_exvos():
    seconds = measured.exvo_seconds()
    assert len(seconds) == 19_990 and seconds.min() >= 0.3 and seconds.max() <= 10
    assert seconds.sum() / 3600 == pytest.approx(12.3, abs=0.1)
    np.testing.assert_array_equal((16_000 * seconds).astype(int), workload.draw_lengths(19_990))


@pytest.fixture(scope="module")
def sizes():
    return flops.frames(workload.config("base"), workload.draw_lengths(19_990))


def test_packed_groups_take_the_padding_out_of_random_batches(sizes):
    shares = measured.audio_shares(sizes, 32)
    assert list(shares) == ["packed", "padded", "sorted"]
    assert 0.37 < shares["padded"] < 0.41 and shares["packed"] > 0.95 and shares["sorted"] > 0.99


def test_the_shares_on_the_page_are_those_of_the_batches_that_are_trained_on(sizes):
    feed = Feed(workload.corpus(19_990, 1), workload.Noise(sizes), Params(), torch.device("cpu"))
    dealt = [sizes[rows] for _, rows in feed.plan(1)]
    computed = sum(len(places) * size for of_batch in dealt for places, size in feed.group(of_batch, of_batch))
    assert measured.audio_shares(sizes, 32)["packed"] == pytest.approx(sizes.sum() / computed, abs=2e-3)
