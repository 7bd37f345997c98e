"""Several processes, one for each GPU, that compute each batch together and come to what one process comes to.

Every process holds the whole model and embeds its share of a batch. The embeddings are then brought together, and every
process computes the losses of the whole batch: a concordance over 32 bursts is not the mean of two over 16. What the
losses ask of its own share each process carries back through its backbone, and those gradients are added up.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

from burst2vec.interruption import Interrupted, die_with_parent, interruptible

OUTCOME = "BURST2VEC_OUTCOME"
"""The environment's name for the file in which the first process to fail says why."""


class Team:
    """This process among those that torchrun has started for one training."""

    def __init__(self, device: torch.device):
        from accelerate import PartialState

        self._state = PartialState(cpu=device.type == "cpu")
        self.rank, self.size = self._state.process_index, self._state.num_processes
        self.device = self._state.device
        self._counts: Sequence[int] = ()

    def bring_together(self, own: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
        """The rows of all processes, (sum of counts, features), of which `own` has this process's and `counts` the
        number of each. No gradient flows through it."""
        from accelerate.utils import gather

        self._counts, most = counts, max(counts)
        padded = torch.nn.functional.pad(own, (0, 0, 0, most - len(own)))
        return torch.cat([rows[:n] for rows, n in zip(gather(padded).split(most), counts, strict=True)])

    def own_of(self, rows: torch.Tensor) -> torch.Tensor:
        """This process's own among rows in the order that `bring_together` gave them last."""
        return rows.split(list(self._counts))[self.rank]

    def add_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Replaces the parameters' gradients by their sums over all processes."""
        self._flatly(torch.distributed.all_reduce, parameters)

    def agree(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Replaces the parameters' gradients by the first process's, from which unlike devices' differ in rounding."""
        self._flatly(functools.partial(torch.distributed.broadcast, src=0), parameters)

    @staticmethod
    def _flatly(collect: Callable[[torch.Tensor], object], parameters: Sequence[torch.nn.Parameter]) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = _flatten_dense_tensors(gradients)
        collect(flat)
        for gradient, found in zip(gradients, _unflatten_dense_tensors(flat, gradients), strict=True):
            gradient.copy_(found)

    def share(self, rows: np.ndarray) -> np.ndarray:
        """This process's share of some rows."""
        return rows[self.rank::self.size]

    def join_shares(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What all processes found for their shares of some rows, each (rows, ...), in the order of these."""
        from accelerate.utils import gather_object

        shares = gather_object([found])
        total = sum(len(next(iter(share.values()))) for share in shares)
        joined = {name: np.empty((total, *array.shape[1:]), array.dtype) for name, array in found.items()}
        for name, (rank, share) in itertools.product(found, enumerate(shares)):
            joined[name][rank::self.size] = share[name]
        return joined

    def of_the_first(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the first process found; all must have found something."""
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([found])[0]

    def any(self, flag: bool) -> bool:
        """Whether any process says so. All must ask."""
        said = torch.tensor(float(flag), device=self.device)
        torch.distributed.all_reduce(said, torch.distributed.ReduceOp.MAX)
        return bool(said)

    def wait(self) -> None:
        """Returns when all processes have come here."""
        self._state.wait_for_everyone()


def launched() -> bool:
    """Whether this process is one of several that torchrun has started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def launch(params, folder: Path) -> None:
    """Trains as `params` say in `params.processes` processes, whose checkpoints, the finished one too, go to `folder`.

    Each reads the corpus itself. They end with this process, however that ends. Raises RuntimeError with the traceback of
    the process that failed, and Interrupted.
    """
    with tempfile.TemporaryDirectory() as scratch:
        task, outcome = Path(scratch) / "task.json", Path(scratch) / "outcome.json"
        task.write_text(json.dumps({"params": params.to_json(), "folder": str(folder.resolve())}))
        rank = die_with_parent([sys.executable, "-u", "-m", "burst2vec.distributed", task], parent=0)
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
                   str(params.processes), "--no-python", *rank]
        threads = max(1, (os.cpu_count() or 1) // params.processes)
        # By itself torchrun gives its processes 30 seconds to end, too few for the checkpoint of a large model.
        environment = {"OMP_NUM_THREADS": str(threads), "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "120", **os.environ,
                       OUTCOME: str(outcome)}
        # A session of their own: Ctrl-C in a terminal would reach each of them besides what is passed on here.
        with interruptible() as request:
            torchrun = subprocess.Popen(die_with_parent(command), env=environment, start_new_session=True)
            asked = False
            try:
                while torchrun.poll() is None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        torchrun.wait(0.2)
                    if request.wanted and not asked:
                        torchrun.send_signal(request.wanted)
                        asked = True
            finally:  # a second Ctrl-C
                torchrun.kill()  # its processes end with it
                torchrun.wait()
        if torchrun.returncode:
            _raise(outcome, torchrun.returncode, request.wanted)


def _raise(outcome: Path, code: int, asked: signal.Signals | None) -> None:
    """Raises what ended the processes; `asked` is the signal by which they were asked to end, if they were."""
    told = json.loads(outcome.read_text()) if outcome.is_file() else None
    if told and told["signal"]:
        raise Interrupted(told["message"], signal.Signals(told["signal"]))
    if asked and (told is None or told["left_alone"]):
        raise Interrupted("training stopped before its processes had all begun; start the same run again", asked)
    if told is None or told["left_alone"]:
        raise RuntimeError(f"the processes that trained together ended with exit code {code}: one of them without a word; "
                           "the system may have killed it for its memory. Start the same run again: it goes on")
    raise RuntimeError(f"process {told['rank']} of those that trained together failed: {told['message']}\n"
                       f"{told['traceback']}")


def _tell(error: BaseException) -> None:
    """Writes why this process failed, unless another did before it."""
    told = {"rank": int(os.environ["RANK"]), "message": f"{type(error).__name__}: {error}", "signal": None,
            "traceback": traceback.format_exc(), "left_alone": _left_alone(error)}
    if isinstance(error, KeyboardInterrupt):
        told |= {"message": str(error) or "training stopped before its first step",
                 "signal": getattr(error, "by", signal.SIGINT)}
    with contextlib.suppress(FileExistsError), open(os.environ[OUTCOME], "x") as file:
        json.dump(told, file)


def _left_alone(error: BaseException) -> bool:
    """Whether an error says no more than that another process is gone."""
    return isinstance(error, RuntimeError) and any(said in str(error) for said in (
        "Connection closed by peer", "Connection reset by peer", "Broken pipe", "ncclRemoteError"))


def _main(task: Path) -> None:
    """One of the processes."""
    if os.environ["RANK"] != "0":
        os.environ["TQDM_DISABLE"] = "1"
    try:
        from burst2vec.config import Params
        from burst2vec.corpus import open_corpus
        from burst2vec.store import open_store
        from burst2vec.training import train

        told = json.loads(task.read_text())
        params = Params(**json.loads(told["params"]))
        corpus = open_corpus(params)
        train(corpus, open_store(corpus, params.audio, params.path(params.cache)), params, Path(told["folder"]))
    except BaseException as error:
        _tell(error)
        raise
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
