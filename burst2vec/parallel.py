"""The same work on many things, by every processor, in bounded memory."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import joblib

from burst2vec.interruption import end_with_parent

Thing = TypeVar("Thing")
Result = TypeVar("Result")

AT_ONCE = 16
"""How many things a processor is given at once: sending one takes longer than a quick piece of work."""

AHEAD = 128
"""How many results, for each processor, may wait to be taken. joblib by itself works on whether or not they are."""


def in_parallel(
    function: Callable[[Thing], Result], things: Iterable[Thing], workers: int | None = None
) -> Iterator[Result]:
    """`function` of each thing, in order. Things are drawn, and results computed, no further ahead than `AHEAD`.

    `workers` are processes; without a number, one for each processor. One is this process itself.
    """
    things, workers = iter(things), workers or -1
    with joblib.Parallel(n_jobs=workers, batch_size=AT_ONCE, return_as="generator") as parallel:
        portion = AHEAD * joblib.effective_n_jobs(workers)
        while some := list(itertools.islice(things, portion)):
            yield from parallel(joblib.delayed(_work)(function, thing, os.getpid()) for thing in some)


def _work(function: Callable[[Thing], Result], thing: Thing, owner: int) -> Result:
    """`function` of the thing, in a process that does not outlive its owner; joblib's would wait for work for minutes."""
    if os.getpid() != owner:
        end_with_parent(owner)
    return function(thing)
