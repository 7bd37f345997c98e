import dataclasses
import os

import numpy as np
import pytest
import soundfile

import burst2vec.audio
from burst2vec.audio import load
from burst2vec.corpus import CorpusError, read_corpus
from burst2vec.store import WaveformStore, audio_paths, open_store


@pytest.fixture
def corpus(tmp_path, write_exvo, labels):
    return read_corpus(write_exvo(tmp_path / "tones", labels))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def loads(monkeypatch):
    """The recordings that were decoded, one after the other."""
    names = []

    def counted(path, audio):
        names.append(path.name)
        return load(path, audio)

    monkeypatch.setattr(burst2vec.audio, "load", counted)
    return names


@pytest.mark.parametrize("audio", ["provided", "own"])
def test_the_store_holds_every_burst_in_the_tables_order_within_16_bit_rounding_of_its_peak(corpus, cache, audio):
    store = open_store(corpus, audio, cache)
    assert len(store) == len(corpus.table) and store.files.tolist() == corpus.table.index.tolist()
    for row, path in enumerate(audio_paths(corpus, audio)):
        exact = load(path, audio)
        assert store[row].dtype == np.float32 and len(store[row]) == store.lengths[row] == len(exact)
        assert np.abs(store[row] - exact).max() <= 0.51 * np.abs(exact).max() / 32767


def test_own_audio_is_not_clipped_by_the_16_bit_file(corpus, cache):
    store = open_store(corpus, "own", cache)
    levels = [10 * np.log10(np.mean(np.square(store[i], dtype=np.float64))) for i in range(len(store))]
    np.testing.assert_allclose(levels, -3, atol=1e-3)
    assert max(np.abs(store[i]).max() for i in range(len(store))) > 1


def test_the_two_kinds_of_audio_are_kept_apart(corpus, cache):
    provided, own = open_store(corpus, "provided", cache), open_store(corpus, "own", cache)
    assert not np.allclose(provided[0][:1000], own[0][:1000])
    assert len(list(cache.iterdir())) == 2


def test_a_second_opening_decodes_nothing(corpus, cache, loads):
    for _ in range(2):
        open_store(corpus, "provided", cache)
    assert sorted(loads) == [f"{f}.wav" for f in corpus.table.index]


def test_a_changed_recording_makes_the_store_anew(corpus, cache, loads):
    open_store(corpus, "provided", cache)
    path = corpus.root / corpus.table["provided"].iloc[5]
    waveform, rate = soundfile.read(path)
    soundfile.write(path, waveform[::-1], rate)
    os.utime(path, ns=(1, 1))  # of the same size: only its time tells
    store = open_store(corpus, "provided", cache)
    assert len(loads) == 2 * len(corpus.table)
    np.testing.assert_allclose(store[5], waveform[::-1], atol=1e-4)


def test_another_order_of_the_bursts_makes_the_store_anew(corpus, cache):
    open_store(corpus, "provided", cache)
    turned = dataclasses.replace(corpus, table=corpus.table[::-1])
    assert open_store(turned, "provided", cache).files.tolist() == corpus.table.index[::-1].tolist()


def test_another_recipe_makes_the_store_anew(corpus, cache, loads, monkeypatch):
    open_store(corpus, "provided", cache)
    monkeypatch.setattr("burst2vec.store.RECIPE", 999)
    open_store(corpus, "provided", cache)
    assert len(loads) == 2 * len(corpus.table)


def test_corpora_of_one_name_in_different_places_have_stores_of_their_own(corpus, cache, tmp_path, write_exvo, labels):
    other = read_corpus(write_exvo(tmp_path / "elsewhere" / "tones", labels))
    open_store(corpus, "provided", cache)
    open_store(other, "provided", cache)
    assert len(list(cache.iterdir())) == 2


def test_every_unusable_recording_is_listed_and_no_folder_is_left(corpus, cache):
    (corpus.root / "wav" / "00003.wav").write_bytes(b"noise")
    soundfile.write(corpus.root / "wav" / "00010.wav", np.zeros(8_000), 16_000)
    with pytest.raises(CorpusError, match="2 recordings cannot be used") as caught:
        open_store(corpus, "provided", cache)
    assert "00003.wav: not readable" in str(caught.value) and "00010.wav: silent" in str(caught.value)
    assert not list(cache.iterdir())


def test_a_store_that_fails_to_be_made_anew_does_not_pass_for_the_old_one(corpus, cache):
    open_store(corpus, "provided", cache)
    (corpus.root / "wav" / "00003.wav").write_bytes(b"noise")
    for _ in range(2):
        with pytest.raises(CorpusError, match="00003.wav: not readable"):
            open_store(corpus, "provided", cache)


@pytest.mark.parametrize(("audio", "folder", "complaint"), [
    ("own", "raw", "1 of 28 bursts have no raw recordings, '00007' first; `audio: own` needs one for each"),
    ("provided", "wav", "1 of 28 bursts have no provided audio, '00007' first"),
])
def test_a_burst_without_recording_is_named(corpus, cache, audio, folder, complaint):
    (corpus.root / folder / "00007.wav").unlink()
    with pytest.raises(CorpusError, match=complaint):
        open_store(read_corpus(corpus.root), audio, cache)


def test_recordings_that_went_missing_are_counted_and_the_first_named(corpus, cache):
    for number in (3, 5, 8, 13):
        (corpus.root / "wav" / f"{number:05d}.wav").unlink()
    first = "wav/00003.wav, wav/00005.wav, wav/00008.wav first"
    with pytest.raises(CorpusError, match=f"4 of 28 recordings are missing, {first}; burst2vec check .* lists them"):
        open_store(corpus, "provided", cache)


def test_a_truncated_store_is_refused_with_the_way_out(corpus, cache):
    open_store(corpus, "provided", cache)
    folder = next(cache.iterdir())
    samples = folder / "samples.i16"
    samples.write_bytes(samples.read_bytes()[:-100])
    with pytest.raises(CorpusError, match="holds .* samples where its index lists .*; delete the folder"):
        WaveformStore(folder)


def test_ids_keep_their_zeros(corpus, cache):
    assert open_store(corpus, "provided", cache).files[0] == "00000"
