"""Levels, clipping, distortion and aliases, on signals whose values are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from burst2vec.audio.store import open_store
from burst2vec.audio.waveform import resample
from burst2vec.inspection import preprocessing
from burst2vec.report.figures import audio as figures

TIME = np.arange(16_000) / 16_000
TONE = np.sin(2 * np.pi * 437 * TIME)


@pytest.fixture(scope="module")
def stores(tiny_corpus, tmp_path_factory):
    cache = tmp_path_factory.mktemp("stores")
    return {kind: open_store(tiny_corpus, kind, cache) for kind in ("provided", "own")}


def test_a_sine_has_its_level_three_decibels_below_its_peak():
    assert preprocessing.peak(0.5 * TONE) == pytest.approx(-6.02, abs=0.01)
    assert preprocessing.level(0.5 * TONE) == pytest.approx(-9.03, abs=0.01)
    assert preprocessing.level(np.zeros(10)) == -200


@pytest.mark.parametrize("scale", [0.1, 1.0, 8.0])
def test_clipping_is_found_at_any_level(scale):
    clipped = np.clip(TONE, -0.5, 0.5)
    beyond = np.mean(np.abs(TONE) >= 0.5)
    assert preprocessing.clipped_share(scale * clipped) == pytest.approx(beyond, abs=1e-3)
    noise = np.random.default_rng(0).standard_normal(16_000)
    assert preprocessing.clipped_share(scale * noise) == pytest.approx(1 / 16_000)


def test_distortion_does_not_depend_on_level_and_follows_the_noise():
    noise = np.random.default_rng(0).standard_normal(16_000)
    noise -= TONE * (TONE @ noise) / (TONE @ TONE)
    noise *= np.sqrt((TONE @ TONE) / (noise @ noise)) / 10  # 20 dB below the tone, and orthogonal to it
    for scale in (0.1, 3):
        assert preprocessing.signal_to_distortion(TONE, scale * (TONE + noise)) == pytest.approx(20, abs=1e-6)
    assert preprocessing.signal_to_distortion(TONE, 2 * TONE) > 200


def test_our_kernel_keeps_the_band_and_stops_aliases_where_the_default_does_not():
    frequencies = (1000, 7000, 8200, 9500)
    ours = preprocessing.gain(resample, frequencies)
    default = preprocessing.gain(preprocessing.resample_by_default, frequencies)
    np.testing.assert_allclose(ours[:2], 0, atol=0.05)
    assert (ours[2:] < -120).all() and default[2] > -12 and default[3] > -40


def test_a_corpus_has_the_kinds_of_audio_that_every_burst_has(tiny_corpus):
    assert preprocessing.kinds_of_audio(tiny_corpus) == ["provided", "own"]
    table = tiny_corpus.table.copy()
    table.loc[table.index[3], "provided"] = None
    assert preprocessing.kinds_of_audio(dataclasses.replace(tiny_corpus, table=table)) == ["own"]


def test_the_survey_finds_soft_raw_recordings_and_own_ones_at_3_db(tiny_corpus, stores):
    survey = preprocessing.survey(tiny_corpus, stores, range(5))
    assert survey.groupby("audio").size().to_dict() == {"raw": 5, "provided": 5, "own": 5}
    levels = survey.groupby("audio")["level"].mean()
    assert levels["own"] == pytest.approx(-3, abs=0.01)
    assert levels["raw"] == pytest.approx(levels["provided"] - 20, abs=0.5)  # written 20 dB softer
    one_kind = preprocessing.survey(tiny_corpus, {"provided": stores["provided"]}, range(5))
    assert set(one_kind["audio"]) == {"provided"}


def test_formats_are_counted_from_the_files(tiny_corpus):
    table = preprocessing.formats(tiny_corpus, "raw", range(5))
    assert table.to_numpy().tolist() == [[24_000, 2, 5]]


def test_the_store_rounds_about_98_db_below_the_peak(tiny_corpus, stores):
    assert -102 < preprocessing.rounding(tiny_corpus, stores["own"], "own", 0) < -94


def test_bursts_of_unlike_length_are_not_compared(stores):
    lengths = stores["provided"].lengths == stores["own"].lengths
    assert len(preprocessing.distortion(stores["own"], stores["provided"], range(20))) == lengths[:20].sum()


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_a_tone_lights_the_mel_band_of_its_frequency_at_any_rate(rate, recwarn):
    tone = np.sin(2 * np.pi * 2000 * np.arange(rate) / rate)
    spectrogram = preprocessing.mel_spectrogram(tone, rate)
    assert spectrogram.shape == (64, 101) and spectrogram.max() == pytest.approx(0, abs=1e-5)
    lit = (spectrogram[:, 50].argmax() + 0.5) / 64 * figures._mel(8000)
    assert lit == pytest.approx(figures._mel(2000), abs=figures._mel(8000) / 64)
    assert not recwarn.list
