"""Stages everything that can happen to a run, and tells in a table what the user saw and what was lost.

    python -m tests.faults --json FILE --csv FILE

Each fault happens to a process of its own. What was lost is found by starting the same run again and comparing the
bytes of its weights, history and predictions with those of a run that was left alone.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

from tests.faults.faults import FAULTS, Outcome
from tests.faults.scene import Scene

FIELDS = ("fault", "what the user sees", "what is lost", "exit code")


def main(arguments: Sequence[str] | None = None) -> int:
    """Stages the faults, prints the table, and writes what is asked for; 1 where something was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=FAULTS, metavar="FAULT", default=list(FAULTS),
                        help="by default all")
    parser.add_argument("--quick", action="store_true", help="fork trainings from a process that has loaded all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table, versions and date")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table")
    options = parser.parse_args(arguments)
    started, rows = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="burst2vec-faults-") as folder:
        scene = Scene(Path(folder), fresh=not options.quick)
        for name in options.only:
            began = time.monotonic()
            rows.append(row(name, FAULTS[name].stage(scene), folder))
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(table(rows))
    if options.json:
        from benchmarks.common import write_json

        write_json(options.json, {"seconds": round(time.monotonic() - started), "faults": rows})
    if options.csv:
        write_csv(options.csv, rows)
    return int(not all(row["what is lost"].startswith("nothing") for row in rows if FAULTS[row["fault"]].bearable))


def row(name: str, found: Outcome, folder: str) -> dict[str, str | int]:
    """A row of the table, without the scratch folder's name."""
    saw = found.saw.replace(f"{folder}/", "")
    return dict(zip(FIELDS, (name, saw, found.lost.replace(f"{folder}/", ""), found.code), strict=True))


def table(rows: Sequence[dict]) -> str:
    """The table in Markdown."""
    lines = ["| " + " | ".join(FIELDS) + " |", "|---|---|---|---:|"]
    lines += ["| " + " | ".join(str(row[field]).replace("|", "\\|") for field in FIELDS) + " |" for row in rows]
    return "\n".join(lines)


def write_csv(path: Path, rows: Sequence[dict]) -> None:
    """Writes the table."""
    from burst2vec.machine.files import write_aside

    with write_aside(path) as aside, open(aside, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(main())
