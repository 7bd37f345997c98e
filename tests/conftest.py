"""Fixtures: a tiny corpus in ExVo's layout, whose bursts are tones of one pitch for each country."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before the hub's client is imported: tests reach no network
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is: on models this small, threads wait for each other

import joblib
import numpy as np
import pandas as pd
import pytest
import soundfile

from burst2vec.audio.store import open_store
from burst2vec.config import Params
from burst2vec.corpora.opening import read_corpus
from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS

# A shell has its background jobs ignore Ctrl-C, and all that they start: tests that send it would wait in vain.
signal.signal(signal.SIGINT, signal.default_int_handler)


SHARED = ("tests/test_book.py", "tests/test_workflow.py")
"""The files whose tests share the workspace, which takes minutes to make."""


def pytest_collection_modifyitems(items):
    """Begins with what takes longest, so that no process is left alone with it."""
    items.sort(key=lambda item: not item.nodeid.startswith(SHARED))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keeps the tests of a file in one process, where pytest-xdist has several, and those of the workspace too."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return "workspace" if nodeid.startswith(SHARED) else super()._split_scope(nodeid)

    return Scheduling(config, log)


PITCHES = (200, 500, 1200, 3000)
"""In Hz, by ExVo's country code."""


@pytest.fixture(scope="session", autouse=True)
def one_process():
    """Decodes recordings in this process: workers of their own would each take a second to start."""
    with joblib.parallel_config(backend="threading"):
        yield


def _labels() -> pd.DataFrame:
    counts = {"Train": 16, "Val": 8, "Test": 4}
    rng = np.random.default_rng(0)
    n = sum(counts.values())
    country = np.arange(n) % 4
    emotions = rng.random((n, 10)).round(3)
    table = pd.DataFrame({
        "File_ID": [f"[{i:05d}]" for i in range(n)], "Split": np.repeat(list(counts), list(counts.values())),
        "Subject_ID": [f"Speaker_{i}" for i in range(n)], "Country": country,
        "Country_string": [COUNTRIES[c] for c in country], "Age": rng.uniform(20, 39, n).round(2),
    })
    table[list(EMOTIONS)] = emotions / emotions.max(axis=1, keepdims=True)
    return table


@pytest.fixture
def labels() -> pd.DataFrame:
    """ExVo's `data_info.csv` for 16 training, 8 validation and 4 test bursts, with every label."""
    return _labels()


@pytest.fixture(scope="session")
def write_exvo():
    """A function that writes labels, and tones for them, as a corpus in ExVo's layout, and returns its folder."""
    def write(root, labels, *, audio=True, withheld=True, encoding="utf-8"):
        root.mkdir(parents=True, exist_ok=True)
        test = labels["Split"] == "Test"
        blank = labels.astype(object).mask(test.to_numpy()[:, None] & ~labels.columns.isin(["File_ID", "Split"]))
        blank.to_csv(root / "data_info.csv", index=False, encoding=encoding)
        if withheld:
            labels[test].to_csv(root / "test_labels.csv", index=False)
        if audio:
            for row in labels.itertuples():
                _write_tones(root, row.File_ID.strip("[]"), PITCHES[row.Country], row.Index)
        return root
    return write


def _write_tones(root, file, pitch, number):
    """The burst `provided` at 16 kHz, and `raw` at 24 kHz in stereo and softer; 0.1 to 0.4 s long."""
    rng = np.random.default_rng(number)
    duration = rng.uniform(0.1, 0.4)
    for folder, rate, level, channels in (("wav", 16_000, 0.5, 1), ("raw", 24_000, 0.05, 2)):
        time = np.arange(int(duration * rate)) / rate
        tone = level * (np.sin(2 * np.pi * pitch * time) + 0.05 * rng.normal(size=len(time)))
        (root / folder).mkdir(exist_ok=True)
        soundfile.write(root / folder / f"{file}.wav", np.stack([tone] * channels, 1), rate)


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory, write_exvo):
    """The tiny corpus as read from disk: tasks emotion, age and country. Not to be changed."""
    return read_corpus(write_exvo(tmp_path_factory.mktemp("corpora") / "tones", _labels()))


@pytest.fixture(scope="session")
def tiny_store(tiny_corpus, tmp_path_factory):
    """The waveforms of the tiny corpus's provided audio."""
    return open_store(tiny_corpus, "provided", tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def tiny_params():
    """A function that returns parameters of a training of seconds, with the changes asked for."""
    def params(**changes):
        return Params(**{
            "backbone": "facebook/hubert-base-ls960", "backbone_size": "tiny", "precision": "float32",
            "device": "cpu", "width": 16, "hidden": 8, "batch_size": 8, "learning_rate": 1e-3,
            "max_epochs": 1, "epoch": "each_task", "validate_every": 2, **changes,
        })
    return params


@pytest.fixture(scope="session")
def make_model(tiny_corpus, tiny_params):
    """A function that returns a small untrained model in evaluation mode, with the parameters that are asked for."""
    def make_model(seed=0, **changes):
        import torch

        from burst2vec.models.burst2vec import build

        torch.manual_seed(seed)
        return build(tiny_params(**changes), tiny_corpus.tasks).eval()
    return make_model


class Workspace:
    """A copy of the project in which the whole workflow has run at smoke scale."""

    def __init__(self, path):
        self.path = path
        scripts = Path(sys.executable).parent
        self.environment = {**os.environ, "PYTHONPATH": str(path), "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}

    def run(self, *command):
        """Runs a command in the copy; CalledProcessError, with what it printed, where it fails."""
        return subprocess.run(command, cwd=self.path, env=self.environment, check=True, capture_output=True, text=True)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory):
    """A `Workspace`: every file that git knows or would add, and what `make report` makes of them at smoke scale."""
    root = Path(__file__).parents[1]
    path = tmp_path_factory.mktemp("workspace") / "project"
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True,
                            capture_output=True, text=True).stdout.splitlines()
    for name in listed:
        if (root / name).is_file():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, path / name)
    shutil.copy(root / "tests" / "smoke.yaml", path / "params" / "scales" / "smoke.yaml")
    (path / "params" / "seeds.yaml").write_text("V4: [1]\n")  # one further training is enough to see that it is made
    made = Workspace(path)
    try:
        made.run("snakemake", "--cores", "2", "--config", "scale=smoke")
    except subprocess.CalledProcessError as failure:
        pytest.fail(f"the workflow failed:\n{failure.stdout[-2000:]}\n{failure.stderr[-6000:]}")
    return made


@pytest.fixture(scope="session")
def built_book(workspace):
    """The book's HTML folder, built at smoke scale."""
    return workspace.path / "_build" / "html"
