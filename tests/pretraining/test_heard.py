"""What is heard: training splits alone, speakers held out apart, and in each batch the right frames masked."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from burst2vec.config import Params
from burst2vec.corpora.corpus import CorpusError
from burst2vec.pretraining import heard as module
from burst2vec.pretraining.heard import Frames, divide, open_unlabelled
from burst2vec.pretraining.masking import LEAST
from burst2vec.pretraining.recipe import start


@pytest.fixture(scope="module")
def backbone(recipe):
    torch.manual_seed(0)
    return start(recipe()).eval()


@pytest.fixture(scope="module")
def frames(backbone, store):
    return Frames(backbone, store, np.arange(len(store)))


def test_only_training_bursts_are_learnt_from_and_held_out_speakers_are_apart(corpus):
    learnt, held_out = divide(corpus, 0.25, seed=3)
    table = corpus.table
    assert sorted([*learnt, *held_out]) == np.flatnonzero(table["split"] == "train").tolist()
    assert set(table["speaker"].iloc[learnt]).isdisjoint(table["speaker"].iloc[held_out])
    assert table["speaker"].iloc[held_out].nunique() == 3
    assert not np.array_equal(held_out, divide(corpus, 0.25, seed=4)[1])


def test_a_single_speaker_is_too_few(corpus):
    alone = dataclasses.replace(corpus, table=corpus.table.assign(
        speaker=np.where(corpus.table["split"] == "train", "a", "b")))
    with pytest.raises(CorpusError, match="a single speaker; pre-training needs two or more"):
        divide(alone, 0.1, 0)


def test_labels_may_be_missing(tones, tmp_path, corpus):
    folder = tmp_path / "unlabelled"
    folder.mkdir()
    for file in tones.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "bursts.csv").unlink()
    (folder / "bursts.csv").write_text("".join(
        line.rsplit(",", 2)[0] + (",pitch,noise\n" if line.startswith("file") else ",,\n")
        for line in (tones / "bursts.csv").read_text().splitlines()))
    found = open_unlabelled([str(folder)], Params())
    assert found.tasks == ()
    assert found.table["speaker"].tolist() == corpus.table["speaker"].tolist()


def test_corpora_are_joined_and_the_synthetic_one_is_that_of_the_seed(tones, cache):
    params = Params(cache=str(cache), synthetic_seed=5, synthetic_train=4, synthetic_val=4, synthetic_test=4)
    joined = open_unlabelled([str(tones), "synthetic"], params)
    assert [part.name for part in joined.parts] == ["rising tones", "synthetic"]
    assert joined.parts[1].root.name.endswith("seed5")
    assert joined.tasks == ()


@pytest.mark.parametrize("share", [0.65, 0.8])
def test_in_a_batch_only_real_frames_are_masked_and_each_is_found_where_it_lies(frames, backbone, store, share):
    bursts = np.random.default_rng(0).permutation(len(store))[:17]
    batch = frames.batch(bursts, share, 4, np.random.default_rng(1))
    assert torch.equal(batch.masked.nonzero()[:, 0], batch.places.sort().values)
    real = torch.cat([(torch.arange(shape[1]) < sizes[:, None]).flatten() for shape, sizes in batch.shapes])
    assert real.sum() == frames.sizes[bursts].sum()
    assert not (batch.masked & ~real).any()
    alone = [(torch.from_numpy(store[row])[None], torch.tensor([store.lengths[row]])) for row in range(len(store))]
    one_by_one = torch.cat([backbone.encode(*clip)[0][0] for clip in alone])
    torch.testing.assert_close(batch.encoded[0, batch.places], one_by_one[batch.frames], atol=1e-5, rtol=1e-4)
    of = np.repeat(np.arange(len(store)), frames.sizes)[batch.frames]
    assert of.tolist() == bursts[batch.bursts].tolist()
    assert (batch.bursts[batch.negatives] == batch.bursts[:, None]).all()


def test_without_a_share_all_real_frames_are_listed_and_none_is_masked(frames):
    batch = frames.batch(np.array([3, 0, 8]), 0, 0, np.random.default_rng(0))
    assert not batch.masked.any()
    assert sorted(batch.frames.tolist()) == sorted(frames.places(np.array([3, 0, 8])))


def test_long_recordings_are_cut_into_equal_pieces_and_crumbs_are_left_out(backbone, store, monkeypatch):
    monkeypatch.setattr(module, "LONGEST", 0.5)  # 12 frames
    cut = Frames(backbone, store, np.arange(len(store)))
    whole = np.array([cut.sizes[cut.rows == row].sum() for row in range(len(store))])
    assert whole.tolist() == ((store.lengths - backbone.receptive_field) // backbone.hop + 1).tolist()
    assert cut.sizes.max() <= 12
    for row in range(len(store)):
        assert np.ptp(cut.sizes[cut.rows == row]) <= 1
    cut.sizes[5] = LEAST - 1
    assert 5 not in cut.of(np.arange(len(store)))


def test_the_parts_are_all_bursts_in_their_order(frames):
    order = np.random.default_rng(0).permutation(60)
    parts = frames.parts(order, seconds=5)
    assert len(parts) > 5
    assert np.concatenate(parts).tolist() == order.tolist()
    assert max(frames.sizes[part].sum() for part in parts) <= 5 * 25 + frames.sizes.max()
