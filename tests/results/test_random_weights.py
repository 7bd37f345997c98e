"""What pre-training is worth: the run's own variants against the same from random weights, over speakers and seeds."""

from __future__ import annotations

import json

import pytest

from burst2vec.evaluation.predictions import write_predictions
from burst2vec.results.random_weights import COLUMNS, read_random, worth_of_pretraining
from burst2vec.results.scores import score_system
from tests.support.table2 import made_up


@pytest.fixture(scope="module")
def corpus():
    return made_up()[0]


@pytest.fixture(scope="module")
def answers():
    return made_up()[1]


def wronger(corpus, table):
    """The same predictions, given for the burst after theirs."""
    other = table.copy()
    columns = [c for c in table if c != "split"]
    for _, rows in table.groupby("split"):
        other.loc[rows.index, columns] = rows[columns].to_numpy()[[*range(1, len(rows)), 0]]
    return other.astype(table.dtypes)


def test_a_variant_that_is_right_beats_itself_with_answers_for_other_bursts(corpus, answers):
    right = {seed: answers["V1"] for seed in (0, 1)}
    wrong = {seed: wronger(corpus, answers["V1"]) for seed in (0, 1)}
    worth = worth_of_pretraining(corpus, {"V1": right, "V2": right}, {"V1": wrong})
    assert list(worth) == COLUMNS and set(worth["code"]) == {"V1"} and set(worth["seeds"]) == {2}
    truth = corpus.split("val")
    good, bad = (score_system(corpus.tasks, truth, table) for table in (right[0], wrong[0]))
    for row in worth.itertuples():
        assert (row.pretrained, row.random) == pytest.approx((good[row.metric], bad[row.metric]))
        gain = good[row.metric] - bad[row.metric]
        assert row.difference == pytest.approx(-gain if row.metric.endswith("mae") else gain)
        assert row.low <= row.difference <= row.high
        assert row.verdict == ("helps" if row.low > 0 else "hurts" if row.high < 0 else "undecided")
    assert "helps" in set(worth["verdict"])
    back = worth_of_pretraining(corpus, {"V1": wrong}, {"V1": right})
    assert back["difference"].tolist() == pytest.approx((-worth["difference"]).tolist())


def test_equals_and_single_seeds_decide_nothing(corpus, answers):
    equal = worth_of_pretraining(corpus, {"V1": {0: answers["V1"], 1: answers["V1"]}},
                                 {"V1": {0: answers["V1"], 1: answers["V1"]}})
    assert set(equal["verdict"]) == {"undecided"} and not equal["difference"].any()
    single = worth_of_pretraining(corpus, {"V1": {0: answers["V1"]}}, {"V1": {0: wronger(corpus, answers["V1"])}})
    assert set(single["verdict"]) == {"undecided (one seed)"}
    assert worth_of_pretraining(corpus, {"V1": {0: answers["V1"]}}, {}).empty


def test_trainings_from_random_weights_are_read_with_their_seeds_and_refused_where_something_else_differs(
        tmp_path, answers):
    assert read_random(tmp_path) == {}
    folders = {"V1": {}, "random/V1": {"pretrained": False}, "random/seeds/1/V1": {"pretrained": False, "seed": 1}}
    for name, said in folders.items():
        (tmp_path / name).mkdir(parents=True)
        write_predictions(answers["V1"], tmp_path / name / "predictions.csv")
        said = {"pretrained": True, "seed": 0, "max_steps": 5, "run": name} | said
        (tmp_path / name / "params.json").write_text(json.dumps(said))
    assert list(read_random(tmp_path)["V1"]) == [0, 1]
    own = tmp_path / "V1" / "params.json"
    own.write_text(own.read_text().replace('"max_steps": 5', '"max_steps": 6'))
    with pytest.raises(ValueError, match="random/V1/params.json: max_steps differs from the run's own V1; expected a "
                                         "training that differs in pretrained: false alone"):
        read_random(tmp_path)
