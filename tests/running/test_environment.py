"""What a run ran on is told in words that a reader needs no key to."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform

import pytest
import torch

from burst2vec.running import environment
from burst2vec.running.environment import PACKAGES, describe_environment


def test_the_environment_is_described_in_flat_strings(tmp_path):
    described = describe_environment(tmp_path)
    assert all(isinstance(v, str) and v for v in described.values())
    assert {"Date", "Processor", "GPU", "torch"} <= described.keys()


def test_the_time_of_all_trainings_is_told(tmp_path):
    for code, seconds in (("V1", 90), ("V2", 33.0)):
        (tmp_path / code).mkdir()
        (tmp_path / code / "summary.json").write_text(json.dumps({"seconds": seconds, "iterations": 7}))
    (tmp_path / "A").mkdir()  # an ensemble, which is not trained
    assert describe_environment(tmp_path)["Training"] == "2.0 min for 2 systems, one after the other"


def test_the_versions_and_the_date_are_those_of_now(tmp_path):
    described = describe_environment(tmp_path)
    assert {name: described[name] for name in PACKAGES} == {n: importlib.metadata.version(n) for n in PACKAGES}
    assert described["Python"] == platform.python_version()
    assert datetime.date.fromisoformat(described["Date"]) - datetime.date.today() in map(datetime.timedelta, (0, -1))


@pytest.mark.parametrize(("names", "told"), [([], "none"), (["Loom"], "Loom"), (["Loom", "Mule"], "Loom, Mule")])
def test_every_gpu_is_named(tmp_path, monkeypatch, names, told):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(names))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda i: names[i])
    assert describe_environment(tmp_path)["GPU"] == told


@pytest.mark.parametrize(("cpuinfo", "told"), [
    ("processor\t: 0\nmodel name\t: Abacus 9000 @ 2 Hz\nprocessor\t: 1\nmodel name\t: Abacus 9000 @ 2 Hz\n",
     "Abacus 9000 @ 2 Hz"),
    ("processor\t: 0\nBogoMIPS\t: 50.00\n", "aarch64"), (None, "aarch64")])
def test_the_processor_is_named_as_the_system_does_or_else_by_its_kind(tmp_path, monkeypatch, cpuinfo, told):
    if cpuinfo is not None:
        (tmp_path / "cpuinfo").write_text(cpuinfo)
    monkeypatch.setattr(environment, "Path", lambda _: tmp_path / "cpuinfo")
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert describe_environment(tmp_path / "run")["Processor"] == f"{told}, 2 cores"
