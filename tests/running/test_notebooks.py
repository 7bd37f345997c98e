"""Executing and publishing notebooks: what failed never looks finished, what is published names no machine."""

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


def executed(path, outputs, execution_count=1):
    cell = nbformat.v4.new_code_cell("x", outputs=outputs, execution_count=execution_count)
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A page"), cell],
                                    metadata={"papermill": {"input_path": "/secret"}})
    nbformat.write(page, path)
    return path


def test_a_published_page_keeps_results_and_loses_progress_and_paths(tmp_path):
    streams = [nbformat.v4.new_output("stream", name=n, text=t)
               for n, t in (("stderr", "50 %"), ("stdout", f"wrote {notebooks.project_root()}/results/x.csv"))]
    notebooks.publish(executed(tmp_path / "in.ipynb", streams), tmp_path / "out.ipynb", title="V4: HL")
    page = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert page.cells[0].source == "# V4: HL"
    assert [o.text for o in page.cells[1].outputs] == ["wrote results/x.csv"]
    assert "papermill" not in page.metadata


def test_a_page_with_a_warning_is_not_published(tmp_path):
    warning = nbformat.v4.new_output("stream", name="stderr", text="x.py:1: FutureWarning: soon\n")
    with pytest.raises(notebooks.NotebookError, match="FutureWarning"):
        notebooks.publish(executed(tmp_path / "in.ipynb", [warning]), tmp_path / "out.ipynb")


@pytest.mark.parametrize("fault", ["error", "unrun"])
def test_a_page_with_an_error_or_an_unrun_cell_is_not_published(tmp_path, fault):
    error = nbformat.v4.new_output("error", ename="E", evalue="e", traceback=[])
    source = (executed(tmp_path / "in.ipynb", [error]) if fault == "error"
              else executed(tmp_path / "in.ipynb", [], execution_count=None))
    with pytest.raises(notebooks.NotebookError):
        notebooks.publish(source, tmp_path / "out.ipynb")
    assert not (tmp_path / "out.ipynb").exists()
