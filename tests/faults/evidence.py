"""Keeps what a command here found: as JSON, and as Markdown that the book's page *Runs that survive* includes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.common import environment, write_json
from burst2vec.machine.files import write_aside


def keep(path: Path, found: Mapping, said: str) -> None:
    """Writes what was found to the JSON file `path`, and what is `said` of it to the file `.md` beside it.

    The latter also tells hardware, versions and date.
    """
    write_json(path, found)
    where = environment()
    with write_aside(path.with_suffix(".md")) as aside:
        aside.write_text(f"{said}\n\n({where['Date']}, {where['Processor']}, Python {where['Python']}, torch "
                         f"{where['torch']}.)\n", encoding="utf-8")
