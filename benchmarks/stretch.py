"""A timed stretch of V4 at the scale paper, on noise: the training itself, not its steps alone.

    python -m benchmarks.stretch --size large --json benchmarks/stretch_large_cuda.json

`burst2vec.training.trainer.train` is run as a training runs it, with V4's parameters at the scale paper, on as many
bursts of noise as ExVo has for training and validation, and on a backbone of V4's size with random weights. It is run
twice, for one step and for `--steps` more, each ended by one validation: the difference is the time of the steps. The
first run says how long validation and encoding take. No checkpoints are written.

The JSON holds, beside `environment`:

- `size`, `device`, `precision`, `bursts`, `validated` (those of the validation set), `batch`, `steps` (timed)
- `step_s`, `validation_s`, `encoding_s`: seconds of a step, of a validation, and of encoding both sets once
- `peak_mib`: the highest memory of the longer run, all that is kept included; on a CPU the whole process's
- `flop_a_step`, `matrix_rate`, `utilisation`: as in `benchmarks.training_step`, of these steps
- `run_steps`, `run_validations`, `run_h`: the steps and validations of a whole training at most, and its hours
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Sequence

import numpy as np
import torch

from benchmarks import common, flops, peers, workload
from benchmarks.common import markdown
from benchmarks.watching import Meter
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus
from burst2vec.machine.hardware import arithmetic_dtype, choose_device
from burst2vec.report.speed.measured import EXVO
from burst2vec.training.batches import plan
from burst2vec.training.trained import Trained
from burst2vec.training.trainer import train

STEPS = {"cpu": 4, "cuda": 400}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints a table, and writes the JSON that is asked for."""
    parser = common.parser("stretch", __doc__, size="large")
    parser.add_argument("--steps", type=int, metavar="N", help="that are timed; 4, on a GPU 400")
    parser.add_argument("--bursts", type=int, default=EXVO["train"], metavar="N", help="ExVo's 19,990 without this")
    parser.add_argument("--validated", type=int, default=EXVO["val"], metavar="N", help="ExVo's 19,396 without this")
    options = parser.parse_args(arguments)
    found = measured(options)
    common.tell(table(found), found, options.json)


def measured(options: argparse.Namespace) -> dict:
    """What the JSON holds."""
    device = choose_device(options.device)
    steps = options.steps or STEPS[device.type]
    corpus = workload.corpus(options.bursts, options.validated)
    store = workload.Noise(workload.draw_lengths(options.bursts + options.validated))
    store.make(range(len(store)))
    with tempfile.TemporaryDirectory() as folder:
        workload.encoder(options.size).save_pretrained(folder)
        peers.feature_extractor(options.size).save_pretrained(folder)
        params = Params.resolve({"variant": "V4", "scale": "paper", "backbone": folder, "device": options.device})
        one, of_one, _ = _timed(corpus, store, params, 1, device)
        more, of_more, peak = _timed(corpus, store, params, 1 + steps, device)
    step, validation = (of_more - of_one) / steps, one.summary["seconds"] * one.summary["validation_share"]
    encoding = max(0.0, one.summary["seconds"] - validation - step)
    dealt = plan(corpus, params, 1)
    run_steps = params.max_epochs * len(dealt)
    validations = -(-run_steps // params.validate_every)
    return {
        "size": options.size, "device": device.type, "bursts": options.bursts,
        "validated": options.validated, "batch": params.batch_size, "steps": steps, "step_s": step,
        "validation_s": validation, "encoding_s": encoding, "peak_mib": peak,
        **_utilisation(options.size, store, [rows for _, rows in dealt[1:1 + steps]], step, params, device),
        "run_steps": run_steps, "run_validations": validations,
        "run_h": (run_steps * step + validations * validation + encoding) / 3600,
    }


def _timed(corpus: Corpus, store: workload.Noise, params: Params, steps: int,
           device: torch.device) -> tuple[Trained, float, float]:
    """A training of so many steps, its seconds, and its peak of memory in MiB."""
    params, meter = dataclasses.replace(params, max_steps=steps, validate_every=steps), Meter(device)
    start = time.perf_counter()
    with meter.watching():
        trained = train(corpus, store, params)
    return trained, time.perf_counter() - start, meter.peak_mib


def _utilisation(size: str, store: workload.Noise, batches: Sequence[np.ndarray], seconds: float, params: Params,
                 device: torch.device) -> dict:
    """Model FLOP of the mean of those steps, of `seconds`, and their share of the machine's matrix rate."""
    shape = workload.config(size)
    frames = flops.frames(shape, store.lengths)
    flop = float(np.mean([flops.step(shape, frames[rows]) for rows in batches]))
    rate = flops.matrix_rate(device, arithmetic_dtype(params.precision, device))
    return {"precision": rate["dtype"], "flop_a_step": flop, "matrix_rate": rate,
            "utilisation": flop / seconds / rate["flop_s"]}


def table(found: dict) -> str:
    """The figures in Markdown, in one line."""
    return markdown(
        ("V4", "s a step", "validation, s", "encoding, s", "peak, MiB", "utilisation", "a whole run, h"),
        [(f"HuBERT {found['size']}", f"{found['step_s']:.3g}", f"{found['validation_s']:.3g}",
          f"{found['encoding_s']:.3g}", f"{found['peak_mib']:,.0f}", f"{100 * found['utilisation']:.0f} %",
          f"{found['run_h']:.2g}")])


if __name__ == "__main__":
    main()
