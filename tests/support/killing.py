"""Trainings that are ended in the middle of a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


class Killed(Exception):
    """What a test raises in the middle of a step."""


def kill() -> None:
    """Ends a training as nothing that it could catch."""
    raise Killed


def deeds_before(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, number: Callable[[Any], int]):
    """A function that has deeds done, each once, before the steps with their numbers.

    The method `name` of the class `owner` takes a step, and `number` tells the one that an object takes next.
    """
    step = getattr(owner, name)

    def schedule(deeds: dict[int, Callable[[], object]]) -> None:
        def watched(self, batch):
            deeds.pop(number(self), lambda: None)()
            return step(self, batch)

        monkeypatch.setattr(owner, name, watched)
    return schedule
