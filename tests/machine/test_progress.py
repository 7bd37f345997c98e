"""A progress bar gives every thing, and is drawn only where somebody watches."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from burst2vec.machine.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "options", "drawn"), [
    (Terminal, {}, True), (Terminal, {"disable": False}, True), (Terminal, {"disable": True}, False),
    (io.StringIO, {}, False), (io.StringIO, {"disable": False}, False),
])
def test_it_is_drawn_on_a_terminal_unless_it_is_not_wanted(monkeypatch, stream, options, drawn):
    monkeypatch.setattr(sys, "stderr", stream())
    assert list(progress_bar(range(3), desc="Counting", **options)) == [0, 1, 2]
    assert ("Counting" in sys.stderr.getvalue()) is drawn


def test_it_is_drawn_in_a_notebook_though_its_standard_error_is_no_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert list(progress_bar(range(3), desc="Counting")) == [0, 1, 2]
    assert "Counting" in sys.stderr.getvalue()
