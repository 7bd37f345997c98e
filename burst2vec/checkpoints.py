"""Backbones with the weights of a published checkpoint, or tiny models of the paper's families."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError

import burst2vec._torchaudio  # noqa: F401  (before transformers, which imports torchaudio)
from transformers import AutoConfig, AutoModel, PreTrainedModel

from burst2vec.backbone import Backbone, BackboneError, Settings, check_model_type
from burst2vec.tiny import FAMILIES, tiny_model

_QUIET = {"apply_spec_augment": False, "layerdrop": 0.0}
"""Both are on in the published configurations; the paper mentions neither."""


def load_backbone(name: str, size: str = "published", padding: str = "exact",
                  freeze_feature_encoder: bool = True) -> Backbone:
    """A backbone by `name`: one of `tiny.FAMILIES`, another hub name, or a local folder with `config.json` and weights.

    `size` is `published` for the weights of that name or `tiny` for a small model of its family, a key of
    `tiny.FAMILIES`, whose weights are drawn here. `padding` and `freeze_feature_encoder` are `Backbone`'s. Raises
    BackboneError.
    """
    model = _tiny(name) if size == "tiny" else _published(name)
    layer = getattr(model.config, "feat_extract_norm", "layer") == "layer"
    short = Path(name).resolve().name if Path(name).is_dir() else name
    return Backbone(model, Settings(short, True, attention_mask=layer), padding, freeze_feature_encoder)


def _tiny(name: str) -> PreTrainedModel:
    if name not in FAMILIES:
        raise BackboneError(f"backbone {name!r} has no tiny model; there are tiny models of {', '.join(FAMILIES)}")
    return tiny_model(name)


def _published(name: str) -> PreTrainedModel:
    """The base model of a checkpoint, in float32 whatever it was stored in."""
    try:
        config = AutoConfig.from_pretrained(name, **_QUIET)
        check_model_type(config.model_type, name)
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
