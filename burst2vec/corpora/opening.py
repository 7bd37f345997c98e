"""Opening a corpus: from a folder of any known layout, or one of the corpora that the project synthesises itself."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from burst2vec.config import Params
from burst2vec.corpora import corpus
from burst2vec.corpora.corpus import Corpus, CorpusError
from burst2vec.corpora.joining import join, select
from burst2vec.corpora.readers.layouts import LAYOUTS, recognise
from burst2vec.corpora.readers.reading import Reading

EMBEDDED = ("synthetic", "example")
"""The names of the corpora that the project synthesises itself."""


def read(root: str | Path, layout: str = "auto", seed: int = 0) -> Reading:
    """What the reader of its layout makes of the corpus in folder `root`, with all problems.

    `layout` is a name in `layouts.LAYOUTS`, or `auto` to recognise it. `seed` draws the splits of a corpus that has
    none. The corpus is named after its folder, with dots replaced by `_`, since parts of models have its name. Raises
    FileNotFoundError where there is no such folder, and CorpusError where nothing can be read at all.
    """
    root = Path(root)
    reading = _reader(root, layout).read(root, seed)
    folder = Path(os.path.abspath(root)).name  # for `.` as well; a link keeps the name that its owner gave it
    return dataclasses.replace(reading, name=folder.replace(".", "_"))


def label_sources(root: Path, layout: str = "auto") -> list[Path]:
    """The files and folders that splits, speakers and labels of the corpus in folder `root` are read from.

    None of them is read but a declaration. Raises FileNotFoundError and CorpusError, as `read` does.
    """
    return [root / name for name in _reader(root, layout).sources(root)]


def absent_audio(params: Params) -> list[str]:
    """The kinds of audio for which a corpus that `params` names has no recordings at all, as its table says.

    The embedded corpora have recordings of every kind. Raises FileNotFoundError and CorpusError, as `read` does.
    """
    folders = [params.path(name) for name in params.corpus if name not in EMBEDDED]
    absent = [corpus.absent_audio(read(folder, params.layout, params.split_seed).table) for folder in folders]
    return [kind for kind in corpus.AUDIO if any(kind in kinds for kinds in absent)]


def _reader(root: Path, layout: str) -> ModuleType:
    if not root.is_dir():
        raise FileNotFoundError(f"corpus {root}: there is no such folder")
    name = recognise(root) if layout == "auto" else layout
    if name not in LAYOUTS:
        raise CorpusError(f"layout {name!r} is unknown; expected auto or one of {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def read_corpus(root: str | Path, layout: str = "auto", tasks: Sequence[str] = (), seed: int = 0) -> Corpus:
    """The corpus in folder `root`, restricted to the tasks named (all of them by default).

    Raises FileNotFoundError, and CorpusError with the file, the row and what would be right.
    """
    return select([read(root, layout, seed).corpus()], tasks)[0]


def open_corpus(params: Params) -> Corpus:
    """The corpus that `params` names, or several joined. An embedded corpus is synthesised on first use.

    Raises FileNotFoundError, and CorpusError with the file, the row and what would be right.
    """
    _refuse_one_folder_twice(params)
    corpora = [_open_embedded(name, params) if name in EMBEDDED else
               read(params.path(name), params.layout, params.split_seed).corpus() for name in params.corpus]
    selected = select(corpora, params.tasks)
    return selected[0] if len(selected) == 1 else join(selected)


def _refuse_one_folder_twice(params: Params) -> None:
    """Refuses to join a folder with itself, under whatever name: its bursts would count twice."""
    named: dict[Path, str] = {}
    for name in params.corpus:
        folder = params.path(name).resolve()
        if folder in named and name not in EMBEDDED:
            raise CorpusError(f"corpus {named[folder]} and corpus {name} are one folder; name it once")
        named[folder] = name


def _open_embedded(name: str, params: Params) -> Corpus:
    """The synthetic corpus, or the example of a corpus of one's own, which is half as large and has other speakers."""
    # Imported where they are needed: a corpus of recordings needs no synthesiser.
    from burst2vec.corpora.synthetic.example import write_example
    from burst2vec.corpora.synthetic.synthesis import VERSION, synthesise

    write, share, seed = (synthesise, 1, params.synthetic_seed) if name == "synthetic" else (
        write_example, 2, params.synthetic_seed + 1)
    train, val, test = (size // share for size in (params.synthetic_train, params.synthetic_val, params.synthetic_test))
    parts = (f"{name}{VERSION}", train, val, test, f"bias{params.synthetic_bias:g}", f"seed{seed}")
    folder = params.path(params.cache) / ("-".join(map(str, parts)) + aged(params))
    if not folder.exists():
        write(folder, train, val, test, bias=params.synthetic_bias, seed=seed, ageing=params.synthetic_ageing)
    return dataclasses.replace(read(folder), name=name).corpus()


def aged(params: Params) -> str:
    """What the name of an embedded corpus's folder says of how audible age is; nothing where it is as in people."""
    return f"-ageing{params.synthetic_ageing:g}" if params.synthetic_ageing else ""
