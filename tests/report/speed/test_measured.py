"""What the benchmarks' files hold reaches the page *Speed* as it is, and what they lack is said."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from benchmarks import flops, full_run, growth, inference, training_step, workload
from burst2vec.config import Params
from burst2vec.report.speed import measured, tables
from burst2vec.report.speed.measured import read_benchmarks
from tests.support import speed_files as made


@pytest.fixture
def found(tmp_path):
    """What a machine without a GPU writes: HuBERT base, and full runs that rest on it."""
    step = made.training_step()
    return read_benchmarks(made.write(
        tmp_path, training_step_base_cpu=step, full_run_cpu=made.full_run(step), growth_base_cpu=made.growth(),
        inference_base_cpu=made.inference(), preparation=made.preparation(), scale=made.scale(),
        bootstrap=made.bootstrap()))


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


def test_an_empty_folder_leaves_everything_to_be_measured(tmp_path):
    found = read_benchmarks(tmp_path)
    assert tables.file_table(found).empty
    assert list(tables.missing_measurements(found).values()) == [
        ["a training step", "reckoned full runs", "predictions", "growth of a step and of an epoch"],
        ["preparing a corpus"], ["checking, preparing and batching by size of corpus"], ["intervals by bootstrap"],
        *[["a training step", "predictions", "growth of a step and of an epoch"]] * 2]


def test_what_was_measured_on_a_gpu_is_no_longer_missing(tmp_path, found):
    on_gpu = "`make bench` on a machine with a GPU: HuBERT "
    three = ["a training step", "predictions", "growth of a step and of an epoch"]
    assert measured.measured_gpus(found) == []
    assert tables.missing_measurements(found) == {on_gpu + "base": three, on_gpu + "large": three}
    more = read_benchmarks(made.write(tmp_path, training_step_large_cuda=made.training_step("large", made.ON_GPU),
                                      inference_base_cuda=made.inference("base", made.ON_GPU)))
    assert measured.measured_gpus(more) == ["Loom"]
    assert tables.missing_measurements(more) == {on_gpu + "base": [three[0], three[2]], on_gpu + "large": three[1:]}


def test_every_file_is_listed_with_its_hardware_versions_and_date(found):
    table = tables.file_table(found)
    assert len(table) == 7 and table.iloc[0].tolist() == [
        "a training step, HuBERT base<small>training_step_base_cpu.json</small>",
        "Abacus, 2 cores<small>torch 2.13.0</small>", "2026-01-02"]
    assert table.iloc[1, 1] == "reckoned<small>torch 2.13.0</small>"


def test_a_number_stands_beside_the_hardware_it_was_measured_on(found):
    gpu = made.training_step("large", made.ON_GPU)
    assert measured.circumstances(gpu) == "HuBERT large, Loom, 2026-01-02"
    assert measured.circumstances(found["training_step"][0]) == "HuBERT base, Abacus, 2 cores, 2026-01-02"
    assert tables.legend(found["preparation"][0]) == (
        "laughs, 3,000 recordings, 1.6 hours of audio; Abacus, 2 cores, 2026-01-02.")
    assert tables.legend(made.full_run(gpu)) == (
        "Reckoned from steps measured on: HuBERT large, Loom, 2026-01-02.")


# What can be counted ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("module", [full_run, growth, inference, training_step], ids=lambda m: m.__name__)
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


def test_sorting_within_windows_takes_the_padding_out():
    seconds = measured.exvo_seconds(3_200)
    shares = measured.audio_shares(seconds, Params(), [1, 10, 100]).set_index("window")
    assert shares["audio_share"].is_monotonic_increasing and shares["batches"].unique().tolist() == [100]
    assert 0.3 < shares["audio_share"][1] < 0.5 and shares["audio_share"][100] > 0.97
    np.testing.assert_allclose(shares["padded_h"] * shares["audio_share"], seconds.sum() / 3600, rtol=1e-3)


# Tables -------------------------------------------------------------------------------------------------------

def test_a_pass_takes_its_operations_over_the_machines_rate(found):
    table = tables.limit_table(found, 1000.0)
    once = "<small>encoder once {}</small>".format
    assert table["GFLOP<small>a second of audio</small>"].tolist() == ["27.4" + once("4.9"), "94.0" + once("4.9")]
    assert table["PFLOP<small>a pass</small>"].tolist() == ["0.03" + once("0.005"), "0.09" + once("0.005")]
    assert table["minutes<small>Abacus, 2 cores</small>"].tolist() == [
        "0.457" + once("0.0817"), "1.57" + once("0.0817")]


def test_a_step_stands_beside_the_trainers_with_its_spread(found):
    table = tables.step_table(found["training_step"][0])
    assert table.values.tolist() == [
        ["ours", "4", "1", "100 %", "1,500<small>and 4,339 kept of ExVo, encoded</small>"],
        ["Trainer as documented", "20", "5.00 (4.50–6.00)", "40 %", "6,000"],
        ["Trainer set well", "5", "1.25 (1.00–1.50)", "100 %", "–"]]
    assert table.columns[-1] == "MiB<small>without the bursts</small>"


def test_a_trainer_that_computed_in_parts_is_said_to_have():
    names = tables.step_table(made.training_step(parts=4))[""].tolist()
    assert names[1] == "Trainer as documented<small>a batch in 4 parts, for less memory</small>"
    assert names[::2] == ["ours", "Trainer set well"]


def test_a_trainer_that_ran_out_of_memory_is_said_to_have():
    lost = made.training_step(trainer_documented_s=None, documented_to_ours=None)
    table = tables.step_table(lost)
    assert table.iloc[1].tolist() == ["Trainer as documented", "out of memory", "–", "40 %", "–"]
    assert "ran out of memory" in tables.why_longer(lost)


def test_what_a_trainer_takes_longer_is_divided_into_padding_and_the_rest(found):
    said = tables.why_longer(found["training_step"][0])
    assert "takes 5 times as long" in said and "2.5 times as long; for the same length it takes 2 times" in said


def test_each_measure_has_its_figure(found):
    table = tables.savings_table(found)
    # Encoding the 70 seconds of a step takes 1 s beside its 4; 39,386 bursts are 24.1 h; validation takes as long as
    # training.
    assert table.iloc[:, 1].tolist() == ["40 %", "100 %", "20 %", "4.24", "bfloat16", "1.00 %", "50 %"]
    assert table.columns[1] == "HuBERT base<small>Abacus, 2 cores, 2026-01-02</small>"


def test_a_parameter_that_was_set_is_compared_through_the_trainer_and_counts_nowhere_else(tmp_path, found):
    slower = made.training_step(set={"encode_once": False}, ours_s=6.0, matrix_rate={"flop_s": 9e12},
                                documented_to_ours={"median": 4.0, "low": 4.0, "high": 4.0})
    more = read_benchmarks(made.write(tmp_path, training_step_base_cpu_unkept=slower))
    assert tables.parameter_table(found).empty
    assert tables.parameter_table(more).values.tolist() == [
        ["HuBERT base<small>Abacus, 2 cores, 2026-01-02</small>", "<code>encode_once: false</code>", "6", "1.25"]]
    assert measured.circumstances(slower) == "HuBERT base, encode_once: False, Abacus, 2 cores, 2026-01-02"
    for table in (tables.savings_table, tables.utilisation_table):
        assert table(more).equals(table(found))


def test_utilisation_is_shown_as_it_was_measured(found):
    assert tables.utilisation_table(found).iloc[0, 1:].tolist() == [
        "bfloat16", "1", "0.25", "1", "25 %", "30 %"]


def test_a_profile_names_its_operations_and_may_be_absent(found):
    profile = {"ours": [{"name": "aten::<mm>", "ms": 3.25, "calls": 2, "share": 0.5}]}
    assert tables.profile_table(made.training_step(profile=profile)).values.tolist() == [
        ["ours", "<code>aten::&lt;mm&gt;</code>", "3.25", "50 %"]]
    assert tables.profile_table(found["training_step"][0]).empty


def test_the_other_benchmarks_have_their_tables(found):
    [preparation], [inference], [growth] = found["preparation"], found["inference"], found["growth"]
    assert tables.preparation_table(preparation).values[[0, 2]].tolist() == [
        ["<code>burst2vec prepare</code>", "6", "500 (90–1,100)", "1"],
        ["loop of <code>librosa.load</code>", "30", "100 (90–1,100)", "5.00 (5.00–5.00)"]]
    assert tables.inference_table(inference)["times real time"].tolist() == ["10", "2", "8"]
    assert [tables.inference_table(inference | more).iloc[1, 0] for more in (
        {}, {"documented_batch": 8}, {"documented_batch": 1})] == [
        *["pipeline as documented<small>batches of 8</small>"] * 2,
        "pipeline as documented<small>one burst at a time</small>"]
    assert tables.length_table(growth).iloc[-1].tolist() == ["20", "10", "125", "20,000"]
    assert tables.corpus_table(growth).iloc[-1].tolist() == ["16,000", "16", "1,500", "40", "1,067"]
    assert tables.scale_table(found["scale"][0]).iloc[1].tolist() == [
        "4,000", *["2<small>0.5 ms a burst, 440 MiB</small>"] * 3]
    assert tables.bootstrap_table(found["bootstrap"][0]).iloc[0].tolist() == ["14", "20,000", "1.63"]


def test_a_run_is_reckoned_where_its_step_was_measured_and_counted_where_not(found):
    [runs] = found["full_run"]
    table = tables.run_table(runs, found).set_index("")
    base, large = table.iloc[0], table.iloc[1]
    assert base["steps"] == large["steps"] == "187,500<small>1,875 an epoch</small>"
    assert base["hours"] == "211<small>208 + 2 + 1</small>" and large["hours"] == "–"
    assert base["limit<small>hours</small>"] == "52.1"  # 187,500 steps of 1 TFLOP at 1 TFLOP/s
    assert large["limit<small>hours</small>"] == tables.number(187_500 * 94.0e9 * 70 / 1e12 / 3600)
    assert tables.run_sentence(runs) == (
        "On Abacus, 2 cores, V3 would take 211 hours at the most. The authors needed 24 to 36 hours for one "
        "training on an RTX A6000. The size of V4 was not measured: their steps are counted, their hours unknown.")


def test_a_limit_is_that_of_the_machine_whose_steps_were_reckoned_with(tmp_path, found):
    faster = made.training_step("base", made.ON_GPU, matrix_rate={"flop_s": 1e15})
    more = read_benchmarks(made.write(tmp_path, training_step_base_cuda=faster, full_run_cuda=made.full_run(faster)))
    limits = {each["file"]: tables.run_table(each, more).iloc[0, -1] for each in more["full_run"]}
    assert limits == {"full_run_cpu.json": "52.1", "full_run_cuda.json": "0.0521"}
    assert tables.run_table(made.full_run(), more)["limit<small>hours</small>"].tolist() == ["–", "–"]


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(tables).failed == 0
