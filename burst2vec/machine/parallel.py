"""The same work on many things, by every processor, in bounded memory."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import joblib
from joblib.externals.loky.process_executor import BrokenProcessPool

from burst2vec.machine.interruption import end_with_parent

Thing = TypeVar("Thing")
Result = TypeVar("Result")

AT_ONCE = 16
"""The number of things that a worker process is sent at once: sending one takes longer than a quick piece of work."""

AHEAD = 128
"""The number of results for each processor that may wait to be taken. By itself joblib works on, taken or not."""


# joblib warns of work whose results nobody takes; whoever stopped taking them knows.
warnings.filterwarnings("ignore", r"\d+ tasks (have been successfully executed|which were still being processed)")


class WorkerDied(RuntimeError):
    """A worker process ended in the middle of its work; Python cannot see why."""


def in_parallel(
    function: Callable[[Thing], Result], things: Iterable[Thing], workers: int | None = None
) -> Iterator[Result]:
    """The results of `function` for each thing, in the order of the things.

    Things are drawn, and results computed, no further ahead of the results taken than `AHEAD` for each processor.
    `workers` is the number of processes, by default one for each processor; a single one is this process itself. Raises
    what `function` raises, and WorkerDied.
    """
    things, workers = iter(things), workers or -1
    # max_nbytes=None: nothing is handed over in files, which a killed process would leave behind.
    with joblib.Parallel(n_jobs=workers, batch_size=AT_ONCE, max_nbytes=None, return_as="generator") as parallel:
        portion = AHEAD * joblib.effective_n_jobs(workers)
        try:
            while some := list(itertools.islice(things, portion)):
                yield from parallel(joblib.delayed(_work)(function, thing, os.getpid()) for thing in some)
        except BrokenProcessPool:
            raise WorkerDied("a worker process died, as when memory runs out or a library crashes. Try again with "
                             "fewer of them: LOKY_MAX_CPU_COUNT=1 in the environment leaves none") from None


def _work(function: Callable[[Thing], Result], thing: Thing, owner: int) -> Result:
    if os.getpid() != owner:
        end_with_parent(owner)  # joblib's workers outlive a killed owner by minutes, waiting for work
    return function(thing)
