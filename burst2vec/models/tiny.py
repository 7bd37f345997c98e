"""Tiny and small backbones: random Transformers behind a fixed auditory filter bank, one for each family of the paper.

What the published models learnt from a thousand hours of speech cannot be learnt from a few minutes of synthetic
bursts. So the convolutional encoder of these models is set instead of drawn. Its first layer holds Gabor filters on the
mel scale, as in LEAF (Zeghidour et al., 2021); the later ones smooth their input and thin it out in time. The
Transformer is random. Normalisation, masks and the order of layers are those of the family, so that every quirk of the
published models is met.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from transformers import AutoModel, HubertConfig, PreTrainedConfig, PreTrainedModel, Wav2Vec2Config

from burst2vec.audio.faults import SAMPLE_RATE

_GROUP = {"feat_extract_norm": "group", "do_stable_layer_norm": False, "conv_bias": False}
_LAYER = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
FAMILIES: dict[str, tuple[Callable[..., PreTrainedConfig], dict[str, Any]]] = {
    "facebook/wav2vec2-large-960h": (Wav2Vec2Config, _GROUP),
    "facebook/hubert-base-ls960": (HubertConfig, _GROUP),
    "facebook/hubert-large-ls960-ft": (HubertConfig, _LAYER),
}
"""The configuration of each of the paper's checkpoints, and the options that set its family apart.

wav2vec 2.0 and HuBERT base normalise over time in their first convolution. HuBERT large normalises over features in all
convolutions and before each sub-layer."""

CHECKPOINTS = {"wav2vec2": "facebook/wav2vec2-large-960h", "hubert": "facebook/hubert-base-ls960",
               "hubert-layer-norm": "facebook/hubert-large-ls960-ft"}
"""The short name of each family, and the paper's checkpoint of it."""

SIZES: dict[str, Any] = {
    "conv_dim": (64, 64, 64), "conv_kernel": (256, 8, 5), "conv_stride": (16, 8, 5),
    "hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 256,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
}
"""The sizes of a tiny model, which makes 25 frames a second and learns on a CPU in minutes."""

SMALL: dict[str, Any] = {
    **SIZES, "hidden_size": 256, "num_hidden_layers": 4, "intermediate_size": 768, "num_conv_pos_embeddings": 32,
    "num_conv_pos_embedding_groups": 16, "attention_dropout": 0.0, "activation_dropout": 0.0,
}
"""The sizes of a small model, which has 3 million weights, so that pre-training on a CPU takes an hour or two.

Only hidden states are dropped out: attention is computed several times as fast without."""

GAINS = {"group": (0.003, 100.0), "layer": (0.1, 1.0)}
"""The gains of the filter bank and of the norm that follows it, for each kind of norm.

Group norm levels every band over time, and the spectrum is lost. Behind a low gain the variance of the bands lies near
the norm's epsilon, so that soft bands stay soft."""


def tiny_model(name: str) -> PreTrainedModel:
    """A tiny model of the family of `name`, a key of `FAMILIES`.

    Its Transformer is drawn here, so torch is to be seeded before.
    """
    return _model(name, SIZES)


def small_model(name: str) -> PreTrainedModel:
    """A small model of the family of `name`, for pre-training; all else is as in `tiny_model`."""
    return _model(name, SMALL)


def _model(name: str, sizes: Mapping[str, Any]) -> PreTrainedModel:
    """A model of the family of `name` and of those sizes, behind the filter bank."""
    config_class, family = FAMILIES[name]
    config = config_class(**sizes, **family, apply_spec_augment=False, layerdrop=0.0)
    model = AutoModel.from_config(config)
    first, *later = (layer.conv for layer in model.feature_extractor.conv_layers)
    with torch.no_grad():
        gain, norm_gain = GAINS[family["feat_extract_norm"]]
        model.feature_extractor.conv_layers[0].layer_norm.weight.fill_(norm_gain)
        filters = gabor_filters(first.out_channels, first.kernel_size[0])
        first.weight.copy_(gain * filters[:, None])
        for conv in later:
            window = torch.hann_window(conv.kernel_size[0] + 2, periodic=False)[1:-1]
            identity = torch.eye(conv.out_channels)[..., None]
            conv.weight.copy_(identity * window / window.sum())
        for conv in (first, *later):
            if conv.bias is not None:
                conv.bias.zero_()
    return model


def gabor_filters(count: int, samples: int, sample_rate: float = SAMPLE_RATE, lowest: float = 60,
                  highest: float = 7_600) -> torch.Tensor:
    """Band-pass filters (count, samples) of unit norm, evenly spaced in mel between `lowest` and `highest` Hz.

    Each is a cosine under a Gaussian whose bandwidth reaches to the centres of its neighbours.
    """
    mel = torch.linspace(_to_mel(lowest), _to_mel(highest), count + 2)
    hertz = 700 * (10 ** (mel / 2595) - 1)
    centre, bandwidth = hertz[1:-1, None], (hertz[2:] - hertz[:-2])[:, None]
    time = (torch.arange(samples) - (samples - 1) / 2) / sample_rate
    width = math.sqrt(2 * math.log(2)) / (math.pi * bandwidth)
    filters = torch.exp(-0.5 * (time / width) ** 2) * torch.cos(2 * math.pi * centre * time)
    filters = filters * torch.hann_window(samples, periodic=False)
    filters = filters - filters.mean(1, keepdim=True)
    return filters / filters.norm(dim=1, keepdim=True)


def _to_mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)
