"""Tiny backbones: for each published family a small random transformer behind a fixed auditory filter bank.

What the published models learned from a thousand hours of speech is not to be had from a few minutes of synthetic
bursts. So the convolutional encoder of a tiny model is set instead of drawn: its first layer holds Gabor filters on
the mel scale, as in LEAF (Zeghidour et al., 2021), the later ones smooth and thin out in time. The transformer is
random. Normalisation, masks and order of layers are the family's own, so every quirk of the real ones is met.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from transformers import AutoModel, HubertConfig, PretrainedConfig, Wav2Vec2Config


_GROUP = {"feat_extract_norm": "group", "do_stable_layer_norm": False, "conv_bias": False}
_LAYER = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
FAMILIES: dict[str, tuple[type[PretrainedConfig], dict]] = {
    "facebook/wav2vec2-large-960h": (Wav2Vec2Config, _GROUP),
    "facebook/hubert-base-ls960": (HubertConfig, _GROUP),
    "facebook/hubert-large-ls960-ft": (HubertConfig, _LAYER),
}
"""The paper's checkpoints, and what sets their families apart: wav2vec 2.0 and HuBERT base normalise over time in
their first convolution, HuBERT large over features everywhere and before each sub-layer."""

SIZES = {
    "conv_dim": (64, 64, 64), "conv_kernel": (256, 8, 5), "conv_stride": (16, 8, 5),
    "hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 256,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
}
"""25 frames a second, and few enough operations to learn on a CPU in minutes."""

GAINS = {"group": (0.003, 100.0), "layer": (0.1, 1.0)}
"""Of the filter bank, and of the norm that follows it. Group norm levels every band over time, and the spectrum is
lost; behind a low gain the bands' variance lies near the norm's epsilon, so that soft bands stay soft."""


def tiny_model(name: str) -> nn.Module:
    """A tiny model of the family of `name`, a key of `FAMILIES`. Seed first: its transformer is drawn here."""
    config_class, family = FAMILIES[name]
    model = AutoModel.from_config(config_class(**SIZES, **family, apply_spec_augment=False, layerdrop=0.0))
    first, *later = (layer.conv for layer in model.feature_extractor.conv_layers)
    with torch.no_grad():
        gain, norm_gain = GAINS[family["feat_extract_norm"]]
        model.feature_extractor.conv_layers[0].layer_norm.weight.fill_(norm_gain)
        first.weight.copy_(gain * gabor_filters(first.out_channels, first.kernel_size[0])[:, None])
        for conv in later:
            window = torch.hann_window(conv.kernel_size[0] + 2, periodic=False)[1:-1]
            conv.weight.copy_(torch.eye(conv.out_channels)[..., None] * window / window.sum())
        for conv in (first, *later):
            if conv.bias is not None:
                conv.bias.zero_()
    return model


def gabor_filters(count: int, samples: int, rate: float = 16_000, lowest: float = 60, highest: float = 7_600) -> torch.Tensor:
    """`count` band-pass filters (count, samples) of unit norm, evenly spaced in mel between two frequencies in Hz.

    Each is a cosine under a Gaussian whose bandwidth reaches to its neighbours' centres.
    """
    mel = torch.linspace(_to_mel(lowest), _to_mel(highest), count + 2)
    hertz = 700 * (10 ** (mel / 2595) - 1)
    centre, bandwidth = hertz[1:-1, None], (hertz[2:] - hertz[:-2])[:, None]
    time = (torch.arange(samples) - (samples - 1) / 2) / rate
    width = math.sqrt(2 * math.log(2)) / (math.pi * bandwidth)
    filters = torch.exp(-0.5 * (time / width) ** 2) * torch.cos(2 * math.pi * centre * time)
    filters = filters * torch.hann_window(samples, periodic=False)
    filters = filters - filters.mean(1, keepdim=True)
    return filters / filters.norm(dim=1, keepdim=True)


def _to_mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)
