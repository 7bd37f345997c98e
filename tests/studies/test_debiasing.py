"""The study of debiasing finds an effect that was planted, and none where there is none."""

from __future__ import annotations

import functools
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from burst2vec.audio.store import open_store
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.corpora.opening import open_corpus
from burst2vec.corpora.readers.exvo import COUNTRIES
from burst2vec.corpora.synthetic.synthesis import draw_corpus, synthesise
from burst2vec.evaluation.trivial import predict_group_median
from burst2vec.models import inference
from burst2vec.training import trainer
from studies import debiasing, frozen
from studies.comparison import Outcome, Way

TASKS = (Task("emotion", "intensities", ("Awe", "Fear")), Task("age", "scalar", ("age",), low=20, high=40),
         Task("country", "classes", ("country",), classes=COUNTRIES))
SIZES = {"train": 300, "val": 40, "test": 300}


def corpus_of(bias: float) -> Corpus:
    return Corpus("made up", None, draw_corpus(SIZES, bias, 3).assign(raw=None, provided=None), TASKS)


def outcome(corpus: Corpus, twins: pd.DataFrame, seed: list[int], by_country: bool) -> Outcome:
    """Of a system that answers with the typical age of the country that it hears, or one that hears the age."""
    rng, tables = np.random.default_rng(seed), {}
    for name, truth in (("test", corpus.split("test")), ("twins", twins)):
        age = predict_group_median(corpus, truth, TASKS[2])["age"] if by_country else truth["age"]
        tables[name] = truth[["split", "Awe", "Fear", "country"]].assign(age=age + rng.normal(0, 4, len(truth)))
    return Outcome(tables | {f"probe of {name}": tables["twins"][["split", asked]]
                             for name, asked in debiasing.PROBED.items()})


@pytest.fixture(scope="module")
def corpora():
    return {bias: corpus_of(bias) for bias in (0, 2)}


@pytest.fixture(scope="module")
def found(corpora):
    """Of two ways that hear the country, one of them the reference, and one that hears age."""
    with mock.patch.object(debiasing, "PROBED", {"shared": "age"}):
        return made_up(corpora)


def made_up(corpora):
    twins, outcomes = corpora[0].split("test"), {}
    for bias, corpus in corpora.items():
        for number, (way, by_country) in enumerate({"none": True, "alike": True, "fair": False}.items()):
            outcomes[f"{way}, bias {bias}"] = {
                seed: outcome(corpus, twins, [seed, number, bias], by_country) for seed in range(4)}
    return {name: pd.DataFrame(rows) for name, rows in debiasing.by_bias(corpora, outcomes).items()}


def age_effect(found, way, table, bias=2):
    effects = found["effects"].query("metric == 'age_mae' and bias == @bias and table == @table and way == @way")
    return effects.iloc[0]


def test_who_answers_by_country_loses_on_the_twins_and_who_hears_age_does_not(found):
    lost = found["losses"].query("metric == 'age_mae' and bias == 2").set_index("way")
    assert (lost.loc[["none", "alike"], "low"] > 0.3).all()
    assert lost.loc["fair", "low"] < 0 < lost.loc["fair", "high"]


def test_who_hears_age_is_better_on_the_twins_and_loses_less_and_one_that_is_alike_is_neither(found):
    for table in ("twins", "loss"):
        assert age_effect(found, "fair", table)["low"] > 0
        alike = age_effect(found, "alike", table)
        assert alike["low"] < 0 < alike["high"] and alike["least"] > 0


def test_the_effect_on_the_loss_is_the_difference_of_the_losses(found):
    lost = found["losses"].query("metric == 'age_mae' and bias == 2").set_index("way")["difference"]
    assert age_effect(found, "fair", "loss")["difference"] == pytest.approx(lost["none"] - lost["fair"], abs=2e-5)
    means = found["scores"].query("metric == 'age_mae' and bias == 2").groupby(["way", "table"])["value"].mean()
    change = {way: means[way, "twins"] - means[way, "test"] for way in ("none", "fair")}
    assert age_effect(found, "fair", "loss")["difference"] == pytest.approx(change["none"] - change["fair"], abs=2e-5)


def test_without_a_bias_the_bursts_are_their_own_twins_and_nothing_is_lost(found):
    assert set(found["effects"].query("bias == 0")["table"]) == {"test", "probe of shared"}
    assert (found["losses"]["bias"] == 2).all()


def test_the_country_told_is_worth_years_where_the_bias_holds_and_costs_them_on_the_twins(corpora):
    none, strong = debiasing.planted(corpora)
    assert none["explained"] < 0.02 and 0.3 < strong["explained"] < 0.5
    assert strong["test country median"] < strong["test constant"] - 0.5
    assert strong["twins country median"] > strong["twins constant"] + 0.3
    assert none["test constant"] == none["twins constant"] == pytest.approx(strong["twins constant"], rel=0.01)


def test_every_bias_has_every_adversary_and_the_rivals_need_one():
    names = [way.name for way in debiasing.ways_of((0, 1))]
    assert names == ["none, bias 0", "extractors, bias 0", "upstream, bias 0", "doubled, bias 0", "none, bias 1",
                     "extractors, bias 1", "upstream, bias 1", "doubled, bias 1", "reweighting, bias 1",
                     "entropy, bias 1"]
    params = {way.name: way.params({}, 0) for way in debiasing.ways_of((0, 1))}
    upstream, doubled = params["upstream, bias 1"], params["doubled, bias 1"]
    assert (doubled.alpha_discriminator, doubled.alpha_adversarial) == (
        2 * upstream.alpha_discriminator, 2 * upstream.alpha_adversarial)
    assert not params["none, bias 1"].adversarial and params["extractors, bias 1"].reversal == "extractors"
    assert {debiasing.heads_alone(each) for each in params.values()} == {True}
    longer = Way("none").params(debiasing.with_all_weights(50), 0)
    assert not debiasing.heads_alone(longer) and longer.max_steps - longer.head_steps == 50


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A small corpus with the bias, its waveforms and the parameters of a short training."""
    monkeypatch.setattr("burst2vec.corpora.synthetic.synthesis.synthesise", functools.partial(synthesise, workers=1))
    params = Params(synthetic_train=24, synthetic_val=12, synthetic_test=24, synthetic_bias=2, cache=str(tmp_path),
                    backbone="facebook/hubert-base-ls960", backbone_size="tiny", width=16, hidden=8, head_steps=6,
                    max_steps=6, validate_every=3, device="cpu", precision="float32", pooled_scale="standardised",
                    encode_once=False)
    corpus = open_corpus(params)
    return corpus, open_store(corpus, params.audio, params.path(params.cache)), params


def test_heads_learn_the_same_from_kept_embeddings(small, monkeypatch):
    monkeypatch.setattr(debiasing, "PROBED", {"shared": "age"})
    corpus, store, params = small
    wanted = inference.predict(trainer.train(corpus, store, params).model, corpus, store, ("test",))
    found = debiasing.ask(corpus, store, params)
    pd.testing.assert_frame_equal(found.tables["test"], wanted, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr(frozen, "embed_once", None)  # nothing is embedded again
    again = debiasing.ask(corpus, store, params)
    pd.testing.assert_frame_equal(again.tables["twins"], found.tables["twins"])
    assert set(found.tables) == {"test", "twins", "probe of shared"}
    erased = debiasing.ask_erased(corpus, store, params)
    changed = [column for column in ("Awe", "age", "country_China")
               if not np.allclose(erased.tables["test"][column], found.tables["test"][column])]
    assert changed == ["age", "country_China"]  # the head of emotion reads what it read
