"""What there is to know of a GPU within ten minutes: steps, memory, profile, utilisation, and a stretch of a training.

    python -m benchmarks.gpu

runs, each in a process of its own, the most wanted first: `benchmarks.training_step` at HuBERT large's size, in fewer
rounds than `make bench` takes; `benchmarks.stretch`, V4 at the scale paper; `benchmarks.packing` at large's size;
`benchmarks.training_step` at base's size; and estimates full runs from the steps. The files are written beside this one
and named by size and device, as those of `make bench`, and hold the card's name and the date. What is not done after
`--minutes` is given up; what is written stays. On a CPU `--sizes tiny` proves that all of it runs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import workload
from burst2vec.machine.hardware import choose_device

STEP = {"cpu": ["--rounds", "2", "--bursts", "400", "--profile", "1"],
        "cuda": ["--rounds", "5", "--steps", "20", "--profile", "5"]}
STRETCH = {"cpu": ["--bursts", "64", "--validated", "64"], "cuda": []}
"""The options of each benchmark: on a CPU only a trial."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs all that there is time for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", choices=list(workload.SIZES), nargs="+", default=["large", "base"], metavar="SIZE",
                        help="HuBERT's, the first for the stretch too; large and base without this")
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="after which the rest is given up")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="where files are written")
    options = parser.parse_args(arguments)
    end = time.monotonic() + 60 * options.minutes
    for name, *told in commands(options.sizes, choose_device("auto").type, options.folder):
        print(f"\n{name} {' '.join(told)}", flush=True)
        try:
            subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *told], timeout=end - time.monotonic())
        except subprocess.TimeoutExpired:
            raise SystemExit(f"{options.minutes:g} minutes are over: {name} and what follows is given up") from None


def commands(sizes: Sequence[str], device: str, folder: Path) -> list[list[str]]:
    """The name and the arguments of each benchmark, the most wanted first."""
    def path(name: str, size: str = "") -> str:
        return str(folder / f"{'_'.join(filter(None, (name, size, device)))}.json")

    steps = [["training_step", "--size", size, *STEP[device], "--json", path("training_step", size)] for size in sizes]
    stretch = ["stretch", "--size", sizes[0], *STRETCH[device], "--json", path("stretch", sizes[0])]
    estimated = ["full_run", *(path("training_step", size) for size in sizes), "--json", path("full_run")]
    packing = ["packing", "--size", sizes[0], "--json", path("packing", sizes[0])]
    return [steps[0], stretch, packing, *steps[1:], estimated]


if __name__ == "__main__":
    main()
