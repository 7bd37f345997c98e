"""How long a training of each variant would take on the machine where a step was measured: its steps, counted.

    python -m benchmarks.full_run benchmarks/training_step_base_cpu.json --json benchmarks/full_run_cpu.json

Reads what `benchmarks.training_step` wrote: a file for each size, base, large or both, of one machine, with the default
parameters. A file made with `--set` is left out, and that is said. The steps of an epoch are those
that `batches.plan` deals from 19,990 bursts, ExVo's training set, with each variant's parameters; training goes on for
`max_epochs`, 100, with a validation of 19,396 bursts every `validate_every` steps, 800, and after the last, and encodes
both sets once.
Loading and checkpoints are not in it. More it does not take: early stopping may end it after 21 validations.

An epoch is one pass over the bursts, each for one of the three tasks: 627 batches, since each task's share ends in a
batch of its own. Where every epoch shows every burst to each task (`epoch: each_task`), 100 of them are 187,500 steps;
that is told as well.

V7's oversampling depends on the labels. Here they are drawn from ExVo's published counts by age band and country
(`population.AGE_BY_COUNTRY`), and from the shares of strongest emotions published for the USA, as if the emotion did
not depend on the others. V1 and V2, wav2vec 2.0 large, are estimated by HuBERT large, which has the same matrices.

The JSON holds, beside `environment`, `measured` (size, device, date and hardware of each file read) and `runs`, for
each variant `size`, `epoch_bursts`, `steps_per_epoch`, `epochs`, `steps`, `validations`, and in hours `training_h`,
`validation_h`, `encoding_h`, `total_h`; `each_task` holds the same for epochs that show every burst to each task, and
`earliest` for the fewest steps. Hours are null where that size was not measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks import workload
from benchmarks.common import markdown, write_json
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus
from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS
from burst2vec.corpora.synthetic.population import AGE_BY_COUNTRY, AGE_EDGES
from burst2vec.report.speed.measured import EXVO
from burst2vec.training.batches import plan

SIZE_OF = {"facebook/hubert-base-ls960": "base", "facebook/hubert-large-ls960-ft": "large",
           "facebook/wav2vec2-large-960h": "large"}
VARIANTS = tuple(f"V{n}" for n in range(1, 8))
STRONGEST = {"Amusement": 23, "Surprise": 20, "Fear": 19, "Sadness": 10, "Distress": 8, "Excitement": 8, "Awe": 8,
             "Horror": 4, "Awkwardness": 4, "Triumph": 0.4}
"""Percent of the clips in which an emotion is the strongest: about those of the USA."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Estimates the hours, prints a table, and writes the JSON that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.full_run", description=__doc__.partition("\n")[0])
    parser.add_argument("measured", type=Path, nargs="+", metavar="FILE", help="of benchmarks.training_step")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    options = parser.parse_args(arguments)
    files = default_steps(options.measured)
    found = {"measured": [{"size": f["size"], "device": f["device"], **{k: f["environment"][k] for k in
                          ("Date", "Processor", "GPU", "torch")}} for f in files],
             "runs": runs({f["size"]: f for f in files})}
    print(table(found["runs"]))
    if options.json:
        write_json(options.json, found)


def default_steps(paths: Sequence[Path]) -> list[dict]:
    """The contents of those files that were made with the default parameters; the others are named and left out.

    Raises SystemExit, naming the files, where none is left, or two are of one size or of different machines.
    """
    kept: dict[Path, dict] = {}
    for path in paths:
        content = json.loads(path.read_text())
        if content["set"]:
            print(f"{path} is left out: it was made with --set {content['set']}")
            continue
        for other, known in kept.items():
            if known["size"] == content["size"]:
                raise SystemExit(f"{other} and {path} are both of HuBERT {content['size']}: "
                                 "give one file for each size")
            if _machine(known) != _machine(content):
                raise SystemExit(f"{other} was measured on {_machine(known)}, {path} on {_machine(content)}: "
                                 "give files of one machine")
        kept[path] = content
    if not kept:
        raise SystemExit(f"{', '.join(map(str, paths))}: give a file that was made without --set")
    return list(kept.values())


def _machine(content: Mapping) -> str:
    """Device and its name."""
    return f"{content['device']}, {content['environment']['GPU' if content['device'] == 'cuda' else 'Processor']}"


def runs(measured: Mapping[str, dict], bursts: int = EXVO["train"],
         validated: int = EXVO["val"]) -> dict[str, dict]:
    """Steps and hours of each variant, as in the JSON. `measured` holds what `training_step` found, by size."""
    corpus, lengths = exvo(bursts), workload.draw_lengths(bursts + 64)
    return {name: _run(Params.resolve({"variant": name, "scale": "paper"}), corpus, lengths, validated, measured)
            for name in VARIANTS}


def _run(params: Params, corpus: Corpus, lengths: np.ndarray, validated: int, measured: Mapping[str, dict]) -> dict:
    dealt = plan(corpus, params, 1)
    each_task = params.max_epochs * len(plan(corpus, dataclasses.replace(params, epoch="each_task"), 1))
    size = SIZE_OF[params.backbone]
    audio = (lengths[np.flatnonzero(corpus.table["split"] == "train")].mean()
             * (corpus.split("train").shape[0] + validated) / workload.SAMPLE_RATE)

    def hours(steps: int) -> dict:
        validations = -(-steps // params.validate_every)  # the steps after the last 800 are followed by one as well
        told = {"steps": steps, "validations": validations}
        found = measured.get(size)
        if found is None:
            return told | dict.fromkeys(("training_h", "validation_h", "encoding_h", "total_h"))
        parts = {"training_h": steps * found["ours_s"] / 3600,
                 "validation_h": told["validations"] * validated * found["validation"]["s_per_burst"] / 3600,
                 "encoding_h": audio * found["once"]["encoding_s_per_hour"] / 3600**2}
        return told | parts | {"total_h": sum(parts.values())}

    return {"size": size, "epoch_bursts": sum(len(rows) for _, rows in dealt), "steps_per_epoch": len(dealt),
            "epochs": params.max_epochs, **hours(params.max_epochs * len(dealt)), "each_task": hours(each_task),
            "earliest": hours((params.patience + 1) * params.validate_every)}


def exvo(bursts: int, seed: int = 0) -> Corpus:
    """A corpus of so many training bursts with labels as often as published for ExVo: age by country, and emotions."""
    corpus, rng = workload.corpus(bursts), np.random.default_rng(seed)
    rows = len(corpus.table)
    bands = AGE_BY_COUNTRY.shape[1]
    cell = rng.choice(AGE_BY_COUNTRY.size, rows, p=AGE_BY_COUNTRY.ravel() / AGE_BY_COUNTRY.sum())
    strongest = rng.choice(list(STRONGEST), rows, p=np.array(list(STRONGEST.values())) / sum(STRONGEST.values()))
    ages = AGE_EDGES[cell % bands] + rng.uniform(0, AGE_EDGES[1] - AGE_EDGES[0], rows)
    emotions = {e: np.where(strongest == e, 1.0, 0.5) for e in EMOTIONS}
    table = corpus.table.assign(country=np.array(COUNTRIES)[cell // bands], age=np.minimum(ages, 39.99), **emotions)
    return Corpus(corpus.name, corpus.root, table, corpus.tasks, synthetic=True)


def table(found: Mapping[str, dict]) -> str:
    """The runs in Markdown, a line for each variant."""
    def cell(value: float | None) -> str:
        return "not measured" if value is None else f"{value:,.2f}" if value < 10 else f"{value:,.0f}"

    rows = [(name, run["size"], f"{run['epoch_bursts']:,}", f"{run['steps_per_epoch']:,}", f"{run['steps']:,}",
             f"{run['validations']:,}", *(cell(run[f"{part}_h"]) for part in ("training", "validation", "total")),
             cell(run["each_task"]["total_h"])) for name, run in found.items()]
    return markdown(("", "size", "bursts", "steps an epoch", "steps", "validations", "training, h", "validation, h",
                     "total, h", "each task, h"), rows)


if __name__ == "__main__":
    main()
