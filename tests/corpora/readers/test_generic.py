"""A corpus of one's own is read from a table and the `corpus.yaml` beside it, and what is wrong in them is named."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml

from burst2vec.audio.store import open_store
from burst2vec.config import Params
from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.joining import join
from burst2vec.corpora.opening import open_corpus, read, read_corpus
from burst2vec.corpora.readers.layouts import recognise

SPLITS = ["train"] * 6 + ["val"] * 4 + ["test"] * 2


@pytest.fixture
def bursts():
    """Twelve bursts of six speakers."""
    return pd.DataFrame({
        "path": [f"sounds/{i:02d}.wav" for i in range(12)], "original": [f"raw/{i:02d}.flac" for i in range(12)],
        "who": [f"P{i // 2}" for i in range(12)], "gender": ["Female", "Female", "m", "m"] * 3,
        "part": SPLITS, "years": np.arange(20, 32), "arousal": np.linspace(0, 1, 12),
        "valence": np.linspace(0.9, 0.2, 12), "label": ["sigh", "laugh"] * 6,
    })


@pytest.fixture
def write(tmp_path):
    """A function that writes a corpus without recordings, and returns its folder."""
    def write(bursts, declared):
        bursts.to_csv(tmp_path / "bursts.csv", index=False)
        text = declared if isinstance(declared, str) else yaml.safe_dump(declared, sort_keys=False)
        (tmp_path / "corpus.yaml").write_text(text)
        return tmp_path
    return write


def test_twelve_rows_are_read_from_declaration_to_waveforms(write, bursts, declared, tmp_path):
    for folder, suffix, rate in (("sounds", "wav", 16_000), ("raw", "flac", 24_000)):
        (tmp_path / folder).mkdir()
        for i in range(12):
            tone = 0.1 * np.sin(np.arange((i + 1) * rate // 100 + rate // 10) / 9)
            soundfile.write(tmp_path / folder / f"{i:02d}.{suffix}", tone, rate)
    corpus = read_corpus(write(bursts, declared))
    wanted = pd.DataFrame({
        "split": SPLITS, "speaker": bursts["who"], "sex": ["f", "f", "m", "m"] * 3,
        "raw": bursts["original"], "provided": bursts["path"], "age": np.arange(20, 32),
        "arousal": bursts["arousal"], "valence": bursts["valence"],
        "sound": bursts["label"], "corpus": tmp_path.name}).set_axis([f"sounds/{i:02d}" for i in range(12)])
    pd.testing.assert_frame_equal(corpus.table, wanted, check_dtype=False, check_names=False)
    for audio in ("provided", "own"):
        store = open_store(corpus, audio, tmp_path / "cache")
        np.testing.assert_allclose(store.lengths, 1_600 + 160 * np.arange(1, 13), atol=1)


def test_the_tasks_are_those_declared_and_a_single_column_goes_by_the_tasks_name(write, bursts, declared):
    age, mood, sound = read_corpus(write(bursts, declared)).tasks
    assert (age.kind, age.columns, age.unit, age.low, age.high) == ("scalar", ("age",), "years", 20, 25)
    assert (mood.kind, mood.columns) == ("intensities", ("arousal", "valence"))
    assert (sound.kind, sound.columns, sound.classes) == ("classes", ("sound",), ("laugh", "sigh"))


def test_classes_may_be_listed_and_keep_their_order(write, bursts, declared):
    declared["tasks"]["sound"]["classes"] = ["sigh", "cough", "laugh"]
    assert read_corpus(write(bursts, declared)).task("sound").classes == ("sigh", "cough", "laugh")


def test_what_is_optional_may_be_left_out(write, bursts, declared):
    for key in ("raw", "speaker", "sex", "split"):
        del declared[key]
    table = read_corpus(write(bursts, declared)).table
    assert (table["raw"] == table["provided"]).all() and table[["speaker", "sex"]].isna().all(axis=None)
    assert table["split"].value_counts().to_dict() == {"train": 8, "val": 2, "test": 2}


def test_speakers_without_splits_are_dealt_by_the_seed_and_kept_apart(write, bursts, declared):
    del declared["split"]
    root = write(bursts, declared)
    tables = [read_corpus(root, seed=seed).table for seed in (0, 0, 1)]
    assert tables[0]["split"].equals(tables[1]["split"]) and not tables[0]["split"].equals(tables[2]["split"])
    for table in tables:
        assert table.groupby("speaker")["split"].nunique().max() == 1
        assert table.groupby("split")["speaker"].nunique().to_dict() == {"train": 4, "val": 1, "test": 1}


@pytest.mark.parametrize(("split", "told"), [
    (True, "bursts.csv: 12 of 12 bursts have no speaker; that splits keep speakers apart cannot be checked"),
    (False, "bursts.csv: 12 of 12 bursts have no speaker; they are dealt to the splits one by one, and a speaker may "
            "be in several"),
])
def test_that_speakers_are_not_known_is_said_but_stops_nothing(write, bursts, declared, split, told):
    del declared["speaker"]
    if not split:
        del declared["split"]
    problems = read(write(bursts, declared)).problems
    assert [(str(p), p.grave) for p in problems] == [(told, False)]


def test_a_speaker_named_unknown_in_several_rows_is_refused(write, bursts, declared):
    bursts.loc[[0, 11], "who"] = "unknown"
    said = [p.problem for p in read(write(bursts, declared)).problems if p.grave]
    assert "who is 'unknown' in 2 rows, which would be one speaker" in said[0]


def test_splits_have_many_names(write, bursts, declared):
    bursts["part"] = ["Train", "TRAINING", "train"] * 2 + ["dev", "Validation", "valid", "VAL"] + ["Test", "TEST"]
    assert read_corpus(write(bursts, declared)).table["split"].tolist() == SPLITS


def test_a_sex_that_is_neither_is_unknown_and_said(write, bursts, declared):
    bursts.loc[:1, "gender"] = ["x", "W"]
    reading = read(write(bursts, declared))
    assert reading.table["sex"].tolist() == [None, "f", "m", "m"] + ["f", "f", "m", "m"] * 2
    assert [(str(p), p.grave) for p in reading.all_problems()] == [
        ("bursts.csv: gender is 'x' in 1 row, which is read as unknown; expected f or m", False)]


def test_a_burst_takes_part_in_the_tasks_that_it_has_labels_for(write, bursts, declared):
    bursts["label"] = bursts["label"].where(bursts.index % 3 > 0)
    bursts["arousal"] = bursts["arousal"].where(bursts.index % 2 > 0)
    corpus = read_corpus(write(bursts, declared))
    assert corpus.task("sound").labelled(corpus.table).tolist() == (np.arange(12) % 3 > 0).tolist()
    assert corpus.task("mood").labelled(corpus.table).tolist() == (np.arange(12) % 2 > 0).tolist()


def test_an_age_of_ones_own_is_one_task_with_that_of_another_corpus(write, bursts, declared, tiny_corpus):
    joined = join([read_corpus(write(bursts, declared)), tiny_corpus])
    assert [task.name for task in joined.tasks] == ["age", "mood", "sound", "emotion", "country"]
    assert joined.task("age").low == min(20, tiny_corpus.task("age").low)


def test_a_corpus_yaml_wins_over_any_other_layout(write, bursts, declared, tiny_corpus):
    root = write(bursts, declared)
    (root / "data_info.csv").touch()
    (root / "audio_16k").mkdir()
    assert recognise(root) == "generic"


def test_the_example_in_the_book_is_read_as_it_stands(tmp_path):
    page = (Path(__file__).parents[3] / "book" / "corpora.md").read_text(encoding="utf-8")
    for name, language in (("corpus.yaml", "yaml"), ("bursts.csv", "text")):
        (tmp_path / name).write_text(re.search(rf"```{language}\n(.*?)```", page, re.DOTALL)[1], encoding="utf-8")
    reading = read(tmp_path)
    corpus = reading.corpus()
    assert reading.all_problems() == [] and corpus.table.groupby("split").size().to_dict() == {
        "train": 4, "val": 2, "test": 2}
    assert [(task.name, task.kind) for task in corpus.tasks] == [
        ("age", "scalar"), ("mood", "intensities"), ("sound", "classes")]
    row = corpus.table.loc["clips/ben-1"]
    assert row[["speaker", "sex", "raw", "age", "arousal", "sound"]].tolist() == [
        "ben", "m", "takes/0003.flac", 51, 0.7, "laugh"]


@pytest.mark.parametrize(("key", "name", "complaint"), [
    ("table", "burst.csv", "table is 'burst.csv', and there is no such file in"),
    ("file", "Path", r"file: bursts.csv has no column 'Path'; did you mean path\?"),
    ("speaker", "xyzzy", "speaker: bursts.csv has no column 'xyzzy'; its columns are path, original, who, gender"),
])
def test_a_table_or_column_that_is_not_there_is_named(write, bursts, declared, key, name, complaint):
    with pytest.raises(CorpusError, match=f"corpus.yaml: {complaint}"):
        read_corpus(write(bursts, {**declared, key: name}))


def test_a_tasks_column_that_is_not_there_is_named(write, bursts, declared):
    declared["tasks"]["age"]["columns"] = ["year"]
    with pytest.raises(CorpusError, match=r"corpus.yaml: task age: columns: .* no column 'year'; did you mean years\?"):
        read_corpus(write(bursts, declared))


def test_a_column_must_not_bear_the_name_of_a_class_probability(write, bursts, declared):
    declared["tasks"]["mood"]["columns"] = ["arousal", "sound_laugh"]
    with pytest.raises(CorpusError, match="corpus.yaml: the predictions would hold two columns 'sound_laugh'"):
        read_corpus(write(bursts.rename(columns={"valence": "sound_laugh"}), declared))


@pytest.mark.parametrize(("row", "column", "value", "complaint"), [
    (3, "path", "", "row 5: path is missing; expected the path of a recording"),
    (3, "path", "sounds/02.mp3", "row 5: burst 'sounds/02' is listed twice"),
    (3, "path", "../02.mp3", "row 5: ../02.mp3 leads out of the corpus"),
    (3, "original", "/02.mp3", "row 5: /02.mp3 leads out of the corpus"),
    (3, "years", "old", "row 5: years is 'old'; expected a number"),
    (3, "arousal", "0,5", "row 5: arousal is '0,5'; expected a number with a decimal point"),
    (3, "arousal", 1.5, r"row 5: burst 'sounds/03' has arousal 1.5; intensities lie in \[0, 1\]"),
    (8, "label", "hiccup", "row 10: burst 'sounds/08' has sound 'hiccup'; expected one of laugh, sigh"),
    (3, "part", "eval", "row 5: burst 'sounds/03' is in split 'eval'; expected one of train, val, test"),
    (3, "who", "P4", "row 5: speaker 'P4' is in more than one split"),
    (slice(0, 5), "years", 30, ": task age: the training rows hold fewer than two different labels in column years"),
    (slice(0, 5), "label", "sigh", ": task sound: the training rows hold fewer than two different labels"),
    (slice(6, 9), "valence", "", ": no burst of split val has a label for task mood"),
])
def test_a_bad_cell_is_named_with_its_row(write, bursts, declared, row, column, value, complaint):
    bursts[column] = bursts[column].astype(object)
    bursts.loc[row, column] = value
    with pytest.raises(CorpusError, match=f"bursts.csv(, )?{complaint}"):
        read_corpus(write(bursts, declared))


def test_a_table_separated_by_semicolons_is_named(write, bursts, declared):
    root = write(bursts, declared)
    bursts.to_csv(root / "bursts.csv", index=False, sep=";")
    with pytest.raises(CorpusError, match="bursts.csv: its cells are separated by semicolons; expected commas"):
        read_corpus(root)


@pytest.mark.parametrize(("text", "complaint"), [
    ("", "empty; expected a table"), ('path,who\n"sounds/0.wav' + 200_000 * "x", "is there a quote too many")])
def test_a_table_that_is_none_is_refused(write, bursts, declared, text, complaint):
    root = write(bursts, declared)
    (root / "bursts.csv").write_text(text)
    with pytest.raises(CorpusError, match=complaint):
        read_corpus(root)


# Words for missing values

@pytest.mark.parametrize("word", ["NA", "None", "null", "-", "", "nan", "n/a", "<NA>", " NULL "])
def test_words_for_a_missing_value_are_missing_in_columns_of_numbers(write, bursts, declared, word):
    for column in ("years", "valence"):
        bursts[column] = bursts[column].astype(object)
        bursts.loc[3, column] = word
    reading = read(write(bursts, declared))
    assert reading.all_problems() == []
    assert np.isnan(reading.table[["age", "valence"]].iloc[3].astype(float)).all()


def test_a_declared_class_is_a_class_whatever_its_name(write, bursts, declared):
    bursts["label"] = ["ZA", "NA", "None", "-"] * 3
    declared["tasks"]["sound"]["classes"] = ["ZA", "NA", "None", "-"]
    reading = read(write(bursts, declared))
    assert reading.all_problems() == [] and reading.table["sound"].tolist() == ["ZA", "NA", "None", "-"] * 3


def test_a_declared_class_in_other_letters_is_refused_with_a_hint(write, bursts, declared):
    bursts.loc[3, "label"] = "na"
    declared["tasks"]["sound"]["classes"] = ["laugh", "sigh", "NA"]
    with pytest.raises(CorpusError, match="has sound 'na'; expected one of laugh, sigh, NA; did you mean 'NA'"):
        read_corpus(write(bursts, declared))


def test_such_a_word_is_missing_where_no_class_is_declared_and_a_note_says_so(write, bursts, declared):
    bursts.loc[[1, 3], "label"] = "NA"
    bursts.loc[0, "who"] = "none"
    reading = read(write(bursts, declared))
    assert reading.table["sound"].isna().tolist() == [False, True, False, True] + [False] * 8
    assert reading.table["speaker"].iloc[0] is None and reading.corpus().task("sound").classes == ("laugh", "sigh")
    assert [(str(p), p.grave) for p in reading.all_problems()] == [
        ("bursts.csv: who is 'none' in 1 row, read as missing", False),
        ("bursts.csv: 1 of 12 bursts have no speaker; that splits keep speakers apart cannot be checked", False),
        ("bursts.csv: label is 'NA' in 2 rows, read as missing; "
         "if it is a class, list it with the others under classes", False)]


# Recordings on disk

@pytest.fixture
def lay(tmp_path):
    """A function that puts empty recordings into the corpus."""
    def lay(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
    return lay


def paths_of(reading):
    return reading.table["provided"].tolist()


def test_paths_that_mean_one_file_are_one_path_and_one_burst(write, bursts, declared, lay):
    lay("sounds/00.wav", "sounds/01.wav", "sounds/02.wav")
    bursts.loc[:3, "path"] = ["./sounds/00.wav", "sounds//01.wav", "sounds\\02.wav", "./sounds/./00.wav"]
    reading = read(write(bursts, declared))
    assert paths_of(reading)[:4] == ["sounds/00.wav", "sounds/01.wav", "sounds/02.wav", "sounds/00.wav"]
    assert [str(p) for p in reading.all_problems()] == ["bursts.csv, row 5: burst 'sounds/00' is listed twice"]


@pytest.mark.parametrize(("listed", "on_disk"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_a_name_is_found_in_either_unicode_form_and_gives_the_burst_one_id(
    write, bursts, declared, lay, listed, on_disk
):
    there = unicodedata.normalize(on_disk, "gähnen/é.wav")
    lay(there)
    bursts.loc[0, "path"] = unicodedata.normalize(listed, "gähnen/é.wav")
    reading = read(write(bursts, declared))
    assert paths_of(reading)[0] == there and reading.table.index[0] == unicodedata.normalize("NFC", "gähnen/é")
    assert reading.all_problems() == []


def test_two_files_whose_names_differ_in_their_unicode_form_alone_are_both_found(write, bursts, declared, lay):
    names = [unicodedata.normalize(form, "é.wav") for form in ("NFC", "NFD")]
    lay(*names)
    bursts.loc[:1, "path"] = names
    assert paths_of(read(write(bursts, declared)))[:2] == names


@pytest.mark.parametrize(("listed", "there"), [
    ("sounds/a.WAV", "sounds/A.wav"), ("sounds/a 1.wav", "sounds/a1.wav"), ("sounds/a.wav", "sounds/a.flac"),
    ("sounds/a", "sounds/a.wav"),
])
def test_a_file_that_resembles_one_that_is_not_there_is_named(write, bursts, declared, lay, listed, there):
    lay(there)
    bursts.loc[3, "path"] = listed
    assert [(str(p), p.grave) for p in read(write(bursts, declared)).all_problems()] == [
        (f"bursts.csv, row 5: {listed}: there is no such file, but {there}, which is written otherwise", False)]


def test_a_converted_recording_is_read_in_place_of_the_one_listed_and_a_note_names_it(write, bursts, declared, lay):
    lay("sounds/03.webm", "sounds/03.flac", "sounds/04.webm")
    bursts.loc[3:4, "path"] = ["sounds/03.webm", "sounds/04.webm"]
    reading = read(write(bursts, declared))
    assert paths_of(reading)[3:5] == ["sounds/03.flac", "sounds/04.webm"]
    assert [(str(p), p.grave) for p in reading.all_problems()] == [
        ("sounds/03.webm: not read, since 03.flac lies beside it", False)]


def test_recordings_behind_a_linked_folder_are_found(write, bursts, declared, lay, tmp_path):
    lay("store/00.wav")
    (tmp_path / "sounds").symlink_to("store")
    assert paths_of(read(write(bursts, declared)))[0] == "sounds/00.wav"


def test_a_windows_path_that_leads_elsewhere_is_refused(write, bursts, declared):
    bursts.loc[3, "path"] = "C:\\sounds\\a.wav"
    with pytest.raises(CorpusError, match="leads out of the corpus"):
        read_corpus(write(bursts, declared))


# What may be left out

def test_a_corpus_of_one_task_without_test_split_or_speakers_is_opened_and_stored(write, bursts, declared, tmp_path):
    (tmp_path / "sounds").mkdir()
    for i in range(10):
        soundfile.write(tmp_path / "sounds" / f"{i:02d}.wav", 0.1 * np.sin(np.arange(1_600) / 9), 16_000)
    for key in ("raw", "speaker", "sex"):
        del declared[key]
    declared["tasks"] = {"age": declared["tasks"]["age"]}
    root = write(bursts[bursts["part"] != "test"], declared)
    corpus = open_corpus(Params(corpus=[str(root)], cache=str(tmp_path / "cache")))
    assert [t.name for t in corpus.tasks] == ["age"] and len(corpus.split("test")) == 0
    assert len(open_store(corpus, "own", tmp_path / "cache")) == 10
    other = dataclasses.replace(corpus, name="other")
    assert len(join([corpus, other]).split("test")) == 0


def test_what_the_labels_are_read_from_is_said(write, bursts, declared):
    assert read(write(bursts, declared)).sources == ("corpus.yaml", "bursts.csv")


def test_a_table_in_a_folder_below_is_read_and_an_impossible_one_is_named(write, bursts, declared, tmp_path):
    (tmp_path / "tables").mkdir()
    bursts.to_csv(tmp_path / "tables" / "b.csv", index=False)
    assert read(write(bursts, {**declared, "table": "tables/b.csv"})).sources[1] == "tables/b.csv"
    for name in ("x" * 5_000, "a\0b"):
        with pytest.raises(CorpusError, match="corpus.yaml: table is '.*there is no such file in"):
            read_corpus(write(bursts, {**declared, "table": name}))
