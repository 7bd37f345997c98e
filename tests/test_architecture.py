"""The rooms of the library: no import runs upwards, and what is trained again is what a training is made of."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "burst2vec"
LINT = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Checks the library in folder `root` against the contract in the `pyproject.toml` beside it."""
    return subprocess.run(LINT, cwd=root, capture_output=True, text=True, env={"PYTHONPATH": str(root)})


def test_no_import_runs_upwards():
    checked = lint(ROOT)
    assert checked.returncode == 0, checked.stdout


@pytest.fixture
def copy(tmp_path):
    """A copy of the library and its contract that a test may spoil."""
    shutil.copytree(LIBRARY, tmp_path / "burst2vec", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("low, high", [("messages", "config"), ("audio/store", "report.tables")])
def test_an_import_that_runs_upwards_is_found(low, high, copy):
    with (copy / f"burst2vec/{low}.py").open("a") as module:
        module.write(f"\nimport burst2vec.{high}\n")
    checked = lint(copy)
    assert checked.returncode == 1
    assert f"burst2vec.{low.replace('/', '.')} -> burst2vec.{high}" in checked.stdout


def test_a_room_without_a_place_in_the_order_is_found(copy):
    (copy / "burst2vec/attic").mkdir()
    (copy / "burst2vec/attic/__init__.py").touch()
    checked = lint(copy)
    assert checked.returncode == 1
    assert "burst2vec.attic" in checked.stdout


@pytest.mark.parametrize("package", sorted(LIBRARY.glob("*/**/__init__.py")), ids=lambda path: path.parent.name)
def test_a_room_says_what_it_is_for_and_does_nothing_when_it_is_imported(package):
    [statement] = ast.parse(package.read_text(encoding="utf-8")).body
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    assert isinstance(statement.value.value, str)


# What a training is made of -------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def closures() -> dict[str, set[str]]:
    """The modules that the Snakefile calls AUDIO, TRAINING and BASELINE, each with all that they import."""
    graph = grimp.build_graph("burst2vec", exclude_type_checking_imports=True, cache_dir=None)
    named = re.findall(r'^(AUDIO|TRAINING|BASELINE) = modules\((.*)\)$', (ROOT / "Snakefile").read_text(), re.MULTILINE)
    roots = {name: ast.literal_eval(f"({modules},)") for name, modules in named}
    return {name: {upstream for module in modules for upstream in {module} | graph.find_upstream_modules(module)}
            for name, modules in roots.items()}


def executed(code: str, *arguments: str) -> set[str]:
    """Runs code in a fresh interpreter, and returns the modules of the library that were imported by its end."""
    code += "\nimport sys\nprint('imported:', *(name for name in sys.modules if name.split('.')[0] == 'burst2vec'))"
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


TRAIN = """
import json, sys
from burst2vec.audio.store import open_store
from burst2vec.config import Params
from burst2vec.corpora.opening import read_corpus
from burst2vec.training.trainer import train

corpus = read_corpus(sys.argv[1])
train(corpus, open_store(corpus, "provided", sys.argv[2]), Params(**json.loads(sys.argv[3])))
"""


def test_whatever_a_training_executes_is_trained_again_when_it_changes(closures, tiny_corpus, tiny_params, tmp_path):
    root = tiny_corpus.root
    modules = executed(TRAIN, str(root), str(tmp_path), tiny_params().to_json())
    rooms = {".".join(path.relative_to(ROOT).parts[:-1]) for path in LIBRARY.glob("*/**/__init__.py")}  # docstrings
    assert "burst2vec.models.losses" in modules
    assert modules - rooms <= closures["AUDIO"] | closures["TRAINING"]


def test_the_processes_that_train_together_are_part_of_a_training(closures):
    assert {"burst2vec.training.worker", "burst2vec.training.launch"} <= closures["TRAINING"]


def test_the_baseline_is_trained_again_when_its_network_or_its_features_change(closures):
    room = {f"burst2vec.baseline.{path.stem}" for path in (LIBRARY / "baseline").glob("*.py")}
    assert room - {"burst2vec.baseline.__init__"} <= closures["BASELINE"]


def test_nothing_is_trained_again_when_only_the_showing_of_results_changes(closures):
    rooms = {module.split(".")[1] for module in closures["AUDIO"] | closures["TRAINING"] if "." in module}
    assert rooms.isdisjoint({"baseline", "results", "systems", "audit", "report", "cli"})


# The tests ------------------------------------------------------------------------------------------------------

def test_the_tests_mirror_the_rooms():
    rooms = {package.parent.name for package in LIBRARY.glob("*/__init__.py")}
    tests = [test.relative_to(ROOT / "tests") for room in rooms for test in (ROOT / "tests" / room).rglob("test_*.py")]
    tested = [LIBRARY / test.with_name(test.name.removeprefix("test_")) for test in tests]
    assert len(tested) > len(rooms)
    assert [str(module.relative_to(ROOT)) for module in tested if not module.is_file()] == []
