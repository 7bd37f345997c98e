"""Executing and publishing notebooks: what failed never looks finished, what is published names no machine."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time

import nbformat
import pytest

from burst2vec.cli import main
from burst2vec.config import ParameterError
from burst2vec.machine.interruption import SAME, Interrupted
from burst2vec.running import environment, notebooks
from tests.support.processes import PATIENCE, Started, wait_for


def notebook(path, *sources):
    cells = [nbformat.v4.new_code_cell('scale = ""', metadata={"tags": ["parameters"]})]
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A page\n\nText"), *cells,
                                           *map(nbformat.v4.new_code_cell, sources)],
                                    metadata={"kernelspec": {"name": "python3", "display_name": "Python 3",
                                                             "language": "python"}})
    nbformat.write(page, path)
    return path


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


def test_a_notebook_that_runs_as_a_job_keeps_no_fragments_of_progress_bars(tmp_path):
    source = notebook(tmp_path / "in.ipynb", "from burst2vec.machine.progress import progress_bar\n"
                                             "for _ in progress_bar(range(3)): pass\nprint('done')")
    notebooks.execute(source, tmp_path / "out.ipynb", {})
    [output] = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[-1].outputs
    assert output.text == "done\n"


def test_paths_may_hold_blanks_and_braces(tmp_path):
    source = notebook(tmp_path / "in {scale} {0}.ipynb", "print(scale)")
    notebooks.execute(source, tmp_path / "my {results}" / "out {1}.ipynb", {"run": "mine"})
    assert (tmp_path / "my {results}" / "out {1}.ipynb").is_file()


@pytest.mark.parametrize("module", ["engine", "client", "notebooks", "workflow"])
def test_every_module_can_be_imported_first(module):
    subprocess.run([sys.executable, "-c", f"import burst2vec.running.{module}; import papermill.engines as e\n"
                    "assert e.papermill_engines.get_engine('burst2vec').__module__ == 'burst2vec.running.engine'"],
                   check=True)


def test_a_missing_notebook_says_how_to_make_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="make notebooks"):
        notebooks.execute(tmp_path / "none.ipynb", tmp_path / "out.ipynb", {})


LONG = """
import pathlib, time
from burst2vec.machine.interruption import Interrupted, interruptible
with interruptible() as request:
    pathlib.Path("{folder}/began").touch()
    while not request.wanted:
        time.sleep(0.01)
    time.sleep({saving})
    pathlib.Path("{folder}/saved").touch()
raise Interrupted("stopped at iteration 7; starting the same run again goes on from there")
"""
"""A cell that trains until it is asked to end, and then takes some seconds to save."""


@pytest.fixture
def running(tmp_path):
    """A function that starts `burst2vec run`, or another command, on a notebook of cells, and waits for its `began`."""
    def start(*cells, command=("burst2vec", "run")):
        source = notebook(tmp_path / "in.ipynb", *cells)
        run = Started(*command, source, "out/out.ipynb", folder=tmp_path)
        run.wait_for((tmp_path / "began").exists)
        assert len(run.family) > 1
        return run
    (tmp_path / "out").mkdir()
    return start


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_end_lets_the_cell_save_and_leaves_nothing_else(running, tmp_path, number):
    run = running(LONG.format(folder=tmp_path, saving=1))
    run.signal(number)
    code, printed, left = run.end()
    assert code == 128 + number and not left
    assert printed[-1].endswith("in.ipynb: stopped at iteration 7; starting the same run again goes on from there")
    assert (tmp_path / "saved").exists() and not list((tmp_path / "out").iterdir())


def test_a_second_ctrl_c_does_not_wait_for_the_cell(running, tmp_path):
    run = running(LONG.format(folder=tmp_path, saving=1000))
    run.signal(signal.SIGINT)
    wait_for(lambda: "another Ctrl-C ends it at once" in run.printed.read_text())
    time.sleep(1.5 * SAME)
    run.signal(signal.SIGINT)
    code, printed, left = run.end()
    assert code == 130 and not left and printed[-1].endswith("in.ipynb: interrupted; the notebook was not written")
    assert not (tmp_path / "saved").exists() and not list((tmp_path / "out").iterdir())


WORKERS = """
import pathlib
from burst2vec.machine.parallel import in_parallel
def work(n):
    import time
    pathlib.Path("{folder}/began").touch()
    time.sleep(0.1)
for _ in in_parallel(work, range(10 ** 9), workers=2):
    pass
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's end")
@pytest.mark.parametrize("command", [("burst2vec", "run"), ("papermill", "-k", "python3")])
def test_a_run_that_is_killed_leaves_neither_kernel_nor_workers(running, tmp_path, command):
    run = running(WORKERS.format(folder=tmp_path), command=command)
    assert len(run.family) > 3
    run.signal(signal.SIGKILL)
    code, _, left = run.end()
    assert code == -signal.SIGKILL and not left


def test_a_run_with_workers_that_is_asked_to_end_leaves_none_of_them(running, tmp_path):
    run = running(WORKERS.format(folder=tmp_path))
    run.signal(signal.SIGTERM)
    code, printed, left = run.end()
    assert code == 143 and not left and printed[-1].endswith("in.ipynb: interrupted; the notebook was not written")


def test_papermill_alone_leaves_a_cell_time_for_a_quick_save(running, tmp_path):
    run = running(LONG.format(folder=tmp_path, saving=0.5), command=("papermill", "-k", "python3"))
    run.signal(signal.SIGINT)
    code, _, left = run.end()
    assert code and not left and (tmp_path / "saved").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_papermill_with_our_engine_lets_the_cell_save(running, tmp_path, number):
    run = running(LONG.format(folder=tmp_path, saving=1), command=("papermill", "--engine", "burst2vec"))
    run.signal(number)
    code, _, left = run.end()
    assert code and not left and (tmp_path / "saved").exists()


def test_a_run_that_is_asked_to_end_starts_no_further_cell(tmp_path):
    source = notebook(tmp_path / "in.ipynb", "import os, signal; os.kill(os.getppid(), signal.SIGTERM)",
                      f"open('{tmp_path}/went-on', 'w')")
    with pytest.raises(Interrupted) as stop:
        notebooks.execute(source, tmp_path / "out.ipynb", {})
    assert stop.value.by == signal.SIGTERM
    assert [path.name for path in tmp_path.iterdir()] == ["in.ipynb"]


def test_a_notebook_runs_in_another_thread_too(tmp_path):
    source = notebook(tmp_path / "in.ipynb", "print(1)")
    thread = threading.Thread(target=notebooks.execute, args=(source, tmp_path / "out.ipynb", {}))
    thread.start()
    thread.join()
    assert (tmp_path / "out.ipynb").exists()


def test_a_kernel_that_is_interrupted_lives_and_goes_on_when_its_cell_is_run_again(tmp_path):
    from jupyter_client.manager import start_new_kernel

    cell = """
import pathlib, time
from burst2vec.machine.interruption import Interrupted, interruptible
done = globals().get("done", 0)
with interruptible() as request:
    while not request.wanted and done < 100:
        done += 1
        pathlib.Path("began").touch()
        time.sleep(0.02)
if request.wanted:
    raise Interrupted(f"stopped at {done}")
"""
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    try:
        first = client.execute(cell)
        wait_for((tmp_path / "began").exists)
        manager.interrupt_kernel()
        replies = iter(lambda: client.get_shell_msg(timeout=PATIENCE), None)
        stopped = next(reply["content"] for reply in replies if reply["parent_header"]["msg_id"] == first)
        assert stopped["ename"] == "Interrupted" and manager.is_alive()
        again = client.execute(cell, reply=True, timeout=PATIENCE)["content"]
        done = client.execute("", user_expressions={"done": "done"}, reply=True, timeout=PATIENCE)["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert again["status"] == "ok" and done["user_expressions"]["done"]["data"]["text/plain"] == "100"


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


def test_the_environment_is_described_in_flat_strings(tmp_path):
    described = environment.describe_environment(tmp_path)
    assert all(isinstance(v, str) and v for v in described.values())
    assert {"Date", "Processor", "GPU", "torch"} <= described.keys()
