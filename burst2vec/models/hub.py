"""Backbones with the weights of a checkpoint, from a folder or the hub, or tiny models of the paper's families.

A checkpoint is a folder with `config.json`, weights (`model.safetensors` or `pytorch_model.bin`) and, as a rule,
`preprocessor_config.json`, which says how the model wants to be fed. A hub name stands for the folder that the hub's
cache holds of it; only what is missing there is downloaded.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

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

from burst2vec.audio.waveform import SAMPLE_RATE
from burst2vec.models.backbone import Backbone, BackboneError, Settings, check_model_type, feature_norm
from burst2vec.models.tiny import FAMILIES, tiny_model

PATIENCE = 10
"""Seconds to wait for the hub's first answer."""

_SETTINGS = "preprocessor_config.json"
_FILES = ["config.json", _SETTINGS, "processor_config.json", "model*.safetensors*"]
_LEGACY = "pytorch_model*.bin*"

_CHANGES = {"apply_spec_augment": False, "layerdrop": 0.0, "add_adapter": False}
"""Of every configuration. The first two are on in the published ones, and the paper mentions neither. An adapter thins
frames out for a decoder; like a head it is no part of the encoder."""

_EXPECTED = "expected a folder with config.json and weights, or a hub name such as " + ", ".join(FAMILIES)


def load_backbone(name: str, size: str = "published", padding: str = "exact",
                  freeze_feature_encoder: bool = True) -> Backbone:
    """A backbone by `name`: a local folder, or a hub name such as one of `tiny.FAMILIES`.

    `size` is `published` for the weights of that name or `tiny` for a small model of its family, a key of
    `tiny.FAMILIES`, whose weights are drawn here. `padding` and `freeze_feature_encoder` are `Backbone`'s. Raises
    BackboneError.
    """
    model, settings = _tiny(name) if size == "tiny" else _published(name)
    return Backbone(model, settings, padding, freeze_feature_encoder)


def _tiny(name: str) -> tuple[PreTrainedModel, Settings]:
    if name not in FAMILIES:
        raise BackboneError(f"backbone {name!r} has no tiny model; there are tiny models of {', '.join(FAMILIES)}")
    model = tiny_model(name)
    return model, Settings(name, True, attention_mask=feature_norm(model.config) == "layer")


def _published(name: str) -> tuple[PreTrainedModel, Settings]:
    local = Path(name).expanduser()
    folder = local if local.is_dir() else _from_hub(name)
    model = _model(folder, name)
    return model, _settings(folder, name, local.resolve().name if local.is_dir() else name, model)


# From the hub.

def _from_hub(name: str) -> Path:
    """The folder in the hub's cache that holds a checkpoint. The network is asked only for what the cache lacks."""
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise BackboneError(f"backbone {name!r}: there is no such folder, and hub names look otherwise; "
                            f"{_EXPECTED}") from error
    with contextlib.suppress(LocalEntryNotFoundError):
        folder = _snapshot(name, cached_only=True)
        if _is_complete(folder, name):
            return folder
    _check_hub(name)
    try:
        return _snapshot(name, cached_only=False)
    except Exception as error:  # whatever the hub's HTTP client or a full disk raises
        raise BackboneError(f"backbone {name!r} could not be downloaded ({_line(error)})") from error


def ask_hub(name: str) -> None:
    """Raises what the hub's HTTP client raises if the hub does not answer within `PATIENCE`, for which
    `snapshot_download` would wait for ever, or has no such model."""
    HfApi().model_info(name, timeout=PATIENCE)


def _check_hub(name: str) -> None:
    """Raises BackboneError if the hub does not answer, or has no such model."""
    try:
        ask_hub(name)
    except RepositoryNotFoundError as error:
        raise BackboneError(f"backbone {name!r} is neither a local folder nor a model on the hub that you may read "
                            f"(for private ones: hf auth login); {_EXPECTED}") from error
    except Exception as error:  # whatever the hub's HTTP client raises
        why = "HF_HUB_OFFLINE forbids asking the hub" if is_offline_mode() else "the hub cannot be reached"
        raise BackboneError(
            f"backbone {name!r} is neither a local folder nor wholly in the hub's cache, and {why}; where there is a "
            f"network run 'hf download {name} --local-dir DIR', bring DIR here and set backbone: DIR (or run it "
            f"without --local-dir, and bring what it adds to the cache there to {constants.HF_HUB_CACHE})") from error


def _snapshot(name: str, cached_only: bool) -> Path:
    """The cached folder of a hub name. Legacy weights are taken only where there are no others."""
    folder = Path(snapshot_download(name, allow_patterns=_FILES, local_files_only=cached_only))
    if not any(folder.glob("model*.safetensors")):
        folder = Path(snapshot_download(name, allow_patterns=[*_FILES, _LEGACY], local_files_only=cached_only))
    return folder


def _is_complete(folder: Path, name: str) -> bool:
    """Whether a cached folder surely holds what the hub holds.

    With the hub's list of files in the cache `snapshot_download` has seen to that. Without one, as older programs
    leave it, settings that are not there may only not have been asked for.
    """
    try:
        return bool(get_cached_repo_tree(name, revision=folder.name))
    except CachedRepoTreeNotFoundError:
        weights = any(folder.glob("model*.safetensors")) or any(folder.glob(_LEGACY))
        return weights and (folder / "config.json").exists() and (folder / _SETTINGS).exists()


# From a folder.

def _model(folder: Path, name: str) -> PreTrainedModel:
    """The base model of a checkpoint without its head, in float32 whatever it was stored in."""
    described = _json(folder / "config.json", name)
    if not described:
        raise BackboneError(f"backbone {name!r}: its folder holds no config.json; {_EXPECTED}")
    check_model_type(described.get("model_type"), name)
    try:
        with quiet():
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False, **_CHANGES)
            config._attn_implementation = None  # a file may name a repository's kernels, to be downloaded and run
            model, loading = AutoModel.from_pretrained(
                folder, config=config, dtype=torch.float32, trust_remote_code=False, ignore_mismatched_sizes=True,
                output_loading_info=True)
    except Exception as error:  # damaged files make their readers raise nearly anything
        raise BackboneError(f"backbone {name!r}: its folder holds no usable model ({_line(error)}); "
                            "expected config.json and model.safetensors or pytorch_model.bin") from error
    _check_weights(model, loading, name)
    return model


def _check_weights(model: PreTrainedModel, loading: dict, name: str) -> None:
    """Raises BackboneError if any weight is not the checkpoint's own and would stay random."""
    missing = [k for k in model.state_dict() if k in loading["missing_keys"] and k != "masked_spec_embed"]
    if missing:  # masked_spec_embed is SpecAugment's, which is off
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise BackboneError(f"backbone {name!r}: its weights lack {missing[0]}{more}; expected the weights of the "
                            f"{model.config.model_type} model that config.json describes")
    for key, found, wanted in sorted(loading["mismatched_keys"]):
        raise BackboneError(f"backbone {name!r}: its weight {key} is of shape {tuple(found)}, but config.json "
                            f"describes one of {tuple(wanted)}")


def _settings(folder: Path, name: str, short: str, model: PreTrainedModel) -> Settings:
    """How a checkpoint wants to be fed, as it says itself; `short` is what to call it."""
    newer = _json(folder / "processor_config.json", name).get("feature_extractor")
    given = newer or _json(folder / _SETTINGS, name)
    if not given:
        # Then as the converters of these models set it: all were to get normalised clips, and those with group norm,
        # trained without a mask, were to get none.
        return Settings(short, True, attention_mask=feature_norm(model.config) == "layer")
    rate = given.get("sampling_rate", SAMPLE_RATE)
    if rate != SAMPLE_RATE:
        raise BackboneError(f"backbone {name!r} wants {rate} Hz; expected one for {SAMPLE_RATE} Hz")
    # What a file leaves out has the defaults of transformers' Wav2Vec2FeatureExtractor.
    return Settings(short, bool(given.get("do_normalize", True)), bool(given.get("return_attention_mask", False)))


def _json(path: Path, name: str) -> dict:
    """The content of a JSON file of the backbone `name`; empty where there is no such file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:  # also where it is no UTF-8
        raise BackboneError(f"backbone {name!r}: its {path.name} is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise BackboneError(f"backbone {name!r}: its {path.name} holds no JSON object")
    return found


def _line(error: Exception) -> str:
    """An error as one line."""
    return f"{type(error).__name__}: " + " ".join(str(error).split("\n")[0].split())


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps transformers from printing a progress bar, what it thinks of odd values, and a report of the head's weights
    that nobody asked for."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
