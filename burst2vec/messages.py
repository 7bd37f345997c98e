"""Messages: refusals in one line, and values and names from outside made short and safe to print on a terminal."""

from __future__ import annotations

import re
import reprlib
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable
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
    """A value as Python writes it, in one line and with its middle left out where it is long.

    A few lines of YAML can mean a list of billions of items, so the text is never built in full.
    """
    text = re.sub(r"\n\s*", " ", _short.repr(value))  # arrays are written in lines
    return text if len(text) <= 300 else f"{text[:300]} …"


def warn(line: str) -> None:
    """Warns of something, at the line outside of this library that led to it."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and str(frame.f_globals.get("__name__")).startswith("burst2vec."):
        frame, level = frame.f_back, level + 1
    warnings.warn(line, stacklevel=level)


FEW = 3
"""How many notes of one kind are printed."""


def abridged(said: Iterable[tuple[str, str]], most: int = FEW, more: str = "") -> list[str]:
    """A line `place: text` for each pair of these, those of one kind together and at most so many of each kind.

    Where some of a kind are left out, a line says how many, and what `more` adds. Two texts are of one kind where they
    differ in quoted names and in numbers alone.
    """
    kinds = defaultdict(list)
    for place, text in said:
        kinds[re.sub(r"'[^']*'|[^\s;,]*\d[^\s;,]*", "…", text)].append(f"{place}: {text}".replace("\n", "\\n"))
    lines = []
    for alike in kinds.values():
        lines += alike[:most]
        if len(alike) > most:
            lines.append(f"… and {len(alike) - most:,} more like these{more}")
    return lines


def printable(text: str) -> str:
    """The text with lines of at most `LONGEST` characters, and with escapes for what is not printable.

    Names of files and cells of tables may hold control characters, which a terminal would obey, and bytes that are no
    text.
    """
    lines = (line if len(line) <= LONGEST else f"{line[:LONGEST]} … ({len(line)} letters)" for line in text.split("\n"))
    escaped = ("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in lines)
    return "\n".join(escaped)
