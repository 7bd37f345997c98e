"""Files as the benchmarks write them, with small figures that are made up, for the tests of the page *Speed*."""

from __future__ import annotations

import json
from pathlib import Path

ENVIRONMENT = {"Date": "2026-01-02", "Processor": "Abacus, 2 cores", "GPU": "none", "torch": "2.13.0"}
ON_GPU = ENVIRONMENT | {"GPU": "Loom"}


def training_step(size="base", environment=ENVIRONMENT, **changes) -> dict:
    """Steps of 4 seconds and, sorted, 3.2, and of 20, 5 and 8; ours computes 1 TFLOP a step, a quarter of what the
    machine could."""
    def turns(*pairs):
        return [{"padded_s": padded, "real_s": 70.0, "seconds": seconds} for padded, seconds in pairs]

    def epoch(padded):
        return {"steps": 627, "padded_s": padded, "real_s": 70.0, "audio_share": 70 / padded}

    return {
        "environment": environment, "size": size, "device": "cpu" if environment["GPU"] == "none" else "cuda",
        "precision": "bfloat16", "set": {}, "ours_s": 4.0, "ours_sorted_s": 3.2, "trainer_documented_s": 20.0,
        "trainer_tuned_s": 5.0, "trainer_tuned_random_s": 8.0,
        "ours_sorted_to_ours": {"median": 0.8, "low": 0.5, "high": 1.0},
        "tuned_random_to_ours": {"median": 2.0, "low": 1.5, "high": 2.5},
        "documented_to_ours": {"median": 5.0, "low": 4.5, "high": 6.0},
        "tuned_to_ours": {"median": 1.25, "low": 1.0, "high": 1.5},
        "turns": {"ours": turns((50, 2.5), (90, 5.5)), "ours_sorted": turns((50, 2.0), (90, 4.4)),
                  "trainer_documented": turns((150, 17), (200, 23)), "trainer_tuned": turns((50, 3.5), (90, 6.5)),
                  "trainer_tuned_random": turns((150, 7), (200, 9))},
        "epoch": {"ours": epoch(70.0), "ours_sorted": epoch(70.0), "trainer_documented": epoch(175.0),
                  "trainer_tuned": epoch(70.0), "trainer_tuned_random": epoch(175.0)},
        "flop_a_step": 1e12, "matrix_rate": {"flop_s": 1e12, "rows": 4096, "dtype": "bfloat16"},
        "utilisation": 0.25, "utilisation_padded": 0.3,
        "once": {"encoding_s": 1.0, "encoded_audio_s": 70.0, "encoding_s_per_hour": 3600 / 70, "encoded_mib": 3.5},
        "validation": {"seconds": 2.0, "bursts": 64, "s_per_burst": 800 * 4 / 19_396, "batch": 32},
        "memory_mib": {"ours": 1500.0, "ours_sorted": 1400.0, "trainer_documented": 6000.0,
                       "trainer_tuned": float("nan"), "trainer_tuned_random": 5000.0}, "profile": {}, **changes}


def packing(size="base", environment=ENVIRONMENT) -> dict:
    """Steps of 4, 5, 8 and 3.2 seconds by way of batching."""
    def ratio(times):
        return {"median": times, "low": times - 0.1, "high": times + 0.1}

    return {"environment": environment, "size": size, "layers": 4,
            "device": "cpu" if environment["GPU"] == "none" else "cuda", "precision": "bfloat16", "batch": 32,
            "seconds": {"packed": 4.0, "apart": 5.0, "padded": 8.0, "sorted": 3.2},
            "to_packed": {"apart": ratio(1.25), "padded": ratio(2.0), "sorted": ratio(0.8)},
            "epoch": {way: {"audio_share": share} for way, share in
                      (("packed", 0.96), ("apart", 0.96), ("padded", 0.39), ("sorted", 1.0))}}


def stretch(size="large", environment=ON_GPU) -> dict:
    """A step of a fiftieth of a second, a validation of ten."""
    return {"environment": environment, "size": size, "device": "cuda", "precision": "bfloat16", "bursts": 19_990,
            "validated": 19_396, "steps": 400, "step_s": 0.02, "validation_s": 10.0, "encoding_s": 30.0,
            "peak_mib": 40_000.0, "utilisation": 0.4, "run_steps": 62_700, "run_h": 0.576}


def full_run(*steps: dict) -> dict:
    """A run of V3 at size base and of V4 at size large, with hours for the sizes that `steps` measured."""
    def hours(size, count):
        known = size in {each["size"] for each in steps}
        return {"steps": count, "validations": -(-count // 800), **{
            f"{part}_h": value if known else None for part, value in
            (("training", count / 900), ("validation", 2.0), ("encoding", 1.0), ("total", count / 900 + 3))}}

    told = [{"size": s["size"], "device": s["device"], **s["environment"]} for s in steps]
    return {"environment": ENVIRONMENT, "measured": told, "runs": {
        code: {"size": size, "epoch_bursts": 19_990, "steps_per_epoch": 627, "epochs": 100, **hours(size, 62_700),
               "each_task": hours(size, 187_500), "earliest": hours(size, 16_800)}
        for code, size in (("V3", "base"), ("V4", "large"))}}


def inference(size="base", environment=ENVIRONMENT) -> dict:
    """Predictions 10, 2 and 8 times faster than real time."""
    return {"environment": environment, "size": size, "device": "cpu" if environment["GPU"] == "none" else "cuda",
            "ours_rtf": 0.1, "pipeline_documented_rtf": 0.5, "pipeline_tuned_rtf": 0.125,
            "documented_to_ours": {"median": 5.0, "low": 4.0, "high": 7.0},
            "tuned_to_ours": {"median": 1.25, "low": 1.1, "high": 1.3}}


def growth(size="base", environment=ENVIRONMENT) -> dict:
    """Steps in proportion to the length of their bursts; gathering a batch takes 40 ms."""
    return {"environment": environment, "size": size, "device": "cpu" if environment["GPU"] == "none" else "cuda",
            "batch": 4,
            "lengths": [{"audio_s": s, "step_s": s / 2, "s_per_audio_s": 1 / 8, "peak_mib": 1000 * s,
                         "weights_mib": 1500.0} for s in (0.5, 2.0, 20.0)],
            "corpora": [{"bursts": n, "plan_s": n / 1e6, "batches": 3 * n // 32, "gather_ms": 40.0,
                         "resident_mib": n / 15} for n in (1_000, 16_000)]}


def preparation() -> dict:
    """The command at 500 times real time, a loop of librosa at 100."""
    def way(seconds, real_time, times):
        return {"seconds": seconds, "times_real_time": {"median": real_time, "low": 90.0, "high": 1100.0},
                "times_the_command": {"median": times, "low": times, "high": times}}

    return {"environment": ENVIRONMENT, "corpus": "laughs", "audio": "provided", "recordings": 3000, "hours": 1.558,
            "rounds": 3, "command": way([9.0, 5.0, 6.0], 500.0, 1.0), "library": way([3.0], 1000.0, 0.5),
            "librosa_loop": way([30.0], 100.0, 5.0), "librosa_processes": way([15.0], 200.0, 2.5)}


def scale() -> dict:
    """Two sizes of a corpus."""
    stage = {"seconds": 2.0, "peak_mib": 440.0}
    return {"environment": ENVIRONMENT,
            "rows": [{"clips": n, "check": stage, "prepare": stage, "batch": stage} for n in (1_000, 4_000)]}


def bootstrap() -> dict:
    """One size of a bootstrap."""
    return {"environment": ENVIRONMENT, "rows": [{"systems": 14, "bursts": 20_000, "by speakers, s": 1.63}]}


def write(folder: Path, **files: dict) -> Path:
    """Writes each of `files` as `<name>.json` into `folder`, and returns the folder."""
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder
