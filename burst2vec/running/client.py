"""How a notebook's cells are run: by this Python, interrupted in good order by Ctrl-C and SIGTERM.

papermill's own engine runs whatever kernel goes by the notebook's kernel name, gives it five seconds between Ctrl-C and
SIGKILL, and is ended by SIGTERM on the spot.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import Any

import zmq
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine
from tqdm.auto import tqdm

from burst2vec.machine.interruption import Interrupted, Request, die_with_parent, handling
from burst2vec.machine.progress import STEP_LINE

WAITING = b"burst2vec: asked the notebook to end; another Ctrl-C ends it at once\n"
"""The line printed at the first Ctrl-C."""

REPLY = 3.0
"""The time in seconds within which an interrupted cell says how it ended.

A cell that was about to start, or had just ended, never does.
"""

OWN_PYTHON = KernelSpec(
    argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], display_name="Python 3",
    language="python", env={"TQDM_DISABLE": "1"}, metadata={"supported_encryption": "curve"})
"""The kernel that runs every notebook: the Python that runs this process, without progress bars.

A kernel that is merely installed under the name `python3` may be another environment's, with another version of this
library. What a kernel prints is kept in the executed notebook, where a progress bar would leave fragments.
"""


STARTS = 3
"""The number of kernels that are tried to start before a notebook is given up."""


class Manager(AsyncKernelManager):
    """Starts `OWN_PYTHON` such that it ends with this process.

    By itself a kernel watches its parent only once it has started, and not where orphans are inherited by another
    process than the first.
    """

    # A kernel warns in every run that others on this machine might listen, unless what is said is encrypted.
    transport_encryption = "auto" if zmq.has("curve") else "disabled"

    @property
    def kernel_spec(self) -> KernelSpec:
        """The kernel, whatever name was asked for."""
        return OWN_PYTHON

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """The command that starts the kernel."""
        return die_with_parent(super().format_kernel_cmd(extra_arguments))


class Client(PapermillNotebookClient):
    """Runs a notebook's cells. At a signal it interrupts the running cell, and starts no other."""

    def __init__(self, *arguments: Any, request: Request, **options: Any):
        super().__init__(*arguments, **options)
        self.request, self.running = request, False

    def start_new_kernel_client(self) -> Any:
        """The client of a kernel that answers. Raises DeadKernelError where none of `STARTS` kernels does.

        A kernel is told ports that were free a moment ago. Where another process has taken one of them meanwhile, such
        as the kernel of a notebook that begins at the same time, it dies at once, and another is started.
        """
        for started in range(1, STARTS + 1):
            try:
                return super().start_new_kernel_client()
            except RuntimeError as error:
                if self.request.wanted or started == STARTS:
                    raise DeadKernelError(str(error)) from error
            self.km = self.create_kernel_manager()
            self.start_new_kernel()

    def signalled(self, number: int, _frame: Any) -> None:
        """Handles a signal; the second Ctrl-C kills the kernel and whatever runs in its process group."""
        first = self.request.wanted is None
        if self.request.note(number):
            self._signal_kernel(signal.SIGKILL)
        elif first:
            if number == signal.SIGINT:
                os.write(2, WAITING)
            if self.running:
                self._signal_kernel(signal.SIGINT)

    def _signal_kernel(self, number: signal.Signals) -> None:
        provisioner = self.km.provisioner if self.km else None
        if provisioner and provisioner.has_process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(provisioner.pgid, number)

    def execute_cell(self, cell: Any, cell_index: int, **options: Any) -> Any:
        """The cell, executed. Raises Interrupted if a signal came before the cell began."""
        if self.request.wanted:
            raise Interrupted(by=self.request.wanted)
        self.running = False
        try:
            return super().execute_cell(cell, cell_index, **options)
        finally:
            self.running = False

    def process_message(self, message: dict[str, Any], *rest: Any) -> Any:
        """Handles a message of the kernel as papermill does, and passes on a signal that came too early for it.

        Lines that say how far a training is appear on the terminal, too, which would stay silent for hours.
        """
        if message["msg_type"] == "stream":
            for line in filter(STEP_LINE.fullmatch, message["content"]["text"].splitlines()):
                tqdm.write(line, file=sys.stderr)
        if message["msg_type"] == "execute_input":  # until it has said so, a kernel ignores SIGINT
            self.running = True
            if self.request.wanted:
                self._signal_kernel(signal.SIGINT)
        if self.request.wanted and message["content"].get("execution_state") == "idle":
            # The cell may never say how it ended; then this ends the waiting, as for a kernel that died.
            asyncio.get_running_loop().call_later(REPLY, self.task_poll_for_reply.cancel)
        return super().process_message(message, *rest)


class SignalledEngine(NBClientEngine):
    """papermill's own engine, with `Client` in place of papermill's."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, log_output=False, stdout_file=None, stderr_file=None,
                                 start_timeout=60, execution_timeout=None, request=None, **_):
        """Executes the notebook. Raises Interrupted if a signal ended it between two cells, or ended its kernel."""
        request = request or Request()
        client = Client(nb_man, request=request, kernel_name=kernel_name, startup_timeout=start_timeout,
                        timeout=execution_timeout, log_output=log_output, stdout_file=stdout_file,
                        stderr_file=stderr_file, kernel_manager_class=Manager)
        with handling(client.signalled):
            try:
                return client.execute()
            except (DeadKernelError, RuntimeError):  # RuntimeError: the kernel died before it had started
                if request.wanted:
                    raise Interrupted(by=request.wanted) from None
                raise
