"""Trains with two processes and with one, and measures how far apart they end.

    python -m tests.faults.together --json FILE

Both compute every batch in two parts: the two processes one each, the one both in turn (`accumulate: 2`). The arithmetic
is float32, on the CPU.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

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
    said = (f"{options.variant} at scale `{options.scale}`, {found['iterations']:,} steps: what two processes and one "
            "come to differs by at most\n\n| in | largest difference | largest number |\n|---|---:|---:|\n"
            + "\n".join(f"| {name} | {of['difference']:.1e} | {of['largest']:.3g} |"
                        for name, of in found["compared"].items()))
    print(said)
    if options.json:
        keep(options.json, {"scale": options.scale, "variant": options.variant, **found}, said)
    return int(not max(of["difference"] for of in found["compared"].values()) < options.tolerance)


def compare(params) -> dict:
    """The largest differences of history, weights and predictions of two trainings as those parameters (a
    `config.Params`) say, and the largest numbers in each."""
    from burst2vec.corpus import open_corpus
    from burst2vec.inference import predict
    from burst2vec.store import open_store
    from burst2vec.training import train

    corpus = open_corpus(params)
    store = open_store(corpus, params.audio, params.path(params.cache))
    outcomes = []
    for changes in ({"processes": 2}, {"accumulate": 2}):
        with tempfile.TemporaryDirectory(prefix="burst2vec-together-") as folder:
            trained = train(corpus, store, dataclasses.replace(params, **changes), Path(folder))
        predictions = predict(trained.model, corpus, store, precision=trained.precision).select_dtypes("number")
        outcomes.append({"history": trained.history, "predictions": predictions,
                         "weights": {name: w.numpy(force=True) for name, w in trained.model.state_dict().items()}})
    together, alone = outcomes
    pd.testing.assert_frame_equal(together["history"].drop(columns="value"), alone["history"].drop(columns="value"))
    pairs = {"the history's losses and metrics": [(o["history"]["value"].to_numpy(),) for o in outcomes],
             "weights": [tuple(o["weights"].values()) for o in outcomes],
             "predictions": [(o["predictions"].to_numpy(),) for o in outcomes]}
    return {"iterations": int(alone["history"]["iteration"].max()),
            "compared": {name: _differences(*arrays) for name, arrays in pairs.items()}}


def _differences(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> dict[str, float]:
    return {"difference": max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True)),
            "largest": max(float(np.abs(a).max()) for a in other)}


if __name__ == "__main__":
    raise SystemExit(main())
