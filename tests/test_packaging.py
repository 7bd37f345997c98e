"""The files that say what is needed agree with each other."""

from __future__ import annotations

import contextlib
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import setuptools
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements() -> set[str]:
    return {*project()["dependencies"], *(r for extra in project()["optional-dependencies"].values() for r in extra)}


def test_environment_yml_asks_for_what_pyproject_asks_for():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert f"python{project()['requires-python']}" in conda
    assert set(conda[-1]["pip"]) == requirements()


def locked() -> dict[str, str]:
    """Returns the version of each package that the lock names, by the package's canonical name."""
    pins = [line.split("==") for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line]
    return {canonicalize_name(name): version for name, version in pins}


def test_the_lock_pins_every_requirement_within_its_bounds():
    for requirement in map(Requirement, requirements()):
        assert requirement.specifier.contains(locked()[canonicalize_name(requirement.name)]), requirement


def test_the_lock_pins_whatever_the_requirements_require_in_turn():
    pinned, waiting, seen = locked(), [Requirement(text) for text in requirements()], set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name.startswith(("nvidia-", "cuda-", "triton")) or (name, *sorted(requirement.extras)) in seen:
            continue  # what a build of torch for GPUs requires, each its own
        seen.add((name, *sorted(requirement.extras)))
        assert name in pinned, f"{requirement} is required and not in requirements.lock"
        for needed in map(Requirement, distribution(name).requires or []):
            if any(needed.marker is None or needed.marker.evaluate({"extra": extra})
                   for extra in (requirement.extras or {""})):
                waiting.append(needed)


def test_whatever_the_lock_pins_is_there_for_the_oldest_python_that_the_project_asks_for():
    oldest = project()["requires-python"].removeprefix(">=") + ".0"
    for name in locked():
        with contextlib.suppress(PackageNotFoundError):  # a package for another system
            needed = distribution(name).metadata["Requires-Python"] or ""
            assert SpecifierSet(needed).contains(oldest), f"{name} wants Python {needed}"


def setuptools_options() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_package_of_the_library_is_installed():
    find = setuptools_options()["packages"]["find"]
    assert find.pop("namespaces") is False  # or each folder of weights would be a package, too
    folders = {str(path.parent.relative_to(ROOT)).replace("/", ".") for path in ROOT.glob("burst2vec/**/*.py")}
    assert set(setuptools.find_packages(str(ROOT), **find)) == folders


def test_every_file_of_the_weights_is_installed(tmp_path, monkeypatch):
    wanted = {f"weights/{name}/{file}" for name in ("emogator", "hubert-layer-norm")
              for file in ("config.json", "model.safetensors", "README.md")}
    for name in wanted | {"__init__.py", "notes.txt"}:
        (tmp_path / "burst2vec" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "burst2vec" / name).touch()
    monkeypatch.chdir(tmp_path)
    build = setuptools.Distribution({"packages": ["burst2vec"], "package_data": setuptools_options()["package-data"]})
    command = build.get_command_obj("build_py")
    command.ensure_finalized()
    assert {name for *_, files in command.data_files for name in files} == wanted


def test_no_weights_are_kept_out_of_git():
    """What git ignores is neither in a clone nor in what is published."""
    said = subprocess.run(["git", "check-ignore", "burst2vec/weights/emogator/model.safetensors"], cwd=ROOT)
    assert said.returncode == 1
