"""What the files under `benchmarks/` say of speed, and what follows from them, or from nothing, by counting.

Nothing is measured here. The head of each module of `benchmarks/` says what the files that it writes hold.
`tables` beside it has the tables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from burst2vec.audio.waveform import SAMPLE_RATE
from burst2vec.config import Params
from burst2vec.training.batches import bucketed

Measured = Mapping[str, Sequence[dict]]
"""The contents of the files of each benchmark; each has its file's name as `file`."""

BENCHMARKS = {
    "training_step": ("a training step", "make bench"),
    "full_run": ("reckoned full runs", "make bench"),
    "inference": ("predictions", "make bench"),
    "growth": ("growth of a step and of an epoch", "make bench"),
    "preparation": ("preparing a corpus",
                    "python -m benchmarks.preparation CORPUS --name NAME --json benchmarks/preparation.json"),
    "scale": ("checking, preparing and batching by size of corpus",
              "python -m benchmarks.scale --clips 1000 4000 16000 60000 --json benchmarks/scale.json"),
    "bootstrap": ("intervals by bootstrap", "python -m benchmarks.bootstrap --json benchmarks/bootstrap.json"),
}
"""What each benchmark measures, and the command that writes its files, `<benchmark>.json` or `<benchmark>_….json`.
`make bench` names its files by size and device, as in `growth_base_cpu.json`."""

NEEDED = {
    "training_step": ("size", "device", "precision", "set", "ours_s", "trainer_documented_s", "trainer_tuned_s",
                      "documented_to_ours", "tuned_to_ours", "turns", "epoch", "flop_a_step", "matrix_rate",
                      "utilisation", "utilisation_padded", "once", "validation", "memory_mib", "profile"),
    "full_run": ("measured", "runs"), "scale": ("rows",), "bootstrap": ("rows",),
    "inference": ("size", "device", "ours_rtf", "pipeline_documented_rtf", "pipeline_tuned_rtf",
                  "documented_to_ours", "tuned_to_ours"),
    "growth": ("size", "device", "batch", "lengths", "corpora"),
    "preparation": ("corpus", "recordings", "hours", "command", "library", "librosa_loop", "librosa_processes"),
}
CONTENDERS = {"ours": "ours", "trainer_documented": "Trainer as documented", "trainer_tuned": "Trainer set well"}
ON_A_GPU = ("training_step", "inference", "growth")

EXVO = {"train": 19_990, "val": 19_396}
"""Bursts of ExVo 2022."""

MEAN, SPREAD, SHORTEST, LONGEST = 2.2, 1.2, 0.3, 10.0
"""Of a burst's seconds: mean and standard deviation of the log-normal law, and where it is clipped. The mean is
ExVo's; the rest is our assumption."""

GFLOP = {"base": (27.4, 4.9), "large": (94.0, 4.9)}
"""For each second of audio of a burst of 2.2 s, at each size: forward and backward behind the feature encoder, and
forward through it, which is frozen. Counted from the shapes of the matrices; a test counts them again."""


def read(folder: Path) -> Measured:
    """Every file of a benchmark in `folder`, by benchmark.

    Raises ValueError, naming the file and the command that makes it, for one that is no JSON or lacks what it should
    hold. Files of other names are left aside.
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
    """The GPU, where it was measured on one, else the processor."""
    told = content.get("environment", content)
    return told["GPU"] if content.get("device") == "cuda" else told["Processor"]


def where(content: Mapping) -> str:
    """Hardware and date; before them the size of the model and the parameters that were set, where there are any."""
    size = f"HuBERT {content['size']}, " if "size" in content else ""
    size += "".join(f"{name}: {value}, " for name, value in content.get("set", {}).items())
    told = content.get("environment", content)
    return f"{size}{hardware(content)}, {told['Date']}"


def gpus(found: Measured) -> list[str]:
    """The GPUs on which a training step was measured."""
    return sorted({hardware(each) for each in found["training_step"] if each["device"] == "cuda"})


def defaults(found: Measured) -> list[dict]:
    """The files of a training step with the default parameters."""
    return [each for each in found["training_step"] if not each["set"]]


def exvo_seconds(bursts: int = EXVO["train"], seed: int = 0) -> np.ndarray:
    """Seconds (bursts,) of bursts as long as ExVo's are on the mean, by the law from which the benchmarks draw."""
    variance = np.log1p((SPREAD / MEAN) ** 2)
    drawn = np.random.default_rng(seed).lognormal(np.log(MEAN) - variance / 2, np.sqrt(variance), bursts)
    return drawn.clip(SHORTEST, LONGEST)


def audio_shares(seconds: np.ndarray, params: Params, windows: Sequence[int]) -> pd.DataFrame:
    """How much of an epoch's batches is audio, not padding, where bursts are sorted within windows of so many batches.

    Columns: window, batches, audio_share, padded_h. A window of one batch sorts nothing: the batches are random.
    """
    lengths, rows = (SAMPLE_RATE * seconds).astype(np.int64), []
    for window in windows:
        rng = np.random.default_rng((params.seed, 1))
        dealt = bucketed(np.arange(len(lengths)), lengths, params.batch_size, window, rng)
        padded = sum(len(batch) * lengths[batch].max() for batch in dealt)
        rows.append((window, len(dealt), lengths.sum() / padded, padded / SAMPLE_RATE / 3600))
    return pd.DataFrame(rows, columns=["window", "batches", "audio_share", "padded_h"])


def kept_mib(content: Mapping) -> float:
    """MiB that ours keeps of ExVo's bursts of training and validation, encoded, on the training's device: reckoned from
    the bursts of a file of a training step, by their audio."""
    once = content["once"]
    return once["encoded_mib"] / once["encoded_audio_s"] * exvo_seconds(sum(EXVO.values())).sum()


def steps_behind(content: Mapping, found: Measured) -> list[dict]:
    """The files of a training step from which a file of full runs was reckoned."""
    def key(told: Mapping, environment: Mapping) -> tuple:
        return told["size"], told["device"], *(environment[k] for k in ("Date", "Processor", "GPU"))

    behind = {key(each, each) for each in content["measured"]}
    return [each for each in defaults(found) if key(each, each["environment"]) in behind]


def limit_hours(size: str, steps: int, files: Sequence[dict]) -> float | None:
    """Hours of that many steps at the matrix rate of the machine of `files`; None where there is no file.

    The operations are those that the file of this size counted; without one, those of `GFLOP` for the audio of a step.
    """
    for each in sorted(files, key=lambda f: f["size"] != size):
        counted = each["size"] == size
        flop = each["flop_a_step"] if counted else 1e9 * GFLOP[size][0] * each["epoch"]["ours"]["real_s"]
        return steps * flop / each["matrix_rate"]["flop_s"] / 3600
    return None
