"""The voice model: what is asked of it is what is heard."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from burst2vec.corpora.synthetic import sourcefilter
from burst2vec.corpora.synthetic.sourcefilter import Sound, render

STEADY = Sound(
    duration=1.0, f0=300.0, rise=0.0, fall=0.0, peak=0.5, drift=0.0, wander=0.0, tremor=0.0, rate=1.0,
    duty=1.0, voicing=1.0, gasp=0.0, decay=0.0, rough=0.0, rough_rate=70.0, subharmonics=0.0, jitter=0.0,
    shimmer=0.0, breath=-80.0, tilt=9.0, tract=17.7, openness=1.0, frontness=1.0, glide=0.0,
)


def sound(sample_rate: int = 16_000, seed: int = 0, **changes) -> np.ndarray:
    return render(dataclasses.replace(STEADY, **changes), sample_rate, np.random.default_rng(seed))


def level_at(waveform: np.ndarray, sample_rate: int, frequency: float) -> float:
    """dB in a band of 20 Hz about a frequency."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)))) ** 2
    near = np.abs(np.fft.rfftfreq(len(waveform), 1 / sample_rate) - frequency) < 10
    return 10 * np.log10(spectrum[near].sum())


def test_a_tube_of_177_mm_resonates_at_500_1500_2500_hz():
    np.testing.assert_allclose(sourcefilter.formants(17.7, 3000), [500, 1500, 2500])


def test_harmonics_of_the_source_fall_by_the_tilt():
    phase = 200 * np.arange(16_000) / 16_000
    wave = sourcefilter._glottal_wave(phase, 9.0, 30)
    levels = [level_at(wave, 16_000, 200 * k) for k in (1, 2, 4, 8)]
    np.testing.assert_allclose(np.diff(levels), -9.0, atol=0.1)


def test_no_harmonic_lies_beyond_the_band():
    wave = sourcefilter._glottal_wave(2000 * np.arange(16_000) / 16_000, 9.0, int(0.45 * 16_000 / 2000))
    assert level_at(wave, 16_000, 6000) - level_at(wave, 16_000, 4000) > -10
    assert level_at(wave, 16_000, 1000) < level_at(wave, 16_000, 2000) - 60


def test_the_lips_tilt_a_flat_spectrum_by_6_db_an_octave():
    click = np.zeros(16_000)
    click[8000] = 1.0
    tilted = sourcefilter._spectral_slope(click, 16_000, 6.0)
    levels = [level_at(tilted, 16_000, f) for f in (500, 1000, 2000, 4000)]
    np.testing.assert_allclose(np.diff(levels), 6.0, atol=0.1)


@pytest.mark.parametrize("sample_rate", [16_000, 22_050, 48_000])
def test_a_burst_has_its_duration_and_an_rms_of_1_at_any_rate(sample_rate):
    waveform = sound(sample_rate, duration=0.5)
    assert len(waveform) == sample_rate // 2
    assert np.sqrt(np.mean(waveform**2)) == pytest.approx(1.0)


def test_the_same_sound_has_the_same_colour_at_every_rate():
    def bands(sample_rate):
        power = np.abs(np.fft.rfft(sound(sample_rate, breath=40.0, duration=2.0))) ** 2
        return 10 * np.log10(power[400:12_400].reshape(-1, 1000).mean(axis=1))  # 0.2 to 6.2 kHz, 500 Hz each

    low, high = bands(16_000), bands(48_000)
    assert np.abs((low - low.mean()) - (high - high.mean())).max() < 3.0


def test_the_voice_sounds_at_its_fundamental_and_between_harmonics_is_silence():
    waveform = sound(f0=300.0)
    assert level_at(waveform, 16_000, 300) > level_at(waveform, 16_000, 450) + 40


def test_subharmonics_sound_at_half_the_fundamental():
    waveform = sound(subharmonics=1.0)
    assert level_at(waveform, 16_000, 450) > level_at(waveform, 16_000, 300) - 25


def test_roughness_modulates_the_amplitude_at_its_rate():
    envelope = np.abs(sound(rough=0.8, rough_rate=70.0, f0=1000.0))
    peak = max(range(40, 120), key=lambda f: level_at(envelope - envelope.mean(), 16_000, f))
    assert abs(peak - 70) < 15
    smooth = np.abs(sound(rough=0.0, f0=1000.0))
    assert level_at(envelope, 16_000, 70) > level_at(smooth - smooth.mean(), 16_000, 70) + 10


def test_pauses_are_silent_and_a_gasp_is_unvoiced():
    waveform = sound(rate=2.0, duty=0.5, breath=-200.0)
    assert np.abs(waveform[5500:7000]).max() < 0.05 * np.abs(waveform).max()
    gasp = sound(gasp=0.3, breath=-10.0)[: int(0.2 * 16_000)]
    assert level_at(gasp, 16_000, 300) < level_at(gasp, 16_000, 500) + 10


def test_a_shorter_tract_raises_the_formants():
    def centroid(waveform):
        power = np.abs(np.fft.rfft(waveform)) ** 2
        return (power * np.fft.rfftfreq(len(waveform), 1 / 16_000)).sum() / power.sum()

    noise = {"breath": 40.0, "f0": 100.0}
    assert centroid(sound(tract=14.5, **noise)) > 1.1 * centroid(sound(tract=17.5, **noise))


def test_the_same_seed_gives_the_same_sound_and_another_seed_another():
    assert np.array_equal(sound(seed=1, wander=1.0), sound(seed=1, wander=1.0))
    assert not np.array_equal(sound(seed=1, wander=1.0), sound(seed=2, wander=1.0))
