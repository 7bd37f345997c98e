"""A real Slurm on this machine alone: several nodes, each a `slurmd` with a name and a port of its own.

Needs Debian's `slurm-wlm` and `munge`, and root. Everything lies in one folder, and nothing is left running.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil

PACKAGES = ("slurm-wlm", "munge")

# Without accounting, as small clusters are. Each node claims what the whole machine has, or more.
CONFIGURATION = """\
ClusterName=one-machine
SlurmctldHost={host}
SlurmctldPort=17000
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
GresTypes=gpu
KillWait=30
SlurmdTimeout=15
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def install() -> None:
    """Installs what is missing of Slurm. Raises RuntimeError where only root could."""
    if all(shutil.which(tool) for tool in ("slurmctld", "slurmd", "munged")):
        return
    if os.geteuid():
        raise RuntimeError(f"Slurm is missing; as root: apt-get install {' '.join(PACKAGES)}")
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    subprocess.run(["apt-get", "install", "-y", "-qq", *PACKAGES], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


class Cluster:
    """A cluster while a `with` block runs. `gpus` says how many each node has, as `{"n1": 1, "n2": 0}`; they are not
    real ones, but Slurm hands them out as if they were."""

    def __init__(self, folder: Path, gpus: dict[str, int], cpus: int = 2, memory: int = 16_000):
        self.folder, self.gpus, self.cpus, self.memory = folder, gpus, cpus, memory
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"),
                            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        self.daemons: dict[str, subprocess.Popen] = {}

    def run(self, *command: str) -> str:
        """What a command of Slurm prints; CalledProcessError where it fails."""
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout

    def __enter__(self) -> Cluster:
        self._configure()
        try:
            self._start("munged", "munged", "--foreground", f"--key-file={self.folder}/munge.key", "--force",
                        *(f"--{name}={self.folder}/munge.{ending}" for name, ending in (
                            ("socket", "socket"), ("pid-file", "pid"), ("log-file", "log"), ("seed-file", "seed"))))
            self._until(lambda: (self.folder / "munge.socket").exists(), "munged has no socket")
            self._start("slurmctld", "slurmctld", "-D")
            for node in self.gpus:
                self.bring_back(node)
            self._until(self._all_idle, "not all nodes became idle")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        """Kills what runs on the nodes and then all daemons, come what may."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for node in self.gpus:
            self.lose(node)
        for daemon in self.daemons.values():
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def lose(self, node: str) -> None:
        """Ends a node as a power cut would: its daemon, and with it everything that runs there, in no good order."""
        if (daemon := self.daemons.pop(node, None)) is not None:
            daemon.kill()
            daemon.wait()
        here = [process for process in psutil.process_iter() if _environment(process).get("SLURMD_NODENAME") == node]
        for process in (*_keepers(here), *here):  # the keepers first, lest they report the others' end
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def bring_back(self, node: str) -> None:
        """Starts a lost node again."""
        self._start(node, "slurmd", "-D", "-N", node)

    def _configure(self) -> None:
        self.folder.chmod(0o755)  # munged refuses a folder that others may write to, and its clients must reach it
        for name in ("bin", "state", *(f"spool-{node}" for node in self.gpus)):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        host = socket.gethostname()
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={host} Port={17001 + number} CPUs={self.cpus} RealMemory={self.memory} "
            + f"Gres=gpu:{count}" * (count > 0) for number, (node, count) in enumerate(self.gpus.items()))
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(host=host, folder=self.folder, nodes=nodes))
        # Within a job, the executor's plugin hands srun none of Slurm's variables: it would look for /etc/slurm.
        srun = self.folder / "bin" / "srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)
        (self.folder / "gres.conf").write_text("".join(
            f"NodeName={node} Name=gpu File=/dev/null\n" for node, count in self.gpus.items() if count))

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / "daemons.log").open("a") as log:
            self.daemons[name] = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log,
                                                  start_new_session=True)

    def _all_idle(self) -> bool:
        found = subprocess.run(["sinfo", "--noheader", "--Node", "--format=%T"], env=self.environment,
                               capture_output=True, text=True)
        return found.stdout.split() == ["idle"] * len(self.gpus)

    def _until(self, condition, otherwise: str) -> None:
        for _ in range(300):
            if condition():
                return
            if dead := [daemon for daemon in self.daemons.values() if daemon.poll() is not None]:
                otherwise = f"{dead[0].args[0]} ended with code {dead[0].returncode}"
                break
            time.sleep(0.1)
        raise RuntimeError(f"{otherwise}:\n" + (self.folder / "daemons.log").read_text()[-2000:])


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


def _keepers(processes: list[psutil.Process]) -> set[psutil.Process]:
    """The daemons of Slurm's job steps that these processes run in."""
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found |= {above for above in process.parents() if above.name() == "slurmstepd"}
    return found
