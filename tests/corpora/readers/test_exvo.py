"""ExVo's tables are read by name, with the withheld labels, and a bad cell is named with what would be right."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
import soundfile

from burst2vec.audio.store import open_store
from burst2vec.baseline.functionals import FEATURES, compare_features
from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.opening import read, read_corpus
from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS


@pytest.fixture
def root(tmp_path):
    return tmp_path / "exvo"


@pytest.fixture
def write(write_exvo, root):
    return lambda labels, **options: write_exvo(root, labels, **{"audio": False, **options})


def expected(labels):
    """What reading should give, restated row by row."""
    rows = {}
    for row in labels.to_dict("records"):
        rows[row["File_ID"][1:-1]] = [row["Split"].lower(), row["Subject_ID"], *(row[e] for e in EMOTIONS), row["Age"],
                                      ("China", "South Africa", "USA", "Venezuela")[row["Country"]]]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["split", "speaker", *EMOTIONS, "age", "country"])


def check(corpus, labels):
    wanted = expected(labels)
    found = corpus.table.loc[wanted.index, wanted.columns]
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, check_names=False)
    assert list(corpus.table.index) == sorted(wanted.index)


def test_exvo_is_read_with_the_withheld_labels_filled_in(write, labels):
    check(read_corpus(write(labels)), labels)


def test_columns_are_read_by_name_in_any_order(write, labels):
    check(read_corpus(write(labels[np.random.default_rng(1).permutation(labels.columns)])), labels)


def test_the_first_release_without_country_string_is_read(write, labels):
    check(read_corpus(write(labels.drop(columns="Country_string"))), labels)


def test_a_byte_order_mark_before_the_first_column_does_no_harm(write, labels):
    check(read_corpus(write(labels, encoding="utf-8-sig")), labels)


def test_without_withheld_labels_test_rows_have_none_and_no_speaker(write, labels):
    table = read_corpus(write(labels, withheld=False)).split("test")
    assert len(table) == 4
    assert table[["speaker", "age", "country", *EMOTIONS]].isna().all(axis=None)


def test_rows_of_train_and_val_do_not_change_with_the_withheld_file(write, labels):
    folder = write(labels)
    withheld = read_corpus(folder).table
    (folder / "test_labels.csv").unlink()
    known = withheld["split"] != "test"
    pd.testing.assert_frame_equal(withheld[known], read_corpus(folder).table[known])


def test_the_three_tasks_are_the_papers_and_ages_scale_with_the_training_range(write, labels):
    emotion, age, country = read_corpus(write(labels)).tasks
    train = labels.loc[labels["Split"] == "Train", "Age"]
    assert (emotion.name, emotion.kind, emotion.columns) == ("emotion", "intensities", EMOTIONS)
    assert (age.kind, age.unit, age.low, age.high) == ("scalar", "years", train.min(), train.max())
    assert (country.kind, country.classes) == ("classes", COUNTRIES)


def test_audio_is_found_by_id_whatever_its_suffix(write, labels, root):
    for name in ("raw/00000.webm", "raw/00002.mp3", "wav/00001.wav"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    table = read_corpus(write(labels)).table
    assert table["raw"].dropna().to_dict() == {"00000": "raw/00000.webm", "00002": "raw/00002.mp3"}
    assert table["provided"].dropna().to_dict() == {"00001": "wav/00001.wav"}


@pytest.mark.parametrize("release", ["with Country_string", "without"])
def test_of_either_release_both_kinds_of_audio_and_the_provided_features_are_read(write, labels, root, release):
    write(labels if release == "with Country_string" else labels.drop(columns="Country_string"), audio=True)
    (root / "feats" / "ComParE").mkdir(parents=True)
    header = ",".join(["name", *(f"f{i}" for i in range(FEATURES))])
    for i in range(len(labels)):
        (root / "feats" / "ComParE" / f"{i:05d}.csv").write_text(f"{header}\n{i:05d}" + f",{i}" * FEATURES + "\n")
    corpus = read_corpus(root)
    check(corpus, labels)
    for audio, folder in (("provided", "wav"), ("own", "raw")):
        store = open_store(corpus, audio, root.parent / "cache")
        seconds = [soundfile.info(root / folder / f"{file}.wav").duration for file in corpus.table.index]
        np.testing.assert_allclose(store.lengths / 16_000, seconds, atol=1e-3)
        features = compare_features(corpus, audio, root.parent / "cache")
        np.testing.assert_array_equal(features, np.arange(28)[:, None] * np.ones(FEATURES))


def test_the_sex_of_the_speakers_is_read_where_it_is_known(write, labels, root):
    root.mkdir()
    (root / "speakers.csv").write_text("Subject_ID,Sex\nSpeaker_1,f\nSpeaker_2,m\n")
    assert read_corpus(write(labels)).table["sex"].dropna().to_dict() == {"00001": "f", "00002": "m"}


def test_only_a_marked_corpus_is_synthetic(write, labels, root):
    assert not read_corpus(write(labels)).synthetic
    (root / "SYNTHETIC.json").write_text("{}")
    assert read_corpus(root).synthetic


def test_a_missing_column_is_named(write, labels):
    with pytest.raises(CorpusError, match="data_info.csv: column Horror is missing"):
        read_corpus(write(labels.drop(columns="Horror")))


@pytest.mark.parametrize(("row", "column", "value", "complaint"), [
    (3, "Age", "young", "data_info.csv, row 5: Age is 'young'; expected a number"),
    (0, "Awe", "1,0", "data_info.csv, row 2: Awe is '1,0'; expected a number"),
    (7, "Age", "inf", "data_info.csv, row 9: Age is 'inf'; expected a number"),
    (6, "Country", 4, "data_info.csv, row 8: Country is 4; 0 is China, 1 is South Africa, 2 is USA, 3 is Venezuela"),
    (6, "Country", -1, "data_info.csv, row 8: Country is -1"),
    (6, "Country", 0.5, "data_info.csv, row 8: Country is 0.5"),
    (2, "File_ID", "[00001]", "burst '00001' is listed twice"),
    (20, "Subject_ID", "Speaker_0", "speaker 'Speaker_0' is in more than one split"),
    (5, "Fear", 1.01, r"data_info.csv, row 7: Fear is 1.01; intensities lie in \[0, 1\]"),
    (5, "Fear", -0.5, "data_info.csv, row 7: Fear is -0.5"),
    (4, "Split", "Dev", "burst '00004' is in split 'dev'; expected one of train, val, test"),
])
def test_a_bad_cell_is_named_with_what_would_be_right(write, labels, row, column, value, complaint):
    labels[column] = labels[column].astype(object)
    labels.loc[row, column] = value
    with pytest.raises(CorpusError, match=complaint):
        read_corpus(write(labels))


def test_one_age_for_all_cannot_be_scaled(write, labels):
    labels["Age"] = 30.0
    with pytest.raises(CorpusError, match="data_info.csv: .*fewer than two different ages"):
        read_corpus(write(labels))


def test_a_table_of_thousands_of_columns_is_read_as_soon_as_one_of_few(tmp_path, write_exvo, labels):
    root = write_exvo(tmp_path / "wide", labels)
    header, *rows = (root / "data_info.csv").read_text().splitlines()
    extra = [f"note {n}" for n in range(20_000)]
    lines = [",".join([header, *extra]), *(row + "," * len(extra) for row in rows)]
    (root / "data_info.csv").write_text("\n".join(lines))
    started = time.process_time()
    assert read(root).corpus().table["age"].notna().all()
    assert time.process_time() - started < 2


# Recordings of any suffix

def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def notes(root):
    return [(str(p), p.grave) for p in read(root).all_problems()]


@pytest.mark.parametrize("suffix", [".aiff", ".AIFF", ".caf", ".opus", ".wave", ".m4a"])
def test_raw_recordings_of_any_suffix_are_read(write, labels, root, suffix):
    touch(root, *(f"raw/{i:05d}{suffix}" for i in range(28)), *(f"wav/{i:05d}.wav" for i in range(28)))
    assert read(write(labels)).table["raw"].tolist() == [f"raw/{i:05d}{suffix}" for i in range(28)]
    assert notes(root) == []


def test_of_two_recordings_of_one_id_the_readable_one_is_read_and_a_note_names_the_other(write, labels, root):
    touch(root, "raw/00000.webm", "raw/00000.flac", "raw/00001.webm", "raw/._00001.wav", "raw/00002.wav",
          "raw/00002.aiff", "wav/00000.wav")
    table = read(write(labels)).table
    assert table["raw"].dropna().tolist() == ["raw/00000.flac", "raw/00001.webm", "raw/00002.wav"]
    assert sorted(notes(root)) == [("raw/00000.webm: not read, since 00000.flac lies beside it", False),
                                   ("raw/00002.aiff: not read, since 00002.wav lies beside it", False)]


@pytest.mark.parametrize(("there", "note"), [
    ("wav", "raw: there are no raw recordings; variants with audio: own (V1, V2, V6, V7) cannot be trained"),
    ("raw", "wav: there are no provided recordings; variants with audio: provided (Baseline, V3, V4, V5) cannot be "
            "trained"),
])
def test_without_one_kind_of_recordings_a_note_says_which_variants_that_rules_out(write, labels, root, there, note):
    touch(root, f"{there}/00000.wav")
    write(labels)
    assert notes(root) == [(note, False)]


def test_away_from_the_project_the_note_names_the_parameter_alone(write, labels, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(root, "wav/00000.wav")
    write(labels)
    assert notes(root) == [("raw: there are no raw recordings; variants with audio: own cannot be trained", False)]


# Columns that contradict each other

def test_a_country_that_its_string_contradicts_is_grave_in_its_row(write, labels):
    labels.loc[[3, 26], "Country_string"] = ["usa", "China"]  # rows of train and, in the withheld labels, of test
    assert notes(write(labels)) == [
        ("data_info.csv, row 5: Country is 3, which is Venezuela, but Country_string is 'usa'; correct the one that is "
         "wrong", True),
        ("test_labels.csv, row 4: Country is 2, which is USA, but Country_string is 'China'; correct the one that is "
         "wrong", True)]


def test_a_country_string_in_other_letters_or_missing_contradicts_nothing(write, labels):
    labels.loc[:4, "Country_string"] = ["china", "South  Africa", "NA", "", " Venezuela"][:4] + ["China"]
    assert notes(write(labels)) == []


def test_a_country_string_that_is_none_of_the_four_is_a_note(write, labels):
    labels.loc[2, "Country_string"] = "United States"
    assert notes(write(labels)) == [
        ("data_info.csv: Country_string is 'United States' in 1 row, which cannot be compared with Country; expected "
         "one of China, South Africa, USA, Venezuela", False)]


def test_a_speaker_who_is_listed_with_both_sexes_is_a_problem(write, labels, root):
    root.mkdir()
    (root / "speakers.csv").write_text("Subject_ID,Sex\nSpeaker_1,f\nSpeaker_2,m\nSpeaker_1,m\nSpeaker_2,m\n")
    assert notes(write(labels)) == [
        ("speakers.csv: speaker 'Speaker_1' is listed as 'f' and 'm'; correct the one that is wrong", True)]


def test_what_the_labels_are_read_from_is_said(write, labels, root):
    assert read(write(labels)).sources == ("data_info.csv", "test_labels.csv")
    (root / "speakers.csv").write_text("Subject_ID,Sex\nSpeaker_1,f\n")
    (root / "test_labels.csv").unlink()
    assert read(root).sources == ("data_info.csv", "speakers.csv")


def test_without_test_rows_exvo_is_read(write, labels):
    corpus = read_corpus(write(labels[labels["Split"] != "Test"], withheld=False))
    assert len(corpus.table) == 24 and not len(corpus.split("test"))
