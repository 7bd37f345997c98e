"""The trainings of a run are read from its folder, each as what it is, and set side by side."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from burst2vec.evaluation.predictions import write_predictions
from burst2vec.results.scores import score_system
from burst2vec.results.trainings import (
    JOINED,
    REACH,
    SEED,
    differing,
    read_trainings,
    score_trainings,
    spreads,
)
from tests.support.table2 import AGE, EMOTION, TASKS, made_up
from tests.support.trainings import history, write_training


@pytest.fixture
def run(tmp_path):
    """A run of two variants, of which the second has another seed, another reach and a joined training."""
    _, systems = made_up()
    write_training(tmp_path / "V1", systems["V1"], {"seed": 0, "audio": "own", "question": "one?"})
    write_training(tmp_path / "V4", systems["V4"], {"seed": 0, "audio": "provided", "question": "four?"})
    write_training(tmp_path / "seeds/10/V4", systems["V6"], {"seed": 10, "audio": "provided"})
    write_training(tmp_path / "seeds/2/V4", systems["A"], {"seed": 2, "audio": "provided"})
    write_training(tmp_path / "reach/V4", systems["V1"], {"seed": 0, "reversal": "upstream"})
    write_training(tmp_path / "joined/V4", systems["V1"], {"seed": 0})
    for code in ("Baseline", "A"):  # a baseline and an ensemble are no training of a variant
        (tmp_path / code).mkdir()
        write_predictions(systems[code], tmp_path / code / "predictions.csv")
    return tmp_path


def test_every_training_of_a_variant_is_read_by_seed_and_the_others_by_their_kind(run):
    trainings = read_trainings(run)
    assert [training.name for training in trainings] == [
        "V1, seed 0", "V4, seed 0", "V4, seed 2", "V4, seed 10", "V4, reversal: upstream", "V4, several corpora"]
    assert [training.kind for training in trainings] == [SEED] * 4 + [REACH, JOINED]
    assert trainings[2].predictions["age"].tolist() == pytest.approx(made_up()[1]["A"]["age"].tolist(), rel=1e-4)
    assert trainings[0].summary == {"iterations": 30, "best_iteration": 20, "seconds": 6.0}


def test_seeds_of_unlike_trainings_are_refused_and_a_run_without_systems_too(run, tmp_path_factory):
    (run / "seeds/2/V4/params.json").write_text(json.dumps({"seed": 2, "audio": "own"}))
    with pytest.raises(ValueError, match="seeds of one variant differ in the seed alone"):
        read_trainings(run)
    with pytest.raises(FileNotFoundError):
        read_trainings(tmp_path_factory.mktemp("empty"))


def test_a_metric_that_is_best_at_the_last_step_may_improve_still(run):
    training = read_trainings(run)[0]
    assert training.validation(EMOTION).tolist() == [0.1, 0.3, 0.2] and not training.improves(EMOTION)
    assert training.validation(AGE).index.tolist() == [10, 20, 30] and training.improves(AGE)  # an error that falls
    one = history(steps=(10,))
    assert not type(training)(**{**vars(training), "history": one}).improves(AGE)


def test_scores_are_those_of_table_2_between_the_bounds_of_their_intervals(run):
    corpus, systems = made_up()
    scores = score_trainings(corpus, read_trainings(run)[:2], resamples=200)
    assert set(scores["split"]) == {"val", "test"} and len(scores) == 2 * 2 * 4
    expected = score_system(TASKS, corpus.split("val"), systems["V4"])
    rows = scores[(scores["split"] == "val") & (scores["name"] == "V4, seed 0")].set_index("metric")
    assert rows["estimate"].to_dict() == pytest.approx(expected, rel=1e-3)
    assert (scores["low"] < scores["estimate"]).all() and (scores["estimate"] < scores["high"]).all()


def test_a_split_without_labels_is_not_scored(run):
    corpus, _ = made_up(withheld=True)
    assert set(score_trainings(corpus, read_trainings(run)[:1], resamples=50)["split"]) == {"val"}


def test_a_split_with_one_speaker_has_scores_without_intervals(run):
    corpus, systems = made_up()
    alone = corpus.table.assign(speaker=corpus.table["speaker"].where(corpus.table["split"] != "val", "only"))
    scores = score_trainings(dataclasses.replace(corpus, table=alone), read_trainings(run)[:1], resamples=50)
    val, test = (scores[scores["split"] == split].set_index("metric") for split in ("val", "test"))
    assert val["low"].isna().all() and test["low"].notna().all()
    assert val["estimate"].to_dict() == pytest.approx(score_system(TASKS, corpus.split("val"), systems["V1"]), rel=1e-3)


def test_the_spread_of_a_variant_is_that_of_its_seeds_alone(run):
    trainings = read_trainings(run)
    values = [0.1, 0.2, 0.6, 0.4, 9.0, 9.0]
    scores = pd.DataFrame({"name": [t.name for t in trainings], "split": "val", "metric": "emo_ccc",
                           "estimate": values})
    table = spreads(trainings, scores, "emo_ccc").set_index("code")
    assert table.loc["V1"].tolist() == [1, 0.1, 0.1, 0.1]
    np.testing.assert_allclose(table.loc["V4"].astype(float), [3, 0.4, 0.2, 0.6])
    assert spreads(trainings, scores, "emo_ccc", "test").empty


def test_the_parameters_in_which_variants_differ_do_not_name_the_question_or_the_seed(run):
    assert differing(read_trainings(run)) == {"V1": {"audio": "own"}, "V4": {"audio": "provided"}}
    assert differing([]) == {}
