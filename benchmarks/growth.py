"""How time and memory grow: of a training step with the length of its batch, and of an epoch's batches with the corpus.

    python -m benchmarks.growth --size base --device cpu --json benchmarks/growth_base_cpu.json

A step is trained on bursts that are all of one length, from 0.5 to 20 seconds, each length in a process of its own.
Their peak of memory is what torch allotted on a GPU; on a CPU it is the whole process's, libraries included, as Linux
keeps it (`VmHWM`). The bursts are encoded beforehand, as in a training by default. Epochs of 1,000 bursts and more are
dealt into batches, which are then gathered and padded on the device in groups of similar length, from as many frames
as the encoded bursts would have, without a step.

The JSON holds, beside `environment`, `size`, `device`, `batch` (bursts of a step), and

- `lengths`: for each length `audio_s` (of one burst), `step_s` (median), `s_per_audio_s`, `peak_mib`, `weights_mib`
- `corpora`: for each number of `bursts` `plan_s`, dealing an epoch to the three tasks; `batches`; `gather_ms`, one
  batch, the mean of a hundred; and `resident_mib`, the encoded bursts
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from benchmarks import common, flops, workload
from benchmarks.common import markdown
from benchmarks.ours import Ours
from benchmarks.turns import Turns
from benchmarks.watching import MIB, Meter, held, timed
from burst2vec.audio.packed import Packed
from burst2vec.config import Params
from burst2vec.machine.hardware import arithmetic, autocast, choose_device
from burst2vec.models.backbone import feature_norm
from burst2vec.training.batches import Feed, plan

BATCH = {"cpu": 4, "cuda": 32}
STEPS = {"cpu": 2, "cuda": 20}
GATHERED = 100
"""Batches that are gathered from a corpus, at most."""


def main(arguments: Sequence[str] | None = None,
         measure: Callable[[argparse.Namespace, float], dict] | None = None) -> None:
    """Measures every length and every number of bursts, prints tables, and writes the JSON that is asked for."""
    parser = common.parser("growth", __doc__)
    parser.add_argument("--batch", type=int, metavar="N", help="bursts of a step; 4, on a GPU 32")
    parser.add_argument("--seconds", type=float, nargs="+", default=[0.5, 1, 2, 5, 10, 20], metavar="S", help="lengths")
    parser.add_argument("--bursts", type=int, nargs="+", default=[1_000, 4_000, 16_000], metavar="N", help="corpora")
    parser.add_argument("--alone", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    device = choose_device(options.device)
    options.batch = options.batch or BATCH[device.type]
    if options.alone:
        print(json.dumps(at_length(options, options.alone)))
        return
    found = {"size": options.size, "device": device.type, "batch": options.batch,
             "lengths": [(measure or in_its_own_process)(options, seconds) for seconds in options.seconds],
             "corpora": [of_corpus(options.size, bursts, device) for bursts in options.bursts]}
    common.tell(table(found), found, options.json)


def in_its_own_process(options: argparse.Namespace, seconds: float) -> dict:
    """What `at_length` finds in a fresh process. Raises SystemExit, with what the process said, where it fails."""
    command = [sys.executable, "-m", "benchmarks.growth", "--size", options.size, "--device", options.device,
               "--batch", str(options.batch), "--alone", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def at_length(options: argparse.Namespace, seconds: float) -> dict:
    """Time and memory of a step on bursts of so many seconds, in this process."""
    device, batch = choose_device(options.device), options.batch
    store = workload.Noise(np.full(batch + 2, int(seconds * workload.SAMPLE_RATE)))
    corpus = workload.corpus(batch, val=2)
    ours = Ours(options.size, Params(device=options.device, batch_size=batch), device, corpus, store)
    ours.hear(np.arange(batch))
    turns, meter = Turns(ours.program([(task, np.arange(batch)) for task in corpus.tasks]), device), Meter(device)
    with arithmetic(device):
        turns.take(len(corpus.tasks))  # warms up on every task
        with meter.watching():
            steps = [turns.take(1) for _ in range(STEPS[device.type])]
    step = statistics.median(steps)
    return {"audio_s": seconds, "step_s": step, "s_per_audio_s": step / (batch * seconds), "peak_mib": meter.peak_mib,
            "weights_mib": held(ours.model)}


def of_corpus(size: str, bursts: int, device: torch.device) -> dict:
    """Time of dealing an epoch of so many bursts, and of gathering its batches on the device, of encoded bursts."""
    lengths, corpus, params = workload.draw_lengths(bursts + 64), workload.corpus(bursts), Params()
    start = time.perf_counter()
    dealt = plan(corpus, params, 1)
    planned = time.perf_counter() - start
    shape, precision = workload.config(size), autocast(params.precision, device)
    sizes = flops.frames(shape, lengths)
    short = precision._enabled and feature_norm(shape) == "group"  # a layer norm gives float32 in either arithmetic
    kept = torch.get_autocast_dtype(device.type) if short else torch.float32
    values = torch.ones(int(sizes.sum()), shape.conv_dim[-1], dtype=kept, device=device)
    source = Packed(values, np.arange(len(lengths)), sizes, lengths)
    feed, some = Feed(corpus, source, params, device), dealt[:GATHERED]

    def gather() -> None:
        for batch in (feed.batch(task, rows) for task, rows in some):
            batch.groups(np.arange(len(batch.rows)))

    gathered = timed(gather, device)
    return {"bursts": bursts, "plan_s": planned, "batches": len(dealt), "gather_ms": 1000 * gathered / len(some),
            "resident_mib": values.nbytes / MIB}


def table(found: dict) -> str:
    """The figures in Markdown, a table of lengths and one of corpora."""
    lengths = [(f"{row['audio_s']:g}", f"{row['step_s']:.3g}", f"{row['s_per_audio_s']:.3g}", f"{row['peak_mib']:,.0f}")
               for row in found["lengths"]]
    corpora = [(f"{row['bursts']:,}", f"{row['plan_s']:.3f}", f"{row['batches']:,}", f"{row['gather_ms']:.2f}",
                f"{row['resident_mib']:,.0f}") for row in found["corpora"]]
    return "\n\n".join((
        markdown(("burst, s", "s a step", "s a second of audio", "MiB"), lengths),
        markdown(("bursts", "dealing an epoch, s", "batches", "gathering one, ms", "resident, MiB"), corpora)))


if __name__ == "__main__":
    main()
