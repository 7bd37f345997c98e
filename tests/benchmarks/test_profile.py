"""What the workflow asks a Slurm cluster for, rule by rule, as dry runs of `profiles/slurm` tell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROFILE = ("--profile", "profiles/slurm")
TRAININGS = {"train", "train_seed", "train_joined"}
LOCAL = {"all", "notebook", "publish"}

pytest.importorskip("snakemake_executor_plugin_slurm")


def plan(*arguments) -> list[tuple[str, dict[str, str]]]:
    """Rule and description of every job from nothing to the book: what it reads, its threads, its resources."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--forceall", "--cores", "64", *arguments]
    planned = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                             check=True, capture_output=True, text=True).stdout
    jobs = []
    for rule, text in re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", planned, re.MULTILINE):
        said = dict(re.findall(r"^    (\w+): (.*)", text, re.MULTILINE))
        resources = dict(re.findall(r"(\w+)=([^,]+)", said["resources"]))
        jobs.append((rule, {"threads": "1", "input": ""} | said | resources))
    return jobs


def asked(jobs, name: str) -> dict[str, int]:
    """What each rule's jobs ask for of one thing, by rule; nothing where that is none. All jobs of a rule ask alike."""
    found = {(rule, int(said.get(name, 0))) for rule, said in jobs if said.get(name, "0") != "0"}
    assert len(dict(found)) == len(found)
    return dict(found)


@pytest.fixture(scope="module")
def paper():
    return plan(*PROFILE, "--config", "scale=paper")


@pytest.fixture(scope="module")
def demo():
    return plan(*PROFILE)


@pytest.fixture(scope="module")
def without():
    """The paper's scale on this machine, without a profile."""
    return plan("--config", "scale=paper")


def test_at_the_papers_scale_what_hears_with_a_large_model_asks_for_one_gpu_and_nothing_else_does(paper):
    assert asked(paper, "gpu") == dict.fromkeys(["train", "train_seed", "audit", "look", "environment"], 1)


def test_the_demo_asks_for_no_gpu_and_for_little_memory(demo):
    assert asked(demo, "gpu") == {}
    assert max(asked(demo, "mem_mb").values()) <= 8000


def test_every_job_asks_for_memory_and_time(paper, demo):
    for jobs in (paper, demo):
        rules = {rule for rule, _ in jobs} - LOCAL
        assert rules <= asked(jobs, "mem_mb").keys() & asked(jobs, "runtime").keys()


def test_a_training_has_a_day_and_a_page_four_hours(paper):
    hours = {rule: minutes / 60 for rule, minutes in asked(paper, "runtime").items()}
    assert hours["train"] == hours["train_seed"] == 24 and hours["train_joined"] == 1  # on embedded corpora
    assert hours["results"] == hours["book"] == 4


def test_no_job_of_a_cluster_takes_more_than_eight_processors(paper):
    threads = asked(paper, "threads")
    assert {rule: n for rule, n in threads.items() if n > 1} == {
        "prepare": 8, "baseline": 8, **dict.fromkeys(TRAININGS, 2)}


def test_on_one_machine_preparing_takes_all_processors_and_a_training_one(without):
    threads = asked(without, "threads")
    assert {rule for rule, n in threads.items() if n > 1} == {"prepare", "baseline"}
    assert threads["prepare"] == threads["baseline"] == 64


def test_on_one_machine_the_gpus_are_counted_too(without, paper):
    assert asked(without, "gpu") == asked(paper, "gpu")


def test_two_jobs_do_not_synthesise_the_embedded_corpus_at_once(demo):
    waits = {said["wildcards"]: "prepared/provided.json" in said["input"] for rule, said in demo if rule == "prepare"}
    assert waits == {"audio=own": True, "audio=provided": False}


def test_the_page_tells_what_is_asked_for(paper, demo):
    page = (ROOT / "book" / "cluster.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \| .*? \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", page, re.MULTILINE)
    told = {rule: cells for names, *cells in rows for rule in re.findall(r"`(\w+)`", names)}
    assert told.keys() == {rule for rule, _ in paper + demo} - LOCAL
    for scale, jobs in (("paper", paper), ("demo", demo)):
        for rule in told.keys() & {rule for rule, _ in jobs}:
            cells = told[rule]
            numbers = [re.search(rf"{scale} (\d+)|^(\d+)$|^none$", cell) for cell in cells]
            assert [float(n[1] or n[2] or 0) for n in numbers] == [
                asked(jobs, "gpu").get(rule, 0), asked(jobs, "mem_mb")[rule] / 1000, asked(jobs, "runtime")[rule] / 60,
                asked(jobs, "threads")[rule]], (scale, rule)


def test_a_job_that_fails_is_submitted_again():
    profile = yaml.safe_load((ROOT / "profiles" / "slurm" / "config.yaml").read_text())
    assert profile["retries"] > 0 and profile["slurm-requeue"] and profile["rerun-incomplete"]
