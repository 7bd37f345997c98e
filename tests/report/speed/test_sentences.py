"""The page *Speed* answers first, and says of each record what it is of."""

from __future__ import annotations

import pytest

from burst2vec.report.speed import sentences
from burst2vec.report.speed.measured import read_benchmarks
from tests.support import speed_files as made


def test_where_nothing_was_measured_nothing_is_said_to_be_known(tmp_path):
    assert sentences.describe_speed(read_benchmarks(tmp_path)) == (
        "How many hours a full run takes is not known here: it is estimated from the steps of a training, which were "
        "not measured.")


def test_the_answer_has_padding_predictions_and_the_hours_of_a_run(found):
    said = sentences.describe_speed(found)
    assert said.startswith("A training step on random batches takes 2.00 (1.90–2.10) times as long if they are padded "
                           "as if they are packed in groups (HuBERT base, 4 layers, Abacus, 2 cores, 2026-01-02;")
    assert "Predictions run at 10 times real time" in said and "takes 1.25 (1.10–1.30) times as long" in said
    assert sentences.run_sentence(found["full_run"][0]) in said


@pytest.mark.parametrize(("files", "end"), [
    ({"training_step_base_cpu": made.training_step()}, "which were not measured on a GPU."),
    ({"training_step_base_cuda": made.training_step("base", made.ON_GPU)},
     "The hours of a full run have not been estimated yet."),
])
def test_hours_that_are_unknown_are_said_to_be(tmp_path, files, end):
    assert sentences.describe_speed(read_benchmarks(made.write(tmp_path, **files))).endswith(end)


def test_of_several_machines_the_one_with_a_gpu_answers(tmp_path):
    files = {"packing_base_cpu": made.packing(), "packing_base_cuda": made.packing("base", made.ON_GPU),
             "full_run_cpu": made.full_run(made.training_step()),
             "full_run_cuda": made.full_run(made.training_step("large", made.ON_GPU))}
    said = sentences.describe_speed(read_benchmarks(made.write(tmp_path, **files)))
    assert "4 layers, Loom," in said and "On Loom, V4 would take" in said


def test_a_record_says_how_many_passes_its_epochs_had(found):
    [growth] = found["growth"]
    older = growth | {"environment": made.ENVIRONMENT | {"Date": "2026-11-26"}}
    newer = growth | {"environment": made.ENVIRONMENT | {"Date": sentences.ONE_PASS_SINCE}}
    assert "three passes" in sentences.describe_epoch(older)
    assert sentences.describe_epoch(newer) == "An epoch is one pass over the bursts."


def test_a_caption_begins_with_what_was_found_and_is_empty_where_nothing_was(found):
    assert sentences.caption_steps(found["training_step"]).startswith(
        "A step of ours takes 4 s (HuBERT base, Abacus, 2 cores, 2026-01-02);")
    assert sentences.caption_growth(found["growth"]).startswith(
        "From bursts of 0.5 s to bursts of 20 s a step grows from 0.25 to 10 s, and its peak of memory from 500 to "
        "20,000 MiB (HuBERT base, Abacus")
    assert sentences.caption_steps([]) == sentences.caption_growth([]) == ""
