"""Kills a training again and again, and compares what it comes to with one that was left alone.

    python -m tests.faults.chaos --kills 40 --json FILE

The training writes a checkpoint after every step. Each time it is killed by SIGKILL, and the same command is started
again. A third of the kills are aimed at a stage (a checkpoint's writing, for instance), the others come at random
moments. In the end weights, history and predictions are compared byte by byte.
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np

from tests.faults import trainee
from tests.faults.trainee import Note, read_note

COMPARED = ("model.safetensors", "history.csv", "predictions.csv")

AIMS = (trainee.WRITING, None, None, trainee.VALIDATING, None, None, trainee.READING, None, None,
        trainee.WRITING, None, None, trainee.WRITING, None, None, trainee.READING, None, None)
"""The stages that the kills are aimed at, in turn; None stands for a random moment.

The last kill of all is aimed at the outcome's writing. Few are aimed at a validation, which has to be waited for: there
are only four at scale demo, and the training would be over too soon.
"""

Start = Callable[[], multiprocessing.process.BaseProcess]


class Ended(RuntimeError):
    """A process that ended by itself before it could be killed."""


@dataclass(frozen=True)
class Kill:
    """What was killed: the last note of the process, what the kill was aimed at, whether a half-written checkpoint lay
    there afterwards, and after which iteration the next process began."""

    note: Note
    aimed: str | None
    half_written: bool
    next_began: int = -1

    @property
    def lost(self) -> int:
        """How many steps had to be done again."""
        return max(0, self.note.iteration - self.next_began)


def killed_run(start: Start, note: Path, aims: Iterable[str | None], rng: np.random.Generator, spell: float,
               half_written: Callable[[], bool] = lambda: False) -> list[Kill]:
    """Starts a process once for each of the aims and kills it, then starts it once more and lets it end.

    What it is doing it keeps writing to the file `note`. An aim is a stage in whose midst it is killed; None is a
    random moment: `spell` seconds at most after the first step, or while it is loading. Raises Ended where a process
    ended by itself before, or ended badly.
    """
    kills: list[Kill] = []
    for aim in (*aims, ...):
        note.unlink(missing_ok=True)
        process = start()
        process.start()
        if aim is not ...:
            _wait_for(process, note, aim, rng, spell)
            process.kill()
        process.join()
        last = read_note(note)
        if process.exitcode != (0 if aim is ... else -signal.SIGKILL):
            raise Ended(f"the process ended with {process.exitcode} after {len(kills)} kills, in {last}")
        if last.began >= 0 or aim is ...:  # it began, or had nothing left to learn
            kills = [k if k.next_began >= 0 else _went_on(k, last) for k in kills]
        if aim is not ...:
            kills.append(Kill(last, aim, half_written()))
    return kills


def _went_on(kill: Kill, after: Note) -> Kill:
    return dataclasses.replace(kill, next_began=after.began if after.began >= 0 else kill.note.iteration)


def _wait_for(process: multiprocessing.process.BaseProcess, note: Path, aim: str | None, rng: np.random.Generator,
              spell: float) -> None:
    """Returns when the process is to be killed, or has ended."""
    if aim is None and rng.random() < 0.2:
        process.join(rng.uniform(0, 2 * spell))
        return
    wanted = 1 + rng.integers(0, 3) if aim == trainee.WRITING else 1
    seen, before = 0, Note(trainee.LOADING, -1, -1)
    while process.is_alive() and seen < wanted:
        now = read_note(note)
        seen += now.began >= 0 if aim is None else now.stage == aim and now != before
        before = now
        time.sleep(0.0002)
    process.join(rng.uniform(0, {None: spell, trainee.OUTCOME: min(spell, 0.3)}.get(aim, 0.005)))


def differing(one: Path, other: Path) -> list[str]:
    """The files of two systems' folders that are not the same bytes."""
    return [name for name in COMPARED if (one / name).read_bytes() != (other / name).read_bytes()]


def chaos(params, scratch: Path, kills: int, seed: int, spell: float,
          fresh: bool = True) -> tuple[list[Kill], list[str]]:
    """The kills of a training of those parameters (a `config.Params`), and the files in which it differs from one that
    was left alone. Each process is `fresh`, or forked from one that has loaded all."""
    context = multiprocessing.get_context("spawn" if fresh else "forkserver")
    if not fresh:
        context.set_forkserver_preload(list(trainee.PRELOADED))
    alone, killed = (dataclasses.replace(params, run=run, results=str(scratch), checkpoint_minutes=0.0)
                     for run in ("alone", "killed"))
    note, rng = scratch / "note", np.random.default_rng(seed)

    def start(run) -> Start:
        return lambda: context.Process(target=trainee.as_command, args=(run.to_json(), str(note), f"{note}.log"))

    aims = [*(AIMS[number % len(AIMS)] for number in range(kills - 1)), trainee.OUTCOME]
    found = killed_run(start(killed), note, aims, rng, spell,
                       lambda: any((killed.run_folder / ".training").glob("*/.[wt]*")))
    killed_run(start(alone), note, (), rng, spell)
    return found, differing(killed.folder, alone.folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """Kills, compares, prints, and writes the JSON that is asked for; 1 where a byte differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=40, metavar="N", help="how many (default 40)")
    parser.add_argument("--seed", type=int, default=0, help="of their moments (default 0)")
    parser.add_argument("--spell", type=float, default=0.5, metavar="SECONDS", help="at most between two (default 0.5)")
    parser.add_argument("--scale", default="demo", help="a file of params/scales (default demo)")
    parser.add_argument("--variant", default="V4", help="a file of params/variants (default V4)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every kill and the verdict")
    options = parser.parse_args(arguments)
    from burst2vec.config import Params, project_root
    from tests.faults.evidence import keep

    params = Params.resolve({"scale": options.scale, "variant": options.variant, "device": "cpu",
                             "cache": str(project_root() / "cache")})
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="burst2vec-chaos-") as scratch:
        kills, unlike = chaos(params, Path(scratch), options.kills, options.seed, options.spell)
    said = f"{verdict(kills, unlike)}\n\n{table(kills)}"
    print(said)
    if options.json:
        listed = [{"stage": k.note.stage, "iteration": k.note.iteration, "aimed": k.aimed,
                   "half_written": k.half_written, "steps_lost": k.lost} for k in kills]
        keep(options.json, {"scale": options.scale, "variant": options.variant, "seed": options.seed,
                            "seconds": round(time.monotonic() - began), "differing": unlike, "kills": listed}, said)
    return int(bool(unlike))


def table(kills: Sequence[Kill]) -> str:
    """The kills by what they hit, in Markdown."""
    hits = Counter(kill.note.stage for kill in kills)
    rows = [f"| {stage} | {hits[stage]} |" for stage in trainee.STAGES if hits[stage]]
    return "\n".join(["| killed in the midst of | kills |", "|---|---:|", *rows, f"| all | {len(kills)} |"])


def verdict(kills: Sequence[Kill], unlike: Sequence[str]) -> str:
    """What was lost, in a sentence or two."""
    half = sum(kill.half_written for kill in kills)
    lost = max((kill.lost for kill in kills), default=0)
    same = (f"differ: {', '.join(unlike)}" if unlike else
            f"`{COMPARED[0]}`, `{COMPARED[1]}` and `{COMPARED[2]}` are the same bytes")
    random = sum(kill.aimed is None for kill in kills)
    return (f"{len(kills)} kills, {random} of them at random moments; {half} left a half-written checkpoint; "
            f"{lost} step at most was done again after a kill. Against a training left alone: {same}.")


if __name__ == "__main__":
    sys.exit(main())
