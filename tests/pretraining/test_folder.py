"""The folder: transformers and the library's own loading read the same model from it, and its card says what it is."""

from __future__ import annotations

import dataclasses
import json

import pandas as pd
import pytest
import safetensors.torch
import torch
from huggingface_hub import ModelCard
from transformers import AutoFeatureExtractor, AutoModel

from burst2vec.models.hub import load_backbone
from burst2vec.models.tiny import CHECKPOINTS
from burst2vec.pretraining.folder import FILES, card, describe, read_description, write_folder
from burst2vec.pretraining.trainer import pretrain

TABLE = pd.DataFrame({"features": ["log-mel"], "task": ["pitch"], "metric": ["UAR"], "score": [0.51234]})


@pytest.fixture(scope="module", params=CHECKPOINTS)
def pretrained(request, corpus, store, recipe):
    return pretrain(corpus, store, recipe(family=request.param, steps=2))


@pytest.fixture
def write(pretrained, recipe, corpus):
    """A function that writes the backbone to a folder, and returns the description that it has there."""
    def write(folder, probes=None, probed="", half=False):
        description = describe(pretrained, folder.name, recipe(), corpus, "", probes, probed)
        write_folder(pretrained, folder, description, half)
        return description
    return write


def hear(folder, clip):
    """What the library and transformers make of a clip with the backbone in a folder, and transformers' model."""
    waveform, length = torch.from_numpy(clip)[None], torch.tensor([len(clip)])
    extract, model = AutoFeatureExtractor.from_pretrained(folder), AutoModel.from_pretrained(folder)
    normal = extract(clip, sampling_rate=16_000, return_tensors="pt").input_values
    with torch.no_grad():
        return load_backbone(str(folder)).eval()(waveform, length)[0], model(normal).last_hidden_state, model


def test_transformers_and_the_library_read_the_same_hidden_states(pretrained, store, write, tmp_path):
    write(tmp_path / "tone")
    with torch.no_grad():
        ours = pretrained.backbone(torch.from_numpy(store[5])[None], torch.tensor([len(store[5])]))[0]
    read, theirs, model = hear(tmp_path / "tone", store[5])
    assert torch.equal(ours, read)
    torch.testing.assert_close(theirs, ours, atol=2e-3, rtol=1e-3)
    settings = load_backbone(str(tmp_path / "tone")).settings
    assert settings == dataclasses.replace(pretrained.backbone.settings, name="tone")
    assert type(model).__name__ == {"wav2vec2": "Wav2Vec2Model", "hubert": "HubertModel"}[model.config.model_type]


def test_weights_in_half_precision_are_float32_when_read_and_hear_nearly_the_same(store, write, tmp_path):
    write(tmp_path / "whole")
    write(tmp_path / "half", half=True)
    kept = safetensors.torch.load_file(tmp_path / "half" / "model.safetensors")
    assert {value.dtype for value in kept.values()} == {torch.float16}
    whole, _, _ = hear(tmp_path / "whole", store[5])
    ours, theirs, model = hear(tmp_path / "half", store[5])
    loaded = load_backbone(str(tmp_path / "half"))
    assert {p.dtype for p in [*loaded.parameters(), *model.parameters()]} == {torch.float32}
    for found in (ours, theirs):
        assert (found - whole).norm() < 0.01 * whole.norm()
    assert not torch.equal(ours, whole)


def test_a_weight_that_half_precision_cannot_hold_is_refused(pretrained, write, tmp_path, monkeypatch):
    found = pretrained.backbone.model.state_dict() | {"masked_spec_embed": torch.tensor([70_000.0])}
    monkeypatch.setattr(pretrained.backbone.model, "state_dict", lambda: found)
    with pytest.raises(ValueError, match="masked_spec_embed holds values of up to .*, too large for half precision"):
        write(tmp_path / "out", half=True)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_holds_all_that_is_said_of_the_backbone(pretrained, write, tmp_path):
    told = write(tmp_path / "out", TABLE, "validation bursts of rising tones")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(FILES)
    found = read_description(tmp_path / "out")
    assert found.facts == told.facts
    pd.testing.assert_frame_equal(found.history, pretrained.history)
    pd.testing.assert_frame_equal(found.probes, TABLE)
    text = (tmp_path / "out" / "README.md").read_text()
    assert text == card(found)
    assert "Scored on validation bursts of rising tones." in text and "| log-mel | pitch | UAR | 0.512 |" in text
    write(tmp_path / "none")
    assert read_description(tmp_path / "none").probes is None


def test_a_folder_without_facts_is_refused_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no pretraining.json; expected a folder that burst2vec pretrain"):
        read_description(tmp_path)


def test_the_card_says_on_what_how_long_and_how_well(pretrained, corpus, recipe, tmp_path):
    root = tmp_path / "corpus"
    root.mkdir()
    (root / "LICENSE").write_text("A Licence\n")
    licensed = dataclasses.replace(corpus, root=root)
    described = describe(pretrained, "tone", recipe(), licensed, "burst2vec pretrain a --out b")
    text = card(described)
    last, record = pretrained.history.iloc[-1], pretrained.record
    assert ModelCard(text).data.library_name == "transformers"
    for said in ("- rising tones: its training split; licence: A Licence", f"| {record['hours']:.2f} |",
                 f"| Held-out loss | {last['loss']:.3f} |", "25 frames a second", "12 bursts",
                 f"| Loss of a constant guess | {last['constant']:.3f} |",
                 "burst2vec pretrain a --out b", "Its Transformer began with random weights"):
        assert said in text
    on = describe(pretrained, "tone", recipe(checkpoint="/here/voices"), corpus)
    assert "It went on from `voices`." in card(on)
    for told in (described, on):
        assert "/here" not in json.dumps(told.facts) and str(tmp_path) not in json.dumps(told.facts) + card(told)


def test_a_folder_of_other_files_is_left_alone_and_a_pretrained_one_replaced(write, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds other files, such as notes.txt; expected a new folder"):
        write(tmp_path)
    with pytest.raises(ValueError, match="notes.txt: a file; expected a folder"):
        write(tmp_path / "notes.txt")
    for _ in range(2):
        write(tmp_path / "new")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_nothing_is_written_where_writing_fails(write, tmp_path, monkeypatch):
    monkeypatch.setattr("burst2vec.pretraining.folder.card", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
