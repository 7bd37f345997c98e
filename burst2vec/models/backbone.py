"""Speech representations (section 3.2, appendices A and B); `checkpoints` loads pre-trained ones.

A backbone maps waveforms (batch, samples) to hidden states (batch, frames, features), 50 frames a second in the
published models. Padding does not reach the real frames: see `MaskedGroupNorm` and `_silence_padding`.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel

from burst2vec.models.padding import MaskedGroupNorm, _silence_padding, attend_unconditionally, normalise

# WavLM's attention adds a bias to a mask of another type, at every layer of every batch.
warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask and attn_mask is deprecated")

MODEL_TYPES = ("wav2vec2", "hubert", "wavlm", "data2vec-audio")
"""The architectures that can be a backbone, as a checkpoint's `config.json` names them."""


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


MOST_LAYERS = 1_000
"""Of one kind that a description may ask for: far more than a published model has."""


class Backbone(nn.Module):
    """A speech model as this experiment uses it: each clip normalised over its own samples, then encoded.

    `model` is the base model of transformers, without a head; it is changed in place. `padding` is `exact`, or
    `as_published` for zero padding and a mask only where the checkpoint wants one. `hub.load_backbone` gives
    one with a checkpoint's weights, `from_config` one with random weights.
    """

    def __init__(self, model: PreTrainedModel, settings: Settings, padding: str = "exact",
                 freeze_feature_encoder: bool = True):
        super().__init__()
        self.model, self.settings, self.padding, self.frozen = model, settings, padding, freeze_feature_encoder
        self.config = model.config
        self.features: int = self.config.hidden_size
        self.masked = padding == "exact" or settings.attention_mask
        # Lists, so that these parts of the model are not registered, and saved, twice.
        self._time_norms: list[MaskedGroupNorm] = []
        self._positional: list[nn.Conv1d] = []
        if padding == "exact":
            self._keep_padding_out()
        attend_unconditionally(model)
        # transformers reckons the frames' mask from one of samples, with a number that it copies to the device at each step.
        model._get_feature_vector_attention_mask = _frames_mask
        model.feature_extractor.requires_grad_(not freeze_feature_encoder)
        # Otherwise the encoder asks for the waveform's own gradient, which nobody uses.
        model.feature_extractor._requires_grad = False
        model.feature_extractor.forward = functools.partial(_unless_encoded, model.feature_extractor.forward)

    @classmethod
    def from_config(cls, config: dict) -> Backbone:
        """The backbone that a `to_config` describes, with random weights. Needs neither hub nor checkpoint.

        Raises BackboneError where its architecture is not one of `MODEL_TYPES`, or its convolutions are none.
        """
        check_model_type(config["model"].get("model_type"), config["settings"]["name"])
        # What nobody reads is not computed, whatever a file says; of attention weights transformers would warn.
        shape = AutoConfig.for_model(**{**_without_kernels(config["model"]), "output_attentions": False,
                                        "output_hidden_states": False})
        for name in ("num_hidden_layers", "num_conv_pos_embeddings", "num_adapter_layers"):
            if getattr(shape, name, 0) > MOST_LAYERS:  # it would be built, layer by layer
                raise BackboneError(f"{config['settings']['name']}: {name} is {getattr(shape, name)}; expected {MOST_LAYERS} "
                                    "or less")
        if min((*shape.conv_stride, *shape.conv_kernel), default=1) < 1:
            raise BackboneError(f"{config['settings']['name']}: a convolution of stride {min(shape.conv_stride)} over "
                                f"{min(shape.conv_kernel)} samples; expected 1 or more of both")
        model = AutoModel.from_config(shape, dtype=torch.float32)
        return cls(model, Settings(**config["settings"]), config["padding"], config["freeze_feature_encoder"])

    def to_config(self) -> dict:
        """What `from_config` needs to build this architecture again, ready for JSON."""
        left_out = ("_name_or_path", "dtype")  # the first may be a folder of this machine, the second is float32
        model = {k: v for k, v in _without_kernels(self.config.to_dict()).items() if k not in left_out}
        return {"settings": asdict(self.settings), "padding": self.padding, "freeze_feature_encoder": self.frozen,
                "model": model}

    def record(self) -> dict[str, str | bool | int]:
        """What a run's record should say of its backbone, flat."""
        return {**asdict(self.settings), "family": self.config.model_type, "feature_norm": feature_norm(self.config),
                "hidden_size": self.features, "layers": self.config.num_hidden_layers}

    def _keep_padding_out(self) -> None:
        """Changes the layers in which padding reaches real frames although attention is masked. They expect their
        `num_frames` before each batch."""
        first = self.model.feature_extractor.conv_layers[0]
        if feature_norm(self.config) == "group":
            first.layer_norm = MaskedGroupNorm(first.layer_norm)
            self._time_norms = [first.layer_norm]
        self._positional = [m for m in self.model.encoder.pos_conv_embed.modules() if isinstance(m, nn.Conv1d)]
        for convolution in self._positional:
            convolution.register_forward_pre_hook(_silence_padding)

    def num_frames(self, lengths: torch.Tensor, layers: int | None = None) -> torch.Tensor:
        """Frames (batch,) that lie wholly within `lengths` samples, after all or the first `layers` convolutions."""
        for kernel, stride in list(zip(self.config.conv_kernel, self.config.conv_stride, strict=True))[:layers]:
            lengths = torch.div(lengths - kernel, stride, rounding_mode="floor") + 1
        return lengths

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return math.prod(self.config.conv_stride)

    @property
    def receptive_field(self) -> int:
        """Samples that one frame sees."""
        samples = 1
        for kernel, stride in zip(self.config.conv_kernel[::-1], self.config.conv_stride[::-1], strict=True):
            samples = (samples - 1) * stride + kernel
        return samples

    def forward(self, inputs: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Hidden states (batch, frames, features) and the number of real frames (batch,). Those past it are not
        meaningful.

        `inputs` are zero-padded waveforms (batch, samples), or what `encode` made of them (batch, frames, channels);
        `lengths` (batch,) counts the real samples, or frames, of each.
        """
        encoded, num_frames = (inputs, lengths) if inputs.dim() == 3 else self.encode(inputs, lengths)
        for convolution in self._positional:
            convolution.num_frames = num_frames
        real = torch.arange(encoded.shape[1], device=encoded.device) < num_frames[:, None]
        mask = real if self.masked else None
        hidden = self.model(encoded.transpose(1, 2), attention_mask=mask).last_hidden_state
        return hidden, num_frames

    def encode(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the convolutional feature encoder makes of zero-padded waveforms (batch, samples): (batch, frames,
        channels), and the number of real frames (batch,). A clip too short for a frame is given one, filled with zeros.
        """
        time = torch.arange(max(waveforms.shape[1], self.receptive_field), device=waveforms.device)
        waveforms = nn.functional.pad(waveforms, (0, len(time) - waveforms.shape[1]))
        real = time < lengths[:, None]
        normal = normalise(waveforms, real) if self.settings.do_normalize else waveforms * real
        lengths = lengths.clamp_min(self.receptive_field)
        for norm in self._time_norms:
            norm.num_frames = self.num_frames(lengths, layers=1)
        return self.model.feature_extractor(normal).transpose(1, 2), self.num_frames(lengths)


def _unless_encoded(encode: Callable[[torch.Tensor], torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    """A feature encoder's output for waveforms (batch, samples); what is encoded already (batch, channels, frames) is
    passed on, so that transformers' own models take it."""
    return inputs if inputs.dim() == 3 else encode(inputs)


def _frames_mask(frames: int, real: torch.Tensor, *_, **__) -> torch.Tensor:
    """The mask (batch, frames), which transformers' own models take for one of samples."""
    return real


def _without_kernels(config: dict) -> dict:
    """A model's configuration without its choice of attention kernels: transformers would download and run those of
    whatever repository a file names."""
    return {key: _without_kernels(value) if isinstance(value, dict) else value
            for key, value in config.items() if "attn_implementation" not in str(key)}


def feature_norm(config: PreTrainedConfig) -> str:
    """Whether the first convolution's output is normalised over time (`group`) or over features (`layer`)."""
    return getattr(config, "feat_extract_norm", "layer")  # data2vec knows no other


def check_model_type(kind: str | None, name: str) -> None:
    """Raises BackboneError if a model of this type, of the backbone `name`, does not read waveforms."""
    if kind not in MODEL_TYPES:
        raise BackboneError(f"backbone {name!r} is a model of {f'type {kind}' if kind else 'no stated type'}; "
                            f"expected one that reads waveforms: {', '.join(MODEL_TYPES)}")
