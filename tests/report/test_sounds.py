"""Only sounds that may be passed on are part of a page, and they are small."""

from __future__ import annotations

import base64
import dataclasses
import io

import numpy as np
import pytest
import soundfile

from burst2vec.report import sounds


@pytest.fixture
def shown(monkeypatch):
    """The objects that the report displays."""
    objects = []
    monkeypatch.setattr(sounds, "display", objects.append)
    return objects


def test_recordings_of_people_are_heard_only_where_that_is_asked_for(tiny_corpus, shown):
    assert not sounds.may_be_heard(tiny_corpus) and "Recordings of people" in shown[0].data
    assert sounds.may_be_heard(tiny_corpus, asked=True) and len(shown) == 1
    assert sounds.may_be_heard(dataclasses.replace(tiny_corpus, synthetic=True)) and len(shown) == 1


def test_recordings_that_are_joined_with_synthetic_bursts_are_not_heard_either(tiny_corpus, shown):
    parts = (dataclasses.replace(tiny_corpus, synthetic=True), tiny_corpus)
    assert not sounds.may_be_heard(dataclasses.replace(tiny_corpus, synthetic=True, parts=parts))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 20.0])
def test_an_encoded_tone_is_that_tone_at_one_peak_and_a_fifth_of_its_samples_size(scale):
    time = np.arange(16_000) / 16_000
    address = sounds.encode(scale * np.sin(2 * np.pi * 440 * time))
    kind, data = address.split(",")
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
    assert kind == "data:audio/mpeg;base64" and rate == 16_000 and len(address) < 2 * len(time) / 4
    assert np.abs(samples).max() == pytest.approx(sounds.PEAK, rel=0.2)
    assert np.abs(np.fft.rfft(samples[:16_000])).argmax() == pytest.approx(440, abs=2)


def test_the_same_sound_is_the_same_address_and_silence_is_none_the_louder():
    noise = np.random.default_rng(0).normal(size=4000)
    assert sounds.encode(noise) == sounds.encode(noise.copy())
    data = base64.b64decode(sounds.encode(np.zeros(1600)).split(",")[1])
    assert np.abs(soundfile.read(io.BytesIO(data))[0]).max() < 1e-3


@pytest.mark.parametrize("scale", [1e-3, 1.0, 20.0])
def test_without_loss_every_sample_is_that_of_the_sound_at_one_peak(scale):
    waveform = np.random.default_rng(0).standard_normal(1600).astype(np.float32)
    kind, data = sounds.encode(scale * waveform, lossless=True).split(",")
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
    assert kind == "data:audio/flac;base64" and rate == 16_000
    np.testing.assert_allclose(samples, sounds.PEAK * waveform / np.abs(waveform).max(), atol=1e-4)
