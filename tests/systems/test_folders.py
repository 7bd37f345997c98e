"""The folders that a run writes say what a model has heard, and loading one tells it."""

from __future__ import annotations

import dataclasses
import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from burst2vec.config import Params
from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.joining import join
from burst2vec.evaluation.calibration import fit_temperature, tempered
from burst2vec.evaluation.predictions import read_predictions, write_predictions
from burst2vec.models import serialisation
from burst2vec.models.burst2vec import Burst2Vec, build
from burst2vec.models.inference import predict
from burst2vec.models.serialisation import ModelError
from burst2vec.systems.folders import export_system, write_ensemble, write_system
from burst2vec.systems.saved import load
from burst2vec.training.trained import Trained

SAID = "learnt its tasks from synthetic bursts alone; what it predicts from a voice means nothing"


@pytest.fixture(scope="module")
def model(tiny_corpus, tiny_params):
    torch.manual_seed(0)
    return build(tiny_params(), tiny_corpus.tasks).eval()


@pytest.fixture
def run(model, tiny_corpus, tiny_store, tiny_params, tmp_path):
    """A function that writes V1 and V2, trained on a corpus, and their ensemble A, and gives the run's folder."""
    def run(corpus):
        predictions = predict(model, tiny_corpus, tiny_store)
        if corpus.parts:
            predictions = pd.concat([predictions.rename(lambda file, name=part.name: f"{name}/{file}")
                                     for part in corpus.parts]).rename_axis("file")
        model.heard = "synthetic" if corpus.wholly_synthetic else ""  # as a training says it
        for code in ("V1", "V2"):
            write_system(tmp_path / code, tiny_params(), predictions, Trained(model, pd.DataFrame(), {}), corpus)
        write_ensemble(tmp_path / "A", ["V1", "V2"], predictions, corpus)
        return tmp_path
    return run


def notes(folder):
    lines = []
    load(folder, "cpu", lines.append)
    return lines


def test_a_model_that_learnt_from_synthetic_bursts_alone_says_so_at_each_load_and_so_does_an_ensemble(run, tiny_corpus):
    folder = run(dataclasses.replace(tiny_corpus, synthetic=True))
    for code in ("V1", "A", "V1"):
        assert notes(folder / code) == [f"{folder / code}: {SAID}"]
    with pytest.warns(UserWarning, match=SAID):
        load(folder / "A", "cpu")


def test_a_model_that_learnt_from_people_says_nothing(run, tiny_corpus):
    made = dataclasses.replace(tiny_corpus, name="made", synthetic=True)
    for corpus in (tiny_corpus, join([tiny_corpus, made])):
        folder = run(corpus)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert notes(folder / "V1") == notes(folder / "A") == []


def test_a_corpus_joined_from_synthetic_ones_is_synthetic(run, tiny_corpus):
    made = dataclasses.replace(tiny_corpus, synthetic=True)
    assert notes(run(join([made, dataclasses.replace(made, name="made")])) / "V1")


def test_what_a_model_has_heard_goes_with_it_wherever_it_is_saved(run, tiny_corpus, tmp_path):
    made = dataclasses.replace(tiny_corpus, synthetic=True)
    [model] = load(run(made) / "V1", "cpu", [].append).members.values()
    model.save_pretrained(tmp_path / "copy")
    assert notes(tmp_path / "copy") == [f"{tmp_path / 'copy'}: {SAID}"]


def test_a_warning_of_what_a_model_has_heard_is_one_of_the_line_that_loads_it(run, tiny_corpus):
    folder = run(dataclasses.replace(tiny_corpus, synthetic=True))
    with pytest.warns(UserWarning, match=SAID) as caught:
        load(folder / "V1", "cpu")
    assert [warning.filename for warning in caught] == [__file__]


def test_a_folder_that_does_not_say_what_its_model_has_heard_is_loaded(run, tiny_corpus):
    folder = run(tiny_corpus)
    assert "heard" not in json.loads((folder / "V1" / "config.json").read_text()) and notes(folder / "V1") == []


def test_an_exported_model_predicts_by_itself_and_its_card_is_made_of_the_runs_predictions(
        model, tiny_corpus, tiny_store, tiny_params, tmp_path):
    params = tiny_params(corpus=[str(tiny_corpus.root)], cache=str(tmp_path / "cache"), title="Mine")
    model.heard = ""
    table = predict(model, tiny_corpus, tiny_store)
    write_system(tmp_path / "V1", params, table, Trained(model, pd.DataFrame(), {}), tiny_corpus)
    export_system(tmp_path / "V1", tmp_path / "whole")
    export_system(tmp_path / "V1", tmp_path / "half", half=True)
    cards = {name: (tmp_path / name / "README.md").read_text() for name in ("V1", "whole", "half")}
    scores = [text.split("## Scores")[1] for text in cards.values()]
    assert scores[0] == scores[1] == scores[2] and "# Mine" in cards["half"]
    assert "| hours |" in cards["half"] and "| stored in | half" in cards["half"] and "stored in" not in cards["whole"]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("V1", "whole", "half")]
    assert weights[0] == weights[1] and len(weights[2]) < 0.6 * len(weights[0])
    found = predict(load(tmp_path / "half", "cpu").members["half"], tiny_corpus, tiny_store)
    numbers = table.select_dtypes("number").columns
    assert (found[numbers] - table[numbers]).abs().drop(columns="age").max().max() < 1e-2


def test_an_exported_model_is_calibrated_on_validation_where_that_is_asked_for(exportable, tiny_corpus, tiny_store,
                                                                               tmp_path):
    before = read_predictions(exportable / "predictions.csv")
    export_system(exportable, tmp_path / "mine", calibrate=True)
    network = Burst2Vec.from_pretrained(tmp_path / "mine")
    task, truth = tiny_corpus.task("country"), tiny_corpus.split("val")
    columns = list(task.probability_columns)
    wanted = fit_temperature(before.loc[truth.index, columns].to_numpy(), task.labels(truth))
    assert network.temperatures == pytest.approx({"country": wanted})
    after = predict(network, tiny_corpus, tiny_store)
    assert after["country"].equals(before["country"])
    np.testing.assert_allclose(after["age"], before["age"], atol=1e-3)
    np.testing.assert_allclose(after[columns], tempered(before[columns].to_numpy(), wanted), atol=1e-4)
    assert "The probabilities are calibrated" in (tmp_path / "mine" / "README.md").read_text()


@pytest.mark.parametrize("wrong", [{"mood": 1.0}, {"country": 0}, {"country": -2}, {"country": float("inf")},
                                   {"country": float("nan")}])
def test_a_temperature_of_no_task_or_no_number_above_0_is_refused(exportable, wrong):
    path = exportable / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"temperatures": wrong}))
    with pytest.raises(ModelError, match="temperatures are .*; expected numbers above 0 of tasks of classes"):
        Burst2Vec.from_pretrained(exportable)


@pytest.fixture
def exportable(model, tiny_corpus, tiny_store, tiny_params, tmp_path):
    """The folder of a system in which nothing is amiss."""
    params = tiny_params(corpus=[str(tiny_corpus.root)], cache=str(tmp_path / "cache"))
    predictions = predict(model, tiny_corpus, tiny_store)
    write_system(tmp_path / "V1", params, predictions, Trained(model, pd.DataFrame(), {}), tiny_corpus)
    return tmp_path / "V1"


@pytest.mark.parametrize(("change", "said"), [
    (lambda table: table.assign(split=table["split"].where(table.index != "00016", "test")),
     "burst '00016' is of split test here and of val in the corpus tones"),
    (lambda table: table.drop(index="00027"), "burst '00027' is of split none here and of test in the corpus tones"),
    (lambda table: table.rename({"00020": "lost"}), "burst 'lost' is of split val here and of none in the corpus"),
    (lambda table: table[table["split"] == "val"], "burst '00024' is of split none here and of test in the corpus")])
def test_a_run_whose_corpus_has_changed_is_not_exported(exportable, tmp_path, change, said):
    predictions = exportable / "predictions.csv"
    write_predictions(change(read_predictions(predictions)), predictions)
    with pytest.raises(CorpusError, match=f"V1/predictions.csv: {said}.*; expected the corpus as it was") as caught:
        export_system(exportable, tmp_path / "mine")
    assert not (tmp_path / "mine").exists() and "\n" not in str(caught.value)


def test_a_mistyped_folder_is_not_looked_for_on_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for ask in ("ask_hub", "snapshot_download"):
        monkeypatch.setattr(serialisation, ask, lambda *a, **k: pytest.fail("the hub was asked"))
    with pytest.raises(ModelError, match="^demo/V44/params.json: not the parameters of a training"):
        export_system(Path("demo/V44"), tmp_path / "mine")


@pytest.mark.parametrize("said", [None, '{"variant": "V1", "members": ["V2"]}', '{"variant"', "[1]"])
def test_what_does_not_say_its_parameters_is_not_exported(model, tmp_path, said):
    model.save_pretrained(tmp_path / "V1")
    if said:
        (tmp_path / "V1" / "params.json").write_text(said)
    with pytest.raises(ModelError, match="V1/params.json: not the parameters of a training; expected the folder of a"):
        export_system(tmp_path / "V1", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("heard", [True, "people", ["synthetic"], None])
def test_a_model_that_has_heard_what_is_unknown_is_refused(run, tiny_corpus, heard):
    path = run(tiny_corpus) / "V1" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"heard": heard}))
    with pytest.raises(ModelError, match="config.json: .*heard is .*; expected synthetic"):
        load(path.parent, "cpu")


def test_the_parameters_of_a_system_are_those_of_its_training(run, tiny_corpus, tiny_params):
    said = json.loads((run(tiny_corpus) / "V1" / "params.json").read_text())
    assert Params(**said) == tiny_params()
