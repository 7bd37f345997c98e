"""Two processes that train together come to what one comes to, and end together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest
import torch

from burst2vec.audio.store import open_store
from burst2vec.config import Params
from burst2vec.corpora.opening import open_corpus
from burst2vec.machine.interruption import Interrupted
from burst2vec.training.team import Team
from burst2vec.training.trainer import train

COLLECTIVES = """
import os
os.environ["OMP_NUM_THREADS"] = "1"
import numpy as np, torch
from burst2vec.training.team import DistributedTeam

team = DistributedTeam(torch.device("cpu"))
rank, rows = team.rank, np.arange(5)
assert team.size == 2 and team.leads == (rank == 0)

own = torch.full((2 - rank, 3), rank + 1.0, requires_grad=True)
gathered = team.gather(own, [2, 1])
assert gathered.tolist() == [[1.0] * 3, [1.0] * 3, [2.0] * 3]
(gathered * torch.tensor([[1.0], [2.0], [3.0]])).sum().backward()
assert own.grad.tolist() == [[[1.0] * 3, [2.0] * 3], [[3.0] * 3]][rank]

def parameters():
    weights = [torch.nn.Parameter(torch.zeros(n)) for n in (1, 2, 3)]
    for number, weight in enumerate(weights[:2]):
        weight.grad = torch.full_like(weight, 10.0 * number + rank + 1)
    return weights

summed, copied = parameters(), parameters()
team.sum_gradients(summed)
team.broadcast_gradients(copied)
assert [w.grad.tolist() for w in summed[:2]] == [[3.0], [23.0, 23.0]] and summed[2].grad is None
assert [w.grad.tolist() for w in copied[:2]] == [[1.0], [11.0, 11.0]]

assert (team.gather_shares({"age": 10 * team.share(rows)})["age"] == 10 * rows).all()
assert team.broadcast({"age": np.array([rank])})["age"].tolist() == [0]
assert team.any(rank == 1) and not team.any(False) and team.agrees_to_stop(rank == 1, 7)
team.wait()
torch.distributed.destroy_process_group()
"""


@pytest.fixture
def prepare(tiny_corpus, tiny_params, tmp_path):
    """A function that gives corpus, store and parameters of a training of two validations."""
    def prepare(**changes):
        params: Params = tiny_params(corpus=[str(tiny_corpus.root)], cache=str(tmp_path / "cache"), validate_every=3,
                                     **changes)
        corpus = open_corpus(params)
        return corpus, open_store(corpus, params.audio, params.path(params.cache)), params
    return prepare


@pytest.fixture
def in_processes(tmp_path, monkeypatch):
    """A function that has Python code run at the start of each process that torchrun starts."""
    def inject(code):
        (tmp_path / "injected").mkdir()
        (tmp_path / "injected" / "sitecustomize.py").write_text("import os\nif 'RANK' in os.environ:\n    " + code)
        path = os.pathsep.join([str(tmp_path / "injected"), os.environ.get("PYTHONPATH", "")])
        monkeypatch.setenv("PYTHONPATH", path)
    return inject


def test_what_two_processes_exchange_arrives(tmp_path):
    (tmp_path / "collectives.py").write_text(COLLECTIVES)
    subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
                    tmp_path / "collectives.py"], check=True, capture_output=True)


def test_a_process_alone_has_everything_already():
    team, rows, gradient = Team(torch.device("cpu")), np.arange(5), torch.ones(2)
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = gradient.clone()
    team.sum_gradients([weight])
    team.broadcast_gradients([weight])
    assert torch.equal(weight.grad, gradient) and team.gather(gradient, [2]) is gradient
    assert team.share(rows) is rows and team.gather_shares({"age": rows})["age"] is rows
    assert team.leads and team.size == 1 and team.agrees_to_stop(True, 7) and not team.any(False)


def test_a_process_that_fails_ends_the_run_with_its_own_traceback(prepare, in_processes, tmp_path):
    in_processes("if os.environ['RANK'] == '1':\n"
                 "        import burst2vec.training.step\n"
                 "        burst2vec.training.step.Learner.step = lambda self, batch: batch.no_such_thing")
    before = set(psutil.Process().children(recursive=True))  # of other tests
    with pytest.raises(RuntimeError, match=r"(?s)process 1 of those that trained together failed: AttributeError: .*"
                                           r"no_such_thing.*Traceback.*in _learn"):
        train(*prepare(processes=2), tmp_path / "checkpoints")
    assert set(psutil.Process().children(recursive=True)) <= before


def test_a_process_that_is_killed_is_not_taken_for_the_other_ones_failure(prepare, in_processes, tmp_path):
    in_processes("import signal, burst2vec.training.step as l\n"
                 "    step = l.Learner.step\n"
                 "    l.Learner.step = lambda self, batch: (os.environ['RANK'] == '1' and self.iteration == 2\n"
                 "        and os.kill(os.getpid(), signal.SIGKILL), step(self, batch))[1]")
    with pytest.raises(RuntimeError, match="one of them without a word; the system may have killed it for its memory"):
        train(*prepare(processes=2, checkpoint_minutes=0), tmp_path / "checkpoints")
    assert [path.name.split("-")[1] for path in sorted((tmp_path / "checkpoints").glob("*.safetensors"))] == ["1", "2"]


def test_two_processes_end_together_at_a_signal_go_on_and_reproduce_one_that_computes_batches_in_two_parts(
        prepare, in_processes, tmp_path):
    folder = tmp_path / "checkpoints"
    in_processes("import time, burst2vec.training.step as l\n"
                 "    step = l.Learner.step\n"
                 "    l.Learner.step = lambda self, batch: (time.sleep(0.5), step(self, batch))[1]")
    over, before = threading.Event(), set(psutil.Process().children(recursive=True))
    threading.Thread(target=_interrupt, args=(folder, over), daemon=True).start()
    with pytest.raises(Interrupted, match="training stopped after iteration .*start the same run again"):
        train(*prepare(processes=2, checkpoint_minutes=0), folder)
    over.set()
    assert set(psutil.Process().children(recursive=True)) <= before
    together, alone = train(*prepare(processes=2, checkpoint_minutes=0), folder), train(*prepare(accumulate=2))
    assert together.history.drop(columns="value").equals(alone.history.drop(columns="value"))
    np.testing.assert_allclose(together.history["value"], alone.history["value"], atol=1e-5)
    for name, weight in alone.model.state_dict().items():
        torch.testing.assert_close(together.model.state_dict()[name], weight, atol=1e-5, rtol=1e-4, msg=name)


def _interrupt(folder, over):
    """Ctrl-C once a checkpoint is there, unless it is over before."""
    while not over.is_set():
        if list(folder.glob("*.safetensors")):
            return os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
