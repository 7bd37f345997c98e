"""The measures on signals whose answer is known, and the embedded bursts against the published ones."""

from __future__ import annotations

import doctest

import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.readers.exvo import EMOTIONS
from burst2vec.corpora.synthetic import expression
from burst2vec.corpora.synthetic.sourcefilter import render
from burst2vec.inspection import acoustics

RATE = 16_000


def tone(frequency: float, seconds: float = 0.5, sample_rate: int = RATE) -> np.ndarray:
    """Ten harmonics or as many as fit, like a voice."""
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    harmonics = [k for k in range(1, 11) if k * frequency < 0.45 * sample_rate]
    return sum(np.sin(2 * np.pi * k * frequency * time) / k for k in harmonics)


@pytest.mark.parametrize("sample_rate", [16_000, 44_100])
@pytest.mark.parametrize("frequency", [90, 150, 340, 539, 890, 1521, 2200])
def test_a_tone_is_voiced_at_its_frequency(frequency, sample_rate):
    measures = acoustics.measure(tone(frequency, sample_rate=sample_rate), sample_rate)
    assert measures["f0"] == pytest.approx(frequency, rel=0.005)
    assert measures["f0_sd"] < 0.1
    assert measures["voiced"] > 0.95


def test_noise_is_unvoiced_and_has_no_pitch():
    measures = acoustics.measure(np.random.default_rng(0).standard_normal(RATE))
    assert measures["voiced"] < 0.03


def test_a_glide_over_an_octave_spreads_as_its_formula_says():
    time = np.arange(RATE) / RATE
    octave = np.sin(2 * np.pi * np.cumsum(300 * 2**time) / RATE)
    # Semitones are uniform over 12, so their standard deviation is 12 / sqrt(12).
    assert acoustics.measure(octave)["f0_sd"] == pytest.approx(12 / np.sqrt(12), rel=0.05)


def test_a_tone_switched_on_five_times_has_five_syllables_and_is_half_voiced():
    beep, pause = tone(400, 0.12) * np.hanning(int(0.12 * RATE)), np.zeros(int(0.13 * RATE))
    measures = acoustics.measure(np.concatenate([beep, pause] * 5))
    assert measures["syllables"] == 5
    assert measures["rate"] == pytest.approx(4.0, rel=0.03)
    assert measures["duration"] == pytest.approx(1.12, abs=0.06)
    assert measures["voiced"] == pytest.approx(0.5, abs=0.1)


def test_silence_around_the_burst_and_its_level_change_nothing():
    burst = tone(300, 0.6)
    padded = 0.01 * np.concatenate([np.zeros(3200), burst, np.zeros(8000)])
    alone, among_silence = acoustics.measure(burst), acoustics.measure(padded)
    assert alone["f0"] == pytest.approx(among_silence["f0"], rel=1e-4)
    assert alone["syllables"] == among_silence["syllables"] == 1
    # A window that reaches beyond the burst may add a frame on each side.
    assert alone["duration"] == pytest.approx(among_silence["duration"], abs=0.021)
    assert alone["voiced"] == pytest.approx(among_silence["voiced"], abs=0.04)


def test_a_single_syllable_has_no_rate():
    assert np.isnan(acoustics.measure(tone(300))["rate"])


def test_compare_takes_the_bursts_of_the_same_emotion_and_sex():
    measures = pd.DataFrame({
        "emotion": ["Amusement", "Amusement", "Amusement", "Fear"], "sex": ["m", "m", "f", "m"],
        "f0": [300.0, 400.0, 600.0, 900.0], **dict.fromkeys(acoustics.MEASURES[1:], 1.0),
    })
    table = acoustics.compare(measures).set_index(["category", "sex", "measure"])
    row = table.loc[("laugh", "m", "f0")]
    assert (row["bursts"], row["median"], row["published"], row["published_q75"]) == (2, 350, 352, 503)
    assert table.loc[("pain", "m+f", "f0"), "bursts"] == 0


def test_measures_of_a_corpus_name_the_strongest_emotion():
    table = pd.DataFrame(np.eye(10)[[2, 4]], columns=EMOTIONS, index=["a", "b"]).assign(sex=["f", "m"])
    measures = acoustics.measure_corpus([tone(500), tone(200)], table)
    assert measures["emotion"].tolist() == ["Amusement", "Fear"] and measures["sex"].tolist() == ["f", "m"]
    assert measures.loc["a", "f0"] == pytest.approx(500, rel=0.01)


@pytest.fixture(scope="module")
def comparison() -> pd.DataFrame:
    """Published medians beside those of twelve synthetic bursts for each category and sex."""
    habits = dict.fromkeys(expression.ACCENT_SPREAD, 0.0)
    rows = []
    for category, known in acoustics.PUBLISHED.iterrows():
        emotion, sexes = known["emotion"], known["sex"]
        for number in range(12):
            rng, sex = np.random.default_rng((category, number)), (sexes[0], sexes[-1])[number % 2]
            intended = np.eye(10)[EMOTIONS.index(emotion)]
            sound = expression.sound_of(intended, sex, 30, habits, rng, rng)
            rows.append({**acoustics.measure(render(sound, RATE, rng)), "emotion": emotion, "sex": sex})
    return acoustics.compare(pd.DataFrame(rows))


BANDS = {"f0": (0.75, 1.33), "f0_sd": (0.45, 1.6), "voiced": (0.75, 1.35), "duration": (0.7, 1.5)}
"""How far a synthetic median may be from the published one, as a factor."""


@pytest.mark.parametrize("measure", BANDS)
def test_synthetic_bursts_measure_like_real_ones(comparison, measure):
    rows = comparison[comparison["measure"] == measure]
    assert (rows["bursts"] >= 10).all()
    ratio = (rows["median"] / rows["published"]).set_axis(rows["category"] + " " + rows["sex"])
    low, high = BANDS[measure]
    assert ratio[(ratio < low) | (ratio > high)].empty, ratio


def test_synthetic_laughs_and_cries_have_their_syllables_and_screams_are_single(comparison):
    median = comparison.set_index(["category", "sex", "measure"])["median"]
    for sex in "mf":
        assert 2.8 < median["laugh", sex, "rate"] < 4.8 and median["laugh", sex, "syllables"] >= 5
        assert 1.5 < median["sad cry", sex, "rate"] < 2.5
        assert median["fear scream", sex, "syllables"] == 1


def test_the_crest_factor_is_that_of_textbook_signals():
    time = np.arange(16_000) / 16_000
    sine, square = np.sin(2 * np.pi * 100 * time).astype(np.float32), np.sign(np.sin(2 * np.pi * 100 * time + 0.1))
    found = acoustics.crest_factors([sine, 0.1 * square, np.zeros(10, np.float32)])
    assert found.shape == (3, 1)
    np.testing.assert_allclose(found[:, 0], [20 * np.log10(np.sqrt(2)), 0, 0], atol=1e-2)


def test_the_examples_in_docstrings_run():
    assert doctest.testmod(acoustics) == (0, 1)
