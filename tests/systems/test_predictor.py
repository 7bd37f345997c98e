"""What is predicted for recordings, and what a model makes of them before its heads."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.predictions import read_predictions
from burst2vec.models.inference import predict
from burst2vec.systems import predictor
from burst2vec.systems.folders import write_ensemble, write_system
from burst2vec.systems.predictor import Predictor, implausible_scalars
from burst2vec.systems.saved import load
from burst2vec.training.trainer import train


def noise(seconds, rate=16_000, channels=1, seed=0):
    return 0.1 * np.random.default_rng(seed).normal(size=(round(seconds * rate), channels)).astype(np.float32)


def write(path, waveform, rate=16_000, **options):
    soundfile.write(path, waveform, rate, **options)
    return str(path)


def numbers(table):
    return table.select_dtypes("number").drop(columns=["start", "end"], errors="ignore")


@pytest.fixture(scope="module")
def model(make_model):
    return make_model()


@pytest.fixture
def listen(model):
    """A function that predicts, and returns the table and what was reported."""
    def listen(*recordings, window=10.0, batch_size=4, members=None, rate=None):
        lines = []
        found = Predictor(members or {"V1": model}).predict(recordings, window, batch_size, lines.append, rate=rate,
                                                            note=lambda line: None)
        return found, lines
    return listen


# Predictions ------------------------------------------------------------------------------------------------

def test_any_rate_and_number_of_channels_is_heard_alike(listen, tmp_path):
    time = np.arange(48_000)[:, None] / 48_000
    tone = 0.3 * np.sin(2 * np.pi * 440 * time) * np.hanning(48_000)[:, None]
    files = [write(tmp_path / "48.wav", tone, 48_000), write(tmp_path / "16.wav", tone[::3]),
             write(tmp_path / "stereo.flac", np.repeat(tone, 2, axis=1), 48_000)]
    found, _ = listen(*files)
    np.testing.assert_allclose(numbers(found).iloc[1:], numbers(found).iloc[[0, 0]], rtol=0.01, atol=1e-3)


def test_rows_are_in_the_order_of_the_recordings_whatever_their_lengths(listen, tmp_path):
    files = [write(tmp_path / f"{i}.wav", noise(s, seed=i)) for i, s in enumerate((0.9, 0.05, 0.4, 0.2, 0.7))]
    together, _ = listen(*files, batch_size=2)
    assert together["file"].tolist() == files and together["end"].tolist() == [0.9, 0.05, 0.4, 0.2, 0.7]
    alone = pd.concat([listen(f)[0] for f in files], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone, rtol=1e-4, atol=1e-5)


def test_arrays_are_given_the_numbers_of_files_of_these_samples(listen, tmp_path):
    sounds = [noise(0.2, 22_050), noise(0.4, 22_050, 2, seed=1)]
    files = [write(tmp_path / f"{i}.wav", sound, 22_050, subtype="FLOAT") for i, sound in enumerate(sounds)]
    wanted, _ = listen(*files)
    for found, _ in (listen(*((sound, 22_050) for sound in sounds)), listen(*sounds, rate=22_050)):
        assert found["file"].tolist() == ["recording 0", "recording 1"]
        pd.testing.assert_frame_equal(found.drop(columns="file"), wanted.drop(columns="file"))


@pytest.mark.parametrize("changes", [{"padding": "as_published"}, {"pooling": "padded"}])
def test_nothing_depends_on_batch_mates_even_where_the_model_would_let_it(listen, make_model, tmp_path, changes):
    members = {"V1": make_model(**changes)}
    files = [write(tmp_path / "short.wav", noise(0.1)), write(tmp_path / "long.wav", noise(0.9))]
    together = listen(*files, members=members)[0]
    alone = pd.concat([listen(f, members=members)[0] for f in files], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)


def test_a_model_of_our_own_preprocessing_hears_every_recording_at_its_level(make_model, tmp_path, monkeypatch):
    levels, infer = [], predictor.infer

    def watched(model, waveforms, *rest, **options):
        levels.append([10 * np.log10(np.mean(np.square(w, dtype=np.float64))) for w in waveforms])
        return infer(model, waveforms, *rest, **options)

    monkeypatch.setattr(predictor, "infer", watched)
    files = [write(tmp_path / f"{gain}.wav", noise(0.3) * gain) for gain in (0.1, 1)]
    both = Predictor({audio: make_model(audio=audio) for audio in ("own", "provided")})
    both.predict(files, report=pytest.fail)
    np.testing.assert_allclose(levels, [[-3, -3], [-40, -20]], atol=0.3)


def test_each_window_is_treated_as_a_recording(listen, tmp_path):
    whole = noise(2.5, 8_000, 2)
    found, lines = listen(write(tmp_path / "long.wav", whole, 8_000), window=1.0)
    assert lines == [] and found["start"].tolist() == [0, 0.833, 1.667] and found["end"].tolist() == [0.833, 1.667, 2.5]
    cuts = [write(tmp_path / f"{i}.wav", whole[i * 20_000 // 3:(i + 1) * 20_000 // 3], 8_000) for i in range(3)]
    np.testing.assert_allclose(numbers(found), numbers(listen(*cuts)[0]), atol=1e-4)


def test_the_windows_of_two_minutes_are_predicted_a_portion_at_a_time(listen, tmp_path, monkeypatch):
    monkeypatch.setattr(predictor, "AT_ONCE", 20)
    held, infer = [], predictor.infer

    def watched(model, waveforms, *rest, **options):
        held.append(sum(map(len, waveforms)) / 16_000)
        return infer(model, waveforms, *rest, **options)

    monkeypatch.setattr(predictor, "infer", watched)
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


def test_nothing_usable_gives_an_empty_table_of_the_same_columns(listen, tmp_path):
    good, _ = listen(write(tmp_path / "a.wav", noise(0.1)))
    found, lines = listen(tmp_path / "nothing.wav")
    assert found.empty and found.columns.tolist() == good.columns.tolist() and len(lines) == 1


# The run's own numbers --------------------------------------------------------------------------------------

@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_corpuss_recordings_are_given_the_numbers_of_the_run(tiny_corpus, tiny_store, tiny_params, tmp_path,
                                                               precision):
    """Whatever the precision of the training, and although the run's batches are others."""
    params = tiny_params(precision=precision, inference_batch_size=16)
    trained = train(tiny_corpus, tiny_store, params)
    predicted = predict(trained.model, tiny_corpus, tiny_store, batch_size=params.inference_batch_size)
    for code in ("V1", "V2"):
        write_system(tmp_path / code, params, predicted, trained, tiny_corpus)
    write_ensemble(tmp_path / "A", ["V1", "V2"], predicted, tiny_corpus)
    heard = tiny_corpus.table.loc[predicted.index]
    for code in ("V1", "A"):
        wanted = read_predictions(tmp_path / code / "predictions.csv")
        found = load(tmp_path / code, "cpu").predict([tiny_corpus.root / path for path in heard["provided"]])
        assert found.columns.tolist() == ["file", "start", "end", *wanted.columns.drop("split")]
        np.testing.assert_allclose(numbers(found), numbers(wanted), rtol=0, atol=1e-4)
        assert found["country"].tolist() == wanted["country"].tolist()


# Representations --------------------------------------------------------------------------------------------

def test_representations_are_the_models_own_a_row_for_each_window(model, tmp_path):
    files = [write(tmp_path / f"{i}.wav", noise(s, seed=i)) for i, s in enumerate((0.9, 0.2))]
    found = Predictor({"V1": model}).embed(files, window=0.5, batch_size=2)
    assert found.windows.values.tolist() == [[files[0], 0, 0.45], [files[0], 0.45, 0.9], [files[1], 0, 0.2]]
    assert found.pooled.shape == (3, model.backbone.features) and found.pooled.dtype == np.float32
    assert found.projected.shape == found.shared.shape == (3, 16)
    assert [*found.specific] == [*found.combined] == ["emotion", "age", "country"]
    sound = torch.from_numpy(soundfile.read(files[1], dtype="float32")[0])[None]
    with torch.inference_mode():
        wanted = model.represent(sound, torch.tensor([sound.shape[1]]))
    for name in ("pooled", "projected", "shared"):
        np.testing.assert_allclose(getattr(found, name)[2], getattr(wanted, name)[0], atol=1e-4)
    for name in found.specific:
        np.testing.assert_allclose(found.specific[name][2], wanted.specific[name][0], atol=1e-4)
        np.testing.assert_allclose(found.combined[name][2], wanted.combined[name][0], atol=1e-4)


def test_predictions_follow_from_the_combined_representations(model):
    sounds = [(noise(0.2), 16_000), (noise(0.3, seed=1), 16_000)]
    age, found = model.tasks[1], Predictor({"V1": model})
    with torch.inference_mode():
        outputs = model.heads["age"](torch.from_numpy(found.embed(sounds).combined["age"]))[:, 0]
    ages = age.low + outputs.numpy() * (age.high - age.low)
    np.testing.assert_allclose(found.predict(sounds, note=lambda line: None)["age"], ages, atol=1e-4)


def test_no_recordings_have_no_representations_but_their_shapes(model):
    lines = []
    found = Predictor({"V1": model}).embed("nothing.wav", report=lines.append)
    assert len(lines) == 1 and len(found.windows) == 0 and found.windows.columns.tolist() == ["file", "start", "end"]
    assert found.pooled.shape == (0, model.backbone.features) and found.combined["age"].shape == (0, 16)


def test_an_ensemble_has_no_representations_of_its_own(model):
    with pytest.raises(ValueError, match="an ensemble has no representations of its own; .*members instead: V1, V2"):
        Predictor({"V1": model, "V2": model}).embed([(noise(0.1), 16_000)])


# What is implausible ----------------------------------------------------------------------------------------

AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
OLD = dataclasses.replace(AGE, low=0, high=90)
PITCH = Task("pitch", "scalar", ("f0",), unit="Hz", low=100, high=300)


@pytest.mark.parametrize(("task", "values", "said"), [
    (AGE, [25.0, 0.0, 60.0], ""), (PITCH, [-100.0, 500.0], ""),
    (AGE, [25.0, -6.6, -7.0], "age is implausible in 2 of 3 rows, first -6.6 years for 1.wav; trained on 20.0 to 40.0"),
    (AGE, [61.0], "age is implausible in 1 of 1 rows, first 61.0 years for 0.wav; trained on 20.0 to 40.0 years"),
    (OLD, [-1.0, 121.0], "age is implausible in 2 of 2 rows, first -1.0 years for 0.wav; trained on 0.0 to 90.0 years"),
    (PITCH, [501.0], "pitch is implausible in 1 of 1 rows, first 501.0 Hz for 0.wav; trained on 100.0 to 300.0 Hz")])
def test_scalars_far_from_those_of_training_and_impossible_ages_are_noted(task, values, said):
    table = pd.DataFrame({"file": [f"{i}.wav" for i in range(len(values))], task.columns[0]: values})
    lines = [line.replace("the model was trained", "trained") for line in implausible_scalars(table, [task])]
    assert len(lines) == bool(said) and all(line.startswith(said) for line in lines)


def test_what_is_implausible_is_noted_once_and_is_no_reason_to_leave_it_out(model):
    far = [dataclasses.replace(task, low=task.low + 500, high=task.high + 500) if task.kind == "scalar" else task
           for task in model.tasks]
    reported, noted, was = [], [], model.tasks
    model.tasks = tuple(far)
    try:
        found = Predictor({"V1": model}).predict([(noise(0.1), 16_000)] * 2, report=reported.append, note=noted.append)
    finally:
        model.tasks = was
    assert reported == [] and len(found) == 2
    assert len(noted) == 1 and noted[0].startswith("age is implausible in 2 of 2 rows, first 5")


def test_without_a_report_what_is_left_out_is_a_warning(model, tmp_path):
    with pytest.warns(UserWarning, match="nothing.wav: there is no such recording"):
        assert len(Predictor({"V1": model}).predict([(noise(0.1), 16_000), "nothing.wav"], note=print)) == 1


# The page *Use a trained model* -----------------------------------------------------------------------------

def test_the_pages_lines_of_python_run_as_they_stand(model, tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "book" / "predict.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    model.save_pretrained(tmp_path / "results" / "demo" / "V4")
    write(tmp_path / "laugh.wav", noise(0.3, 44_100), 44_100)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(predictor, "implausible_scalars", lambda *_: iter(()))  # the model is untrained
    names = {"samples": noise(0.2, 44_100)}
    for block in blocks:
        exec(block, names)
    assert len(blocks) == 3 and names["table"]["file"].tolist() == ["recording 0"]
    assert names["found"].windows["file"].tolist() == ["laugh.wav"] and names["found"].combined["age"].shape == (1, 16)


@pytest.mark.parametrize(("change", "said"), [
    (lambda folder: None, "nothing.wav: there is no such recording"),
    (lambda folder: (folder / "nothing.wav").mkdir(), "nothing.wav: the folder holds no recordings; expected .wav, "
                                                      ".flac, .mp3 or other audio files"),
    (lambda folder: (folder / "nothing.wav").touch(), "nothing.wav: empty; it holds no bytes"),
    (lambda folder: (folder / "nothing.wav").write_text("text"), "nothing.wav: not readable as audio (Format not "),
    (lambda folder: write(folder / "nothing.wav", noise(0.02)), "nothing.wav: 20.0 ms long; expected 25 ms or more"),
    (lambda folder: write(folder / "nothing.wav", np.zeros(800)), "nothing.wav: silent; every sample is zero"),
    (lambda folder: write(folder / "nothing.wav", np.c_[noise(1), -noise(1)]),
     "nothing.wav: silent; its channels cancel out")])
def test_what_the_page_says_of_recordings_that_cannot_be_used_is_what_is_said(model, tmp_path, monkeypatch, change,
                                                                              said):
    change(tmp_path)
    monkeypatch.chdir(tmp_path)
    lines = []
    assert Predictor({"V1": model}).predict("nothing.wav", report=lines.append).empty
    page = (Path(__file__).parents[2] / "book" / "predict.md").read_text(encoding="utf-8")
    assert len(lines) == 1 and lines[0].startswith(said)
    assert said.partition(": ")[2] in page
