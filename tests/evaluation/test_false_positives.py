import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, f_oneway, ttest_rel

from burst2vec.evaluation import false_positives as module
from burst2vec.evaluation.bootstrap import bootstrap
from burst2vec.evaluation.differences import flip_p_values
from burst2vec.evaluation.false_positives import (
    bursts_per_speaker,
    draw_guessed,
    draw_resampled,
    draw_swapped,
    false_positives,
    intraclass_correlation,
    make_unlike,
    rates_in_words,
    read_pairs,
    rejections,
    speaker_effects,
)
from burst2vec.evaluation.significance import compare
from burst2vec.evaluation.speaker_sums import sum_by_speaker
from tests.support.speakers import AGE, COUNTRY, EMOTION, METRICS, TASKS, make_system, make_truth


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
    found = rejections(read_pairs(TASKS, truth, a, b), 199, 5)
    for metric, task in zip(METRICS, (EMOTION, COUNTRY, AGE), strict=False):
        if task is COUNTRY:
            assert found[metric, "Cochran's Q, bursts"] == compare(task, truth, a, b).significant
            continue
        for of in ("predictions", "errors"):
            assert found[metric, f"Student's t of {of}, bursts"] == compare(task, truth, a, b, of).significant
    errors = [(truth["age"] - table["age"]).abs() for table in (a, b)]
    assert found["age_mae", "paired t of errors, bursts"] == (ttest_rel(*errors).pvalue <= 0.05)
    boot = bootstrap(TASKS, truth, {"a": a, "b": b}, 199, 5)
    low, high = boot.interval((boot.replicates["a"] - boot.replicates["b"]).to_numpy())
    p_values = flip_p_values(sum_by_speaker(TASKS, truth, {"a": a, "b": b}), [("a", "b")], 199, 5)[0]
    for n, metric in enumerate(METRICS):
        assert found[metric, "bootstrap, speakers"] == (not low[n] <= 0 <= high[n])
        assert found[metric, "sign flips, speakers"] == (p_values[n] <= 0.05)


def test_no_test_finds_a_system_different_from_itself():
    truth = make_truth()
    same = make_system(truth, 1)
    assert not any(rejections(read_pairs(TASKS, truth, same, same.copy()), 99).values())


def test_swapped_systems_hold_both_predictions_of_each_burst_by_speaker():
    pair = module.Pair(AGE, np.zeros((6, 1)), np.zeros((6, 1)), np.ones((6, 1)), np.array([0, 0, 1, 1, 2, 2]))
    rng = np.random.default_rng(0)
    drawn = [draw_swapped({"x": pair, "y": pair}, rng) for _ in range(40)]
    assert all((d["x"].a + d["x"].b == 1).all() and (d["x"].a[::2] == d["x"].a[1::2]).all() for d in drawn)
    assert len({tuple(d["x"].a[::2, 0]) for d in drawn}) == 8
    assert all((d["x"].a == d["y"].a).all() for d in drawn)  # all tasks together


def test_a_guess_gives_a_speaker_the_labels_of_one_speaker():
    truth = make_truth(speakers=9)
    pairs = read_pairs(TASKS, truth, make_system(truth, 1), make_system(truth, 2))
    drawn = draw_guessed(pairs, np.random.default_rng(0))
    assert not (drawn["age_mae"].a == drawn["age_mae"].b).all()
    speakers = pairs["age_mae"].speakers
    assert (pd.Series(drawn["age_mae"].a[:, 0]).groupby(speakers).nunique() == 1).all()  # a speaker has one age
    emotion = pairs["emo_ccc"].known
    donors = [np.flatnonzero((emotion == row).all(axis=1)).item() for row in drawn["emo_ccc"].a]
    assert (pd.Series(speakers[donors]).groupby(speakers).nunique() == 1).all()


def test_unlike_systems_score_alike_on_the_whole_corpus_and_in_no_other_way():
    truth = make_truth(speakers=40, bursts=6)
    pairs = read_pairs(TASKS, truth, make_system(truth, 1), make_system(truth, 2))
    whole = make_unlike(pairs, np.random.default_rng(0))
    sums = module._summed(whole)
    a, b = sums.metrics(sums.values.sum(axis=0))
    assert sums.names == METRICS and a == pytest.approx(b, abs=1e-9)
    assert (whole["emo_ccc"].b.std(axis=0) > 2 * whole["emo_ccc"].a.std(axis=0)).all()
    right = (whole["cou_uar"].a == whole["cou_uar"].known)[:, 0]
    assert (pd.Series(right).groupby(whole["cou_uar"].speakers).nunique() == 1).all() and 0.2 < right.mean() < 0.8
    drawn = draw_resampled(whole, np.random.default_rng(0))
    assert len({tuple(pair.speakers) for pair in drawn.values()}) == 1  # of the same speakers in every task
    assert drawn["age_mae"].speakers.max() == 39
    known = pd.Series(drawn["age_mae"].known[:, 0]).groupby(drawn["age_mae"].speakers)
    assert (known.nunique() == 1).all() and len(set(known.first())) < 40  # with replacement


def test_bursts_taken_for_independent_deceive_a_test_and_speakers_do_not():
    truth = make_truth(speakers=40, bursts=6)
    found = false_positives(TASKS, truth, make_system(truth, 1), make_system(truth, 2), repeats=200)
    assert list(found) == ["metric", "null", "test", "rate", "low", "high"]
    assert list(found["metric"].unique()) == METRICS
    assert set(found.loc[found["metric"] == "s_mtl", "test"]) == {"sign flips, speakers", "bootstrap, speakers"}
    rate = found.set_index(["metric", "null", "test"])["rate"]
    by_speaker = rate[rate.index.get_level_values("test") == "sign flips, speakers"]
    kink = by_speaker.index.get_loc(("s_mtl", "guessed", "sign flips, speakers"))
    assert by_speaker.iloc[kink] > 0.15  # a CCC about 0, where S_MTL is not smooth
    assert rate["s_mtl", "guessed", "bootstrap, speakers"] < 0.06
    by_speaker = by_speaker.drop(by_speaker.index[kink])
    assert len(by_speaker) == 11 and (by_speaker <= 0.06 + 3 * np.sqrt(0.06 * 0.94 / 200)).all()
    assert rate["age_mae", "guessed", "Student's t of errors, bursts"] > 0.25
    assert rate["age_mae", "guessed", "Student's t of predictions, bursts"] > 0.25
    assert rate["cou_uar", "guessed", "Cochran's Q, bursts"] > 0.25
    assert rate["age_mae", "swapped", "paired t of errors, bursts"] > 0.12


def test_rates_are_told_with_what_lies_above_the_promise():
    rates = pd.DataFrame([("age_mae", "swapped", "t", 0.2, 0.15, 0.25), ("age_mae", "guessed", "t", 0.06, 0.04, 0.09),
                          ("age_mae", "swapped", "flips", 0.05, 0.03, 0.07)],
                         columns=["metric", "null", "test", "rate", "low", "high"])
    assert rates_in_words(rates) == [
        "t: 6.0 to 20.0 %; above 5 % by more than chance for age_mae (swapped: 20 %).",
        "flips: 5.0 to 5.0 %; nowhere above 5 % by more than chance."]


def test_the_interval_of_a_rate_is_clopper_and_pearsons():
    found = module._share(10, 200)
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
