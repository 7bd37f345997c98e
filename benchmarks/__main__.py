"""Measures training, packing, inference and growth, on two cores in half an hour, and keeps what it finds.

    python -m benchmarks        or        make bench

A CPU is given HuBERT base, a GPU HuBERT large as well. Files are written beside this one, and named by size and device,
as in `growth_base_cpu.json`, so that a GPU's do not take the place of a CPU's. `benchmarks/README.md` says what each
benchmark does, and the head of its module what its file holds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import full_run
from burst2vec.machine.hardware import choose_device

Main = Callable[[list[str]], None]


def in_its_own_process(name: str) -> Main:
    """The `main` of a benchmark in a fresh process, so that nothing of the one before it takes memory."""
    def measure(arguments: list[str]) -> None:
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=True)

    return measure


MAINS = {name: in_its_own_process(name) for name in ("training_step", "packing", "inference", "growth")}


def main(arguments: Sequence[str] | None = None, mains: dict[str, Main] | None = None) -> None:
    """Runs every benchmark at every size that is in reach, and estimates full runs from them."""
    device = choose_device("auto").type
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", nargs="+", metavar="SIZE",
                        default=["base", "large"] if device == "cuda" else ["base"],
                        help="HuBERT's: base and, on a GPU, large")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="where files are written")
    options = parser.parse_args(arguments)
    for name, measure in (mains or MAINS).items():
        for size in options.sizes:
            print(f"\n{name}, HuBERT {size}", flush=True)
            measure(["--size", size, "--json", str(options.folder / f"{name}_{size}_{device}.json")])
    print("\nfull runs", flush=True)
    steps = [str(options.folder / f"training_step_{size}_{device}.json") for size in options.sizes]
    full_run.main([*steps, "--json", str(options.folder / f"full_run_{device}.json")])


if __name__ == "__main__":
    main()
