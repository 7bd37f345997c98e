"""Executing notebooks: what failed never looks finished."""

from __future__ import annotations

import threading

import nbformat
import pytest
from nbclient import NotebookClient

from burst2vec.cli import main
from burst2vec.config import JOB, ParameterError
from burst2vec.running import notebooks
from tests.support.notebooks import notebook
from tests.support.processes import Started


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


# By hand ----------------------------------------------------------------------------------------------------

WRITES = """\
from burst2vec.config import Params
params = Params.resolve(globals())
for name in ("old.csv", "new.csv"):
    place = params.output(name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("of this notebook")"""


@pytest.fixture
def run_folder(tmp_path):
    """The folder of a finished run that has left one file."""
    folder = tmp_path / "results" / "mine"
    folder.mkdir(parents=True)
    (folder / "old.csv").write_text("of the run")
    return folder


def found(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.csv")}


def test_a_notebook_that_is_run_by_hand_leaves_what_a_run_has_written(tmp_path, run_folder, monkeypatch):
    monkeypatch.delenv(JOB, raising=False)
    given = f"results, run = {str(tmp_path / 'results')!r}, 'mine'"
    page = nbformat.read(notebook(tmp_path / "in.ipynb", given, WRITES), as_version=4)
    NotebookClient(page, kernel_name="python3").execute()
    assert found(run_folder) == {"old.csv": "of the run", "new.csv": "of this notebook",
                                 "by-hand/old.csv": "of this notebook"}
    assert page.cells[-1].outputs[0].text.count("stays as it is") == 1


@pytest.mark.parametrize("engine", [("--engine", "burst2vec"), ()])
def test_a_job_writes_where_the_run_has_its_files(tmp_path, run_folder, monkeypatch, engine):
    monkeypatch.delenv(JOB, raising=False)
    source = notebook(tmp_path / "in.ipynb", WRITES)
    code, printed, _ = Started("papermill", *engine, "-k", "python3", source, "out.ipynb", "-p", "results",
                               tmp_path / "results", "-p", "run", "mine", folder=tmp_path).end()
    assert code == 0, printed
    assert found(run_folder) == {"old.csv": "of this notebook", "new.csv": "of this notebook"}
