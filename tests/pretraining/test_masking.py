"""Masks: whole spans, inside a burst, of the right share; and other masked frames to tell one from."""

from __future__ import annotations

import numpy as np
import pytest

from burst2vec.pretraining.masking import LEAST, draw_negatives, mask_spans


@pytest.mark.parametrize("share", [0.65, 0.8])
def test_of_a_long_burst_the_share_is_masked_that_random_spans_leave_covered(share):
    rng = np.random.default_rng(0)
    masked = np.mean([mask_spans(2_000, share, 5, rng).mean() for _ in range(50)])
    assert masked == pytest.approx(1 - (1 - share / 5) ** 5, abs=0.005)


@pytest.mark.parametrize("frames", [*range(LEAST, 30), 250])
def test_every_burst_has_whole_spans_masked_and_frames_left_to_guess_from(frames):
    rng = np.random.default_rng(frames)
    for _ in range(50):
        masked = mask_spans(frames, 0.8, 5, rng)
        assert masked.shape == (frames,)
        edges = np.flatnonzero(np.diff(np.r_[0, masked.astype(int), 0]))
        runs = edges[1::2] - edges[::2]
        assert runs.min() >= min(5, frames // 2) >= 2
        assert not masked.all()


def test_the_number_of_spans_is_right_on_average_where_it_is_no_whole_number():
    rng = np.random.default_rng(0)
    masked = [mask_spans(9, 0.7, 4, rng).sum() for _ in range(2_000)]  # 1.575 spans: one, or two that may overlap
    assert set(masked) == {4, 5, 6, 7, 8}
    assert np.mean(np.array(masked) == 4) == pytest.approx(1 - 0.575, abs=0.04)


def test_negatives_are_other_masked_frames_of_the_same_burst_each_as_likely():
    bursts = np.array([7, 7, 3, 3, 3, 9, 9, 9, 9])
    drawn = draw_negatives(bursts, 3_000, np.random.default_rng(0))
    assert drawn.shape == (9, 3_000)
    for frame, negatives in enumerate(drawn):
        others = np.setdiff1d(np.flatnonzero(bursts == bursts[frame]), frame)
        counts = np.bincount(negatives, minlength=9)
        assert counts.sum() == counts[others].sum() == 3_000
        np.testing.assert_allclose(counts[others] / 3_000, 1 / len(others), atol=0.04)
