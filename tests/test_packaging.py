"""The files that say what is needed agree with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import setuptools
import yaml

ROOT = Path(__file__).parents[1]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements() -> set[str]:
    return {*project()["dependencies"], *(r for extra in project()["optional-dependencies"].values() for r in extra)}


def test_environment_yml_asks_for_what_pyproject_asks_for():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert f"python{project()['requires-python']}" in conda
    assert set(conda[-1]["pip"]) == requirements()


def test_the_lock_pins_every_requirement_within_its_bounds():
    from packaging.requirements import Requirement

    locked = dict(line.lower().split("==") for line in (ROOT / "requirements.lock").read_text().splitlines()
                  if "==" in line)
    locked = {re.sub(r"[-_.]+", "-", name): version for name, version in locked.items()}
    for requirement in map(Requirement, requirements()):
        assert requirement.specifier.contains(locked[requirement.name.lower()]), requirement


def test_every_package_of_the_library_is_installed():
    find = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    folders = {str(path.parent.relative_to(ROOT)).replace("/", ".") for path in ROOT.glob("burst2vec/**/*.py")}
    assert set(setuptools.find_packages(str(ROOT), **find)) == folders
