"""Trains with two processes and with one, and measures how far apart they end.

    python -m tests.faults.together --json FILE

Both compute every batch in two parts: the two processes one each, the one both in turn (`accumulate: 2`). The
arithmetic is float32, on the CPU, with one thread in each process. Beside it stands what becomes of the one process
with two threads, which add in another order: that is how far rounding alone takes a training.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains twice, prints the largest differences, and writes the JSON that is asked for; 1 where one is too large."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.together", description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=2, metavar="N", help="at most (default 2)")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="of the differences (default 1e-4)")
    parser.add_argument("--scale", default="demo", help="a file of params/scales (default demo)")
    parser.add_argument("--variant", default="V4", help="a file of params/variants (default V4)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the differences, versions and date")
    options = parser.parse_args(arguments)
    from burst2vec.config import Params
    from tests.faults.evidence import keep

    params = Params.resolve({"scale": options.scale, "variant": options.variant, "device": "cpu",
                             "precision": "float32", "max_epochs": options.epochs})
    found = compare(params)
    said = (f"{options.variant} at scale `{options.scale}`, float32, {found['iterations']:,} steps. From one process "
            "with one thread, the others differ by at most\n\n"
            "| in | two processes | one process, two threads | largest number |\n"
            "|---|---:|---:|---:|\n" + "\n".join(f"| {name} | {of['two_processes']:.1e} | {of['two_threads']:.1e} | "
                                                f"{of['largest']:.3g} |" for name, of in found["compared"].items()))
    print(said)
    if options.json:
        keep(options.json, {"scale": options.scale, "variant": options.variant, **found}, said)
    return int(not max(of["two_processes"] for of in found["compared"].values()) < options.tolerance)


def compare(params) -> dict:
    """The largest differences of history, weights and predictions of trainings as those parameters (a `config.Params`)
    say, and the largest numbers in each."""
    import torch

    from burst2vec.audio.store import open_store
    from burst2vec.corpora.opening import open_corpus
    from burst2vec.models.inference import predict
    from burst2vec.training.trainer import train

    corpus = open_corpus(params)
    store = open_store(corpus, params.audio, params.path(params.cache))
    outcomes = []
    for changes, threads in (({"accumulate": 2}, 1), ({"processes": 2}, 1), ({"accumulate": 2}, 2)):
        torch.set_num_threads(threads)
        with tempfile.TemporaryDirectory(prefix="burst2vec-together-") as folder:
            trained = train(corpus, store, dataclasses.replace(params, **changes), Path(folder))
        predictions = predict(trained.model, corpus, store).select_dtypes("number")
        outcomes.append({"history": trained.history, "predictions": predictions,
                         "weights": [w.numpy(force=True) for w in trained.model.state_dict().values()]})
    one, two_processes, two_threads = outcomes
    for other in (two_processes, two_threads):
        pd.testing.assert_frame_equal(one["history"].drop(columns="value"), other["history"].drop(columns="value"))
    return {"iterations": int(one["history"]["iteration"].max()), "compared": {
        name: {"two_processes": apart(one, two_processes, name), "two_threads": apart(one, two_threads, name),
               "largest": max(float(np.abs(array).max()) for array in arrays(one, name))}
        for name in ("history", "weights", "predictions")}}


def arrays(outcome: Mapping, name: str) -> list[np.ndarray]:
    """All numbers of a history, the weights or the predictions."""
    found = outcome[name]
    return [found["value"].to_numpy()] if name == "history" else found if name == "weights" else [found.to_numpy()]


def apart(one: Mapping, other: Mapping, name: str) -> float:
    """The largest difference of two outcomes in one of these."""
    return max(float(np.abs(a - b).max()) for a, b in zip(arrays(one, name), arrays(other, name), strict=True))


if __name__ == "__main__":
    raise SystemExit(main())
