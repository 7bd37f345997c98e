"""Waveforms as the store keeps them."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from burst2vec.audio.quantised import SAMPLE, as_stored, checksum, prepared, quantise
from burst2vec.audio.waveform import load


@pytest.mark.parametrize("gain", [1e-6, 0.3, 40.0])
def test_integers_come_back_within_half_a_step_of_16_bits_of_the_peak_whatever_the_level(gain):
    waveform = (gain * np.random.default_rng(0).normal(size=5_000)).astype(np.float32)
    integers, scale = quantise(waveform)
    assert integers.dtype == SAMPLE and np.abs(integers).max() == 32767
    assert np.abs(integers * scale - waveform).max() <= 0.51 * np.abs(waveform).max() / 32767


@pytest.mark.parametrize("audio", ["own", "provided"])
def test_what_is_prepared_is_what_prediction_hears(tmp_path, audio):
    path = tmp_path / "burst.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).normal(size=(24_000, 2)), 48_000)
    samples, scale, check, notes = prepared(path, audio)
    heard = np.frombuffer(samples, SAMPLE) * np.float32(scale)
    assert heard.tobytes() == as_stored(load(path, audio)).tobytes() and check == checksum(samples)
    assert notes == ()


def test_what_is_odd_about_a_recording_is_kept(tmp_path):
    noise = 0.1 * np.random.default_rng(0).normal(size=(24_000, 1))
    soundfile.write(tmp_path / "burst.wav", noise * [1, -0.98], 48_000, subtype="FLOAT")
    [note] = prepared(tmp_path / "burst.wav", "own").notes
    assert note.startswith("its channels nearly cancel; ")


def test_what_cannot_be_prepared_is_said(tmp_path):
    (tmp_path / "burst.wav").write_bytes(b"noise")
    assert "burst.wav: not readable as audio" in prepared(tmp_path / "burst.wav", "own")
    assert "nothing.wav: there is no such recording" in prepared(tmp_path / "nothing.wav", "own")
