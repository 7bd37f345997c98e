"""A map keeps near what is near, and neighbours are counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from burst2vec.audit.maps import map_bursts, nearest_others, sample_bursts, score_maps, share_alike


@pytest.fixture(scope="module")
def clusters():
    """Features (60, 5) of three far clusters of twenty bursts each."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 5)) + 20 * np.repeat(np.eye(3, 5), 20, axis=0)


def test_clusters_stay_together_on_a_map_and_the_same_seed_gives_the_same(clusters):
    places = map_bursts(clusters)
    assert places.shape == (60, 2) and places.min() == 0 and places.max() == 1
    near = nearest_others(places, np.arange(60), 5)
    assert (near // 20 == np.arange(60)[:, None] // 20).all()
    np.testing.assert_array_equal(places, map_bursts(clusters.copy()))


@pytest.mark.parametrize(("features", "middle"), [(np.ones((6, 3)), True), (np.arange(6.0)[:, None], False)])
def test_features_that_are_alike_or_a_single_one_make_a_map_too(features, middle):
    places = map_bursts(features)
    assert places.shape == (6, 2) and np.isfinite(places).all() and (places == 0.5).all() == middle


def test_three_bursts_make_no_map():
    with pytest.raises(ValueError, match="map of 3 bursts"):
        map_bursts(np.eye(3))


def test_neighbours_are_of_other_speakers_from_the_nearest_on():
    places = np.array([[0, 0], [0.1, 0], [0.3, 0], [0.6, 0]])
    near = nearest_others(places, np.array([0, 0, 1, 2]), 3)
    assert near.tolist() == [[2, 3, -1], [2, 3, -1], [1, 0, 3], [2, 1, 0]]


def test_the_share_that_is_alike_leaves_out_what_has_no_label():
    near = np.array([[1, 2], [0, 2], [0, -1]])
    assert share_alike(near, np.array([0, 0, 1])) == pytest.approx(2 / 5)
    assert share_alike(near, np.array([0, 0, -1])) == 1
    assert np.isnan(share_alike(near, np.full(3, -1)))


def test_labels_that_follow_the_features_are_above_their_floor_and_others_are_not(clusters):
    table = pd.DataFrame({"speaker": [f"s{i // 2}" for i in range(60)]}, index=[str(i) for i in range(60)])
    labels = {"cluster": pd.Series(pd.Categorical(np.arange(60) // 20), table.index),
              "speaker's": pd.Series(pd.Categorical(np.arange(60) // 2 % 3), table.index)}
    scores = score_maps({"V4": {"shared": map_bursts(clusters)}}, labels, table, repeats=10).set_index("label")
    assert scores["alike"]["cluster"] == 1 and scores["floor_high"]["cluster"] < 0.6
    assert scores["alike"]["speaker's"] < 0.6 and scores["floor_low"].le(scores["floor_high"]).all()


def test_a_sample_is_in_order_and_no_burst_comes_twice():
    table = pd.DataFrame(index=range(50))
    found = sample_bursts(table, 20)
    assert len(set(found)) == 20 and (np.diff(found) > 0).all()
    assert sample_bursts(table, 90).tolist() == list(range(50))
