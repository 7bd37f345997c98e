import numpy as np
import pandas as pd
import pytest
import scipy.stats

from burst2vec.evaluation.bootstrap import (
    bootstrap,
    bootstrap_sums,
    chunk_sizes,
    draw_speakers,
    expanded_percentiles,
    intervals,
    scored_splits,
    speakers_in_words,
)
from burst2vec.evaluation.metrics import ccc, s_mtl, score
from burst2vec.evaluation.speaker_sums import SpeakerSums, sum_by_speaker
from burst2vec.evaluation.trivial import trivial_predictions
from tests.support.speakers import AGE, COUNTRY, EMOTION, METRICS, TASKS, make_corpus, make_system, make_truth


def resampled(truth, table, counts):
    """The bursts of every speaker as often as `counts` says, literally, under new names."""
    files = np.concatenate([np.tile(part.index, int(counts[n])) for n, (_, part) in
                            enumerate(truth.groupby("speaker", sort=False))])
    new = pd.RangeIndex(len(files)).astype(str)
    return truth.loc[files].set_axis(new), table.loc[files].set_axis(new)


def test_a_replicate_is_the_metric_of_the_literally_resampled_table():
    truth = make_truth()
    systems = {"V1": make_system(truth, 1), "V2": make_system(truth, 2)}
    found = bootstrap(TASKS, truth, systems, resamples=20, seed=3)
    counts = np.concatenate(list(draw_speakers(12, 20, seed=3)))
    for n in range(20):
        for code, table in systems.items():
            drawn = resampled(truth, table, counts[n])
            expected = [score(task, *drawn) for task in (EMOTION, COUNTRY, AGE)]
            assert found.replicates[code].loc[n].tolist() == pytest.approx([*expected, s_mtl(*expected)], abs=1e-12)


def test_estimates_and_replicates_are_indexed_alike():
    truth = make_truth()
    found = bootstrap(TASKS, truth, {"V1": make_system(truth, 1), "A": make_system(truth, 2)}, resamples=10)
    assert found.estimates.index.tolist() == [(code, metric) for code in ("V1", "A") for metric in METRICS]
    assert found.replicates.columns.equals(found.estimates.index)
    assert (found.clusters, found.speakers, len(found.replicates)) == ("speakers", 12, 10)
    assert found.estimates["A", "age_mae"] == pytest.approx(score(AGE, truth, make_system(truth, 2)))


def test_systems_share_their_resamples():
    truth = make_truth()
    table = make_system(truth, 1)
    worse = table.assign(age=truth["age"] + 3 * (table["age"] - truth["age"]))
    replicates = bootstrap(TASKS, truth, {"V1": table, "V2": worse}, resamples=50).replicates
    assert (replicates["V2", "age_mae"] - 3 * replicates["V1", "age_mae"]).abs().max() < 1e-9


def test_draws_are_bootstrap_draws_and_reproducible():
    counts = np.concatenate(list(draw_speakers(5, 20_000, seed=0)))
    assert (counts.sum(axis=1) == 5).all() and counts.mean(axis=0) == pytest.approx(np.ones(5), abs=0.03)
    assert counts.var(axis=0) == pytest.approx(np.full(5, 0.8), abs=0.03)  # of a binomial: 5 × 1/5 × 4/5
    assert (counts == np.concatenate(list(draw_speakers(5, 20_000, seed=0)))).all()


def test_chunks_keep_memory_bounded():
    assert sum(chunk_sizes(10_000, 20_000)) == 10_000
    assert max(chunk_sizes(10_000, 20_000)) * 20_000 * 8 <= 32_000_000


@pytest.mark.parametrize("metric, column", [("emo_ccc", "Awe"), ("age_mae", "age")])
def test_with_one_burst_a_speaker_it_is_scipys_bootstrap(metric, column):
    truth = make_truth(speakers=40, bursts=1)
    table = make_system(truth, 1).assign(Fear=truth["Fear"])
    statistic = {"emo_ccc": lambda t, p: (ccc(t, p) + 1) / 2, "age_mae": lambda t, p: np.abs(t - p).mean()}[metric]
    theirs = scipy.stats.bootstrap((truth[column], table[column]), statistic, paired=True, vectorized=False,
                                   n_resamples=4000, method="percentile", rng=np.random.default_rng(5))
    ours = bootstrap(TASKS, truth, {"V1": table}, seed=6).replicates["V1", metric]
    low, high = theirs.confidence_interval
    assert ours.std() == pytest.approx(theirs.standard_error, rel=0.05)
    assert np.quantile(ours, [0.025, 0.975]) == pytest.approx([low, high], abs=0.06 * (high - low))


def test_bursts_without_speaker_are_drawn_by_themselves():
    truth = make_truth(speakers=40, bursts=6)
    table = make_system(truth, 1)
    alone = bootstrap(TASKS, truth.assign(speaker=None), {"V1": table}, 500)
    assert (alone.clusters, alone.speakers) == ("bursts", len(truth))
    by_speaker = bootstrap(TASKS, truth, {"V1": table}, 500).replicates["V1", "age_mae"].std()
    assert alone.replicates["V1", "age_mae"].std() < 0.8 * by_speaker  # a speaker's bursts share their errors


def test_an_expanded_interval_of_a_mean_is_students():
    sample = np.random.default_rng(0).normal(size=10)
    counts = np.concatenate(list(draw_speakers(10, 200_000, seed=0)))
    low, high = expanded_percentiles(counts @ sample / 10, 10)
    expected = scipy.stats.t.interval(0.95, 9, sample.mean(), scipy.stats.sem(sample))
    assert (low, high) == pytest.approx(expected, abs=0.12)
    narrow = np.quantile(counts @ sample / 10, [0.025, 0.975])
    assert abs(high - low - np.ptp(expected)) < 0.3 * abs(np.ptp(narrow) - np.ptp(expected))
    assert expanded_percentiles(np.linspace(0, 1, 10_001), 10**6) == pytest.approx([0.025, 0.975], abs=1e-4)


def test_intervals_have_the_columns_of_the_file_and_hold_the_estimate():
    truth = make_truth()
    table = intervals(bootstrap(TASKS, truth, {"V1": make_system(truth, 1)}, 500), "val")
    assert list(table) == ["code", "split", "metric", "estimate", "low", "high"]
    assert table["metric"].tolist() == METRICS and set(table["split"]) == {"val"}
    assert table["estimate"].between(table["low"], table["high"]).all()


def test_trivial_predictors_are_systems_too():
    corpus, _ = make_corpus()
    val = corpus.split("val")
    table = intervals(bootstrap(corpus.tasks, val, trivial_predictions(corpus, val), 100), "val")
    assert table.groupby("code", sort=False)["metric"].agg(list).to_dict() == {
        "Constant": METRICS, "Country median": ["age_mae"]}
    constant = table[table["code"] == "Constant"].set_index("metric")
    assert (constant.loc["emo_ccc", ["estimate", "low", "high"]] == 0).all()


def test_splits_whose_labels_are_withheld_are_not_scored():
    corpus, _ = make_corpus()
    assert scored_splits(corpus) == ["val", "test"]
    corpus.table.loc[corpus.table["split"] == "test", ["Awe", "Fear", "age", "country"]] = None
    assert scored_splits(corpus) == ["val"]


def test_few_speakers_and_bursts_without_one_are_said():
    truth = make_truth(speakers=60)
    counts = truth.drop_duplicates("speaker")["country"].value_counts()
    said = speakers_in_words(TASKS, truth)
    assert said.startswith("60 speakers (") and f"USA {counts['USA']}" in said
    assert ("Fewer than 10 speakers (Venezuela)" in said) == (counts["Venezuela"] < 10)
    assert "have no speaker" not in said
    few = speakers_in_words(TASKS, truth[truth["speaker"].isin([f"s{n}" for n in range(9)])])
    assert few.startswith("9 speakers") and "Fewer than 10 speakers** (all, " in few
    partly = truth.assign(speaker=truth["speaker"].mask(np.arange(len(truth)) < 7))
    assert f"7 of {len(truth)} bursts have no speaker" in speakers_in_words(TASKS, partly)
    assert speakers_in_words(TASKS, truth.assign(speaker=None)).startswith(f"{len(truth)} bursts")


def test_one_speaker_is_refused():
    truth = make_truth().assign(speaker="one")
    with pytest.raises(ValueError, match="labelled bursts of 1 speaker"):
        bootstrap(TASKS, truth, {"V1": make_system(truth, 1)})


def test_intervals_over_speakers_cover_95_percent_and_those_over_bursts_do_not():
    population = make_truth(speakers=4000, bursts=6)
    sums = sum_by_speaker(TASKS, population, {"V1": make_system(population, 1)})
    alone = sum_by_speaker(TASKS, population.assign(speaker=None), {"V1": make_system(population, 1)})
    true, who = sums.metrics(sums.values.sum(axis=0))[0], pd.factorize(population["speaker"])[0]
    rng, trials, covered = np.random.default_rng(1), 400, {"speakers": 0, "bursts": 0}
    for trial in range(trials):
        drawn = rng.choice(4000, 50, replace=False)
        for values in (sums.values[drawn], alone.values[np.isin(who, drawn)]):
            clusters = "speakers" if len(values) == 50 else "bursts"
            boot = bootstrap_sums(SpeakerSums(values, sums.codes, sums.tasks, clusters), 400, trial)
            low, high = boot.interval(boot.replicates.to_numpy())
            covered[clusters] = covered[clusters] + ((low <= true) & (true <= high))
    assert covered["speakers"] / trials == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / trials))
    assert (covered["bursts"] / trials)[[1, 2]].max() < 0.87  # country and age hang together most
