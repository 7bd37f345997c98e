"""Tiny models hear bands on the mel scale, make 25 frames a second, and have the quirks of their families."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from burst2vec.models.hub import load_backbone
from burst2vec.models.tiny import FAMILIES, gabor_filters, small_model, tiny_model

LARGE = "facebook/hubert-large-ls960-ft"


def mel(hertz):
    """O'Shaughnessy's mel scale (1987), in natural logarithms."""
    return 1127.01 * np.log1p(np.asarray(hertz) / 700)


def spectra(filters):
    """The magnitudes (filters, frequencies) and the frequencies in Hz, a hertz apart."""
    return np.abs(np.fft.rfft(filters.numpy(), 16_000)), np.arange(8_001)


def test_filters_have_unit_norm_and_pass_nothing_constant():
    filters = gabor_filters(64, 256).double()
    np.testing.assert_allclose(filters.norm(dim=1), 1, atol=1e-6)
    np.testing.assert_allclose(filters.sum(1), 0, atol=1e-5)


def test_filters_are_evenly_spaced_on_the_mel_scale():
    magnitude, hertz = spectra(gabor_filters(40, 1_024))
    steps = np.diff(mel(hertz[magnitude.argmax(1)]))
    whole = mel(7_600) - mel(60)
    np.testing.assert_allclose(steps[5:], whole / 41, rtol=0.06)


def test_a_filters_response_falls_to_half_midway_to_the_centres_of_its_neighbours():
    magnitude, hertz = spectra(gabor_filters(40, 1_024))
    centres = hertz[magnitude.argmax(1)]
    for i in range(10, 39):
        band = hertz[magnitude[i] >= magnitude[i].max() / 2]
        assert np.ptp(band) == pytest.approx((centres[i + 1] - centres[i - 1]), rel=0.08)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("hertz", [270, 1_130, 4_130])  # none in step with the stride of 16 samples
def test_a_tone_lights_the_band_of_its_frequency(name, hertz):
    encoder = tiny_model(name).eval().feature_extractor
    noise = 0.01 * np.random.default_rng(0).normal(size=8_000)
    tone = torch.from_numpy(np.sin(2 * np.pi * hertz * np.arange(8_000) / 16_000) * np.hanning(8_000) + noise)
    with torch.no_grad():
        bands = encoder(tone.float()[None])[0].abs()[:, 4:8].mean(1)
    edges = np.linspace(mel(60), mel(7_600), 66)
    assert bands.argmax().item() == pytest.approx(np.abs(edges[1:-1] - mel(hertz)).argmin(), abs=1)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_second_of_sound_is_25_frames(name):
    backbone = load_backbone(name, "tiny")
    assert 16_000 / backbone.hop == 25
    longer = backbone.num_frames(torch.tensor([16_000, 32_000, 48_000]))
    assert longer.diff().tolist() == [25, 25]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_ear_is_set_and_the_transformer_is_drawn(name):
    models = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        models.append(tiny_model(name).state_dict())
    first, again, other = models
    assert all(torch.equal(first[key], again[key]) for key in first)
    same = {key for key in first if torch.equal(first[key], other[key])}
    assert {key for key in first if key.startswith("feature_extractor.")} <= same
    assert not [key for key in same if key.endswith(("q_proj.weight", "dense.weight"))]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_later_convolutions_keep_each_band_to_itself_and_its_level(name):
    for layer in list(tiny_model(name).feature_extractor.conv_layers)[1:]:
        bands = torch.arange(64.0)[:, None].expand(64, 20)
        with torch.no_grad():
            torch.testing.assert_close(layer.conv(bands[None])[0], bands[:, :layer.conv(bands[None]).shape[2]])


def test_the_tiny_models_have_their_families_quirks():
    for name in FAMILIES:
        config = load_backbone(name, "tiny").config
        large_hubert = name == LARGE
        assert config.feat_extract_norm == ("layer" if large_hubert else "group")
        assert config.do_stable_layer_norm == config.conv_bias == large_hubert
        assert config.model_type == ("wav2vec2" if "wav2vec2" in name else "hubert")


def test_a_small_model_hears_as_a_tiny_one_does_and_has_three_million_weights():
    small, tiny = small_model(LARGE), tiny_model(LARGE)
    assert all(map(torch.equal, small.feature_extractor.parameters(), tiny.feature_extractor.parameters()))
    assert sum(p.numel() for p in small.parameters()) == pytest.approx(3e6, rel=0.15)
