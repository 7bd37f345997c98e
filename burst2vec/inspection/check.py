"""What is wrong in a corpus, found by reading all of it once: its tables, then every recording."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from tqdm.auto import tqdm

from burst2vec.corpora.corpus import CorpusError, Problem
from burst2vec.corpora.opening import read
from burst2vec.corpora.readers.reading import AUDIO_SUFFIXES, Reading, leads_out
from burst2vec.inspection.listening import Heard, faults, listen
from burst2vec.machine.parallel import in_parallel


@dataclass(frozen=True)
class Checked:
    """What a corpus holds, and everything that is wrong in it.

    `tables` are the problems of its tables, `recordings` those of its files, whose row is that of the table that lists
    them; `heard` are the recordings that could be read, by their path relative to `root`. `reading` is None where the
    tables could not be read at all.
    """

    root: Path
    reading: Reading | None
    tables: list[Problem]
    recordings: list[Problem] = field(default_factory=list)
    heard: dict[str, Heard] = field(default_factory=dict)

    @property
    def problems(self) -> list[Problem]:
        """All problems, the grave ones first."""
        return sorted(self.tables + self.recordings, key=lambda problem: not problem.grave)

    @property
    def grave(self) -> bool:
        """Whether training would be wrong."""
        return any(problem.grave for problem in self.problems)

    def seconds(self) -> np.ndarray:
        """How long each burst is (bursts,): its provided recording, or else the raw one; NaN where neither is heard."""
        table = self.reading.table
        both = zip(table["provided"], table["raw"], strict=True)
        return np.array([next((self.heard[p].seconds for p in paths if p in self.heard), np.nan) for paths in both])


def check(root: str | Path, layout: str = "auto", seed: int = 0) -> Checked:
    """What there is and what is wrong in the corpus in folder `root`; `layout` and `seed` as in `opening.read`.

    Nothing is changed. Recordings are read in parallel and in parts: memory grows with the tables alone. Raises
    FileNotFoundError where there is no such folder.
    """
    root = Path(root)
    try:
        reading = read(root, layout, seed)
    except (CorpusError, OSError) as error:
        if not root.is_dir():
            raise
        return Checked(root, None, [_as_problem(error, root)])
    tables = reading.all_problems()
    listed = _listed(reading)
    heard, recordings = {}, _absent(reading)
    for path, result in zip(listed, _listen_to_all(root, listed), strict=True):
        found = [(result, True)] if isinstance(result, str) else faults(result)
        recordings += [Problem(path, listed[path], text, grave) for text, grave in found]
        if isinstance(result, Heard):
            heard[path] = result
    recordings += _unlisted(root, known={*listed, *(problem.file for problem in tables)})
    return Checked(root, reading, tables, recordings, heard)


def _as_problem(error: CorpusError | OSError, root: Path) -> Problem:
    """What ended the reading, as the one problem that is known."""
    if isinstance(error, CorpusError):
        return error.problem or Problem(".", None, str(error).removeprefix(f"{root}: "))
    return Problem(os.path.relpath(error.filename or root, root), None, f"cannot be read ({error.strerror})")


def _listed(reading: Reading) -> dict[str, int | None]:
    """Every recording that the corpus lists, once, and the row that lists it first."""
    found: dict[str, int | None] = {}
    for column in ("provided", "raw"):
        for position, path in enumerate(reading.table[column]):
            if isinstance(path, str) and path not in found and not leads_out(path):
                found[path] = reading.row(position)
    return found


def _absent(reading: Reading) -> list[Problem]:
    """Bursts that have no recording of a kind that others have: a problem of the path where it should be.

    Nothing is said of a burst without any in a row that is faulty already: what is wrong may be its name.
    """
    found, known, faulty = [], False, reading.faulty_rows()
    nowhere = reading.table[["provided", "raw"]].isna().all(axis=1)
    unclear = [bool(none) and reading.row(i) in faulty for i, none in enumerate(nowhere)]
    for column in ("provided", "raw"):
        paths = reading.table[column]
        kinds = Counter((os.path.dirname(p), os.path.splitext(p)[1]) for p in paths if isinstance(p, str))
        if not kinds:
            continue
        known = True
        (folder, suffix), _ = kinds.most_common(1)[0]
        for i in np.flatnonzero(paths.isna() & ~np.array(unclear, bool)):
            expected = str(PurePosixPath(folder, f"{paths.index[i]}{suffix}"))
            found.append(Problem(expected, reading.row(i), "there is no such recording"))
    if not known and len(reading.table):
        found.append(Problem(".", None, "none of the bursts listed has a recording here"))
    return list(dict.fromkeys(found))


def _listen_to_all(root: Path, paths: Iterable[str]) -> Iterator[Heard | str]:
    files = [root / path for path in paths]
    return tqdm(in_parallel(listen, files), total=len(files), desc="Listening", unit="recording")


def _unlisted(root: Path, known: set[str]) -> list[Problem]:
    """Recordings that lie beside those known, but are none of them."""
    found = []
    for folder in sorted({os.path.dirname(path) for path in known if path.lower().endswith(AUDIO_SUFFIXES)}):
        try:
            names = sorted(entry.name for entry in os.scandir(root / folder)
                           if entry.name.lower().endswith(AUDIO_SUFFIXES) and entry.is_file())
        except (OSError, ValueError) as error:  # ValueError: a name that no file system takes
            found.append(Problem(folder, None, f"cannot be read ({getattr(error, 'strerror', None) or error})"))
            continue
        paths = (str(PurePosixPath(folder, name)) for name in names)
        found += [Problem(path, None, "not listed, and not read", grave=False) for path in paths if path not in known]
    return found
