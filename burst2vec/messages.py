"""Messages: refusals in one line, and values and names from outside made short and safe to print on a terminal."""

from __future__ import annotations

import reprlib
from typing import Any

REFUSALS = (ValueError, OSError, RuntimeError, ImportError)
"""The exceptions whose message tells a user what is wrong and what would be right; they need no traceback."""

LONGEST = 1_000
"""The greatest number of characters of a printed line; longer lines are cut."""

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 100
_short.maxlist = _short.maxtuple = _short.maxset = _short.maxdict = 6
_short.maxlevel = 3


def refusal(error: BaseException) -> str:
    """The line that a command prints for an exception that stopped it."""
    return printable(f"burst2vec: {error}")


def shown(value: Any) -> str:
    """A value as Python writes it, with its middle left out where it is long.

    A few lines of YAML can mean a list of billions of items, so the text is never built in full.
    """
    text = _short.repr(value)
    return text if len(text) <= 300 else f"{text[:300]} …"


def printable(text: str) -> str:
    """The text with lines of at most `LONGEST` characters, and with escapes for what is not printable.

    Names of files and cells of tables may hold control characters, which a terminal would obey, and bytes that are no
    text.
    """
    lines = (line if len(line) <= LONGEST else f"{line[:LONGEST]} … ({len(line)} letters)" for line in text.split("\n"))
    escaped = ("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in lines)
    return "\n".join(escaped)
