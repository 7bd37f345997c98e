"""Temperatures: they change no answer, undo what was done to logits, and the error is the one worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from burst2vec.evaluation.calibration import calibration_error, fit_temperature, tempered


@pytest.fixture
def logits():
    return 2 * np.random.default_rng(0).normal(size=(4_000, 5))


def test_a_temperature_divides_the_logits_and_changes_no_answer(logits):
    found = tempered(softmax(logits, 1), 2.5)
    np.testing.assert_allclose(found, softmax(logits / 2.5, 1), rtol=1e-9)
    assert np.array_equal(found.argmax(1), logits.argmax(1))
    np.testing.assert_allclose(tempered(found, 1 / 2.5), softmax(logits, 1), rtol=1e-9)


def test_a_class_that_is_impossible_stays_so():
    np.testing.assert_allclose(tempered(np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]), 3), [[0.5, 0.5, 0], [1, 0, 0]])


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_the_temperature_is_found_by_which_logits_are_too_large(logits, factor):
    rng, probabilities = np.random.default_rng(1), softmax(logits, 1)
    truth = np.array([rng.choice(5, p=each) for each in probabilities])
    wrong = softmax(factor * logits, 1)
    found = fit_temperature(wrong, truth)
    assert found == pytest.approx(factor, rel=0.08)
    assert calibration_error(tempered(wrong, found), truth) < 0.03 < calibration_error(wrong, truth)


def test_the_error_is_the_mean_gap_of_bins_of_like_probability():
    probabilities = np.array([[0.9, 0.1], [0.92, 0.08], [0.6, 0.4], [0.4, 0.6]])
    # Of the two answers near 0.9 one is right, of the two at 0.6 both: |1.82 - 1| + |1.2 - 2| over four bursts.
    assert calibration_error(probabilities, np.array([0, 1, 0, 1])) == pytest.approx((0.82 + 0.8) / 4)
