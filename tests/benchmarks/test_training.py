"""The benchmarks of training, inference and growth: what they measure, write and estimate, never how fast it was."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import __main__ as everything
from benchmarks import flops, full_run, gpu, growth, inference, packing, stretch, training_step, workload
from benchmarks.ours import Ours
from benchmarks.sampling import padded_to_longest, sample
from burst2vec.config import Params


def test_the_training_benchmark_measures_every_contender_and_writes_what_it_says(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(flops, "SQUARES", {"cpu": (8, 64)})
    path = tmp_path / "step.json"
    training_step.main(["--size", "tiny", "--batch", "4", "--bursts", "26", "--rounds", "3", "--profile", "1",
                        "--set", "{width: 16}", "--device", "cpu", "--json", str(path)])
    found = json.loads(path.read_text())
    assert training_step.table(found) in capsys.readouterr().out
    assert {"Date", "Processor", "torch", "accelerate"} <= found["environment"].keys()
    assert all(key in training_step.__doc__ for key in found)
    frames = flops.frames(workload.config("tiny"), workload.draw_lengths(39)[:26])
    for name in training_step.CONTENDERS:
        assert found[f"{name}_s"] > 0 and len(found["turns"][name]) == 3 and found["memory_mib"][name] > 0
        epoch = found["epoch"][name]
        assert epoch["steps"] * epoch["real_s"] == pytest.approx(0.02 * frames.sum())
        assert len(found["profile"][name]) == 10
    # 26 bursts are dealt to three tasks, as 9, 9 and 8; the Trainers know of no tasks.
    assert {name: epoch["steps"] for name, epoch in found["epoch"].items()} == {
        name: 8 if name == "ours" else 7 for name in training_step.CONTENDERS}
    assert found["flop_counted"] == found["flop_formula"] and found["set"] == {"width": 16}
    assert found["utilisation"] == pytest.approx(
        found["flop_a_step"] / found["ours_s"] / found["matrix_rate"]["flop_s"])
    assert found["flop_a_step"] < found["flop_a_step_padded"]
    assert found["tuned_to_ours"]["low"] <= found["tuned_to_ours"]["median"] <= found["tuned_to_ours"]["high"]
    assert found["validation"]["s_per_burst"] > 0 and found["once"]["encoding_s"] > 0


def test_who_is_sorted_and_who_is_random():
    lengths, corpus = workload.draw_lengths(650), workload.corpus(640, 10)
    dealt = training_step.deal(corpus, lengths, Params(batch_size=8))
    assert dealt.keys() == training_step.CONTENDERS.keys()
    for batches in dealt.values():
        assert sorted(np.concatenate([rows for _, rows in batches])) == list(range(640))
    spread = {name: np.median([np.ptp(lengths[rows]) for _, rows in batches]) for name, batches in dealt.items()}
    assert max(spread["ours_sorted"], spread["trainer_tuned"]) < min(
        spread[name] for name in ("ours", "trainer_documented", "trainer_tuned_random")) / 3
    for one, other in (("ours_sorted", "trainer_tuned"), ("trainer_tuned_random", "trainer_documented")):
        assert all((a[1] == b[1]).all() for a, b in zip(dealt[one], dealt[other], strict=True))


def test_for_a_batch_of_ours_the_frames_of_its_padded_groups_are_computed():
    seconds = np.array([0.3, 1.0, 0.32, 0.95, 5.0, 1.02])
    store = workload.Noise((16_000 * seconds).astype(int))
    ours = Ours("tiny", Params(), torch.device("cpu"), workload.corpus(5, 1), store)
    frames = flops.frames(ours.shape, store.lengths)
    assert ours.computed(np.arange(6)).tolist() == sorted([*[frames[2]] * 2, *[frames[5]] * 3, frames[4]])
    padded = Ours("tiny", Params(padding="as_published"), torch.device("cpu"), workload.corpus(5, 1), store)
    assert padded.computed(np.arange(6)).tolist() == [frames[4]] * 6


def test_a_trainer_that_runs_out_of_memory_is_left_out():
    def program(fails):
        def run(done):
            while True:
                if fails:
                    raise torch.OutOfMemoryError("no room")
                done()
        return run

    frames = np.full(2, 50)
    whole = sample([np.arange(2)] * 3, frames, padded_to_longest(frames), 2, 1)
    found = training_step.compare({
        name: training_step.Contender(torch.nn.Linear(1, 1), program(name == "trainer_documented"), whole)
        for name in training_step.CONTENDERS}, torch.device("cpu"), 2, 1, 1)
    assert found["trainer_documented_s"] is None and found["documented_to_ours"] is None
    assert found["ours_s"] > 0 and found["tuned_to_ours"]["low"] > 0 and len(found["turns"]["trainer_tuned"]) == 2
    assert "| Trainer as documented | out of memory |" in training_step.table(found)


def test_the_benchmark_of_inference_gives_all_the_same_bursts_and_writes_what_it_says(tmp_path, capsys):
    path = tmp_path / "inference.json"
    inference.main(["--size", "tiny", "--bursts", "5", "--batch", "2", "--rounds", "1", "--device", "cpu",
                    "--json", str(path)])
    found = json.loads(path.read_text())
    assert inference.table(found) in capsys.readouterr().out
    for name in inference.NAMES:
        assert found[f"{name}_rtf"] == pytest.approx(found[f"{name}_s"] / found["audio_s"]) and found[f"{name}_s"] > 0
    assert found["audio_s"] == workload.draw_lengths(5).sum() / 16_000
    assert found["documented_batch"] == 1
    assert all(key.removesuffix("_rtf").removesuffix("_s") in inference.__doc__ for key in found)


def test_the_benchmark_of_growth_measures_every_length_and_every_corpus(tmp_path, capsys):
    path = tmp_path / "growth.json"
    growth.main(["--size", "tiny", "--batch", "2", "--seconds", "0.3", "0.6", "--bursts", "40", "--device", "cpu",
                 "--json", str(path)], measure=growth.at_length)
    found = json.loads(path.read_text())
    assert growth.table(found) in capsys.readouterr().out
    assert [row["audio_s"] for row in found["lengths"]] == [0.3, 0.6]
    assert all(row["step_s"] > 0 and row["peak_mib"] > row["weights_mib"] for row in found["lengths"])
    [row] = found["corpora"]
    assert row["batches"] == 3 and row["gather_ms"] > 0


def test_the_benchmark_of_packing_trains_on_the_same_batches_in_three_ways_and_writes_what_it_says(tmp_path, capsys):
    path = tmp_path / "packing.json"
    packing.main(["--size", "tiny", "--layers", "1", "--batch", "8", "--bursts", "48", "--rounds", "2",
                  "--device", "cpu", "--json", str(path)])
    found = json.loads(path.read_text())
    assert packing.table(found) in capsys.readouterr().out
    assert all(key in packing.__doc__ for key in found) and found["layers"] == 1
    assert all(found["seconds"][way] > 0 and len(found["turns"][way]) == 2 for way in packing.WAYS)
    turns = {way: [turn["real_s"] for turn in each] for way, each in found["turns"].items()}
    assert turns["packed"] == turns["apart"] == turns["padded"]
    share = {way: epoch["audio_share"] for way, epoch in found["epoch"].items()}
    assert share["packed"] == share["apart"] > share["padded"]


def test_group_after_group_gives_what_packed_groups_give():
    model = workload.burst2vec("tiny").eval()
    groups = [(torch.randn(2, 4_000), torch.tensor([3_900, 4_000])), (torch.randn(1, 9_000), torch.tensor([9_000]))]
    with torch.no_grad():
        torch.testing.assert_close(packing.embed_apart(model, groups), model.embed(groups), rtol=1e-4, atol=1e-5)


def test_a_stretch_is_what_one_training_takes_longer_than_another(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(flops, "SQUARES", {"cpu": (8, 64)})
    path = tmp_path / "stretch.json"
    stretch.main(["--size", "tiny", "--bursts", "40", "--validated", "8", "--steps", "2", "--device", "cpu",
                  "--json", str(path)])
    found = json.loads(path.read_text())
    assert stretch.table(found) in capsys.readouterr().out
    assert all(key in stretch.__doc__ for key in found)
    assert found["run_steps"] == 300 and found["run_validations"] == 1 and found["peak_mib"] > 0
    assert found["run_h"] == pytest.approx(
        (300 * found["step_s"] + found["validation_s"] + found["encoding_s"]) / 3600)


def test_a_lent_gpu_is_asked_for_the_most_wanted_first_and_given_back_in_time(tmp_path, monkeypatch):
    asked = [name for name, *_ in gpu.commands(["large", "base"], "cuda", tmp_path)]
    assert asked == ["training_step", "stretch", "packing", "training_step", "full_run"]
    files = [path for command in gpu.commands(["large", "base"], "cuda", tmp_path) for path in command[-1:]]
    assert [Path(path).name for path in files] == ["training_step_large_cuda.json", "stretch_large_cuda.json",
                                                   "packing_large_cuda.json", "training_step_base_cuda.json",
                                                   "full_run_cuda.json"]
    with pytest.raises(SystemExit, match="0 minutes are over: training_step and what follows"):
        gpu.main(["--sizes", "tiny", "--minutes", "0", "--folder", str(tmp_path)])


def test_a_length_is_not_measured_where_its_process_fails(monkeypatch):
    monkeypatch.setattr(sys, "executable", "sh")  # which knows no such script
    with pytest.raises(SystemExit, match="(?s)--alone 0.3 failed:.*benchmarks.growth"):
        growth.in_its_own_process(SimpleNamespace(size="tiny", device="cpu", batch=2), 0.3)


# Full runs.

@pytest.fixture(scope="module")
def measured():
    """What a benchmark might have found of HuBERT base."""
    return {"base": {"ours_s": 2.0, "validation": {"s_per_burst": 0.5}, "once": {"encoding_s_per_hour": 360.0}}}


def test_a_full_run_counts_the_steps_that_a_training_takes(measured):
    found = full_run.runs(measured)
    v3 = found["V3"]
    assert v3["steps_per_epoch"] == 3 * 209 and v3["steps"] == 62_700 and v3["validations"] == 79
    assert v3["each_task"]["steps"] == 187_500 and v3["each_task"]["validations"] == 235
    assert v3["earliest"]["steps"] == 16_800 and v3["earliest"]["validations"] == 21
    assert v3["training_h"] == pytest.approx(62_700 * 2 / 3600)
    assert v3["validation_h"] == pytest.approx(79 * 19_396 * 0.5 / 3600)
    assert v3["encoding_h"] == pytest.approx((19_990 + 19_396) * 2.19 / 3600 * 0.1, rel=0.01)
    assert v3["total_h"] == pytest.approx(v3["training_h"] + v3["validation_h"] + v3["encoding_h"])


def test_oversampling_lengthens_an_epoch_and_what_was_not_measured_has_no_hours(measured):
    found = full_run.runs(measured)
    assert 1.8 * 19_990 < found["V7"]["epoch_bursts"] < 2 * 19_990 and found["V6"]["epoch_bursts"] == 19_990
    assert found["V7"]["steps_per_epoch"] == 3 * -(-found["V7"]["epoch_bursts"] // 96)
    assert [name for name, run in found.items() if run["total_h"] is not None] == ["V3"]
    assert "not measured" in full_run.table(found)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_one_command_measures_all_and_estimates_full_runs_from_it(tmp_path, measured, monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: device == "cuda")
    sizes = ["base", "large"] if device == "cuda" else ["base"]
    environment = dict.fromkeys(("Date", "Processor", "GPU", "torch"), "")
    told = {"environment": environment, "device": device, "set": {}, **measured["base"]}

    def measure(arguments):
        [_, size, _, path] = arguments
        Path(path).write_text(json.dumps({"size": size, **told}))

    (tmp_path / f"training_step_base_{'cpu' if device == 'cuda' else 'cuda'}.json").write_text("another machine's")
    everything.main(["--folder", str(tmp_path)], dict.fromkeys(everything.MAINS, measure))
    assert {p.name for p in tmp_path.glob(f"*_{device}.json")} == {f"full_run_{device}.json", *(
        f"{name}_{size}_{device}.json" for name in everything.MAINS for size in sizes)}
    found = json.loads((tmp_path / f"full_run_{device}.json").read_text())
    assert [each["size"] for each in found["measured"]] == sizes and found["runs"]["V4"]["steps"] == 62_700
    assert len(list(tmp_path.iterdir())) == 4 * len(sizes) + 2


TOLD = {"Date": "2026-01-01", "Processor": "any", "GPU": "none", "torch": "2"}


@pytest.fixture
def step_file(tmp_path, measured):
    """Writes a file of a training step, of HuBERT base on a CPU but for `changes`, and returns its path."""
    def write(name, **changes):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"environment": TOLD, "size": "base", "device": "cpu", "set": {},
                                    **measured["base"], **changes}))
        return str(path)

    return write


def test_full_runs_are_estimated_from_the_file_with_default_parameters(tmp_path, step_file, capsys):
    steps = [step_file("step"), step_file("slower", set={"precision": "float32"}, ours_s=9.0)]
    full_run.main([*steps, "--json", str(tmp_path / "runs.json")])
    found, said = json.loads((tmp_path / "runs.json").read_text()), capsys.readouterr().out
    assert found["measured"] == [{"size": "base", "device": "cpu", **TOLD}]
    assert found["runs"]["V3"]["training_h"] == pytest.approx(62_700 * 2 / 3600)
    assert full_run.table(found["runs"]) in said and "slower.json is left out" in said


@pytest.mark.parametrize("second, says", [
    ({}, "one.json and .*two.json are both of HuBERT base"),
    ({"size": "large", "device": "cuda"}, "one.json was measured on cpu, any, .*two.json on cuda, none"),
    ({"size": "large", "environment": TOLD | {"Processor": "other"}}, "one.json was .* any, .*two.json on cpu, other"),
])
def test_files_of_one_size_or_of_several_machines_are_refused_by_name(step_file, second, says):
    with pytest.raises(SystemExit, match=says):
        full_run.main([step_file("one"), step_file("two", **second)])


def test_full_runs_are_not_estimated_from_other_parameters_alone(step_file):
    with pytest.raises(SystemExit, match="slower.json: give a file that was made without --set"):
        full_run.main([step_file("slower", set={"precision": "float32"})])
