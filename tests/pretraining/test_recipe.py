"""Recipes: what is refused before anything runs, and the models that a pre-training starts from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModel, HubertConfig, WavLMConfig

from burst2vec.config import ParameterError
from burst2vec.models.backbone import BackboneError
from burst2vec.models.tiny import CHECKPOINTS, SMALL, small_model
from burst2vec.pretraining.recipe import Recipe, family_of, start


@pytest.mark.parametrize("changes, said", [
    ({"family": ""}, "family is ''; expected one of wav2vec2, hubert, hubert-layer-norm, or a checkpoint"),
    ({"family": "wavlm"}, "family is 'wavlm'; expected one of wav2vec2"),
    ({"family": "wavlm", "checkpoint": "there"}, "family is 'wavlm'; expected one of wav2vec2"),
    ({"size": "large"}, "size is 'large'; expected one of tiny, small"),
    ({"steps": 0}, "steps is 0; expected 1 or more, or a number of minutes"),
    ({"steps": -1}, "steps is -1; expected 0 or more"),
    ({"minutes": float("nan")}, "minutes is nan; expected 0 or more"),
    ({"units": 1}, "units is 1; expected a value between 2 and 30000"),
    ({"held_out": 1.0}, "held_out is 1.0; expected a share between 0 and 1"),
    ({"precision": "half"}, "precision is 'half'; expected one of auto, float32, bfloat16"),
    ({"family": "wav2vec2", "iterations": 2}, "iterations is 2; expected 1, since wav2vec 2.0"),
    ({"family": "wav2vec2", "units_from": "there"}, "units_from is 'there'; expected nothing, since wav2vec 2.0"),
])
def test_what_cannot_be_is_refused_in_a_line(recipe, changes, said):
    with pytest.raises(ParameterError, match=f"^pre-training: {said}") as refused:
        recipe(**changes)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("family", CHECKPOINTS)
def test_three_small_models_take_less_than_20_megabytes_in_half_precision(family):
    model = small_model(CHECKPOINTS[family])
    assert 3 * 2 * sum(p.numel() for p in model.parameters()) < 20e6
    assert (model.config.num_hidden_layers, model.config.hidden_size) == (4, 256)
    assert np.prod(SMALL["conv_stride"]) == 16_000 / 25


@pytest.mark.parametrize("family", CHECKPOINTS)
def test_random_models_are_of_the_family_and_the_size_asked_for(family):
    backbone = start(Recipe(family=family, size="small", steps=1))
    assert family_of(backbone) == family
    assert backbone.features == 256
    assert backbone.settings.attention_mask == (family == "hubert-layer-norm")


def saved(folder, config, **changes):
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16,
             "conv_dim": (8, 8), "conv_kernel": (10, 4), "conv_stride": (5, 4), "num_conv_pos_embeddings": 4,
             "num_conv_pos_embedding_groups": 2}
    torch.manual_seed(1)
    AutoModel.from_config(config(**sizes, **changes)).save_pretrained(folder)
    return str(folder)


def test_a_checkpoint_is_gone_on_from(tmp_path):
    name = saved(tmp_path, HubertConfig)
    backbone = start(Recipe(checkpoint=name, steps=1))
    there = AutoModel.from_pretrained(name).state_dict()
    assert all(torch.equal(weight, there[key]) for key, weight in backbone.model.state_dict().items())
    assert family_of(start(Recipe(checkpoint=name, family="hubert", steps=1))) == "hubert"


@pytest.mark.parametrize("config, family, changes, said", [
    (HubertConfig, "wav2vec2", {}, "is of the family hubert; expected wav2vec2"),
    (HubertConfig, "hubert-layer-norm", {}, "is of the family hubert; expected hubert-layer-norm"),
    (WavLMConfig, "", {}, "is of the family wavlm; expected wav2vec2 or hubert or hubert-layer-norm"),
    (HubertConfig, "", {"mask_time_prob": 0.0}, "expected a config.json with mask_time_prob above 0"),
    (HubertConfig, "", {"conv_pos_batch_norm": True}, "and without conv_pos_batch_norm"),
])
def test_checkpoints_that_cannot_be_gone_on_from_are_refused(tmp_path, config, family, changes, said):
    name = saved(tmp_path, config, **changes)
    with pytest.raises(BackboneError, match=said):
        start(Recipe(checkpoint=name, family=family, steps=1))
