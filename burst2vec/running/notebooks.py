"""Notebooks executed with papermill."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from burst2vec.config import Params, project_root
from burst2vec.machine.files import write_aside
from burst2vec.machine.interruption import Interrupted, Request

BROKEN_OFF = "interrupted; the notebook was not written"
"""What is said of a notebook that was interrupted and has nothing to say itself."""

INTERRUPTS = ("Interrupted", "KeyboardInterrupt")
"""The names of the exceptions with which a cell ends when it was asked to."""


class NotebookError(RuntimeError):
    """A notebook stopped at an error or cannot be published; the message names it and what is wrong."""


def execute(notebook: Path, output: Path, parameters: dict[str, Any]) -> None:
    """Runs `notebook` with the parameters given, and writes the executed one to `output` only if it ran to its end.

    The notebook runs in the Python that runs this process. The parameters are checked before it starts. Raises
    ParameterError, FileNotFoundError, and NotebookError, in which case the half-done notebook is kept beside `output`
    as `.failed.ipynb`. Ctrl-C and SIGTERM interrupt the running cell and, once it has ended, raise Interrupted with
    what it said; a second Ctrl-C ends the cell at once.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    Params.resolve(parameters)
    if not notebook.is_file():
        raise FileNotFoundError(f"{notebook}: no such notebook; in the project's folder `make notebooks` makes them "
                                "from notebooks/*.py")
    failed = output.with_suffix(".failed.ipynb")
    failed.unlink(missing_ok=True)
    request = Request()
    with write_aside(output) as aside:
        try:
            papermill.execute_notebook(_literally(notebook), _literally(aside), parameters, kernel_name="python3",
                                       cwd=project_root(), progress_bar=False, engine_name="burst2vec", request=request)
        except DeadKernelError:
            raise NotebookError(f"{notebook}: its kernel died, out of memory perhaps; the notebook was not written. "
                                "Start the same run again: a training goes on from its last checkpoint") from None
        except Interrupted as stop:
            raise Interrupted(f"{notebook}: {BROKEN_OFF}", stop.by) from None
        except papermill.PapermillExecutionError as error:
            if error.ename in INTERRUPTS:
                said = error.evalue or BROKEN_OFF
                raise Interrupted(f"{notebook}: {said}", request.wanted or signal.SIGINT) from None
            aside.replace(failed)
            raise NotebookError(f"{notebook}: {error.ename}: {error.evalue}; what ran of it is in {failed}") from None


def _literally(path: Path) -> str:
    """The path for papermill, which would put parameters in place of names in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")
