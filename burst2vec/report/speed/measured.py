"""The measurements in the files under `benchmarks/`, and what can be counted from them or without any measurement.

Nothing is measured here. The docstring of each module of `benchmarks/` says what the files that it writes hold. The
module `tables` makes tables of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from burst2vec.audio.packed import group_by_length
from burst2vec.training.batches import deal

Measured = Mapping[str, Sequence[dict]]
"""The contents of the files of each benchmark, by the benchmark's name; the key `file` of each is the file's name."""

BENCHMARKS = {
    "training_step": ("a training step", "make bench"),
    "packing": ("a step by way of batching", "make bench"),
    "full_run": ("estimated full runs", "make bench"),
    "stretch": ("a stretch of a training", "python -m benchmarks.gpu"),
    "inference": ("predictions", "make bench"),
    "growth": ("growth of a step and of an epoch", "make bench"),
    "preparation": ("preparing a corpus",
                    "python -m benchmarks.preparation CORPUS --name NAME --json benchmarks/preparation.json"),
    "scale": ("checking, preparing and batching by size of corpus",
              "python -m benchmarks.scale --clips 1000 4000 16000 60000 --json benchmarks/scale.json"),
    "bootstrap": ("intervals by bootstrap", "python -m benchmarks.bootstrap --json benchmarks/bootstrap.json"),
}
"""What each benchmark measures, and the command that writes its files.

The files are called `<benchmark>.json` or `<benchmark>_….json`; `make bench` names them by size and device, as in
`growth_base_cpu.json`.
"""

NEEDED = {
    "training_step": ("size", "device", "precision", "set", "ours_s", "ours_sorted_s", "trainer_documented_s",
                      "trainer_tuned_s", "trainer_tuned_random_s", "ours_sorted_to_ours", "documented_to_ours",
                      "tuned_to_ours", "tuned_random_to_ours", "turns", "epoch", "flop_a_step", "matrix_rate",
                      "utilisation", "utilisation_padded", "once", "validation", "memory_mib", "profile"),
    "packing": ("size", "layers", "device", "precision", "batch", "seconds", "to_packed", "epoch"),
    "stretch": ("size", "device", "precision", "bursts", "validated", "steps", "step_s", "validation_s", "encoding_s",
                "peak_mib", "utilisation", "run_steps", "run_h"),
    "full_run": ("measured", "runs"), "scale": ("rows",), "bootstrap": ("rows",),
    "inference": ("size", "device", "ours_rtf", "pipeline_documented_rtf", "pipeline_tuned_rtf",
                  "documented_to_ours", "tuned_to_ours"),
    "growth": ("size", "device", "batch", "lengths", "corpora"),
    "preparation": ("corpus", "recordings", "hours", "command", "library", "librosa_loop", "librosa_processes"),
}
"""The keys that a file of each benchmark must have, besides `environment`."""

CONTENDERS = {"ours": "ours", "ours_sorted": "ours, sorted", "trainer_documented": "Trainer as documented",
              "trainer_tuned": "Trainer set well", "trainer_tuned_random": "Trainer set well, random"}
"""The names under which the training step of each contender is shown.

Batches are random, but for `ours_sorted` and `trainer_tuned`, whose bursts are sorted by length.
"""

WAYS = {"packed": "random, groups packed", "apart": "random, group by group", "padded": "random, padded to the longest",
        "sorted": "sorted, padded to the longest"}
"""The names under which the ways of batching are shown."""

ON_A_GPU = ("training_step", "packing", "inference", "growth")
"""The benchmarks that are to be measured on a GPU too."""

EXVO = {"train": 19_990, "val": 19_396}
"""The number of bursts in each split of ExVo 2022."""

MEAN = 2.2
"""The mean length of a burst in seconds, as in ExVo 2022."""

SPREAD = 1.2
"""The standard deviation of the log-normal law of lengths, in seconds: our assumption."""

SHORTEST, LONGEST = 0.3, 10.0
"""The lengths in seconds at which the log-normal law is clipped: our assumption."""

GFLOP = {"base": (27.4, 4.9), "large": (94.0, 4.9)}
"""The operations for each second of audio in a burst of 2.2 s, in units of 10⁹, for each size of backbone.

The first number is for the pass forward and backward behind the feature encoder, the second for the pass forward
through the feature encoder, which is frozen. Both are counted from the shapes of the matrices, and a test counts them
again.
"""


def read_benchmarks(folder: Path) -> Measured:
    """The contents of every benchmark file in `folder`, by benchmark.

    Files of other names are ignored. Raises ValueError, with the file and the command that makes it, for a file that is
    not JSON or lacks a key.
    """
    found: dict[str, list[dict]] = {name: [] for name in BENCHMARKS}
    for path in sorted(folder.glob("*.json")):
        name = next((n for n in BENCHMARKS if path.stem == n or path.stem.startswith(f"{n}_")), None)
        if name:
            found[name].append(_content(path, name) | {"file": path.name})
    return found


def _content(path: Path, name: str) -> dict:
    again = f"make it again: {BENCHMARKS[name][1]}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: is no JSON ({error}); {again}") from None
    lacking = [key for key in ("environment", *NEEDED[name]) if key not in content]
    if lacking:
        raise ValueError(f"{path}: lacks {', '.join(lacking)}, which that benchmark writes; {again}")
    return content


def hardware(content: Mapping) -> str:
    """The name of the GPU where a file was measured on one, and otherwise that of the processor."""
    told = content.get("environment", content)
    return told["GPU"] if content.get("device") == "cuda" else told["Processor"]


def circumstances(content: Mapping) -> str:
    """The hardware and the date of a file, after the size of the model, its layers and the parameters that were set,
    if it tells any."""
    size = f"HuBERT {content['size']}, " if "size" in content else ""
    size += f"{content['layers']} layers, " if "layers" in content else ""
    size += "".join(f"{name}: {value}, " for name, value in content.get("set", {}).items())
    told = content.get("environment", content)
    return f"{size}{hardware(content)}, {told['Date']}"


def measured_gpus(found: Measured) -> list[str]:
    """The names of the GPUs on which a training step was measured."""
    return sorted({hardware(each) for each in found["training_step"] if each["device"] == "cuda"})


def default_steps(found: Measured) -> list[dict]:
    """The files of a training step with the default parameters."""
    return [each for each in found["training_step"] if not each["set"]]


def exvo_seconds(bursts: int = EXVO["train"], seed: int = 0) -> np.ndarray:
    """The lengths (bursts,) in seconds of bursts whose mean length is ExVo's.

    They are drawn from the same law as the bursts of the benchmarks.
    """
    variance = np.log1p((SPREAD / MEAN) ** 2)
    drawn = np.random.default_rng(seed).lognormal(np.log(MEAN) - variance / 2, np.sqrt(variance), bursts)
    return drawn.clip(SHORTEST, LONGEST)


def audio_shares(sizes: np.ndarray, batch_size: int, seed: int = 0) -> dict[str, float]:
    """The share of an epoch that is audio and not padding, by way of batching bursts of these `sizes` (bursts,).

    `packed` are random batches in groups of similar length, as in `training.batches`; `padded` the same batches, each
    padded to its longest burst; `sorted` are batches of neighbours in length.
    """
    batches = deal(np.arange(len(sizes)), batch_size, np.random.default_rng((seed, 1)))
    padded_together = {"packed": [batch[places] for batch in batches for places in group_by_length(sizes[batch])],
                       "padded": batches,
                       "sorted": np.array_split(np.argsort(sizes, kind="stable"), len(batches))}
    return {way: float(sizes.sum() / sum(len(rows) * sizes[rows].max() for rows in parts))
            for way, parts in padded_together.items()}


def encoded_exvo_mib(content: Mapping) -> float:
    """The memory in MiB that the encoded bursts of ExVo's training and validation sets take on the device.

    It is extrapolated from the bursts of a file of a training step, in proportion to their seconds of audio.
    """
    once = content["once"]
    return once["encoded_mib"] / once["encoded_audio_s"] * exvo_seconds(sum(EXVO.values())).sum()


def steps_behind(content: Mapping, found: Measured) -> list[dict]:
    """The files of a training step from which the hours in a file of full runs were computed."""
    def key(told: Mapping, environment: Mapping) -> tuple:
        return told["size"], told["device"], *(environment[k] for k in ("Date", "Processor", "GPU"))

    behind = {key(each, each) for each in content["measured"]}
    return [each for each in default_steps(found) if key(each, each["environment"]) in behind]


def limit_hours(size: str, steps: int, files: Sequence[dict]) -> float | None:
    """The hours that the operations of so many steps take at the matrix rate of the machine of `files`.

    The operations of a step are those that the file of this size counted; where there is none, those of `GFLOP` for the
    audio of a step. Returns None where there are no files.
    """
    for each in sorted(files, key=lambda f: f["size"] != size):
        counted = each["size"] == size
        flop = each["flop_a_step"] if counted else 1e9 * GFLOP[size][0] * each["epoch"]["ours"]["real_s"]
        return steps * flop / each["matrix_rate"]["flop_s"] / 3600
    return None
