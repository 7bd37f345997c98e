"""Losses and metrics of a training for TensorBoard, which shows them while the training runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from burst2vec.config import ParameterError, Params


class Events:
    """TensorBoard's event files of one training, in `RUN/VARIANT` of the folder that parameter `tensorboard` names.

    A training that resumes after the step `resumed` replaces what was written for later steps. Raises
    `config.ParameterError` where the package tensorboard is not installed.
    """

    def __init__(self, params: Params, resumed: int = 0):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise ParameterError(f"parameter tensorboard is {params.tensorboard!r}, and the package tensorboard is not "
                                 "installed; pip install tensorboard, or leave the parameter empty") from None
        self.folder: Path = params.path(params.tensorboard) / params.run_name / (params.variant or "system")
        self._writer = SummaryWriter(self.folder, purge_step=resumed + 1)

    def add(self, rows: Sequence[tuple]) -> None:
        """Adds the rows of one validation to the files; they have the columns `history.HISTORY`."""
        for iteration, _, stage, task, term, value in rows:
            self._writer.add_scalar(f"{stage}/{task} {term}", value, iteration)
        self._writer.flush()

    def close(self) -> None:
        """Closes the files."""
        self._writer.close()
