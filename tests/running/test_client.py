"""A notebook's cells are interrupted in good order, by whatever signal, and its kernel leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from types import SimpleNamespace

import nbformat
import pytest
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient

from burst2vec.machine.interruption import SAME, Interrupted, Request
from burst2vec.running import client as module
from burst2vec.running import notebooks
from burst2vec.running.client import OWN_PYTHON, WAITING, Client, Manager, SignalledEngine
from tests.support.notebooks import notebook
from tests.support.processes import PATIENCE, Started, wait_for


def test_a_notebook_that_runs_as_a_job_keeps_no_fragments_of_progress_bars(tmp_path):
    source = notebook(tmp_path / "in.ipynb", "from burst2vec.machine.progress import progress_bar\n"
                                             "for _ in progress_bar(range(3)): pass\nprint('done')")
    notebooks.execute(source, tmp_path / "out.ipynb", {})
    [output] = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[-1].outputs
    assert output.text == "done\n"


def test_how_far_a_training_is_appears_on_the_terminal_too_and_nothing_else_does(tmp_path, capfd):
    source = notebook(tmp_path / "in.ipynb", "from burst2vec.machine.progress import step_line\n"
                                             "print('a page says this')\n"
                                             "print(step_line('V4', 1_200, 62_700, 'emotion CCC 0.512'))")
    notebooks.execute(source, tmp_path / "out.ipynb", {})
    said = capfd.readouterr()
    assert "V4: step 1,200 of 62,700, emotion CCC 0.512\n" in said.err and "a page says this" not in said.err + said.out


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
        first = client.execute(cell, stop_on_error=False)  # else the kernel may pass over what follows at once
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


# Without a kernel ---------------------------------------------------------------------------------------------

@pytest.fixture
def sent(monkeypatch):
    """The signals that reach the kernel's process group, 4242."""
    sent = []
    monkeypatch.setattr(os, "killpg", lambda group, number: sent.append((group, number)))
    return sent


@pytest.fixture
def client():
    """A client whose kernel is a process group alone, and whose cells take no time."""
    client = Client(SimpleNamespace(nb=nbformat.v4.new_notebook()), request=Request())
    client.km = SimpleNamespace(provisioner=SimpleNamespace(has_process=True, pgid=4242))
    return client


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_interrupts_the_running_cell_and_only_ctrl_c_is_answered(client, sent, capfd, number):
    client.running = True
    client.signalled(number, None)
    assert sent == [(4242, signal.SIGINT)] and client.request.wanted == number
    assert capfd.readouterr().err == (WAITING.decode() if number == signal.SIGINT else "")


def test_no_signal_is_sent_to_a_kernel_between_cells_and_no_further_cell_begins(client, sent):
    client.signalled(signal.SIGTERM, None)
    with pytest.raises(Interrupted) as stopped:
        client.execute_cell(nbformat.v4.new_code_cell("1"), 0)
    assert sent == [] and stopped.value.by == signal.SIGTERM


def test_the_same_ctrl_c_twice_is_one_and_a_later_one_kills(client, sent, capfd):
    client.running = True
    client.signalled(signal.SIGINT, None)
    client.signalled(signal.SIGINT, None)
    assert sent == [(4242, signal.SIGINT)]
    client.request.since -= 2 * SAME
    client.signalled(signal.SIGTERM, None)
    assert sent == [(4242, signal.SIGINT)]
    client.signalled(signal.SIGINT, None)
    assert sent == [(4242, signal.SIGINT), (4242, signal.SIGKILL)]
    assert capfd.readouterr().err == WAITING.decode()


@pytest.mark.parametrize("kernel", [None, SimpleNamespace(provisioner=None),
                                    SimpleNamespace(provisioner=SimpleNamespace(has_process=False, pgid=4242))])
def test_a_signal_before_there_is_a_kernel_is_kept_for_later(client, sent, kernel):
    client.km, client.running = kernel, True
    client.signalled(signal.SIGINT, None)
    assert sent == [] and client.request.wanted == signal.SIGINT


def test_a_kernel_that_has_ended_meanwhile_is_no_error(client, monkeypatch):
    def gone(group, number):
        raise ProcessLookupError

    monkeypatch.setattr(os, "killpg", gone)
    client.running = True
    client.signalled(signal.SIGINT, None)


def test_a_signal_that_came_too_early_for_the_kernel_is_passed_on_when_the_cell_begins(client, sent, monkeypatch):
    monkeypatch.setattr(PapermillNotebookClient, "process_message", lambda *_: None)
    client.process_message({"msg_type": "execute_input", "content": {}}, None, 0)
    assert sent == [] and client.running
    client.running = False
    client.signalled(signal.SIGTERM, None)
    assert sent == []
    client.process_message({"msg_type": "execute_input", "content": {}}, None, 0)
    assert sent == [(4242, signal.SIGINT)]


def test_a_cell_that_never_says_how_it_ended_is_not_waited_for(client, monkeypatch):
    monkeypatch.setattr(PapermillNotebookClient, "process_message", lambda *_: None)
    monkeypatch.setattr(module, "REPLY", 0.05)
    idle = {"msg_type": "status", "content": {"execution_state": "idle"}}

    async def wait(wanted):
        client.request.wanted = wanted
        client.task_poll_for_reply = asyncio.ensure_future(asyncio.sleep(0.5, "replied"))
        client.process_message(idle, None, 0)
        return await client.task_poll_for_reply

    assert asyncio.run(wait(None)) == "replied"
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(wait(signal.SIGTERM))


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_kernel_whose_port_was_taken_is_started_anew(tmp_path, monkeypatch, failures):
    source, told = notebook(tmp_path / "in.ipynb", "print(1)"), []
    command = Manager.format_kernel_cmd

    def refused(manager, **options):
        told.append(1)
        return [sys.executable, "-c", "exit(1)"] if len(told) <= failures else command(manager, **options)

    monkeypatch.setattr(Manager, "format_kernel_cmd", refused)
    if failures < module.STARTS:
        notebooks.execute(source, tmp_path / "out.ipynb", {})
        assert len(told) == failures + 1 and (tmp_path / "out.ipynb").is_file()
    else:
        with pytest.raises(notebooks.NotebookError, match="its kernel died"):
            notebooks.execute(source, tmp_path / "out.ipynb", {})
        assert len(told) == module.STARTS


@pytest.mark.parametrize("error", [DeadKernelError("Kernel died"), RuntimeError("Kernel died before replying")])
def test_a_kernel_that_died_of_a_signal_is_no_failure_of_the_notebook(monkeypatch, error):
    def die(client):
        raise error

    monkeypatch.setattr(Client, "execute", die)
    manager = SimpleNamespace(nb=nbformat.v4.new_notebook())
    with pytest.raises(Interrupted) as stopped:
        SignalledEngine.execute_managed_notebook(manager, "python3", request=Request(signal.SIGTERM))
    assert stopped.value.by == signal.SIGTERM
    with pytest.raises(type(error), match="Kernel died"):
        SignalledEngine.execute_managed_notebook(manager, "python3")


def test_handlers_of_signals_are_as_before_after_a_notebook(monkeypatch):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    during = []
    monkeypatch.setattr(Client, "execute", lambda client: during.append(signal.getsignal(signal.SIGTERM)))
    SignalledEngine.execute_managed_notebook(SimpleNamespace(nb=nbformat.v4.new_notebook()), "python3")
    assert during[0].__name__ == "signalled"
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_the_kernel_is_this_python_by_whatever_name_and_is_bound_to_this_process():
    manager = Manager(kernel_name="julia")
    manager.connection_file = "/tmp/connection.json"
    assert manager.kernel_spec is OWN_PYTHON
    command = manager.format_kernel_cmd()
    kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", "/tmp/connection.json"]
    assert command[-5:] == kernel and str(os.getpid()) in command[:-5]
