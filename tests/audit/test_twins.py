import dataclasses
import functools

import numpy as np
import pandas as pd
import pytest
import torch

from burst2vec.audio.store import open_store
from burst2vec.audit import groups, twins
from burst2vec.config import Params
from burst2vec.corpora.opening import open_corpus
from burst2vec.corpora.synthetic.synthesis import draw_corpus, synthesise
from burst2vec.inspection.association import correlation_ratio
from burst2vec.models.burst2vec import Burst2Vec, build
from burst2vec.models.inference import predict
from tests.support.pairs import TASKS, TYPICAL, answers, make_pair


@pytest.fixture(scope="module")
def pair():
    return make_pair()


@pytest.fixture(scope="module")
def losses(pair):
    """Of a system that hears age, one that hears the country and answers its typical age, and a constant."""
    tables = [{"hears age": answers(t, t["age"] + 1), "hears country": answers(t, t["country"].map(TYPICAL)),
               "Constant": answers(t, 30.0, "China")} for t in pair]
    return twins.bias_losses(TASKS, *pair, *tables, resamples=500)


def test_who_answers_by_country_loses_without_the_bias_and_who_hears_age_does_not(losses):
    age = losses[0].query("metric == 'age_mae'").set_index("code")
    assert age.loc["hears age", "loss"] == pytest.approx(0)
    assert age.loc["hears country", "low"] > 2
    assert groups.decided(age).to_dict() == {"hears age": False, "hears country": True, "Constant": False}


def test_a_loss_is_the_change_for_the_worse_less_that_of_a_constant(losses, pair):
    row = losses[0].query("metric == 'age_mae' and code == 'hears country'").iloc[0]
    biased, unbiased = ((t["age"] - t["country"].map(TYPICAL)).abs().mean() for t in pair)
    constant = [(t["age"] - 30).abs().mean() for t in pair]
    assert (row["biased"], row["unbiased"]) == (pytest.approx(biased), pytest.approx(unbiased))
    assert row["loss"] == pytest.approx(unbiased - biased)
    assert row["beyond_constant"] == pytest.approx(unbiased - biased - (constant[1] - constant[0]))
    assert row["low"] < row["beyond_constant"] < row["high"]


def test_a_metric_that_falls_is_a_loss_too(pair):
    right, wrong = answers(pair[0], 30.0), answers(pair[0], 30.0, "China")
    table, _ = twins.bias_losses(TASKS, *pair, {"V1": right, "Constant": wrong}, {"V1": wrong, "Constant": wrong},
                                 resamples=100)
    assert table.set_index(["code", "metric"]).loc[("V1", "cou_uar"), "loss"] == pytest.approx(0.5)


def test_two_systems_are_contrasted_on_the_same_resamples(losses):
    table, replicates = losses
    found = groups.contrast(replicates, "hears country", "hears age").set_index("metric").loc["age_mae"]
    by_code = table.query("metric == 'age_mae'").set_index("code")["beyond_constant"]
    assert found["difference"] == pytest.approx(by_code["hears country"] - by_code["hears age"])
    assert 0 < found["low"] < found["difference"] < found["high"]
    assert not groups.contrast(replicates, "hears age", "hears age")[["difference", "low", "high"]].any(axis=None)


def test_over_seeds_the_contrast_of_changes_is_that_of_losses_and_its_seeds_widen_it(pair, losses):
    def tables(of, errors):
        return {"hears age": {seed: answers(of, of["age"] + error) for seed, error in enumerate(errors)},
                "hears country": {seed: answers(of, of["country"].map(TYPICAL)) for seed in range(len(errors))}}

    biased, unbiased = pair
    found = twins.cross_changes(TASKS, *pair, *(tables(of, [1, 1, 1]) for of in pair), resamples=500)
    told = found.contrast("hears age", "hears country", "age_mae")
    by_code = losses[0].query("metric == 'age_mae'").set_index("code")["loss"]
    assert told.difference == pytest.approx(by_code["hears country"] - by_code["hears age"])
    assert told.interval()[0] > 0  # who hears age loses less
    # Seeds that change by 0, 1 and 2 years have a standard deviation of 1 year, whatever they were on the bursts.
    varied = twins.cross_changes(TASKS, *pair, tables(biased, [1, 1, 1]), tables(unbiased, [1, 2, 3]), resamples=500)
    assert varied.variances["hears age", "age_mae"] == pytest.approx(1)
    assert varied.contrast("hears age", "hears country", "age_mae").interval()[0] < told.interval()[0]


def test_tables_of_other_bursts_are_refused(pair):
    biased, unbiased = pair
    for compare in (twins.bias_losses, twins.cross_changes):
        with pytest.raises(ValueError, match="same bursts by the same speakers"):
            compare(TASKS, biased, unbiased.iloc[::-1], {}, {})


# The twins --------------------------------------------------------------------------------------------------

@pytest.fixture
def twins_of(tmp_path, monkeypatch):
    """Parameters of a small embedded corpus, its corpus, and the twins; synthesised in this process."""
    alone = functools.partial(synthesise, workers=1)
    monkeypatch.setattr("burst2vec.corpora.synthetic.synthesis.synthesise", alone)
    monkeypatch.setattr(twins, "synthesise", alone)
    params = Params(synthetic_train=12, synthetic_val=8, synthetic_test=4, cache=str(tmp_path / "cache"),
                    backbone="facebook/hubert-base-ls960", backbone_size="tiny", width=16, hidden=8, device="cpu",
                    precision="float32")
    return params, open_corpus(params), twins.unbiased_twins(params)


def test_twins_share_everything_but_their_age(twins_of):
    _, corpus, others = twins_of
    val = corpus.split("val")
    same = ["speaker", "split", "sex", "country", *corpus.task("emotion").columns]
    pd.testing.assert_frame_equal(others[same], val[same], check_dtype=False)
    assert (others["age"] != val["age"]).mean() > 0.5


def test_only_the_ages_of_the_twins_tell_nothing_of_the_country():
    sizes = {"train": 1200, "val": 600, "test": 600}
    biased, unbiased = (draw_corpus(sizes, bias, 0) for bias in (1, 0))
    columns = [c for c in biased if c not in ("age", "intended")]
    pd.testing.assert_frame_equal(biased[columns], unbiased[columns])
    association = [correlation_ratio(clips["age"], clips["country"]) for clips in (biased, unbiased)]
    assert association[0] > 0.1 and association[1] < 0.02


def test_saved_systems_hear_the_twins_as_they_heard_the_bursts(twins_of, tmp_path):
    """Each its own audio, and ages in the range of the training corpus: the corpus's bursts get their predictions."""
    params, corpus, others = twins_of
    folders = {}
    for code, kind in (("V4", "provided"), ("V6", "own")):
        torch.manual_seed(0)
        build(dataclasses.replace(params, audio=kind), corpus.tasks).save_pretrained(tmp_path / code)
        folders[code] = tmp_path / code
    found = twins.predict_twins(folders, others, params)
    assert list(found) == ["V4", "V6"] and (found["V4"].index == others.index).all()
    val = corpus.split("val")
    val = val.assign(**{kind: [str(corpus.root / path) for path in val[kind]] for kind in ("raw", "provided")})
    again = twins.predict_twins(folders, val, params)
    for code, kind in (("V4", "provided"), ("V6", "own")):
        wanted = predict(Burst2Vec.from_pretrained(folders[code]), corpus, open_store(corpus, kind, tmp_path), ("val",))
        pd.testing.assert_frame_equal(again[code], wanted, atol=0.01, rtol=1e-3)
    assert not np.allclose(again["V4"]["age"], again["V6"]["age"], atol=1e-3)


def test_a_corpus_of_recordings_has_no_twins():
    with pytest.raises(ValueError, match="only the embedded corpus"):
        twins.unbiased_twins(Params(corpus=["data/exvo"]))
