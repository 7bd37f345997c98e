"""A training that is to be killed: it does what notebook 04 does, and keeps a note of what it is doing.

The note is in a file of a few bytes, which outlives the process. Nothing heavy is imported before the training begins,
so that loading it is a stage as well.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LOADING, STEP, WRITING = "loading", "a step", "a checkpoint's writing"
READING, ENCODING, VALIDATING = "a checkpoint's reading", "encoding the bursts", "a validation"
OUTCOME, OTHER = "the outcome's writing", "between two of these"
PRELOADED = ("tests.faults.trainee", "burst2vec.cli", "burst2vec.training.trainer", "burst2vec.systems.card",
             "burst2vec.systems.saved", "burst2vec.models.tiny")
"""The modules that a process loads before trainings are forked from it."""

STAGES = (LOADING, READING, ENCODING, STEP, WRITING, VALIDATING, OUTCOME, OTHER)
"""All stages that a note can name."""


@dataclass(frozen=True)
class Note:
    """The stage of a training, the last iteration that it has learnt from, and the one after which it began.

    Both iterations are -1 before the first step.
    """

    stage: str
    iteration: int
    began: int

    def write(self, file: int) -> None:
        """Writes the note over the last one, in a single call."""
        os.pwrite(file, f"{self.iteration:10d}{self.began:10d}{self.stage:40}".encode(), 0)


def read_note(path: Path) -> Note:
    """The last note in a file; where there is none, the training was still loading."""
    text = path.read_text() if path.is_file() else ""
    return Note(text[20:].strip(), int(text[:10]), int(text[10:20])) if len(text) == 60 else Note(LOADING, -1, -1)


class Notes:
    """Keeps the note of a training in the file `path` up to date."""

    def __init__(self, path: Path):
        self.file, self.now = os.open(path, os.O_RDWR | os.O_CREAT), Note(LOADING, -1, -1)
        self.now.write(self.file)

    @contextlib.contextmanager
    def at(self, stage: str) -> Iterator[None]:
        """Notes this stage during the block, and the stage before afterwards."""
        before = self.now.stage
        self.set(stage)
        try:
            yield
        finally:
            self.set(before)

    def set(self, stage: str, iteration: int | None = None) -> None:
        """Notes a stage and, where it is given, an iteration that has been learnt from."""
        now = self.now
        began = now.began if iteration is None or now.began >= 0 else iteration - 1
        self.now = Note(stage, now.iteration if iteration is None else iteration, began)
        self.now.write(self.file)

    def watch(self, owner: object, name: str, stage: str) -> None:
        """Notes this stage during every call of an owner's function."""
        function = getattr(owner, name)

        @functools.wraps(function)
        def watched(*args, **kwargs):
            with self.at(stage):
                found = function(*args, **kwargs)
            if stage == STEP:
                self.set(OTHER, args[0].iteration)
            return found

        setattr(owner, name, watched)


def train(params: str, note: str) -> None:
    """Trains with parameters in JSON, or resumes where an earlier process was stopped, and writes the result."""
    notes = Notes(Path(note))
    from burst2vec.audio.store import open_store
    from burst2vec.config import Params
    from burst2vec.corpora.opening import open_corpus
    from burst2vec.models.inference import predict
    from burst2vec.systems.folders import write_system
    from burst2vec.training import checkpoints, source, step, trainer

    notes.watch(step.Learner, "step", STEP)
    notes.watch(trainer._Training, "_validate", VALIDATING)
    notes.watch(source, "encode_once", ENCODING)
    notes.watch(checkpoints.Checkpoints, "write", WRITING)
    notes.watch(checkpoints.Checkpoints, "read", READING)
    settings = Params(**json.loads(params))
    corpus = open_corpus(settings)
    store = open_store(corpus, settings.audio, settings.path(settings.cache))
    notes.set(OTHER)
    trained = trainer.train(corpus, store, settings, checkpoints.checkpoints_beside(settings.folder))
    with notes.at(OUTCOME):
        predictions = predict(trained.model, corpus, store)
        write_system(settings.folder, settings, predictions, trained, corpus)


def as_command(params: str, note: str, log: str, mishap: str = "{}") -> None:
    """Does `train` as a command of `burst2vec` would: it prints to the file `log`, and its exit code says how it ended.

    A `mishap` in JSON is staged; see `stage`. No file may have more than `limit` bytes.
    """
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
    staged = json.loads(mishap)
    if staged.get("bound"):
        give_up_privileges()
    if staged.get("limit"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (staged["limit"], staged["limit"]))

    def work() -> None:
        if "do" in staged:
            stage(staged["do"], staged["iteration"])
        train(params, note)

    from tqdm import tqdm

    from burst2vec.cli import reporting

    tqdm.set_lock(threading.RLock())  # tqdm's own is shared between processes, and stays locked when one is killed
    code = reporting(work)
    sys.stdout.flush(), sys.stderr.flush()
    os._exit(code)  # without the exit handlers of the process that this one may be forked from


def stage(what: str, iteration: int) -> None:
    """Makes something happen in the step of an iteration: a loss that is not finite (`nan`) or full memory (`memory`).

    For `slow`, that step and all later ones take two seconds more.
    """
    import torch

    from burst2vec.training import step

    differentiate = step.Learner._differentiate

    def watched(self, batch, parts):
        now = self.iteration + 1
        if what == "slow" and now >= iteration:
            time.sleep(2)
        if what == "memory" and now == iteration and parts == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        terms = differentiate(self, batch, parts)
        spoilt = what == "nan" and now == iteration
        return {name: term * float("nan") for name, term in terms.items()} if spoilt else terms

    step.Learner._differentiate = watched


def give_up_privileges() -> None:
    """Makes even root obey the permissions of files from here on, as everybody else does."""
    if os.geteuid() == 0:
        drop, override, search = 24, 1, 2  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        system = ctypes.CDLL(None, use_errno=True)
        header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        system.capget(header, data)
        for set_of in (0, 1, 2):  # effective, permitted, inheritable, of the first 32 capabilities
            data[set_of] &= ~(1 << override | 1 << search)
        for capability in (override, search):
            system.prctl(drop, capability, 0, 0, 0)
        if system.capset(header, data):
            raise OSError(ctypes.get_errno(), "capset")
