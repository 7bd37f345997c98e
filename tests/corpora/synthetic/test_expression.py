"""From emotions, speaker and country to parameters of sound."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS
from burst2vec.corpora.synthetic import expression

NO_HABITS = dict.fromkeys(expression.ACCENT_SPREAD, 0.0)


def emotions(**intensities: float) -> np.ndarray:
    return np.array([intensities.get(e, 0.0) for e in EMOTIONS])


def voiced_by(sex: str, age: float, **given: float):
    rng, voice = np.random.default_rng(0), np.random.default_rng(1)
    return expression.sound_of(emotions(Fear=1.0), sex, age, NO_HABITS, rng, voice, **given)


def test_a_pure_emotion_sounds_as_its_row_says():
    mixed = expression.mixed_sound(emotions(Amusement=1.0), "f")
    row = expression.EMOTION_SOUNDS.loc["Amusement"]
    assert mixed["f0"] == pytest.approx(row["f0_f"]) and mixed["duration"] == pytest.approx(row["duration_f"])
    assert mixed["rate"] == pytest.approx(row["rate"]) and mixed["rise"] == pytest.approx(row["rise"])


def test_a_mixture_lies_between_its_emotions_and_nearer_the_stronger():
    row = expression.EMOTION_SOUNDS["f0_m"]
    mixed = expression.mixed_sound(emotions(Awe=1.0, Fear=0.5), "m")["f0"]
    # The weights are the squares, 4 : 1, of logarithms.
    assert mixed == pytest.approx(row["Awe"] ** 0.8 * row["Fear"] ** 0.2)


def test_twenty_years_lower_a_womans_voice_by_a_semitone_and_leave_a_mans():
    assert voiced_by("f", 40).f0 / voiced_by("f", 20).f0 == pytest.approx(2 ** (-1 / 12))
    assert voiced_by("m", 40).f0 == voiced_by("m", 20).f0
    assert 1.0 < voiced_by("m", 40).jitter / voiced_by("m", 20).jitter < 1.5


def test_age_is_made_audible_in_the_articulation_of_either_sex_and_in_nothing_else():
    for sex in "fm":
        plain, aged = voiced_by(sex, 40), voiced_by(sex, 40, articulation=0.5)
        assert aged.openness / plain.openness == pytest.approx(np.exp(0.5 * 0.4))
        assert aged.frontness / plain.frontness == pytest.approx(np.exp(-0.5 * 0.3))
        assert dataclasses.replace(aged, openness=plain.openness, frontness=plain.frontness) == plain
        assert voiced_by(sex, 20, articulation=1) == voiced_by(sex, 20)


def test_women_have_the_shorter_tract_and_the_higher_voice():
    assert voiced_by("f", 30).tract < voiced_by("m", 30).tract
    assert voiced_by("f", 30).f0 > voiced_by("m", 30).f0


def test_a_country_shifts_habits_by_little_more_than_speakers_differ():
    for name, spread in expression.ACCENT_SPREAD.items():
        assert 1.0 < np.ptp(expression.ACCENTS[name]) / spread < 5.0
    drawn = [expression.habits_of("China", np.random.default_rng(n))["fall"] for n in range(300)]
    assert np.mean(drawn) == pytest.approx(expression.ACCENTS.at["China", "fall"], abs=0.3)


def test_every_emotion_and_country_has_its_row():
    assert tuple(expression.EMOTION_SOUNDS.index) == EMOTIONS and tuple(expression.ACCENTS.index) == COUNTRIES
    assert expression.EMOTION_SOUNDS.notna().all(axis=None)
