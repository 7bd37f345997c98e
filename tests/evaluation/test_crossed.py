"""Intervals over speakers and seeds hold the truth, and are those over speakers where seeds change nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from burst2vec.evaluation.bootstrap import bootstrap
from burst2vec.evaluation.crossed import Contrast, cross, cross_sums
from burst2vec.evaluation.metrics import score
from burst2vec.evaluation.speaker_sums import SpeakerSums, sum_by_speaker
from burst2vec.evaluation.trivial import predict_constant
from tests.support.speakers import AGE, METRICS, TASKS, make_corpus, make_system, make_truth


def contrast(replicates, seed_errors, seed_degrees, speakers=10**9, difference=None):
    middle = np.median(replicates) if difference is None else difference
    return Contrast(float(middle), np.asarray(replicates), speakers, np.array(seed_errors), np.array(seed_degrees))


@pytest.fixture(scope="module")
def truth():
    return make_truth(speakers=30)


@pytest.fixture(scope="module")
def predictions(truth):
    return {"V4": {n: make_system(truth, n) for n in (1, 2, 3)}, "V5": {7: make_system(truth, 7)}}


@pytest.fixture(scope="module")
def crossed(truth, predictions):
    return cross(TASKS, truth, predictions, resamples=300)


def test_a_variants_score_is_the_mean_over_its_seeds_and_so_is_every_replicate(truth, predictions, crossed):
    errors = [score(AGE, truth, table) for table in predictions["V4"].values()]
    assert crossed.means.estimates["V4", "age_mae"] == pytest.approx(np.mean(errors))
    assert crossed.variances["V4", "age_mae"] == pytest.approx(np.var(errors, ddof=1))
    assert crossed.seeds["V4", "age_mae"] == 3 and crossed.seeds["V5", "age_mae"] == 1
    alone = bootstrap(TASKS, truth, {str(seed): table for seed, table in predictions["V4"].items()}, 300)
    for metric in METRICS:
        expected = alone.replicates[[(str(seed), metric) for seed in (1, 2, 3)]].mean(axis=1)
        np.testing.assert_allclose(crossed.means.replicates["V4", metric], expected)


def test_where_seeds_change_nothing_the_interval_is_the_one_over_speakers(truth):
    tables = {"V4": make_system(truth, 1), "V5": make_system(truth, 2)}
    found = cross(TASKS, truth, {code: dict.fromkeys(range(3), table) for code, table in tables.items()}, 300)
    alone = bootstrap(TASKS, truth, tables, 300)
    for metric, turn in zip(METRICS, (1, 1, -1, 1), strict=True):
        gaps = turn * (alone.replicates["V4", metric] - alone.replicates["V5", metric])
        interval = found.contrast("V4", "V5", metric).interval()
        assert interval == pytest.approx(tuple(alone.interval(gaps.to_numpy())))


def test_the_squares_of_both_margins_are_added():
    speakers = np.arange(1001.0)  # 475 from the middle to either bound
    found = contrast(speakers, [30.0, 40.0], [2, 4])
    seeds = (4.302653 * 30) ** 2 + (2.776445 * 40) ** 2  # each variant with its own t
    margin = np.sqrt(475**2 + seeds)
    assert found.interval() == pytest.approx((500 - margin, 500 + margin), rel=1e-6)


def test_a_lopsided_interval_stays_lopsided():
    low, high = contrast(np.arange(1001.0), [0.0, 0.0], [2, 2], difference=100).interval()
    assert (low, high) == pytest.approx((25, 975))
    low, high = contrast(np.arange(1001.0), [50.0, 0.0], [2, 2], difference=100).interval()
    assert 100 - low < 0.4 * (high - 100)


def test_one_seed_leaves_the_variance_unknown_and_the_interval_to_speakers(crossed):
    assert np.isnan(crossed.variances["V5", "age_mae"])
    assert crossed.with_one_seed(["V4", "V5"], "age_mae") == ["V5"]
    found = crossed.contrast("V4", "V5", "age_mae")
    known = found.seed_errors[0] * 4.302653
    low, high = crossed.means.interval(found.replicates)
    assert found.interval()[0] == pytest.approx(found.difference - np.hypot(found.difference - low, known), rel=1e-6)
    assert np.isnan(found.least_detectable()) and found.least_detectable(seeds=False) > 0


def test_an_audio_free_baseline_has_no_seed_to_vary():
    corpus, systems = make_corpus(codes=("V4",))
    val = corpus.split("val")
    found = cross(TASKS, val, {"V4": {0: systems["V4"], 1: systems["V4"]},
                               "Constant": {0: predict_constant(corpus, val.index)}}, 50)
    assert found.with_one_seed(["V4", "Constant"], "age_mae") == []
    assert found.contrast("V4", "Constant", "age_mae").seed_errors.tolist() == [0, 0]


def test_a_factor_scales_the_second_variant_and_its_seeds(crossed):
    scores = crossed.means.estimates
    for metric, turn in (("emo_ccc", 1), ("age_mae", -1)):
        found = crossed.contrast("V5", "V4", metric, factor=1.5)
        assert found.difference == pytest.approx(turn * (scores["V5", metric] - 1.5 * scores["V4", metric]))
        assert found.seed_errors[1] == pytest.approx(1.5 * np.sqrt(crossed.variances["V4", metric] / 3))


QUANTILES = {2: 12.706205, 3: 4.302653, 5: 2.776445}
"""Student's t at 97.5 % for the degrees of freedom of so many seeds."""


@pytest.mark.parametrize("sds, seeds", [((1, 1), (2, 2)), ((1, 1), (3, 3)), ((0.1, 3), (3, 3)), ((1, 2), (5, 2))])
@pytest.mark.parametrize("speaker_sd", [0.0, 1.0])
def test_normal_deviations_are_covered_in_at_least_95_percent(sds, seeds, speaker_sd):
    rng, trials, covered = np.random.default_rng(0), 2000, 0
    normal = norm.ppf((np.arange(4000) + 0.5) / 4000)
    for _ in range(trials):
        scores = [sd * rng.normal(size=number) for sd, number in zip(sds, seeds, strict=True)]
        difference = scores[0].mean() - scores[1].mean() + speaker_sd * rng.normal()
        errors = [values.std(ddof=1) / np.sqrt(len(values)) for values in scores]
        margins = [1.959964 * speaker_sd, *(t * e for t, e in zip(map(QUANTILES.get, seeds), errors, strict=True))]
        covered += abs(difference) <= np.sqrt(np.square(margins).sum())
    low, high = contrast(speaker_sd * normal + difference, errors, np.array(seeds) - 1).interval()
    assert high - low == pytest.approx(2 * np.sqrt(np.square(margins).sum()), rel=0.01)  # the formula that was tried
    assert covered / trials > 0.95 - 3 * np.sqrt(0.95 * 0.05 / trials)


@pytest.fixture(scope="module")
def pool():
    """Sums of 40 seeds of one variant on a population of speakers."""
    rng, population = np.random.default_rng(0), make_truth(speakers=1000, bursts=5)
    systems = {f"seed {n}": make_system(population, 100 + n, 0.3 * np.exp(0.3 * rng.normal())) for n in range(40)}
    return sum_by_speaker(TASKS, population, systems)


def test_two_sets_of_seeds_of_one_variant_hardly_ever_differ_beyond_both_and_often_beyond_speakers_alone(pool):
    rng, trials = np.random.default_rng(1), 100
    found = {"both": np.zeros(4), "speakers": np.zeros(4)}
    for trial in range(trials):
        speakers, seeds = rng.integers(1000, size=40), rng.choice(40, 6, replace=False)
        drawn = SpeakerSums(pool.values[speakers][:, seeds], tuple(map(str, seeds)), pool.tasks, "speakers")
        scores = cross_sums(drawn, 3 * ["V4"] + 3 * ["V5"], 200, trial)
        for n, metric in enumerate(METRICS):
            low, high = scores.contrast("V4", "V5", metric).interval()
            found["both"][n] += low > 0 or high < 0
            low, high = scores.means.interval(scores.contrast("V4", "V5", metric).replicates)
            found["speakers"][n] += low > 0 or high < 0
    assert (found["both"] / trials <= 0.05).all()
    assert (found["speakers"] / trials).max() > 0.3


def test_a_difference_of_the_least_detectable_size_is_found_in_about_80_percent():
    rng, trials, replicates = np.random.default_rng(0), 2000, np.random.default_rng(1).normal(size=2000)
    sizes, found = [], []
    for _ in range(trials):
        scores = 0.8 * rng.normal(size=(2, 5))
        errors = scores.std(axis=1, ddof=1) / np.sqrt(5)
        difference = np.subtract(*scores.mean(axis=1)) + rng.normal()
        sizes.append(contrast(replicates, errors, [4, 4]).least_detectable())
        found.append((difference, 1.959964**2 + np.square(2.776445 * errors).sum()))
    size = np.mean(sizes)
    power = np.mean([size + difference > np.sqrt(margin) for difference, margin in found])
    assert power == pytest.approx(0.8, abs=0.07)


def test_four_times_the_speakers_halve_their_part_and_leave_the_seeds():
    replicates = np.random.default_rng(0).normal(size=4000)
    one = contrast(replicates, [0.0, 0.0], [2, 2], speakers=200)
    assert one.least_detectable(800) == pytest.approx(one.least_detectable() / 2, rel=0.01)
    other = contrast(1e-9 * replicates, [1.0, 1.0], [2, 2], speakers=200)
    assert other.least_detectable(800) == pytest.approx(other.least_detectable(), rel=1e-6)
    assert other.least_detectable(seeds=False) < 1e-6


def test_a_variant_that_lacks_a_metric_cannot_be_contrasted_on_it(truth):
    ages = {n: make_system(truth, n)[["split", "age"]] for n in (1, 2)}
    found = cross(TASKS, truth, {"V4": {1: make_system(truth, 1)}, "V5": ages}, 20)
    assert found.contrast("V4", "V5", "age_mae").replicates.shape == (20,)
    with pytest.raises(KeyError):
        found.contrast("V4", "V5", "emo_ccc")


def test_seeds_of_one_variant_keep_their_code_and_order(crossed):
    index = crossed.means.estimates.index
    assert index.tolist() == [(code, metric) for code in ("V4", "V5") for metric in METRICS]
    assert crossed.means.replicates.columns.equals(index) and isinstance(crossed.seeds, pd.Series)
