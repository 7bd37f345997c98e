"""Seconds and memory of checking, preparing and batching a corpus, by its size.

    python -m benchmarks.scale --clips 1000 4000 16000 60000 --json FILE

The corpora are made for it, in ExVo's layout: tones of 0.3 to 1 s at 16 kHz, 64 of them linked again and again, a third
each of train, val and test, 35 clips a speaker. Each stage runs in a process of its own. Its peak of memory is that of
this process and of all its workers, added up, as Linux keeps it (`VmHWM`); what `getrusage` tells would include the
process that started them. Seconds are without imports. The batches are those of one epoch.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.common import write_json

TONES, CLIPS_A_SPEAKER = 64, 35
STAGES = ("check", "prepare", "batch")
Figures = dict[str, float]


def main(arguments: Sequence[str] | None = None, measure: Callable[[str, Path, int], Figures] | None = None) -> None:
    """Measures every stage at every size, prints a table, and writes the JSON that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, nargs="+", default=[1_000, 4_000, 16_000], metavar="N", help="sizes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, hardware, versions and date")
    parser.add_argument("--stage", choices=("write", *STAGES), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.stage:
        print(json.dumps(run(options.stage, options.folder, options.clips[0])))
        return
    rows = [at_size(clips, measure or in_its_own_process) for clips in options.clips]
    print(table(rows))
    if options.json:
        write_json(options.json, {"rows": rows})


def at_size(clips: int, measure: Callable[[str, Path, int], Figures]) -> dict:
    """The figures of every stage for a corpus of so many clips, which is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="burst2vec-") as folder:
        measure("write", Path(folder), clips)
        return {"clips": clips, **{stage: measure(stage, Path(folder), clips) for stage in STAGES}}


def in_its_own_process(stage: str, folder: Path, clips: int) -> Figures:
    """What `run` finds in a fresh process. Raises SystemExit, with what the process said, where it fails."""
    command = [sys.executable, "-m", "benchmarks.scale", "--stage", stage, "--folder", str(folder),
               "--clips", str(clips)]
    print(f"{clips} clips: {stage}", file=sys.stderr)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def run(stage: str, folder: Path, clips: int) -> Figures:
    """Runs one stage in this process: its seconds, and its peak of memory in MiB."""
    corpus, cache = folder / "corpus", folder / "cache"
    ready = {"write": lambda: _write(corpus, clips), "check": lambda: _check(corpus),
             "prepare": lambda: _prepare(corpus, cache), "batch": lambda: _batch(corpus, cache)}
    work = ready[stage]()  # imports, and what other stages have made
    start = time.perf_counter()
    work()
    return {"seconds": round(time.perf_counter() - start, 3), "peak_mib": round(peak(), 1)}


def peak() -> float:
    """The peak of resident memory of this process and of its children, added up, in MiB; NaN where it is not told."""
    found = 0
    for process in ("self", *_children()):
        with contextlib.suppress(FileNotFoundError):  # it has just ended
            told = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{process}/status").read_text())
            found += int(told[1]) if told else 0
    return found / 1024 or float("nan")


def _children() -> list[str]:
    found = []
    for task in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError):  # the thread has just ended
            found += task.read_text().split()
    return found


def _check(corpus: Path) -> Callable[[], object]:
    import burst2vec.audio.waveform  # noqa: F401
    from burst2vec.inspection.check import check

    return lambda: check(corpus)


def _prepare(corpus: Path, cache: Path) -> Callable[[], object]:
    import burst2vec.audio.waveform  # noqa: F401
    from burst2vec.audio.store import open_store
    from burst2vec.corpora.opening import read_corpus

    return lambda: open_store(read_corpus(corpus), "provided", cache)


def _batch(corpus: Path, cache: Path) -> Callable[[], object]:
    import numpy as np
    import torch

    from burst2vec.audio.store import open_store
    from burst2vec.config import Params
    from burst2vec.corpora.opening import read_corpus
    from burst2vec.training.batches import Feed

    opened = read_corpus(corpus)
    store = open_store(opened, "provided", cache)
    feed = Feed(opened, store, Params(), torch.device("cpu"))
    return lambda: sum(len(batch.groups(np.arange(len(batch.rows)))) for batch in feed.epoch(1))


def _write(corpus: Path, clips: int) -> Callable[[], object]:
    import numpy as np
    import soundfile

    from burst2vec.corpora.readers.exvo import COLUMNS, EMOTIONS

    def write() -> None:
        rng = np.random.default_rng(0)
        (corpus / "wav").mkdir(parents=True)
        with open(corpus / "data_info.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for clip in range(clips):
                split, speaker = ("Train", "Val", "Test")[3 * clip // clips], clip // CLIPS_A_SPEAKER
                ratings = rng.random(len(EMOTIONS))
                labels = [speaker % 4, f"{rng.uniform(20, 40):.1f}", *(ratings / ratings.max()).round(2)]
                known = [f"{split}_{speaker}", *labels] if split != "Test" else [""] * (1 + len(labels))
                writer.writerow([f"[{clip:05d}]", split, *known])
        for tone in range(min(TONES, clips)):
            times = np.arange(int(rng.uniform(0.3, 1) * 16_000)) / 16_000
            waveform = 0.3 * np.sin(2 * np.pi * rng.uniform(100, 2_000) * times) + 0.01 * rng.normal(size=len(times))
            soundfile.write(corpus / "wav" / f"{tone:05d}.wav", waveform, 16_000)
        for clip in range(TONES, clips):
            _link(corpus / "wav" / f"{clip % TONES:05d}.wav", corpus / "wav" / f"{clip:05d}.wav")

    return write


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links, or no more of them
        shutil.copy(source, target)


def table(rows: Sequence[dict]) -> str:
    """The figures in Markdown: for each stage seconds, milliseconds a clip, and MiB."""
    head = ["clips", *(f"{stage}, {unit}" for stage in STAGES for unit in ("s", "ms a clip", "MiB"))]
    cells = [[f"{row['clips']:,}", *(cell for stage in STAGES for cell in _cells(row["clips"], **row[stage]))]
             for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---:"] * len(head), *cells))


def _cells(clips: int, seconds: float, peak_mib: float) -> tuple[str, str, str]:
    return f"{seconds:.2f}", f"{1000 * seconds / clips:.2f}", f"{peak_mib:.0f}"


if __name__ == "__main__":
    main()
