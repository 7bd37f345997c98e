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


def test_a_model_that_has_heard_synthetic_bursts_alone_says_so_at_each_load_and_so_does_an_ensemble(run, tiny_corpus):
    folder = run(dataclasses.replace(tiny_corpus, synthetic=True))
    for code in ("V1", "A", "V1"):
        assert notes(folder / code) == [f"{folder / code}: {SAID}"]
    with pytest.warns(UserWarning, match=SAID):
        load(folder / "A", "cpu")


def test_a_model_that_has_heard_people_says_nothing(run, tiny_corpus):
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


@pytest.mark.parametrize("heard", [True, "people", ["synthetic"], None])
def test_a_model_that_has_heard_what_is_unknown_is_refused(run, tiny_corpus, heard):
    path = run(tiny_corpus) / "V1" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"heard": heard}))
    with pytest.raises(ModelError, match="config.json: .*heard is .*; expected synthetic"):
        load(path.parent, "cpu")


def test_the_parameters_of_a_system_are_those_of_its_training(run, tiny_corpus, tiny_params):
    said = json.loads((run(tiny_corpus) / "V1" / "params.json").read_text())
    assert Params(**said) == tiny_params()
