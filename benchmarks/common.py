"""What the benchmarks share: rounds in which rivals take turns, ratios of times, and files that say where and when.

Rivals are never measured one after the other as a whole: what else a machine does comes and goes within minutes, and
would fall on one of them. Taking turns, they share it, and a ratio is taken within each round.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def alternate(functions: Mapping[str, Callable[[], float | None]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each function in each round. In every round each runs once; every other round in reverse order.

    A function that returns a number has measured itself: those seconds count. One that returns None is timed whole.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(rounds):
        for name in list(functions)[::-1 if number % 2 else 1]:
            start = time.perf_counter()
            own = functions[name]()
            seconds[name].append(time.perf_counter() - start if own is None else float(own))
    return seconds


def ratio(a: Sequence[float], b: Sequence[float]) -> dict[str, float]:
    """How many times the seconds `b` the seconds `a` are, round by round: the median, the lowest, the highest."""
    ratios = [x / y for x, y in zip(a, b, strict=True)]
    return {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown: the first column to the left, the others to the right."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---", *["---:"] * (len(head) - 1)], *rows))


def parser(name: str, doc: str | None, size: str = "base") -> argparse.ArgumentParser:
    """A parser for a benchmark of models: `--size`, with its default, `--device` and `--json`."""
    from benchmarks import workload

    made = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=(doc or "").partition("\n")[0])
    made.add_argument("--size", choices=list(workload.SIZES), default=size, help=f"HuBERT's; {size} without this")
    made.add_argument("--device", default="auto", help="the GPU where there is one, or a torch device")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures, hardware, versions and date")
    return made


def tell(table: str, found: Mapping, path: Path | None, *packages: str) -> None:
    """Prints the table of what was found, and writes it as `write_json` does where a path is given."""
    print(table)
    if path:
        write_json(path, found, *packages)


def environment(*packages: str) -> dict[str, str]:
    """Hardware, system, versions and date, as `environment.describe_environment` tells them; `packages` as well."""
    from burst2vec.running.environment import describe_environment

    described = describe_environment(Path("/no/run/folder"))
    del described["Training"]
    return described | {name: importlib.metadata.version(name) for name in packages}


def write_json(path: Path, content: Mapping, *packages: str) -> None:
    """Writes `content` below the environment in which it was measured, with the versions of `packages` too."""
    from burst2vec.machine.files import write_aside

    with write_aside(path) as aside:
        aside.write_text(json.dumps({"environment": environment(*packages), **content}, indent=1) + "\n")
