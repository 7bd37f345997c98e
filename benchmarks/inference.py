"""Real-time factors of predictions: ours, and the `transformers` audio-classification pipeline's.

    python -m benchmarks.inference --size base --device cpu --json benchmarks/inference_base_cpu.json

The same bursts, noise with lengths by the law of `workload`, in random order, in memory as waveforms, are given to
`inference.infer` and to the pipeline with `HubertForSequenceClassification` of the same size, in rounds in which all
take turns. The pipeline runs as its documentation has it, in float32 and the order given, on a CPU one burst at a time,
on a GPU in batches of 8; and set well, sorted by length, in batches of as many bursts (ours has fewer of long ones), in
bfloat16 where the hardware has it, and on a GPU with four worker processes. All begin with waveforms: nothing is
encoded before.

The JSON holds, beside `environment`:

- `size`, `parameters`, `device`, `precision` (ours and the tuned pipeline's), `bursts`, `audio_s`, `batch`, `rounds`
- `documented_batch`: bursts in a batch of the pipeline as documented
- `ours_s`, `pipeline_documented_s`, `pipeline_tuned_s`: seconds for all bursts, the median of all rounds
- `ours_rtf` and so on: the same over `audio_s`, seconds of computing for a second of audio; smaller is faster
- `documented_to_ours`, `tuned_to_ours`: ratios within a round, `median`, `low` and `high`
- `seconds`: of each, round by round
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence

import numpy as np
import torch
from transformers import HubertForSequenceClassification, pipeline

from benchmarks import common, workload
from benchmarks.common import alternate, markdown, ratio
from benchmarks.peers import feature_extractor
from benchmarks.watching import timed
from burst2vec.machine.hardware import arithmetic, arithmetic_dtype, autocast, choose_device
from burst2vec.models.inference import infer

NAMES = {"ours": "ours", "pipeline_documented": "pipeline as documented", "pipeline_tuned": "pipeline set well"}
BURSTS = {"cpu": 96, "cuda": 4096}
BATCH = {"cpu": 16, "cuda": 128}
WORKERS = {"cpu": 0, "cuda": 4}
"""Processes that prepare the tuned pipeline's batches. On a CPU they would take from the model what they give."""
DOCUMENTED = {"cpu": 1, "cuda": 8}
"""Bursts in a batch, as the pipelines' documentation has it: 1 by default, and it advises against more on a CPU; 8 in
its example of batching on a GPU."""


def main(arguments: Sequence[str] | None = None, measure: Callable[[argparse.Namespace], dict] | None = None) -> None:
    """Measures, prints a table, and writes the JSON that is asked for."""
    parser = common.parser("inference", __doc__)
    parser.add_argument("--bursts", type=int, metavar="N", help="96, on a GPU 4096")
    parser.add_argument("--batch", type=int, metavar="N", help="bursts in a batch; 16, on a GPU 128")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="in which all take turns; 3 without this")
    options = parser.parse_args(arguments)
    found = (measure or measured)(options)
    common.tell(table(found), found, options.json)


def measured(options: argparse.Namespace) -> dict:
    """What the JSON holds."""
    device = choose_device(options.device)
    bursts, batch = options.bursts or BURSTS[device.type], options.batch or BATCH[device.type]
    lengths = workload.draw_lengths(bursts)
    store = workload.Noise(lengths)
    waveforms = [store[row] for row in range(bursts)]
    model = workload.burst2vec(options.size).to(device)
    precision = autocast("auto", device)
    dtype = arithmetic_dtype("auto", device)
    by_length = [waveforms[row] for row in np.argsort(-lengths, kind="stable")]
    documented, tuned = classifier(options.size, device), classifier(options.size, device, dtype)
    work = {
        "ours": lambda: infer(model, waveforms, np.arange(bursts), lengths, batch, precision, progress=False),
        "pipeline_documented": lambda: documented(waveforms, batch_size=DOCUMENTED[device.type]),
        "pipeline_tuned": lambda: _without_cudnn(device, tuned, by_length, batch),
    }
    if device.type == "cuda":  # every length once; a CPU has nothing to warm up but the few first milliseconds
        alternate(work, 1)
    seconds = alternate({name: lambda run=run: timed(run, device) for name, run in work.items()}, options.rounds)
    audio = lengths.sum() / workload.SAMPLE_RATE
    median = {name: statistics.median(each) for name, each in seconds.items()}
    return {
        "size": options.size, "parameters": sum(p.numel() for p in model.parameters()), "device": device.type,
        "precision": str(dtype).removeprefix("torch."), "bursts": bursts, "audio_s": float(audio), "batch": batch,
        "documented_batch": DOCUMENTED[device.type], "rounds": options.rounds,
        **{f"{name}_s": s for name, s in median.items()},
        **{f"{name}_rtf": s / audio for name, s in median.items()},
        **{f"{name.removeprefix('pipeline_')}_to_ours": ratio(each, seconds["ours"])
           for name, each in seconds.items() if name != "ours"}, "seconds": seconds,
    }


def _without_cudnn(device: torch.device, classify, waveforms: Sequence[np.ndarray], batch: int) -> None:
    with arithmetic(device):  # as ours: see there
        classify(waveforms, batch_size=batch, num_workers=WORKERS[device.type])


def classifier(size: str, device: torch.device, dtype: torch.dtype = torch.float32):
    """The pipeline with a HuBERT of that size, with random weights, for four classes."""
    model = HubertForSequenceClassification(workload.config(size, num_labels=4)).to(dtype)
    return pipeline("audio-classification", model=model, feature_extractor=feature_extractor(size), device=device,
                    dtype=dtype)


def table(found: dict) -> str:
    """The figures in Markdown, a line for each."""
    rows = []
    for name, title in NAMES.items():
        times = found.get(f"{name.removeprefix('pipeline_')}_to_ours")
        spread = f"{times['median']:.2f} ({times['low']:.2f}–{times['high']:.2f})" if times else "1"
        rows.append((title, f"{found[f'{name}_s']:.3g}", f"{found[f'{name}_rtf']:.2g}", spread))
    return markdown(("", "s", "s a second of audio", "times ours"), rows)


if __name__ == "__main__":
    main()
