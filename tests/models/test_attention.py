"""Attention within groups of bursts, and behind masks."""

from __future__ import annotations

import torch

from burst2vec.models.attention import ATTENTION, attend, padding_mask, use_attention
from burst2vec.models.hub import load_backbone
from burst2vec.models.tiny import FAMILIES


def test_attention_within_groups_is_that_of_each_burst_alone():
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, 2, 11, 4) for _ in range(3))  # two bursts of up to 4 frames, one of 3
    masks = [torch.tensor([[True, True, True, False], [True] * 4]), torch.tensor([[True] * 3])]
    found, _ = attend(torch.nn.Identity(), query, key, value, None, groups=masks, dropout=0.0, scaling=0.5)
    assert found.shape == (1, 11, 2, 4)
    for start, stop in ((0, 3), (4, 8), (8, 11)):
        weights = torch.softmax(0.5 * query[0, :, start:stop] @ key[0, :, start:stop].transpose(1, 2), dim=-1)
        wanted = (weights @ value[0, :, start:stop]).transpose(0, 1)
        torch.testing.assert_close(found[0, start:stop], wanted, atol=1e-6, rtol=1e-5)


def test_padded_frames_are_attended_to_by_none():
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 1, 5, 4) for _ in range(3))
    real = torch.tensor([[True] * 5, [True, True, True, False, False]])
    mask = padding_mask(attention_mask=real)
    found, _ = attend(torch.nn.Identity(), query, key, value, mask, dropout=0.0, scaling=0.5)
    weights = torch.softmax(0.5 * query[1, 0, :3] @ key[1, 0, :3].T, dim=-1)
    torch.testing.assert_close(found[1, :3, 0], weights @ value[1, 0, :3], atol=1e-6, rtol=1e-5)
    assert padding_mask(attention_mask=None) is None


def test_every_backbone_that_lets_attention_be_chosen_has_this_one():
    for name in FAMILIES:
        model = load_backbone(name, "tiny").model
        assert model.config._attn_implementation == ATTENTION
        use_attention(model)  # again: nothing changes
        assert model.config._attn_implementation == ATTENTION
