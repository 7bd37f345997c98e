"""The faults of the table: each is staged, and gives what the user saw and what was lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults import trainee
from tests.faults.scene import Command, Scene, Seen, small_disk

STOP = 6
"""The iteration in which, or after which, things happen."""


PLENTY = 2 ** 26
"""Bytes that a disk has when there is room again."""


@dataclass(frozen=True)
class Outcome:
    """What a fault led to: the line that the user saw, the exit code, and what was lost."""

    saw: str
    code: int
    lost: str


@dataclass(frozen=True)
class Fault:
    """Something that can happen. `quick` ones are about trainings alone, and need no process but theirs. Only of a
    `bearable` one nothing is lost."""

    name: str
    stage: Callable[[Scene], Outcome]
    quick: bool
    bearable: bool


FAULTS: dict[str, Fault] = {}


def fault(name: str, quick: bool = True, bearable: bool = True) -> Callable:
    """Makes a function of a scene a fault."""
    def register(stage: Callable[[Scene], Outcome]) -> Callable:
        FAULTS[name] = Fault(name, stage, quick, bearable)
        return stage
    return register


def outcome(seen: Seen, lost: str, words: str = "burst2vec: ") -> Outcome:
    """An outcome whose line is the one with these words in it."""
    return Outcome(seen.line(words), seen.code, lost)


# The machine.

@fault("the disk is full when a checkpoint is written")
def full_disk(scene: Scene) -> Outcome:
    folder = scene.of("full").run_folder
    with small_disk(folder) as resize:
        scene.killed_at("full", STOP)
        sizes = [path.stat().st_size for path in scene.checkpoints("full")]
        room = sizes[0] // 2
        if resize:
            resize(room)
        seen = scene.start("full", None if resize else {"limit": room}).ended()
        if resize:
            resize(PLENTY)
        return outcome(seen, scene.lost("full"))


@fault("the disk is full when the outcome is written")
def full_disk_in_the_end(scene: Scene) -> Outcome:
    folder = scene.of("full in the end").run_folder
    with small_disk(folder) as resize:
        if not resize:
            return Outcome("not staged: only root may have a small disk", 0, "–")
        training = scene.start("full in the end")
        training.comes_to(trainee.OUTCOME)
        resize(2 ** 14)
        seen = training.ended()
        resize(PLENTY)
        return outcome(seen, scene.lost("full in the end"))


@fault("the folder of results is read-only")
def read_only(scene: Scene) -> Outcome:
    scene.killed_at("read-only", STOP)
    folder = scene.checkpoints("read-only")[0].parent
    folder.chmod(0o555)
    seen = scene.start("read-only", {"bound": True}).ended()
    folder.chmod(0o755)
    return outcome(seen, scene.lost("read-only"))


@fault("memory is full in a step")
def no_memory(scene: Scene) -> Outcome:
    seen = scene.start("memory", {"do": "memory", "iteration": STOP}).ended()
    return outcome(seen, scene.lost("memory"))


@fault("memory is full in a step, with out_of_memory: split")
def no_memory_but_split(scene: Scene) -> Outcome:
    seen = scene.start("split", {"do": "memory", "iteration": STOP}, out_of_memory="split").ended()
    folders = (scene.of("split").folder, scene.undisturbed)
    last, wanted = (json.loads((folder / "summary.json").read_text())["iterations"] for folder in folders)
    whole = "nothing (went on in the same step)" if last == wanted else f"all after step {last}"
    return outcome(seen, whole, "out of memory")


# What is asked to end.

def stopped_by(number: signal.Signals) -> Callable[[Scene], Outcome]:
    """A training that is sent a signal in its midst."""
    def stage(scene: Scene) -> Outcome:
        training = scene.start(number.name, {"do": "slow", "iteration": STOP + 1})
        training.reaches(STOP)
        seen = training.send(number)
        if not seen.code:
            raise RuntimeError(f"{number.name} did not stop a training")
        return outcome(seen, scene.lost(number.name))
    return stage


fault("Ctrl-C (SIGINT) in the midst of training")(stopped_by(signal.SIGINT))
fault("SIGTERM in the midst of training")(stopped_by(signal.SIGTERM))
fault("SIGKILL in the midst of training")(stopped_by(signal.SIGKILL))


@fault("a worker that prepares recordings is killed", quick=False)
def killed_worker(scene: Scene) -> Outcome:
    corpus, cache = _many_bursts(scene.folder / "many"), scene.folder / "many-cache"
    options = ("prepare", "-p", "corpus", str(corpus), "-p", "cache", str(cache))
    workers = {"LOKY_MAX_CPU_COUNT": "2"}
    command = Command(scene.folder, *options, environment=workers)
    os.kill(command.child("LokyProcess"), signal.SIGKILL)
    seen = command.ended()
    left = [path.name for path in cache.iterdir()] if cache.is_dir() else []
    again = Command(scene.folder, *options, environment=workers).ended()
    lost = "nothing (made again)" if not again.code and not left else f"{again.last}; left behind: {left}"
    return outcome(seen, lost)


def _many_bursts(root: Path, number: int = 4_000) -> Path:
    """A corpus of so many bursts that preparing it takes a while: each is a link to one recording."""
    from tests.faults import subjects

    (root / "sounds").mkdir(parents=True)
    lines = ["path,who,part,years"]
    for burst in range(number):
        (root / "sounds" / f"{burst}.wav").symlink_to(subjects.recordings() / "00000.wav")
        lines.append(f"sounds/{burst}.wav,{burst},{('train', 'val')[burst % 2]},{20 + burst % 7}")
    (root / "bursts.csv").write_text("\n".join(lines))
    (root / "corpus.yaml").write_text("table: bursts.csv\nfile: path\nspeaker: who\nsplit: part\n"
                                      "tasks: {age: {kind: scalar, columns: [years], unit: years}}\n")
    return root


@fault("a recording is gone while recordings are prepared", quick=False)
def gone_in_preparation(scene: Scene) -> Outcome:
    corpus, cache = _many_bursts(scene.folder / "fewer"), scene.folder / "fewer-cache"
    options = ("prepare", "-p", "corpus", str(corpus), "-p", "cache", str(cache))
    command = Command(scene.folder, *options, environment={"LOKY_MAX_CPU_COUNT": "2"})
    command.child("LokyProcess")
    last = sorted((corpus / "sounds").iterdir(), key=lambda path: int(path.stem))[-1]
    last.rename(scene.folder / "aside.wav")
    seen = command.ended()
    left = [path.name for path in cache.iterdir()] if cache.is_dir() else []
    (scene.folder / "aside.wav").rename(last)
    again = Command(scene.folder, *options).ended()
    return Outcome(seen.line("cannot be used").rstrip(":") + " " + seen.last, seen.code,
                   f"{again.last}; left behind: {left}" if again.code or left else "nothing (prepared anew)")


@fault("the kernel of the notebook is killed", quick=False)
def killed_kernel(scene: Scene) -> Outcome:
    notebook, output = scene.folder / "04.ipynb", scene.folder / "out.ipynb"
    _as_notebook(notebook)
    options = _options(scene, "kernel")
    command = Command(scene.folder, "run", str(notebook), str(output), *options)
    kernel = command.child("ipykernel")
    _wait_for_checkpoint(scene, "kernel", command)
    os.kill(kernel, signal.SIGKILL)
    seen = command.ended()
    written = "the notebook" if output.exists() else ""
    return outcome(seen, written or scene.lost("kernel"))


@fault("SIGTERM while a notebook runs", quick=False)
def stopped_notebook(scene: Scene) -> Outcome:
    notebook, output = scene.folder / "04.ipynb", scene.folder / "out.ipynb"
    _as_notebook(notebook)
    command = Command(scene.folder, "run", str(notebook), str(output), *_options(scene, "notebook"))
    kernel = command.child("ipykernel")
    _wait_for_checkpoint(scene, "notebook", command)
    command.process.terminate()
    seen = command.ended()
    left = "its kernel lives on; " if _lives(kernel) else ""
    return outcome(seen, left + scene.lost("notebook"))


def _lives(pid: int) -> bool:
    """Whether a process is still there a second later."""
    end = time.monotonic() + 1
    while time.monotonic() < end and Path(f"/proc/{pid}").exists():
        time.sleep(0.01)
    return Path(f"/proc/{pid}").exists()


def _as_notebook(path: Path) -> None:
    import jupytext

    source = Path(__file__).parents[2] / "notebooks" / "04_train_variant.py"
    if not path.exists():
        jupytext.write(jupytext.read(source), path, fmt="ipynb")


def _options(scene: Scene, run: str) -> list[str]:
    """The parameters of a run as options of the command line."""
    from burst2vec.config import Params

    params, usual = scene.of(run), Params()
    names = [name for name in Params.names() if getattr(params, name) != getattr(usual, name)]
    return [word for name in names for word in ("-p", name, _spelt(getattr(params, name)))] + ["-p", "scale", "''"]


def _spelt(value) -> str:
    return value[0] if isinstance(value, list) else str(value)


def _wait_for_checkpoint(scene: Scene, run: str, command: Command) -> None:
    from tests.faults.scene import waited

    waited(lambda: bool(scene.checkpoints(run)), lambda: command.process.poll() is None, command.log)


# What is wrong in the training.

@fault("a loss is no number")
def no_number(scene: Scene) -> Outcome:
    seen = scene.start("nan", {"do": "nan", "iteration": STOP}).ended()
    return outcome(seen, scene.lost("nan"))


@fault("a misspelt parameter", quick=False)
def misspelt(scene: Scene) -> Outcome:
    output = scene.folder / "misspelt.ipynb"
    run = Command(scene.folder, "run", "notebooks/04_train_variant.ipynb", str(output), "-p", "batchsize", "16")
    return outcome(run.ended(), "the notebook" if output.exists() else "nothing (nothing had begun)")


@fault("a training is started twice")
def twice(scene: Scene) -> Outcome:
    first = scene.start("twice", {"do": "slow", "iteration": STOP})
    first.reaches(STOP)
    seen = scene.start("twice").ended()
    if not seen.code:
        raise RuntimeError(f"the second training was not refused: {seen.lines}")
    first.send(signal.SIGTERM)
    return outcome(seen, scene.lost("twice"))


@fault("parameters have changed when a training is to go on")
def changed(scene: Scene) -> Outcome:
    scene.killed_at("changed", STOP)
    seen = scene.start("changed", learning_rate=2e-3).ended()
    return outcome(seen, scene.lost("changed"))


# What is damaged on disk.

def flip_a_bit(path: Path) -> None:
    """Damages a file in its middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@fault("the last checkpoint is damaged")
def damaged_checkpoint(scene: Scene) -> Outcome:
    scene.killed_at("damaged", STOP)
    flip_a_bit(scene.checkpoints("damaged")[0])
    training = scene.start("damaged")
    seen = training.ended()
    return outcome(seen, scene.against_undisturbed("damaged", training), "it is left out")


@fault("both checkpoints are damaged", bearable=False)
def damaged_checkpoints(scene: Scene) -> Outcome:
    scene.killed_at("all damaged", STOP)
    kept = {path: path.read_bytes() for path in scene.checkpoints("all damaged")}
    for path in kept:
        flip_a_bit(path)
    seen = scene.start("all damaged").ended()
    there = all(path.exists() for path in kept)
    return outcome(seen, f"the steps before (the checkpoints are {'still there' if there else 'gone'})")


@fault("the waveform store is damaged")
def damaged_store(scene: Scene) -> Outcome:
    scene.killed_at("store", STOP)
    store = next((scene.folder / "cache").glob("store-*"))
    flip_a_bit(store / "samples.i16")
    seen = scene.start("store").ended()
    shutil.rmtree(store)  # as the message says
    return outcome(seen, scene.lost("store"))


@fault("a recording is gone when a training is to go on")
def gone(scene: Scene) -> Outcome:
    scene.killed_at("gone", STOP)
    path = scene.corpus / "wav" / "00003.wav"
    path.rename(scene.folder / "aside.wav")
    seen = scene.start("gone").ended()
    (scene.folder / "aside.wav").rename(path)
    return outcome(seen, scene.lost("gone"))
