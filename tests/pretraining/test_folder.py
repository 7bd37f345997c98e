"""The folder: transformers and the library's own loading read the same model from it, and its card says what it is."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest
import torch
from huggingface_hub import ModelCard
from transformers import AutoFeatureExtractor, AutoModel

from burst2vec.models.hub import load_backbone
from burst2vec.pretraining.folder import FILES, describe, write_folder
from burst2vec.pretraining.recipe import FAMILIES
from burst2vec.pretraining.trainer import pretrain


@pytest.fixture(scope="module", params=FAMILIES)
def pretrained(request, corpus, store, recipe):
    return pretrain(corpus, store, recipe(family=request.param, steps=2))


def test_transformers_and_the_library_read_the_same_hidden_states(pretrained, corpus, store, recipe, tmp_path):
    folder = tmp_path / "tone"
    write_folder(pretrained, folder, recipe(), corpus)
    clip = store[5]
    waveform, length = torch.from_numpy(clip)[None], torch.tensor([len(clip)])
    extract, model = AutoFeatureExtractor.from_pretrained(folder), AutoModel.from_pretrained(folder)
    normal = extract(clip, sampling_rate=16_000, return_tensors="pt").input_values
    with torch.no_grad():
        ours, read = pretrained.backbone(waveform, length)[0], load_backbone(str(folder)).eval()(waveform, length)[0]
        theirs = model(normal).last_hidden_state
    assert torch.equal(ours, read)
    torch.testing.assert_close(theirs, ours, atol=2e-3, rtol=1e-3)
    assert load_backbone(str(folder)).settings == dataclasses.replace(pretrained.backbone.settings, name="tone")
    assert type(model).__name__ == {"wav2vec2": "Wav2Vec2Model", "hubert": "HubertModel"}[model.config.model_type]


def test_the_folder_holds_the_history_and_the_probes(pretrained, corpus, recipe, tmp_path):
    table = pd.DataFrame({"features": ["log-mel"], "task": ["pitch"], "metric": ["UAR"], "score": [0.51234]})
    write_folder(pretrained, tmp_path / "out", recipe(), corpus, probes=table)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(FILES)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out" / "history.csv"), pretrained.history)
    assert "| log-mel | pitch | UAR | 0.512 |" in (tmp_path / "out" / "README.md").read_text()


def test_the_card_says_on_what_how_long_and_how_well(pretrained, corpus, recipe, tmp_path):
    root = tmp_path / "corpus"
    root.mkdir()
    (root / "LICENSE").write_text("A Licence\n")
    licensed = dataclasses.replace(corpus, root=root)
    text = describe(pretrained, "tone", recipe(), licensed, "burst2vec pretrain a --out b")
    card = ModelCard(text)
    last, record = pretrained.history.iloc[-1], pretrained.record
    assert card.data.library_name == "transformers"
    for said in ("- rising tones: its training split; licence: A Licence", f"| {record['hours']:.2f} |",
                 f"{last['loss']:.3f} (a constant guess: {last['constant']:.3f})", "25 frames a second", "12 bursts",
                 "burst2vec pretrain a --out b", "Its Transformer began with random weights"):
        assert said in text
    assert str(tmp_path) not in text
    on = describe(pretrained, "tone", recipe(checkpoint="/here/voices"), corpus)
    assert "It went on from `voices`." in on


def test_a_folder_of_other_files_is_left_alone_and_a_pretrained_one_replaced(pretrained, corpus, recipe, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds other files, such as notes.txt; expected a new folder"):
        write_folder(pretrained, tmp_path, recipe(), corpus)
    with pytest.raises(ValueError, match="notes.txt: a file; expected a folder"):
        write_folder(pretrained, tmp_path / "notes.txt", recipe(), corpus)
    for _ in range(2):
        write_folder(pretrained, tmp_path / "new", recipe(), corpus)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_nothing_is_written_where_writing_fails(pretrained, corpus, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("burst2vec.pretraining.folder.describe", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_folder(pretrained, tmp_path / "out", recipe(), corpus)
    assert list(tmp_path.iterdir()) == []
