"""Where faults are staged: a tiny corpus, trainings in processes of their own, and one that was left undisturbed."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults import chaos, trainee

PATIENCE = 120.0
"""Seconds after which a process that should have come to something counts as hanging."""


@dataclass(frozen=True)
class Seen:
    """What came of a process: its exit code (-9 for SIGKILL), and the lines it printed, without progress bars."""

    code: int
    lines: tuple[str, ...]

    @property
    def last(self) -> str:
        """The last line; a dash where there is none."""
        return self.lines[-1] if self.lines else "–"

    def line(self, part: str) -> str:
        """The first line with these words in it; the last one where none has them."""
        return next((line for line in self.lines if part in line), self.last)


class Scene:
    """A folder with a corpus of 14 tones and the trainings on it; `fresh` processes, or ones forked from one that has
    loaded all. Its `params` (a `config.Params`) ask for 18 steps with a checkpoint after each."""

    def __init__(self, folder: Path, fresh: bool = True):
        from burst2vec.config import Params
        from tests.faults import subjects

        self.folder = folder
        self.corpus = subjects.exvo(folder / "tones")
        for kind in ("wav", "raw"):  # copies, which may go away
            (self.corpus / kind).unlink()
            subjects.copied(subjects.recordings(), self.corpus / kind)
        self.params = Params(
            corpus=[str(self.corpus)], cache=str(folder / "cache"), results=str(folder / "results"), variant="V4",
            backbone="facebook/hubert-base-ls960", backbone_size="tiny", device="cpu", precision="float32", width=16,
            hidden=8, batch_size=4, learning_rate=1e-3, max_epochs=3, validate_every=4, checkpoint_minutes=0.0)
        self._context = multiprocessing.get_context("spawn" if fresh else "forkserver")
        if not fresh:
            self._context.set_forkserver_preload(list(trainee.PRELOADED))

    @functools.cached_property
    def undisturbed(self) -> Path:
        """The system's folder of a training that was left alone."""
        training = self.start("undisturbed")
        seen = training.ended()
        if seen.code:
            raise RuntimeError(f"the training that was left alone ended with {seen.code}: {seen.lines}")
        return self.of("undisturbed").folder

    def of(self, run: str, **changes):
        """The parameters of a run."""
        return dataclasses.replace(self.params, **{"run": run, **changes})

    def checkpoints(self, run: str) -> list[Path]:
        """The checkpoints of a run, the latest first."""
        from burst2vec.training.checkpoints import checkpoints_beside

        return sorted(checkpoints_beside(self.of(run).folder).glob("*.safetensors"), reverse=True)

    def start(self, run: str, mishap: dict | None = None, **changes) -> Training:
        """A training that has begun."""
        return Training(self._context, self.of(run, **changes).to_json(), self.folder / f"{run}-{time.monotonic_ns()}",
                        json.dumps(mishap or {}))

    def killed_at(self, run: str, iteration: int) -> None:
        """Leaves a run behind that was killed after an iteration."""
        training = self.start(run, {"do": "slow", "iteration": iteration + 1})
        training.reaches(iteration)
        training.send(signal.SIGKILL)

    def lost(self, run: str) -> str:
        """What a run has lost when it is started again and comes to its end, against the undisturbed one."""
        training = self.start(run)
        seen = training.ended()
        if seen.code:
            return f"all: it does not go on ({seen.last})"
        return self.against_undisturbed(run, training)

    def against_undisturbed(self, run: str, training: Training) -> str:
        """What a run has lost that came to its end in that training."""
        unlike = chaos.differing(self.of(run).folder, self.undisturbed)
        began = trainee.read_note(training.note).began
        how = "it was trained already" if began < 0 else f"went on after step {began}"
        return f"{', '.join(unlike)} differ" if unlike else f"nothing ({how})"


class Training:
    """A training in a process of its own."""

    def __init__(self, context, params: str, note: Path, mishap: str):
        self.note, self.log = note, Path(f"{note}.log")
        self.process = context.Process(target=trainee.as_command, args=(params, str(note), str(self.log), mishap))
        self.process.start()

    def reaches(self, iteration: int) -> None:
        """Returns when it has learnt from that iteration."""
        waited(lambda: trainee.read_note(self.note).iteration >= iteration, self.process.is_alive, self.log)

    def comes_to(self, stage: str) -> None:
        """Returns when it is in that stage."""
        waited(lambda: trainee.read_note(self.note).stage == stage, self.process.is_alive, self.log)

    def send(self, number: signal.Signals) -> Seen:
        """What came of it after a signal."""
        os.kill(self.process.pid, number)
        return self.ended()

    def ended(self) -> Seen:
        """What came of it when it has ended by itself."""
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            raise RuntimeError(f"a training hangs: {printed(self.log)[-5:]}")
        return Seen(self.process.exitcode, printed(self.log))


class Command:
    """A command of `burst2vec` in a process of its own, in a folder without parameter files of the project."""

    def __init__(self, folder: Path, *arguments: str, environment: dict[str, str] | None = None):
        self.log = folder / f"command-{time.monotonic_ns()}.log"
        root = Path(__file__).parents[2]
        self.environment = {**os.environ, "PYTHONPATH": str(root), "HF_HUB_OFFLINE": "1", **(environment or {})}
        code = "import sys; from burst2vec.cli import main; sys.exit(main())"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=root, stdout=log, stderr=log,
                                            env=self.environment)

    def child(self, words: str) -> int:
        """The process number of its first descendant whose command has these words; it is waited for."""
        found: list[int] = []

        def look() -> bool:
            found[:] = [pid for pid in descendants(self.process.pid) if words in command_of(pid)]
            return bool(found)

        waited(look, lambda: self.process.poll() is None, self.log)
        return found[0]

    def ended(self) -> Seen:
        """What came of it when it has ended."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise RuntimeError(f"a command hangs: {printed(self.log)[-5:]}") from None
        return Seen(self.process.returncode, printed(self.log))


def waited(come: Callable[[], bool], alive: Callable[[], bool], log: Path) -> None:
    """Returns when something has come. Raises RuntimeError where it does not."""
    end = time.monotonic() + PATIENCE
    while not come():
        if not alive() or time.monotonic() > end:
            raise RuntimeError(f"a process did not come so far: {printed(log)[-5:]}")
        time.sleep(0.001)


def printed(log: Path) -> tuple[str, ...]:
    """The lines of a log, without progress bars."""
    text = log.read_text(errors="replace") if log.is_file() else ""
    lines = [line.replace("\x1b[A", "").strip() for line in text.replace("\r", "\n").split("\n")]
    return tuple(line for line in lines if line and "it/s" not in line and not line.endswith("s]"))


def descendants(pid: int) -> list[int]:
    """The process numbers of a process's children, and theirs (on Linux)."""
    found: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, tasks.read_text().split()):
                found += [child, *descendants(child)]
    return found


def command_of(pid: int) -> str:
    """The command line of a process; empty where it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[int], None] | None]:
    """Yields a function that sets how many bytes are free at `folder`, a file system of its own.

    It yields None where only root may have one.
    """
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder]
    mounted = not subprocess.run(command, capture_output=True).returncode

    def resize(free: int) -> None:
        told = os.statvfs(folder)
        size = (told.f_blocks - told.f_bfree) * told.f_frsize + free
        subprocess.run(["mount", "-o", f"remount,size={size // 1024}k", folder], check=True)

    try:
        yield resize if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", folder], check=True)
