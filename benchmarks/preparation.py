"""Preparing a corpus of recordings, against a loop of librosa.load over the same files.

    pip install librosa
    python -m benchmarks.preparation CORPUS --name NAME --json FILE

Four ways to have every recording as samples at 16 kHz, mono, take turns:

- `burst2vec prepare`, the whole command: the start of Python and of its worker processes, imports, the reading of the
  corpus, and the waveform store on disk;
- the same within Python, imports done and workers started;
- `librosa.load(path, sr=16000, mono=True)` on one path after the other, as its documentation shows it;
- the same in the worker processes that ours works in.

The last two set no level, round to no integers, sum no checksum and write nothing. Of them, too, imports are done.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.common import alternate, markdown, ratio, write_json

COMMAND, LIBRARY, LOOP, PROCESSES = NAMES = ("command", "library", "librosa_loop", "librosa_processes")
SHOWN = {COMMAND: "`burst2vec prepare`", LIBRARY: "the same within Python",
         LOOP: "loop of `librosa.load`", PROCESSES: "the same in worker processes"}
Load = Callable[..., object]


def main(arguments: Sequence[str] | None = None, load: Load | None = None) -> None:
    """Measures the four, prints a table, and writes the JSON that is asked for. `load` stands for `librosa.load`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.preparation", description=__doc__.partition("\n")[0])
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="the corpus's folder")
    parser.add_argument("--name", help="what the corpus is called in the figures; as its folder without this")
    parser.add_argument("--audio", choices=("own", "provided"), default="provided", help="provided without this")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="5 without this")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, hardware, versions and date")
    options = parser.parse_args(arguments)
    figures = measure(options.corpus, options.audio, options.rounds, load or librosa_load())
    figures["corpus"] = options.name or figures["corpus"]
    print(table(figures))
    if options.json:
        write_json(options.json, figures, "joblib", "soundfile", "soxr", *([] if load else ["librosa"]))


def librosa_load() -> Load:
    """`librosa.load`. Raises SystemExit, with how to install it, where it is not."""
    try:
        from librosa import load
    except ImportError:
        raise SystemExit("the benchmark compares with librosa, which is not installed: pip install librosa") from None
    return load


def measure(root: Path, audio: str, rounds: int, load: Load) -> dict:
    """What was prepared, and for each way its seconds by round, how many times real time that is, and how many times as
    long it took as the command and as the library."""
    from burst2vec.audio.store import audio_paths, open_store
    from burst2vec.corpora.opening import read_corpus
    from burst2vec.machine.parallel import in_parallel

    corpus = read_corpus(root)
    paths = audio_paths(corpus, audio)
    loaded = functools.partial(load, sr=16_000, mono=True)
    with tempfile.TemporaryDirectory(prefix="burst2vec-") as folder:  # starts the workers, and fills the page cache
        heard = float(open_store(corpus, audio, folder).lengths.sum()) / 16_000
    _exhaust(in_parallel(loaded, paths[:64]))
    seconds = alternate({
        COMMAND: lambda: in_fresh_folder(lambda cache: _command(root, audio, cache)),
        LIBRARY: lambda: in_fresh_folder(lambda cache: open_store(corpus, audio, cache)),
        LOOP: lambda: _exhaust(map(loaded, paths)),
        PROCESSES: lambda: _exhaust(in_parallel(loaded, paths)),
    }, rounds)
    return {"corpus": corpus.name, "audio": audio, "recordings": len(paths), "hours": round(heard / 3600, 3),
            "rounds": rounds, **{name: _figures(taken, seconds, heard) for name, taken in seconds.items()}}


def in_fresh_folder(work: Callable[[Path], object]) -> float:
    """The seconds that `work` takes with a folder that is empty, and that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="burst2vec-") as folder:
        start = time.perf_counter()
        work(Path(folder))
        return time.perf_counter() - start


def _command(root: Path, audio: str, cache: Path) -> None:
    code = "from burst2vec.cli import main; raise SystemExit(main())"
    parameters = {"corpus": root.resolve(), "audio": audio, "cache": cache}
    options = [part for name, value in parameters.items() for part in ("-p", name, str(value))]
    done = subprocess.run([sys.executable, "-c", code, "prepare", *options], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"burst2vec prepare failed:\n{done.stderr}")


def _exhaust(things) -> None:
    for _ in things:
        pass


def _figures(taken: list[float], seconds: dict[str, list[float]], heard: float) -> dict:
    return {"seconds": [round(second, 3) for second in taken],
            "times_real_time": _rounded(ratio([heard] * len(taken), taken), 1),
            "times_the_command": _rounded(ratio(taken, seconds[COMMAND]), 3),
            "times_the_library": _rounded(ratio(taken, seconds[LIBRARY]), 3)}


def _rounded(spread: dict[str, float], digits: int) -> dict[str, float]:
    return {name: round(value, digits) for name, value in spread.items()}


def table(figures: dict) -> str:
    """The figures in Markdown: medians over the rounds, with the lowest and the highest."""
    def shown(spread: dict[str, float], digits: int) -> str:
        return f"{spread['median']:,.{digits}f} ({spread['low']:,.{digits}f}–{spread['high']:,.{digits}f})"

    rows = [[SHOWN[name], f"{statistics.median(figures[name]['seconds']):.1f}",
             shown(figures[name]["times_real_time"], 0), shown(figures[name]["times_the_command"], 2),
             shown(figures[name]["times_the_library"], 2)] for name in NAMES]
    columns = ["", "s", "times real time", "times as long as the command", "times as long as within Python"]
    return markdown(columns, rows)


if __name__ == "__main__":
    main()
