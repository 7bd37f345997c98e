"""Trained models as folders: saved, loaded elsewhere without a network, and refused where they are damaged."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import huggingface_hub
import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import soundfile
import torch
from transformers import HubertConfig, HubertModel

from burst2vec.corpora.corpus import Task
from burst2vec.models import serialisation
from burst2vec.models.burst2vec import Burst2Vec, build
from burst2vec.models.serialisation import ModelError
from burst2vec.models.tiny import FAMILIES
from burst2vec.results.ensembles import combine
from burst2vec.systems import saved
from burst2vec.systems.folders import write_ensemble
from burst2vec.systems.saved import load

ROOT = Path(__file__).parents[2]
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)

OFFLINE = """
import socket, sys

def refuse(*args, **options):
    raise OSError("no network here")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from burst2vec.systems.saved import load
print(load(sys.argv[1], "cpu").predict(sys.argv[2:]).to_csv(index=False))
"""


@pytest.fixture(scope="module")
def make(tiny_corpus, tiny_params):
    def make(seed=0, **changes):
        torch.manual_seed(seed)
        return build(tiny_params(**changes), tiny_corpus.tasks).eval()
    return make


@pytest.fixture(scope="module")
def model(make):
    return make()


@pytest.fixture
def folder(model, tmp_path):
    """A folder that holds a saved model."""
    model.save_pretrained(tmp_path / "V1")
    return tmp_path / "V1"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Paths of three recordings."""
    folder, rng = tmp_path_factory.mktemp("recordings"), np.random.default_rng(0)
    for i, seconds in enumerate((0.1, 0.4, 0.2)):
        soundfile.write(folder / f"{i}.wav", 0.1 * rng.normal(size=int(16_000 * seconds)), 16_000)
    return sorted(folder.iterdir())


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def rewrite(path, change):
    """Changes a JSON file's content in place."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


# Saved and loaded -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", FAMILIES)
def test_a_saved_model_comes_back_as_it_was(make, tmp_path, name):
    model = make(backbone=name, width=12, hidden=6, dropout=0.3, adversarial=False, pooling="padded",
                 padding="as_published", reversal="extractors", audio="own", freeze_feature_encoder=False)
    model.save_pretrained(tmp_path / "model")
    found = Burst2Vec.from_pretrained(tmp_path / "model")
    assert found.to_config() == model.to_config() and found.tasks == model.tasks
    assert same(found.state_dict(), model.state_dict()) and not found.training
    assert {n for n, p in found.named_parameters() if p.requires_grad} == {
        n for n, p in model.named_parameters() if p.requires_grad}


def test_a_new_process_without_network_or_checkpoint_predicts_the_same_numbers(make, tmp_path, recordings):
    sizes = {"conv_dim": (8, 8), "conv_kernel": (10, 3), "conv_stride": (5, 2), "hidden_size": 8,
             "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "num_conv_pos_embeddings": 4,
             "num_conv_pos_embedding_groups": 2}
    HubertModel(HubertConfig(**sizes)).save_pretrained(tmp_path / "checkpoint")
    model = make(backbone=str(tmp_path / "checkpoint"), backbone_size="published")
    model.save_pretrained(tmp_path / "model")
    shutil.rmtree(tmp_path / "checkpoint")
    wanted = saved.System({"model": model}).predict(recordings)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "empty"), "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", OFFLINE, tmp_path / "model", *recordings], env=environment, check=True,
                         capture_output=True, text=True)
    found = pd.read_csv(io.StringIO(run.stdout))
    pd.testing.assert_frame_equal(found, wanted, rtol=1e-6, atol=1e-6, check_dtype=False)
    assert found["age"].nunique() == 3


def test_the_folder_holds_a_config_to_read_weights_and_a_card(folder, model):
    assert {p.name for p in folder.iterdir()} == {"config.json", "model.safetensors", "README.md"}
    config = json.loads((folder / "config.json").read_text())
    assert config["format"] == 1 and config["audio"] == "provided" and config["width"] == 16
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


def test_saving_replaces_a_saved_model_and_nothing_else(folder, make):
    make(seed=1).save_pretrained(folder)
    assert same(Burst2Vec.from_pretrained(folder).state_dict(), make(seed=1).state_dict())
    (folder / "thesis.tex").write_text("precious")
    with pytest.raises(ModelError, match="V1: holds other files, such as thesis.tex"):
        make(seed=2).save_pretrained(folder)
    assert same(Burst2Vec.from_pretrained(folder).state_dict(), make(seed=1).state_dict())


def test_a_model_is_saved_wholly_or_not_at_all(folder, make, monkeypatch):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    monkeypatch.setattr(safetensors.torch, "save", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        make(seed=1).save_pretrained(folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert [p.name for p in folder.parent.iterdir()] == ["V1"]


# Refused ----------------------------------------------------------------------------------------------------

def spoil_weights(change):
    def spoil(folder):
        weights = safetensors.torch.load_file(folder / "model.safetensors")
        change(weights)
        safetensors.torch.save_file(weights, folder / "model.safetensors")
    return spoil


def config(change):
    return lambda folder: rewrite(folder / "config.json", change)


DAMAGE = {
    "no config": (lambda f: (f / "config.json").unlink(), "config.json: there is no such file; expected the folder of"),
    "no JSON": (lambda f: (f / "config.json").write_text("{"), "config.json: not readable as JSON"),
    "another's": (lambda f: (f / "config.json").write_text('{"model_type": "hubert"}'),
                  "config.json: does not describe a Burst2Vec"),
    "a list": (lambda f: (f / "config.json").write_text("[1]"), "config.json: does not describe a Burst2Vec"),
    "newer": (config(lambda c: c.update(format=2, burst2vec="9.0")),
              "config.json: of format 2, written by burst2vec 9.0; this is burst2vec .*, which reads format 1"),
    "no backbone": (config(lambda c: c.pop("backbone")), "config.json: describes no model.*'backbone'"),
    "no audio": (config(lambda c: c.pop("audio")), "config.json: lacks audio"),
    "unknown key": (config(lambda c: c.update(depth=3)), "config.json: describes no model.*'depth'"),
    "wrong value": (config(lambda c: c.update(audio="loud")), "config.json: describes no model.*one of provided, own"),
    "wrong type": (config(lambda c: c.update(width="wide")), "config.json: describes no model.*expected int"),
    "no columns": (config(lambda c: c["tasks"][1].update(columns=[])), "config.json: describes no model.*have 0 columns"),
    "no texts": (config(lambda c: c["tasks"][1].update(columns=[None])), "config.json: describes no model.*expected texts"),
    "no list": (config(lambda c: c["tasks"][2].update(classes=None)), "config.json: describes no model.*expected texts"),
    "taken": (config(lambda c: c["tasks"][1].update(columns=["start"])), "config.json: describes no model.*two columns 'start'"),
    "no width": (config(lambda c: c["backbone"]["model"].update(intermediate_size=0)), "model.safetensors: "),
    "wrong task": (config(lambda c: c["tasks"][0].update(kind="smell")), "config.json: describes no model.*'smell'"),
    "wrong family": (config(lambda c: c["backbone"]["model"].update(model_type="bert")),
                     "config.json: describes no model.*of type bert"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "model.safetensors: there is no such file"),
    "half weights": (lambda f: os.truncate(f / "model.safetensors", 9_999),
                     "model.safetensors: not readable as weights"),
    "a pointer": (lambda f: (f / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n"),
                  "model.safetensors: not readable as weights"),
    "too few": (spoil_weights(lambda w: w.pop("projection.0.weight")),
                "model.safetensors: lacks projection.0.weight and 0 more"),
    "too many": (spoil_weights(lambda w: w.update(extra=torch.ones(1))), "model.safetensors: has extra and 0 more"),
    "other shape": (spoil_weights(lambda w: w.update({"projection.0.bias": torch.ones(3)})),
                    r"model.safetensors: projection.0.bias is \(3,\); config.json describes \(16,\)"),
    "no numbers": (spoil_weights(lambda w: w["projection.0.bias"].fill_(float("nan"))),
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
        load(tmp_path / "V9")
    with pytest.raises(ModelError, match="model.safetensors: a file; expected the folder that it lies in"):
        load(folder / "model.safetensors")


# On the hub -------------------------------------------------------------------------------------------------

def test_a_name_on_the_hub_is_downloaded_once_and_read_like_a_folder(folder, model, monkeypatch):
    asked = []
    monkeypatch.setattr(serialisation, "snapshot_download", lambda name, **options: asked.append(name) or str(folder))
    assert same(Burst2Vec.from_pretrained("someone/laughter").state_dict(), model.state_dict())
    assert asked == ["someone/laughter"]


def test_a_name_that_is_not_to_be_had_says_so_in_a_line():
    with pytest.raises(ModelError, match="laughter: neither a folder here nor to be had from the hub") as caught:
        load("someone/laughter")
    assert "\n" not in str(caught.value)


def test_a_hub_that_does_not_answer_is_not_waited_for_long_and_its_cache_is_read(folder, model, tmp_path, monkeypatch):
    monkeypatch.setattr("burst2vec.models.hub.PATIENCE", 0.2)
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
            load("someone/tears")
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("name", ["results/V44", "./V44", "../V44"])
def test_a_mistyped_folder_is_not_looked_for_on_the_hub(tmp_path, monkeypatch, name):
    (tmp_path / "here" / "results" / "V4").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    for ask in ("ask_hub", "snapshot_download"):
        monkeypatch.setattr(serialisation, ask, lambda *a, **k: pytest.fail("the hub was asked"))
    with pytest.raises(ModelError, match=f"^{re.escape(name)}: there is no such folder; expected the folder of"):
        load(name)


# Ensembles --------------------------------------------------------------------------------------------------

@pytest.fixture
def run(make, tmp_path):
    """A run's folder with two systems, of which one hears recordings at our own level, and their ensemble A."""
    for i, code in enumerate(("V1", "V2")):
        make(seed=i, audio=("own", "provided")[i], backbone=list(FAMILIES)[i]).save_pretrained(tmp_path / code)
    write_ensemble(tmp_path / "A", ["V1", "V2"], pd.DataFrame({"split": []}, index=pd.Index([], name="file")))
    return tmp_path


def test_an_ensemble_predicts_by_the_papers_rule(run, recordings):
    members = {code: load(run / code).predict(recordings) for code in ("V1", "V2")}
    system = load(run / "A")
    found = system.predict(recordings)
    pd.testing.assert_frame_equal(found, combine(members, system.tasks))
    for column in ("Awe", "age", "country_USA"):
        np.testing.assert_allclose(found[column], (members["V1"][column] + members["V2"][column]) / 2, rtol=1e-5)
    classes = list(system.tasks[2].probability_columns)
    assert found["country"].tolist() == [c.removeprefix("country_") for c in found[classes].idxmax(axis=1)]


def test_an_ensemble_is_no_single_model(run):
    with pytest.raises(ModelError, match="A: an ensemble, which is several models; burst2vec.load loads it"):
        Burst2Vec.from_pretrained(run / "A")


def test_an_ensemble_whose_members_are_not_there_is_refused(run):
    shutil.rmtree(run / "V2")
    with pytest.raises(ModelError, match=re.escape(f"member ../V2 is not there; expected its folder at {run / 'V2'}")):
        load(run / "A")


def test_an_ensemble_of_models_with_other_tasks_is_refused(run, tiny_params):
    build(tiny_params(), (AGE,)).save_pretrained(run / "V2")
    with pytest.raises(ModelError, match="members ../V1 and ../V2 do not have the same tasks"):
        load(run / "A")


@pytest.mark.parametrize("members", [[], "V1", None])
def test_an_ensemble_without_a_list_of_members_is_refused(run, members):
    rewrite(run / "A" / "config.json", lambda c: c.update(members=members))
    with pytest.raises(ModelError, match="config.json: members is .*; expected a list of folders"):
        load(run / "A")


# In Python --------------------------------------------------------------------------------------------------

def test_the_readmes_lines_of_python_run_as_they_stand(make, recordings, tmp_path, monkeypatch):
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Predict")[1]
    example = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    make().save_pretrained(tmp_path / "results" / "demo" / "V4")
    shutil.copy(recordings[0], tmp_path / "laugh.wav")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(example, names)
    assert names["table"]["file"].tolist() == ["laugh.wav"] and len(example.strip().splitlines()) == 3


def test_one_path_need_not_be_a_list(folder, recordings):
    system = load(folder)
    pd.testing.assert_frame_equal(system.predict(str(recordings[0])), system.predict([recordings[0]]))


def test_without_a_report_what_is_left_out_is_a_warning(folder, recordings):
    with pytest.warns(UserWarning, match="nothing.wav: there is no such recording"):
        assert len(load(folder).predict([recordings[0], "nothing.wav"])) == 1


def test_the_hubs_client_reads_the_card(folder):
    assert huggingface_hub.ModelCard.load(folder / "README.md").data.library_name == "burst2vec"


def test_odd_values_in_a_config_are_not_remarked_on_by_other_libraries(folder, recordings, capfd):
    rewrite(folder / "config.json", lambda c: c["backbone"]["model"].update(bos_token_id=14_169, output_attentions=True))
    load(folder, "cpu").predict(recordings)
    assert capfd.readouterr() == ("", "")


def test_weights_that_lead_to_no_numbers_are_refused_when_they_predict(folder, recordings):
    spoil_weights(lambda w: [value.fill_(1e38) for name, value in w.items() if name.startswith("projection")])(folder)
    with pytest.raises(ModelError, match="V1: predicts no finite numbers for .*0.wav; .*model.safetensors is damaged"):
        load(folder, "cpu").predict(recordings)


def test_a_description_of_a_giant_is_held_against_the_weights_before_anything_is_built(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"width": 1_000_000_000}))
    with pytest.raises(ModelError, match="model.safetensors: .* is .*; config.json describes .*1000000000"):
        Burst2Vec.from_pretrained(folder)
