"""The boxes say what the tables hold, whichever way the verdicts turn and whatever is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from burst2vec.report import in_short
from burst2vec.results.intervals import gain_intervals, score_intervals
from burst2vec.results.scores import table2
from tests.support.table2 import COUNTRY, made_up, measured

GAINS = pd.DataFrame({
    "ensemble": ["A", "B"], "metric": "s_mtl", "over_best": [0.01, 0.02], "over_best_low": [0.001, -0.01],
    "over_best_high": [0.02, 0.05], "over_mean_low": [0.01, 0.02]})

POWER = pd.DataFrame({"paper": [0.01, 0.05, 0.1], "detectable": [0.04, 0.04, np.nan]})


def ledger(*verdicts):
    return pd.DataFrame({"claim": [f"claim {n}" for n in range(len(verdicts))], "verdict": verdicts})


def test_an_ensemble_gains_only_where_its_interval_leaves_out_none():
    said = in_short.ensembles(GAINS)
    assert "2 of 2 ensembles are better than their members on average" in said
    assert "and 1 of 2 is better than the best" in said
    assert "+0.020, of B (−0.010 to +0.050)" in said
    assert "none of 2 is better" in in_short.ensembles(GAINS.assign(over_best_low=-1.0))
    assert in_short.ensembles(GAINS.iloc[:0]).startswith("No ensemble could be made")


def test_the_gains_of_a_run_without_s_mtl_are_told_by_its_own_metric():
    corpus, systems = made_up(tasks=(COUNTRY,))
    gains = gain_intervals(corpus, systems, table2(corpus, systems, {}), {"A": ("V1", "V4")}, resamples=50)
    assert "In Cou-UAR on validation" in in_short.ensembles(gains)


def test_the_best_system_is_named_with_its_interval_and_with_those_that_may_be_as_good():
    corpus, systems = made_up()
    found = score_intervals(corpus, systems, resamples=50)
    alike = found.assign(best=found["code"].isin(["V6", "A"]))
    said = in_short.results(measured(), alike)
    val = alike.query("code == 'A' and metric == 's_mtl'").set_index("split")
    assert f"On validation it is **A** with {in_short.score_in_words(val.loc['val'])}. The choice of speakers" in said
    assert "could turn the order of A and V6." in said
    assert f"On test the same holds, with {in_short.score_in_words(val.loc['test'])}." in said
    other = in_short.results(measured(), alike.assign(best=(alike["split"] == "val") & alike["best"]))
    assert "On test it is **A** with" in other
    alone = in_short.results(measured(), found.assign(best=found["code"] == "A"))
    assert "The others are behind A by more than the choice of speakers explains." in alone


def test_without_a_test_split_or_labels_nothing_is_said_of_them():
    corpus, systems = made_up(withheld=True)
    said = in_short.results(measured(withheld=True), score_intervals(corpus, systems, resamples=50))
    assert "On validation" in said and "On test" not in said
    nothing = pd.DataFrame(columns=["code", "split", "metric", "estimate", "low", "high", "best"])
    assert "No system of this run has a score" in in_short.results(measured(), nothing)


def test_a_run_of_other_tasks_is_judged_by_its_own_metric():
    corpus, systems = made_up(tasks=(COUNTRY,))
    said = in_short.results(table2(corpus, systems, {}), score_intervals(corpus, systems, resamples=50))
    assert "by Cou-UAR?" in said


@pytest.mark.parametrize("verdicts, expected", [
    (["undecided"] * 2, "none is supported, none is contradicted, 2 are undecided and 0 are not tested"),
    (["supported", "contradicted", "undecided (one seed)", "not tested"],
     "1 is supported (“claim 0”), 1 is contradicted (“claim 1”), 1 is undecided (1 of them for want of a second seed) "
     "and 1 is not tested"),
    (["supported"] * 4, "4 are supported, none is contradicted")])
def test_verdicts_are_counted_and_few_decided_claims_named(verdicts, expected):
    assert in_short.verdicts_in_words(ledger(*verdicts)).startswith(expected)


def test_the_claims_say_how_many_effects_were_out_of_reach_and_what_test_says():
    val, test = ledger("undecided", "supported"), ledger("undecided", "undecided")
    said = in_short.claims({"val": val, "test": test}, POWER)
    assert "Which of 2 statements" in said and "1 of 2 effects is smaller" in said
    assert "On test 1 verdict is another" in said
    assert "On test every verdict is the same" in in_short.claims({"val": val, "test": val}, POWER)
    alone = in_short.claims({"val": val}, POWER.iloc[2:])
    assert "On test" not in alone and "Undecided is not refuted" not in alone


def test_the_statistics_compare_the_two_ways_of_testing():
    found = pd.DataFrame({"code": ["V1", "V2", "Constant"], "split": "val", "metric": "s_mtl",
                          "estimate": [0.3, 0.4, 0.0], "low": [0.2, 0.3, 0.0], "high": [0.4, 0.5, 0.0]})
    differences = pd.DataFrame({"verdicts": ["agree", "paper only", ""], "paper_significant": [True, True, True],
                                "significant": [True, False, False]})
    rates = pd.DataFrame({"test": ["paired t of errors, bursts", "sign flips, speakers"], "rate": [0.4, 0.06],
                          "metric": "emo_ccc", "null": "guessed"})
    rates = pd.concat([rates, rates.assign(metric="s_mtl", rate=[0.1, 0.2])], ignore_index=True)
    said = in_short.statistics(found, differences, rates)
    assert "0.200 wide" in said and "0.100 apart" in said
    assert "Of 2 comparisons that the paper makes, its tests over bursts call 2 significant" in said
    assert "corrected for their number, 1 is" in said and "up to 40 %" in said and "at most 6 %" in said
    unlike = pd.concat([rates, rates.assign(rate=0.9, null="unlike")], ignore_index=True)
    said = in_short.statistics(found, differences, unlike)
    assert "apart in up to 40 %" in said and "rest, in at most 90 %" in said
    assert "A test over bursts" not in in_short.statistics(found, differences)
    assert "paper makes" not in in_short.statistics(found, differences.assign(verdicts=""))
