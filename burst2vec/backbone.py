"""Speech representations (section 3.2, appendices A and B); `checkpoints` loads pre-trained ones.

A backbone maps waveforms (batch, samples) to hidden states (batch, frames, features), 50 frames a second in the
published models. Padding does not reach the real frames: see `MaskedGroupNorm` and `_silence_padding`.
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass

import torch
from torch import nn

import burst2vec._torchaudio  # noqa: F401  (before transformers, which imports torchaudio)
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel

# WavLM's attention adds a bias to a mask of another type, at every layer of every batch.
warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask and attn_mask is deprecated")

MODEL_TYPES = ("wav2vec2", "hubert", "wavlm", "data2vec-audio")
"""The architectures that can be a backbone, as a checkpoint's `config.json` names them."""

QUIETEST = 1e-7
"""Added to a clip's variance before it is divided by, as the published feature extractors do."""


class BackboneError(ValueError):
    """A backbone that cannot be had; the message says what would be right."""


@dataclass(frozen=True)
class Settings:
    """Where a backbone came from, and how its checkpoint wants to be fed.

    `name` is the hub name or the folder's own name, `do_normalize` whether each clip gets zero mean and unit variance,
    `attention_mask` whether the checkpoint was trained with its padding masked.
    """

    name: str
    do_normalize: bool
    attention_mask: bool


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

    `model` is the base model of transformers, without a head; it is changed in place. `padding` is `exact`, or
    `as_published` for zero padding and a mask only where the checkpoint wants one. `checkpoints.load_backbone` gives
    one with a checkpoint's weights, `from_config` one with random weights.
    """

    def __init__(self, model: PreTrainedModel, settings: Settings, padding: str = "exact",
                 freeze_feature_encoder: bool = True):
        super().__init__()
        self.model, self.settings, self.padding, self.frozen = model, settings, padding, freeze_feature_encoder
        self.config = model.config
        self.features: int = self.config.hidden_size
        self.masked = padding == "exact" or settings.attention_mask
        self._changed = self._keep_padding_out() if padding == "exact" else []
        model.feature_extractor.requires_grad_(not freeze_feature_encoder)
        # Otherwise the encoder asks for the waveform's own gradient, which nobody uses.
        model.feature_extractor._requires_grad = False

    @classmethod
    def from_config(cls, config: dict) -> Backbone:
        """The backbone that a `to_config` describes, with random weights. Needs neither hub nor checkpoint.

        Raises BackboneError where its architecture is not one of `MODEL_TYPES`.
        """
        check_model_type(config["model"].get("model_type"), config["settings"]["name"])
        model = AutoModel.from_config(AutoConfig.for_model(**config["model"]), dtype=torch.float32)
        return cls(model, Settings(**config["settings"]), config["padding"], config["freeze_feature_encoder"])

    def to_config(self) -> dict:
        """What `from_config` needs to build this architecture again, ready for JSON."""
        left_out = ("_name_or_path", "dtype")  # the first may be a folder of this machine, the second is float32
        model = {k: v for k, v in self.config.to_dict().items() if k not in left_out}
        return {"settings": asdict(self.settings), "padding": self.padding, "freeze_feature_encoder": self.frozen,
                "model": model}

    def record(self) -> dict[str, str | bool | int]:
        """What a run's record should say of its backbone, flat."""
        return {**asdict(self.settings), "family": self.config.model_type, "feature_norm": feature_norm(self.config),
                "hidden_size": self.features, "layers": self.config.num_hidden_layers}

    def _keep_padding_out(self) -> list[tuple[nn.Module, int | None]]:
        """Changes the layers in which padding reaches real frames although attention is masked, and returns them, each
        with the number of convolutions that its frames went through (None: all). They expect their `num_frames`."""
        first = self.model.feature_extractor.conv_layers[0]
        changed: list[tuple[nn.Module, int | None]] = []
        if feature_norm(self.config) == "group":
            first.layer_norm = MaskedGroupNorm(first.layer_norm)
            changed.append((first.layer_norm, 1))
        for module in self.model.encoder.pos_conv_embed.modules():
            if isinstance(module, nn.Conv1d):
                module.register_forward_pre_hook(_silence_padding)
                changed.append((module, None))
        return changed

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
        real = time < lengths[:, None]
        normal = normalise(waveforms, real) if self.settings.do_normalize else waveforms * real
        lengths = lengths.clamp_min(self.receptive_field)
        for layer, convolutions in self._changed:
            layer.num_frames = self.num_frames(lengths, convolutions)
        mask = (time < lengths[:, None]).long() if self.masked else None
        hidden = self.model(normal, attention_mask=mask).last_hidden_state
        return hidden, self.num_frames(lengths)


def normalise(waveforms: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Each waveform (batch, samples) with zero mean and unit variance over its `real` samples, zero elsewhere."""
    count = real.sum(1, keepdim=True)
    mean = (waveforms * real).sum(1, keepdim=True) / count
    variance = ((waveforms - mean).square() * real).sum(1, keepdim=True) / count
    return (waveforms - mean) * torch.rsqrt(variance + QUIETEST) * real


def _silence_padding(convolution: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
    """Sets frames past `convolution.num_frames` to zero in inputs (batch, features, frames): a forward pre-hook.

    A clip alone ends in the convolution's own zeros. data2vec stacks five positional convolutions, whose outputs run
    over into the padding; HuBERT may have a batch norm before its one, which lifts the padding off zero.
    """
    x, = inputs
    padding = torch.arange(x.shape[2], device=x.device) >= convolution.num_frames[:, None, None]
    return (x.masked_fill(padding, 0),)


def feature_norm(config: PreTrainedConfig) -> str:
    """Whether the first convolution's output is normalised over time (`group`) or over features (`layer`)."""
    return getattr(config, "feat_extract_norm", "layer")  # data2vec knows no other


def check_model_type(kind: str | None, name: str) -> None:
    """Raises BackboneError if a model of this type, of the backbone `name`, does not read waveforms."""
    if kind not in MODEL_TYPES:
        raise BackboneError(f"backbone {name!r} is a model of {f'type {kind}' if kind else 'no stated type'}; "
                            f"expected one that reads waveforms: {', '.join(MODEL_TYPES)}")
