"""VocalSound is read from its recordings' names and its lists of speakers, with what cannot be read said."""

from __future__ import annotations

import json

import pytest

from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.opening import read, read_corpus
from burst2vec.corpora.readers import vocalsound
from burst2vec.corpora.readers.layouts import recognise

SOUNDS = ("cough", "laughter", "sigh", "sneeze", "sniff", "throatclearing")


def speaker(number: int) -> list:
    """The entry of a made-up speaker: every third is Indian; ages run from 20 to 39."""
    return [f"{'fm'[number % 2]}{number:04d}", ("female", "male")[number % 2], str(20 + number % 20),
            "India" if number % 3 == 0 else "USA", "English", "no" if number % 5 else "asthma"]


@pytest.fixture
def entries():
    return [speaker(number) for number in range(3, 23)]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A function that writes a corpus of empty recordings with the lists of speakers given, and returns its folder."""
    monkeypatch.setattr(vocalsound, "FEWEST_SPEAKERS", 4)

    def write(lists, names=None, folder="audio_16k"):
        for path in (tmp_path / folder, tmp_path / "meta"):
            path.mkdir(exist_ok=True)
        for name in names or [f"{entry[0]}_0_{sound}" for entry in map(speaker, range(3, 23)) for sound in SOUNDS]:
            (tmp_path / folder / f"{name}.wav").touch()
        for part, content in lists.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / "meta" / f"{part}_meta.json").write_text(text)
        return tmp_path
    return write


@pytest.fixture
def published(entries):
    """The lists as they are published, with the speakers in three splits."""
    return {"all": entries, "tr": entries[:14], "val": entries[14:17], "te": entries[17:]}


def test_a_burst_has_the_sound_of_its_name_and_the_traits_of_its_speaker(write, published):
    row = read_corpus(write(published)).table.loc["m0009_0_throatclearing"]
    assert row[["speaker", "sex", "sound", "age", "country", "language", "health"]].tolist() == [
        "m0009", "m", "throatclearing", 29.0, "India", "English", "no"]
    assert row["raw"] == row["provided"] == "audio_16k/m0009_0_throatclearing.wav"


def test_the_tasks_are_sound_age_and_what_enough_speakers_have_in_common(write, published):
    sound, age, country = read_corpus(write(published)).tasks
    assert (sound.name, sound.kind, sound.classes) == ("sound", "classes", SOUNDS)
    assert (age.name, age.kind, age.unit, age.low, age.high) == ("age", "scalar", "years", 23, 36)
    assert (country.name, country.kind, country.classes) == ("country", "classes", ("India", "USA"))


def test_a_country_of_few_training_speakers_is_no_label_wherever_it_occurs(write, published, entries):
    places = (1, 2, 4, 14, 17)  # three training speakers, and one of validation and of test
    for place in places:
        entries[place][3] = "Peru"
    corpus = read_corpus(write({**published, "all": entries}))
    peruvian = corpus.table["speaker"].isin([entries[place][0] for place in places])
    assert corpus.task("country").classes == ("India", "USA")
    assert (corpus.table["country"].isna() == peruvian).all()
    entries[5][3] = "Peru"
    assert read_corpus(write({**published, "all": entries})).task("country").classes == ("India", "Peru", "USA")


def test_the_published_splits_are_kept(write, published):
    table = read_corpus(write(published), seed=5).table
    for part, split in (("tr", "train"), ("val", "val"), ("te", "test")):
        assert set(table["speaker"][table["split"] == split]) == {entry[0] for entry in published[part]}


def test_without_published_splits_speakers_are_dealt_by_the_seed_and_kept_apart(write, entries):
    root = write({"all": entries})
    splits = [read_corpus(root, seed=seed).table["split"] for seed in (0, 0, 1)]
    assert splits[0].equals(splits[1]) and not splits[0].equals(splits[2])
    table = read_corpus(root).table
    assert table.groupby("speaker")["split"].nunique().max() == 1
    assert table.groupby("split")["speaker"].nunique().to_dict() == {"train": 14, "val": 3, "test": 3}


def test_the_44_khz_recordings_are_the_raw_ones_and_either_kind_alone_is_both(write, published):
    root = write(published, folder="audio_44k")
    alone = read_corpus(root).table
    assert (alone["raw"] == alone["provided"]).all() and alone["raw"].str.startswith("audio_44k/").all()
    table = read_corpus(write(published)).table
    assert table["raw"]["f0004_0_sigh"] == "audio_44k/f0004_0_sigh.wav"
    assert table["provided"]["f0004_0_sigh"] == "audio_16k/f0004_0_sigh.wav"


def as_object(entry):
    keys = ("spk_id", "gender", "Age", "country", "native language", "health condition")
    return dict(zip(keys, entry, strict=True))


@pytest.mark.parametrize("change", [
    as_object,
    lambda e: [e[0][1:], *e[1:]],  # without the letter
    lambda e: [int(e[0][1:]), *e[1:]],
    lambda e: [e[0] + "_0", *e[1:]],
    lambda e: [e[0].upper(), e[1].upper(), float(e[2]), *e[3:]],
], ids=["object", "number as text", "number", "with its collection", "other types"])
def test_entries_may_vary_in_form(write, published, change):
    wanted = read_corpus(write(published)).table
    varied = {part: [change(entry) for entry in content] for part, content in published.items()}
    reading = read(write({**varied, "all": {"data": varied["all"]}}))
    assert reading.table.equals(wanted.drop(columns="corpus")) and not reading.all_problems()


def test_a_number_that_a_woman_and_a_man_share_is_told_apart_by_letter_or_gender(write):
    names = [f"{s}_0_{sound}" for s in ("f0001", "m0001", "f0002", "m0003") for sound in SOUNDS]
    entries = [["1", "female", 30, "USA", "English", "no"], ["m0001", "", 40, "USA", "English", "no"]]
    ages = read(write({"all": entries}, names)).table.groupby("speaker")["age"].first()
    assert (ages["f0001"], ages["m0001"]) == (30, 40)


@pytest.mark.parametrize(("change", "told"), [
    (lambda p: p["all"][0].__setitem__(2, "old"), "meta: speaker 'm0003' is of age 'old', which is read as unknown"),
    (lambda p: p["all"][0].__setitem__(2, "-1"), "meta: speaker 'm0003' is of age '-1', which is read as unknown"),
    (lambda p: p["all"].insert(0, ["spk_id", "age"]), "meta/all_meta.json: entry 1 is ['spk_id', 'age']; expected ["),
    (lambda p: p["all"].append(None), "meta/all_meta.json: entry 21 is None; expected ["),
])
def test_a_trait_that_cannot_be_read_is_unknown_and_said_but_stops_nothing(write, published, change, told):
    entries = {"all": [list(entry) for entry in published["all"]]}
    change(entries)
    reading = read(write(entries))
    assert len(reading.problems) == 1 and str(reading.problems[0]).startswith(told)
    assert not any(problem.grave for problem in reading.all_problems())


def test_entries_that_contradict_each_other_are_noted_and_other_spellings_are_not(write, published):
    published["all"] = [list(entry) for entry in published["all"]]
    published["all"][0][2], published["all"][1][3] = "77", "usa "
    reading = read(write(published))
    assert [(str(problem), problem.grave) for problem in reading.problems] == [
        ("meta: age of speaker 'm0003' is '77' and '23' in different entries; the first is read", False)]
    assert reading.table["age"]["m0003_0_cough"] == 77


def test_what_is_read_are_the_recordings_names_and_the_lists_that_there_are(write, entries):
    assert read(write({"all": entries, "te": entries[:1]})).sources == (
        "audio_16k", "meta/all_meta.json", "meta/te_meta.json")


def test_without_lists_of_speakers_the_sounds_are_asked_all_the_same(write):
    reading = read(write({}))
    assert [task.name for task in reading.corpus().tasks] == ["sound"]
    assert [str(problem) for problem in reading.all_problems()] == [
        "meta: lists nothing of 20 of 20 speakers, 'f0004' first; their age, country and language stay unknown"]


@pytest.mark.parametrize(("lists", "complaint"), [
    (lambda p: {**p, "val": p["val"] + p["te"][:1]}, r"te_meta.json: speaker 'f0020' is also in split val"),
    (lambda p: {**p, "te": p["te"][1:]}, "burst 'f0020_0_cough' is in no split; expected one of train, val, test"),
    (lambda p: {**p, "tr": "[["}, r"tr_meta.json: not readable as JSON \(.*line 1.*\); unpack it again"),
    (lambda p: {**p, "all": {"speakers": 3}}, "all_meta.json: expected a list with an entry for each speaker"),
])
def test_lists_that_leave_a_split_in_doubt_are_refused(write, published, lists, complaint):
    with pytest.raises(CorpusError, match=complaint):
        read_corpus(write(lists(published)))


@pytest.mark.parametrize("name", ["x0003_0_cough", "f0003_cough", "f0003_0_hiccup", "laugh", f"f{'9' * 20}_0_cough"])
def test_a_name_that_is_not_vocalsounds_is_refused(write, published, name):
    root = write(published)
    (root / "audio_16k" / f"{name}.wav").touch()
    with pytest.raises(CorpusError, match=f"audio_16k/{name}.wav: expected a name such as f0003_0_cough.wav"):
        read_corpus(root)


def test_a_folder_without_recordings_is_refused(tmp_path):
    (tmp_path / "audio_44k").mkdir()
    assert recognise(tmp_path) == "vocalsound"
    with pytest.raises(CorpusError, match="no .wav files in audio_44k or audio_16k"):
        read_corpus(tmp_path)


def test_a_name_that_is_not_utf_8_is_a_problem_of_that_file(write, published):
    root = write(published)
    (root / "audio_16k" / "caf\udce9.wav").touch()
    (problem,) = read(root).all_problems()
    assert problem.file == "audio_16k/caf\udce9.wav" and "expected a name such as f0003_0_cough.wav" in problem.problem
