import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.trivial import chance_scores, is_trivial, predict_constant, predict_group_median, trivial_rows

TASKS = (Task("emotion", "intensities", ("Awe", "Fear")), Task("age", "scalar", ("age",), unit="years"),
         Task("country", "classes", ("country",), classes=("China", "USA", "Venezuela")))


def corpus(tasks=TASKS, n=600, seed=0):
    rng = np.random.default_rng(seed)
    country = rng.choice(TASKS[2].classes, n, p=[0.3, 0.6, 0.1])
    table = pd.DataFrame({
        "split": rng.choice(["train", "val", "test"], n),
        "speaker": None, "sex": None, "raw": None, "provided": None,
        "Awe": rng.random(n), "Fear": rng.random(n) ** 3, "country": country,
        "age": np.where(country == "USA", 32.0, 23.0) + rng.normal(0, 2, n),
    }, index=pd.Index([f"{i:05d}" for i in range(n)], name="file"))
    table.loc[table["split"] == "test", ["Awe", "Fear", "age", "country"]] = None
    return Corpus("made up", Path("."), table, tasks)


@functools.cache
def by_code(split="val", tasks=TASKS):
    return {row.code: row for row in trivial_rows(corpus(tasks), split)}


def test_a_constant_has_ccc_zero_and_one_uar_in_the_number_of_classes():
    scores = by_code()["Constant"].scores
    assert scores["emotion"] == 0
    assert scores["country"] == pytest.approx(1 / 3)


def test_no_constant_age_is_better_on_the_training_set_than_the_one_chosen():
    train = corpus().split("train")
    chosen = predict_constant(corpus(), train.index)["age"].iloc[0]
    errors = {age: (train["age"] - age).abs().mean() for age in np.arange(20, 36, 0.25)}
    assert (train["age"] - chosen).abs().mean() <= min(errors.values()) + 1e-9


def test_constants_are_learnt_from_the_training_split_alone():
    changed = corpus()
    changed.table.loc[changed.table["split"] == "val", ["Awe", "age"]] = [1.0, 99.0]
    files = changed.split("val").index
    pd.testing.assert_frame_equal(predict_constant(changed, files), predict_constant(corpus(), files))


def test_the_true_country_helps_where_ages_depend_on_it():
    rows = by_code()
    assert rows["Country median"].scores["age"] < 0.8 * rows["Constant"].scores["age"]
    assert np.isnan([rows["Country median"].scores[task] for task in ("emotion", "country")]).all()


def test_the_group_median_is_the_training_median_of_the_true_class():
    c = corpus()
    val, train = c.split("val"), c.split("train")
    found = predict_group_median(c, val, TASKS[2])["age"]
    for country, files in val.groupby("country").groups.items():
        assert found[files].unique() == [train.loc[train["country"] == country, "age"].median()]


def test_a_class_without_training_bursts_gets_the_median_of_all():
    c = corpus()
    c.table.loc[c.table.query("split == 'train' and country == 'China'").index, "country"] = "USA"
    found = predict_group_median(c, c.split("val"), TASKS[2])["age"]
    china = c.split("val").query("country == 'China'").index
    assert found[china].unique() == [c.split("train")["age"].median()]


def test_chance_scores_what_chance_should():
    c = corpus()
    scores = chance_scores(c, "val")
    train, val = c.split("train")["age"].to_numpy(), c.split("val")["age"].to_numpy()
    assert scores["emotion"] == pytest.approx(0, abs=0.02)
    assert scores["country"] == pytest.approx(1 / 3, abs=0.02)
    assert scores["age"] == pytest.approx(np.abs(val[:, None] - train).mean(), rel=0.02)


def test_chance_is_the_same_for_the_same_seed():
    assert chance_scores(corpus(), "val", 5, seed=3) == chance_scores(corpus(), "val", 5, seed=3)
    assert chance_scores(corpus(), "val", 5, seed=3) != chance_scores(corpus(), "val", 5, seed=4)


def test_only_the_median_of_the_true_class_uses_a_true_label():
    assert {code: row.uses_truth for code, row in by_code().items()} == {
        "Constant": False, "Country median": True, "Chance": False}
    assert all(map(is_trivial, by_code())) and not any(map(is_trivial, ("Baseline", "V1", "A")))


def test_withheld_labels_leave_nothing_to_score():
    for row in trivial_rows(corpus(), "test"):
        assert np.isnan(list(row.scores.values())).all()


def test_a_corpus_of_one_task_has_the_predictors_that_make_sense():
    assert list(by_code(tasks=TASKS[:1])) == ["Constant", "Chance"]
