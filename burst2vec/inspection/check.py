"""What is wrong in a corpus, found by reading all of it once: its tables, then every recording."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from burst2vec.audio.faults import ABSENT
from burst2vec.corpora.corpus import SPLITS, CorpusError, Problem
from burst2vec.corpora.opening import read
from burst2vec.corpora.readers.paths import leads_out
from burst2vec.corpora.readers.reading import Reading
from burst2vec.corpora.recordings import is_recording
from burst2vec.inspection.listening import Heard, listen
from burst2vec.machine.parallel import in_parallel
from burst2vec.machine.progress import progress_bar


@dataclass(frozen=True)
class Checked:
    """What a corpus holds, and everything that is wrong in it."""

    root: Path
    """The corpus's folder."""
    reading: Reading | None
    """What its reader made of it, or None where the tables could not be read at all."""
    tables: list[Problem]
    """The problems of its tables."""
    recordings: list[Problem] = field(default_factory=list)
    """The problems of its recordings. Their row is the row of the table that lists the recording."""
    heard: dict[str, Heard] = field(default_factory=dict)
    """The recordings that could be decoded, by their path relative to `root`."""
    layout: str = "auto"
    """The layout that the corpus was read in, as it was asked for."""

    @property
    def problems(self) -> list[Problem]:
        """All problems, the grave ones first."""
        return sorted(self.tables + self.recordings, key=lambda problem: not problem.grave)

    @property
    def grave(self) -> bool:
        """Whether training on the corpus would be refused, or would be wrong."""
        return any(problem.grave for problem in self.problems)

    def seconds(self) -> np.ndarray:
        """The duration in seconds of each burst (bursts,).

        It is that of its provided recording, or else of its raw one, and NaN where neither could be decoded.
        """
        if self.reading is None:
            return np.zeros(0)
        table = self.reading.table
        both = zip(table["provided"], table["raw"], strict=True)
        return np.array([next((self.heard[p].seconds for p in paths if p in self.heard), np.nan) for paths in both])


def check(root: str | Path, layout: str = "auto", seed: int = 0) -> Checked:
    """What there is and what is wrong in the corpus in folder `root`; nothing is changed.

    `layout` and `seed` are those of `opening.read`. Recordings are decoded in parallel and in parts, so that memory
    grows with the tables alone. Raises FileNotFoundError where there is no such folder.
    """
    root = Path(root)
    try:
        reading = read(root, layout, seed)
    except (CorpusError, OSError) as error:
        if not root.is_dir():
            raise
        return Checked(root, None, [_as_problem(error, root)], layout=layout)
    tables = reading.all_problems()
    listed = _listed(reading)
    heard, recordings = {}, _absent(reading)
    for path, result in zip(listed, _listen_to_all(root, listed), strict=True):
        if isinstance(result, Heard):
            heard[path] = result
            recordings += [Problem(path, listed[path], note, grave=False) for note in result.notes]
        fault = result.fault if isinstance(result, Heard) else result
        if fault:
            recordings.append(Problem(path, listed[path], fault))
    recordings += _repeated(reading, heard)
    recordings += _unlisted(root, known={*listed, *(problem.file for problem in tables)})
    return Checked(root, reading, tables, recordings, heard, layout)


def _as_problem(error: CorpusError | OSError, root: Path) -> Problem:
    """The error that ended the reading, as the one problem that is known."""
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
        for i in np.flatnonzero(paths.isna() & ~np.array(unclear, bool)).tolist():
            expected = str(PurePosixPath(folder, f"{os.path.basename(paths.index[i])}{suffix}"))
            found.append(Problem(expected, reading.row(i), ABSENT))
    if not known and len(reading.table):
        found.append(Problem(".", None, "none of the bursts listed has a recording here"))
    return list(dict.fromkeys(found))


def _listen_to_all(root: Path, paths: Iterable[str]) -> Iterator[Heard | str]:
    files = [root / path for path in paths]
    return progress_bar(in_parallel(listen, files), total=len(files), desc="Listening", unit="recording")


def _repeated(reading: Reading, heard: dict[str, Heard]) -> list[Problem]:
    """Recordings that sound exactly like one of another split: a note of each but the first."""
    alike: dict[tuple, list[tuple[str, str, int | None]]] = defaultdict(list)
    for column in ("provided", "raw"):
        for position, path in enumerate(reading.table[column]):
            split = reading.table["split"].iloc[position]
            if path in heard and not heard[path].fault and split in SPLITS:
                alike[heard[path].rate, heard[path].checksum].append((path, split, reading.row(position)))
    found = []
    for (first, split, _), *others in alike.values():
        found += [Problem(path, row, f"sounds exactly like '{first}' of split {split}; this one is of split {other}",
                          grave=False) for path, other, row in others if other != split]
    return list(dict.fromkeys(found))


def _unlisted(root: Path, known: set[str]) -> list[Problem]:
    """Recordings that lie beside known ones, but are none of them."""
    found = []
    for folder in sorted({os.path.dirname(path) for path in known if is_recording(path)}):
        try:
            names = sorted(entry.name for entry in os.scandir(root / folder)
                           if is_recording(entry.name) and entry.is_file())
        except (OSError, ValueError) as error:  # ValueError: a name that no file system takes
            found.append(Problem(folder, None, f"cannot be read ({getattr(error, 'strerror', None) or error})"))
            continue
        paths = (str(PurePosixPath(folder, name)) for name in names)
        found += [Problem(path, None, "not listed, and not read", grave=False) for path in paths if path not in known]
    return found
