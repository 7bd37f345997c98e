"""Checkpoints as they are published, at small width: the files that lie on the hub, with random weights."""

from __future__ import annotations

import json

import safetensors.torch
import torch
import transformers

WIDTHS = {
    "conv_dim": [8] * 7, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
    "classifier_proj_size": 16, "codevector_dim": 16, "proj_codevector_dim": 16, "xvector_output_dim": 16,
}
COMMON = {
    "activation_dropout": 0.0, "apply_spec_augment": True, "attention_dropout": 0.1, "bos_token_id": 1,
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2], "conv_stride": [5, 2, 2, 2, 2, 2, 2], "ctc_loss_reduction": "sum",
    "ctc_zero_infinity": False, "eos_token_id": 2, "feat_extract_activation": "gelu", "feat_extract_dropout": 0.0,
    "feat_proj_dropout": 0.1, "final_dropout": 0.0, "gradient_checkpointing": False, "hidden_act": "gelu",
    "hidden_dropout": 0.1, "hidden_dropout_prob": 0.1, "initializer_range": 0.02, "layer_norm_eps": 1e-05,
    "layerdrop": 0.1, "mask_feature_length": 10, "mask_feature_prob": 0.0, "mask_time_length": 10,
    "mask_time_prob": 0.05, "num_conv_pos_embedding_groups": 16, "num_conv_pos_embeddings": 128,
    "num_feat_extract_layers": 7, "pad_token_id": 0, "tokenizer_class": "Wav2Vec2CTCTokenizer",
    "transformers_version": "4.10.0.dev0", "vocab_size": 32, **WIDTHS,
}
GROUP = {"feat_extract_norm": "group", "do_stable_layer_norm": False, "conv_bias": False}
LAYER = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
WAVLM = {"num_buckets": 320, "max_bucket_distance": 800}
DATA2VEC = {"conv_bias": False, "conv_pos_kernel_size": 19, "num_conv_pos_embeddings": 5}

# name: class, model_type and configuration, do_normalize, return_attention_mask
PUBLISHED = {
    "facebook/wav2vec2-large-960h": ("Wav2Vec2ForCTC", "wav2vec2", GROUP, True, False),
    "facebook/wav2vec2-large-960h-lv60-self": ("Wav2Vec2ForCTC", "wav2vec2", LAYER, True, True),
    "facebook/hubert-base-ls960": ("HubertModel", "hubert", GROUP, True, False),
    "facebook/hubert-large-ls960-ft": ("HubertForCTC", "hubert", LAYER, True, True),
    "microsoft/wavlm-base-plus": ("WavLMModel", "wavlm", {**GROUP, **WAVLM}, False, True),
    "microsoft/wavlm-large": ("WavLMModel", "wavlm", {**LAYER, "conv_bias": False, **WAVLM}, True, True),
    "facebook/data2vec-audio-base": ("Data2VecAudioModel", "data2vec-audio", DATA2VEC, True, True),
    "alkiskoudounas/voc2vec": ("Wav2Vec2ForPreTraining", "wav2vec2", GROUP, True, False),
}


def described(name: str, **changes) -> dict:
    """The published `config.json` of `name` at small width, with these changes."""
    kind, family, own, _, _ = PUBLISHED[name]
    return {**COMMON, **own, "architectures": [kind], "model_type": family, **changes}


def random_weights(name: str, **changes) -> dict[str, torch.Tensor]:
    """Weights with the names that the hub's files have, which are older than transformers' present ones."""
    torch.manual_seed(0)
    config = described(name, **changes)
    kind = getattr(transformers, config["architectures"][0])
    model = kind(kind.config_class.from_dict(config))
    norms = [m for m in model.modules() if isinstance(m, (torch.nn.GroupNorm, torch.nn.LayerNorm))]
    for parameter in (p for norm in norms for p in norm.parameters()):  # else they would all be 0 or 1
        parameter.data += 0.1 * torch.randn_like(parameter)
    old = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    names = {key: key for key in model.state_dict()}
    for new, before in old.items():
        names = {key: name.replace(new, before) for key, name in names.items()}
    return {names[key]: weight.clone().contiguous() for key, weight in model.state_dict().items()}


def publish(folder, name: str, file: str = "model.safetensors", lacking: tuple[str, ...] = (), settings: bool = True,
            dtype: torch.dtype = torch.float32, **changes) -> str:
    """Writes a checkpoint like `name` to `folder`, without the weights `lacking`, and returns the folder's name."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {k: w.to(dtype) for k, w in random_weights(name, **changes).items() if k not in lacking}
    if file == "model.safetensors":
        safetensors.torch.save_file(weights, folder / file, {"format": "pt"})
    else:
        torch.save(weights, folder / file)
    (folder / "config.json").write_text(json.dumps(described(name, **changes), indent=2))
    if settings:
        _, _, _, normal, mask = PUBLISHED[name]
        (folder / "preprocessor_config.json").write_text(json.dumps({
            "do_normalize": normal, "feature_extractor_type": "Wav2Vec2FeatureExtractor", "feature_size": 1,
            "padding_side": "right", "padding_value": 0.0, "return_attention_mask": mask, "sampling_rate": 16000}))
    return str(folder)
