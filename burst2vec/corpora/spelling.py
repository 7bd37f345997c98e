"""Spellings: which words stand for a missing value, and which different spellings may mean the same name.

Cells of tables, names of classes and of speakers and paths are typed by hand or written by programs, so the same name
comes in capital and small letters, with stray spaces, with or without leading zeros, and in either Unicode form.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

MISSING_WORDS = frozenset((
    "", "na", "n/a", "n.a.", "#na", "#n/a", "<na>", "nan", "nat", "none", "null", "-", "--", "\N{EN DASH}",
    "\N{EM DASH}",
))
"""Words, in small letters, that stand for a missing value.

The rule for all tables: such a word is missing in any column, unless it is one of the classes that are declared for
the column. Outside columns of numbers a note says so, since it might have been meant as a name.
"""

DOUBTFUL_WORDS = frozenset((
    "?", "??", "???", ".", "..", "...", "n.d.", "n/d", "n.k.", "no answer", "not available", "not applicable",
    "not known", "not specified", "missing", "tba", "tbd", "undefined", "unk", "unknown", "unlabeled", "unlabelled",
    "unspecified",
))
"""Words, in small letters, that may stand for a missing value, or be a name. They are taken for a name, with a note,
unless they are one of the classes that are declared for the column. As the speaker of several rows they are refused."""

_WHITE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_JOINERS = re.compile("(?<=[^\\W\\d_])[-_\u2010-\u2015]+(?=[^\\W_])|(?<=[^\\W_])[-_\u2010-\u2015]+(?=[^\\W\\d_])")
_QUOTES = "\"'`\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT DOUBLE QUOTATION MARK}" \
          "\N{RIGHT DOUBLE QUOTATION MARK}"


def trimmed(text: str) -> str:
    """The text without white space and invisible characters at both ends."""
    text = text.strip()
    return text if text.isascii() else text.strip(_WHITE + _INVISIBLE)


def composed(text: str) -> str:
    """The text in Unicode's composed form (NFC), in which `é` is one character."""
    return unicodedata.normalize("NFC", text)


def is_missing(text: str) -> bool:
    """Whether a word stands for a missing value, in small or capital letters."""
    return text.lower() in MISSING_WORDS


def folded(text: str) -> str:
    """What different spellings of one name have in common.

    Left out are the case of letters, white space, invisible characters, quotation marks, hyphens and underscores that
    join a letter to what follows or precedes it, and zeros that do not change a number; characters with several Unicode
    forms take one of them.

    >>> folded("1") == folded("01") == folded("1.0"), folded("Laugh") == folded(" laugh"), folded("1") == folded("10")
    (True, True, False)
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    plain = "".join(c for c in plain if not c.isspace() and c not in _QUOTES and unicodedata.category(c) != "Cf")
    number = re.fullmatch(r"\+?(-?)0*(\d+?)(?:\.(\d*?)0*)?", plain)
    if number:
        sign, whole, fraction = number.groups()
        return sign + whole + (f".{fraction}" if fraction else "")
    plain = _JOINERS.sub("", plain)
    return re.sub(r"(?<![\d.])0+(?=\d)", "", plain) or text


def is_doubtful(text: str) -> bool:
    """Whether a word may stand for a missing value, in small or capital letters."""
    return text.lower() in DOUBTFUL_WORDS


def alike(names: Iterable[str]) -> list[list[str]]:
    """The groups of different spellings that may mean one name, each in order of the alphabet."""
    groups = defaultdict(set)
    for name in names:
        groups[folded(name)].add(name)
    return [sorted(group) for _, group in sorted(groups.items()) if len(group) > 1]


def listed(names: Iterable[str]) -> str:
    """Names as a message lists them.

    >>> listed(["1", "01", "1.0"])
    "'1', '01' and '1.0'"
    """
    *first, last = map(repr, names)
    return f"{', '.join(first)} and {last}" if first else last


def counted(number: int, noun: str) -> str:
    """A number of things, with the noun in the plural where they are several.

    >>> counted(1, "row"), counted(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
