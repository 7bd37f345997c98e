"""A batch's padding reaches no real frame: norm, scaling and hook against clips that stand alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2FeatureExtractor

from burst2vec.models.padding import VARIANCE_EPSILON, MaskedGroupNorm, normalise, silence_padding


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def real(*lengths):
    """Which samples of a batch are real, bool (batch, samples)."""
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


# Masked group norm ------------------------------------------------------------------------------------------

def group_norm(channels=4):
    norm = torch.nn.GroupNorm(channels, channels)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    return norm.double()


@pytest.mark.parametrize("num_frames", [None, torch.tensor([9, 9])])
def test_masked_group_norm_without_padding_is_group_norm(num_frames):
    norm, x = group_norm(), torch.randn(2, 4, 9, dtype=torch.float64)
    masked = MaskedGroupNorm(norm)
    masked.num_frames = num_frames
    torch.testing.assert_close(masked(x), norm(x), rtol=1e-12, atol=1e-12)


def test_masked_group_norm_takes_its_moments_over_real_frames_alone():
    norm, x = group_norm(), torch.randn(2, 4, 9, dtype=torch.float64)
    masked = MaskedGroupNorm(norm)
    masked.num_frames = torch.tensor([9, 5])
    torch.testing.assert_close(masked(x)[1, :, :5], norm(x[1:, :, :5])[0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(masked(x)[0], norm(x)[0], rtol=1e-12, atol=1e-12)


def test_masked_group_norm_computes_in_float32_and_answers_in_the_inputs_precision():
    norm = MaskedGroupNorm(group_norm().float())
    norm.num_frames = torch.tensor([200])
    x = (100 + torch.randn(1, 4, 200)).bfloat16()
    assert norm(x).dtype == torch.bfloat16
    torch.testing.assert_close(norm(x).float(), norm(x.float()), atol=0.02, rtol=0.02)


def test_masked_group_norm_has_the_moments_of_the_equation():
    norm, x = group_norm(), torch.randn(1, 4, 9, dtype=torch.float64)
    masked = MaskedGroupNorm(norm)
    masked.num_frames = torch.tensor([5])
    frames = x[0, 2, :5]
    expected = norm.weight[2] * (frames - frames.mean()) / (frames.var(unbiased=False) + norm.eps).sqrt() + norm.bias[2]
    torch.testing.assert_close(masked(x)[0, 2, :5], expected, rtol=1e-12, atol=1e-12)


def test_no_gradient_of_a_real_frame_comes_from_the_padding():
    masked, x = MaskedGroupNorm(group_norm()), torch.randn(2, 4, 9, dtype=torch.float64, requires_grad=True)
    masked.num_frames = torch.tensor([9, 5])
    masked(x)[1, :, :5].square().sum().backward()
    assert x.grad[1, :, :5].abs().min() > 0 and not x.grad[1, :, 5:].any() and not x.grad[0].any()


def test_masked_group_norm_learns_the_weights_that_it_took_over():
    norm = group_norm()
    masked = MaskedGroupNorm(norm)
    assert masked.weight is norm.weight and masked.bias is norm.bias
    assert masked.state_dict().keys() == norm.state_dict().keys()


# Scaling ----------------------------------------------------------------------------------------------------

def test_normalising_is_what_the_published_feature_extractor_does_over_the_clips_own_samples():
    rng = np.random.default_rng(0)
    waveforms = [rng.normal(0.3, 2, n).astype(np.float32) for n in (900, 300)]
    theirs = Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)(
        waveforms, sampling_rate=16_000, padding=True, return_tensors="pt").input_values
    padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(w) for w in waveforms], batch_first=True)
    torch.testing.assert_close(normalise(padded, real(900, 300)), theirs, atol=1e-4, rtol=1e-4)


def test_a_clip_has_zero_mean_and_unit_variance_whatever_lies_in_its_padding():
    waveforms = 5 + 3 * torch.randn(2, 900, dtype=torch.float64)
    normal = normalise(waveforms, real(900, 300))
    for clip, length in zip(normal, (900, 300), strict=True):
        assert clip[:length].mean().item() == pytest.approx(0, abs=1e-12)
        assert clip[:length].var(unbiased=False).item() == pytest.approx(1, abs=1e-6)
        assert not clip[length:].any()


def test_a_constant_clip_is_silent_and_a_soft_one_stays_soft():
    waveforms = torch.stack([torch.full((400,), 0.25), 1e-5 * torch.ones(400).cumsum(0).sin()]).double()
    constant, soft = normalise(waveforms, real(400, 400))
    assert not constant.any()
    variance = waveforms[1].var(unbiased=False).item()
    assert soft.var().item() == pytest.approx(variance / (variance + VARIANCE_EPSILON), rel=1e-2) and soft.var() < 1e-3


# Hook -------------------------------------------------------------------------------------------------------

def test_behind_the_hook_a_convolution_sees_zeros_past_each_clips_frames_as_it_does_past_its_end():
    convolution = torch.nn.Conv1d(3, 3, 5, padding=2).double()
    convolution.register_forward_pre_hook(silence_padding)
    x = torch.randn(2, 3, 9, dtype=torch.float64)
    convolution.num_frames = torch.tensor([9, 4])
    together = convolution(x)
    for clip, length in enumerate((9, 4)):
        convolution.num_frames = torch.tensor([length])
        torch.testing.assert_close(together[clip, :, :length], convolution(x[clip:clip + 1, :, :length])[0])


def test_the_hook_leaves_the_input_itself_as_it_was():
    convolution = torch.nn.Conv1d(3, 3, 5)
    convolution.num_frames = torch.tensor([4])
    x = torch.full((1, 3, 9), float("inf"))
    silenced = silence_padding(convolution, (x,))
    assert not silenced[..., 4:].any() and x.isinf().all()
