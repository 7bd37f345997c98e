"""The ComParE baseline: its network, its losses, and that it learns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from burst2vec.baseline import network
from burst2vec.corpora.corpus import Corpus, CorpusError, Task
from burst2vec.evaluation.predictions import read_predictions
from burst2vec.systems.folders import write_system
from burst2vec.training.history import HISTORY

EMOTION = Task("emotion", "intensities", ("Awe", "Fear"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("China", "USA"))


def heard(tasks=(EMOTION, AGE, COUNTRY), n=120, features=12):
    """A corpus of `n` bursts and features (n, features) of which the first four tell its labels."""
    rng = np.random.default_rng(0)
    labels = rng.random((n, 3))
    country = rng.integers(2, size=n)
    table = pd.DataFrame({
        "split": np.repeat(["train", "val", "test"], [n // 2, n // 4, n // 4]),
        "speaker": [f"s{i}" for i in range(n)], "sex": None, "raw": None, "provided": None,
        "Awe": labels[:, 0], "Fear": labels[:, 1],
        "age": 20 + 20 * labels[:, 2], "country": np.array(COUNTRY.classes, dtype=object)[country],
    }, index=pd.Index([f"{i:05d}" for i in range(n)], name="file"))
    noise = 1000 * rng.standard_normal((n, features - 4))
    told = np.column_stack([labels, country, noise]).astype(np.float32)
    told[:, -1] = 7  # a feature that never changes
    return Corpus("heard", None, table, tasks), told


def test_the_network_has_the_challenge_layers():
    corpus, features = heard()
    model = network.build(corpus, features)
    linear = [(m.in_features, m.out_features) for m in model.modules() if isinstance(m, torch.nn.Linear)]
    assert linear == [(12, 128), (128, 64), (64, 32), (32, 2), (64, 32), (32, 1), (64, 32), (32, 2)]
    assert [m.normalized_shape for m in model.trunk if isinstance(m, torch.nn.LayerNorm)] == [(128,), (64,)]
    assert isinstance(model.heads["emotion"][-1], torch.nn.Sigmoid)
    assert {name: s.item() for name, s in model.log_variances.items()} == pytest.approx(
        dict.fromkeys(("emotion", "age", "country"), -0.33))


def test_training_features_are_standardised_and_constant_ones_vanish():
    _, features = heard()
    mean, scale = network.standardisation(features[:60])
    standardised = (features - mean) * scale
    np.testing.assert_allclose(standardised[:60, :-1].mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(standardised[:60, :-1].std(0), 1, rtol=1e-4)
    assert scale[-1] == 0 and (standardised[:, -1] == 0).all()


def test_standardisation_knows_nothing_of_validation_and_test():
    corpus, features = heard()
    moved = features.copy()
    moved[60:] += 100
    ours, theirs = network.build(corpus, features), network.build(corpus, moved)
    assert torch.equal(ours.mean, theirs.mean) and torch.equal(ours.scale, theirs.scale)


def test_the_age_starts_at_the_training_mean():
    corpus, features = heard()
    bias = network.build(corpus, features).heads["age"][2].bias.item()
    assert bias == pytest.approx(corpus.split("train")["age"].mean(), rel=1e-6)


def test_each_kind_of_task_has_the_challenge_loss():
    output, truth = torch.tensor([[0.2, 0.9], [0.4, 0.5]]), torch.tensor([[0.0, 1.0], [0.5, 0.1]])
    by_hand = (0.2**2 + 0.1**2) / 2 + (0.1**2 + 0.4**2) / 2  # of the two intensities
    assert network.task_loss(EMOTION, output, truth).item() == pytest.approx(by_hand)
    years = network.task_loss(AGE, torch.tensor([[30.0], [20.0]]), torch.tensor([[33.0], [21.0]]))
    assert years.item() == pytest.approx((9 + 1) / 2)
    entropy = network.task_loss(COUNTRY, torch.tensor([[1.0, 0.0], [2.0, 5.0]]), torch.tensor([0, 1]))
    assert entropy.item() == pytest.approx((np.log(1 + np.exp(-1)) + np.log(1 + np.exp(-3))) / 2)


def test_losses_are_weighted_by_learnt_uncertainty():
    s = torch.nn.ParameterDict({n: torch.nn.Parameter(torch.tensor(v)) for n, v in (("a", 0.7), ("b", -0.2))})
    total = network.combine({"a": torch.tensor(3.0), "b": torch.tensor(0.5)}, s)
    assert total.item() == pytest.approx(3 / (2 * np.exp(0.7)) + 0.7 / 2 + 0.5 / (2 * np.exp(-0.2)) - 0.2 / 2)
    total.backward()
    assert s["a"].grad.item() == pytest.approx(0.5 - 3 / (2 * np.exp(0.7)))  # zero where exp(s) is the loss


def test_it_learns_what_the_features_tell(tiny_params):
    corpus, features = heard()
    params = tiny_params(baseline_max_epochs=25, baseline_patience=25)
    trained = network.train(corpus, features, params)
    scores = network.validate(trained.model, corpus, features)
    assert scores["emotion"] > 0.5 and scores["country"] > 0.8 and scores["age"] < 4.5  # constant: 5 years


def test_the_weights_kept_are_those_of_the_best_s_mtl(tiny_params):
    corpus, features = heard()
    trained = network.train(corpus, features, tiny_params(baseline_max_epochs=12, baseline_patience=3))
    history = trained.history
    scores = history[history["term"] == "S_MTL"].set_index("iteration")["value"]
    assert trained.summary["best_iteration"] == scores.idxmax()
    kept = network.validate(trained.model, corpus, features)["S_MTL"]
    assert kept == pytest.approx(scores.max(), rel=1e-5)
    assert trained.summary["epochs"] == min(12, scores.index.get_loc(scores.idxmax()) + 1 + 3)


def test_history_names_every_term_at_every_epoch(tiny_params):
    corpus, features = heard()
    trained = network.train(corpus, features, tiny_params(baseline_max_epochs=2))
    assert list(trained.history) == HISTORY
    terms = {(task, term) for task in ("emotion", "age", "country") for term in ("loss", "log_variance")}
    for stage, expected in {
        "train": {("all", "total"), *terms},
        "validation": {("emotion", "CCC"), ("age", "MAE"), ("country", "UAR"), ("all", "S_MTL")},
    }.items():
        rows = trained.history[trained.history["stage"] == stage]
        assert all(set(zip(e["task"], e["term"], strict=True)) == expected for _, e in rows.groupby("epoch"))
    assert trained.history["iteration"].unique().tolist() == [8, 16]  # 60 bursts in batches of 8


def test_the_weights_shown_are_those_of_the_last_epoch():
    rows = [(8, 1, "train", "a", "log_variance", 9.0), (16, 2, "train", "a", "log_variance", 0.0),
            (16, 2, "train", "a", "loss", 4.0)]
    assert network.loss_weights(pd.DataFrame(rows, columns=HISTORY)).to_dict() == {"a": 0.5}


def test_the_same_seed_gives_the_same_history_and_another_does_not(tiny_params):
    corpus, features = heard()
    params = [tiny_params(baseline_max_epochs=2, seed=seed) for seed in (0, 0, 1)]
    one, same, other = (network.train(corpus, features, p) for p in params)
    pd.testing.assert_frame_equal(one.history, same.history)
    assert not one.history["value"].equals(other.history["value"])


def test_a_label_that_is_missing_does_not_count(tiny_params):
    corpus, features = heard()
    table = corpus.table.copy()
    table.loc[table.index[:30], "age"] = np.nan
    table.loc[table.index[20:50], "country"] = None
    corpus = dataclasses.replace(corpus, table=table)
    trained = network.train(corpus, features, tiny_params(baseline_max_epochs=2))
    assert np.isfinite(trained.history["value"]).all()
    assert all(torch.isfinite(p).all() for p in trained.model.parameters())


@pytest.mark.parametrize("task", [EMOTION, AGE, COUNTRY])
def test_one_task_of_any_kind_will_do(tiny_params, task):
    corpus, features = heard((task,))
    params = tiny_params(baseline_max_epochs=12, early_stopping_task=task.name)
    trained = network.train(corpus, features, params)
    rows = trained.history[trained.history["stage"] == "validation"]
    values = rows.set_index("iteration")["value"]
    assert set(rows["task"]) == {task.name}
    best = values.idxmax() if task.kind != "scalar" else values.idxmin()
    assert trained.summary["best_iteration"] == best


def test_an_early_stopping_task_that_is_not_posed_is_named(tiny_params):
    corpus, features = heard((COUNTRY,))
    with pytest.raises(CorpusError, match="early_stopping_task is 'emotion'; this corpus poses country"):
        network.train(corpus, features, tiny_params(early_stopping_task="emotion"))


def test_predictions_have_the_common_form_and_are_in_years(tiny_params, tmp_path):
    corpus, features = heard()
    trained = network.train(corpus, features, tiny_params(baseline_max_epochs=3))
    table = network.predict(trained.model, corpus, features)
    assert list(table) == ["split", "Awe", "Fear", "age", "country", "country_China", "country_USA"]
    assert table.index.equals(corpus.table.index[60:]) and set(table["split"]) == {"val", "test"}
    with torch.no_grad():
        raw = trained.model(torch.from_numpy(features[60:]))
    np.testing.assert_allclose(table["age"], raw["age"][:, 0], rtol=1e-5)
    np.testing.assert_allclose(table[["country_China", "country_USA"]], raw["country"].softmax(1), atol=1e-5)
    write_system(tmp_path / "Baseline", tiny_params(), table, trained)
    assert {p.name for p in (tmp_path / "Baseline").iterdir()} == {
        "params.json", "predictions.csv", "history.csv", "summary.json", "model.safetensors"}
    read = read_predictions(tmp_path / "Baseline" / "predictions.csv")
    pd.testing.assert_frame_equal(read, table, rtol=1e-4, check_dtype=False)
