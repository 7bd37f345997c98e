"""The one property of whatever is fed to the library: it succeeds, or clearly says why not, and leaves nothing."""

from __future__ import annotations

import contextlib
import io
import os
import re
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib

import burst2vec
from burst2vec.audio.waveform import AudioError
from burst2vec.config import ParameterError
from burst2vec.corpora.corpus import CorpusError
from burst2vec.machine.hardware import OutOfMemory
from burst2vec.machine.parallel import WorkerDied
from burst2vec.messages import printable
from burst2vec.models.backbone import BackboneError
from burst2vec.models.serialisation import ModelError
from burst2vec.running.notebooks import NotebookError
from burst2vec.systems.submission import SubmissionError
from burst2vec.training.checkpoints import ResumptionError
from burst2vec.training.trained import TrainingError

OWN = (ParameterError, CorpusError, AudioError, ModelError, BackboneError, SubmissionError, TrainingError,
       NotebookError, OutOfMemory, WorkerDied, ResumptionError)
"""What the library raises where an input is wrong."""

SECONDS = 10.0
"""Of computing, after which a case counts as hanging, however busy the machine is. Most take a hundredth."""

PATIENCE = 12
"""How many times as long a case may wait."""

MEMORY = 1.5 * 2 ** 30
"""In bytes: what a case may ask for beyond what the process has."""

LONGEST = 20_000
"""In letters, of a message as it is printed."""

UNSEEN = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
"""Warnings that Python does not show by default."""

TOLERATED = re.compile(r"Note: |Warning: |\[src/libmpg123/|.*\d\d:\d\d.*\]$|.*; it is (left out|made again)$|$")
"""What may be printed: what libsndfile's decoder of MP3 cannot be kept from, progress bars, and that a damaged file is
not read."""

LIBRARY = str(Path(burst2vec.__file__).parent)


class Broken(AssertionError):
    """The property does not hold; `place` says where, so that the same fault is told from another."""

    def __init__(self, text: str, place: str = ""):
        super().__init__(text)
        self.place = place or text


class Hang(BaseException):
    """Not an Exception: nothing that catches those must catch this."""


def judge(action: Callable[[], Any], folder: Path) -> Exception | None:
    """Runs an action on the files in `folder`; the clear error it raised, or None where it succeeded.

    Raises Broken where the error is not clear, where it computed longer than `SECONDS`, wanted more than `MEMORY`,
    printed or warned of something that is not the library's, or left a file behind without success.
    """
    before, error, place = _files(folder), None, ""
    with _overheard() as said, warnings.catch_warnings(record=True) as warned, _limited():
        warnings.simplefilter("always")
        try:
            action()
        except Broken:
            raise
        except (Exception, SystemExit, Hang) as caught:
            error, place = caught, _place(caught)
            complaint = _complaint(caught)
            caught.__traceback__ = None  # it holds what may be a lot of memory
    if error is not None and complaint:
        raise Broken(f"{complaint}: {type(error).__name__}: {str(error)[:500]}\n{place}", f"{complaint} {place}")
    for warning in warned:
        if not issubclass(warning.category, UNSEEN):
            raise Broken(f"a warning: {warning.category.__name__}: {warning.message}",
                         f"{warning.filename}:{warning.lineno}")
    usage = isinstance(error, SystemExit)
    strange = [line for line in said()
               if not usage and not line.startswith("burst2vec: ") and not TOLERATED.match(line)]
    if strange:
        raise Broken(f"printed: {strange[:5]}", f"printed {re.sub(r'[0-9]+', '', strange[0])[:60]}")
    _check_files(before, _files(folder), error)
    return error if isinstance(error, Exception) else None


def _complaint(error: BaseException) -> str:
    """What is not clear about an error; empty where it is."""
    if isinstance(error, Hang):
        return f"took more than {SECONDS:g} s"
    if isinstance(error, SystemExit):
        return "" if error.code == 2 else f"exit {error.code}"
    own = isinstance(error, OWN) or (isinstance(error, OSError) and error.filename)
    raised = traceback.extract_tb(error.__traceback__)[-1]
    worded = raised.filename.startswith(LIBRARY) and raised.line.startswith("raise ")
    if not own and not (worded and isinstance(error, ValueError | OSError | RuntimeError | ImportError)):
        return "an error that is not the library's"
    text = printable(str(error))
    return "" if text.strip() and len(text) < LONGEST else f"a message of {len(text)} letters"


def _place(error: BaseException) -> str:
    """Where in the library, and where below it, an error arose."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f.filename.startswith(LIBRARY)] or frames
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno} {type(error).__name__} {Path(frames[-1].filename).name}"


@contextlib.contextmanager
def _overheard() -> Iterator[Callable[[], list[str]]]:
    """Keeps what Python, and what the libraries of C below it, print; gives a function that tells the lines."""
    printed = io.StringIO()
    with tempfile.TemporaryFile() as file:
        sys.stdout.flush(), sys.stderr.flush()
        kept = [(fd, os.dup(fd)) for fd in (1, 2)]
        try:
            for fd, _ in kept:
                os.dup2(file.fileno(), fd)
            # What is printed on standard output is the command's own.
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(printed):
                lines: list[str] = []
                yield lambda: lines
        finally:
            for fd, old in kept:
                os.dup2(old, fd)
                os.close(old)
            file.seek(0)
            lines += (file.read().decode(errors="replace") + printed.getvalue()).splitlines()


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """No more than `SECONDS`, `MEMORY`, and this one process."""
    def stop(*_):
        raise Hang

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    old = {number: signal.signal(number, stop) for number in (signal.SIGPROF, signal.SIGALRM)}
    try:
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + int(MEMORY), hard))
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE * SECONDS)
        with joblib.parallel_config(backend="sequential"):
            yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        for number, handler in old.items():
            signal.signal(number, handler)


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """The files and folders below a folder, with size and time."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            status = os.lstat(os.path.join(parent, name))
            told = (0, 0) if name in folders else (status.st_size, status.st_mtime_ns)
            found[os.path.relpath(os.path.join(parent, name), folder)] = told
    return found


def _check_files(before: dict, after: dict, error: BaseException | None) -> None:
    new = sorted(after.keys() - before.keys())
    scratch = [name for name in new if any(part.startswith(".") for part in Path(name).parts)]
    if scratch or (error is not None and new):
        raise Broken(f"left behind: {(scratch or new)[:5]}, beside {error!r}"[:500], "left behind")
    changed = [name for name in before if after.get(name) != before[name]]
    if changed:
        raise Broken(f"changed what it was given: {changed[:5]}", "changed")
