r"""The workflow on a real Slurm, with one training cancelled, one node drained and another lost while it runs.

    python tests/cluster/run.py [--scale demo] [--config NAME=VALUE ...] [--record FILE] [TARGET ...]

Installs Slurm where it is missing (Debian, as root), starts three nodes on this machine, runs a copy of the project
through `profiles/slurm`, and writes what happened to the record. The exit code is 0 if the report was finished and the
two trainings that were stopped went on from their checkpoints. A training at the tests' own scale, `smoke`, is over
before anything can be done to it; the record of the book is made at scale `demo`, with a checkpoint every three
seconds:

    python tests/cluster/run.py --scale demo --config checkpoint_minutes=0.05 --record tests/cluster/record.txt
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from slurm import Cluster, install

ROOT = Path(__file__).parents[2]
GPUS = {"n1": 1, "n2": 1, "n3": 0}
SMALL = ["--set-threads", "prepare=2", "baseline=2", "--slurm-status-command", "squeue", "--latency-wait", "10",
         "--slurm-init-seconds-before-status-checks", "5", "--slurm-keep-successful-logs"]
"""What differs from the profile: nodes of two processors, no accounting, and nobody who wants to wait."""
MIDWAY = 20
"""Iterations that a training has behind it before anything is done to it."""
RULES = ("train", "train_seed", "train_joined")


@dataclass
class Job:
    """A job as `squeue` showed it last."""

    number: str
    name: str
    state: str
    node: str
    restarts: int = 0

    @property
    def training(self) -> bool:
        return self.name.split()[0] in RULES

    def files(self, run: Path) -> tuple[Path, Path]:
        """Of a training: the folder of its checkpoints, and its notebook."""
        rule, _, of = self.name.partition(" ")
        seed, _, code = of.rpartition("_")
        below, code, page = {"train": ("", code, code), "train_seed": (f"seeds/{seed}", code, f"{code}-seed{seed}"),
                             "train_joined": ("joined", "V4", "joined")}[rule]
        return run / below / ".training" / code, run / "notebooks" / f"{page}.ipynb"


def copy_project(path: Path, scale: str) -> None:
    """Every file that git knows or would add, with the tests' scale among the others, and one further seed."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.splitlines()
    for name in filter(lambda name: (ROOT / name).is_file(), listed):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, path / name)
    if scale == "smoke":
        shutil.copy(ROOT / "tests" / "smoke.yaml", path / "params" / "scales" / "smoke.yaml")
        (path / "params" / "seeds.yaml").write_text("V4: [1]\n")


@dataclass
class Watch:
    """What the queue holds, and what changed there, line by line."""

    cluster: Cluster
    log: Callable[[str], None]
    jobs: dict[str, Job] = field(default_factory=dict)

    def look(self) -> None:
        listed = self.cluster.run("squeue", "--states=all", "--noheader", "--sort=i",
                                  "--Format=JobID:|,Comment:|,State:|,NodeList:|,RestartCnt:|")
        for line in listed.splitlines():
            number, comment, state, node, restarts, *_ = (part.strip() for part in line.split("|"))
            name = re.sub("^rule_", "", comment).replace("_wildcards_", " ")
            job = Job(number, name, state, node, int(restarts or 0))
            if job != self.jobs.get(number):
                self.jobs[number] = job
                again = f", start {job.restarts + 1}" if job.restarts else ""
                self.log(f"job {number:>3}  {name:<24} {state.lower()}{f' on {node}' if node else ''}{again}")

    def running(self) -> list[Job]:
        """The trainings that run now."""
        return [j for j in self.jobs.values() if j.training and j.state == "RUNNING"]


class Interruptions:
    """What is done to the cluster: a training cancelled, a node drained, a node lost, and both nodes brought back.

    Of each training that is hit, `hit` keeps the job and the iteration of its last checkpoint before that.
    """

    def __init__(self, watch: Watch, run: Path):
        self.watch, self.run = watch, run
        self.hit: dict[str, tuple[Job, int]] = {}
        self.steps = self._steps()

    def go_on(self) -> None:
        """Does the next thing, should its moment have come."""
        next(self.steps, None)

    def _steps(self) -> Iterator[None]:
        job = yield from self._hit("cancelled")
        self._do("cancels", job, lambda: self.watch.cluster.run("scancel", job.number))

        job = yield from self._hit("drained")
        node = job.node
        self._do(f"drains node {node} below", job, lambda: self.watch.cluster.run(
            "scontrol", "update", f"nodename={node}", "state=drain", "reason=maintenance"))
        while self.watch.jobs[job.number].state in ("RUNNING", "COMPLETING"):
            yield
        for _ in range(20):
            if others := [j.number for j in self.watch.running() if j.node == node]:
                raise RuntimeError(f"jobs {others} run on {node}, which was drained")
            yield
        self.watch.log(f"--> node {node} comes back")
        self.watch.cluster.run("scontrol", "update", f"nodename={node}", "state=resume")

        job = yield from self._hit("lost")
        node = job.node
        self._do(f"loses node {node} below", job, lambda: self.watch.cluster.lose(node))
        while self.watch.jobs[job.number].restarts == 0:
            yield
        self.watch.log(f"--> node {node} comes back")
        self.watch.cluster.bring_back(node)

    def _hit(self, what: str) -> Iterator[None]:
        """The next training with a checkpoint to go on from, another one each time."""
        while True:
            known = {job.name for job, _ in self.hit.values()}
            for job in self.watch.running():
                if job.name not in known and (reached := self._iteration(job)) >= MIDWAY:
                    self.hit[what] = job, reached
                    return job
            yield

    def _iteration(self, job: Job) -> int:
        """The iteration of a training's last checkpoint; 0 where there is none."""
        folder, _ = job.files(self.run)
        return max((int(path.name.split("-")[1]) for path in folder.glob("*.safetensors")), default=0)

    def _do(self, what: str, job: Job, deed: Callable[[], object]) -> None:
        reached = self._iteration(job)
        self.watch.log(f"--> the test {what} job {job.number}, {job.name}, at iteration {reached} or later")
        deed()


class Record:
    """Lines with the time since the start, printed and kept."""

    def __init__(self):
        self.started, self.lines = time.monotonic(), []

    def __call__(self, line: str) -> None:
        seconds = int(time.monotonic() - self.started)
        self.lines.append(f"{seconds // 60:>3}:{seconds % 60:02}  {line}")
        print(self.lines[-1], flush=True)


def resumed(run: Path, job: Job) -> int:
    """The iteration after which a training went on, as its notebook says; 0 where it does not."""
    _, notebook = job.files(run)
    said = re.search(r"going on after iteration (\d+)", notebook.read_text()) if notebook.is_file() else None
    return int(said[1]) if said else 0


def outcome(run: Path, watch: Watch, hit: dict[str, tuple[Job, int]]) -> Iterator[tuple[bool, str]]:
    """What became of each interrupted training, and of the report, each with whether that is right."""
    for what in ("cancelled", "drained", "lost"):
        if what not in hit:
            yield False, f"no training ran long enough to be {what}"
            continue
        job, reached = hit[what]
        done = [j for j in watch.jobs.values() if j.name == job.name and j.state == "COMPLETED"]
        on = resumed(run, job)
        again = f"which went on after iteration {on}" if on else "without a break"
        right = len(done) == 1 and (on == 0 if what == "drained" else on >= reached)
        yield right, f"{job.name}, {what}: completed as job {', '.join(j.number for j in done) or 'none'}, {again}"


def hardware(run: Path) -> str:
    """What the run says that it ran on."""
    described = run / "environment.json"
    return json.loads(described.read_text())["Processor"] if described.is_file() else "no environment.json"


def versions(cluster: Cluster) -> str:
    """Of Slurm, and of what hands it the jobs."""
    names = ("snakemake", "snakemake-executor-plugin-slurm")
    return ", ".join([cluster.run("sinfo", "--version").strip(),
                      *(f"{name} {importlib.metadata.version(name)}" for name in names)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="files to make (default: the report)")
    parser.add_argument("--scale", default="smoke", help="smoke, the tests' own, or a file of params/scales")
    parser.add_argument("--config", nargs="+", default=[], metavar="NAME=VALUE", help="parameters for all systems")
    parser.add_argument("--record", type=Path, metavar="FILE", help="where to write what happened")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    install()
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        project, daemons = Path(folder, "project"), Path(folder, "slurm")
        daemons.mkdir()
        Path(folder).chmod(0o755)
        copy_project(project, options.scale)
        with Cluster(daemons, GPUS) as cluster:
            return observe(cluster, project, options)


def observe(cluster: Cluster, project: Path, options: argparse.Namespace) -> int:
    """Runs the workflow on the cluster, interrupts it, and writes the record; the exit code."""
    record = Record()
    command = ["snakemake", "--profile", "profiles/slurm", "--config", f"scale={options.scale}", *options.config,
               "--set-resources", *(f"{rule}:gpu=1" for rule in RULES), *SMALL, *options.targets]
    record("$ " + re.sub(r" (?=--)", " \\\n" + 9 * " ", " ".join(command)))
    watch = Watch(cluster, record)
    run = project / "results" / options.scale
    interruptions = Interruptions(watch, run)
    with (project / "snakemake.log").open("w") as output:
        workflow = subprocess.Popen(command, cwd=project, env=environment(cluster, project), stdout=output,
                                    stderr=subprocess.STDOUT)
        try:
            while workflow.poll() is None:
                watch.look()
                interruptions.go_on()
                time.sleep(0.5)
        finally:
            workflow.kill()
            workflow.wait()
    watch.look()
    found = [*outcome(run, watch, interruptions.hit),
             (workflow.returncode == 0, f"snakemake ended with code {workflow.returncode}"),
             *((path.is_file(), f"{path.relative_to(project)} is {'there' if path.is_file() else 'missing'}")
               for path in [project / name for name in options.targets or ["_build/html/index.html"]])]
    for right, line in found:
        record(("" if right else "WRONG: ") + line)
    wrong = not all(right for right, _ in found)
    if wrong:
        show_logs(project)
    if options.record:
        head = [f"{datetime.date.today()}, {hardware(run)}", versions(cluster)]
        options.record.write_text("\n".join([*head, *record.lines]) + "\n")
    return int(wrong)


def environment(cluster: Cluster, project: Path) -> dict[str, str]:
    """The cluster's, with this Python's commands and the copy's library."""
    scripts = Path(sys.executable).parent
    return {**cluster.environment, "PATH": f"{scripts}{os.pathsep}{cluster.environment['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(project), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "HF_HUB_OFFLINE": "1"}


def show_logs(project: Path) -> None:
    """Prints the ends of snakemake's log and of the last two jobs'."""
    logs = sorted(project.glob(".snakemake/slurm_logs/**/*.log"), key=lambda path: path.stat().st_mtime)
    for path in [project / "snakemake.log", *logs[-2:]]:
        print(f"--- {path.name}\n{path.read_text()[-3000:]}")


if __name__ == "__main__":
    sys.exit(main())
