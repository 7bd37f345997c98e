"""Features are computed once, belong to their bursts, and follow the corpus's own files where it has them."""

from __future__ import annotations

import importlib.util
import os

import numpy as np
import pytest

from burst2vec.baseline import functionals
from burst2vec.baseline.functionals import FEATURES, compare_features, extract, read_features
from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.opening import read_corpus

needs_opensmile = pytest.mark.skipif(importlib.util.find_spec("opensmile") is None,
                                     reason="openSMILE is not installed")


def write_features(path, values, first="burst"):
    header = ",".join(["name", *(f"f{i}" for i in range(len(values)))])
    path.write_text(header + "\n" + ",".join([first, *map(repr, values)]) + "\n")


@pytest.fixture
def corpus(tmp_path, write_exvo, labels):
    """The tiny corpus with feature files of its own: burst i has features i, i + 1, ..."""
    root = write_exvo(tmp_path / "given", labels)
    (root / "feats" / "ComParE").mkdir(parents=True)
    for i, file in enumerate(labels["File_ID"].str.strip("[]")):
        write_features(root / "feats" / "ComParE" / f"{file}.csv", [float(i + k) for k in range(FEATURES)])
    return read_corpus(root)


@pytest.fixture
def counted(monkeypatch):
    """openSMILE replaced by the waveform's length and sum; the list counts the bursts it was asked for."""
    asked = []

    def length_and_sum(waveform):
        asked.append(len(waveform))
        return np.pad([len(waveform), waveform.sum()], (0, FEATURES - 2)).astype(np.float32)

    monkeypatch.setattr(functionals, "extract", length_and_sum)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    return asked


def test_features_stand_in_the_order_of_the_table_and_are_computed_once(tiny_corpus, tiny_store, counted,
                                                                        tmp_path):
    features = compare_features(tiny_corpus, "provided", tmp_path)
    assert features.shape == (len(tiny_corpus.table), FEATURES) and features.dtype == np.float32
    np.testing.assert_array_equal(features[:, 0], tiny_store.lengths)
    assert len(counted) == len(tiny_corpus.table)
    np.testing.assert_array_equal(compare_features(tiny_corpus, "provided", tmp_path), features)
    assert len(counted) == len(tiny_corpus.table)


@pytest.mark.parametrize("damage", [
    lambda folder: (folder / "features.npy").write_bytes(b"x" + (folder / "features.npy").read_bytes()[1:]),
    lambda folder: (folder / "features.npy").write_bytes(b""),
    lambda folder: (folder / "cached.json").write_text("{"), lambda folder: (folder / "cached.json").write_text("[]"),
], ids=["a byte", "empty", "record cut off", "record of another kind"])
def test_features_that_are_damaged_are_made_again_and_said_to_be(tiny_corpus, counted, tmp_path, damage, capsys):
    wanted = np.array(compare_features(tiny_corpus, "provided", tmp_path))
    [folder] = tmp_path.glob("compare-*")
    damage(folder)
    capsys.readouterr()
    np.testing.assert_array_equal(compare_features(tiny_corpus, "provided", tmp_path), wanted)
    assert len(counted) == 2 * len(tiny_corpus.table)
    printed = capsys.readouterr()
    assert not printed.out and f"{folder}: " in printed.err and "it is made again" in printed.err


def test_features_are_computed_again_when_a_recording_changes(tmp_path, write_exvo, labels, counted):
    corpus = read_corpus(write_exvo(tmp_path / "corpus", labels))
    compare_features(corpus, "provided", tmp_path)
    path = corpus.root / corpus.table["provided"].iloc[0]
    os.utime(path, ns=(0, 0))
    compare_features(corpus, "provided", tmp_path)
    assert len(counted) == 2 * len(labels)


def test_each_kind_of_audio_has_features_of_its_own(tiny_corpus, counted, tmp_path):
    provided, own = (compare_features(tiny_corpus, audio, tmp_path)[:, 1] for audio in ("provided", "own"))
    assert not np.allclose(provided, own)


def test_a_failure_leaves_no_features_behind(tiny_corpus, counted, tmp_path, monkeypatch):
    def fail(waveform):
        raise ValueError("out of order")

    monkeypatch.setattr(functionals, "extract", fail)
    with pytest.raises(ValueError, match="out of order"):
        compare_features(tiny_corpus, "provided", tmp_path)
    assert not list(tmp_path.glob("*compare*"))


def test_without_opensmile_the_error_says_what_to_install(tiny_corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install burst2vec\[opensmile\]"):
        compare_features(tiny_corpus, "provided", tmp_path)


def test_the_corpus_own_features_are_read_and_no_others_computed(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    features = compare_features(corpus, "provided", tmp_path)
    np.testing.assert_array_equal(features[:, 0], range(len(corpus.table)))
    np.testing.assert_array_equal(features[3], np.arange(3, 3 + FEATURES))


def test_a_missing_feature_file_is_named(corpus, tmp_path):
    (corpus.root / "feats" / "ComParE" / "00002.csv").unlink()
    with pytest.raises(CorpusError, match=r"00002\.csv: missing, and 0 more of 28"):
        compare_features(corpus, "provided", tmp_path)


@pytest.mark.parametrize(("text", "message"), [
    ("name,a\nburst,1\n", f"1 features after the first column; expected {FEATURES}"),
    ("name,a\n", "1 lines; expected a header and one row"),
    ("name;a\n" + ";".join(["burst", *["1"] * FEATURES]), "0 features"),
    ("name,a\n" + ",".join(["burst", *["x"] * FEATURES]), "not a number"),
])
def test_a_feature_file_of_another_form_is_refused_by_name(tmp_path, text, message):
    path = tmp_path / "00007.csv"
    path.write_text(text)
    with pytest.raises(CorpusError, match=message) as error:
        read_features(path)
    assert "00007.csv" in str(error.value)


@needs_opensmile
def test_opensmile_gives_6373_numbers_that_follow_the_sound():
    rng, time = np.random.default_rng(0), np.arange(8000) / 16_000
    noise = 0.1 * rng.standard_normal(8000).astype(np.float32)
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    for waveform in (noise, tone, noise[:400]):
        features = extract(waveform)
        assert features.shape == (FEATURES,) and np.isfinite(features).all()
    assert not np.allclose(extract(noise), extract(tone))
    np.testing.assert_array_equal(extract(tone), extract(tone))
