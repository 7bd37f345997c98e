"""A corpus's tables without the rows that spoil training, written beside the originals, which stay as they are."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path

from burst2vec.corpora.corpus import CorpusError, Problem
from burst2vec.corpora.readers.reading import AUDIO_SUFFIXES
from burst2vec.inspection.check import Checked
from burst2vec.machine.files import write_aside


def quarantine(checked: Checked) -> dict[Path, int]:
    """Writes `<table>.quarantined.csv` beside each table that has rows with a grave problem: a copy, to the byte,
    without these rows. Returns the copies with the number of rows left out.

    Raises CorpusError for a layout without such a table, naming the recordings to move or what is to be mended first,
    and for a table that cannot be read.
    """
    if checked.reading is None:
        raise CorpusError(f"{checked.root}: no rows can be left out before the tables can be read")
    source = checked.reading.source
    if not source.endswith(".csv"):
        _refuse_without_table(checked.root, [p for p in checked.problems if p.grave and p.file != source])
    rows = _bad_rows(checked)
    copies = {checked.root / name: without_rows(_bytes(checked.root / name), bad) for name, bad in rows.items()}
    written = {}
    for (table, data), left_out in zip(copies.items(), rows.values(), strict=True):
        copy = table.with_suffix(f".quarantined{table.suffix}")
        with write_aside(copy) as aside:
            aside.write_bytes(data)
        written[copy] = len(left_out)
    return written


def _refuse_without_table(root: Path, grave: Sequence[Problem]) -> None:
    """Refuses bad recordings that no table lists; where more than recordings is bad, theirs may follow from that."""
    for problem in grave:
        if not problem.file.lower().endswith(AUDIO_SUFFIXES):
            raise CorpusError.at(root, problem, "; mend this before recordings are left out")
    if grave:
        files = dict.fromkeys(problem.file for problem in grave)
        raise CorpusError(f"{root}: no .csv table lists the bursts, from which their rows could be left out; "
                          "move these out of the corpus instead:\n  " + "\n  ".join(files))


def _bad_rows(checked: Checked) -> dict[str, set[int]]:
    """The rows with a grave problem, by table."""
    rows = defaultdict(set)
    found = [(problem.file, problem) for problem in checked.tables]
    found += [(checked.reading.source, problem) for problem in checked.recordings]
    for table, problem in found:
        if problem.grave and problem.row is not None:
            rows[table].add(problem.row)
    return rows


def _bytes(table: Path) -> bytes:
    data = table.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise CorpusError(f"{table}: not UTF-8; save it in that encoding before rows can be left out") from None
    return data


def without_rows(data: bytes, rows: Collection[int]) -> bytes:
    """The bytes of a comma separated table without `rows`, counted as a spreadsheet does (the header is row 1)."""
    lines = data.splitlines(keepends=True)
    # In Latin-1 each byte is a character; commas, quotes and line ends are the same in it as in UTF-8.
    reader = csv.reader(io.StringIO(data.decode("latin-1"), newline=""))
    kept, start = [], 0
    for row, _ in enumerate(reader, start=1):
        if row not in rows:
            kept += lines[start:reader.line_num]
        start = reader.line_num
    return b"".join(kept)
