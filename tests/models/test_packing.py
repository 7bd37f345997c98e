"""Packed groups of bursts have the hidden states and the gradients of one padded batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from burst2vec.audio.packed import group_by_length
from burst2vec.models import packing
from burst2vec.models.backbone import Backbone
from burst2vec.models.hub import load_backbone
from burst2vec.models.packing import can_pack
from burst2vec.models.tiny import FAMILIES
from tests.support.published import PUBLISHED, publish

STILL = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "feat_proj_dropout": 0.0}
PACKABLE = [name for name in PUBLISHED if "wavlm" not in name]
GROUP, WAVLM = "facebook/hubert-base-ls960", "microsoft/wavlm-base-plus"
SIZES = (31, 4, 150, 12, 12, 77, 1, 60, 9, 140)


@pytest.fixture(params=[*PACKABLE, *(f"tiny {name}" for name in FAMILIES)])
def backbone(request, tmp_path) -> Backbone:
    """A backbone of each kind that can be packed, in evaluation mode."""
    torch.manual_seed(0)
    if request.param.startswith("tiny "):
        return load_backbone(request.param.removeprefix("tiny "), "tiny").eval()
    return load_backbone(publish(tmp_path / "model", request.param)).eval()


def encoded(backbone, sizes=SIZES):
    """What an encoder may have put out for bursts of so many frames."""
    torch.manual_seed(1)
    return [torch.randn(size, backbone.config.conv_dim[-1]) for size in sizes]


def grouped(bursts, beyond=0):
    """The bursts in groups of similar length, padded by so many frames more than they need."""
    groups = []
    for places in group_by_length(np.array([len(burst) for burst in bursts])):
        padded = torch.nn.utils.rnn.pad_sequence([bursts[place] for place in places], batch_first=True)
        padded = torch.nn.functional.pad(padded, (0, 0, 0, beyond))
        groups.append((places, (padded, torch.tensor([len(bursts[place]) for place in places]))))
    return groups


def hidden_states(backbone, bursts, beyond=0, every_layer=False):
    """The hidden states (frames, features) of each burst, computed in packed groups."""
    groups = grouped(bursts, beyond)
    states = [torch.empty(0)] * len(bursts)
    found = packing.hidden_states(backbone, [group for _, group in groups], every_layer)
    for (places, _), (hidden, num_frames) in zip(groups, found, strict=True):
        for place, burst, size in zip(places, hidden, num_frames, strict=True):
            states[place] = burst[:size]
    return states


def padded_states(backbone, bursts, every_layer=False):
    sizes = torch.tensor([len(burst) for burst in bursts])
    hidden, _ = backbone(torch.nn.utils.rnn.pad_sequence(bursts, batch_first=True), sizes, every_layer)
    return [states[:size] for states, size in zip(hidden, sizes, strict=True)]


def gradients(backbone, states):
    """The gradients of a loss that each burst has another part in."""
    backbone.zero_grad()
    sum((place + 1) * burst.square().mean() for place, burst in enumerate(states)).backward()
    return {name: p.grad.clone() for name, p in backbone.named_parameters() if p.grad is not None}


def agree(found, wanted):
    largest = max(gradient.abs().max() for gradient in wanted.values())
    assert found.keys() == wanted.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-5 * max(1, largest), rtol=1e-5, msg=name)


@pytest.mark.parametrize("sizes", [SIZES, SIZES[:3], SIZES[:1], (5,) * 9], ids=len)
@pytest.mark.parametrize("beyond", [0, 3])
def test_hidden_states_and_gradients_are_those_of_the_padded_batch(backbone, sizes, beyond):
    assert can_pack(backbone)
    bursts = encoded(backbone, sizes)
    wanted, found = padded_states(backbone, bursts), hidden_states(backbone, bursts, beyond)
    assert [burst.shape for burst in found] == [(size, backbone.features) for size in sizes]
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    agree(gradients(backbone, found), gradients(backbone, wanted))


def test_all_layers_are_those_that_transformers_tells_of(backbone):
    bursts = encoded(backbone)
    found, wanted = (states(backbone, bursts, every_layer=True) for states in (hidden_states, padded_states))
    layers = backbone.config.num_hidden_layers + 1
    assert {burst.shape[1] for burst in found} == {layers * backbone.features}
    for one, other, last in zip(found, wanted, hidden_states(backbone, bursts), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
        assert torch.equal(one[:, -backbone.features:], last)


@pytest.mark.parametrize("name", PACKABLE)
def test_activations_that_are_computed_again_lead_to_the_same_gradients(tmp_path, name):
    backbone = load_backbone(publish(tmp_path / "model", name, **STILL)).train()
    wanted = gradients(backbone, padded_states(backbone, encoded(backbone)))
    backbone.model.activation_checkpointing_enable({"use_reentrant": False})
    agree(gradients(backbone, hidden_states(backbone, encoded(backbone))), wanted)


def test_padded_batches_are_computed_as_before_between_packed_ones(backbone):
    bursts = encoded(backbone)
    before = padded_states(backbone, bursts)
    hidden_states(backbone, bursts[:4])
    assert all(torch.equal(one, other) for one, other in zip(padded_states(backbone, bursts), before, strict=True))


def test_a_burst_knows_nothing_of_the_others(backbone):
    bursts = encoded(backbone)
    together = hidden_states(backbone, bursts)[2]
    alone, = hidden_states(backbone, bursts[2:3])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_half_precision_is_near_float32(backbone):
    bursts = encoded(backbone)
    wanted = torch.cat(hidden_states(backbone, bursts))
    with torch.autocast("cpu", torch.bfloat16):
        found = torch.cat(hidden_states(backbone, bursts))
    assert 0 < (found - wanted).abs().max() < 0.1 * wanted.abs().max()


def test_dropout_is_drawn_in_training_alone(tmp_path):
    backbone = load_backbone(publish(tmp_path / "model", GROUP)).train()
    bursts = encoded(backbone)
    first, second = (torch.cat(hidden_states(backbone, bursts)) for _ in range(2))
    assert not torch.equal(first, second)
    torch.testing.assert_close(torch.cat(hidden_states(backbone.eval(), bursts)),
                               torch.cat(padded_states(backbone, bursts)), atol=1e-5, rtol=1e-5)


def test_what_cannot_be_packed_says_so(tmp_path):
    assert not can_pack(load_backbone(publish(tmp_path / "wavlm", WAVLM)))
    assert not can_pack(load_backbone(publish(tmp_path / "norm", GROUP, conv_pos_batch_norm=True)))
    assert not can_pack(load_backbone(GROUP, "tiny", padding="as_published"))


def test_what_cannot_be_packed_is_computed_group_by_group(tmp_path):
    backbone = load_backbone(publish(tmp_path / "model", WAVLM)).eval()
    bursts = encoded(backbone)
    for one, other in zip(hidden_states(backbone, bursts), padded_states(backbone, bursts), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_waveforms_are_encoded_group_by_group(backbone):
    torch.manual_seed(2)
    bursts = [torch.randn(size) for size in (4_000, 900, 9_000)]
    groups = [group for _, group in grouped([burst[:, None] for burst in bursts])]
    found = packing.hidden_states(backbone, [(waveforms[..., 0], lengths) for waveforms, lengths in groups])
    padded = torch.nn.utils.rnn.pad_sequence(bursts, batch_first=True)
    wanted, num_frames = backbone(padded, torch.tensor([len(burst) for burst in bursts]))
    for place, (hidden, sizes) in zip((1, 0, 2), found, strict=True):
        assert sizes.tolist() == [num_frames[place]]
        torch.testing.assert_close(hidden[0, :sizes[0]], wanted[place, :num_frames[place]], atol=1e-5, rtol=1e-4)
