"""What the benchmarks' files hold reaches the page *Speed* as it is, and what they lack is said."""

from __future__ import annotations

import doctest

import pytest

from burst2vec.report.speed import measured, sentences, tables
from burst2vec.report.speed.measured import read_benchmarks
from tests.support import speed_files as made


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(tables).failed == 0


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (0.5, "0.5"), (99.94, "99.9"), (99.96, "100"), (100, "100"), (999.6, "1,000"), (-1234.5, "-1,234"),
    (float("nan"), "–"), (float("inf"), "–"), (None, "–")])
def test_a_number_has_three_significant_digits_or_is_whole(value, text):
    assert tables.number(value) == text


def test_an_empty_folder_leaves_everything_to_be_measured(tmp_path):
    found = read_benchmarks(tmp_path)
    assert tables.file_table(found).empty
    assert list(tables.missing_measurements(found).values()) == [
        ["a training step", "a step by way of batching", "estimated full runs", "predictions",
         "growth of a step and of an epoch"],
        ["a stretch of a training"], ["preparing a corpus"], ["checking, preparing and batching by size of corpus"],
        ["intervals by bootstrap"],
        *[["a training step", "a step by way of batching", "predictions", "growth of a step and of an epoch"]] * 2]


def test_what_was_measured_on_a_gpu_is_no_longer_missing(tmp_path, found):
    on_gpu = "`make bench` on a machine with a GPU: HuBERT "
    four = ["a training step", "a step by way of batching", "predictions", "growth of a step and of an epoch"]
    stretch = {"`python -m benchmarks.gpu`": ["a stretch of a training"]}
    assert measured.measured_gpus(found) == []
    assert tables.missing_measurements(found) == {**stretch, on_gpu + "base": four, on_gpu + "large": four}
    more = read_benchmarks(made.write(tmp_path, training_step_large_cuda=made.training_step("large", made.ON_GPU),
                                      inference_base_cuda=made.inference("base", made.ON_GPU),
                                      stretch_large_cuda=made.stretch()))
    assert measured.measured_gpus(more) == ["Loom"]
    assert tables.missing_measurements(more) == {
        on_gpu + "base": [four[0], four[1], four[3]], on_gpu + "large": four[1:]}


def test_every_file_is_listed_with_its_hardware_versions_and_date(found):
    table = tables.file_table(found)
    assert len(table) == 8 and table.iloc[0].tolist() == [
        "a training step, HuBERT base<small>training_step_base_cpu.json</small>",
        "Abacus, 2 cores<small>torch 2.13.0</small>", "2026-01-02"]
    assert table.iloc[2, 1] == "estimated<small>torch 2.13.0</small>"


def test_below_a_table_stand_the_corpus_the_hardware_and_the_date(found):
    gpu = made.training_step("large", made.ON_GPU)
    assert tables.legend(found["preparation"][0]) == (
        "laughs, 3,000 recordings, 1.6 hours of audio; Abacus, 2 cores, 2026-01-02.")
    assert tables.legend(made.full_run(gpu)) == (
        "Estimated from steps measured on: HuBERT large, Loom, 2026-01-02.")
    assert tables.legend(made.preparation() | {"corpus": "a<b"}).startswith("a&lt;b, 3,000 recordings")
    assert tables.legend(gpu) == "HuBERT large, Loom, 2026-01-02."


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
        ["ours, sorted", "3.2", "0.80 (0.50–1.00)", "100 %", "1,400"],
        ["Trainer as documented", "20", "5.00 (4.50–6.00)", "40 %", "6,000"],
        ["Trainer set well", "5", "1.25 (1.00–1.50)", "100 %", "–"],
        ["Trainer set well, random", "8", "2.00 (1.50–2.50)", "40 %", "5,000"]]
    assert table.columns[-1] == "MiB<small>without the bursts</small>"


def test_a_trainer_that_computed_in_parts_is_said_to_have():
    names = tables.step_table(made.training_step(parts=4))["trained by"].tolist()
    below = "<small>a batch in 4 parts, for less memory</small>"
    assert names == ["ours", "ours, sorted", f"Trainer as documented{below}", "Trainer set well",
                     f"Trainer set well, random{below}"]


def test_a_trainer_that_ran_out_of_memory_is_said_to_have():
    lost = made.training_step(trainer_documented_s=None, documented_to_ours=None)
    table = tables.step_table(lost)
    assert table.iloc[2].tolist() == ["Trainer as documented", "out of memory", "–", "40 %", "–"]
    assert "ran out of memory" in sentences.why_longer(lost)


def test_what_a_trainer_takes_longer_is_divided_into_padding_and_the_rest(found):
    said = sentences.why_longer(found["training_step"][0])
    assert "takes 5 times as long" in said and "2.5 times as long; for the same length it takes 2 times" in said


def test_what_random_batches_cost_is_ours_over_ours_on_sorted_ones(found):
    assert sentences.cost_of_random(found["training_step"][0]) == (
        "HuBERT base, Abacus, 2 cores, 2026-01-02: a step of ours on random batches takes 1.25 times as long as one on "
        "sorted batches (1–2).")


def test_each_way_of_batching_has_its_row_below_its_layers(found):
    [packing] = found["packing"]
    assert tables.packing_table(packing).values.tolist() == [
        ["random, groups packed", "4", "1", "96 %"],
        ["random, group by group", "5", "1.25 (1.15–1.35)", "96 %"],
        ["random, padded to the longest", "8", "2.00 (1.90–2.10)", "39 %"],
        ["sorted, padded to the longest", "3.2", "0.80 (0.70–0.90)", "100 %"]]
    assert tables.legend(packing) == "HuBERT base, 4 layers, Abacus, 2 cores, 2026-01-02."


def test_a_stretch_says_what_a_whole_run_would_take():
    table = tables.stretch_table(made.stretch())
    assert table.iloc[0].tolist() == ["400", "0.02", "10", "30", "40,000", "40 %", "34.6"]
    assert table.columns[-1] == "whole run<small>62,700 steps, minutes</small>"


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


def test_a_run_is_estimated_where_its_step_was_measured_and_counted_where_not(found):
    [runs] = found["full_run"]
    table = tables.run_table(runs, found).set_index("variant")
    base, large = table.iloc[0], table.iloc[1]
    assert base["steps"] == large["steps"] == "62,700<small>627 an epoch</small>"
    assert base["hours"] == "72.7<small>69.7 + 2 + 1</small>" and large["hours"] == "–"
    assert base["limit<small>hours</small>"] == "17.4"  # 62,700 steps of 1 TFLOP at 1 TFLOP/s
    assert large["limit<small>hours</small>"] == tables.number(62_700 * 94.0e9 * 70 / 1e12 / 3600)
    assert sentences.run_sentence(runs) == (
        "On Abacus, 2 cores, V3 would take 72.7 hours at the most. The authors needed 24 to 36 hours for one "
        "training on an RTX A6000. The size of V4 was not measured: their steps are counted, their hours unknown.")


def test_a_limit_is_that_of_the_machine_whose_steps_were_estimated_with(tmp_path, found):
    faster = made.training_step("base", made.ON_GPU, matrix_rate={"flop_s": 1e15})
    more = read_benchmarks(made.write(tmp_path, training_step_base_cuda=faster, full_run_cuda=made.full_run(faster)))
    limits = {each["file"]: tables.run_table(each, more).iloc[0, -1] for each in more["full_run"]}
    assert limits == {"full_run_cpu.json": "17.4", "full_run_cuda.json": "0.0174"}
    assert tables.run_table(made.full_run(), more)["limit<small>hours</small>"].tolist() == ["–", "–"]


def test_the_shortest_and_the_longest_run_are_told_or_that_none_is_known():
    runs = made.full_run(made.training_step(), made.training_step("large", made.ON_GPU))
    runs["runs"]["V4"]["total_h"] = 300.4
    assert sentences.run_sentence(runs, (1, 2)) == (
        "On Abacus, 2 cores and Loom, V3 would take 72.7 hours at the most, V4 300. The authors needed 1 to 2 hours "
        "for one training on an RTX A6000.")
    assert sentences.run_sentence(made.full_run()) == (
        "No variant's step was measured, so that none of the runs can be estimated.")


def test_gathering_a_batch_is_told_only_where_it_was_measured_on_the_same_hardware(tmp_path):
    files = read_benchmarks(made.write(tmp_path, training_step_base=made.training_step(),
                                       growth_large=made.growth("large", made.ON_GPU)))
    row = tables.savings_table(files).set_index("what").loc["gathering, of a step"]
    assert row.tolist() == ["–"]


def test_the_fastest_of_several_rounds_counts_no_more_than_the_median():
    found = tables.preparation_table(made.preparation()).set_index("way")["s"]
    assert found.tolist() == ["6", "3", "30", "15"]  # the command took 9, 5 and 6 s
