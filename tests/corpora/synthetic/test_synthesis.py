"""The embedded corpus on disk: ExVo's layout, the planted facts, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from scipy.stats import kruskal

from burst2vec.corpora.opening import read_corpus
from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS
from burst2vec.corpora.synthetic import synthesis

SIZES = {"train": 24, "val": 12, "test": 12}
COLUMNS = ["File_ID", "Split", "Subject_ID", "Country", "Country_string", "Age", *EMOTIONS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return synthesis.synthesise(tmp_path_factory.mktemp("corpora") / "embedded", **SIZES, workers=1)


@pytest.fixture(scope="module")
def info(folder) -> pd.DataFrame:
    return pd.read_csv(folder / "data_info.csv")


@pytest.fixture(scope="module")
def withheld(folder) -> pd.DataFrame:
    return pd.read_csv(folder / "test_labels.csv")


def digests(folder: Path) -> dict[str, str]:
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def test_the_same_seed_gives_the_same_bytes_whatever_the_workers(tmp_path):
    alone, shared = (digests(synthesis.synthesise(tmp_path / str(n), 4, 4, 4, workers=n)) for n in (1, 2))
    assert alone == shared
    assert len(alone) == 4 + 2 * 12


def test_a_split_written_alone_is_the_same_to_the_byte(folder, tmp_path):
    alone = synthesis.synthesise(tmp_path / "val", **SIZES, workers=1, splits=["val"])
    whole, part = digests(folder), {n: d for n, d in digests(alone).items() if n.endswith(".wav")}
    assert len(part) == 2 * SIZES["val"] and part.items() <= whole.items()
    assert pd.read_csv(alone / "data_info.csv")["Split"].unique().tolist() == ["Val"]


def test_another_seed_gives_other_sounds_and_labels(folder, tmp_path):
    other = digests(synthesis.synthesise(tmp_path / "other", 4, 4, 4, seed=1, workers=1))
    assert not set(other.values()) & set(digests(folder).values())


def test_the_table_is_in_exvos_layout(folder, info):
    assert list(info.columns) == COLUMNS
    assert info["File_ID"].tolist() == [f"[{n:05d}]" for n in range(48)]
    assert info["Split"].value_counts().to_dict() == {"Train": 24, "Val": 12, "Test": 12}
    labelled = info[info["Split"] != "Test"]
    assert labelled["Subject_ID"].str.fullmatch(r"Speaker_\d+").all()
    assert (labelled["Country"].map(lambda c: COUNTRIES[int(c)]) == labelled["Country_string"]).all()
    assert labelled["Age"].between(20, 40, inclusive="left").all()
    for name in ("raw", "wav"):
        assert sorted(p.name for p in (folder / name).iterdir()) == [f"{n:05d}.wav" for n in range(48)]


def test_test_rows_are_unlabelled_and_their_labels_are_kept_apart(info, withheld):
    test = info[info["Split"] == "Test"]
    assert test[COLUMNS[2:]].isna().all(axis=None)
    assert list(withheld.columns) == COLUMNS and withheld.notna().all(axis=None)
    assert withheld["File_ID"].tolist() == test["File_ID"].tolist()


def test_the_strongest_emotion_is_exactly_1(info, withheld):
    ratings = pd.concat([info[info["Split"] != "Test"], withheld])[list(EMOTIONS)]
    assert (ratings.max(axis=1) == 1.0).all() and (ratings.min(axis=1) >= 0).all()
    assert ratings.idxmax(axis=1).nunique() == len(EMOTIONS)


def test_speakers_stay_in_one_split_where_every_country_is_present(folder, info, withheld):
    everyone = pd.concat([info[info["Split"] != "Test"], withheld])
    assert (everyone.groupby("Subject_ID")["Split"].nunique() == 1).all()
    assert (everyone.groupby("Split")["Country"].nunique() == len(COUNTRIES)).all()
    sexes = pd.read_csv(folder / "speakers.csv").set_index("Subject_ID")["Sex"]
    assert sorted(sexes.index) == sorted(everyone["Subject_ID"].unique()) and set(sexes) == {"f", "m"}
    assert (everyone.groupby("Subject_ID")[["Age", "Country"]].nunique() == 1).all(axis=None)


def test_raw_recordings_differ_in_rate_channels_and_level_and_hardly_clip(folder):
    waveforms, rates = zip(*(soundfile.read(p) for p in sorted((folder / "raw").iterdir())), strict=True)
    assert len(set(rates)) >= 4 and {w.ndim for w in waveforms} == {1, 2}
    levels = [20 * np.log10(np.sqrt(np.mean(w**2))) for w in waveforms]
    assert np.ptp(levels) > 15
    assert all(np.mean(np.abs(w) > 0.9999) < 1e-3 for w in waveforms)


def test_the_provided_version_is_16_khz_mono_and_distorted(folder):
    for path in sorted((folder / "wav").iterdir()):
        about, (waveform, _) = soundfile.info(path), soundfile.read(path)
        assert (about.samplerate, about.channels, about.subtype) == (16_000, 1, "PCM_16")
        assert np.mean(np.abs(waveform) > 0.9999) > 0.01
        assert -14 < 20 * np.log10(np.sqrt(np.mean(waveform**2))) < -3
        raw = soundfile.info(folder / "raw" / path.name)
        assert about.duration == pytest.approx(raw.duration, abs=1e-4)


def test_durations_are_those_of_vocal_bursts(folder):
    durations = np.array([soundfile.info(p).duration for p in (folder / "wav").iterdir()])
    assert durations.min() > 0.3 and durations.max() < 6.5
    assert 1.2 < durations.mean() < 2.3


def test_the_reader_sees_a_synthetic_corpus_with_every_label(folder):
    corpus = read_corpus(folder)
    assert corpus.synthetic and [t.name for t in corpus.tasks] == ["emotion", "age", "country"]
    assert corpus.table[["speaker", "sex", "raw", "provided"]].notna().all(axis=None)
    assert all(task.labelled(corpus.table).all() for task in corpus.tasks)


def test_the_folder_says_that_it_is_synthetic_and_how_it_was_made(folder):
    about = json.loads((folder / "SYNTHETIC.json").read_text())
    assert about["synthetic"] is True and "not reproduced" in about["note"]
    assert {key: about[key] for key in ("seed", "bias", *SIZES)} == {"seed": 0, "bias": 1.0, **SIZES}


def test_age_can_be_made_audible_and_the_folder_says_so(folder, tmp_path):
    aged = synthesis.synthesise(tmp_path / "aged", **SIZES, ageing=1.0, workers=1)
    about = [json.loads((each / "SYNTHETIC.json").read_text()) for each in (folder, aged)]
    assert about[1] == about[0] | {"ageing": 1.0}
    assert (aged / "data_info.csv").read_bytes() == (folder / "data_info.csv").read_bytes()
    names = [path.name for path in sorted((folder / "wav").iterdir())]
    assert all((aged / "wav" / name).read_bytes() != (folder / "wav" / name).read_bytes() for name in names)


def test_ids_tell_neither_country_nor_split():
    clips = synthesis.draw_corpus({"train": 640, "val": 320, "test": 320}, 1.0, 0)
    position = pd.Series(range(len(clips)), clips.index)
    for column in ("country", "split"):
        assert kruskal(*(group for _, group in position.groupby(clips[column]))).pvalue > 0.05


def test_bias_decides_whether_age_tells_the_country():
    def between_countries(bias):
        clips = synthesis.draw_corpus({"train": 640, "val": 320, "test": 320}, bias, 0)
        return clips.groupby("country")["age"].median().std()

    assert between_countries(1.0) > 2.0 > 1.0 > between_countries(0.0)


def test_a_folder_with_content_is_refused_and_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("kept")
    with pytest.raises(FileExistsError, match="not empty"):
        synthesis.synthesise(tmp_path, **SIZES)
    assert [p.name for p in tmp_path.iterdir()] == ["precious.txt"]


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(synthesis, "_write_tables", fail)
    with pytest.raises(OSError, match="disk full"):
        synthesis.synthesise(tmp_path / "corpus", 4, 4, 4, workers=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [{"train": 2}, {"bias": 2.5}, {"ageing": -1}, {"workers": 0}, {"seed": -1}])
def test_impossible_requests_are_refused_by_name(tmp_path, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        synthesis.synthesise(tmp_path / "corpus", **{**SIZES, **wrong})
