"""Single models as folders: saved, loaded without a network, and refused where they are damaged."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import time
from pathlib import Path

import huggingface_hub
import pytest
import safetensors.torch
import torch

from burst2vec.models import serialisation
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.serialisation import ModelError
from burst2vec.models.tiny import FAMILIES


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_saved_model_comes_back_as_it_was(make_model, tmp_path, name):
    model = make_model(backbone=name, width=12, hidden=6, dropout=0.3, adversarial=False, pooling="padded",
                 padding="as_published", reversal="extractors", audio="own", freeze_feature_encoder=False)
    model.save_pretrained(tmp_path / "model")
    found = Burst2Vec.from_pretrained(tmp_path / "model")
    assert found.to_config() == model.to_config() and found.tasks == model.tasks
    assert same(found.state_dict(), model.state_dict()) and not found.training
    assert {n for n, p in found.named_parameters() if p.requires_grad} == {
        n for n, p in model.named_parameters() if p.requires_grad}


def test_the_folder_holds_a_config_to_read_weights_and_a_card(folder, model):
    assert {p.name for p in folder.iterdir()} == {"config.json", "model.safetensors", "README.md"}
    config = json.loads((folder / "config.json").read_text())
    assert config["format"] == 4 and config["audio"] == "provided" and config["width"] == 16
    assert [task["name"] for task in config["tasks"]] == ["emotion", "age", "country"]
    assert config["backbone"]["settings"]["name"] == "facebook/hubert-base-ls960"
    assert (folder / "model.safetensors").stat().st_mode & 0o077 == (folder / "config.json").stat().st_mode & 0o077
    assert str(folder.parent) not in (folder / "config.json").read_text() + (folder / "README.md").read_text()


def test_the_card_is_the_text_that_the_writer_is_given(folder, model, tmp_path):
    model.save_pretrained(tmp_path / "copy", card="# Mine\n")
    assert (tmp_path / "copy" / "README.md").read_text() == "# Mine\n"
    assert "without a model card" in (folder / "README.md").read_text()


def test_what_goes_to_the_hub_is_what_is_saved(folder, model, monkeypatch):
    sent = {}

    class Hub:
        def __init__(self, token):
            sent["token"] = token

        def create_repo(self, name, private, exist_ok):
            return type("Repository", (), {"repo_id": f"me/{name}"})

        def upload_folder(self, repo_id, folder_path):
            sent[repo_id] = {p.name: p.read_bytes() for p in folder_path.iterdir()}
            return type("Commit", (), {"commit_url": "https://hub/commit/1"})

    monkeypatch.setattr("burst2vec.models.burst2vec.HfApi", Hub)
    assert model.push_to_hub("laughter", token="secret") == "https://hub/commit/1"
    assert sent == {"token": "secret", "me/laughter": {p.name: p.read_bytes() for p in folder.iterdir()}}


def test_saving_replaces_a_saved_model_and_nothing_else(folder, make_model):
    make_model(seed=1).save_pretrained(folder)
    assert same(Burst2Vec.from_pretrained(folder).state_dict(), make_model(seed=1).state_dict())
    (folder / "thesis.tex").write_text("precious")
    with pytest.raises(ModelError, match="V1: holds other files, such as thesis.tex"):
        make_model(seed=2).save_pretrained(folder)
    assert same(Burst2Vec.from_pretrained(folder).state_dict(), make_model(seed=1).state_dict())


def test_a_model_is_saved_wholly_or_not_at_all(folder, make_model, monkeypatch):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    monkeypatch.setattr(safetensors.torch, "save", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        make_model(seed=1).save_pretrained(folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert [p.name for p in folder.parent.iterdir()] == ["V1"]


def test_the_hubs_client_reads_the_card(folder):
    assert huggingface_hub.ModelCard.load(folder / "README.md").data.library_name == "burst2vec"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_a_card_in_another_encoding_is_no_hindrance(folder, model, encoding):
    (folder / "README.md").write_bytes("# Für Grüße\n".encode(encoding))
    assert same(Burst2Vec.from_pretrained(folder).state_dict(), model.state_dict())


# Of an older format -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_model_of_a_format_before_pooling_could_be_chosen_has_its_last_layers_mean_as_it_is(folder, model, version):
    said = json.loads((folder / "config.json").read_text())
    old = {name: said[name] for name in ("audio", "width", "hidden", "dropout", "adversarial", "pooling", "reversal",
                                         "tasks", "backbone")}  # all that format 1 had
    if version >= 2:
        old |= {"pooled_layers": "last", "pooled_statistics": "mean"}
    if version == 3:
        old |= {"pooled_scale": "as_is"}
    (folder / "config.json").write_text(json.dumps({"format": version, "burst2vec": "0.1.0", **old}))
    found = Burst2Vec.from_pretrained(folder)
    assert same(found.state_dict(), model.state_dict())
    assert [found.settings[f"pooled_{name}"] for name in ("layers", "statistics", "scale")] == ["last", "mean", "as_is"]
    found.save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text()) == said


def test_what_an_older_format_does_say_counts(make_model, tmp_path):
    make_model(pooled_layers="all").save_pretrained(tmp_path)
    config(lambda c: c.update(format=1))(tmp_path)
    assert Burst2Vec.from_pretrained(tmp_path).settings["pooled_layers"] == "all"


# In half precision ------------------------------------------------------------------------------------------

def test_a_model_in_half_precision_is_read_in_float32_and_predicts_nearly_the_same(make_model, tmp_path):
    model = make_model()
    model.save_pretrained(tmp_path / "whole")
    model.save_pretrained(tmp_path / "half", half=True)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "half")]
    assert 1.8 < sizes[0] / sizes[1] < 2
    found = Burst2Vec.from_pretrained(tmp_path / "half")
    assert {p.dtype for net in (model, found) for p in net.parameters()} == {torch.float32}
    assert same(found.state_dict(), {name: value.half().float() for name, value in model.state_dict().items()})
    assert (tmp_path / "half" / "config.json").read_text() == (tmp_path / "whole" / "config.json").read_text()
    waveforms = torch.randn(3, 4_000, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours, theirs = (net(waveforms, torch.tensor([4_000, 3_000, 4_000])) for net in (model, found))
    for task in ours:
        assert 0 < (ours[task] - theirs[task]).abs().max() < 1e-2


def test_a_weight_that_half_precision_cannot_hold_is_refused_and_nothing_is_written(make_model, tmp_path):
    model = make_model()
    with torch.no_grad():
        model.heads["age"][0].weight[0, 0] = -1e5
    said = "heads.age.0.weight holds values of up to 1e[+]05, too large for half precision, which ends at 65504; save"
    with pytest.raises(ModelError, match=said):
        model.save_pretrained(tmp_path / "half", half=True)
    assert not list(tmp_path.iterdir())
    model.save_pretrained(tmp_path / "whole")


def halved(content):
    content.update({name: value.half() for name, value in content.items()})


@pytest.mark.parametrize("damage", ["half weights", "too few", "too many", "other shape", "no numbers"])
def test_weights_in_half_precision_are_refused_as_others_are(folder, damage):
    weights(halved)(folder)
    spoil, complaint = DAMAGE[damage]
    spoil(folder)
    with pytest.raises(ModelError, match=complaint):
        Burst2Vec.from_pretrained(folder)


# Refused ----------------------------------------------------------------------------------------------------

def weights(change):
    def spoil(folder):
        content = safetensors.torch.load_file(folder / "model.safetensors")
        change(content)
        safetensors.torch.save_file(content, folder / "model.safetensors")
    return spoil


def config(change):
    def spoil(folder):
        content = json.loads((folder / "config.json").read_text())
        change(content)
        (folder / "config.json").write_text(json.dumps(content))
    return spoil


def shape(**changes):
    return config(lambda c: c["backbone"]["model"].update(changes))


NO_MODEL = "config.json: describes no model.*"
DAMAGE = {
    "no config": (lambda f: (f / "config.json").unlink(), "config.json: there is no such file; expected the folder of"),
    "no JSON": (lambda f: (f / "config.json").write_text("{"), "config.json: not readable as JSON"),
    "another's": (lambda f: (f / "config.json").write_text('{"model_type": "hubert"}'),
                  "config.json: does not describe a Burst2Vec"),
    "a list": (lambda f: (f / "config.json").write_text("[1]"), "config.json: does not describe a Burst2Vec"),
    "newer": (config(lambda c: c.update(format=5, burst2vec="9.0")),
              "config.json: of format 5, written by burst2vec 9.0; this is burst2vec .*, which reads formats 1 to 4"),
    "no format": (config(lambda c: c.update(format=[1])), r"config.json: of format \[1\], written by"),
    "no pooling": (config(lambda c: c.pop("pooled_layers")), "config.json: lacks pooled_layers"),
    "no backbone": (config(lambda c: c.pop("backbone")), f"{NO_MODEL}'backbone'"),
    "no audio": (config(lambda c: c.pop("audio")), "config.json: lacks audio"),
    "unknown key": (config(lambda c: c.update(depth=3)), f"{NO_MODEL}'depth'"),
    "wrong value": (config(lambda c: c.update(audio="loud")), f"{NO_MODEL}one of provided, own"),
    "wrong type": (config(lambda c: c.update(width="wide")), f"{NO_MODEL}parameter width is 'wide'; expected"),
    "no columns": (config(lambda c: c["tasks"][1].update(columns=[])), f"{NO_MODEL}have 0 columns"),
    "no texts": (config(lambda c: c["tasks"][1].update(columns=[None])), f"{NO_MODEL}expected texts"),
    "no list": (config(lambda c: c["tasks"][2].update(classes=None)), f"{NO_MODEL}expected texts"),
    "taken": (config(lambda c: c["tasks"][1].update(columns=["start"])), f"{NO_MODEL}two columns 'start'"),
    "wrong task": (config(lambda c: c["tasks"][0].update(kind="smell")), f"{NO_MODEL}'smell'"),
    "wrong family": (shape(model_type="bert"), f"{NO_MODEL}of type bert"),
    "no width": (shape(intermediate_size=0), "model.safetensors: "),
    "fewer layers": (shape(num_hidden_layers=1), "model.safetensors: has backbone.model.encoder.layers.1.attention.*"),
    "quoted flag": (shape(conv_bias="false"), f"{NO_MODEL}'conv_bias'.*'false'"),
    "quoted number": (shape(hidden_size="96"), f"{NO_MODEL}'hidden_size'.*'96'"),
    "quoted setting": (config(lambda c: c["backbone"]["settings"].update(do_normalize="false")),
                       f"{NO_MODEL}do_normalize is 'false'; expected true or false"),
    "quoted mask": (config(lambda c: c["backbone"]["settings"].update(attention_mask="false")),
                    f"{NO_MODEL}attention_mask is 'false'; expected true or false"),
    "quoted freezing": (config(lambda c: c["backbone"].update(freeze_feature_encoder="false")),
                        f"{NO_MODEL}freeze_feature_encoder is 'false'"),
    "wrong padding": (config(lambda c: c["backbone"].update(padding="exactly")), f"{NO_MODEL}one of exact, as_publ"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "model.safetensors: there is no such file"),
    "half weights": (lambda f: os.truncate(f / "model.safetensors", 9_999),
                     "model.safetensors: not readable as weights"),
    "a pointer": (lambda f: (f / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n"),
                  "model.safetensors: not readable as weights"),
    "too few": (weights(lambda w: w.pop("projection.0.weight")),
                "model.safetensors: lacks projection.0.weight and 0 more"),
    "too many": (weights(lambda w: w.update(extra=torch.ones(1))), "model.safetensors: has extra and 0 more"),
    "other shape": (weights(lambda w: w.update({"projection.0.bias": torch.ones(3)})),
                    r"model.safetensors: projection.0.bias is \(3,\); config.json describes \(16,\)"),
    "no numbers": (weights(lambda w: w["projection.0.bias"].fill_(float("nan"))),
                   "model.safetensors: projection.0.bias holds values that are not finite"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_folder_is_refused_in_a_line_that_names_the_file(folder, damage):
    spoil, complaint = DAMAGE[damage]
    spoil(folder)
    with pytest.raises(ModelError, match=complaint) as caught:
        Burst2Vec.from_pretrained(folder)
    assert str(caught.value).startswith(str(folder)) and "\n" not in str(caught.value)


def test_what_is_no_folder_is_refused(folder, tmp_path):
    with pytest.raises(ModelError, match="V9: there is no such folder; expected the folder of a Burst2Vec"):
        Burst2Vec.from_pretrained(tmp_path / "V9")
    with pytest.raises(ModelError, match="model.safetensors: a file; expected the folder that it lies in"):
        Burst2Vec.from_pretrained(folder / "model.safetensors")


def test_a_description_of_a_giant_is_held_against_the_weights_before_anything_is_built(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"width": 1_000_000_000}))
    with pytest.raises(ModelError, match="model.safetensors: .* is .*; config.json describes .*1000000000"):
        Burst2Vec.from_pretrained(folder)


# What comes with the package --------------------------------------------------------------------------------

@pytest.fixture
def weights_shipped(folder, tmp_path, monkeypatch):
    """The folder of a model that stands in for the one that comes with the package."""
    monkeypatch.setattr("burst2vec.models.shipped.WEIGHTS", tmp_path / "weights")
    return shutil.copytree(folder, tmp_path / "weights" / "emogator")


def test_the_name_of_the_model_that_comes_with_the_package_is_found_anywhere(weights_shipped, folder, model,
                                                                             monkeypatch):
    assert serialisation.find_folder("emogator") == serialisation.find_folder() == weights_shipped
    with pytest.raises(ModelError, match="the model's name is empty"):
        serialisation.find_folder("")
    assert same(Burst2Vec.from_pretrained("emogator").state_dict(), model.state_dict())
    monkeypatch.chdir(folder)
    assert serialisation.find_folder("emogator") == weights_shipped


def test_a_name_that_could_be_either_model_is_refused(weights_shipped, folder, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    folder.rename(tmp_path / "here" / "emogator")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ModelError, match="^emogator: comes with burst2vec, and lies here as well; expected ./emogator "
                                         f"for what lies here, or {re.escape(str(weights_shipped))} for the other$"):
        serialisation.find_folder("emogator")
    assert [serialisation.find_folder(source) for source in ("./emogator", Path("emogator"), None)] == [
        Path("emogator"), Path("emogator"), weights_shipped]


def test_an_installation_without_the_weights_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("burst2vec.models.shipped.WEIGHTS", tmp_path / "weights")
    for source in (None, "emogator"):
        with pytest.raises(ModelError, match="emogator: its weights, .*, are not in this installation; install burst2"):
            serialisation.find_folder(source)


@pytest.mark.parametrize("name", ["emogatr", "results/V44", "someone/laughter"])
def test_what_is_not_found_is_told_with_the_name_that_would_be(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=f"^{name}: .*, or emogator, which comes with burst2vec"):
        serialisation.find_folder(name)


def test_a_folder_of_a_model_is_told_from_others(folder, tmp_path):
    assert serialisation.holds_model(folder) and not serialisation.holds_model(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "hubert"}')
    assert not serialisation.holds_model(tmp_path) and not serialisation.holds_model("a\0b")
    assert not serialisation.holds_model(folder / "config.json")


# On the hub -------------------------------------------------------------------------------------------------

def test_a_name_on_the_hub_is_downloaded_once_and_read_like_a_folder(folder, model, monkeypatch):
    asked = []
    monkeypatch.setattr(serialisation, "snapshot_download", lambda name, **options: asked.append(name) or str(folder))
    assert same(Burst2Vec.from_pretrained("someone/laughter").state_dict(), model.state_dict())
    assert asked == ["someone/laughter"]


def test_a_name_that_is_not_to_be_had_says_so_in_a_line():
    with pytest.raises(ModelError, match="laughter: neither a folder here nor to be had from the hub") as caught:
        Burst2Vec.from_pretrained("someone/laughter")
    assert "\n" not in str(caught.value)


def test_a_hub_that_does_not_answer_is_not_waited_for_long_and_its_cache_is_read(folder, model, tmp_path, monkeypatch):
    monkeypatch.setattr("burst2vec.models.hub.TIMEOUT", 0.2)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    kept = tmp_path / "hub" / "models--someone--laughter"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("0" * 40)
    shutil.copytree(folder, kept / "snapshots" / ("0" * 40))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        assert same(Burst2Vec.from_pretrained("someone/laughter").state_dict(), model.state_dict())
        with pytest.raises(ModelError, match="tears: neither a folder here nor to be had from the hub"):
            Burst2Vec.from_pretrained("someone/tears")
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("name", ["results/V44", "./V44", "../V44"])
def test_a_mistyped_folder_is_not_looked_for_on_the_hub(tmp_path, monkeypatch, name):
    (tmp_path / "here" / "results" / "V4").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    for ask in ("ask_hub", "snapshot_download"):
        monkeypatch.setattr(serialisation, ask, lambda *a, **k: pytest.fail("the hub was asked"))
    with pytest.raises(ModelError, match=f"^{re.escape(name)}: there is no such folder; expected the folder of"):
        Burst2Vec.from_pretrained(name)
