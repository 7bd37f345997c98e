"""How values and names from outside stand in a message: short, and in letters that a terminal only shows."""

from __future__ import annotations

import reprlib
from typing import Any

LONGEST = 1_000
"""In letters, of a line that is printed."""

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 100
_short.maxlist = _short.maxtuple = _short.maxset = _short.maxdict = 6
_short.maxlevel = 3


def shown(value: Any) -> str:
    """A value as Python writes it, its middle left out where it is long: a line of YAML can mean a list of billions."""
    text = _short.repr(value)
    return text if len(text) <= 300 else f"{text[:300]} …"


def printable(text: str) -> str:
    """The text's lines, none longer than `LONGEST`, with control characters and bytes that are no text as escapes.

    Such stand in names of files and cells of tables, and a terminal would obey them.
    """
    lines = (line if len(line) <= LONGEST else f"{line[:LONGEST]} … ({len(line)} letters)" for line in text.split("\n"))
    escaped = ("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in lines)
    return "\n".join(escaped)
