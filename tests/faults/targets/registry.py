"""What is fuzzed, by name, and how it becomes so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.faults.outcome import Broken

Action = Callable[[], Any]


@dataclass(frozen=True)
class Target:
    """A kind of input: what Hypothesis draws its cases from, and what writes a case into an empty folder and gives what
    is to be judged."""

    name: str
    cases: Callable[[], st.SearchStrategy]
    act: Callable[[Any, Path], Action]


TARGETS: dict[str, Target] = {}


def target(cases: Callable[[], st.SearchStrategy]) -> Callable:
    """Makes a function of a case and an empty folder a target, by the function's name."""
    def register(act: Callable[[Any, Path], Action]) -> Callable:
        name = act.__name__.replace("_", " ")
        TARGETS[name] = Target(name, cases, act)
        return act
    return register


def ensure(fact: bool, otherwise: str) -> None:
    """Raises Broken where a success is none."""
    if not fact:
        raise Broken(otherwise)
