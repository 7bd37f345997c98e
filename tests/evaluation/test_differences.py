import itertools

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import scipy.stats

from burst2vec.evaluation.bootstrap import bootstrap
from burst2vec.evaluation.differences import (
    COLUMNS,
    differences,
    distinct_pairs,
    draw_signs,
    flip_p_values,
    pseudo_values,
)
from burst2vec.evaluation.metrics import ccc, s_mtl, score
from burst2vec.evaluation.significance import compare
from burst2vec.evaluation.speaker_sums import SpeakerSums, sum_by_speaker
from tests.support.speakers import AGE, COUNTRY, EMOTION, METRICS, TASKS, make_corpus, make_system, make_truth


def metrics(truth, table):
    scores = [score(task, truth, table) for task in (EMOTION, COUNTRY, AGE)]
    return np.array([*scores, s_mtl(*scores)])


def pair_sums(truth, a, b):
    return sum_by_speaker(TASKS, truth, {"a": a, "b": b})


def studentised(parts):
    """The mean over its standard error, without a sign."""
    return np.abs(parts.mean(axis=0)) / scipy.stats.sem(parts)


def test_p_values_are_those_of_literally_flipped_and_studentised_pseudo_values():
    truth = make_truth()
    tables = [make_system(truth, 1), make_system(truth, 2)]
    who = pd.factorize(truth["speaker"])[0]
    a, b = (np.array([12 * metrics(truth, table) - 11 * metrics(truth[who != n], table) for n in range(12)])
            for table in tables)
    flipped = [studentised(signs[:, None] * (a - b)) for signs in np.concatenate(list(draw_signs(12, 39, seed=7)))]
    found = flip_p_values(pair_sums(truth, *tables), [("a", "b")], draws=39, seed=7)
    assert found[0] == pytest.approx((1 + (np.array(flipped) >= studentised(a - b)).sum(axis=0)) / 40)


def test_of_three_speakers_a_quarter_of_the_flips_are_as_extreme():
    truth = pd.DataFrame({"speaker": list("stu"), "age": 30.0}, index=list("abc"))
    a, b = (truth.assign(age=ages) for ages in ([31.0, 31, 31], [32.0, 33, 34]))
    # errors of b less those of a: 1, 2, 3. Of the eight signs only +++ and --- give a sum as large as 6.
    found = flip_p_values(sum_by_speaker((AGE,), truth, {"a": a, "b": b}), [("a", "b")], draws=40_000)
    assert found.item() == pytest.approx(0.25, abs=0.01)


def test_for_an_error_and_one_burst_a_speaker_it_is_scipys_permutation_test():
    truth = make_truth(speakers=10, bursts=1)
    a, b = (make_system(truth, seed) for seed in (1, 4))
    errors = [(truth["age"] - table["age"]).abs().to_numpy() for table in (a, b)]
    theirs = [scipy.stats.permutation_test(errors, statistic, permutation_type="samples", n_resamples=np.inf)
              for statistic in (lambda x, y, axis: (x - y).mean(axis), lambda x, y, axis:
                                (x - y).mean(axis) / scipy.stats.sem(x - y, axis))]  # all 2 ** 10 flips
    ours = flip_p_values(sum_by_speaker((AGE,), truth, {"a": a, "b": b}), [("a", "b")], draws=20_000)
    assert 0.05 < theirs[0].pvalue < 0.95
    assert theirs[0].pvalue == pytest.approx(theirs[1].pvalue)  # studentised or not
    assert ours.item() == pytest.approx(theirs[0].pvalue, abs=0.015)


def test_a_metric_that_hangs_on_one_speaker_is_not_significant():
    truth = make_truth().assign(age=lambda t: t["age"].where(t["speaker"] == "s3"))
    a, b = make_system(make_truth(), 1, 0.0), make_system(make_truth(), 2, 5.0)
    found = flip_p_values(pair_sums(truth, a, b), [("a", "b")], 99)[0]
    assert found[METRICS.index("age_mae")] == 1 and found[METRICS.index("emo_ccc")] < 0.05


def test_equal_systems_do_not_differ():
    truth = make_truth()
    table = make_system(truth, 1)
    assert (flip_p_values(pair_sums(truth, table, table.copy()), [("a", "b")], 100) == 1).all()


def test_pseudo_values_of_an_error_are_the_speakers_own_and_of_others_the_jackknifes():
    truth = make_truth(speakers=8, bursts=1)
    table = make_system(truth, 1)
    found = pseudo_values(pair_sums(truth, table, table))
    own = (truth["age"] - table["age"]).abs()
    assert found[:, 0, METRICS.index("age_mae")] == pytest.approx(own.to_numpy())
    without = metrics(truth.drop(index="00003"), table)
    assert found[3, 0] == pytest.approx(8 * metrics(truth, table) - 7 * without)


def test_pairs_are_compared_once():
    assert distinct_pairs(["V1", "V2", "V4", "A"], ["V1", "V4", "V6"]) == [
        ("V2", "V1"), ("V2", "V4"), ("V4", "V1"), ("A", "V1"), ("A", "V4")]


@pytest.fixture(scope="module")
def corpus_and_systems():
    return make_corpus(speakers=30)


@pytest.fixture(scope="module")
def table(corpus_and_systems):
    return differences(*corpus_and_systems, references=("V1", "V4"), resamples=1000)


def test_every_pair_metric_and_split_has_a_row(table):
    assert list(table) == COLUMNS
    assert COLUMNS[:7] == ["system", "reference", "split", "metric", "difference", "low", "high"]  # claims reads them
    pairs = [("V2", "V1"), ("V2", "V4"), ("V4", "V1"), ("A", "V1"), ("A", "V4")]
    expected = [(split, *pair, m) for split, pair, m in itertools.product(("val", "test"), pairs, METRICS)]
    assert list(table[["split", "system", "reference", "metric"]].itertuples(index=False, name=None)) == expected


def test_a_difference_is_the_systems_metric_less_the_references(table, corpus_and_systems):
    corpus, systems = corpus_and_systems
    rows = table.query("split == 'test' and system == 'A' and reference == 'V4'").set_index("metric")
    test = corpus.split("test")
    assert rows["difference"].tolist() == pytest.approx(metrics(test, systems["A"]) - metrics(test, systems["V4"]))
    boot = bootstrap(TASKS, test, systems, 1000)
    bounds = boot.interval((boot.replicates["A"] - boot.replicates["V4"]).to_numpy())
    assert pytest.approx(bounds) == rows[["low", "high"]].to_numpy().T


def test_the_family_is_the_papers_own_comparisons_on_validation_one_for_each_task(table):
    family = table[table["family"]]
    pairs = [("V2", "V1"), ("A", "V1"), ("A", "V4")]
    expected = [("val", *pair, metric) for pair, metric in itertools.product(pairs, METRICS[:3])]
    assert list(family[["split", "system", "reference", "metric"]].itertuples(index=False, name=None)) == expected


def test_holms_correction_worked_by_hand(table):
    family = table[table["family"]]
    p, corrected, least = family["p_value"].to_numpy(), np.empty(len(family)), 0.0
    for rank, row in enumerate(np.argsort(p, kind="stable")):
        least = corrected[row] = max(least, min(1, (len(p) - rank) * p[row]))
    assert family["p_holm"].to_numpy() == pytest.approx(corrected)
    assert (family["significant"] == (family["p_holm"] <= 0.05)).all()


def test_a_much_better_system_is_significant_within_the_family_and_called_so_nowhere_else(corpus_and_systems):
    corpus, systems = corpus_and_systems
    better = {"V1": systems["V1"], "V2": make_system(corpus.table, 5, noise=0.02)}
    found = differences(corpus, better, ("V1",), 500)
    errors = found[found["metric"] == "age_mae"].set_index("split")
    assert errors["p_value"].max() < 0.01 and errors["significant"].to_dict() == {"val": True, "test": False}


def test_outside_the_family_there_is_a_p_value_and_no_verdict(table):
    others = table[~table["family"]]
    assert others["p_value"].notna().all() and (others["p_value"] < 0.05).any()
    assert others["p_holm"].isna().all() and not others["significant"].any() and (others["verdicts"] == "").all()


def test_what_is_not_in_the_family_does_not_change_its_correction(table, corpus_and_systems):
    corpus, systems = corpus_and_systems
    more = differences(corpus, systems | {"V3": systems["V2"]}, references=("V1", "V4"), resamples=1000)
    assert more["family"].sum() == table["family"].sum() and len(more) > len(table)
    assert more.loc[more["family"], "p_holm"].tolist() == table.loc[table["family"], "p_holm"].tolist()


def test_the_effect_of_an_error_is_cohens_d_of_the_speakers():
    corpus, systems = make_corpus(speakers=20, bursts=1)
    val = corpus.split("val")
    rows = differences(corpus, systems, ("V1",), 200).query("split == 'val' and metric == 'age_mae'")
    for row in rows.itertuples():
        gaps = [(val["age"] - systems[code]["age"].loc[val.index]).abs() for code in (row.system, row.reference)]
        gap = gaps[0] - gaps[1]
        assert row.effect == pytest.approx(gap.mean() / gap.std())
        assert row.effect_low < row.effect < row.effect_high


def test_the_papers_own_tests_stand_beside(table, corpus_and_systems):
    corpus, systems = corpus_and_systems
    tasks = {"emo_ccc": EMOTION, "cou_uar": COUNTRY, "age_mae": AGE}
    for row in table[table["metric"] != "s_mtl"].itertuples():
        pair = tasks[row.metric], corpus.split(row.split), systems[row.system], systems[row.reference]
        paper = compare(*pair, of="predictions")
        assert row.paper_p == pytest.approx(paper.p_value)
        assert row.errors_p == pytest.approx(compare(*pair, of="errors").p_value)
        words = "agree" if row.significant == paper.significant else f"{'ours' if row.significant else 'paper'} only"
        assert row.verdicts == (words if row.family else "")
    untested = table[table["metric"] == "s_mtl"]
    assert untested[["paper_p", "errors_p"]].isna().all(axis=None) and untested["paper_significant"].isna().all()
    assert (untested["verdicts"] == "").all()


def test_systems_that_leave_a_task_out_are_compared_on_the_others(corpus_and_systems):
    corpus, systems = corpus_and_systems
    partly = {"V1": systems["V1"], "V2": systems["V2"][["split", "age"]]}
    found = differences(corpus, partly, ("V1",), 50)
    assert found["metric"].tolist() == ["age_mae", "age_mae"] and found["family"].tolist() == [True, False]
    assert found["p_holm"][0] == found["p_value"][0]  # a family of one


def test_a_system_and_its_copy_agree(corpus_and_systems):
    corpus, systems = corpus_and_systems
    found = differences(corpus, {"V1": systems["V1"], "V2": systems["V1"].copy()}, ("V1",), 50)
    assert (found[["difference", "low", "high", "effect", "effect_low", "effect_high"]] == 0).all(axis=None)
    assert (found["p_value"] == 1).all() and set(found["verdicts"]) == {"agree", ""}


def test_a_run_without_a_reference_has_no_rows(corpus_and_systems):
    corpus, systems = corpus_and_systems
    found = differences(corpus, {"A": systems["A"]}, ("V1",), 50)
    assert found.empty and list(found) == COLUMNS


def test_the_sign_flip_test_errs_in_5_percent_of_equals_and_finds_what_differs():
    population = make_truth(speakers=4000, bursts=6)
    codes, noise = ("a", "b", "better"), (0.3, 0.3, 0.2)
    systems = {c: make_system(population, n, s) for n, (c, s) in enumerate(zip(codes, noise, strict=True))}
    sums = sum_by_speaker(TASKS, population, systems)
    rng, trials, found = np.random.default_rng(0), 300, []
    for trial in range(trials):
        drawn = SpeakerSums(sums.values[rng.integers(4000, size=40)], codes, sums.tasks, "speakers")
        found.append(flip_p_values(drawn, [("a", "b"), ("better", "a")], 199, trial) <= 0.05)
    equals, differ = np.mean(found, axis=0)
    assert (equals <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)).all()
    assert equals.mean() == pytest.approx(0.05, abs=0.02)
    assert differ[METRICS.index("emo_ccc")] > 0.9


def test_of_systems_that_score_alike_and_are_unlike_it_finds_hardly_more_than_5_percent():
    truth = make_truth(speakers=4000, bursts=6)
    heard = make_system(truth, 0, 0.1)["Awe"] - 0.5
    shrunk, over = (truth.assign(Awe=0.5 + factor * heard, Fear=truth["Fear"]) for factor in (0.3, 1.0))
    goal = ccc(truth["Awe"], shrunk["Awe"])
    factor = scipy.optimize.brentq(lambda f: ccc(truth["Awe"], 0.5 + f * heard) - goal, 1, 50)
    over["Awe"] = 0.5 + factor * heard
    sums = sum_by_speaker((EMOTION,), truth, {"shrunk": shrunk, "over": over})
    assert np.ptp(sums.metrics(sums.values.sum(axis=0))) < 1e-9 and over["Awe"].std() > 5 * shrunk["Awe"].std()
    rng, trials = np.random.default_rng(0), 600
    drawn = [SpeakerSums(sums.values[rng.integers(4000, size=54)], sums.codes, sums.tasks, "speakers")
             for _ in range(trials)]
    found = [flip_p_values(part, [("shrunk", "over")], 199, n).item() <= 0.05 for n, part in enumerate(drawn)]
    assert np.mean(found) == pytest.approx(0.05, abs=0.03)
