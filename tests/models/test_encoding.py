import numpy as np
import pandas as pd
import pytest
import torch

from burst2vec.audio.packed import collate
from burst2vec.models.backbone import Backbone
from burst2vec.models.burst2vec import build
from burst2vec.models.encoding import encodable, encode_once
from burst2vec.models.hub import load_backbone
from burst2vec.models.losses import objective
from burst2vec.models.tiny import FAMILIES
from burst2vec.training.batches import Feed
from burst2vec.training.trainer import train


@pytest.fixture(params=FAMILIES, ids=lambda name: name.split("/")[1])
def backbone(request):
    torch.manual_seed(0)
    return load_backbone(request.param, "tiny").eval()


def test_hidden_states_of_encoded_bursts_are_those_of_their_waveforms(backbone, tiny_store):
    rows = np.array([5, 0, 3, 11])
    encoded = encode_once(backbone, tiny_store, np.arange(len(tiny_store)), batch_size=5)
    with torch.no_grad():
        plain, plain_frames = backbone(*collate([tiny_store[r] for r in rows]))
        fast, frames = backbone(*collate([encoded[r] for r in rows]))
    assert frames.tolist() == plain_frames.tolist()
    for one, other, n in zip(plain, fast, frames, strict=True):
        torch.testing.assert_close(one[:n], other[:n], atol=1e-5, rtol=1e-5)


def test_losses_and_gradients_are_those_of_the_plain_way(tiny_corpus, tiny_store, tiny_params):
    params = tiny_params()
    torch.manual_seed(0)
    model = build(params, tiny_corpus.tasks).train()
    encoded = encode_once(model.backbone, tiny_store, np.arange(len(tiny_store)))
    found = []
    for store in (tiny_store, encoded):
        model.zero_grad()
        torch.manual_seed(1)  # the same dropout
        batch = next(Feed(tiny_corpus, store, params, torch.device("cpu")).epoch(1))
        embedded = model.embed(batch.groups(np.arange(len(batch.rows))))
        terms = objective(model, model.branch(embedded), batch.task, batch.targets)
        terms["total"].backward()
        gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
        found.append(({k: v.item() for k, v in terms.items()}, gradients))
    (plain, plain_gradients), (fast, fast_gradients) = found
    assert fast == pytest.approx(plain, abs=1e-5)
    assert plain_gradients.keys() == fast_gradients.keys()
    whole = torch.cat([gradient.flatten() for gradient in plain_gradients.values()]).norm()
    for name, gradient in plain_gradients.items():
        assert (fast_gradients[name] - gradient).norm() <= 1e-5 * whole, name


def test_a_training_comes_to_the_same_metrics_and_weights(tiny_corpus, tiny_store, tiny_params):
    fast, plain = (train(tiny_corpus, tiny_store, tiny_params(encode_once=once)) for once in (True, False))
    metrics = fast.history["term"] != "padding"
    pd.testing.assert_frame_equal(fast.history[metrics], plain.history[metrics], atol=1e-4, rtol=1e-4)
    both = zip(fast.model.state_dict().values(), plain.model.state_dict().values(), strict=True)
    apart = torch.cat([(one - other).abs().flatten() for one, other in both])
    # Adam enlarges rounding, to a step, where a gradient is next to nothing.
    assert (apart < 1e-4).float().mean() > 0.9999 and apart.max() < 1e-3


def test_a_burst_is_kept_with_its_real_frames_alone(backbone, tiny_store):
    encoded = encode_once(backbone, tiny_store, np.array([7, 2]))
    lengths = torch.from_numpy(tiny_store.lengths[[7, 2]])
    assert [len(encoded[7]), len(encoded[2])] == backbone.num_frames(lengths).tolist()
    assert encoded.lengths is tiny_store.lengths


@pytest.mark.parametrize(("padding", "frozen", "answer"), [
    ("exact", True, True), ("exact", False, False), ("as_published", True, False),
])
def test_only_a_frozen_encoder_that_no_neighbour_reaches_can_be_encoded_once(padding, frozen, answer):
    backbone: Backbone = load_backbone(next(iter(FAMILIES)), "tiny", padding, frozen)
    assert encodable(backbone) is answer
