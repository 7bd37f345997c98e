"""The folders that a run writes say what a model has heard, and loading one tells it."""

from __future__ import annotations

import dataclasses
import json
import warnings

import pandas as pd
import pytest
import torch

from burst2vec.config import Params
from burst2vec.corpora.joining import join
from burst2vec.models.burst2vec import build
from burst2vec.models.inference import predict
from burst2vec.models.serialisation import ModelError
from burst2vec.systems.folders import write_ensemble, write_system
from burst2vec.systems.saved import load
from burst2vec.training.trained import Trained

SAID = "trained on synthetic bursts alone; it has never heard a voice, and what it predicts from one means nothing"


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
        for code in ("V1", "V2"):
            write_system(tmp_path / code, tiny_params(), predictions, Trained(model, pd.DataFrame(), {}), corpus)
        write_ensemble(tmp_path / "A", ["V1", "V2"], predictions, corpus)
        return tmp_path
    return run


def notes(folder):
    lines = []
    load(folder, "cpu", lines.append)
    return lines


def test_a_model_that_has_heard_synthetic_bursts_alone_says_so_at_each_load_and_so_does_an_ensemble(run, tiny_corpus):
    folder = run(dataclasses.replace(tiny_corpus, synthetic=True))
    for code in ("V1", "A", "V1"):
        assert notes(folder / code) == [f"{folder / code}: {SAID}"]
        assert json.loads((folder / code / "params.json").read_text())["synthetic"] is True
    with pytest.warns(UserWarning, match=SAID):
        load(folder / "A", "cpu")


def test_a_model_that_has_heard_people_says_nothing(run, tiny_corpus):
    made = dataclasses.replace(tiny_corpus, name="made", synthetic=True)
    for corpus in (tiny_corpus, join([tiny_corpus, made])):
        folder = run(corpus)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert notes(folder / "V1") == notes(folder / "A") == []
        assert json.loads((folder / "V1" / "params.json").read_text())["synthetic"] is False


def test_a_corpus_joined_from_synthetic_ones_is_synthetic(run, tiny_corpus):
    made = dataclasses.replace(tiny_corpus, synthetic=True)
    assert notes(run(join([made, dataclasses.replace(made, name="made")])) / "V1")


def test_a_folder_of_the_network_alone_says_nothing_of_what_it_has_heard(model, tmp_path):
    model.save_pretrained(tmp_path / "V1")
    assert notes(tmp_path / "V1") == []


@pytest.mark.parametrize("content", ["{", "[]", b"\xff"])
def test_damaged_parameters_are_named(run, tiny_corpus, content):
    path = run(tiny_corpus) / "V1" / "params.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ModelError, match=f"{path}: not readable as JSON"):
        load(path.parent, "cpu")


def test_the_parameters_of_a_system_are_those_of_its_training(run, tiny_corpus, tiny_params):
    said = json.loads((run(tiny_corpus) / "V1" / "params.json").read_text())
    assert said.pop("synthetic") is False and Params(**said) == tiny_params()
