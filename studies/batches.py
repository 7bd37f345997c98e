"""Does it matter which bursts meet in a batch? One variant, trained on random and on sorted batches.

    python -m studies.batches --json studies/batches.json

The concordance loss is computed over a batch, and a batch of bursts of like length shows one stratum of the corpus. The
ways: `random`, as a training deals them; `windows`, sorted by length within windows of five batches, which are then
shuffled; and `sorted`, with the whole epoch as one window. Everything else is equal: the embedded corpus, the variant,
the number of steps, the seeds. An interrupted study goes on where it was.

The JSON holds, beside `environment`: `scale`, `variant`, `steps`, `backbone_size`, `command`, and `rows`: for each way,
seed and task its metric (`task`, `metric`, `value`) on validation after the last step. More seeds are added
to those that are there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from benchmarks.common import write_json
from burst2vec.audio.store import Store, open_store
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus
from burst2vec.corpora.opening import open_corpus
from burst2vec.training import batches
from burst2vec.training.trainer import train

Deal = Callable[[np.ndarray, int, np.random.Generator], list[np.ndarray]]

WINDOWS = {"random": 1, "windows": 5, "sorted": 10**6}
"""The number of batches within which bursts are sorted by length, for each way."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains every way with every seed, and writes the JSON after each."""
    parser = argparse.ArgumentParser(prog="python -m studies.batches", description=__doc__.partition("\n")[0])
    parser.add_argument("--scale", default="demo", help="file of params/scales; demo without this")
    parser.add_argument("--variant", default="V5", help="file of params/variants; V5 without this")
    parser.add_argument("--seeds", type=int, default=8, metavar="N", help="8 without this")
    parser.add_argument("--steps", type=int, default=240, metavar="N", help="of each training; 240 without this")
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="where the figures are kept")
    options = parser.parse_args(arguments)
    params = {seed: Params.resolve({"scale": options.scale, "variant": options.variant, "seed": seed,
                                    "max_epochs": 10**6, "max_steps": options.steps,
                                    "validate_every": options.steps}) for seed in range(options.seeds)}
    corpus = open_corpus(params[0])
    store = open_store(corpus, params[0].audio, params[0].path(params[0].cache))
    asked = {"scale": options.scale, "variant": options.variant, "steps": options.steps}
    told = asked | {"backbone_size": params[0].backbone_size}  # which a scale may change
    rows = _found(options.json, told)
    told["command"] = "python -m studies.batches " + " ".join(f"--{name} {value}" for name, value in asked.items())
    for seed, way in ((seed, way) for seed in params for way in WINDOWS):
        if not any(row["way"] == way and row["seed"] == seed for row in rows):
            print(f"{way} batches, seed {seed}", flush=True)
            rows += [{"way": way, "seed": seed, **score} for score in scores(corpus, store, params[seed], way)]
            write_json(options.json, told | {"rows": rows})


def scores(corpus: Corpus, store: Store, params: Params, way: str) -> list[dict]:
    """The metric of each task on validation after a training on batches dealt in that way."""
    with mock.patch.object(batches, "deal", dealer(store.lengths, WINDOWS[way])):
        history = train(corpus, store, params).history
    last = history[(history["stage"] == "validation") & (history["iteration"] == history["iteration"].max())]
    return [{"task": row.task, "metric": row.term, "value": row.value} for row in last.itertuples()]


def dealer(lengths: np.ndarray, window: int) -> Deal:
    """A function that deals rows into batches as `batches.deal` does, sorted by length in windows of so many batches.

    A window of one batch sorts nothing.
    """
    def deal(rows: np.ndarray, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
        if not len(rows):
            return []
        rows, size = rng.permutation(rows), batch_size * window
        for start in range(0, len(rows), size):
            part = rows[start:start + size]
            rows[start:start + size] = part[np.argsort(lengths[part], kind="stable")]
        dealt = np.array_split(rows, -(-len(rows) // batch_size))
        return [dealt[place] for place in rng.permutation(len(dealt))]

    return deal


def _found(path: Path, told: dict) -> list[dict]:
    """The rows of an earlier run of the same study, or none, with whatever seeds it had."""
    if not path.is_file():
        return []
    content = json.loads(path.read_text())
    return content["rows"] if all(content.get(name) == value for name, value in told.items()) else []


if __name__ == "__main__":
    torch.set_num_threads(min(2, torch.get_num_threads()))
    main()
