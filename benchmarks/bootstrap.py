"""Seconds of the intervals of many systems, by speakers and by bursts.

    python -m benchmarks.bootstrap --json FILE

14 systems answer the three tasks of ExVo for 20,000 bursts, 35 of each speaker, and are scored again on 10,000
resamples, once with their speakers and once without, so that bursts are drawn. Labels and predictions are made up.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import write_json

BURSTS_A_SPEAKER = 35


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures both, prints a table, and writes the JSON that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bootstrap", description=__doc__.partition("\n")[0])
    for name, number in (("systems", 14), ("bursts", 20_000), ("resamples", 10_000)):
        parser.add_argument(f"--{name}", type=int, default=number, metavar="N", help=f"{number:,} without this")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, hardware, versions and date")
    options = parser.parse_args(arguments)
    row = measure(options.systems, options.bursts, options.resamples)
    print(table(row))
    if options.json:
        write_json(options.json, {"rows": [row]})


def measure(systems: int, bursts: int, resamples: int) -> dict:
    """The sizes, and the seconds of `bootstrap.bootstrap` by speakers and by bursts."""
    from burst2vec.evaluation.bootstrap import bootstrap

    tasks, truth, predictions = _made_up(systems, bursts)
    row = {"systems": systems, "bursts": bursts, "speakers": truth["speaker"].nunique(), "resamples": resamples}
    for drawn, rows in {"speakers": truth, "bursts": truth.assign(speaker=None)}.items():
        start = time.perf_counter()
        bootstrap(tasks, rows, predictions, resamples)
        row[f"by {drawn}, s"] = round(time.perf_counter() - start, 2)
    return row


def _made_up(systems: int, bursts: int) -> tuple:
    import numpy as np
    import pandas as pd

    from burst2vec.corpora.corpus import Task
    from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS

    rng = np.random.default_rng(0)
    asked = (Task("emotion", "intensities", tuple(EMOTIONS)),
             Task("age", "scalar", ("age",), unit="years", low=0, high=1),
             Task("country", "classes", ("country",), classes=tuple(COUNTRIES)))

    def answers() -> pd.DataFrame:
        columns = {c: rng.random(bursts) for task in asked for c in task.columns if task.kind != "classes"}
        classes = {t.columns[0]: rng.choice(t.classes, bursts) for t in asked if t.kind == "classes"}
        return pd.DataFrame(columns | classes, index=[f"{n:05d}" for n in range(bursts)])

    speakers = [f"s{n // BURSTS_A_SPEAKER}" for n in range(bursts)]
    return asked, answers().assign(speaker=speakers), {f"V{n}": answers() for n in range(systems)}


def table(row: dict) -> str:
    """The figures in Markdown."""
    lines = (row.keys(), ["---:"] * len(row), (f"{value:,}" for value in row.values()))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
