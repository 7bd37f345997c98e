"""Executing notebooks: what failed never looks finished."""

from __future__ import annotations

import threading

import nbformat
import pytest

from burst2vec.cli import main
from burst2vec.config import ParameterError
from burst2vec.running import notebooks
from tests.support.notebooks import notebook


def test_a_notebook_that_ran_to_its_end_is_written_with_its_parameters(tmp_path):
    source = notebook(tmp_path / "in.ipynb", "print(learning_rate * 2)")
    notebooks.execute(source, tmp_path / "out.ipynb", {"learning_rate": 0.25})
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    assert cells[-1].outputs[0].text == "0.5\n"


def test_a_notebook_that_failed_leaves_no_output_but_a_marked_copy(tmp_path, capsys):
    source = notebook(tmp_path / "in.ipynb", "1 / 0")
    (tmp_path / "out.ipynb").write_text("of an earlier run")
    assert main(["run", str(source), str(tmp_path / "new.ipynb")]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert not (tmp_path / "new.ipynb").exists()
    assert (tmp_path / "new.failed.ipynb").exists()


def test_parameters_are_checked_before_a_kernel_starts(tmp_path):
    with pytest.raises(ParameterError, match="did you mean learning_rate"):
        notebooks.execute(tmp_path / "never-read.ipynb", tmp_path / "out.ipynb", {"learing_rate": 1})


def test_paths_may_hold_blanks_and_braces(tmp_path):
    source = notebook(tmp_path / "in {scale} {0}.ipynb", "print(scale)")
    notebooks.execute(source, tmp_path / "my {results}" / "out {1}.ipynb", {"run": "mine"})
    assert (tmp_path / "my {results}" / "out {1}.ipynb").is_file()


def test_a_missing_notebook_says_how_to_make_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="make notebooks"):
        notebooks.execute(tmp_path / "none.ipynb", tmp_path / "out.ipynb", {})


def test_a_notebook_runs_in_another_thread_too(tmp_path):
    source = notebook(tmp_path / "in.ipynb", "print(1)")
    thread = threading.Thread(target=notebooks.execute, args=(source, tmp_path / "out.ipynb", {}))
    thread.start()
    thread.join()
    assert (tmp_path / "out.ipynb").exists()
