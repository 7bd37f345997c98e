"""The engine that papermill knows as `burst2vec`: `papermill --engine burst2vec`.

papermill imports this module in the middle of being imported itself, whenever this package is installed. So nothing of
papermill is imported here before the engine runs.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from burst2vec.config import JOB, Params


def _not_of_a_parameter(record: logging.LogRecord) -> bool:
    """Whether a record is anything but papermill's warning of a parameter that the notebook's own cell does not list.

    That cell lists a few parameters of many; `Params` knows them all, and refuses what is none.
    """
    return record.getMessage() not in {f"Passed unknown parameter: {name}" for name in Params.names()}


logging.getLogger("papermill").addFilter(_not_of_a_parameter)
os.environ[JOB] = "1"  # for the kernels of this process, whichever of papermill's engines starts them


class Engine:
    """Runs a notebook by `client.SignalledEngine`, with the Python that runs papermill, whatever kernel is named."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, **options: Any) -> Any:
        """The notebook, executed with papermill's `options`."""
        from burst2vec.running.client import SignalledEngine

        return SignalledEngine.execute_notebook(nb, kernel_name, **options)

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:
        """The name of the kernel that runs every notebook."""
        return "python3"

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> str:
        """The language of every notebook."""
        return "python"
