import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, f_oneway, ttest_rel
from speakers import AGE, COUNTRY, EMOTION, TASKS, make_system, make_truth

from burst2vec import nulls
from burst2vec.nulls import bursts_per_speaker, false_positives, intraclass_correlation, rejections, speaker_effects
from burst2vec.resampling import bootstrap
from burst2vec.significance import compare
from burst2vec.sums import encode, speaker_indices


def test_the_intraclass_correlation_worked_by_hand():
    # means 2 and 6 about 4: between 2 × (4 + 4) / 1 = 16; within (1 + 1 + 1 + 1) / 2 = 2; two bursts of each
    found = intraclass_correlation(np.array([1.0, 3, 5, 7]), np.array([0, 0, 1, 1]))
    assert found == pytest.approx((16 - 2) / (16 + 2))


def test_the_intraclass_correlation_follows_from_the_f_test():
    rng = np.random.default_rng(0)
    values, speakers = rng.normal(size=(20, 5)) + rng.normal(size=(20, 1)), np.repeat(np.arange(20), 5)
    f = f_oneway(*values).statistic
    assert intraclass_correlation(values.ravel(), speakers) == pytest.approx((f - 1) / (f - 1 + 5))


def test_the_intraclass_correlation_finds_the_share_that_was_put_in():
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(2000), rng.integers(2, 9, 2000))
    values = np.sqrt(0.3) * rng.normal(size=2000)[speakers] + np.sqrt(0.7) * rng.normal(size=len(speakers))
    assert intraclass_correlation(values, speakers) == pytest.approx(0.3, abs=0.03)
    assert intraclass_correlation(rng.normal(size=len(speakers)), speakers) == pytest.approx(0, abs=0.03)


def test_where_nothing_varies_or_nobody_has_two_bursts_there_is_no_intraclass_correlation():
    assert np.isnan(intraclass_correlation(np.ones(4), np.array([0, 0, 1, 1])))
    assert np.isnan(intraclass_correlation(np.arange(4.0), np.arange(4)))


def test_equal_numbers_of_bursts_are_their_own_mean():
    assert bursts_per_speaker(np.repeat(np.arange(7), 6)) == 6
    assert 1 < bursts_per_speaker(np.array([0, 0, 0, 1])) < 2  # less than the mean of 2


def test_the_verdicts_are_those_of_the_tests_themselves():
    truth = make_truth(speakers=30)
    a, b = make_system(truth, 1), make_system(truth, 2, noise=0.4)
    for task in TASKS:
        found = rejections(task, encode(task, truth), encode(task, a), encode(task, b), speaker_indices(truth), 199, 5)
        paper = compare(task, truth, a, b)
        assert found[f"{paper.test}, bursts"] == paper.significant
        boot = bootstrap([task], truth, {"a": a, "b": b}, 199, 5)
        low, high = boot.interval((boot.replicates["a"] - boot.replicates["b"]).to_numpy().ravel())
        assert found["bootstrap, speakers"] == (not low <= 0 <= high)
    errors = [(truth["age"] - table["age"]).abs() for table in (a, b)]
    found = rejections(AGE, encode(AGE, truth), encode(AGE, a), encode(AGE, b), speaker_indices(truth))
    assert found["paired t, bursts"] == (ttest_rel(*errors).pvalue <= 0.05)


def test_no_test_finds_a_system_different_from_itself():
    truth = make_truth()
    for task in TASKS:
        same = encode(task, make_system(truth, 1))
        assert not any(rejections(task, encode(task, truth), same, same.copy(), speaker_indices(truth), 99).values())


def test_swapped_systems_hold_both_predictions_of_each_burst_by_speaker():
    a, b, speakers = np.zeros((6, 1)), np.ones((6, 1)), np.array([0, 0, 1, 1, 2, 2])
    draw = nulls._swapped(a, b, speakers, np.random.default_rng(0))
    drawn = [draw() for _ in range(40)]
    assert all((x + y == 1).all() and (x[::2] == x[1::2]).all() for x, y in drawn)
    assert len({tuple(x[::2, 0]) for x, _ in drawn}) == 8


def test_a_guess_gives_a_speaker_the_labels_of_one_speaker():
    truth = make_truth(speakers=9)
    known, speakers = encode(AGE, truth), speaker_indices(truth)
    guess, other = nulls._guessed(known, speakers, np.random.default_rng(0))()
    assert not (guess == other).all()
    assert (pd.Series(guess[:, 0]).groupby(speakers).nunique() == 1).all()  # a speaker has one age
    emotion = encode(EMOTION, truth)
    guess, _ = nulls._guessed(emotion, speakers, np.random.default_rng(0))()
    donors = [np.flatnonzero((emotion == row).all(axis=1)).item() for row in guess]
    assert (pd.Series(speakers[donors]).groupby(speakers).nunique() == 1).all()


def test_bursts_taken_for_independent_deceive_a_test_and_speakers_do_not():
    truth = make_truth(speakers=40, bursts=6)
    found = false_positives((AGE, COUNTRY), truth, make_system(truth, 1), make_system(truth, 2), repeats=200)
    assert list(found) == ["metric", "null", "test", "rate", "low", "high"]
    rate = found.set_index(["metric", "null", "test"])["rate"]
    by_speaker = rate[rate.index.get_level_values("test") == "permutation, speakers"]
    assert (by_speaker <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)).all()
    assert rate["age_mae", "guessed", "Student's t, bursts"] > 0.25
    assert rate["cou_uar", "guessed", "Cochran's Q, bursts"] > 0.25
    assert rate["age_mae", "swapped", "paired t, bursts"] > 0.12


def test_the_interval_of_a_rate_is_clopper_and_pearsons():
    found = nulls._share(10, 200)
    assert found == pytest.approx((0.05, beta.ppf(0.025, 10, 191), beta.ppf(0.975, 11, 190)))


def test_shared_errors_are_reported_with_what_they_do_to_a_mean():
    truth = make_truth(speakers=40, bursts=6)
    a, b = make_system(truth, 1), make_system(truth, 2)
    found = speaker_effects(TASKS, truth, a, b).set_index(["metric", "samples"])
    errors = (truth["age"] - a["age"]).abs()
    icc = found.loc[("age_mae", "errors"), "icc"]
    assert icc == pytest.approx(intraclass_correlation(errors.to_numpy(), truth["speaker"].to_numpy()))
    size = bursts_per_speaker(truth["speaker"].to_numpy())
    assert found.loc[("age_mae", "errors"), "design_effect"] == pytest.approx(1 + (size - 1) * icc)


def test_one_speaker_is_refused():
    truth = make_truth().assign(speaker="one")
    with pytest.raises(ValueError, match="labelled bursts of 1 speaker"):
        false_positives(TASKS, truth, make_system(truth, 1), make_system(truth, 2), repeats=1)
