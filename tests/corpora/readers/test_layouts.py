"""A layout is recognised by what lies in the folder, and a new one is one small module."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile

import burst2vec
from burst2vec.audio.store import open_store
from burst2vec.config import Params
from burst2vec.corpora.corpus import CorpusError, Task
from burst2vec.corpora.opening import read_corpus
from burst2vec.corpora.readers.layouts import LAYOUTS, recognise
from burst2vec.corpora.readers.reading import Reading


@pytest.mark.parametrize(("layout", "known_by"), [
    ("generic", "corpus.yaml"), ("exvo", "data_info.csv"), ("emogator", "data/mp3/"), ("vocalsound", "audio_16k/"),
    ("vocalsound", "audio_44k/"),
])
def test_layouts_are_recognised_by_the_files_they_are_known_by(tmp_path, layout, known_by):
    path = tmp_path / known_by
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if known_by.endswith("/") else path.touch()
    assert recognise(tmp_path) == layout


def test_a_folder_of_no_known_layout_is_refused_with_what_the_layouts_are_known_by(tmp_path):
    with pytest.raises(CorpusError, match="no known layout; expected corpus.yaml .*, data_info.csv .*or audio_16k/"):
        recognise(tmp_path)


def test_the_layouts_are_the_choices_of_the_parameter():
    layout = next(f for f in dataclasses.fields(Params) if f.name == "layout")
    assert layout.metadata["choices"] == ("auto", *LAYOUTS)


def test_a_new_corpus_is_one_small_module(tmp_path, monkeypatch):
    def read_tones(root, seed):
        files = [f"{i}.wav" for i in range(4)]
        table = pd.DataFrame({"split": ["train", "train", "val", "test"], "speaker": list("abcd"), "sex": None,
                              "raw": files, "provided": files, "pitch": [100.0, 200.0, 150.0, 120.0]},
                             index=pd.Index([Path(f).stem for f in files], name="file"))
        return Reading(root, table, (Task("pitch", "scalar", ("pitch",), unit="Hz", low=100, high=200),))

    tones = SimpleNamespace(KNOWN_BY="tones.txt", recognises=lambda root: (root / "tones.txt").is_file(),
                            read=read_tones)
    monkeypatch.setitem(LAYOUTS, "tones", tones)
    for i in range(4):
        soundfile.write(tmp_path / f"{i}.wav", 0.1 * np.sin(np.arange(1_600 + i)), 16_000)
    (tmp_path / "tones.txt").touch()
    corpus = read_corpus(tmp_path)
    assert corpus.poses("pitch") and read_corpus(tmp_path, "tones").table.equals(corpus.table)
    assert open_store(corpus, "own", tmp_path / "cache").lengths.tolist() == [1_600, 1_601, 1_602, 1_603]


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "exvo"])  # which the embedded corpus has
def test_no_module_but_the_readers_and_the_parameters_names_a_layout(layout):
    library = Path(burst2vec.__file__).parent
    naming = {str(path.relative_to(library)) for path in library.rglob("*.py") if f'"{layout}"' in path.read_text()}
    # A model that comes with the package has the name of its corpus.
    assert naming - {"models/shipped.py"} == {"config.py", "corpora/readers/layouts.py"}
