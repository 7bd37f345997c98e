"""The engine that papermill knows: our Python, whatever kernels there are, and no idle warnings of parameters."""

from __future__ import annotations

import importlib
import json
import logging
import subprocess
import sys

import nbformat
import pytest

from burst2vec.config import Params
from tests.support.notebooks import notebook
from tests.support.processes import Started


def test_only_papermills_warning_of_a_parameter_that_there_is_is_left_out(caplog):
    importlib.import_module("burst2vec.running.engine")
    told = ["Passed unknown parameter: widht", "Passed unknown parameter: width, too",
            "Input notebook does not contain a cell with tag 'parameters'"]
    with caplog.at_level(logging.WARNING, "papermill"):
        for message in (*(f"Passed unknown parameter: {name}" for name in Params.names()), *told):
            logging.getLogger("papermill").warning("%s", message)
    assert caplog.messages == told


@pytest.fixture
def foreign_kernel(tmp_path, monkeypatch):
    """A kernel named `python3` that is another interpreter, installed where it is found first."""
    folder = tmp_path / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    argv = [sys.executable, "-c", f"open({str(tmp_path / 'foreign')!r}, 'w')", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Foreign", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))


@pytest.mark.parametrize("command", [("burst2vec", "run"), ("papermill", "--engine", "burst2vec", "-k", "python3"),
                                     ("papermill", "--engine", "burst2vec")])
def test_a_notebook_runs_in_the_python_that_started_it_whatever_kernels_there_are(tmp_path, foreign_kernel, command):
    source = notebook(tmp_path / "in.ipynb", "import sys; print(sys.executable)")
    code, printed, _ = Started(*command, source, "out.ipynb", folder=tmp_path).end()
    assert code == 0, printed
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    assert cells[-1].outputs[0].text == f"{sys.executable}\n" and not (tmp_path / "foreign").exists()


@pytest.mark.parametrize("command", [("burst2vec", "run"), ("papermill", "--engine", "burst2vec", "-k", "python3"),
                                     ("papermill", "-k", "python3")])
def test_only_a_parameter_that_there_is_not_is_called_unknown(tmp_path, command):
    source = notebook(tmp_path / "in.ipynb", "print(width)")
    code, printed, _ = Started(*command, source, "out.ipynb", "-p", "width", "16", folder=tmp_path).end()
    assert code == 0 and "unknown parameter" not in "\n".join(printed)
    assert command[0] == "papermill" or not printed  # a run of ours says nothing at all where nothing is wrong
    code, printed, _ = Started(*command, source, "out.ipynb", "-p", "widht", "16", folder=tmp_path).end()
    assert code == 1 and [line for line in printed if "unknown parameter" in line]


@pytest.mark.parametrize("module", ["engine", "client", "notebooks", "workflow"])
def test_every_module_can_be_imported_first(module):
    subprocess.run([sys.executable, "-c", f"import burst2vec.running.{module}; import papermill.engines as e\n"
                    "assert e.papermill_engines.get_engine('burst2vec').__module__ == 'burst2vec.running.engine'"],
                   check=True)
