"""Checkpoints of a training, from which it resumes: written whole or not at all, and checked when read.

A checkpoint is one file of safetensors. Its name has its number, the iteration and the checksum of its content, so that
a damaged file is recognised. What is not a tensor is in the metadata of the file, as JSON.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from tqdm.auto import tqdm

from burst2vec.machine.files import checksum, sync

NAME = re.compile(r"\d{6}-\d+-[0-9a-f]{32}\.safetensors")
"""The name of a checkpoint's file: its number, the iteration and its checksum."""

UNFINISHED = (".writing-*", ".tmp*")
"""Glob patterns of unfinished checkpoint files: ours, then safetensors' temporary ones."""

KEPT = 2
"""The number of checkpoints that are kept: the last one, and the one before it in case the last is damaged."""


class ResumptionError(RuntimeError):
    """A training that cannot begin or resume in its folder; the message names the folder and what would help."""


@dataclass(frozen=True)
class Ways:
    """What a user can do about checkpoints that are in the way, in the words of the command that trains.

    `elsewhere` leaves them where they are, `anew` gives them up.
    """

    elsewhere: str = "name another run: -p run NAME"
    anew: str = "set restart: true (-p restart true)"


@dataclass(frozen=True)
class Checkpoint:
    """A training at one moment: its `tensors` by name, and the rest of its `state`, ready for JSON."""

    tensors: Mapping[str, torch.Tensor]
    state: Mapping[str, Any]


def prefixed(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors by their names behind a prefix and a dot."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def unprefixed(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors whose names have the prefix, by the rest of their names."""
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """What an optimiser keeps of each weight, by the weight's number and the term's name, such as `3.exp_avg`."""
    return {f"{number}.{term}": value for number, kept in optimiser.state_dict()["state"].items()
            for term, value in kept.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Gives an optimiser back what `optimiser_tensors` found in it."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        number, _, term = name.partition(".")
        state.setdefault(int(number), {})[term] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


class Checkpoints:
    """The checkpoints of one training, in a folder of its own.

    `identity` has, by name, all that the training's numbers depend on. A training does not resume from a checkpoint of
    another identity. Writing and clearing are for use within `locked`. Messages name the `ways` out.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], ways: Ways = Ways()):  # noqa: B008 (it is frozen)
        self.folder, self.ways = folder, ways
        self.identity = json.loads(json.dumps(identity))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from training in the folder during the block.

        Raises ResumptionError where another process trains there already, or where the folder cannot be written or
        locked.
        """
        with self._open_lock() as lock:  # the system releases the lock when this process ends, however it ends
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise ResumptionError(f"{self.folder}: another process is training this system "
                                      f"({lock.read().strip()}); wait for it, or {self.ways.elsewhere}") from None
            except OSError as error:
                raise ResumptionError(f"{self.folder}: its file system gives no locks ({error.strerror}); name another "
                                      "with the parameter `results`") from None
            self._clear_unfinished()  # what a killed process has left
            lock.truncate(0)
            lock.write(f"process {os.getpid()} on {os.uname().nodename}")
            lock.flush()
            yield

    def read(self, restart: bool = False) -> Checkpoint | None:
        """The latest checkpoint that is not damaged, or None where there is no checkpoint.

        Damaged ones are named on standard output. Where all are damaged, or the checkpoints are of another identity,
        raises ResumptionError, unless `restart` is true: then they are deleted, the result is None, and a line says so.
        Raises ResumptionError where a file cannot be read at present.
        """
        found = self._files()
        for path in found:
            checkpoint, damage = _read(path)
            if checkpoint is None:
                tqdm.write(f"{path}: {damage}; it is left out")
                continue
            differences = self._differences(checkpoint.state["identity"])
            if not differences:
                return checkpoint
            if not restart:
                what = "has finished but is not yet written" if checkpoint.state["finished"] else "was interrupted"
                raise ResumptionError(f"{self.folder}: the training that {what} there is another one: "
                                      f"{differences}. Go on with what it began with, {self.ways.elsewhere}, or give "
                                      f"it up and begin anew: {self.ways.anew}")
            tqdm.write(f"{self.folder}: training anew; the one there is another: {differences}")
            break
        else:
            if found and not restart:
                raise ResumptionError(f"{self.folder}: every checkpoint in it is damaged; to train from the beginning, "
                                      f"{self.ways.anew}, or delete the folder")
        self.clear()
        return None

    def write(self, iteration: int, checkpoint: Checkpoint) -> None:
        """Writes a checkpoint, and deletes all but the last `KEPT`.

        Raises ResumptionError where it cannot be written.
        """
        state = {"identity": self.identity, **checkpoint.state}
        tensors = {name: tensor.detach().contiguous() for name, tensor in checkpoint.tensors.items()}
        number = 1 + max((int(path.name.partition("-")[0]) for path in self._files()), default=0)
        aside = self.folder / f".writing-{os.getpid()}"
        try:
            with _writing_to(self.folder):
                safetensors.torch.save_file(tensors, aside, metadata={"state": json.dumps(state)})
                sync(aside)
                os.replace(aside, self.folder / f"{number:06d}-{iteration}-{_checksum(aside)}.safetensors")
                sync(self.folder)
        finally:
            aside.unlink(missing_ok=True)
        for old in self._files()[KEPT:]:
            old.unlink(missing_ok=True)

    def clear(self) -> None:
        """Deletes every checkpoint, and the unfinished files of killed processes."""
        for path in self._files():
            path.unlink(missing_ok=True)
        self._clear_unfinished()

    def _open_lock(self) -> TextIO:
        with _writing_to(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            return open(self.folder / "lock", "a+")

    def _clear_unfinished(self) -> None:
        for pattern in UNFINISHED:
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        """The files of the checkpoints, the latest first."""
        return sorted((p for p in self.folder.glob("*.safetensors") if NAME.fullmatch(p.name)), reverse=True)

    def _differences(self, identity: Mapping[str, Any]) -> str:
        return "; ".join(f"{name} was {identity.get(name)!r} and is {self.identity.get(name)!r}"
                         for name in {**identity, **self.identity} if identity.get(name) != self.identity.get(name))


def checkpoints_beside(folder: Path) -> Path:
    """The folder of the checkpoints of a training whose result is to be written to `folder`."""
    return folder.parent / ".training" / folder.name


def discard(folder: Path) -> None:
    """Deletes the folder of a training's checkpoints, once its result is written elsewhere.

    A folder in which another process trains, or in which an unfinished training can resume, is kept.
    """
    if not folder.is_dir():
        return
    checkpoints = Checkpoints(folder, {})
    with contextlib.suppress(ResumptionError), checkpoints.locked():
        if (latest := next(iter(checkpoints._files()), None)) and not _finished(latest):
            return
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # other trainings have folders beside it
        folder.parent.rmdir()


def _finished(path: Path) -> bool:
    checkpoint, _ = _read(path)
    return checkpoint is None or checkpoint.state["finished"]


def _read(path: Path) -> tuple[Checkpoint | None, str]:
    """The checkpoint in a file, or None and what is wrong with the file."""
    try:
        if _checksum(path) != path.stem.rpartition("-")[2]:
            return None, "damaged, since its checksum is not the one that its name tells"
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            return Checkpoint(tensors, json.loads(file.metadata()["state"])), ""
    except OSError as error:
        raise ResumptionError(f"{path}: cannot be read now ({error.strerror}); nothing was changed. Start the same run "
                              "again when it can be") from None
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        return None, f"not readable ({type(error).__name__}: {error})"


def _checksum(path: Path) -> str:
    return checksum(path)[:32]


@contextlib.contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except (SafetensorError, OSError) as error:
        safetensors_own = r"^Error while serializing: (I/O error: )?| at path .*"
        why = getattr(error, "strerror", None) or re.sub(safetensors_own, "", str(error))
        raise ResumptionError(f"{folder}: no checkpoint can be written there ({why}); what is there is kept. Once "
                              "there is room and permission to write, start the same run again: it goes on from there"
                              ) from None
