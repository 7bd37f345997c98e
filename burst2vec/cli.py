"""The command line: `burst2vec --help`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from burst2vec import __version__
from burst2vec.machine.interruption import breaking_off
from burst2vec.messages import printable, shown


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; 0 when it ended well, 1 with one clear line on standard error when it did not.

    `check` gives 1 where a corpus has a grave problem, too. After Ctrl-C it is 130, after SIGTERM 143, as shells have it.
    """
    options = _parser().parse_args(arguments)
    return reporting(lambda: options.command(options))


def reporting(work: Callable[[], int | None]) -> int:
    """Does some work; its exit code, which what stopped it decides, and is told on standard error."""
    try:
        with breaking_off():
            return work() or 0
    except KeyboardInterrupt as stop:
        print(printable(f"burst2vec: {str(stop) or 'interrupted'}"), file=sys.stderr)
        return 128 + getattr(stop, "by", signal.SIGINT)
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(printable(f"burst2vec: {error}"), file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="burst2vec", description="Emotion, age and origin from vocal bursts.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    synth = commands.add_parser("synth", help="write the synthetic corpus, in ExVo's layout")
    synth.add_argument("folder", type=Path, metavar="DIR", help="a folder that does not exist yet")
    for split, size in (("train", 640), ("val", 320), ("test", 320)):
        synth.add_argument(f"--{split}", type=int, default=size, metavar="N", help=f"{split} clips (default {size})")
    synth.add_argument("--bias", type=float, default=1.0, metavar="B",
                       help="planted association of age and country, from 0 (none) to 1 (as measured; default)")
    synth.add_argument("--seed", type=int, default=0, help="same seed, same bytes (default 0)")
    synth.set_defaults(command=_synth)

    check = commands.add_parser("check", help="read a whole corpus once, and list what is wrong in it",
                                description="Reads a whole corpus once and lists what is wrong in it. Nothing is "
                                            "changed. The exit code is 1 where training would be wrong.")
    check.add_argument("corpus", type=Path, metavar="CORPUS", help="the corpus's folder")
    check.add_argument("--layout", default="auto", help="the corpus's layout (default: recognise it)")
    check.add_argument("--json", type=Path, metavar="FILE", help="write every problem: file, row, problem")
    check.set_defaults(command=_check)

    prepare = commands.add_parser("prepare", help="decode a corpus into its waveform store")
    _add_parameters(prepare)
    prepare.add_argument("--summary", type=Path, metavar="FILE", help="write what was prepared as JSON")
    prepare.set_defaults(command=_prepare)

    run = commands.add_parser("run", help="check the parameters, then execute a notebook with papermill")
    run.add_argument("notebook", type=Path)
    run.add_argument("output", type=Path)
    run.add_argument("--gpus", type=int, default=0, metavar="N",
                     help="wait for N free GPUs of this machine and use no others (default: choose none)")
    _add_parameters(run)
    run.set_defaults(command=_run)

    predict = commands.add_parser(
        "predict", help="predict emotions, age and origin from recordings with a trained model",
        description="A row for each recording, or for each window of a long one. What cannot be read is reported on "
                    "standard error, a line each, and does not stop the rest.",
        epilog="Exit code: 0 when every recording was used wholly, 1 when any was left out, even in part, or when "
               "nothing was written.")
    predict.add_argument("model", metavar="MODEL", help="folder of a trained model or ensemble, or a name on the hub")
    predict.add_argument("paths", nargs="+", metavar="PATH",
                         help="recordings that libsndfile reads (WAV, FLAC, OGG, MP3 ...), and folders of them")
    predict.add_argument("--out", type=Path, metavar="FILE",
                         help=".csv, or .jsonl for JSON lines; CSV on standard output by default")
    predict.add_argument("--window", type=float, default=10.0, metavar="SECONDS",
                         help="longer recordings are cut into equal windows, a row each (default 10)")
    predict.add_argument("--batch-size", type=int, default=8, metavar="N",
                         help="recordings or windows that are heard at once (default 8)")
    predict.add_argument("--device", default="auto", metavar="D",
                         help="cpu or cuda; by default the GPU where there is one")
    predict.set_defaults(command=_predict)

    submission = commands.add_parser("submission", help="write a system's test predictions as the challenge wants them")
    submission.add_argument("system", type=Path, metavar="SYSTEM",
                            help="a system's folder of results, such as results/paper/V4")
    submission.add_argument("--team", required=True, metavar="NAME", help="letters, digits, - and _")
    submission.add_argument("--number", required=True, type=int, metavar="N", help="which of the team's submissions")
    submission.add_argument("--out", type=Path, default=Path("."), metavar="DIR",
                            help="where to write it (default: here)")
    submission.add_argument("--corpus", type=Path, metavar="DIR",
                            help="the ExVo folder whose test clips must be covered; by default the one trained on")
    submission.set_defaults(command=_submission)

    publish = commands.add_parser("publish", help="strip an executed notebook of progress bars and local paths")
    publish.add_argument("notebook", type=Path)
    publish.add_argument("output", type=Path)
    publish.add_argument("--title", help="replaces the page's heading")
    publish.set_defaults(command=_publish)

    environment = commands.add_parser("environment", help="write hardware, versions and date as JSON")
    environment.add_argument("run_folder", type=Path, help="the run's folder of results")
    environment.add_argument("output", type=Path)
    environment.set_defaults(command=_environment)
    return parser


def _add_parameters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--file", type=Path, action="append", default=[], metavar="YAML",
                        help="parameters of a scale or variant; may be given several times")
    parser.add_argument("-p", "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"),
                        help="one parameter, over those of the files")


def _parameters(options: argparse.Namespace) -> dict[str, Any]:
    """The parameters of files and options, as papermill would read them."""
    import yaml

    from burst2vec.config import UNREADABLE, ParameterError, read_yaml

    values = {}
    for path in options.file:
        values |= read_yaml(path)
    for name, value in options.parameter:
        try:
            values[name] = yaml.safe_load(value)
        except UNREADABLE:
            raise ParameterError(f"parameter {name} is {shown(value)}; expected a value that YAML can read") from None
    return values


def _synth(options: argparse.Namespace) -> None:
    from burst2vec.corpora.synthetic.synthesis import synthesise

    synthesise(options.folder, options.train, options.val, options.test, bias=options.bias, seed=options.seed)


def _check(options: argparse.Namespace) -> int:
    from burst2vec.inspection.check import check
    from burst2vec.inspection.summary import summary, write_json

    checked = check(options.corpus, options.layout)
    if options.json:
        write_json(checked, options.json)
    print(summary(checked))
    return int(checked.grave)


def _prepare(options: argparse.Namespace) -> None:
    from burst2vec.audio.store import open_store
    from burst2vec.config import Params
    from burst2vec.corpora.opening import open_corpus
    from burst2vec.machine.files import write_aside

    params = Params.resolve(_parameters(options))
    corpus = open_corpus(params)
    store = open_store(corpus, params.audio, params.path(params.cache))
    summary = {"corpus": corpus.name, "audio": params.audio, "bursts": len(store),
               "hours": round(float(store.lengths.sum()) / 16_000 / 3600, 3)}
    if options.summary:
        with write_aside(options.summary) as aside:
            aside.write_text(json.dumps(summary, indent=1))
    print(json.dumps(summary))


def _run(options: argparse.Namespace) -> None:
    from burst2vec.running.gpus import claim
    from burst2vec.running.notebooks import execute

    with claim(options.gpus):
        execute(options.notebook, options.output, _parameters(options))


def _predict(options: argparse.Namespace) -> int:
    from tqdm.auto import tqdm

    from burst2vec.machine.files import write_aside
    from burst2vec.systems.recordings import FORMATS, render
    from burst2vec.systems.saved import load

    out, reported = options.out, []
    if out and (out.suffix not in FORMATS or out.is_dir()):
        raise ValueError(f"--out {out}: expected a file that ends in {' or '.join(FORMATS)}")
    if out:
        _check_writable(out)

    def report(line: str) -> None:
        reported.append(line)
        tqdm.write(printable(f"burst2vec: {line}"), file=sys.stderr)

    table = load(options.model, options.device).predict(options.paths, options.window, options.batch_size, report)
    if out:
        with write_aside(out) as aside:  # a file's name may hold bytes that are no UTF-8
            aside.write_bytes(render(table, out.suffix).encode("utf-8", "surrogateescape"))
    else:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")  # as in a file
        sys.stdout.write(render(table))
    return 1 if reported else 0


def _check_writable(out: Path) -> None:
    """Raises ValueError where the file cannot be written, before hours of work whose outcome it is to hold."""
    there = next(folder for folder in out.absolute().parents if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise ValueError(f"--out {out}: {there} is no folder that can be written to")


def _submission(options: argparse.Namespace) -> None:
    from burst2vec.systems.submission import write_submission

    print(write_submission(options.system, options.team, options.number, options.out, options.corpus))


def _publish(options: argparse.Namespace) -> None:
    from burst2vec.running.notebooks import publish

    publish(options.notebook, options.output, options.title)


def _environment(options: argparse.Namespace) -> None:
    from burst2vec.machine.files import write_aside
    from burst2vec.running.environment import describe_environment

    with write_aside(options.output) as aside:
        aside.write_text(json.dumps(describe_environment(options.run_folder), indent=1))
