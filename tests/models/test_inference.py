import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from burst2vec.corpora.corpus import Corpus
from burst2vec.machine.hardware import OutOfMemory
from burst2vec.models.burst2vec import build
from burst2vec.models.encoding import encode_once
from burst2vec.models.inference import infer, predict, represent
from burst2vec.systems.predictor import Predictor


@pytest.fixture(scope="module")
def model(tiny_corpus, tiny_params):
    torch.manual_seed(0)
    return build(tiny_params(), tiny_corpus.tasks)


@pytest.fixture(scope="module")
def table(model, tiny_corpus, tiny_store):
    return predict(model, tiny_corpus, tiny_store)


def test_every_burst_of_the_splits_has_a_row_in_the_corpuss_order(table, tiny_corpus):
    wanted = tiny_corpus.table[tiny_corpus.table["split"] != "train"]
    assert table.index.tolist() == wanted.index.tolist() and table["split"].tolist() == wanted["split"].tolist()
    assert table.columns.tolist() == ["split", *tiny_corpus.task("emotion").columns, "age", "country",
                                      "country_China", "country_South Africa", "country_USA", "country_Venezuela"]


def test_what_predicts_recordings_is_no_network(model, tiny_corpus, tiny_store):
    loaded = Predictor({"V1": model})
    with pytest.raises(ValueError, match="^model is a Predictor; expected a network, a Burst2Vec. What .*load"):
        predict(loaded, tiny_corpus, tiny_store)


def test_a_burst_gets_the_prediction_for_its_own_waveform(model, table, tiny_corpus, tiny_store):
    model.eval()
    for row in (16, 19, 27):
        waveform = torch.from_numpy(tiny_store[row])[None]
        with torch.no_grad():
            output = model(waveform, torch.tensor([waveform.shape[1]]))
        found, age = table.loc[tiny_corpus.table.index[row]], tiny_corpus.task("age")
        intensities = found[list(tiny_corpus.task("emotion").columns)].astype(float)
        np.testing.assert_allclose(intensities, output["emotion"][0], atol=1e-5)
        assert found["age"] == pytest.approx(age.low + output["age"].item() * (age.high - age.low), abs=1e-3)
        assert found["country"] == tiny_corpus.task("country").classes[output["country"].argmax()]


@pytest.mark.parametrize("batch_size", [1, 5, 100])
def test_predictions_do_not_depend_on_the_batch_size(model, table, tiny_corpus, tiny_store, batch_size):
    found = predict(model, tiny_corpus, tiny_store, batch_size=batch_size)
    pd.testing.assert_frame_equal(found, table, atol=1e-4, rtol=1e-4)


def test_labels_have_no_part_in_a_prediction(model, table, tiny_corpus, tiny_store):
    blank = tiny_corpus.table.copy()
    test = blank["split"] == "test"
    blank.loc[test, ["age", "country", "speaker", *tiny_corpus.task("emotion").columns]] = None
    corpus = Corpus("blank", Path("."), blank, tiny_corpus.tasks)
    pd.testing.assert_frame_equal(predict(model, corpus, tiny_store), table)


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_in_its_mode_and_dropout_is_off_meanwhile(model, table, tiny_corpus, tiny_store, training):
    model.train(training)
    pd.testing.assert_frame_equal(predict(model, tiny_corpus, tiny_store), table)
    assert model.training == training == model.backbone.model.training
    model.eval()


def test_the_arithmetic_asked_for_is_used(model, table, tiny_corpus, tiny_store):
    rough = predict(model, tiny_corpus, tiny_store, precision=torch.autocast("cpu", torch.bfloat16))
    same = predict(model, tiny_corpus, tiny_store, precision=contextlib.nullcontext())
    pd.testing.assert_frame_equal(same, table)
    assert 0 < np.abs(rough["age"] - table["age"]).max() < 3


def test_some_splits_can_be_predicted_alone(model, table, tiny_corpus, tiny_store):
    pd.testing.assert_frame_equal(predict(model, tiny_corpus, tiny_store, ("val",)), table[table["split"] == "val"],
                                  atol=1e-4, rtol=1e-4)


def test_a_list_of_waveforms_will_do_and_an_empty_one_too(model, tiny_store):
    rows = np.array([20, 3, 11])
    wanted = infer(model, tiny_store, rows, tiny_store.lengths[rows], 2)
    found = infer(model, [tiny_store[r] for r in rows], np.arange(3), tiny_store.lengths[rows], 2)
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
    nothing = infer(model, [], np.arange(0), np.arange(0), 2)
    assert {name: o.shape for name, o in nothing.items()} == {"emotion": (0, 10), "age": (0, 1), "country": (0, 4)}


def test_representations_are_the_models_own_clip_by_clip(model, tiny_corpus, tiny_store):
    found = represent(model, tiny_corpus, tiny_store, batch_size=5)
    assert list(found) == ["pooled", "shared", "specific emotion", "specific age", "specific country",
                           "combined emotion", "combined age", "combined country"]
    assert {len(features) for features in found.values()} == {24} and found["shared"].shape[1] == 16
    model.eval()
    for row in (0, 9, 23):
        with torch.no_grad():
            alone = model.represent(torch.from_numpy(tiny_store[row])[None], torch.tensor([len(tiny_store[row])]))
        np.testing.assert_allclose(found["pooled"][row], alone.pooled[0], atol=1e-4)
        np.testing.assert_allclose(found["shared"][row], alone.shared[0], atol=1e-4)
        for task in ("emotion", "age", "country"):
            np.testing.assert_allclose(found[f"specific {task}"][row], alone.specific[task][0], atol=1e-4)
            np.testing.assert_allclose(found[f"combined {task}"][row], alone.combined[task][0], atol=1e-4)


def test_bursts_that_do_not_fit_are_told_with_what_would_help(model, tiny_corpus, tiny_store, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(model.backbone.model.feature_extractor, "forward", full)
    to_predict = r"with 5 bursts to predict, the longest of 0\.. s; set a smaller inference_batch_size"
    encoded = r"while 5 bursts were encoded, the longest of 0\.. s; as a run of another name, set"
    with pytest.raises(OutOfMemory, match=to_predict):
        predict(model, tiny_corpus, tiny_store, batch_size=5)
    with pytest.raises(OutOfMemory, match=encoded):
        encode_once(model.backbone, tiny_store, np.arange(9), 5)
