"""Progress bars, drawn only where somebody can watch them move, and the lines that long work leaves behind."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from typing import Any

from tqdm.auto import tqdm

STEP_LINE = re.compile(r"[^:\n]+: step [\d,]+ of [\d,]+, .+")
"""What a line of `step_line` looks like. `running.client` passes such lines on from a notebook to the terminal."""


def step_line(name: str, step: int, steps: int, told: str) -> str:
    """A line that says how far some work of that name is, and what is `told` of it."""
    return f"{name}: step {step:,} of {steps:,}, {told}"


def progress_bar(things: Iterable, **options: Any) -> tqdm:
    """The things, one after the other, under a progress bar with tqdm's `options` (`total`, `desc`, `unit`, ...).

    The bar is drawn on a terminal and in a notebook. Where standard error is a file or a pipe it is left out, since its
    redrawing would fill the file with fragments, and so it is in notebooks that run as jobs, by `running.client`, which
    sets TQDM_DISABLE. Lines that are meant to stay are written with `tqdm.write`.
    """
    hidden = options.pop("disable", False) or "TQDM_DISABLE" in os.environ
    if hidden or not _in_notebook():  # a notebook's standard error is never a terminal; there, tqdm's default counts
        options["disable"] = hidden or None
    return tqdm(things, **options)


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return hasattr(ipython and ipython.get_ipython(), "kernel")
