import doctest
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from burst2vec.audit import probes
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.metrics import ccc, mae, uar
from burst2vec.inspection.association import exchanges

EMOTION = Task("emotion", "intensities", ("Awe", "Fear"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("China", "USA", "Venezuela"))
TASKS = (EMOTION, AGE, COUNTRY)


@pytest.fixture(scope="module")
def table():
    """360 validation bursts of 90 speakers; one country is rare."""
    rng = np.random.default_rng(0)
    speakers = pd.DataFrame({
        "speaker": [f"s{i}" for i in range(90)], "split": "val",
        "age": rng.uniform(20, 40, 90), "country": rng.choice(COUNTRY.classes, 90, p=[0.5, 0.4, 0.1])})
    bursts = speakers.loc[np.repeat(np.arange(90), 4)].reset_index(drop=True)
    bursts[list(EMOTION.columns)] = rng.random((360, 2))
    bursts.index = pd.Index([f"{i:05d}" for i in range(360)], name="file")
    return bursts


def planted(table, noise=0.3, seed=1):
    """Features that hold every label linearly, mixed, and beside them as many that hold nothing."""
    rng = np.random.default_rng(seed)
    labels = np.column_stack([table["Awe"], table["Fear"], table["age"] / 20, pd.get_dummies(table["country"])])
    mixed = (labels - labels.mean(0)) @ rng.standard_normal((labels.shape[1], 12))
    return np.hstack([mixed + noise * rng.standard_normal(mixed.shape), rng.standard_normal((len(table), 12))])


def noise(table, features=24):
    return np.random.default_rng(2).standard_normal((len(table), features)).astype(np.float32)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_what_a_representation_holds_linearly_is_read(table, task):
    found = probes.probe(task, planted(table), table, repeats=5)
    assert probes.skill(task, found.score, found.floor.mean()) > 0.5


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_from_noise_nothing_is_read(table, task):
    found = probes.probe(task, noise(table), table)
    assert found.floor.min() <= found.score <= found.floor.max()


def test_floors_lie_near_chance_even_for_a_representation_that_holds_the_labels(table):
    floor = {task.name: probes.probe(task, planted(table), table).floor.mean() for task in TASKS}
    of_constant = (table["age"] - table["age"].mean()).abs().mean()
    assert floor["emotion"] == pytest.approx(0, abs=0.05)
    assert floor["country"] == pytest.approx(1 / 3, abs=0.08)
    assert floor["age"] == pytest.approx(of_constant, rel=0.1)


def test_a_rare_class_is_answered_as_readily_as_a_frequent_one(table):
    answers = probes.probe(COUNTRY, planted(table), table, repeats=1).answers["country"]
    truth = table.loc[answers.index, "country"]
    assert (answers == truth)[truth == "Venezuela"].mean() > 0.75


def test_scores_are_those_of_the_answers(table):
    for task, metric in zip(TASKS, (ccc, mae, uar), strict=True):
        found = probes.probe(task, planted(table), table, repeats=1)
        truth = table.loc[found.answers.index, list(task.columns)]
        assert found.score == pytest.approx(metric(truth, found.answers))


def test_a_bursts_own_label_has_no_part_in_its_answer(table):
    """The first speaker's labels are others now: the answers for that speaker stay as they were."""
    other, first = table.copy(), table["speaker"] == "s0"
    other.loc[first, ["age", "Awe", "Fear"]] = 0.5
    other.loc[first, "country"] = "USA"
    for task in TASKS:
        before, after = (probes.probe(task, planted(table), labels, repeats=0) for labels in (table, other))
        pd.testing.assert_frame_equal(before.answers[first], after.answers[first])


def test_labels_that_training_bursts_hold_by_heart_are_no_help(table):
    """Rows of training among those of validation would be read for a memory that no other burst has: none are taken."""
    corpus = Corpus("made up", Path("."), pd.concat([table, table.assign(split="train").set_index("t" + table.index)
                                                     .assign(speaker="t" + table["speaker"].to_numpy())]), TASKS)
    found = probes.probe_all({"V4": {"shared": planted(table)}}, corpus, repeats=1, resamples=100)
    assert set(found.table["bursts"]) == {len(table)}


def test_knowing_a_voice_by_heart_does_not_pass_for_knowing_its_country(table, monkeypatch):
    """Features that name the speaker tell a country only to who has heard that speaker: folds keep speakers apart."""
    chosen = []

    def noted(truth, guess):
        chosen.append(uar(truth, guess))
        return chosen[-1]

    monkeypatch.setattr(probes, "metric", lambda task: noted)
    voices = pd.get_dummies(table["speaker"]).to_numpy(float)
    probes.probe(COUNTRY, voices, table, repeats=0)
    assert max(chosen) < 0.45
    chosen.clear()
    alone = table.assign(speaker=table.index)  # the leak: each burst passes for a speaker of its own
    probes.probe(COUNTRY, voices, alone, repeats=0)
    assert max(chosen) > 0.9


def test_the_penalty_grows_as_the_signal_sinks_into_noise(table):
    weak, strong = (probes.probe(AGE, planted(table, noise), table, repeats=1).penalty for noise in (10, 0.01))
    assert weak > strong


def test_bursts_without_a_label_or_a_speaker_are_borne(table):
    some = table.copy()
    some.loc[some.index[:40], "age"] = None
    some.loc[some.index[40:80], "speaker"] = None
    found = probes.probe(AGE, planted(table), some, repeats=2)
    assert len(found.answers) == 320 and found.score < found.floor.min()


def test_three_speakers_are_too_few(table):
    with pytest.raises(ValueError, match="task age needs bursts of 4 speakers or more"):
        probes.probe(AGE, noise(table)[:12], table.iloc[:12])


def test_speakers_exchange_a_trait_and_bursts_what_varies(table):
    train = table
    speakers, rng = train["speaker"].to_numpy(), np.random.default_rng(0)
    for order in exchanges(train["age"].to_numpy(), speakers, 3, rng):
        assert pd.Series(train["age"].to_numpy()[order]).groupby(speakers).nunique().max() == 1
    emotion = train[list(EMOTION.columns)].to_numpy()
    for order in exchanges(emotion, speakers, 3, rng):
        assert sorted(order) == list(range(len(train)))


@pytest.fixture(scope="module")
def probed(table):
    train = table.set_index("t" + table.index).assign(split="train", speaker="t" + table["speaker"].to_numpy())
    corpus = Corpus("made up", Path("."), pd.concat([train, table]), TASKS)
    features = {"V4": {"shared": planted(table), "specific age": planted(table)[:, :6]},
                "V5": {"shared": planted(table), "specific age": planted(table)}}
    return probes.probe_all(features, corpus, repeats=2, resamples=200)


def test_the_table_of_all_probes_has_a_row_for_each(probed):
    found = probed.table
    assert list(found) == probes.COLUMNS and len(found) == 12 == probed.replicates.shape[1]
    assert (found["floor"].between(found["floor_low"], found["floor_high"])).all()
    assert set(found["bursts"]) == {360} and probed.speakers == 90
    assert set(found["regularisation"]) <= set(probes.PENALTIES)


def test_the_skill_is_measured_from_a_constant_answer(probed, table):
    found = probed.table.set_index(["code", "representation", "task"])
    constant = (table["age"] - table["age"].median()).abs().mean()
    row = found.loc["V4", "shared", "age"]
    assert row["constant"] == pytest.approx(constant) and row["skill"] == pytest.approx(1 - row["score"] / constant)
    row = found.loc["V4", "shared", "country"]
    assert row["skill"] == pytest.approx((row["score"] - 1 / 3) / (2 / 3))
    row = found.loc["V4", "shared", "emotion"]
    assert row["skill"] == row["score"] and row["skill_low"] < row["skill"] < row["skill_high"]


def test_readings_are_told_apart_by_whose_features_they_are():
    assert probes.reading("specific age", "age") == "specific, of this task"
    assert probes.reading("combined age", "emotion") == "combined, of another task"
    assert probes.reading("shared", "age") == "shared"


def test_where_two_systems_know_the_same_nothing_differs(probed):
    found = probes.compare_skills(probed, "V4", "V5")
    same = found[found["features"] == "shared"]
    assert same["task"].tolist() == ["emotion", "age", "country"] and (same["V4"] == same["V5"]).all()
    assert not same[["low", "difference", "high"]].any(axis=None)


def test_where_one_system_knows_less_the_difference_shows(probed):
    found = probes.compare_skills(probed, "V4", "V5").set_index(["task", "features"])
    for row in (found.loc["emotion", "specific, of another task"], found.loc["age", "specific, of this task"]):
        assert row["low"] < row["difference"] < row["high"] and row["difference"] == row["V4"] - row["V5"]
    assert found.loc["emotion", "specific, of another task"]["high"] < 0


def test_several_readings_of_a_kind_count_by_their_mean(probed):
    table = pd.concat([probed.table, probed.table.assign(representation=probed.table["representation"].str.replace(
        "specific age", "specific country"), skill=probed.table["skill"] + 0.2)], ignore_index=True)
    doubled = probes.Probed(table, np.hstack([probed.replicates, probed.replicates + 0.2]), probed.speakers)
    row, once = (probes.compare_skills(p, "V4", "V5").set_index(["task", "features"]).loc[
        "emotion", "specific, of another task"] for p in (doubled, probed))
    assert row["V4"] == pytest.approx(once["V4"] + 0.1) and row["low"] == pytest.approx(once["low"])


def test_skill_is_0_for_a_constant_and_1_for_a_perfect_score():
    assert probes.skill(AGE, 4.0, 4.0) == 0 == probes.skill(COUNTRY, 0.25, 0.25)
    assert probes.skill(AGE, 0, 4.0) == 1 == probes.skill(EMOTION, 1, 0)
    assert probes.skill(AGE, 3.0, 4.0) == pytest.approx(0.25)
    assert probes.skill(COUNTRY, 0.625, 0.25) == pytest.approx(0.5)


def test_there_is_no_skill_where_a_constant_is_already_perfect():
    assert np.isnan(probes.skill(COUNTRY, 1.0, 1.0))
    found = probes.skill(AGE, np.array([3.0, 0.0]), np.array([4.0, 0.0]))
    assert found[0] == 0.25 and np.isnan(found[1])


def test_the_examples_in_docstrings_run():
    assert doctest.testmod(probes).attempted == 1 and doctest.testmod(probes).failed == 0
