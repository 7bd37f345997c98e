"""What random batches cost, and what is saved by packing them: seconds of a training step by way of batching.

    python -m benchmarks.packing --size base --device cpu --json benchmarks/packing_base_cpu.json

The same model trains in four ways, which take turns round by round:

- `packed`: random batches, whose bursts lie in groups of similar length in one sequence, as in a training
- `apart`: the same batches, one group after the other
- `padded`: the same batches, each padded to its longest burst
- `sorted`: batches of neighbours in length, padded to the longest

Bursts are noise, encoded beforehand, with lengths by the law of `workload`. The batches are a sample of an epoch of
19,990 bursts, at equal steps from the shortest to the longest, and each turn's seconds are brought to the epoch's mean
batch, as in `benchmarks.training_step`. On a CPU the model has four layers of its size's, so that it takes minutes: the
layers are where the ways differ.

The JSON holds, beside `environment`:

- `size`, `layers`, `device`, `precision`, `batch` (bursts), `bursts` (in the epoch), `rounds`
- `seconds`: for each way those of the epoch's mean step, the median of all rounds
- `to_packed`: for each way but `packed` the ratios within a round, `median`, `low` and `high`
- `turns`: for each way and round `padded_s` and `real_s`, audio of the step's batch, and `seconds`
- `epoch`: for each way its `steps`, `padded_s` and `real_s`, audio of a mean step, and `audio_share`, real over padded
"""

from __future__ import annotations

import argparse
import functools
import statistics
from collections.abc import Sequence
from unittest import mock

import numpy as np
import torch

from benchmarks import common, flops, workload
from benchmarks.common import alternate, markdown, ratio
from benchmarks.ours import Ours
from benchmarks.sampling import at_mean, padded_to_longest, sample
from benchmarks.watching import timed
from burst2vec.config import Params
from burst2vec.corpora.corpus import Task
from burst2vec.machine.hardware import arithmetic, choose_device
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.packing import Group
from burst2vec.report.speed.measured import EXVO, WAYS
from burst2vec.training.batches import Feed, plan
from burst2vec.training.step import Learner

LAYERS = {"cpu": 4, "cuda": None}
ROUNDS = {"cpu": 5, "cuda": 40}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints a table, and writes the JSON that is asked for."""
    parser = common.parser("packing", __doc__)
    parser.add_argument("--layers", type=int, metavar="N", help="of the Transformer; 4, on a GPU all")
    parser.add_argument("--rounds", type=int, metavar="N", help="in which the ways take turns; 5, on a GPU 40")
    parser.add_argument("--batch", type=int, default=32, metavar="N", help="bursts in a batch; 32 without this")
    parser.add_argument("--bursts", type=int, default=EXVO["train"], metavar="N",
                        help="in an epoch; ExVo's 19,990 without this")
    options = parser.parse_args(arguments)
    found = measured(options)
    common.tell(table(found), found, options.json)


def measured(options: argparse.Namespace) -> dict:
    """What the JSON holds."""
    device = choose_device(options.device)
    layers, rounds = options.layers or LAYERS[device.type], options.rounds or ROUNDS[device.type]
    params = Params(batch_size=options.batch, device=options.device)
    corpus, lengths = workload.corpus(options.bursts, 1), workload.draw_lengths(options.bursts)
    store = workload.Noise(lengths)
    ours = Ours(options.size, params, device, corpus, store, **({"num_hidden_layers": layers} if layers else {}))
    frames = flops.frames(ours.shape, lengths)
    dealt = {"random": plan(corpus, params, 1), "sorted": in_order(frames, params.batch_size, corpus.tasks)}
    of_way = {way: dealt["sorted" if way == "sorted" else "random"] for way in WAYS}
    grouped = {way: way in ("packed", "apart") for way in WAYS}
    samples = {way: sample([rows for _, rows in of_way[way]], frames,
                           ours.computed if grouped[way] else padded_to_longest(frames), rounds, 1,
                           order=ours.computed) for way in WAYS}
    chosen = {way: [of_way[way][place] for place in samples[way].order[:-1]] for way in WAYS}
    ours.hear(np.unique(np.concatenate([rows for batches in chosen.values() for _, rows in batches])))
    with arithmetic(device):
        turns = {way: _Way(ours, batches, grouped[way], way == "apart") for way, batches in chosen.items()}
        alternate(turns, 1)  # warms up
        seconds = alternate(turns, rounds)
    mean = {way: at_mean(seconds[way], samples[way].padded_s, samples[way].epoch["padded_s"]) for way in WAYS}
    return {
        "size": options.size, "layers": ours.shape.num_hidden_layers, "device": device.type,
        "precision": str(ours.dtype).removeprefix("torch."), "batch": options.batch, "bursts": options.bursts,
        "rounds": rounds, "seconds": {way: statistics.median(each) for way, each in mean.items()},
        "to_packed": {way: ratio(each, mean["packed"]) for way, each in mean.items() if way != "packed"},
        "turns": {way: [{"padded_s": p, "real_s": r, "seconds": s} for p, r, s in zip(
            samples[way].padded_s, samples[way].real_s, each, strict=True)] for way, each in seconds.items()},
        "epoch": {way: each.epoch for way, each in samples.items()},
    }


def in_order(frames: np.ndarray, batch_size: int, tasks: Sequence[Task]) -> list[tuple[Task, np.ndarray]]:
    """Batches of neighbours in length, as many as random ones of that size, for the tasks in turn."""
    batches = np.array_split(np.argsort(frames, kind="stable"), -(-len(frames) // batch_size))
    return [(tasks[number % len(tasks)], rows) for number, rows in enumerate(batches)]


class _Way:
    """A training in one way of batching: each call learns from the next of `batches` and returns its seconds."""

    def __init__(self, ours: Ours, batches: Sequence[tuple[Task, np.ndarray]], grouped: bool, apart: bool):
        self._feed = Feed(ours.corpus, ours.source, ours.params, ours.device, grouped=grouped)
        self._learner, self._batches = Learner(ours.model, ours.params, ours.precision), iter(batches)
        self._model, self._apart, self._device = ours.model, apart, ours.device

    def __call__(self) -> float:
        batch = self._feed.batch(*next(self._batches))
        embed = functools.partial(embed_apart, self._model) if self._apart else self._model.embed
        with mock.patch.object(self._model, "embed", embed):
            return timed(lambda: self._learner.step(batch), self._device)


def embed_apart(model: Burst2Vec, groups: Sequence[Group]) -> torch.Tensor:
    """What `Burst2Vec.embed` returns, of one group after the other."""
    return torch.cat([Burst2Vec.embed(model, [group]) for group in groups])


def table(found: dict) -> str:
    """The figures in Markdown, a line for each way."""
    rows = []
    for way, title in WAYS.items():
        times, share = found["to_packed"].get(way), found["epoch"][way]["audio_share"]
        spread = f"{times['median']:.2f} ({times['low']:.2f}–{times['high']:.2f})" if times else "1"
        rows.append((title, f"{found['seconds'][way]:.3g}", spread, f"{100 * share:.0f} %"))
    return markdown(("", "s a step", "times packed", "audio in batches"), rows)


if __name__ == "__main__":
    main()
