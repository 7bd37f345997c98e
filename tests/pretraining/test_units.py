"""Units: MFCC where the backbone's frames lie, k-means clusters, and the same again from a middle layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from burst2vec.models.packing import hidden_states
from burst2vec.models.tiny import CHECKPOINTS
from burst2vec.pretraining import heard
from burst2vec.pretraining.heard import Frames
from burst2vec.pretraining.recipe import start
from burst2vec.pretraining.units import acoustic, cluster, contextual, find_units, layer_outputs, mfcc


@pytest.fixture(scope="module", params=CHECKPOINTS)
def backbone(request, recipe):
    torch.manual_seed(0)
    return start(recipe(family=request.param)).eval()


def test_units_of_points_around_three_corners_are_those_corners():
    corners = np.array([[0, 0], [10, 0], [0, 10]])
    points = np.repeat(corners, 40, axis=0) + np.random.default_rng(0).uniform(-1, 1, (120, 2))
    found = cluster(points, 3, seed=1)
    units = found.predict(points.astype(np.float32))
    assert [len(set(part)) for part in units.reshape(3, 40)] == [1, 1, 1]
    assert len(set(units)) == 3
    centres = found.cluster_centers_[units[::40]]
    np.testing.assert_allclose(centres, points.reshape(3, 40, 2).mean(1), atol=0.05)


def test_a_pause_in_a_tone_gets_a_unit_of_its_own(recipe):
    time = torch.arange(32_000) / 16_000
    tone = torch.sin(2 * torch.pi * 440 * time) * (torch.floor(time / 0.5) % 2 == 0) + 1e-3 * torch.randn(32_000)
    features = mfcc(tone, 880, 640)[:, :13].numpy()
    units = cluster(features, 2, 0).predict(features)
    middle = (np.arange(len(units)) * 640 + 440) / 16_000
    clear = np.abs(middle % 0.5 - 0.25) < 0.2
    assert adjusted_rand_score(np.floor(middle / 0.5)[clear] % 2, units[clear]) == 1


@pytest.mark.parametrize("samples", [880, 1_519, 1_520, 20_000, 33_333])
def test_mfcc_have_as_many_frames_as_the_backbone(backbone, samples):
    waveform = torch.randn(samples)
    frames = int(backbone.num_frames(torch.tensor([samples])))
    assert mfcc(waveform, backbone.receptive_field, backbone.hop).shape == (frames, 39)


def test_the_second_13_are_the_regression_slope_of_the_first():
    features = mfcc(torch.randn(16_000, generator=torch.Generator().manual_seed(0)), 880, 640).numpy()
    cepstra, deltas = features[:, :13], features[:, 13:26]
    padded = np.pad(cepstra, ((2, 2), (0, 0)), mode="edge")
    slope = sum(n * (padded[2 + n:len(cepstra) + 2 + n] - padded[2 - n:len(cepstra) + 2 - n]) for n in (1, 2)) / 10
    np.testing.assert_allclose(deltas, slope, atol=1e-3)


def test_acoustic_features_do_not_depend_on_the_level(backbone, store):
    class Louder:
        lengths = store.lengths
        __len__ = store.__len__

        def __getitem__(self, row):
            return 7 * store[row] + 0.01

    frames = Frames(backbone, store, np.arange(len(store)))
    bursts = np.array([4, 9, 1])
    one, other = (acoustic(backbone, of, frames)(bursts) for of in (store, Louder()))
    assert one.shape == (frames.sizes[bursts].sum(), 39)
    np.testing.assert_allclose(one, other, atol=0.02)


def test_the_pieces_of_a_recording_have_the_features_of_the_whole(backbone, store, monkeypatch):
    rows = np.arange(6)
    whole = acoustic(backbone, store, Frames(backbone, store, rows))(rows)
    monkeypatch.setattr(heard, "LONGEST", 0.4)
    cut = Frames(backbone, store, rows)
    assert len(cut.sizes) > 6
    pieces = acoustic(backbone, store, cut)(np.arange(len(cut.sizes)))
    np.testing.assert_allclose(pieces[:, :13], whole[:, :13], atol=1e-3)  # differences in time look over the cut


def test_contextual_features_are_the_output_of_the_middle_layer(backbone, store):
    rows = np.arange(12)
    frames, bursts = Frames(backbone, store, rows), np.array([5, 2, 7])
    found = contextual(backbone, frames)(bursts)
    alone = []
    for row in bursts:
        with torch.no_grad(), layer_outputs([backbone.model.encoder.layers[0]]) as outputs:
            hidden_states(backbone, [(torch.from_numpy(store[row])[None], torch.tensor([store.lengths[row]]))])
        alone.append(outputs[0][0])
    np.testing.assert_allclose(found, torch.cat(alone).numpy(), atol=2e-4)


def test_every_frame_gets_the_nearest_of_the_centres_found_in_what_is_learnt_from(backbone, store):
    frames = Frames(backbone, store, np.arange(len(store)))
    learnt, describe = np.arange(0, 48), acoustic(backbone, store, frames)
    units = find_units(describe, frames, learnt, 4, seed=0)
    assert units.shape == (len(frames),)
    assert set(units) == set(range(4))
    features = describe(np.arange(60))
    centres = np.stack([features[np.isin(np.arange(len(frames)), frames.places(learnt)) & (units == u)].mean(0)
                        for u in range(4)])
    nearest = ((features[:, None] - centres) ** 2).sum(2).argmin(1)
    assert (nearest == units).mean() > 0.97  # a minibatch's centres are not quite the means
    np.testing.assert_array_equal(units, find_units(describe, frames, learnt, 4, seed=0))


def test_more_units_than_frames_are_refused(backbone, store):
    frames = Frames(backbone, store, np.arange(2))
    with pytest.raises(ValueError, match="units is 5000; expected no more than there are frames"):
        find_units(acoustic(backbone, store, frames), frames, np.arange(2), 5_000, 0)
