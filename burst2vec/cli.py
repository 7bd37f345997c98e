"""The command line: `burst2vec --help`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from burst2vec import __version__
from burst2vec.machine.interruption import breaking_off
from burst2vec.messages import REFUSALS, abridged, printable, refusal

Arguments = Callable[[argparse.ArgumentParser], object]
"""Adds the arguments of a command to its parser."""

Work = Callable[[argparse.Namespace], int | None]
"""Does what a command is for, given its arguments, and returns its exit code, where None stands for 0."""

_COMMANDS: dict[str, tuple[Arguments, Work, dict[str, Any]]] = {}
"""The commands by name, in the order in which the help lists them, with the options of their parsers."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0 if it ended well, 1 if not, with one clear line on standard error.

    `check` returns 1 for a corpus with a grave problem, too. The exit code is 130 after Ctrl-C and 143 after SIGTERM,
    as shells have it. Characters that standard output cannot encode are printed as escapes.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    return reporting(lambda: options.command(options))


def reporting(work: Callable[[], int | None]) -> int:
    """Does some work and returns its exit code. What stops the work is told on standard error and decides the code."""
    try:
        with breaking_off():
            return work() or 0
    except KeyboardInterrupt as stop:
        print(printable(f"burst2vec: {str(stop) or 'interrupted'}"), file=sys.stderr)
        return 128 + getattr(stop, "by", signal.SIGINT)
    except REFUSALS as error:
        print(refusal(error), file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="burst2vec", description="Emotion, age and origin from vocal bursts.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (add_arguments, work, options) in _COMMANDS.items():
        command = commands.add_parser(name, **options)
        add_arguments(command)
        command.set_defaults(command=work)
    return parser


def _command(name: str, add_arguments: Arguments, **options: Any) -> Callable[[Work], Work]:
    """Makes a function a command of that name, whose parser has these `options` and arguments."""
    def add(work: Work) -> Work:
        _COMMANDS[name] = add_arguments, work, options
        return work
    return add


def _synth_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder that does not exist yet")
    for split, size in (("train", 640), ("val", 320), ("test", 320)):
        parser.add_argument(f"--{split}", type=int, default=size, metavar="N", help=f"{split} clips (default {size})")
    parser.add_argument("--bias", type=float, default=1.0, metavar="B",
                        help="planted association of age and country: 0 for none, 1 as measured (default), 2 twice as "
                             "strong")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same bytes (default 0)")


@_command("synth", _synth_arguments, help="write the synthetic corpus, in ExVo's layout",
          description="Writes a corpus of synthetic vocal bursts in the layout of ExVo 2022: recordings, labels and "
                      "speakers, all of them invented. The folder appears whole or not at all.")
def _synth(options: argparse.Namespace) -> None:
    from burst2vec.corpora.synthetic.synthesis import synthesise

    synthesise(options.folder, options.train, options.val, options.test, bias=options.bias, seed=options.seed)
    print(f"{options.folder}: {options.train:,} training, {options.val:,} validation and {options.test:,} test clips")


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="the corpus's folder")
    parser.add_argument("--layout", default="auto", help="the corpus's layout (default: recognise it)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every problem: file, row, problem")


@_command("check", _check_arguments, help="read a whole corpus once, and list what is wrong in it",
          description="Reads a whole corpus once and lists what is wrong in it. Nothing is changed. The exit code is 1 "
                      "where training would be wrong.")
def _check(options: argparse.Namespace) -> int:
    from burst2vec.inspection.check import check
    from burst2vec.inspection.summary import summary, write_json

    checked = check(options.corpus, options.layout)
    if options.json:
        write_json(checked, options.json)
    print(summary(checked))
    return int(checked.grave)


def _convert_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a corpus, or any folder of recordings")


@_command("convert", _convert_arguments, help="make WebM, AAC, MP4 and other recordings readable, with ffmpeg",
          description="Writes a 16-bit FLAC file beside each recording that cannot be read as it is, in the folder and "
                      "those below it, of the same name but for the suffix. The originals stay as they are. A "
                      "conversion that was broken off goes on where it was.",
          epilog="Exit code: 0 when every recording is readable now, 1 when any is not.")
def _convert(options: argparse.Namespace) -> int:
    from burst2vec.corpora.conversion import convert

    report = _Report()
    converted, already = convert(options.folder, report)
    print(f"{converted:,} recordings converted; {already:,} had been before")
    return int(report.heard)


def _parameter_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--file", type=Path, action="append", default=[], metavar="YAML",
                        help="parameters of a scale or variant; may be given several times")
    parser.add_argument("-p", "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"),
                        help="one parameter, over those of the files. Text is taken as it is typed. A list is given as "
                             "'[A, B]', or item by item: -p NAME A -p NAME B")


def _parameters(options: argparse.Namespace) -> dict[str, Any]:
    """The parameters of the files and options."""
    from burst2vec.config import parse, read_yaml

    values: dict[str, Any] = {}
    for path in options.file:
        values |= read_yaml(path)
    return values | parse(options.parameter)


def _prepare_arguments(parser: argparse.ArgumentParser) -> None:
    _parameter_arguments(parser)
    parser.add_argument("--summary", type=Path, metavar="FILE", help="write what was prepared as JSON")


@_command("prepare", _prepare_arguments, help="decode a corpus into its waveform store",
          description="Decodes the recordings that the parameters `corpus` and `audio` name, once and in parallel, and "
                      "stores them in the folder that the parameter `cache` names, from which every training reads. "
                      "What is stored already is not decoded again. Prints what was prepared as JSON, and notes on "
                      "recordings on standard error.")
def _prepare(options: argparse.Namespace) -> None:
    from burst2vec.audio.faults import SAMPLE_RATE
    from burst2vec.audio.store import open_store
    from burst2vec.config import Params
    from burst2vec.corpora.opening import open_corpus
    from burst2vec.machine.files import write_aside

    params = Params.resolve(_parameters(options))
    corpus = open_corpus(params)
    store = open_store(corpus, params.audio, params.path(params.cache))
    for line in abridged(store.notes):
        _note(line)
    summary = {"corpus": corpus.name, "audio": params.audio, "bursts": len(store),
               "hours": round(float(store.lengths.sum()) / SAMPLE_RATE / 3600, 3)}
    if options.summary:
        with write_aside(options.summary) as aside:
            aside.write_text(json.dumps(summary, indent=1))
    print(json.dumps(summary))


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notebook", type=Path, metavar="NOTEBOOK",
                        help="the notebook, such as notebooks/06_results.ipynb")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="where to write the executed one")
    parser.add_argument("--gpus", type=int, default=0, metavar="N",
                        help="wait for N free GPUs of this machine and use no others (default: choose none)")
    _parameter_arguments(parser)


@_command("run", _run_arguments, help="check the parameters, then execute a notebook with papermill",
          description="Checks the parameters, executes a notebook with them, and writes the executed notebook only if "
                      "it ran to its end; else what ran of it is kept beside the output as `.failed.ipynb`. Where a "
                      "training was interrupted, the same command goes on with it. In the project's folder `make "
                      "notebooks` makes the notebooks.")
def _run(options: argparse.Namespace) -> None:
    from burst2vec.running.gpus import claim
    from burst2vec.running.notebooks import execute

    with claim(options.gpus):
        execute(options.notebook, options.output, _parameters(options))


def _pretrain_arguments(parser: argparse.ArgumentParser) -> None:
    number: dict[str, Any] = {"type": int, "metavar": "N"}
    parser.add_argument("corpora", nargs="+", metavar="CORPUS",
                        help="folders of corpora, joined; `synthetic` for bursts that are synthesised here")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to write the backbone")
    parser.add_argument("--family", default="", metavar="F",
                        help="wav2vec2, hubert or hubert-layer-norm; needed where --from does not say it")
    parser.add_argument("--size", default="small", metavar="S", help="tiny or small (default) random weights")
    parser.add_argument("--from", dest="checkpoint", default="", metavar="CHECKPOINT",
                        help="folder, or name on the hub, of a wav2vec 2.0 or HuBERT model to go on from")
    parser.add_argument("--units-from", default="", metavar="CHECKPOINT",
                        help="folder, or name on the hub, of a model whose middle layer HuBERT's first units are of")
    parser.add_argument("--steps", default=0, help="steps at most; these, or minutes, are needed", **number)
    parser.add_argument("--minutes", type=float, default=0, metavar="M", help="minutes at most")
    parser.add_argument("--iterations", default=0,
                        help="iterations of HuBERT (default 2, or 1 with --units-from)", **number)
    parser.add_argument("--units", default=100, help="units, or entries of a codebook (default 100)", **number)
    parser.add_argument("--batch-size", default=32, help="bursts in a batch (default 32)", **number)
    parser.add_argument("--learning-rate", type=float, default=1e-3, metavar="R", help="the highest (default 0.001)")
    parser.add_argument("--seed", default=0, help="seed of all that is random (default 0)", **number)
    parser.add_argument("--synthetic-seed", default=1_000, help="seed of the corpus `synthetic`, not that of an "
                                                                "experiment (default 1000)", **number)
    parser.add_argument("--synthetic-train", default=640, help="training bursts of that corpus (default 640)", **number)
    parser.add_argument("--probe", default="", metavar="CORPUS", help="a labelled corpus to probe the features on")
    parser.add_argument("--precision", default="auto", metavar="P", help="auto (default), float32 or bfloat16")
    parser.add_argument("--half", action="store_true", help="write the weights in float16, a file of half the size")
    parser.add_argument("--device", default="auto", metavar="D", help="cpu or cuda; by default the GPU if there is one")
    parser.add_argument("--deterministic", action="store_true", help="the same bits each time on a GPU, too")
    parser.add_argument("--checkpoint-minutes", type=float, default=5, metavar="M",
                        help="minutes between checkpoints (default 5)")
    parser.add_argument("--restart", action="store_true",
                        help="begin anew where another pre-training was interrupted, and replace a finished one")
    parser.add_argument("--cache", default="cache", metavar="DIR", help="folder of waveform stores (default cache)")


@_command("pretrain", _pretrain_arguments, help="pre-train a backbone on recordings without labels",
          description="Pre-trains a wav2vec 2.0 or HuBERT model on the training splits of corpora, whose labels are "
                      "not needed, and writes it as a folder for transformers and for the parameter `backbone`. What "
                      "was interrupted goes on where it was.")
def _pretrain(options: argparse.Namespace) -> None:
    from burst2vec.config import Params
    from burst2vec.pretraining.command import pretrain_folder
    from burst2vec.pretraining.recipe import Recipe

    given = vars(options)
    recipe = Recipe(**{f.name: given[f.name] for f in dataclasses.fields(Recipe) if f.name in given})
    params = Params(**{name: given[name] for name in Params.names() if name in given and name not in vars(recipe)})
    found = pretrain_folder(options.corpora, options.out, recipe, params, options.probe, options.half)
    print(f"{options.out}: pre-trained on {found.record['hours']:.2f} hours in {found.record['minutes']:.1f} minutes")


def _predict_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH",
                        help="recordings that libsndfile reads (WAV, FLAC, OGG, MP3 ...), and folders of them")
    parser.add_argument("--model", metavar="FOLDER", help="folder of a trained model or ensemble, or a name on the hub "
                                                          "(default: the model that comes with burst2vec, emogator)")
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help=".csv, or .jsonl for JSON lines; by default a table on a terminal, and CSV elsewhere")
    parser.add_argument("--window", type=float, default=10.0, metavar="SECONDS",
                        help="longer recordings are cut into equal windows, a row each (default 10)")
    parser.add_argument("--batch-size", type=int, default=8, metavar="N",
                        help="recordings or windows that are heard at once (default 8)")
    parser.add_argument("--device", default="auto", metavar="D",
                        help="cpu or cuda; by default the GPU where there is one")


@_command("predict", _predict_arguments, help="predict with a trained model; one of emotions comes along",
          description="A row for each recording, or for each window of a long one. What cannot be read is reported on "
                      "standard error, a line each, and does not stop the rest.",
          epilog="Exit code: 0 when every recording was used wholly, 1 when any was left out, even in part, or when "
                 "nothing was written.")
def _predict(options: argparse.Namespace) -> int:
    from burst2vec.machine.files import write_aside
    from burst2vec.models.serialisation import holds_model
    from burst2vec.systems.printing import format_for_terminal, format_predictions
    from burst2vec.systems.saved import load

    out, report = options.out, _Report()
    for path in options.paths:
        if holds_model(path):
            raise ValueError(f"{path}: the folder of a trained model, not of recordings; give it as --model {path}")
    if out:
        _check_writable(out)
    predictor = load(options.model, options.device, _note)
    table = predictor.predict(options.paths, options.window, options.batch_size, report, note=_note)
    if out:
        with write_aside(out) as aside:  # a file's name may hold bytes that are not UTF-8
            aside.write_bytes(format_predictions(table, out.suffix).encode("utf-8", "surrogateescape"))
    elif sys.stdout.isatty():
        sys.stdout.write(format_for_terminal(table, predictor.tasks, shutil.get_terminal_size().columns))
    else:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")  # the bytes are the same as in a file
        sys.stdout.write(format_predictions(table))
    return int(report.heard)


def _note(line: str) -> None:
    """Prints a line on standard error, above a progress bar if there is one."""
    from tqdm.auto import tqdm

    tqdm.write(printable(f"burst2vec: {line}"), file=sys.stderr)


class _Report:
    """Prints lines on standard error, and remembers whether there were any."""

    heard = False

    def __call__(self, line: str) -> None:
        self.heard = True
        _note(line)


def _check_writable(out: Path) -> None:
    """Raises ValueError if the file cannot be written, before hours of work whose result it is to hold."""
    from burst2vec.systems.printing import FORMATS

    if out.suffix not in FORMATS or out.is_dir():
        raise ValueError(f"--out {out}: expected a file that ends in {' or '.join(FORMATS)}")
    there = next(folder for folder in out.absolute().parents if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise ValueError(f"--out {out}: {there} is no folder that can be written to")


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("system", type=Path, metavar="SYSTEM",
                        help="a trained system's folder of results, such as results/demo/V4")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER",
                        help="a new folder, or that of a saved model, which is replaced")
    parser.add_argument("--half", action="store_true", help="store the weights in float16, in half the space")
    parser.add_argument("--calibrate", action="store_true",
                        help="fit a temperature for each task of classes to the predictions for validation")


@_command("export", _export_arguments, help="write a system's model by itself, with its card, to pass it on",
          description="Writes the three files that predictions need, without those of the run. The card is made anew "
                      "from the run's predictions; the corpus must still be there.")
def _export(options: argparse.Namespace) -> None:
    from burst2vec.systems.folders import export_system

    export_system(options.system, options.out, options.half, options.calibrate)
    size = sum(path.stat().st_size for path in options.out.iterdir())
    print(f"{options.out}: {size / 1e6:.1f} MB")


def _submission_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("system", type=Path, metavar="SYSTEM",
                        help="a system's folder of results, such as results/paper/V4")
    parser.add_argument("--team", required=True, metavar="NAME", help="letters, digits, - and _")
    parser.add_argument("--number", required=True, type=int, metavar="N", help="which of the team's submissions")
    parser.add_argument("--out", type=Path, default=Path("."), metavar="DIR", help="where to write it (default: here)")
    parser.add_argument("--corpus", type=Path, metavar="DIR",
                        help="the ExVo folder whose test clips must be covered; by default the one trained on")


@_command("submission", _submission_arguments, help="write a system's test predictions as the challenge wants them",
          description="Writes ExVo-Multi_<team>_<number>.csv from the test predictions of a system or an ensemble, and "
                      "reads it back and checks it before it appears.")
def _submission(options: argparse.Namespace) -> None:
    from burst2vec.systems.submission import only_synthetic, write_submission

    print(write_submission(options.system, options.team, options.number, options.out, options.corpus))
    if only_synthetic(options.system):
        _note(f"{options.system}: trained on synthetic bursts alone; the file shows what a submission looks like, and "
              "is none")


def _publish_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="an executed notebook")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="the page to write, a notebook as well")
    parser.add_argument("--title", help="replaces the page's heading")


@_command("publish", _publish_arguments, help="make a page of an executed notebook",
          description="Makes a page of the report of an executed notebook: the answer first, code folded, captions at "
                      "their figures, without progress bars and local paths. Refuses a notebook that has not run "
                      "wholly, or that warns.")
def _publish(options: argparse.Namespace) -> None:
    from burst2vec.running.publishing import publish

    publish(options.notebook, options.output, options.title)


def _environment_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="the run's folder of results, as results/demo")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="the JSON file to write")


@_command("environment", _environment_arguments, help="write hardware, versions and date as JSON",
          description="Writes on what a run's systems were trained: hardware, operating system, versions of the "
                      "libraries, date, and how long the trainings took.")
def _environment(options: argparse.Namespace) -> None:
    from burst2vec.machine.files import write_aside
    from burst2vec.running.environment import describe_environment

    with write_aside(options.output) as aside:
        aside.write_text(json.dumps(describe_environment(options.run_folder), indent=1))
