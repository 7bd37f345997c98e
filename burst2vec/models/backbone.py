"""Speech representations (section 3.2, appendices A and B). `hub` loads pre-trained ones.

A backbone maps waveforms (batch, samples) to hidden states (batch, frames, features). The published models make 50
frames a second. With `padding: exact` a clip's hidden states do not depend on the padding of its batch; `padding` holds
the layers that see to it.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel

from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.config import Params
from burst2vec.messages import shown
from burst2vec.models.attention import use_attention
from burst2vec.models.padding import MaskedGroupNorm, normalise, silence_padding

# WavLM's attention adds a bias to a mask of another type, in every layer and for every batch.
warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask and attn_mask is deprecated")

MODEL_TYPES = ("wav2vec2", "hubert", "wavlm", "data2vec-audio")
"""The architectures that can be a backbone, as the `model_type` in a checkpoint's `config.json` names them."""

MAX_LAYERS = 1_000
"""The largest number of layers of one kind that a configuration may ask for, far more than any published model has."""
MAX_SECONDS = 60
"""The most seconds that one frame may see. The published models' see 0.025."""


class BackboneError(ValueError):
    """A backbone cannot be loaded or built; the message says why and what would be right."""


@dataclass(frozen=True)
class Settings:
    """Where a backbone came from, and what input its checkpoint was trained on.

    `name` is the name on the hub, or that of the local folder. `do_normalize` says whether each clip is scaled to zero
    mean and unit variance, `attention_mask` whether the checkpoint was trained with its padding masked. Raises
    BackboneError where either is neither true nor false.
    """

    name: str
    do_normalize: bool
    attention_mask: bool

    def __post_init__(self):
        for name in ("do_normalize", "attention_mask"):
            check_flag(getattr(self, name), f"backbone {self.name!r}: {name}")


class Backbone(nn.Module):
    """A speech model as this experiment uses it: each clip is normalised over its own samples, then encoded.

    `model` is a base model of transformers, without a head, which is changed in place. `padding` is `exact`, or
    `as_published` for zero padding with a mask only where the checkpoint wants one. `hub.load_backbone` gives a
    backbone with the weights of a checkpoint, `from_config` one with random weights.
    """

    def __init__(self, model: PreTrainedModel, settings: Settings, padding: str = "exact",
                 freeze_feature_encoder: bool = True):
        super().__init__()
        self.model: Any = model  # transformers does not declare the types of a model's parts
        self.settings, self.padding, self.frozen = settings, padding, freeze_feature_encoder
        self.config = model.config
        self.features: int = self.config.hidden_size
        self.masked = padding == "exact" or settings.attention_mask
        # Lists hide these parts of the model from torch, which would otherwise register, and save, them twice.
        self._time_norms: list[MaskedGroupNorm] = []
        self._positional: list[nn.Conv1d] = []
        if padding == "exact":
            self._keep_padding_out()
        use_attention(model)
        self._choose_gradients()

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Backbone:
        """A backbone with random weights, of the architecture that `to_config` described. Nothing is downloaded.

        Raises BackboneError where the architecture is not one of `MODEL_TYPES` or cannot be built, and
        `config.ParameterError` where `padding` or `freeze_feature_encoder` is not a value of that parameter.
        """
        settings = Settings(**config["settings"])
        Params(padding=config["padding"], freeze_feature_encoder=config["freeze_feature_encoder"])
        check_model_type(config["model"].get("model_type"), settings.name)
        shape = AutoConfig.for_model(**_architecture(config["model"]))
        _check_shape(shape, settings.name)
        model = AutoModel.from_config(shape, dtype=torch.float32)
        return cls(model, settings, config["padding"], config["freeze_feature_encoder"])

    def to_config(self) -> dict[str, Any]:
        """What `from_config` needs to build this architecture again, ready for JSON."""
        return {"settings": asdict(self.settings), "padding": self.padding, "freeze_feature_encoder": self.frozen,
                "model": _architecture(self.config.to_dict())}

    def record(self) -> dict[str, str | bool | int]:
        """What the summary of a run says about its backbone, as a flat mapping."""
        return {**asdict(self.settings), "family": self.config.model_type, "feature_norm": feature_norm(self.config),
                "hidden_size": self.features, "layers": self.config.num_hidden_layers}

    def _choose_gradients(self) -> None:
        """Freezes the feature encoder, if it is to be, and keeps it from asking for a gradient of the waveforms."""
        encoder = self.model.feature_extractor
        encoder.requires_grad_(not self.frozen)
        encoder._requires_grad = False

    def _keep_padding_out(self) -> None:
        """Changes the layers that let padding reach real frames although attention is masked.

        They expect the `num_frames` of each batch before it is computed.
        """
        first = self.model.feature_extractor.conv_layers[0]
        if feature_norm(self.config) == "group":
            first.layer_norm = MaskedGroupNorm(first.layer_norm)
            self._time_norms = [first.layer_norm]
        self._positional = [m for m in self.model.encoder.pos_conv_embed.modules() if isinstance(m, nn.Conv1d)]
        for convolution in self._positional:
            convolution.register_forward_pre_hook(silence_padding)

    def num_frames(self, lengths: torch.Tensor, layers: int | None = None) -> torch.Tensor:
        """Number of frames (batch,) that lie wholly within `lengths` (batch,) samples.

        They are counted after all convolutions of the feature encoder, or after its first `layers`.
        """
        for kernel, stride in list(zip(self.config.conv_kernel, self.config.conv_stride, strict=True))[:layers]:
            lengths = torch.div(lengths - kernel, stride, rounding_mode="floor") + 1
        return lengths

    @property
    def hop(self) -> int:
        """Number of samples from one frame to the next."""
        return math.prod(self.config.conv_stride)

    @property
    def receptive_field(self) -> int:
        """Number of samples that one frame sees."""
        return _receptive_field(self.config)

    def forward(self, inputs: torch.Tensor, lengths: torch.Tensor, every_layer: bool = False
                ) -> tuple[torch.Tensor, torch.Tensor]:
        """Hidden states (batch, frames, features), and the number of real frames (batch,) of each clip.

        `inputs` are zero-padded waveforms (batch, samples), or what `encode` made of them (batch, frames, channels);
        `lengths` (batch,) counts the real samples, or frames, of each. Hidden states past a clip's real frames have no
        meaning. With `every_layer` the features are those that enter the Transformer's first layer, and those of all
        layers, side by side.
        """
        encoded, num_frames = (inputs, lengths) if inputs.dim() == 3 else self.encode(inputs, lengths)
        self.expect(num_frames)
        real = torch.arange(encoded.shape[1], device=encoded.device) < num_frames[:, None]
        mask = real if self.masked else None
        with _layer_inputs(self.model.encoder.layers if every_layer else []) as states:
            last = self.model.encoder(self.project(encoded), attention_mask=mask).last_hidden_state
        return torch.cat([*states, last], 2), num_frames

    def project(self, encoded: torch.Tensor) -> torch.Tensor:
        """The input of the Transformer (batch, frames, features), from the encoder's output (batch, frames,
        channels)."""
        projected = self.model.feature_projection(encoded)
        # Every family but HuBERT adds the normalised input of the projection.
        return projected[0] if isinstance(projected, tuple) else projected

    def expect(self, num_frames: torch.Tensor) -> None:
        """Tells the positional convolutions how many frames (batch,) of their next input are real."""
        for convolution in self._positional:
            convolution.num_frames = num_frames

    def encode(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the convolutional encoder puts out (batch, frames, channels), and the number of real frames (batch,).

        `waveforms` (batch, samples) are zero-padded, of `lengths` (batch,) real samples. A clip that is too short for a
        frame is given one, filled up with zeros.
        """
        time = torch.arange(max(waveforms.shape[1], self.receptive_field), device=waveforms.device)
        waveforms = nn.functional.pad(waveforms, (0, len(time) - waveforms.shape[1]))
        real = time < lengths[:, None]
        normal = normalise(waveforms, real) if self.settings.do_normalize else waveforms * real
        lengths = lengths.clamp_min(self.receptive_field)
        for norm in self._time_norms:
            norm.num_frames = self.num_frames(lengths, layers=1)
        return self.model.feature_extractor(normal).transpose(1, 2), self.num_frames(lengths)


@contextlib.contextmanager
def _layer_inputs(layers: Iterable[nn.Module]) -> Iterator[list[torch.Tensor]]:
    """A list that is filled with the hidden states that enter each of the layers within the block."""
    inputs: list[torch.Tensor] = []

    def note(_layer: nn.Module, given: tuple[torch.Tensor, ...], named: dict[str, Any]) -> None:
        inputs.append(given[0] if given else named["hidden_states"])

    hooks = [layer.register_forward_pre_hook(note, with_kwargs=True) for layer in layers]
    try:
        yield inputs
    finally:
        for hook in hooks:
            hook.remove()


def feature_norm(config: PreTrainedConfig) -> str:
    """Whether the first convolution's output is normalised over time (`group`) or over features (`layer`)."""
    return getattr(config, "feat_extract_norm", "layer")  # data2vec knows no other


def check_model_type(model_type: str | None, name: str) -> None:
    """Raises BackboneError where models of this type, which the backbone `name` is, do not read waveforms."""
    if model_type not in MODEL_TYPES:
        stated = f"type {model_type}" if model_type else "no stated type"
        raise BackboneError(f"backbone {name!r} is a model of {stated}; expected one that reads waveforms: "
                            + ", ".join(MODEL_TYPES))


def check_flag(value: Any, name: str) -> None:
    """Raises BackboneError where a setting's value, read from JSON, is neither true nor false."""
    if not isinstance(value, bool):
        raise BackboneError(f"{name} is {shown(value)}; expected true or false, without quotes")


def _check_shape(shape: PreTrainedConfig, name: str) -> None:
    """Raises BackboneError where a configuration asks for more layers than can be built, for convolutions of no size,
    or for frames that see more than `MAX_SECONDS`."""
    for kind in ("num_hidden_layers", "num_conv_pos_embeddings", "num_adapter_layers"):
        if getattr(shape, kind, 0) > MAX_LAYERS:
            raise BackboneError(f"backbone {name!r}: {kind} is {getattr(shape, kind)}; expected {MAX_LAYERS} or less")
    if min((*shape.conv_stride, *shape.conv_kernel), default=1) < 1:
        raise BackboneError(f"backbone {name!r}: a convolution of stride {min(shape.conv_stride)} over "
                            f"{min(shape.conv_kernel)} samples; expected 1 or more of both")
    if _receptive_field(shape) > MAX_SECONDS * SAMPLE_RATE:
        raise BackboneError(f"backbone {name!r}: by conv_kernel and conv_stride one of its frames sees "
                            f"{_receptive_field(shape):,} samples; expected {MAX_SECONDS} seconds or less")


def _receptive_field(shape: PreTrainedConfig) -> int:
    """The number of samples that one frame sees."""
    samples = 1
    for kernel, stride in zip(shape.conv_kernel[::-1], shape.conv_stride[::-1], strict=True):
        samples = (samples - 1) * stride + kernel
    return samples


_NO_ARCHITECTURE = ("_name_or_path", "dtype", "gradient_checkpointing")
"""Keys of a configuration that are not about the architecture: the first may name a folder of this machine, weights are
always float32, and the third is a parameter of the training."""


def _architecture(config: dict[str, Any]) -> dict[str, Any]:
    """A model's configuration without `_NO_ARCHITECTURE`, and without its choice of attention kernels at any depth.

    Otherwise transformers would download and run the kernels of whatever repository a file names.
    """
    return {key: _architecture(value) if isinstance(value, dict) else value for key, value in config.items()
            if key not in _NO_ARCHITECTURE and "attn_implementation" not in str(key)}
