"""Executing notebooks with papermill, and publishing what they show."""

from __future__ import annotations

import logging
import os
import re
import signal
from pathlib import Path
from typing import Any

import nbformat

from burst2vec.config import Params, project_root
from burst2vec.machine.files import write_aside
from burst2vec.machine.interruption import Interrupted, Request

BROKEN_OFF = "interrupted; the notebook was not written"
INTERRUPTS = ("Interrupted", "KeyboardInterrupt")
"""Names of the exceptions with which a cell ends when it was asked to."""


class NotebookError(RuntimeError):
    """A notebook that stopped at an error; the message names it, the error, and where the half-done one is kept."""


def execute(notebook: Path, output: Path, parameters: dict[str, Any]) -> None:
    """Runs `notebook` with the parameters given and writes the executed one to `output`, only if it ran to its end.

    Parameters are checked before a kernel starts. Raises ParameterError, FileNotFoundError, and NotebookError; the
    notebook that failed is kept beside `output` as `.failed.ipynb`. Ctrl-C and SIGTERM interrupt the cell that runs and
    raise Interrupted, with what it says, when it has ended; a second Ctrl-C ends it at once.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    Params.resolve(parameters)
    # papermill announces every parameter that the notebook's own cell does not list; they have just been checked.
    logging.getLogger("papermill").setLevel(logging.ERROR)
    if not notebook.is_file():
        raise FileNotFoundError(f"{notebook}: no such notebook; `make notebooks` makes them from notebooks/*.py")
    failed = output.with_suffix(".failed.ipynb")
    failed.unlink(missing_ok=True)
    request = Request()
    with write_aside(output) as aside:
        try:
            papermill.execute_notebook(notebook, aside, parameters, kernel_name="python3", cwd=project_root(),
                                       progress_bar=False, engine_name="burst2vec", request=request)
        except DeadKernelError:
            raise NotebookError(f"{notebook}: its kernel died, out of memory perhaps; the notebook was not written. Start "
                                "the same run again: a training goes on from its last checkpoint") from None
        except Interrupted as stop:
            raise Interrupted(f"{notebook}: {BROKEN_OFF}", stop.by) from None
        except papermill.PapermillExecutionError as error:
            if error.ename in INTERRUPTS:
                said = error.evalue or BROKEN_OFF
                raise Interrupted(f"{notebook}: {said}", request.wanted or signal.SIGINT) from None
            aside.replace(failed)
            raise NotebookError(f"{notebook}: {error.ename}: {error.evalue}; what ran of it is in {failed}") from None


def publish(notebook: Path, output: Path, title: str | None = None) -> None:
    """Writes an executed notebook as a page: without papermill's metadata, progress bars, and local paths.

    Papermill's injected parameters stay, as the page's record of them. `title` replaces the first heading. Raises
    NotebookError for a notebook with an error or a warning, or one that never ran.
    """
    page = nbformat.read(notebook, as_version=4)
    code = [c for c in page.cells if c.cell_type == "code" and c.source.strip()]
    if not all(c.execution_count for c in code):
        raise NotebookError(f"{notebook}: not all of its cells have run; execute it first")
    if any(o.output_type == "error" for c in code for o in c.outputs):
        raise NotebookError(f"{notebook}: holds an error; it is not published")
    warned = [o.text for c in code for o in c.outputs if o.get("name") == "stderr" and "Warning:" in o.text]
    if warned:
        raise NotebookError(f"{notebook}: a cell warns, which a page must not: {warned[0].strip()}")
    page.metadata.pop("papermill", None)
    for cell in page.cells:
        cell.metadata.pop("papermill", None)
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    if title:
        page.cells[0].source = re.sub(r"^# .*", f"# {title}", page.cells[0].source, count=1, flags=re.MULTILINE)
    with write_aside(output) as aside:
        aside.write_text(_without_paths(nbformat.writes(page)), encoding="utf-8")


def _without_paths(text: str) -> str:
    """`text` with paths below the project relative to it, and the reader's home as ~. Encoded sounds and pictures,
    in which the same letters may occur by chance, stay as they are."""
    local = {f"{project_root()}{os.sep}": "", f"{Path.home()}{os.sep}": f"~{os.sep}"}
    encoded = r"[A-Za-z0-9+/=]{200,}"
    pattern = "|".join([encoded, *(re.escape(path) for path in local if path.strip(os.sep))])
    return re.sub(pattern, lambda found: local.get(found[0], found[0]), text)
