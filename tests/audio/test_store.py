import dataclasses
import os
import resource

import numpy as np
import pytest
import soundfile

import burst2vec.audio.quantised
from burst2vec.audio.store import DamagedStore, WaveformStore, audio_paths, open_store
from burst2vec.audio.waveform import load
from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.opening import read_corpus
from burst2vec.machine.parallel import WorkerDied


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

    def counted(path, audio, note):
        names.append(path.name)
        return load(path, audio, note)

    monkeypatch.setattr(burst2vec.audio.quantised, "load", counted)
    return names


@pytest.mark.parametrize("audio", ["provided", "own"])
def test_the_store_holds_every_burst_in_the_tables_order_within_16_bit_rounding_of_its_peak(corpus, cache, audio):
    store = open_store(corpus, audio, cache)
    assert len(store) == len(corpus.table) and store.files.tolist() == corpus.table.index.tolist()
    for row, path in enumerate(audio_paths(corpus, audio)):
        exact = load(path, audio)
        assert store[row].dtype == np.float32 and len(store[row]) == store.lengths[row] == len(exact)
        assert np.abs(store[row] - exact).max() <= 0.51 * np.abs(exact).max() / 32767


def test_what_was_odd_about_a_recording_is_said_by_the_store_whenever_it_is_opened(corpus, cache):
    noise = 0.1 * np.random.default_rng(0).normal(size=(8_000, 1))
    odd, cut = corpus.root / "wav" / "00003.wav", corpus.root / "wav" / "00005.wav"
    soundfile.write(odd, noise * [1, -0.98], 16_000, subtype="FLOAT")
    soundfile.write(cut, np.clip(30 * noise, -1, 1), 16_000)
    for store in (open_store(corpus, "provided", cache), open_store(corpus, "provided", cache)):
        (first, nearly), (second, clipped) = store.notes
        assert (first, second) == (str(odd), str(cut))
        assert nearly.startswith("its channels nearly cancel; ") and clipped.startswith("clipped; ")
    assert open_store(corpus, "own", cache).notes == []


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


@pytest.fixture
def takes(tmp_path):
    """Two folders of recordings with equal names, sizes and times, and a table with a column for each."""
    root = tmp_path / "takes"
    rows = ["file,first,second,part,sound"]
    for number in range(8):
        for folder in ("clips", "first", "second"):
            path = root / folder / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, np.random.default_rng((number, len(folder))).normal(size=2_000) / 9, 16_000)
            os.utime(path, ns=(1, 1))
        paths = ",".join(f"{folder}/{number}.wav" for folder in ("clips", "first", "second"))
        rows.append(f"{paths},{'train' if number < 4 else 'val'},{'sigh' if number % 2 else 'laugh'}")
    (root / "bursts.csv").write_text("\n".join(rows) + "\n")

    def declared(raw):
        (root / "corpus.yaml").write_text(f"table: bursts.csv\nfile: file\nraw: {raw}\nsplit: part\ntasks:\n"
                                          "  sound: {kind: classes, columns: [sound]}\n")
        return read_corpus(root)
    return declared


def test_recordings_of_equal_names_sizes_and_times_in_another_folder_are_others(takes, cache):
    for raw in ("first", "second", "first"):
        corpus = takes(raw)
        store = open_store(corpus, "own", cache)
        exact = [load(path, "own") for path in audio_paths(corpus, "own")]
        assert all(np.abs(store[row] - exact[row]).max() < 1e-3 for row in range(8))


def test_recordings_behind_a_link_that_leads_elsewhere_now_are_others(takes, cache):
    corpus = takes("first")
    (corpus.root / "first").rename(corpus.root / "third")
    seen = []
    for target in ("third", "second"):
        (corpus.root / "first").unlink(missing_ok=True)
        (corpus.root / "first").symlink_to(target)
        seen.append(open_store(corpus, "own", cache)[0].tobytes())
    assert seen[0] != seen[1]


def test_a_corpus_that_is_opened_by_another_path_is_not_decoded_again(takes, cache, loads):
    corpus = takes("first")
    open_store(corpus, "own", cache)
    open_store(dataclasses.replace(corpus, root=corpus.root / "clips" / ".."), "own", cache)
    assert len(loads) == 8


def test_another_order_of_the_bursts_makes_the_store_anew(corpus, cache):
    open_store(corpus, "provided", cache)
    turned = dataclasses.replace(corpus, table=corpus.table[::-1])
    assert open_store(turned, "provided", cache).files.tolist() == corpus.table.index[::-1].tolist()


def test_another_recipe_makes_the_store_anew(corpus, cache, loads, monkeypatch):
    open_store(corpus, "provided", cache)
    monkeypatch.setattr("burst2vec.audio.store.RECIPE", 999)
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


def flip(path, place):
    """Flips one bit of the byte at `place`."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def cut(path, _):
    path.write_bytes(path.read_bytes()[:-100])


def remove(path, _):
    path.unlink()


def scribble(path, _):
    path.write_bytes(b"\xff{")


@pytest.mark.parametrize("place", [0, 1, 2_001, -1])
def test_a_flipped_bit_among_the_samples_is_refused_with_burst_and_way_out(corpus, cache, place):
    store = open_store(corpus, "provided", cache)
    folder = next(cache.iterdir())
    flip(folder / "samples.i16", place)
    store = open_store(corpus, "provided", cache)
    bad = np.searchsorted(np.cumsum(2 * store.lengths), place % (2 * store.lengths.sum()), side="right")
    for row in range(len(store)):
        if row != bad:
            assert len(store[row]) == store.lengths[row]
    for _ in range(2):
        with pytest.raises(DamagedStore, match=f"{folder}: burst '{store.files[bad]}' is not as it was written; "
                                               "delete the folder and it is made again"):
            store[bad]


@pytest.mark.parametrize(("file", "damage", "wrong"), [
    ("samples.i16", cut, "samples.i16 is not as it was written"),
    ("samples.i16", remove, "samples.i16 cannot be read (No such file or directory)"),
    ("index.csv", flip, "index.csv is not as it was written"),
    ("index.csv", cut, "index.csv is not as it was written"),
    ("index.csv", remove, "index.csv cannot be read (No such file or directory)"),
    ("cached.json", scribble, "cached.json is damaged"),
    ("cached.json", remove, "cached.json cannot be read (No such file or directory)"),
])
def test_damage_that_the_opening_finds_is_told_and_the_store_made_again(corpus, cache, capsys, file, damage, wrong):
    store = open_store(corpus, "provided", cache)
    intact = [store[row].tobytes() for row in range(len(store))]
    folder = next(cache.iterdir())
    damage(folder / file, 40)
    capsys.readouterr()
    store = open_store(corpus, "provided", cache)
    assert [store[row].tobytes() for row in range(len(store))] == intact
    told = [line for line in capsys.readouterr().err.splitlines() if "made again" in line]
    assert told == [f"{folder}: {wrong}; it is made again"]
    assert len(WaveformStore(folder)) == len(store) and [path.name for path in cache.iterdir()] == [folder.name]


def test_a_burst_is_compared_with_its_checksum_once(corpus, cache, monkeypatch):
    store, compared = open_store(corpus, "provided", cache), []
    monkeypatch.setattr("burst2vec.audio.store.checksum", lambda content: compared.append(content) or
                        burst2vec.audio.quantised.checksum(content))
    for _ in range(3):
        assert len(store[4]) and len(store[5])
    assert len(compared) == 2


@pytest.mark.parametrize(("error", "seen", "said"), [
    (WorkerDied("a worker died"), CorpusError, "00003.wav: here or at one of the next recordings, a worker died"),
    (KeyboardInterrupt("now"), KeyboardInterrupt, "now"),
])
def test_a_preparation_that_is_broken_off_leaves_nothing(corpus, cache, monkeypatch, error, seen, said):
    def broken_off(function, things):
        yield from map(function, things[:3])
        raise error

    monkeypatch.setattr("burst2vec.audio.store.in_parallel", broken_off)
    with pytest.raises(seen, match=said):
        open_store(corpus, "provided", cache)
    assert not list(cache.iterdir())


@pytest.mark.filterwarnings("ignore:.* tasks")  # joblib's, which pytest lets through
def test_a_full_disk_is_told_with_the_place_and_leaves_nothing(corpus, cache):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))  # beyond that writing fails, as on a full disk
    try:
        with pytest.raises(OSError, match=f"{cache}/store-tones-.*-own: cannot be made there "
                                          r"\(File too large\); make room, or name another folder"):
            open_store(corpus, "own", cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(cache.iterdir())


def test_a_cache_that_is_no_folder_is_named(corpus, cache):
    cache.touch()
    with pytest.raises(OSError, match=f"{cache}/store-tones-.* cannot be made there .*parameter `cache`"):
        open_store(corpus, "own", cache)


def test_ids_keep_their_zeros(corpus, cache):
    assert open_store(corpus, "provided", cache).files[0] == "00000"


def test_the_checksum_of_a_store_is_of_what_its_recordings_hold(corpus, cache):
    before = open_store(corpus, "provided", cache).checksum
    assert open_store(corpus, "provided", cache).checksum == before != open_store(corpus, "own", cache).checksum
    path = corpus.root / corpus.table["provided"].iloc[5]
    waveform, rate = soundfile.read(path)
    soundfile.write(path, waveform[::-1], rate)
    os.utime(path, ns=(1, 1))
    assert open_store(corpus, "provided", cache).checksum != before
