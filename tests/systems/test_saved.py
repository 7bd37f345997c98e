"""Trained models and ensembles, loaded from their folders to predict recordings."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import soundfile
from transformers import HubertConfig, HubertModel

from burst2vec.corpora.corpus import Task
from burst2vec.models.burst2vec import Burst2Vec, build
from burst2vec.models.serialisation import ModelError
from burst2vec.models.tiny import FAMILIES
from burst2vec.results.ensembles import combine
from burst2vec.systems.folders import write_ensemble
from burst2vec.systems.predictor import Predictor
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
def recordings(tmp_path_factory):
    """Paths of three recordings."""
    folder, rng = tmp_path_factory.mktemp("recordings"), np.random.default_rng(0)
    for i, seconds in enumerate((0.1, 0.4, 0.2)):
        soundfile.write(folder / f"{i}.wav", 0.1 * rng.normal(size=int(16_000 * seconds)), 16_000)
    return sorted(folder.iterdir())


def predict(system, recordings):
    """A system's predictions, with no note on ages that no training has brought into their range."""
    return system.predict(recordings, note=lambda line: None)


def rewrite(path, change):
    """Changes a JSON file's content in place."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


# A single model ---------------------------------------------------------------------------------------------

def test_a_new_process_without_network_or_checkpoint_predicts_the_same_numbers(make_model, tmp_path, recordings):
    sizes = {"conv_dim": (8, 8), "conv_kernel": (10, 3), "conv_stride": (5, 2), "hidden_size": 8,
             "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "num_conv_pos_embeddings": 4,
             "num_conv_pos_embedding_groups": 2}
    HubertModel(HubertConfig(**sizes)).save_pretrained(tmp_path / "checkpoint")
    model = make_model(backbone=str(tmp_path / "checkpoint"), backbone_size="published")
    model.save_pretrained(tmp_path / "model")
    shutil.rmtree(tmp_path / "checkpoint")
    wanted = predict(Predictor({"model": model}), recordings)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "empty"), "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", OFFLINE, tmp_path / "model", *recordings], env=environment, check=True,
                         capture_output=True, text=True)
    found = pd.read_csv(io.StringIO(run.stdout))
    pd.testing.assert_frame_equal(found, wanted, rtol=1e-6, atol=1e-6, check_dtype=False)
    assert found["age"].nunique() == 3


def test_what_is_no_folder_is_refused(folder, tmp_path):
    with pytest.raises(ModelError, match="V9: there is no such folder; expected the folder of a Burst2Vec"):
        load(tmp_path / "V9")
    with pytest.raises(ModelError, match="model.safetensors: a file; expected the folder that it lies in"):
        load(folder / "model.safetensors")


# Ensembles --------------------------------------------------------------------------------------------------

@pytest.fixture
def run(make_model, tmp_path):
    """A run's folder with two systems, of which one hears recordings at our own level, and their ensemble A."""
    for i, code in enumerate(("V1", "V2")):
        make_model(seed=i, audio=("own", "provided")[i], backbone=list(FAMILIES)[i]).save_pretrained(tmp_path / code)
    write_ensemble(tmp_path / "A", ["V1", "V2"], pd.DataFrame({"split": []}, index=pd.Index([], name="file")))
    return tmp_path


def test_an_ensemble_in_another_folder_than_its_members_loads_too(run, recordings):
    nothing = pd.DataFrame({"split": []}, index=pd.Index([], name="file"))
    write_ensemble(run / "by-hand" / "A", ["V1", "V2"], nothing, run_folder=run)
    here, there = (predict(load(folder / "A"), recordings) for folder in (run, run / "by-hand"))
    pd.testing.assert_frame_equal(here, there)


def test_an_ensemble_predicts_by_the_papers_rule(run, recordings):
    members = {code: predict(load(run / code), recordings) for code in ("V1", "V2")}
    system = load(run / "A")
    found = predict(system, recordings)
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

def test_the_readmes_lines_of_python_run_as_they_stand(make_model, recordings, tmp_path, monkeypatch):
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Predict")[1]
    example = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    monkeypatch.setattr("burst2vec.models.shipped.WEIGHTS", tmp_path / "weights")
    make_model().save_pretrained(tmp_path / "weights" / "emogator")
    shutil.copy(recordings[0], tmp_path / "laugh.wav")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(example, names)
    assert names["table"]["file"].tolist() == ["laugh.wav"] and len(example.strip().splitlines()) == 3


def test_the_model_that_comes_with_the_package_is_loaded_by_its_name_or_by_none(folder, recordings, tmp_path,
                                                                                monkeypatch):
    monkeypatch.setattr("burst2vec.models.shipped.WEIGHTS", tmp_path / "weights")
    wanted = load(folder).predict(recordings)
    shutil.copytree(folder, tmp_path / "weights" / "emogator")
    for named in ((), ("emogator",)):
        pd.testing.assert_frame_equal(load(*named).predict(recordings), wanted)


def test_one_path_need_not_be_a_list(folder, recordings):
    system = load(folder)
    pd.testing.assert_frame_equal(system.predict(str(recordings[0])), system.predict([recordings[0]]))


def test_without_a_report_what_is_left_out_is_a_warning(folder, recordings):
    with pytest.warns(UserWarning, match="nothing.wav: there is no such recording"):
        assert len(load(folder).predict([recordings[0], "nothing.wav"])) == 1


def test_odd_values_in_a_config_are_not_remarked_on_by_other_libraries(folder, recordings, capfd):
    odd = {"bos_token_id": 14_169, "output_attentions": True}
    rewrite(folder / "config.json", lambda c: c["backbone"]["model"].update(odd))
    load(folder, "cpu").predict(recordings)
    assert capfd.readouterr() == ("", "")


def test_weights_that_lead_to_no_numbers_are_refused_when_they_predict(folder, recordings):
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    huge = {name: weight.fill_(1e38) if name.startswith("projection") else weight for name, weight in weights.items()}
    safetensors.torch.save_file(huge, folder / "model.safetensors")
    with pytest.raises(ModelError, match="V1: predicts no finite numbers for .*0.wav; .*model.safetensors is damaged"):
        load(folder, "cpu").predict(recordings)
