"""A run is read from its folder: systems in the paper's order, and whether their backbones were pre-trained."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from burst2vec.evaluation.predictions import write_predictions
from burst2vec.results import runs
from tests.support.table2 import made_up


def test_systems_are_read_in_the_papers_order_with_their_names(tmp_path):
    for code in ("A", "V2", "Baseline", "V1"):
        (tmp_path / code).mkdir()
        write_predictions(made_up()[1]["V1"], tmp_path / code / "predictions.csv")
    (tmp_path / "V1" / "params.json").write_text(json.dumps({"title": "Burst2Vec WL", "audio": "own"}))
    predictions, models = runs.read_systems(tmp_path)
    assert list(predictions) == ["Baseline", "V1", "V2", "A"]
    assert models["V1"] == "Burst2Vec WL ♠" and models["V2"] == "V2"
    with pytest.raises(FileNotFoundError, match="no system has written predictions.csv"):
        runs.read_systems(tmp_path / "V1")


def test_systems_of_two_corpora_in_one_run_are_refused_and_those_of_one_are_not(tmp_path):
    for code, corpus in {"V1": "old", "V2": "new", "A": None}.items():
        (tmp_path / code).mkdir()
        write_predictions(made_up()[1]["V1"], tmp_path / code / "predictions.csv")
        said = {"members": ["V1", "V2"]} if corpus is None else {"corpus": [corpus], "max_steps": 5, "seed": 0}
        (tmp_path / code / "params.json").write_text(json.dumps(said))
    with pytest.raises(ValueError, match=r"V1 was trained with corpus: \['old'\], V2 with corpus: \['new'\]; expected "
                                         "one corpus: delete the folder of the one that is out of date"):
        runs.read_systems(tmp_path)
    (tmp_path / "V1" / "params.json").write_text(json.dumps({"corpus": ["new"], "max_steps": 7, "seed": 1}))
    assert list(runs.read_systems(tmp_path)[0]) == ["V1", "V2", "A"]


def test_histories_are_read_in_the_papers_order_and_asked_for_where_there_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="no system has written history.csv"):
        runs.read_histories(tmp_path)
    for code in ("V2", "Baseline"):
        (tmp_path / code).mkdir()
        pd.DataFrame({"iteration": [1], "value": [0.5]}).to_csv(tmp_path / code / "history.csv", index=False)
    assert runs.read_histories(tmp_path)["code"].tolist() == ["Baseline", "V2"]


def test_random_backbones_are_the_variants_that_say_so_and_the_ensembles_with_such_a_member(tmp_path):
    systems = {"Baseline": {"backbone_size": "tiny"}, "V1": {"backbone_size": "tiny"},
               "V2": {"backbone_size": "published"}, "V3": {"backbone_size": "small", "pretrained": True},
               "V4": {"backbone_size": "small", "pretrained": False},
               "A": {"members": ["V1", "V2"]}, "B": {"members": ["V2", "V3"]}}
    for code, params in systems.items():
        (tmp_path / code).mkdir()
        (tmp_path / code / "params.json").write_text(json.dumps(params))
    assert runs.random_backbones(tmp_path) == ["V1", "V4", "A"]  # the baseline has no backbone
    assert runs.small_backbones(tmp_path) == ["V3"]


def test_a_term_of_the_loss_is_averaged_over_the_tasks():
    history = pd.DataFrame([("V1", 10, "train", task, "discriminator", value) for task, value in
                            (("emotion", 1.0), ("age", 2.0))] + [("V1", 10, "train", "age", "total", 9.0)],
                           columns=["code", "iteration", "stage", "task", "term", "value"])
    assert runs.mean_discriminator_loss(history)["value"].tolist() == [1.5]
    assert runs.mean_over_tasks(history, "total")["value"].tolist() == [9.0]
