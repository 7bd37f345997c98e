import dataclasses
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile

import burst2vec
from burst2vec.audio.store import open_store
from burst2vec.baseline.functionals import FEATURES, compare_features
from burst2vec.config import Params
from burst2vec.corpora.corpus import CorpusError, Task
from burst2vec.corpora.opening import read, read_corpus
from burst2vec.corpora.readers.emogator import EMOGATOR
from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS
from burst2vec.corpora.readers.layouts import LAYOUTS, recognise
from burst2vec.corpora.readers.reading import Reading


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
    assert [t.kind for t in corpus.tasks] == ["classes"] and corpus.task("emotion").classes == EMOGATOR
    assert len(EMOGATOR) == 30 and not corpus.synthetic


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


def test_layouts_are_recognised_by_the_files_they_are_known_for(write, labels, emogator, tmp_path):
    assert recognise(write(labels)) == "exvo"
    assert recognise(emogator) == "emogator"
    with pytest.raises(CorpusError, match="no known layout; expected corpus.yaml .*, data_info.csv .*or audio_16k/"):
        recognise(tmp_path / "data" / "mp3")


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
    assert naming == {"config.py", "corpora/readers/layouts.py"}


def test_a_table_of_thousands_of_columns_is_read_as_soon_as_one_of_few(tmp_path, write_exvo, labels):
    root = write_exvo(tmp_path / "wide", labels)
    header, *rows = (root / "data_info.csv").read_text().splitlines()
    extra = [f"note {n}" for n in range(20_000)]
    lines = [",".join([header, *extra]), *(row + "," * len(extra) for row in rows)]
    (root / "data_info.csv").write_text("\n".join(lines))
    started = time.process_time()
    assert read(root).corpus().table["age"].notna().all()
    assert time.process_time() - started < 2
