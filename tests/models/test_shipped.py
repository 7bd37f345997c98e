"""The weights that come with the package are found by name, and nothing else is."""

from __future__ import annotations

import shutil

import torch

from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.hub import load_backbone
from burst2vec.models.shipped import MODEL, WEIGHTS, read_facts, shipped


def test_only_a_folder_of_exactly_that_name_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("burst2vec.models.shipped.WEIGHTS", tmp_path / "weights")
    assert shipped("hubert") is None
    (tmp_path / "weights" / "hubert").mkdir(parents=True)
    (tmp_path / "weights" / "notes").touch()
    (tmp_path / "other").mkdir()
    assert shipped("hubert") == tmp_path / "weights" / "hubert"
    for name in ("HuBERT", "notes", "../other", "", ".", ".."):
        assert shipped(name) is None


def test_the_facts_of_a_backbone_are_those_of_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("burst2vec.models.shipped.WEIGHTS", tmp_path)
    (tmp_path / "hubert").mkdir()
    (tmp_path / "pretraining.json").write_text("{}")  # of no backbone
    assert read_facts("hubert") is None and read_facts("wav2vec2") is None and read_facts("") is None
    (tmp_path / "hubert" / "pretraining.json").write_text('{"record": {"hours": 1.5}}')
    assert read_facts("hubert") == {"record": {"hours": 1.5}}


def test_the_backbone_that_comes_with_the_package_is_found_by_its_family_and_has_learnt():
    torch.manual_seed(0)
    backbone = load_backbone("facebook/hubert-base-ls960", "small")
    drawn = load_backbone("facebook/hubert-base-ls960", "small", pretrained=False)
    assert backbone.settings.name == "small facebook/hubert-base-ls960"
    # Of what is drawn no direction is much stronger than the others.
    key = "model.encoder.layers.3.attention.q_proj.weight"
    strongest, chance = (torch.linalg.svdvals(b.state_dict()[key])[0] for b in (backbone, drawn))
    assert strongest > 1.5 * chance
    facts = read_facts("hubert")
    assert facts["recipe"]["family"] == "hubert" and facts["corpora"][0]["speakers"]


def test_the_model_that_comes_with_the_package_predicts_thirty_emotions_in_a_small_folder(tmp_path):
    [task] = Burst2Vec.from_pretrained(shutil.copytree(WEIGHTS / MODEL, tmp_path / "copy")).tasks
    assert task.name == "emotion" and len(task.classes) == 30
    assert {path.name for path in (WEIGHTS / MODEL).iterdir()} == {"config.json", "model.safetensors", "README.md"}
    assert sum(path.stat().st_size for path in (WEIGHTS / MODEL).iterdir()) < 10e6
