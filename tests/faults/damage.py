"""Hypothesis strategies for what is read from outside, damaged: bytes, tables, JSON, single values."""

from __future__ import annotations

import copy
import csv
import io
import itertools
import json
import string
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

NASTY_TEXTS = (
    "", " ", "nan", "NaN", "NA", "None", "null", "inf", "-inf", "1e999", "-1", "0", "1", "1.5", "1,5", "1e-400", "0x10",
    "1_000", "٣", "９" * 20, "9" * 5_000, "true", "no", "\0", "\n", "\r", "\t", '"', "'", ",", ";", "../..", "/", ".",
    "~", "~nobody", "a/b/../../..", "a" * 300, "é", "💥", "\u2028", "\u202e", "\x1b[31m", "\ufeff", "=1+1", "%s", "{}",
    "$HOME", "Train", "val", "TEST ", "2022-13-45", "0b", "190:20:30", "[", "{", "!!python/name:os.system", "*a",
    "-" * 100, "x" * 200_000,
)
"""Cells and values that have broken some reader or other. The last is longer than the csv module takes for a cell."""

NASTY_VALUES = (None, True, False, 0, 1, -1, 2, 3, 2 ** 31, 2 ** 63, 10 ** 400, -(10 ** 30), 0.0, -0.0, 0.5, 1e-320,
                1e308, float("inf"), float("-inf"), float("nan"), [], {}, [[]], [None], {"a": 1}, *NASTY_TEXTS)

ODD_WORDS = (
    "n/a", "N/A", "#N/A", "<NA>", "NaT", "-", "--", "\N{EN DASH}", "none", "?", "unknown",  # a missing value, or a name
    "999", "99", "77", "-9", "-99", "121", "0.0", "1e3",  # an age, or a sign for none
    "usa", "USA ", "U SA", "speaker_0", "Speaker_00", "\u200bSpeaker_1", "Ｓpeaker_1", "1.0", "01", "+1",  # or the same
)
"""Cells that are read, but may not mean what they say: words for missing values, sentinels, other spellings."""

LENGTHS = (0, 1, 0x7FFF_FFFF, 0xFFFF_FFFF, 0.5, 2.0)
"""What a header may say of a length: a number of its own, or a multiple of the number that is there."""

LENGTH_MARKS = ((b"RIFF", 4, "little"), (b"data", 4, "little"), (b"fmt ", 4, "little"), (b"FORM", 4, "big"),
                (b"SSND", 4, "big"), (b"COMM", 10, "big"), (b"Xing", 8, "big"), (b"Info", 8, "big"),
                (b"fLaC", 22, "big"))
"""Where the headers of recordings say a length: behind a mark, at so many bytes from its start, and in which order."""

LAUGHS = "a: &a [ha]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n"
                                  for a, b in itertools.pairwise(string.ascii_lowercase))
"""Lines of YAML that mean more lists than there are atoms in us."""

SHORT = st.text(max_size=8)


def nasty_values() -> st.SearchStrategy:
    """Any value that YAML or JSON can hold, strange ones preferred."""
    plain = st.sampled_from(NASTY_VALUES) | st.integers() | st.floats() | SHORT
    return plain | st.recursive(plain, lambda inner: st.lists(inner, max_size=3)
                                | st.dictionaries(SHORT, inner, max_size=3), max_leaves=6)


# Bytes.

@dataclass(frozen=True)
class Edit:
    """A change of bytes at a place, told by the share (0 to 1) of the file before it or, from its start, in bytes."""

    kind: str
    place: float | int
    size: int = 0
    content: bytes = b""

    def apply(self, data: bytes) -> bytes:
        """The bytes with this change made."""
        at = self.place if isinstance(self.place, int) else int(self.place * len(data))
        at = min(at, len(data))
        before, here, after = data[:at], data[at:at + self.size], data[at + self.size:]
        return {
            "cut off": lambda: before, "leave out": lambda: before + after,
            "insert": lambda: data[:at] + self.content + data[at:],
            "overwrite": lambda: before + self.content + data[at + len(self.content):],
            "flip": lambda: before + bytes(b ^ 0xFF for b in here) + after,
            "flip a bit": lambda: (before[:at] + bytes(b ^ (1 << self.size % 8) for b in data[at:at + 1])
                                   + data[at + 1:]),
            "zero": lambda: before + bytes(len(here)) + after, "repeat": lambda: before + here * 2 + after,
        }[self.kind]()


@dataclass(frozen=True)
class Damaged:
    """Bytes, and what was done to them."""

    edits: tuple[Edit, ...]
    data: bytes

    def __repr__(self) -> str:
        return f"{len(self.data)} bytes after {', '.join(map(str, self.edits)) or 'no change'}"


def damage(data: bytes, tokens: Sequence[bytes] = (), most: int = 4) -> st.SearchStrategy[Damaged]:
    """`data` with up to `most` edits: cut off, bits and bytes changed, parts left out, repeated or replaced by others,
    among them the `tokens` of its format. Half the edits are in the first 64 bytes, where headers stand."""
    place = st.integers(0, min(64, len(data))) | st.floats(0, 1)
    size = st.integers(1, 8) | st.integers(1, max(1, len(data)))
    content = st.binary(min_size=1, max_size=8) | st.sampled_from((b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff", *tokens))
    kinds = ("cut off", "leave out", "insert", "overwrite", "flip", "flip a bit", "zero", "repeat")
    edits = st.lists(st.builds(Edit, st.sampled_from(kinds), place, size, content), max_size=most)

    def made(edits: list[Edit]) -> Damaged:
        changed = data
        for edit in edits:
            changed = edit.apply(changed)
        return Damaged(tuple(edits), changed)

    return edits.map(made) | st.binary(max_size=64).map(lambda other: Damaged((Edit("overwrite", 0, 0, other),), other))


def false_lengths(data: bytes) -> st.SearchStrategy[Damaged]:
    """`data` with one to three of the lengths in its header changed, and nothing else; as it is where it has none."""
    places = [(data.find(mark) + offset, order) for mark, offset, order in LENGTH_MARKS if mark in data[:4096]]

    def made(changes: list[tuple[tuple[int, str], float | int]]) -> Damaged:
        edits, changed = [], data
        for (at, order), length in changes:
            there = int.from_bytes(data[at:at + 4], order)
            number = min(int(there * length), 2 ** 32 - 1) if isinstance(length, float) else length
            edits.append(Edit("overwrite", at, 0, number.to_bytes(4, order)))
            changed = edits[-1].apply(changed)
        return Damaged(tuple(edits), changed)

    if not places:
        return st.just(Damaged((), data))
    return st.lists(st.tuples(st.sampled_from(places), st.sampled_from(LENGTHS)), min_size=1, max_size=3).map(made)


# Tables.

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "utf-32")

Change = tuple[str, int, int, str]
"""What is done to a table, to which row and column (counted round), and with which text."""

CHANGES: dict[str, Callable[[list[list[str]], int, int, str], Any]] = {
    "set cell": lambda rows, r, c, text: rows[r].__setitem__(c % len(rows[r]), text) if rows[r] else None,
    "set column": lambda rows, r, c, text: [row.__setitem__(c, text) for row in rows[1:] if c < len(row)],
    "rename column": lambda rows, r, c, text: rows[0].__setitem__(c % len(rows[0]), text) if rows[0] else None,
    "drop column": lambda rows, r, c, text: [row.pop(c) for row in rows if c < len(row)],
    "repeat column": lambda rows, r, c, text: [row.append(row[c]) for row in rows if c < len(row)],
    "swap columns": lambda rows, r, c, text: [row.insert(0, row.pop(c)) for row in rows if c < len(row)],
    "drop row": lambda rows, r, c, text: rows.pop(r),
    "repeat row": lambda rows, r, c, text: rows.insert(r, list(rows[r])),
    "lengthen row": lambda rows, r, c, text: rows[r].append(text),
    "shorten row": lambda rows, r, c, text: rows[r].clear(),
    "keep header": lambda rows, r, c, text: rows.__delitem__(slice(1, None)),
    "respell cell": lambda rows, r, c, text: (
        rows[r].__setitem__(c % len(rows[r]), respelt(rows[r][c % len(rows[r])], len(text))) if rows[r] else None),
    "many columns": lambda rows, r, c, text: rows[0].extend(f"{text[:9]}{i}" for i in range(1_000)),
    "many rows": lambda rows, r, c, text: rows.extend([list(rows[r])] * 500),
}


def respelt(cell: str, number: int) -> str:
    """Another spelling of a cell, of the kinds in which one name is written in two ways."""
    ways = (cell.upper(), cell.lower(), f" {cell}", f"{cell}\u200b", f"0{cell}", f"{cell}.0", f'"{cell}"',
            unicodedata.normalize("NFD", f"{cell}é"))
    return ways[number % len(ways)]


@dataclass(frozen=True)
class Table:
    """A table as bytes, and what was done to it."""

    changes: tuple[Change, ...]
    encoding: str
    separator: str
    line: str
    edits: tuple[Edit, ...]
    data: bytes

    def __repr__(self) -> str:
        said = [(*where, text if len(text) < 40 else f"{text[:9]}… {len(text)}") for *where, text in self.changes]
        return f"table {said} in {self.encoding} {self.separator!r} {self.line!r} {list(self.edits)}"


def tables(data: bytes) -> st.SearchStrategy[Table]:
    """A comma separated table of UTF-8 with cells, columns, rows, encoding and bytes changed."""
    width = data.split(b"\n")[0].count(b",")
    change = st.tuples(st.sampled_from(list(CHANGES)), st.integers(0, 30), st.integers(0, width),
                       st.sampled_from(NASTY_TEXTS) | st.sampled_from(ODD_WORDS) | SHORT)
    usual = st.just(("utf-8", ",", "\n"))
    odd = st.tuples(st.sampled_from(ENCODINGS), st.sampled_from(",;\t|"), st.sampled_from(("\n", "\r\n", "\r")))
    kinds, contents = ("cut off", "insert", "flip", "leave out"), (b'"', b"\0", b"\xff", b"\r", b",")
    edit = st.builds(Edit, st.sampled_from(kinds), st.floats(0, 1), st.integers(1, 40), st.sampled_from(contents))
    edits = st.just([]) | st.lists(edit, max_size=2)

    def made(changes: list[Change], form: tuple[str, str, str], edits: list[Edit]) -> Table:
        changed = changed_table(data, changes, *form)
        for edit in edits:
            changed = edit.apply(changed)
        return Table(tuple(changes), *form, tuple(edits), changed)

    return st.builds(made, st.lists(change, max_size=4), usual | odd, edits)


def changed_table(data: bytes, changes: Sequence[Change], encoding: str, separator: str, line: str) -> bytes:
    """The table's bytes after the changes, in that encoding, with that separator and line end."""
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    for kind, row, column, text in changes:
        if rows:
            CHANGES[kind](rows, row % len(rows), column, text)
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, lineterminator=line).writerows(rows)
    return out.getvalue().encode(encoding, errors="replace")


# JSON.

@dataclass(frozen=True)
class Altered:
    """JSON or YAML content of which entries were set or taken out, and which: paths of keys and places."""

    changes: tuple[tuple[tuple, Any], ...]
    content: Any

    def __repr__(self) -> str:
        return f"content with {[(path, repr(value)[:80]) for path, value in self.changes]}"

    def json(self) -> bytes:
        """The content as JSON text."""
        return json.dumps(self.content).encode("utf-8", "surrogatepass")


def altered(content: Any, most: int = 3) -> st.SearchStrategy[Altered]:
    """JSON content with up to `most` entries, anywhere in it, set to strange values or taken out (`...`)."""
    changes = st.tuples(st.sampled_from(list(_paths(content))), nasty_values() | st.just(...))
    return st.lists(changes, min_size=1, max_size=most).map(lambda c: Altered(tuple(c), _with(content, c)))


def _paths(content: Any, path: tuple = ()) -> list[tuple]:
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path, *(p for key, value in items for p in _paths(value, (*path, key)))]


def _with(content: Any, changes: Sequence[tuple[tuple, Any]]) -> Any:
    changed = {"": copy.deepcopy(content)}
    for path, value in changes:
        *parents, last = ("", *path)
        inner: Any = changed
        try:
            for key in parents:
                inner = inner[key]
            if value is ...:
                del inner[last]
            else:
                inner[last] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change has taken the place out
    return changed.get("")
