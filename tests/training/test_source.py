"""Bursts are encoded once where that is asked for and possible; otherwise their waveforms are brought near."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch

from burst2vec.audio.packed import Packed
from burst2vec.training import source
from burst2vec.training.source import encodes_once, length_multiple, open_source
from burst2vec.training.team import Team

TEAM = Team(torch.device("cpu"))
PLAIN = contextlib.nullcontext()


@pytest.mark.parametrize(("changes", "expected"), [
    ({}, True), ({"encode_once": False}, False), ({"freeze_feature_encoder": False}, False),
    ({"padding": "as_published"}, False)], ids=str)
def test_bursts_are_encoded_once_if_the_encoder_is_frozen_and_the_batch_has_no_effect(
        make_model, tiny_store, tiny_params, changes, expected):
    assert encodes_once(make_model(**changes), tiny_store.lengths, tiny_params(**changes), TEAM) is expected


def test_where_there_is_no_room_for_encoded_bursts_a_line_says_so(
        make_model, tiny_store, tiny_params, monkeypatch, capsys):
    monkeypatch.setattr(source, "encoding_fits", lambda backbone, lengths, processes: False)
    assert not encodes_once(make_model(), tiny_store.lengths, tiny_params(), TEAM)
    assert "encode_once: there is no room for the encoded bursts" in capsys.readouterr().out


def test_the_source_holds_frames_of_features_or_waveforms_or_is_the_store(
        make_model, tiny_store, tiny_params, monkeypatch, capsys):
    model, rows, params = make_model(), np.arange(6), tiny_params()
    encoded = open_source(model, tiny_store, rows, params, TEAM, PLAIN, encoded=True)
    assert isinstance(encoded, Packed) and encoded.values.shape[1] == model.backbone.config.conv_dim[-1]
    waveforms = open_source(model, tiny_store, rows, params, TEAM, PLAIN, encoded=False)
    torch.testing.assert_close(waveforms[3], torch.as_tensor(tiny_store[3]))
    monkeypatch.setattr(source, "resident", lambda store, *_: store)
    assert open_source(model, tiny_store, rows, params, TEAM, PLAIN, encoded=False) is tiny_store
    assert "each batch is read from the store" in capsys.readouterr().out


@pytest.mark.parametrize(("changes", "encoded", "expected"), [
    ({}, True, 1), ({}, False, 1), ({"length_multiple": 8}, True, 8), ({"length_multiple": 8}, False, 8 * 640),
    ({"length_multiple": 8, "pooling": "padded"}, True, 1),
    ({"length_multiple": 8, "padding": "as_published"}, False, 1)], ids=str)
def test_lengths_are_rounded_up_where_padding_has_no_effect(make_model, tiny_params, changes, encoded, expected):
    assert length_multiple(make_model(**changes), encoded, tiny_params(**changes)) == expected
