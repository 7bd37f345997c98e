"""Papermill's engine, with Ctrl-C and SIGTERM passed on to the notebook, which ends by itself: `--engine burst2vec`.

Papermill's own gives a kernel five seconds between Ctrl-C and SIGKILL, and is ended by SIGTERM on the spot. Papermill
imports this module itself; whoever needs it imports papermill first.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine

from burst2vec.machine.interruption import Interrupted, Request, die_with_parent, handling

WAITING = b"burst2vec: asked the notebook to end; another Ctrl-C ends it at once\n"


REPLY = 3.0
"""Seconds after its end within which a cell that was interrupted says how it ended. One that was just about to start,
or had just ended, never does."""


class Manager(AsyncKernelManager):
    """Starts a kernel that ends with this process. A kernel by itself watches over its parent only once it has started,
    and not where another process than the first inherits orphans."""

    def format_kernel_cmd(self, extra_arguments=None):
        """The command that starts the kernel."""
        return die_with_parent(super().format_kernel_cmd(extra_arguments))


class Client(PapermillNotebookClient):
    """A notebook's client that interrupts the cell that runs when a signal comes, and then starts no other."""

    def __init__(self, *arguments, request: Request, **options):
        super().__init__(*arguments, **options)
        self.request, self.running = request, False

    def signalled(self, number: int, _frame: Any) -> None:
        """Takes a signal; the second Ctrl-C kills the kernel and whatever runs in its group."""
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

    def execute_cell(self, cell, cell_index, **options):
        """The cell, executed; Interrupted where somebody asked to end before it began."""
        if self.request.wanted:
            raise Interrupted(by=self.request.wanted)
        self.running = False
        try:
            return super().execute_cell(cell, cell_index, **options)
        finally:
            self.running = False

    def process_message(self, message, *rest):
        """As papermill does. A kernel ignores SIGINT until it has said `execute_input`."""
        if message["msg_type"] == "execute_input":
            self.running = True
            if self.request.wanted:
                self._signal_kernel(signal.SIGINT)
        if self.request.wanted and message["content"].get("execution_state") == "idle":
            asyncio.get_running_loop().call_later(REPLY, self.task_poll_for_reply.cancel)  # then as a dead kernel's
        return super().process_message(message, *rest)


class Engine(NBClientEngine):
    """Papermill's own engine with the `Client` above."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, log_output=False, stdout_file=None, stderr_file=None,
                                 start_timeout=60, execution_timeout=None, request=None, **_):
        """Executes the notebook. Raises Interrupted where a signal ended it between cells, or ended its kernel."""
        request = request or Request()
        client = Client(nb_man, request=request, kernel_name=kernel_name, startup_timeout=start_timeout,
                        timeout=execution_timeout, log_output=log_output, stdout_file=stdout_file, stderr_file=stderr_file,
                        kernel_manager_class=Manager)
        with handling(client.signalled):
            try:
                return client.execute()
            except (DeadKernelError, RuntimeError):  # RuntimeError: the kernel died before it had started
                if request.wanted:
                    raise Interrupted(by=request.wanted) from None
                raise
