"""Seconds of a training step at HuBERT's sizes: ours, and the `transformers` Trainer's as documented and set well.

    python -m benchmarks.training_step --size base --device cpu --json benchmarks/training_step_base_cpu.json

All train Burst2Vec's heads on its losses for ExVo's three tasks, on noise with lengths by the law of `workload`, 32
bursts and one task a batch; `peers` says what the Trainers do. Each contender deals an epoch of 19,990 bursts into
batches in its own way: `ours` at random, computed in groups of similar length; `trainer_documented` at random, padded;
`trainer_tuned` sorted by length; `trainer_tuned_random` at random, padded, the fair comparison. `ours_sorted` is ours
on the batches of `trainer_tuned`: what random batches cost is `ours` over `ours_sorted`.

Of these batches a sample is trained on, at equal steps from the shortest to the longest, in rounds in which all take
turns. Loading is part of a step; warming up and what is made once (the encoded bursts, the normalised ones) are not.

A sample of an epoch does not have its mean length. So the seconds of each turn are brought to the epoch's mean batch
along the slope of seconds over padded audio that this contender's own turns show: seconds of an epoch's mean step.

The JSON holds, beside `environment`:

- `size`, `parameters`, `device`, `precision` (ours), `set` (parameters that were), `batch` (bursts), `bursts` (in the
  epoch), `rounds`, `steps_a_turn`, `parts` (in which a Trainer computes a random batch)
- `ours_s`, `ours_sorted_s`, `trainer_documented_s`, `trainer_tuned_s`, `trainer_tuned_random_s`: the epoch's mean step,
  the median of all rounds
- `ours_sorted_to_ours`, `documented_to_ours`, `tuned_to_ours`, `tuned_random_to_ours`: ratios within a round, `median`,
  `low` and `high`; null, as the above, where the GPU's memory does not hold the longest batch of that Trainer
- `turns`: for each contender and round `padded_s` and `real_s`, audio of a mean step of that turn, `seconds` of one
- `epoch`: for each contender its `steps`, `padded_s` and `real_s`, audio of a mean step, and `audio_share`, real over
  padded. Audio is counted in the frames of 20 ms that are computed for it
- `flop_a_step`: model FLOP of our mean step over real audio, and `flop_a_step_padded` over padded audio; `flop_counted`
  and `flop_formula`, of one burst of mean length, operation by operation on meta tensors and by formula
- `matrix_rate`: `flop_s`, `rows`, `dtype` of the machine's best square product
- `utilisation`: model FLOP over real audio in `ours_s`, over the matrix rate; `utilisation_padded` counts padding as
  work
- `once`, null where bursts are not encoded beforehand, whose operations the above leaves out then: `encoding_s` for
  `encoded_audio_s` seconds of audio, `encoding_s_per_hour` of it, and `encoded_mib`, what is kept
- `validation`: `seconds` for `bursts`, `s_per_burst`, without encoding, in batches of `batch`
- `memory_mib`: for each contender, weights, gradients, optimiser state and what a step adds at its peak, without the
  bursts; on a CPU that is resident memory, as Linux tells it
- `profile`: for each contender the ten operations with the largest `share` of `ms` a step, on a GPU or with `--profile`
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import yaml
from torch import nn

from benchmarks import common, flops, peers, workload
from benchmarks.common import alternate, markdown, ratio
from benchmarks.ours import Ours
from benchmarks.sampling import Sample, at_mean, blocks, padded_to_longest, sample
from benchmarks.turns import Turns
from benchmarks.watching import MIB, Meter, held, profiled
from burst2vec.audio.waveform import SAMPLE_RATE
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.machine.hardware import arithmetic, choose_device
from burst2vec.report.speed.measured import CONTENDERS, EXVO, MEAN
from burst2vec.training.batches import plan

ROUNDS = {"cpu": 4, "cuda": 10}
STEPS = {"cpu": 1, "cuda": 40}
PARTS = {"cpu": 4, "cuda": 1}
WARM = {"cpu": 1, "cuda": 20}
VALIDATED, LARGEST = {"cpu": 2, "cuda": 20}, {"cpu": 32, "cuda": 1024}
"""Batches of validation that are timed, and the bursts in one at most."""

Batches = list[tuple[Task, np.ndarray]]
"""A task and rows for each batch."""


@dataclass(frozen=True)
class Contender:
    """A model, its training for `turns.Turns`, and the sample of its epoch that it is trained on.

    `kernels` is a context in which its turns are taken, for what torch has set for all.
    """

    model: nn.Module
    program: Callable[[Callable[[], None]], None]
    sample: Sample
    kernels: Callable[[], contextlib.AbstractContextManager] = contextlib.nullcontext


def main(arguments: Sequence[str] | None = None, measure: Callable[[argparse.Namespace], dict] | None = None) -> None:
    """Measures, prints a table, and writes the JSON that is asked for."""
    parser = common.parser("training_step", __doc__)
    parser.add_argument("--rounds", type=int, metavar="N", help="in which all take turns; 4, on a GPU 10")
    parser.add_argument("--steps", type=int, metavar="N", help="of a turn; 1, on a GPU 40")
    parser.add_argument("--batch", type=int, default=32, metavar="N", help="bursts in a batch; 32 without this")
    parser.add_argument("--parts", type=int, metavar="N",
                        help="in which a Trainer computes a random batch, to need less memory; 4, on a GPU 1")
    parser.add_argument("--bursts", type=int, default=EXVO["train"], metavar="N",
                        help="in an epoch; ExVo's 19,990 without this")
    parser.add_argument("--profile", type=int, metavar="N", help="steps to profile; none, on a GPU 5")
    parser.add_argument("--set", type=yaml.safe_load, default={}, metavar="YAML",
                        help="parameters of our training, as '{compile_layers: true}'")
    options = parser.parse_args(arguments)
    found = (measure or measured)(options)
    common.tell(table(found), found, options.json, "accelerate")


def measured(options: argparse.Namespace) -> dict:
    """What the JSON holds."""
    device = choose_device(options.device)
    rounds, steps = options.rounds or ROUNDS[device.type], options.steps or STEPS[device.type]
    profile = (5 if device.type == "cuda" else 0) if options.profile is None else options.profile
    parts = options.parts or PARTS[device.type]
    if options.batch % parts:
        raise SystemExit(f"--batch {options.batch} cannot be computed in {parts} parts; set --parts")
    params = Params(batch_size=options.batch, device=options.device, **options.set)
    lengths = workload.draw_lengths(options.bursts + options.bursts // 2)
    corpus, store = workload.corpus(options.bursts, options.bursts // 2), workload.Noise(lengths)
    ours = Ours(options.size, params, device, corpus, store)
    dealt = deal(corpus, lengths, params)
    samples = samples_of(dealt, ours, lengths, rounds, steps, WARM[device.type])
    chosen = {name: [dealt[name][place] for place in each.order] for name, each in samples.items()}
    size = min(params.inference_batch_size, LARGEST[device.type])
    validated = [options.bursts + rows for rows in blocks(lengths[options.bursts:], size, VALIDATED[device.type])]
    own = _rows_of([*chosen["ours"], *chosen["ours_sorted"]], validated)
    store.make(_rows_of([batch for batches in chosen.values() for batch in batches], validated))

    ours.hear(own)
    with tempfile.TemporaryDirectory() as folder:
        contenders = _contenders(options, ours, chosen, samples, parts, folder)
        found = compare(contenders, device, rounds, steps, WARM[device.type])
        profiles = {name: _profile(contenders[name], profile, 1 + WARM[device.type], device)
                    for name in found["turns"] if profile}
    audio = lengths[own].sum() / SAMPLE_RATE
    return {
        "size": options.size, "parameters": sum(p.numel() for p in ours.model.parameters()), "device": device.type,
        "precision": str(ours.dtype).removeprefix("torch."), "set": options.set, "batch": options.batch,
        "bursts": options.bursts, "rounds": rounds, "steps_a_turn": steps, "parts": parts, **found,
        **utilisation(ours, [rows for _, rows in dealt["ours"]], found["ours_s"]),
        "once": {"encoding_s": ours.encoding_s, "encoded_audio_s": audio,
                 "encoding_s_per_hour": 3600 * ours.encoding_s / audio,
                 "encoded_mib": ours.source.values.nbytes / MIB} if ours.encoded else None,
        "validation": _validation(ours, validated, lengths[options.bursts:]), "profile": profiles,
    }


def deal(corpus: Corpus, lengths: np.ndarray, params: Params) -> dict[str, Batches]:
    """The batches of each contender's epoch."""
    train = lengths[np.flatnonzero(corpus.table["split"] == "train")]

    def in_turn(kind: str) -> Batches:
        batches = peers.plan(kind, train, params.batch_size)
        return list(zip(itertools.cycle(corpus.tasks), batches, strict=False))

    return {"ours": plan(corpus, params, 1), "ours_sorted": in_turn("tuned"),
            **{f"trainer_{kind}": in_turn(kind) for kind in peers.KINDS}}


def samples_of(dealt: dict[str, Batches], ours: Ours, lengths: np.ndarray, rounds: int, steps: int,
               warm: int) -> dict[str, Sample]:
    """The sample of each contender's epoch."""
    frames = flops.frames(ours.shape, lengths)
    return {name: sample([rows for _, rows in batches], frames,
                         ours.computed if name.startswith("ours") else padded_to_longest(frames), rounds, steps, warm)
            for name, batches in dealt.items()}


def _rows_of(batches: Batches, others: Sequence[np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate([rows for _, rows in batches] + list(others)))


def _contenders(options: argparse.Namespace, ours: Ours, chosen: dict[str, Batches], samples: dict[str, Sample],
                parts: int, folder: str) -> dict[str, Contender]:
    """All contenders, ready to train on the `chosen` batches. The Trainers would write to `folder`."""
    device = ours.device
    without_cudnn = functools.partial(arithmetic, device, ours.params.deterministic)
    contenders = {name: Contender(ours.model, ours.program(chosen[name]), samples[name], without_cudnn)
                  for name in ("ours", "ours_sorted")}
    for kind in peers.KINDS:
        name, documented = f"trainer_{kind}", kind == "documented"
        model = peers.build(kind, options.size).to(device)
        told = peers.arguments(kind, device, options.batch, folder, 1 if kind == "tuned" else parts)
        batches = [rows for _, rows in chosen[name]]
        program = peers.program(options.size, model, ours.corpus, ours.store, batches, told)
        kernels = contextlib.nullcontext if documented else without_cudnn
        contenders[name] = Contender(model, program, samples[name], kernels)
    return contenders


def compare(contenders: dict[str, Contender], device: torch.device, rounds: int, steps: int, warm: int) -> dict:
    """Seconds of the mean step of each contender's epoch, ratios, turns, epochs, and memory, as in the JSON."""
    turns = {name: Turns(c.program, device) for name, c in contenders.items()}
    meters = {name: Meter(device) for name in contenders}

    def turn(name: str) -> float:
        with contenders[name].kernels(), meters[name].watching():
            seconds = turns[name].take(steps) / steps
        print(f"{name}: {seconds:.3g} s a step", file=sys.stderr, flush=True)
        return seconds

    for name in list(turns):
        with contenders[name].kernels():
            if not _warmed(name, turns[name], warm):
                del turns[name]
    seconds = alternate({name: lambda name=name: turn(name) for name in turns}, rounds)
    memory = {name: held(c.model) + meters[name].rise_mib if name in turns else None for name, c in contenders.items()}
    for waiting in turns.values():
        waiting.stop()
    samples = {name: c.sample for name, c in contenders.items()}
    mean = {name: at_mean(each, samples[name].padded_s, samples[name].epoch["padded_s"])
            for name, each in seconds.items()}
    return {
        **{f"{name}_s": statistics.median(mean[name]) if name in mean else None for name in contenders},
        **{f"{name.removeprefix('trainer_')}_to_ours": ratio(mean[name], mean["ours"]) if name in mean else None
           for name in contenders if name != "ours"},
        "turns": {name: [{"padded_s": p, "real_s": r, "seconds": t}
                         for p, r, t in zip(samples[name].padded_s, samples[name].real_s, each, strict=True)]
                  for name, each in seconds.items()},
        "epoch": {name: s.epoch for name, s in samples.items()}, "memory_mib": memory,
    }


def _warmed(name: str, turns: Turns, steps: int) -> bool:
    """Whether a peer has got through its first steps, of which the last is on the longest batch; ours has to."""
    try:
        turns.take(steps)
    except torch.OutOfMemoryError as error:
        if name.startswith("ours"):
            raise
        print(f"{name}: left out, {error}", file=sys.stderr)
        turns.forget()
        return False
    return True


def utilisation(ours: Ours, batches: Sequence[np.ndarray], seconds: float) -> dict:
    """Model FLOP of our mean step, of `seconds`, and their share of the machine's matrix rate, as in the JSON."""
    shape = ours.shape
    frames = flops.frames(shape, ours.store.lengths)
    real = np.mean([flops.step(shape, frames[rows]) for rows in batches])
    padded = np.mean([flops.step(shape, ours.computed(rows)) for rows in batches])
    rate = flops.matrix_rate(ours.device, ours.dtype)
    mean = int(flops.frames(shape, np.array([MEAN * SAMPLE_RATE]))[0])
    return {
        "flop_a_step": float(real), "flop_a_step_padded": float(padded), "flop_formula": int(flops.step(shape, mean)),
        "flop_counted": flops.counted_step(shape, mean), "matrix_rate": rate,
        "utilisation": real / seconds / rate["flop_s"], "utilisation_padded": padded / seconds / rate["flop_s"],
    }


def _profile(contender: Contender, steps: int, warm: int, device: torch.device) -> list[dict]:
    with contender.kernels():
        return profiled(contender.program, steps, warm, device)


def _validation(ours: Ours, validated: Sequence[np.ndarray], lengths: np.ndarray) -> dict:
    """Seconds of the predictions for batches of rows, and of those for a mean burst of all `lengths`."""
    ours.validate([validated[0][:2]])  # warms up
    seconds, rows = ours.validate(validated), np.concatenate(validated)
    share = lengths.mean() * len(rows) / ours.source.lengths[rows].sum()
    return {"seconds": seconds, "bursts": len(rows), "s_per_burst": seconds * share / len(rows),
            "batch": len(validated[0])}


def table(found: dict) -> str:
    """The figures in Markdown, a line for each contender, and what random batches cost."""
    rows = []
    for name, title in CONTENDERS.items():
        epoch = found["epoch"][name]
        share = f"{100 * epoch['audio_share']:.0f} %"
        if found[f"{name}_s"] is None:
            rows.append((title, "out of memory", "", share, ""))
            continue
        times = found.get(f"{name.removeprefix('trainer_')}_to_ours")
        spread = f"{times['median']:.2f} ({times['low']:.2f}–{times['high']:.2f})" if times else "1"
        rows.append((title, f"{found[f'{name}_s']:.3g}", spread, share, f"{found['memory_mib'][name]:,.0f}"))
    cost = 1 / found["ours_sorted_to_ours"]["median"]
    return (markdown(("", "s a step", "times ours", "audio in batches", "MiB"), rows)
            + f"\n\nA step of ours on random batches takes {cost:.2f} times what one on sorted batches takes.")


if __name__ == "__main__":
    main()
