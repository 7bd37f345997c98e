"""The ledger says of the paper's numbers what the paper says, and of others what they say."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burst2vec.evaluation.bootstrap import Replicates, bootstrap
from burst2vec.evaluation.differences import differences
from burst2vec.report import tables
from burst2vec.results import claims, runs
from burst2vec.results.claims import Claim, estimates_of, interval, ledger, paper_claims
from burst2vec.results.published import read_published
from burst2vec.results.runs import random_backbones
from burst2vec.results.scores import write_table
from tests.support.speakers import make_corpus

CLAIMS = paper_claims()
NAMES = [claim.name for claim in CLAIMS]
V4_OVER_V5 = Claim("c", "s", "V4 does better.", "age_mae", (("V4", "V5"),))


def published():
    return estimates_of(read_published())


def verdicts(scores, of=CLAIMS):
    return ledger(of, scores).set_index("claim")["verdict"]


def resampled(estimates, replicates):
    """As from so many speakers that the intervals are the plain percentiles."""
    return Replicates(estimates, replicates, "speakers", 10**9)


def around(estimates, spread, resamples=400, seed=0):
    """Replicates that scatter about the estimates, each score by itself."""
    noise = np.random.default_rng(seed).normal(0, spread, (resamples, len(estimates)))
    return resampled(estimates, pd.DataFrame(estimates.to_numpy() + noise, columns=estimates.index))


def bounds(pairs):
    return interval(resampled(pairs.mean(), pairs), pairs)


def test_the_papers_own_numbers_give_the_papers_conclusions():
    assert verdicts(published()).to_dict() == dict.fromkeys(NAMES, "supported")


def test_every_heading_of_section_5_has_its_claims():
    assert len({claim.section for claim in CLAIMS}) == 6
    assert len(set(NAMES)) == len(NAMES) == 17


@pytest.mark.parametrize("claim", CLAIMS, ids=NAMES)
def test_a_claim_is_contradicted_where_the_systems_of_one_pair_swap_their_scores(claim):
    for a, b in [pair for pair in claim.pairs if not claim.slack]:
        swapped = published()
        swapped[[(a, claim.metric), (b, claim.metric)]] = swapped[[(b, claim.metric), (a, claim.metric)]].to_numpy()
        assert verdicts(swapped, of=[claim])[claim.name] == "contradicted"


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.slack], ids=lambda claim: claim.name)
def test_being_on_par_is_contradicted_from_either_side(claim):
    for code in claim.systems:
        for step in (-0.02, 0.02):
            moved = published()
            moved[code, claim.metric] += step
            assert verdicts(moved, of=[claim])[claim.name] == "contradicted"


@pytest.mark.parametrize("claim", CLAIMS, ids=NAMES)
def test_a_claim_is_undecided_where_its_scores_are_uncertain_and_supported_where_they_are_not(claim):
    estimates = published()
    assert verdicts(around(estimates, 1.0), [claim])[claim.name] == "undecided"
    assert verdicts(around(estimates, 1e-6), [claim])[claim.name] == "supported"


@pytest.mark.parametrize("claim", CLAIMS, ids=NAMES)
def test_a_claim_is_not_tested_where_one_of_its_systems_is_absent_and_says_which(claim):
    for code in claim.systems:
        row = ledger([claim], published().drop(code, level="code")).iloc[0]
        assert row["verdict"] == "not tested" and row["note"] == f"no {claim.metric} of {code}"
        assert np.isnan(row["estimate"])


def test_of_the_papers_test_column_only_the_best_ensemble_can_be_told():
    found = verdicts(estimates_of(read_published(), "test"))
    assert found[found != "not tested"].to_dict() == {"A is the best ensemble": "supported"}


def test_an_unscored_system_is_absent():
    empty = published()
    empty["V4", "age_mae"] = np.nan
    assert verdicts(empty)["Debiasing helps on age"] == "not tested"


def test_no_ensemble_leaves_nothing_to_compare():
    found = ledger(paper_claims(ensembles={}), published()).set_index("claim")
    assert found.loc["Ensembling helps", "note"] == "no systems to compare"
    assert found.loc["A is the best ensemble", "verdict"] == "not tested"


def test_the_file_of_claims_begins_with_claim_verdict_estimate_low_and_high(tmp_path):
    write_table(ledger(CLAIMS, published()).assign(split="val"), tmp_path / "claims.csv")
    header = (tmp_path / "claims.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header.split(",")[:5] == ["claim", "verdict", "estimate", "low", "high"]


def test_random_backbones_leave_what_is_about_pretraining_not_tested_but_shown():
    worse = -published()  # every order is turned round: what is tested comes out contradicted or not on par
    trained, scores = ledger(CLAIMS, around(worse, 1e-6)), around(worse, 1e-6)
    found = ledger(CLAIMS, scores, random=list(runs.VARIANTS))
    about = found["section"].isin(["Effect of Pre-trained Speech Representation Models",
                                   "Different Speech Representation Models"])
    assert about.sum() == 6
    assert set(found.loc[about, "verdict"]) == {"not tested"}
    assert set(found.loc[about, "note"]) == {"no pre-trained weights in this run"}
    pd.testing.assert_frame_equal(found[["estimate", "low", "high", "weakest"]],
                                  trained[["estimate", "low", "high", "weakest"]])
    pd.testing.assert_frame_equal(found[~about], trained[~about])
    assert "contradicted" in set(trained.loc[about, "verdict"])


def test_one_random_backbone_spares_the_claims_that_do_not_name_it():
    found = ledger(CLAIMS, published(), random=["V1"]).set_index("claim")["verdict"]
    assert set(found.index[found == "not tested"]) == {"Pre-trained beats the baseline", "V6 is the best single system"}


def test_what_is_absent_is_said_before_what_is_not_pretrained():
    row = ledger(CLAIMS, published().drop("V3", level="code"), random=["V2"]).set_index("claim")
    assert row.loc["V2, V3 and V5 are on par", "note"] == "no s_mtl of V3"


def test_random_backbones_are_the_variants_that_say_tiny(tmp_path):
    sizes = {"Baseline": {"backbone_size": "tiny"}, "V1": {"backbone_size": "tiny"},
             "V2": {"backbone_size": "published"}, "A": {"members": ["V1", "V2"]}}
    for code, params in sizes.items():
        (tmp_path / code).mkdir()
        (tmp_path / code / "params.json").write_text(json.dumps(params))
    assert random_backbones(tmp_path) == ["V1"]  # the baseline has no backbone


def test_a_lower_age_error_supports():
    scores = pd.DataFrame({("V4", "age_mae"): [3.0, 4.0], ("V5", "age_mae"): [3.5, 3.0]})
    assert V4_OVER_V5.statistic(scores)["V4 over V5"].tolist() == [0.5, -1.0]


def test_the_estimate_is_the_weakest_pairs_difference():
    row = ledger(CLAIMS, published()).set_index("claim").loc["Debiasing helps on age"]
    assert row["weakest"] == "V1 over V2"
    assert row["estimate"] == pytest.approx(3.709 - 3.672)
    par = ledger(CLAIMS, published()).set_index("claim").loc["V2, V3 and V5 are on par"]
    best, worst = 3 / (1 / 0.645 + 1 / 0.676 + 3.709), 3 / (1 / 0.652 + 1 / 0.606 + 3.594)
    assert par["estimate"] == pytest.approx(claims.MARGIN - (best - worst))


def test_a_tighter_margin_ends_being_on_par():
    assert verdicts(published(), of=paper_claims(margin=0.002))["V2, V3 and V5 are on par"] == "contradicted"


def test_three_digits_of_s_mtl_do_not_tell_a_from_b_but_its_parts_do():
    printed = read_published().query("split == 'val'").set_index("code")["s_mtl"]
    assert printed["A"] == printed["B"]
    lead = published()["A", "s_mtl"] - published()["B", "s_mtl"]
    rounding = 0.465**2 / 3 * 0.0005 * (1 / 0.70**2 + 1 / 0.69**2 + 1)  # of one system, all parts at their worst
    assert lead > 2 * rounding


def test_the_interval_of_one_pair_is_its_percentiles():
    draws = pd.DataFrame({"V4 over V5": np.arange(1001.0)})
    assert bounds(draws) == pytest.approx((25, 975))


def test_the_interval_of_several_pairs_worked_by_hand():
    draws = pd.DataFrame({"a": np.arange(1001.0), "b": np.arange(1001.0) - 10})
    assert bounds(draws) == pytest.approx((15, 977.5))  # 0.025 and 1 - 0.0125 of the lower one


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_more_pairs_never_make_a_claim_easier_to_support(seed, pairs):
    draws = pd.DataFrame(np.random.default_rng(seed).normal(size=(200, pairs + 1)))
    assert bounds(draws)[0] <= bounds(draws.iloc[:, :pairs])[0]


def simulated(means, samples=200, seed=0):
    """For many samples of scores about `means`: the claim's interval, and that of the plain minimum."""
    rng, k = np.random.default_rng(seed), len(means)
    for _ in range(samples):
        draws = pd.DataFrame(rng.normal(means, 1) + rng.standard_normal((1000, k)))
        yield bounds(draws), tuple(draws.min(axis=1).quantile([0.025, 0.975]))


@pytest.mark.parametrize("means", [[0.0], [0.0] * 7, [0.0, 0.0, 3.0, 6.0]])
def test_a_tie_is_called_neither_way_in_more_than_a_twentieth_of_samples(means):
    found = np.array([kept for kept, _ in simulated(means)])
    assert ((found[:, 0] > 0) | (found[:, 1] < 0)).mean() < 0.05 + 2 * np.sqrt(0.05 * 0.95 / len(found))


def test_the_percentiles_of_the_minimum_would_contradict_a_tie_of_seven():
    naive = np.array([plain for _, plain in simulated([0.0] * 7)])
    assert (naive[:, 1] < 0).mean() > 0.2


def test_a_resample_without_a_score_is_left_out():
    full = around(published(), 1e-6)
    holed = full.replicates.copy()
    holed.loc[3, ("V4", "age_mae")] = np.nan
    found = ledger([V4_OVER_V5], resampled(full.estimates, holed))
    pd.testing.assert_frame_equal(found, ledger([V4_OVER_V5], resampled(full.estimates, full.replicates.drop(index=3))))


def test_the_verdict_on_one_pair_is_that_of_its_paired_differences():
    index = pd.MultiIndex.from_tuples([("V4", "age_mae"), ("V5", "age_mae")])
    shared = np.random.default_rng(0).normal(0, 5, 500)  # what both systems find hard: it cancels
    draws = pd.DataFrame({index[0]: 3 + shared, index[1]: 3.1 + shared})
    row = ledger([V4_OVER_V5], resampled(pd.Series([3, 3.1], index), draws)).iloc[0]
    assert row["verdict"] == "supported"
    assert [row["low"], row["high"]] == pytest.approx([0.1, 0.1])


def test_a_claim_about_one_pair_has_the_interval_of_the_table_of_differences():
    corpus, systems = make_corpus(codes=("V4", "V5"), speakers=20)
    found = ledger([V4_OVER_V5], bootstrap(corpus.tasks, corpus.split("val"), systems, resamples=500)).iloc[0]
    table = differences(corpus, systems, references=["V4"], resamples=500).query("split == 'val'")
    row = table.set_index("metric").loc["age_mae"]  # V5 less V4: an error more of V5 is a point for V4
    assert found[["estimate", "low", "high"]].tolist() == pytest.approx(row[["difference", "low", "high"]].tolist())


def test_the_page_shows_verdict_interval_deciding_pair_and_the_papers_own_number():
    html = tables.ledger(ledger([V4_OVER_V5], around(published(), 1e-6)), ledger([V4_OVER_V5], published())).data
    for text in ("supported", "V4 over V5", "Age-MAE", "+0.0560 to +0.0560", "V4 does better."):
        assert text in html
    without = ledger(CLAIMS, published().drop("V7", level="code"))
    assert "no cou_uar of V7" in tables.ledger(without, ledger(CLAIMS, published())).data
