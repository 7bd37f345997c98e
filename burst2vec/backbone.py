"""Pre-trained speech representations (section 3.2, appendices A and B), and tiny models of the same families.

A backbone maps waveforms (batch, samples) to hidden states (batch, frames, features), 50 frames a second in the
published models. Padding does not reach the real frames: see `MaskedGroupNorm`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import nn

import burst2vec._torchaudio  # noqa: F401  (before transformers, which imports torchaudio)
from transformers import AutoConfig, AutoModel

from burst2vec.tiny import FAMILIES, tiny_model

QUIETEST = 1e-7
"""Added to a clip's variance before it is divided by, as the published feature extractors do."""

_QUIET = {"apply_spec_augment": False, "layerdrop": 0.0}
"""Both are on in the published configurations; the paper mentions neither."""


class BackboneError(ValueError):
    """A backbone that cannot be had; the message says what would be right."""


class MaskedGroupNorm(nn.Module):
    """Group norm with one channel a group, its moments over each clip's real frames instead of the padded axis.

    The published models compute them over the padding too, so that a clip's features depend on its neighbours in the
    batch. With `num_frames` (batch,) unset it is plain group norm. Takes over the weights of `norm`.
    """

    def __init__(self, norm: nn.GroupNorm):
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
        self.num_frames: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised `x` (batch, channels, frames)."""
        if self.num_frames is None:
            return nn.functional.group_norm(x, x.shape[1], self.weight, self.bias, self.eps)
        count = self.num_frames[:, None, None]
        real = torch.arange(x.shape[2], device=x.device) < count
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        mean = (wide * real).sum(2, keepdim=True) / count
        variance = ((wide - mean).square() * real).sum(2, keepdim=True) / count
        normal = (wide - mean) * torch.rsqrt(variance + self.eps)
        return (normal * self.weight[:, None] + self.bias[:, None]).to(x.dtype)


class Backbone(nn.Module):
    """A speech model as this experiment uses it: each clip normalised over its own samples, then encoded.

    `name` is one of `tiny.FAMILIES`, another hub name, or a local folder with `config.json` and weights. `size` is
    `published` for the weights of that name or `tiny` for a small model of its family. `padding` is `exact`, or
    `as_published` for the usual zero padding, which a group-norm family meets unmasked. Raises BackboneError.
    """

    def __init__(self, name: str, size: str = "published", padding: str = "exact", freeze_feature_encoder: bool = True):
        super().__init__()
        self.model = _tiny(name) if size == "tiny" else _published(name)
        self.config = self.model.config
        self.features: int = self.config.hidden_size
        first = self.model.feature_extractor.conv_layers[0]
        if self.config.feat_extract_norm == "group" and padding == "exact":
            first.layer_norm = MaskedGroupNorm(first.layer_norm)
        # The published group-norm models were trained without an attention mask.
        self.masked = padding == "exact" or self.config.feat_extract_norm == "layer"
        self.model.feature_extractor.requires_grad_(not freeze_feature_encoder)
        # Otherwise the encoder asks for the waveform's own gradient, which nobody uses.
        self.model.feature_extractor._requires_grad = False

    def num_frames(self, lengths: torch.Tensor, layers: int | None = None) -> torch.Tensor:
        """Frames (batch,) that lie wholly within `lengths` samples, after all or the first `layers` convolutions."""
        for kernel, stride in list(zip(self.config.conv_kernel, self.config.conv_stride, strict=True))[:layers]:
            lengths = torch.div(lengths - kernel, stride, rounding_mode="floor") + 1
        return lengths

    @property
    def receptive_field(self) -> int:
        """Samples that one frame sees."""
        samples = 1
        for kernel, stride in zip(self.config.conv_kernel[::-1], self.config.conv_stride[::-1], strict=True):
            samples = (samples - 1) * stride + kernel
        return samples

    def forward(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Hidden states (batch, frames, features) of zero-padded waveforms (batch, samples), and the number of real
        frames (batch,). Those past it are not meaningful. A clip too short for a frame is given one, filled with zeros.
        """
        time = torch.arange(max(waveforms.shape[1], self.receptive_field), device=waveforms.device)
        waveforms = nn.functional.pad(waveforms, (0, len(time) - waveforms.shape[1]))
        normal = normalise(waveforms, time < lengths[:, None])
        lengths = lengths.clamp_min(self.receptive_field)
        norm = getattr(self.model.feature_extractor.conv_layers[0], "layer_norm", None)
        if isinstance(norm, MaskedGroupNorm):
            norm.num_frames = self.num_frames(lengths, layers=1)
        mask = (time < lengths[:, None]).long() if self.masked else None
        hidden = self.model(normal, attention_mask=mask).last_hidden_state
        return hidden, self.num_frames(lengths)


def normalise(waveforms: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Each waveform (batch, samples) with zero mean and unit variance over its `real` samples, zero elsewhere."""
    count = real.sum(1, keepdim=True)
    mean = (waveforms * real).sum(1, keepdim=True) / count
    variance = ((waveforms - mean).square() * real).sum(1, keepdim=True) / count
    return (waveforms - mean) * torch.rsqrt(variance + QUIETEST) * real


def _tiny(name: str) -> nn.Module:
    if name not in FAMILIES:
        raise BackboneError(f"backbone {name!r} has no tiny model; there are tiny models of {', '.join(FAMILIES)}")
    return tiny_model(name)


def _published(name: str) -> nn.Module:
    """The base model of a checkpoint, in float32 whatever it was stored in."""
    try:
        config = AutoConfig.from_pretrained(name, **_QUIET)
        if not hasattr(config, "feat_extract_norm"):
            raise BackboneError(f"backbone {name!r} is a {config.model_type} model; expected one that reads waveforms, "
                                "such as wav2vec 2.0 or HuBERT")
        model, loading = AutoModel.from_pretrained(name, config=config, dtype=torch.float32, output_loading_info=True)
    except BackboneError:
        raise
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:  # the last two: damaged weights
        kind = "folder holds no usable model" if Path(name).is_dir() else "is neither a local folder nor to be had from the hub"
        raise BackboneError(f"backbone {name!r} {kind}; expected a folder with config.json and weights, or a hub name "
                            f"such as {', '.join(FAMILIES)}") from error
    missing = sorted(set(loading["missing_keys"]) - {"masked_spec_embed"})  # SpecAugment's, which is off
    if missing:
        raise BackboneError(f"backbone {name!r}: its weights lack {missing[0]} and {len(missing) - 1} more, which "
                            "would stay random; expected the weights of the model that config.json describes")
    return model
