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
"""How many things a processor is given at once: sending one takes longer than a quick piece of work."""

AHEAD = 128
"""How many results, for each processor, may wait to be taken. joblib by itself works on whether or not they are."""


# joblib's word on work that nobody takes: whoever stopped taking it knows.
warnings.filterwarnings("ignore", r"\d+ tasks (have been successfully executed|which were still being processed)")


class WorkerDied(RuntimeError):
    """A worker process ended in the midst of its work. Python cannot see why."""


def in_parallel(
    function: Callable[[Thing], Result], things: Iterable[Thing], workers: int | None = None
) -> Iterator[Result]:
    """`function` of each thing, in order. Things are drawn, and results computed, no further ahead than `AHEAD`.

    `workers` are processes; without a number, one for each processor. One is this process itself. Raises what `function`
    raises, and WorkerDied.
    """
    things, workers = iter(things), workers or -1
    # Nothing is handed over in files, which a process that is killed would leave behind.
    with joblib.Parallel(n_jobs=workers, batch_size=AT_ONCE, max_nbytes=None, return_as="generator") as parallel:
        portion = AHEAD * joblib.effective_n_jobs(workers)
        try:
            while some := list(itertools.islice(things, portion)):
                yield from parallel(joblib.delayed(_work)(function, thing, os.getpid()) for thing in some)
        except BrokenProcessPool:
            raise WorkerDied("a worker process died, as when memory runs out or a library crashes. Try again with "
                             "fewer of them: LOKY_MAX_CPU_COUNT=1 in the environment leaves none") from None


def _work(function: Callable[[Thing], Result], thing: Thing, owner: int) -> Result:
    """`function` of the thing, in a process that does not outlive its owner; joblib's would wait for work for minutes."""
    if os.getpid() != owner:
        end_with_parent(owner)
    return function(thing)
