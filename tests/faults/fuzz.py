"""Feeds the library damaged inputs, and counts what it makes of them.

    python -m tests.faults.fuzz --minutes 10 --json FILE

Whatever is read, it must succeed or say clearly why not (see `tests.faults.outcome`). Every target runs in a process of
its own, so that a crash in a library of C is a finding as well. Findings are shrunk by Hypothesis; one that is met
again is counted, not shown twice.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.internal.conjecture import engine

from tests.faults.outcome import SECONDS, Broken, judge
from tests.faults.targets import TARGETS, Target

ROUND = 100
"""Cases between two looks at the clock."""

engine.MAX_SHRINKING_SECONDS = 20  # of Hypothesis's own five minutes, for each finding


@dataclass
class Tally:
    """What came of a target's cases: how many succeeded, how many errors of each kind, and the findings by place."""

    succeeded: int = 0
    refused: Counter = field(default_factory=Counter)
    findings: dict[str, str] = field(default_factory=dict)
    met: Counter = field(default_factory=Counter)

    @property
    def cases(self) -> int:
        """How many inputs were tried."""
        return self.succeeded + self.refused.total() + self.met.total()


def fuzz(target: Target, cases: int, seed: int | None = None, tally: Tally | None = None) -> Tally:
    """Tries about so many cases of a target; those of a `seed`, or always the same ones."""
    tally = Tally() if tally is None else tally

    def attempt(case) -> None:
        with tempfile.TemporaryDirectory(prefix="burst2vec-case-") as folder:
            place = Path(folder) / "case"
            place.mkdir()
            try:
                error = judge(target.act(case, place), place)
            except Broken as broken:
                tally.met[broken.place] += 1
                if broken.place in tally.findings:
                    return
                raise Broken(f"{broken}\nwith {_brief(case)}", broken.place) from None
            if error is None:
                tally.succeeded += 1
            else:
                tally.refused[type(error).__name__] += 1

    test = settings(max_examples=cases, derandomize=seed is None, database=None, deadline=None, print_blob=False,
                    report_multiple_bugs=False, suppress_health_check=list(HealthCheck),
                    phases=[Phase.generate, Phase.shrink])(given(target.cases())(attempt))
    if seed is not None:
        test = hypothesis.seed(seed)(test)
    try:
        test()
    except Broken as broken:
        tally.findings[broken.place] = str(broken)
    except hypothesis.errors.Flaky as flaky:  # what is printed once, for instance
        place = next(iter(tally.met.keys() - tally.findings.keys()), "once only")
        tally.findings[place] = f"once only: {place}\n{str(flaky)[:2_000]}"
    return tally


def _brief(case) -> str:
    text = repr(case)
    return text if len(text) < 2_000 else f"{text[:1_500]} … ({len(text)} letters)"


def fuzz_for(target: Target, seconds: float, seed: int) -> Tally:
    """Tries cases of a target until the time is over."""
    tally, end = Tally(), time.monotonic() + seconds
    while time.monotonic() < end:
        fuzz(target, ROUND, seed, tally)
        seed += 1
    return tally


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzzes every target, prints a table, and writes the JSON that is asked for; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10, metavar="M", help="for all targets together (default 10)")
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS), metavar="NAME",
                        help="by default all")
    parser.add_argument("--seed", type=int, default=0, help="of the first round (default 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write cases and findings by target")
    parser.add_argument("--one", choices=TARGETS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    seconds = 60 * options.minutes / len(options.targets)
    if options.one:
        print(json.dumps(record(fuzz_for(TARGETS[options.one], 60 * options.minutes, options.seed))))
        return 0
    found = {name: in_its_own_process(name, seconds, options.seed) for name in options.targets}
    print(table(found))
    for name, said in found.items():
        for finding in said["findings"]:
            print(f"\n{name}: met {finding['met']} times\n{finding['example']}")
    if options.json:
        from tests.faults.evidence import keep

        keep(options.json, {"hypothesis": hypothesis.__version__, "minutes": options.minutes, "seed": options.seed,
                            "targets": found}, table(found))
    return int(any(said["findings"] for said in found.values()))


def record(tally: Tally) -> dict:
    """A tally for JSON."""
    findings = [{"met": tally.met[place], "example": text} for place, text in tally.findings.items()]
    return {"cases": tally.cases, "succeeded": tally.succeeded, "refused": dict(tally.refused.most_common()),
            "findings": findings}


def in_its_own_process(name: str, seconds: float, seed: int) -> dict:
    """What a fresh process finds. That it crashed, or did not come back, is a finding."""
    command = [sys.executable, "-m", "tests.faults.fuzz", "--one", name, "--minutes", str(seconds / 60),
               "--seed", str(seed)]
    print(f"{name}: {seconds:.0f} s", file=sys.stderr)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120 + 20 * SECONDS)
    except subprocess.TimeoutExpired:
        return _crash("did not come back: hangs in a library of C")
    if done.returncode:
        return _crash(f"the process ended with {done.returncode}\n{done.stderr[-3_000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _crash(text: str) -> dict:
    return {"cases": 0, "succeeded": 0, "refused": {}, "findings": [{"met": 1, "example": text}]}


def table(found: dict[str, dict]) -> str:
    """Cases by target, in Markdown."""
    lines = ["| input | cases | succeeded | refused with a clear error | findings |", "|---|---:|---:|---:|---:|"]
    for name, said in found.items():
        refused = sum(said["refused"].values())
        lines.append(f"| {name} | {said['cases']:,} | {said['succeeded']:,} | {refused:,} | {len(said['findings'])} |")
    sums = [sum(said[key] for said in found.values()) for key in ("cases", "succeeded")]
    lines.append(f"| all | {sums[0]:,} | {sums[1]:,} | {sum(sum(s['refused'].values()) for s in found.values()):,} | "
                 f"{sum(len(s['findings']) for s in found.values())} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
