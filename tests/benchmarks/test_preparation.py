"""The benchmark of preparation: what it measures and writes, never how fast it was."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks import preparation
from burst2vec.audio.waveform import load


def load_as_librosa(path, sr, mono):
    assert sr == 16_000 and mono
    return load(path, "provided"), sr


@pytest.fixture(scope="module")
def figures(tiny_corpus):
    return preparation.measure(tiny_corpus.root, "own", 2, load_as_librosa)


def test_every_way_prepares_every_recording_in_every_round(figures, tiny_corpus):
    assert figures["recordings"] == len(tiny_corpus.table) and figures["rounds"] == 2
    for name in preparation.NAMES:
        assert len(figures[name]["seconds"]) == 2 and min(figures[name]["seconds"]) > 0
        assert all(figures[name][key].keys() == {"median", "low", "high"} for key in
                   ("times_real_time", "times_the_command", "times_the_library"))
    assert figures["command"]["times_the_command"] == {"median": 1, "low": 1, "high": 1}


def test_the_figures_are_printed_and_written_without_a_path(figures, tiny_corpus, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(preparation, "measure", lambda *_: figures)
    preparation.main([str(tiny_corpus.root), "--name", "Laughs", "--json", str(tmp_path / "figures.json")],
                     load=load_as_librosa)
    text = (tmp_path / "figures.json").read_text()
    written = json.loads(text)
    assert written["corpus"] == "Laughs" and written["recordings"] == figures["recordings"]
    assert {"Date", "Processor", "soxr", "soundfile"} <= written["environment"].keys()
    assert preparation.table(written) in capsys.readouterr().out
    assert str(tiny_corpus.root.parent) not in text


def test_a_preparation_that_fails_is_not_measured(tmp_path):
    with pytest.raises(SystemExit, match="(?s)burst2vec prepare failed:.*there is no such folder"):
        preparation._command(tmp_path / "nowhere", "own", tmp_path)


def test_the_benchmark_says_how_to_install_what_it_compares_with(monkeypatch):
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(SystemExit, match="pip install librosa"):
        preparation.librosa_load()
