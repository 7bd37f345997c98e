"""Predictions for recordings: what is found, how long ones are cut, and what is said of those that cannot be used."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from burst2vec.models.burst2vec import build
from burst2vec.models.inference import predict
from burst2vec.systems import recordings

GROUP = "facebook/hubert-base-ls960"


def noise(seconds, rate=16_000, channels=1, seed=0):
    return 0.1 * np.random.default_rng(seed).normal(size=(round(seconds * rate), channels)).astype(np.float32)


def write(path, waveform, rate=16_000, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, rate, **options)
    return str(path)


@pytest.fixture(scope="module")
def make(tiny_corpus, tiny_params):
    def make(**changes):
        torch.manual_seed(0)
        return build(tiny_params(**changes), tiny_corpus.tasks).eval()
    return make


@pytest.fixture(scope="module")
def model(make):
    return make()


@pytest.fixture
def listen(model):
    """A function that predicts, and returns the table and what was reported."""
    def listen(*paths, window=10.0, batch_size=4, members=None):
        lines = []
        return recordings.predict(members or {"V1": model}, paths, window, batch_size, lines.append), lines
    return listen


def numbers(table):
    return table.select_dtypes("number").drop(columns=["start", "end"])


# What is found ----------------------------------------------------------------------------------------------

def test_folders_are_searched_for_recordings_and_files_are_taken_as_they_are(tmp_path):
    for name in ("b.wav", "a.FLAC", "deep/er/c.mp3", "notes.txt", ".hidden.wav", ".cache/d.wav", "raw.webm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    lines = []
    found = recordings.find_recordings([tmp_path / "notes.txt", tmp_path, tmp_path / "b.wav"], lines.append)
    wanted = ["notes.txt", "a.FLAC", "b.wav", "deep/er/c.mp3", "raw.webm"]
    assert found == [str(tmp_path / name) for name in wanted] and lines == []


def test_a_folder_without_recordings_is_reported(tmp_path):
    lines = []
    assert recordings.find_recordings([tmp_path], lines.append) == []
    assert len(lines) == 1 and lines[0].startswith(f"{tmp_path}: the folder holds no recordings")


def test_a_folder_without_read_permission_is_reported_and_the_others_are_searched(tmp_path, monkeypatch):
    for name in ("a/one.wav", "closed/two.wav", "z/three.wav"):
        write(tmp_path / name, noise(0.1))
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    lines = []
    found = recordings.find_recordings([tmp_path, tmp_path / "closed"], lines.append)
    assert [Path(f).name for f in found] == ["one.wav", "three.wav"]
    assert lines == [f"{tmp_path / 'closed'}: the folder cannot be read (Permission denied)"] * 2


# What is predicted ------------------------------------------------------------------------------------------

def test_a_corpuss_recordings_get_what_the_corpus_gets(listen, model, tiny_corpus, tiny_store):
    wanted = predict(model, tiny_corpus, tiny_store, ("test",))
    found, lines = listen(*(tiny_corpus.root / p for p in tiny_corpus.split("test")["provided"]))
    assert lines == [] and found.columns.tolist() == ["file", "start", "end", *wanted.columns.drop("split")]
    np.testing.assert_allclose(numbers(found), numbers(wanted.assign(start=0, end=0)), atol=2e-3)
    assert found["country"].tolist() == wanted["country"].tolist()


def test_any_rate_and_number_of_channels_is_heard_alike(listen, tmp_path):
    time = np.arange(48_000)[:, None] / 48_000
    tone = 0.3 * np.sin(2 * np.pi * 440 * time) * np.hanning(48_000)[:, None]
    files = [write(tmp_path / "48.wav", tone, 48_000), write(tmp_path / "16.wav", tone[::3]),
             write(tmp_path / "stereo.flac", np.repeat(tone, 2, axis=1), 48_000)]
    found, _ = listen(*files)
    np.testing.assert_allclose(numbers(found).iloc[1:], numbers(found).iloc[[0, 0]], rtol=0.01, atol=1e-3)


def test_rows_are_in_the_order_of_the_paths_whatever_their_lengths(listen, tmp_path):
    files = [write(tmp_path / f"{i}.wav", noise(s, seed=i)) for i, s in enumerate((0.9, 0.05, 0.4, 0.2, 0.7))]
    together, _ = listen(*files, batch_size=2)
    assert together["file"].tolist() == files and together["end"].tolist() == [0.9, 0.05, 0.4, 0.2, 0.7]
    alone = pd.concat([listen(f)[0] for f in files], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("changes", [{"padding": "as_published"}, {"pooling": "padded"}])
def test_nothing_depends_on_batch_mates_even_where_the_model_would_let_it(listen, make, tmp_path, changes):
    members = {"V1": make(**changes)}
    files = [write(tmp_path / "short.wav", noise(0.1)), write(tmp_path / "long.wav", noise(0.9))]
    together = listen(*files, members=members)[0]
    alone = pd.concat([listen(f, members=members)[0] for f in files], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)


def test_a_model_of_our_own_preprocessing_hears_every_recording_at_its_level(make, tmp_path, monkeypatch):
    levels, infer = [], recordings.infer

    def watched(model, waveforms, *rest, **options):
        levels.append([10 * np.log10(np.mean(np.square(w, dtype=np.float64))) for w in waveforms])
        return infer(model, waveforms, *rest, **options)

    monkeypatch.setattr(recordings, "infer", watched)
    files = [write(tmp_path / f"{gain}.wav", noise(0.3) * gain) for gain in (0.1, 1)]
    members = {"own": make(audio="own"), "provided": make(audio="provided")}
    recordings.predict(members, files, 10, 4, pytest.fail)
    np.testing.assert_allclose(levels, [[-3, -3], [-40, -20]], atol=0.3)


# Long recordings --------------------------------------------------------------------------------------------

def test_a_long_recording_is_cut_into_equal_windows_each_treated_as_a_recording(listen, tmp_path):
    whole = noise(2.5, 8_000, 2)
    found, lines = listen(write(tmp_path / "long.wav", whole, 8_000), window=1.0)
    assert lines == [] and found["start"].tolist() == [0, 0.833, 1.667] and found["end"].tolist() == [0.833, 1.667, 2.5]
    cuts = [write(tmp_path / f"{i}.wav", whole[i * 20_000 // 3:(i + 1) * 20_000 // 3], 8_000) for i in range(3)]
    np.testing.assert_allclose(numbers(found), numbers(listen(*cuts)[0]), atol=1e-4)


def test_the_windows_of_two_minutes_are_predicted_a_portion_at_a_time(listen, tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "AT_ONCE", 20)
    held, infer = [], recordings.infer

    def watched(model, waveforms, *rest, **options):
        held.append(sum(map(len, waveforms)) / 16_000)
        return infer(model, waveforms, *rest, **options)

    monkeypatch.setattr(recordings, "infer", watched)
    with soundfile.SoundFile(tmp_path / "long.wav", "w", 4_000, 1) as file:
        for second in range(120):
            file.write(noise(1, 4_000, seed=second))
    found, _ = listen(tmp_path / "long.wav", window=5.0)
    assert held == [20] * 6
    assert found["start"].tolist() == list(range(0, 120, 5)) and found["age"].nunique() == 24


@pytest.mark.parametrize(("window", "size", "complaint"), [
    (0.01, 4, "window is 0.01 s; expected 0.05 s or more"), (float("nan"), 4, "window is nan"),
    (float("inf"), 4, "window is inf"), (1, 0, "batch size is 0; expected 1 or more")])
def test_a_window_or_batch_out_of_range_is_refused(listen, tmp_path, window, size, complaint):
    with pytest.raises(ValueError, match=complaint):
        listen(tmp_path, window=window, batch_size=size)


# What cannot be used ----------------------------------------------------------------------------------------

def test_every_unusable_recording_is_reported_in_a_line_and_the_others_are_predicted(listen, tmp_path):
    good = [write(tmp_path / "a.wav", noise(0.2)), write(tmp_path / "z.wav", noise(0.05, seed=1))]
    write(tmp_path / "20ms.wav", noise(0.02))
    write(tmp_path / "silent.wav", np.zeros(8_000))
    write(tmp_path / "nan.wav", np.r_[np.ones(8_000), np.nan], subtype="FLOAT")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("a text file\n")
    (tmp_path / "raw.webm").write_bytes(b"\x1aE\xdf\xa3" * 99)
    found, lines = listen(tmp_path, tmp_path / "nothing.wav")
    assert found["file"].tolist() == good
    assert [line.removeprefix(f"{tmp_path}/").split(";")[0] for line in lines] == [
        "20ms.wav: 20.0 ms long",
        "empty.wav: not readable as audio (Format not recognised)",
        "nan.wav: holds samples that are not finite numbers",
        "raw.webm: not readable as audio (Format not recognised)",
        "silent.wav: silent",
        "text.wav: not readable as audio (Format not recognised)",
        "nothing.wav: there is no such recording"]
    assert not any("\n" in line for line in lines)


def test_a_recording_without_read_permission_is_reported(listen, tmp_path, monkeypatch):
    closed = write(tmp_path / "closed.wav", noise(0.1))

    def refuse(path, *rest):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("burst2vec.audio.waveform.open", refuse, raising=False)
    found, lines = listen(closed)
    assert found.empty and lines == [f"{closed}: Permission denied"]


def test_windows_that_cannot_be_used_are_counted_and_the_others_are_predicted(listen, tmp_path):
    path = write(tmp_path / "gap.wav", np.r_[noise(1), np.zeros((16_000, 1)), noise(1), np.zeros((16_000, 1))])
    found, lines = listen(path, window=1.0)
    assert found["start"].tolist() == [0, 2]
    assert lines == [f"{path}: 2 of 4 windows left out, first 1.0 to 2.0 s: silent; every sample is zero"]


def test_of_a_damaged_recording_what_comes_before_is_used(listen, tmp_path):
    content = bytearray(Path(write(tmp_path / "a.flac", noise(4))).read_bytes())
    content[len(content) // 2:len(content) // 2 + 4_000] = bytes(4_000)
    (tmp_path / "a.flac").write_bytes(content)
    found, lines = listen(tmp_path / "a.flac", window=1.0)
    assert found["start"].tolist() == [0] and len(lines) == 1
    assert "a.flac: not readable as audio (flac decoder lost sync)" in lines[0]
    assert lines[0].endswith("; its first 1.0 s are used")


def test_nothing_usable_gives_an_empty_table_of_the_same_columns(listen, tmp_path):
    good, _ = listen(write(tmp_path / "a.wav", noise(0.1)))
    found, lines = listen(tmp_path / "nothing.wav")
    assert found.empty and found.columns.tolist() == good.columns.tolist() and len(lines) == 1


# The output -------------------------------------------------------------------------------------------------

def test_csv_and_json_lines_hold_the_same(tmp_path):
    table = pd.DataFrame({"file": ["a, b.wav", "ü.wav"], "start": [0.0, 3589.987], "end": [0.5, 3599.9871],
                          "Awe": np.float32([0.1, 1]), "country": ["South Africa", "USA"]})
    (tmp_path / "t.csv").write_text(recordings.render(table))
    lines = [json.loads(line) for line in recordings.render(table, ".jsonl").splitlines()]
    pd.testing.assert_frame_equal(pd.DataFrame(lines), pd.read_csv(tmp_path / "t.csv"))
    assert lines[1] == {"file": "ü.wav", "start": 3589.987, "end": 3599.987, "Awe": 1.0, "country": "USA"}


def test_a_name_that_is_not_utf_8_survives(listen, tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/lach\xfc.wav")
    with open(path, "wb") as file:
        soundfile.write(file, noise(0.1), 16_000, format="WAV")
    found, lines = listen(tmp_path)
    assert lines == [] and found["file"].tolist() == [path]
    assert b"lach\xfc.wav" in recordings.render(found).encode("utf-8", "surrogateescape")
    assert json.loads(recordings.render(found, ".jsonl"))["file"] == path
