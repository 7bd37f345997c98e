"""Backbones with the weights of a checkpoint, from a folder or the hub, or tiny models of the paper's families.

A checkpoint is a folder with `config.json`, weights (`model.safetensors` or `pytorch_model.bin`) and, as a rule,
`preprocessor_config.json`, which says what input the model was trained on. A hub name stands for the folder in which
the hub's cache keeps the checkpoint; only what is missing there is downloaded.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi, constants, get_cached_repo_tree, is_offline_mode, snapshot_download
from huggingface_hub.errors import (
    CachedRepoTreeNotFoundError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import validate_repo_id
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.utils import logging

from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.messages import shown
from burst2vec.models.backbone import Backbone, BackboneError, Settings, check_flag, check_model_type, feature_norm
from burst2vec.models.shipped import shipped
from burst2vec.models.tiny import CHECKPOINTS, FAMILIES, tiny_model

TIMEOUT = 10
"""Seconds to wait for the hub's first answer."""

_SETTINGS = "preprocessor_config.json"
_FILES = ["config.json", _SETTINGS, "processor_config.json", "model*.safetensors*"]
_LEGACY = "pytorch_model*.bin*"

_CHANGES = {"apply_spec_augment": False, "layerdrop": 0.0, "add_adapter": False, "gradient_checkpointing": False}
"""What is changed in the configuration of every checkpoint.

SpecAugment and LayerDrop are on in the published ones, and the paper mentions neither. An adapter thins out frames for
a decoder; like a head it is no part of the encoder. Gradient checkpointing is a parameter of the training."""

_ENCODER = ("feature_extractor.conv_layers.", "feature_projection.", "encoder.")
"""The beginnings of the names of an encoder's weights, in all families."""


def load_backbone(name: str, size: str = "published", padding: str = "exact", freeze_feature_encoder: bool = True,
                  pretrained: bool = True) -> Backbone:
    """The backbone `name`, which is a local folder or a hub name such as one of `tiny.FAMILIES`.

    `size` is `published` for the weights of that name; for a name of `tiny.FAMILIES` also `small`, for the weights of
    its family that come with the package, and `tiny`, for weights that are drawn here. Unless it is `pretrained`, the
    weights of its Transformer are drawn here as well, so torch is to be seeded before. `padding` and
    `freeze_feature_encoder` are those of `Backbone`. Raises BackboneError where the checkpoint cannot be had or used.
    """
    if size != "published" and name not in FAMILIES:
        raise BackboneError(f"backbone {name!r} has no {size} model; set backbone_size: published to load it, or take "
                            f"one that has: {', '.join(FAMILIES)}")
    model, settings = _tiny(name) if size == "tiny" else _small(name) if size == "small" else _published(name)
    return Backbone(model if pretrained else draw(model), settings, padding, freeze_feature_encoder)


def _tiny(name: str) -> tuple[PreTrainedModel, Settings]:
    model = tiny_model(name)
    return model, usual_settings(name, model)


def _small(name: str) -> tuple[PreTrainedModel, Settings]:
    folders = {checkpoint: shipped(family) for family, checkpoint in CHECKPOINTS.items()}
    folder = folders[name]
    if folder is None:
        known = ", ".join(checkpoint for checkpoint, there in folders.items() if there) or "none"
        raise BackboneError(f"backbone {name!r}: burst2vec comes without a small model of its family; it has those of "
                            f"{known}. `burst2vec pretrain` makes others")
    model = _read_model(folder, name)
    return model, _read_settings(folder, name, f"small {name}", model)


def draw(model: Any) -> Any:
    """A model of the same shape with the same feature encoder, whose other weights are drawn here.

    torch is to be seeded before.
    """
    drawn = AutoModel.from_config(model.config, dtype=torch.float32)
    drawn.feature_extractor.load_state_dict(model.feature_extractor.state_dict())
    return drawn


def _published(name: str) -> tuple[PreTrainedModel, Settings]:
    local = Path(name).expanduser()
    folder = local if local.is_dir() else _from_hub(name)
    model = _read_model(folder, name)
    return model, _read_settings(folder, name, local.resolve().name if local.is_dir() else name, model)


def _no_checkpoint(name: str, why: str) -> BackboneError:
    """The error that says `why` a name leads to no checkpoint, and what names would."""
    return BackboneError(f"backbone {name!r}: {why}; expected a folder with config.json and weights, or a hub name "
                         f"such as {', '.join(FAMILIES)}")


# From the hub.

def _from_hub(name: str) -> Path:
    """The folder in the hub's cache that holds a checkpoint. The network is asked only for what the cache lacks."""
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise _no_checkpoint(name, "there is no such folder, and hub names look otherwise") from error
    with contextlib.suppress(LocalEntryNotFoundError):
        folder = _snapshot(name, cached_only=True)
        if _is_complete(folder, name):
            return folder
    _check_hub(name)
    try:
        return _snapshot(name, cached_only=False)
    except Exception as error:  # the hub's HTTP client and a full disk raise errors of many types
        raise BackboneError(f"backbone {name!r} could not be downloaded ({one_line(error)})") from error


def ask_hub(name: str) -> None:
    """Asks the hub for the model `name`, since `snapshot_download` would wait for ever for a hub that does not answer.

    Raises what the hub's HTTP client raises if there is no answer within `TIMEOUT`, or no such model.
    """
    HfApi().model_info(name, timeout=TIMEOUT)


def _check_hub(name: str) -> None:
    """Raises BackboneError if the hub does not answer, or has no such model."""
    try:
        ask_hub(name)
    except RepositoryNotFoundError as error:
        raise _no_checkpoint(name, "neither a local folder nor a model on the hub that you may read (for private ones: "
                                   "hf auth login)") from error
    except Exception as error:  # the hub's HTTP client raises errors of many types
        why = "HF_HUB_OFFLINE forbids asking the hub" if is_offline_mode() else "the hub cannot be reached"
        raise BackboneError(
            f"backbone {name!r} is neither a local folder nor wholly in the hub's cache, and {why}; where there is a "
            f"network run 'hf download {name} --local-dir DIR', bring DIR here and set backbone: DIR (or run it "
            f"without --local-dir, and bring what it adds to the cache there to {constants.HF_HUB_CACHE})") from error


def _snapshot(name: str, cached_only: bool) -> Path:
    """The cached folder of a hub name. Legacy weights are fetched only where there are no others."""
    folder = Path(snapshot_download(name, allow_patterns=_FILES, local_files_only=cached_only))
    if not any(folder.glob("model*.safetensors")):
        folder = Path(snapshot_download(name, allow_patterns=[*_FILES, _LEGACY], local_files_only=cached_only))
    return folder


def _is_complete(folder: Path, name: str) -> bool:
    """Whether a cached folder is known to hold all that the hub holds.

    Where the cache has the hub's list of files, `snapshot_download` has compared the folder with it. Older programs
    leave no list; then settings that are not there may only not have been downloaded.
    """
    try:
        return bool(get_cached_repo_tree(name, revision=folder.name))
    except CachedRepoTreeNotFoundError:
        weights = any(folder.glob("model*.safetensors")) or any(folder.glob(_LEGACY))
        return weights and (folder / "config.json").exists() and (folder / _SETTINGS).exists()


# From a folder.

def _read_model(folder: Path, name: str) -> PreTrainedModel:
    """The base model of a checkpoint without its head, in float32 whatever it was stored in."""
    described = _read_json(folder / "config.json", name)
    if not described:
        raise _no_checkpoint(name, "its folder holds no config.json")
    check_model_type(described.get("model_type"), name)
    try:
        with quiet_transformers():
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False, **_CHANGES)
            config._attn_implementation = None  # a file may name a repository's kernels, to be downloaded and run
            model, loading = AutoModel.from_pretrained(
                folder, config=config, dtype=torch.float32, trust_remote_code=False, ignore_mismatched_sizes=True,
                output_loading_info=True)
    except Exception as error:  # readers of damaged files raise errors of many types
        raise BackboneError(f"backbone {name!r}: its folder holds no usable model ({one_line(error)}); "
                            "expected config.json and model.safetensors or pytorch_model.bin") from error
    _check_weights(model, loading, name)
    return model


def _check_weights(model: PreTrainedModel, loading: Mapping[str, Any], name: str) -> None:
    """Raises BackboneError unless the encoder has all weights of its checkpoint and no others, and all are finite.

    `loading` is what transformers reports of the loading.
    """
    described = f"the {model.config.model_type} model that config.json describes"
    weights = model.state_dict()
    missing = [k for k in weights if k in loading["missing_keys"] and k != "masked_spec_embed"]
    if missing:  # masked_spec_embed is SpecAugment's, which is off
        raise BackboneError(f"backbone {name!r}: its weights lack {_first(missing)}; expected the weights of "
                            f"{described}")
    prefix = f"{model.base_model_prefix}."
    unused = [k for k in sorted(loading["unexpected_keys"]) if k.removeprefix(prefix).startswith(_ENCODER)]
    if unused:  # the weights of a head are left out, those of the encoder never
        raise BackboneError(f"backbone {name!r}: its weights hold {_first(unused)}, which {described} does not have; "
                            "expected a config.json of the same number of layers and the same options")
    for key, found, wanted in sorted(loading["mismatched_keys"]):
        raise BackboneError(f"backbone {name!r}: its weight {key} is of shape {tuple(found)}, but config.json "
                            f"describes one of {tuple(wanted)}")
    for key, weight in weights.items():
        if not torch.isfinite(weight).all():
            raise BackboneError(f"backbone {name!r}: its weight {key} holds values that are not finite numbers; its "
                                "training has failed, or the file is damaged")


def _first(keys: list[str]) -> str:
    """The first of the keys, and how many more there are."""
    return keys[0] + (f" and {len(keys) - 1} more" if len(keys) > 1 else "")


def _read_settings(folder: Path, name: str, short: str, model: PreTrainedModel) -> Settings:
    """The input that a checkpoint was trained on, as its own files say; `short` is the name to record."""
    file = "processor_config.json"
    given = _read_json(folder / file, name).get("feature_extractor")
    if not given:
        file = _SETTINGS
        given = _read_json(folder / file, name)
    if not given:
        return usual_settings(short, model)
    if not isinstance(given, dict):
        raise BackboneError(f"backbone {name!r}: feature_extractor in its {file} is {shown(given)}; expected an object")
    rate = given.get("sampling_rate", SAMPLE_RATE)
    if rate != SAMPLE_RATE:
        raise BackboneError(f"backbone {name!r} wants {shown(rate)} Hz; expected one for {SAMPLE_RATE} Hz "
                            f"(sampling_rate in its {file})")
    # What a file leaves out has the default of transformers' Wav2Vec2FeatureExtractor.
    flags = {"do_normalize": given.get("do_normalize", True),
             "return_attention_mask": given.get("return_attention_mask", False)}
    for key, value in flags.items():
        check_flag(value, f"backbone {name!r}: {key} in its {file}")
    return Settings(short, flags["do_normalize"], attention_mask=flags["return_attention_mask"])


def usual_settings(short: str, model: PreTrainedModel) -> Settings:
    """The input that the converters of these models set.

    All want normalised clips, and those with group norm, which were trained without a mask, want none.
    """
    return Settings(short, True, attention_mask=feature_norm(model.config) == "layer")


def _read_json(path: Path, name: str) -> dict[str, Any]:
    """The content of a JSON file of the backbone `name`; empty where there is no such file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:  # also raised where the text is not UTF-8
        raise BackboneError(f"backbone {name!r}: its {path.name} is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise BackboneError(f"backbone {name!r}: its {path.name} holds no JSON object")
    return found


def one_line(error: Exception) -> str:
    """An error in one line of some 200 characters at most."""
    return f"{type(error).__name__}: " + " ".join(str(error).split())[:200]


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keeps transformers from printing progress bars, remarks on odd values, and reports on the weights of heads."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
