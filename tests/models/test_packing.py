"""Packed bursts have the hidden states and the gradients of padded ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from burst2vec.models import attention
from burst2vec.models.attention import Bounds, attend
from burst2vec.models.backbone import Backbone
from burst2vec.models.hub import load_backbone
from burst2vec.models.packing import PARTS, can_pack, hidden_states
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


def padded_states(backbone, bursts):
    sizes = torch.tensor([len(burst) for burst in bursts])
    hidden, _ = backbone(torch.nn.utils.rnn.pad_sequence(bursts, batch_first=True), sizes)
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


@pytest.mark.parametrize("sizes", [SIZES, SIZES[:3], SIZES[:1], (5,) * (PARTS + 1)], ids=len)
def test_hidden_states_and_gradients_are_those_of_the_padded_batch(backbone, sizes):
    assert can_pack(backbone)
    bursts = encoded(backbone, sizes)
    wanted, found = padded_states(backbone, bursts), hidden_states(backbone, bursts)
    assert [burst.shape for burst in found] == [(size, backbone.features) for size in sizes]
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    agree(gradients(backbone, found), gradients(backbone, wanted))


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


class OnGpu(torch.Tensor):
    """A tensor that says that it lies on a GPU."""

    is_cuda = True


@pytest.mark.parametrize(("dtype", "dropout", "flash", "expected"), [
    (torch.bfloat16, 0.0, True, True), (torch.bfloat16, 0.1, True, False), (torch.bfloat16, 0.0, False, False),
    (torch.float32, 0.0, True, False),
])
def test_one_kernel_computes_all_bursts_on_a_gpu_where_it_can(monkeypatch, dtype, dropout, flash, expected):
    called = []

    def varlen(query, key, value, starts, ends, longest, widest):
        """What the kernel's documentation says of it, burst by burst."""
        called.append((longest, widest))
        assert starts.dtype == ends.dtype == torch.int32
        return torch.cat([torch.nn.functional.scaled_dot_product_attention(
            *(x[a:b].transpose(0, 1)[None] for x in (query, key, value)))[0].transpose(0, 1)
            for a, b in zip(starts[:-1].tolist(), ends[1:].tolist(), strict=True)])

    monkeypatch.setattr(attention, "varlen_attn", varlen)
    monkeypatch.setattr(torch.backends.cuda, "flash_sdp_enabled", lambda: flash)
    torch.manual_seed(0)
    plain = [torch.randn(1, 2, 9, 8).to(dtype) for _ in range(3)]
    bounds = Bounds([4, 5], torch.from_numpy(np.array([0, 4, 9], np.int32)))
    options = {"bounds": bounds, "dropout": dropout, "scaling": 8**-0.5}
    torch.manual_seed(1)
    found, _ = attend(torch.nn.Identity(), *(x.as_subclass(OnGpu) for x in plain), None, **options)
    torch.manual_seed(1)
    wanted, _ = attend(torch.nn.Identity(), *plain, None, **options)
    torch.testing.assert_close(found.as_subclass(torch.Tensor), wanted, atol=1e-2, rtol=1e-2)
    assert found.shape == (1, 9, 2, 8) and called == ([(5, 5)] if expected else [])
