"""EmoGator is read from its recordings' names."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.opening import read, read_corpus
from burst2vec.corpora.readers.emogator import CATEGORIES


@pytest.fixture
def emogator(tmp_path):
    """Ten speakers of two real MP3 files each."""
    folder = tmp_path / "data" / "mp3"
    folder.mkdir(parents=True)
    for speaker in range(10):
        for category in (1, 1 + 3 * speaker):
            soundfile.write(folder / f"{speaker:06d}-{category:02d}-1.mp3", np.sin(np.arange(4_800) / 9), 48_000)
    (folder / "000000-01-2.mp3").write_bytes((folder / "000000-01-1.mp3").read_bytes())
    return tmp_path


def test_emogators_labels_are_in_its_files_names(emogator):
    corpus = read_corpus(emogator)
    row = corpus.table.loc["000009-28-1"]
    assert (row["speaker"], row["emotion"], row["raw"]) == ("000009", "Surprise (Positive)", "data/mp3/000009-28-1.mp3")
    assert [t.kind for t in corpus.tasks] == ["classes"] and corpus.task("emotion").classes == CATEGORIES
    assert len(CATEGORIES) == 30 and not corpus.synthetic


def test_emogators_speakers_are_dealt_70_15_15_and_kept_apart(emogator):
    table = read_corpus(emogator, seed=1).table
    assert table.groupby("speaker")["split"].nunique().max() == 1
    assert table.groupby("split")["speaker"].nunique().to_dict() == {"train": 7, "val": 1, "test": 2}


def test_emogators_splits_depend_on_the_seed_alone(emogator):
    splits = [read_corpus(emogator, seed=seed).table["split"].tolist() for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


@pytest.mark.parametrize("name", ["000001-31-1", "000001-00-1", "1-02-1", "000001-02", "laugh"])
def test_a_name_that_is_not_emogators_is_refused(emogator, name):
    (emogator / "data" / "mp3" / f"{name}.mp3").touch()
    with pytest.raises(CorpusError, match=f"{name}.mp3: expected a name NNNNNN-EE-I.mp3"):
        read_corpus(emogator)


def test_an_emogator_folder_without_recordings_is_refused(tmp_path):
    (tmp_path / "data" / "mp3").mkdir(parents=True)
    with pytest.raises(CorpusError, match="mp3: no .mp3 files"):
        read_corpus(tmp_path)


def test_recordings_of_any_suffix_are_read_and_appledouble_files_are_none(emogator):
    mp3 = emogator / "data" / "mp3"
    (mp3 / "000000-01-1.mp3").rename(mp3 / "000000-01-1.MP3")
    (mp3 / "000001-01-1.mp3").rename(mp3 / "000001-01-1.flac")
    for name in ("._000000-01-1.mp3", "000002-01-1.wav", "notes.txt"):
        (mp3 / name).touch()
    reading = read(emogator)
    assert reading.table["provided"][["000000-01-1", "000001-01-1", "000002-01-1"]].tolist() == [
        "data/mp3/000000-01-1.MP3", "data/mp3/000001-01-1.flac", "data/mp3/000002-01-1.mp3"]
    assert [(str(p), p.grave) for p in reading.problems] == [
        ("data/mp3/000002-01-1.wav: not read, since 000002-01-1.mp3 lies beside it", False)]


def test_what_the_labels_are_read_from_are_the_recordings_names(emogator):
    assert read(emogator).sources == ("data/mp3",)
