"""The ledger says of the paper's numbers what the paper says, and of others what they say."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burst2vec.config import Params
from burst2vec.evaluation.bootstrap import Replicates
from burst2vec.evaluation.crossed import Crossed, cross, cross_sums
from burst2vec.evaluation.differences import differences
from burst2vec.evaluation.speaker_sums import SpeakerSums, sum_by_speaker
from burst2vec.report.tables import claims as tables
from burst2vec.results import claims, runs
from burst2vec.results.claims import (
    ONE_SEED,
    Claim,
    ledger,
    paper_claims,
    published_estimates,
    published_ledger,
)
from burst2vec.results.published import read_published
from burst2vec.results.scores import write_table
from tests.support.speakers import TASKS, make_corpus, make_system, make_truth

CLAIMS = paper_claims()
NAMES = [claim.name for claim in CLAIMS]
V4_OVER_V5 = Claim("c", "s", "V4 does better.", "age_mae", (("V4", "V5"),))


def published(split="val"):
    return published_estimates(split)


def of_its_split(claim):
    """The published scores that the paper speaks of."""
    return published_estimates(claim.split)


def verdicts(scores, of=CLAIMS):
    return ledger(of, scores).set_index("claim")["verdict"]


def crossed(estimates, replicates, seed_sd=0.0, seeds=3):
    """As from so many speakers that the intervals over them are the plain percentiles."""
    numbers = pd.Series(seeds, estimates.index)
    variances = pd.Series(seed_sd**2 if seeds > 1 else np.nan, estimates.index)
    return Crossed(Replicates(estimates, replicates, "speakers", 10**9), variances, numbers)


def around(estimates, spread, resamples=400, seed=0, **seeds):
    """Replicates that scatter about the estimates, each score by itself."""
    noise = np.random.default_rng(seed).normal(0, spread, (resamples, len(estimates)))
    return crossed(estimates, pd.DataFrame(estimates.to_numpy() + noise, columns=estimates.index), **seeds)


def bounds(pairs, seed_sd=0.0, seeds=3):
    """The interval of a claim about as many pairs, whose differences have these replicates (resamples, pairs)."""
    names = [f"p{n}" for n in range(pairs.shape[1])]
    columns = pd.MultiIndex.from_product([[*names, "zero"], ["cou_uar"]], names=["code", "metric"])
    table = pd.DataFrame(np.column_stack([pairs, np.zeros(len(pairs))]), columns=columns)
    claim = Claim("c", "s", "", "cou_uar", tuple((name, "zero") for name in names))
    scores = crossed(table.median(), table, seed_sd, seeds)
    scores.variances["zero"] = 0.0
    return claim.interval(scores)


def test_the_papers_own_numbers_give_the_papers_conclusions():
    found = published_ledger(CLAIMS).set_index("claim")
    assert found["verdict"].to_dict() == dict.fromkeys(NAMES, "supported")
    assert found[["low", "high"]].isna().all(axis=None)


def test_on_validation_too_but_for_what_the_paper_says_of_test():
    found = verdicts(published())
    unlike = found[found != "supported"].to_dict()
    assert unlike == {"V1 is the best single system": "contradicted", "First in the challenge": "not tested"}
    assert all(claim.split == "test" for claim in CLAIMS if claim.name in unlike)


def test_the_conclusion_calls_v1_best_by_test_and_section_5_calls_v6_best_by_validation():
    first, second = (next(claim for claim in CLAIMS if claim.name == f"{code} is the best single system")
                     for code in ("V1", "V6"))
    assert (first.split, second.split) == ("test", "val")
    assert (published("test")["V1", "s_mtl"], published("test")["V6", "s_mtl"]) == (0.421, 0.417)
    printed = read_published().query("split == 'val'").set_index("code")["s_mtl"]
    assert (printed["V1"], printed["V6"]) == (0.448, 0.450)


def test_thirty_percent_is_meant_rounded_and_of_test():
    claim = next(claim for claim in CLAIMS if claim.name == "30 % above the baseline")
    scores = published("test")
    assert claim.statistics(scores).item() == pytest.approx(0.435 - 1.295 * 0.335)
    scores["A", "s_mtl"] = 1.29 * scores["Baseline", "s_mtl"]
    assert verdicts(scores, of=[claim])[claim.name] == "contradicted"


def test_the_papers_lead_over_the_countrys_median_is_a_thousandth_of_a_year():
    row = published_ledger(CLAIMS).set_index("claim").loc["Age is heard beyond the country"]
    assert row["weakest"] == "V2 over Country median" and row["estimate"] == pytest.approx(0.001)


def test_every_heading_of_section_5_has_its_claims():
    sections = [claim.section for claim in CLAIMS]
    others = ["Abstract", "Abstract", "Conclusions", "Not in the paper"]
    assert sections[-4:] == others and len(set(sections[:-4])) == 6
    assert len(set(NAMES)) == len(NAMES) == 17 + 4


@pytest.mark.parametrize("claim", CLAIMS, ids=NAMES)
def test_a_claim_is_contradicted_where_the_systems_of_one_pair_swap_their_scores(claim):
    for a, b in [pair for pair in claim.pairs if not claim.slack]:
        swapped = of_its_split(claim)
        if claim.factor != 1:
            continue
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
    estimates = of_its_split(claim)
    assert verdicts(around(estimates, 1.0), [claim])[claim.name] == "undecided"
    assert verdicts(around(estimates, 1e-6), [claim])[claim.name] == "supported"


@pytest.mark.parametrize("claim", CLAIMS, ids=NAMES)
def test_a_claim_that_holds_beyond_speakers_is_undecided_where_seeds_vary_more(claim):
    estimates = of_its_split(claim)
    assert verdicts(around(estimates, 1e-6, seed_sd=1.0), [claim])[claim.name] == "undecided"


@pytest.mark.parametrize("claim", CLAIMS, ids=NAMES)
def test_with_one_seed_a_claim_is_at_most_undecided_whichever_way_it_falls(claim):
    for turn in (1, -1):
        row = ledger([claim], around(turn * of_its_split(claim), 1e-6, seeds=1)).iloc[0]
        assert row["verdict"] == ONE_SEED == "undecided (one seed)"
        assert row["note"] == f"one seed of {', '.join(claim.systems)}" and np.isfinite([row["low"], row["high"]]).all()


def test_one_variant_with_one_seed_is_enough_to_leave_a_claim_undecided():
    scores = around(published(), 1e-6)
    scores.variances["V2"] = np.nan
    found = ledger(CLAIMS, scores).set_index("claim")
    assert found.loc["Debiasing helps overall", ["verdict", "note"]].tolist() == [ONE_SEED, "one seed of V2"]
    assert found.loc["Debiasing helps V5 on country", "verdict"] == "supported"


@pytest.mark.parametrize("claim", CLAIMS, ids=NAMES)
def test_a_claim_is_not_tested_where_one_of_its_systems_is_absent_and_says_which(claim):
    for code in claim.systems:
        row = ledger([claim], of_its_split(claim).drop(code, level="code")).iloc[0]
        assert row["verdict"] == "not tested" and row["note"] == f"no {claim.metric} of {code}"
        assert np.isnan(row["estimate"])


def test_of_the_papers_test_column_few_claims_can_be_told():
    found = verdicts(published("test"))
    assert set(found.index[found != "not tested"]) == {
        "A is the best ensemble", "30 % above the baseline", "First in the challenge", "V1 is the best single system"}


def test_an_unscored_system_is_absent():
    empty = published()
    empty["V4", "age_mae"] = np.nan
    assert verdicts(empty)["Debiasing helps on age"] == "not tested"


def test_no_ensemble_leaves_nothing_to_compare():
    found = ledger(paper_claims(ensembles={}), published()).set_index("claim")
    assert found.loc["Ensembling helps", "note"] == "no systems to compare"
    without = ["A is the best ensemble", "30 % above the baseline", "First in the challenge"]
    assert (found.loc[without, "verdict"] == "not tested").all()


def test_the_file_of_claims_begins_with_claim_verdict_estimate_low_and_high(tmp_path):
    write_table(ledger(CLAIMS, published()).assign(split="val"), tmp_path / "claims.csv")
    header = (tmp_path / "claims.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header.split(",")[:5] == ["claim", "verdict", "estimate", "low", "high"]


def test_random_backbones_leave_what_is_about_pretraining_not_tested_but_shown():
    worse = -published()  # every order is reversed: what is tested comes out contradicted or not on par
    trained, scores = ledger(CLAIMS, around(worse, 1e-6)), around(worse, 1e-6)
    found = ledger(CLAIMS, scores, random=[*runs.VARIANTS, "A", "B", "C"])
    about = found["section"].isin(["Effect of Pre-trained Speech Representation Models", "Abstract", "Conclusions",
                                   "Different Speech Representation Models"])
    assert about.sum() == 6 + 3
    assert set(found.loc[about, "verdict"]) == {"not tested"}
    absent = found["claim"] == "First in the challenge"
    assert set(found.loc[about & ~absent, "note"]) == {"no pre-trained weights in this run"}
    pd.testing.assert_frame_equal(found[["estimate", "low", "high", "weakest"]],
                                  trained[["estimate", "low", "high", "weakest"]])
    pd.testing.assert_frame_equal(found[~about], trained[~about])
    assert "contradicted" in set(trained.loc[about, "verdict"])


def test_small_backbones_leave_what_compares_backbones_not_tested_and_judge_the_rest():
    trained = ledger(CLAIMS, around(published(), 1e-6))
    found = ledger(CLAIMS, around(published(), 1e-6), small=runs.VARIANTS)
    unlike = found["note"] == "small backbones, pre-trained unlike each other"
    assert set(found.loc[unlike, "claim"]) == {
        "V6 is the best single system", "V2, V3 and V5 are on par", "V2 is the best of them on country",
        "V3 is the best of them on age", "V5 is the best of them on emotion", "V1 is the best single system"}
    assert set(found.loc[unlike, "verdict"]) == {"not tested"} and found.loc[unlike, "low"].notna().all()
    pd.testing.assert_frame_equal(found[~unlike], trained[~unlike])
    verdict = found.set_index("claim")["verdict"]
    assert verdict["Pre-trained beats the baseline"] == verdict["Debiasing helps overall"] == "supported"


def test_from_random_weights_small_backbones_are_said_to_be_random():
    found = ledger(CLAIMS, published(), random=["V1"], small=["V2"])
    row = found.set_index("claim").loc["V6 is the best single system"]
    assert row[["verdict", "note"]].tolist() == ["not tested", "no pre-trained weights in this run"]


def test_claims_between_unlike_backbones_say_so():
    backbones = {code: Params.resolve({"variant": code}).backbone for code in runs.VARIANTS}
    for claim in CLAIMS:
        unlike = [pair for pair in claim.pairs if set(pair) <= set(backbones) and len({backbones[c] for c in pair}) > 1]
        assert claim.compares_backbones == bool(unlike), claim.name


def test_one_random_backbone_spares_the_claims_that_do_not_name_it():
    found = ledger(CLAIMS, published(), random=["V1"]).set_index("claim")["verdict"]
    assert set(found.index[found == "not tested"]) == {
        "Pre-trained beats the baseline", "V6 is the best single system", "First in the challenge",
        "V1 is the best single system"}


def test_what_is_absent_is_said_before_what_is_not_pretrained():
    row = ledger(CLAIMS, published().drop("V3", level="code"), random=["V2"]).set_index("claim")
    assert row.loc["V2, V3 and V5 are on par", "note"] == "no s_mtl of V3"


def test_a_lower_age_error_supports():
    for ours, theirs, expected in ((3.0, 3.5, 0.5), (4.0, 3.0, -1.0)):
        scores = pd.Series({("V4", "age_mae"): ours, ("V5", "age_mae"): theirs})
        assert V4_OVER_V5.statistics(scores)["V4 over V5"] == expected


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
    rounding = 0.465**2 / 3 * 0.0005 * (1 / 0.70**2 + 1 / 0.69**2 + 1)  # of one system, with all parts at their worst
    assert lead > 2 * rounding


def test_without_variance_over_seeds_the_interval_of_one_pair_is_its_percentiles():
    draws = pd.DataFrame({"V4 over V5": np.arange(1001.0)})
    assert bounds(draws) == pytest.approx((25, 975))


def test_the_interval_over_speakers_and_seeds_worked_by_hand():
    draws = pd.DataFrame({"V4 over V5": np.arange(1001.0)})  # 500, and 475 to either bound
    margin = 4.302653 * 300 / np.sqrt(3)  # three seeds: the t of 2 degrees of freedom
    expected = 500 - np.hypot(475, margin), 500 + np.hypot(475, margin)
    assert bounds(draws, seed_sd=300) == pytest.approx(expected, rel=1e-6)


def test_the_interval_of_several_pairs_worked_by_hand():
    draws = pd.DataFrame({"a": np.arange(1001.0), "b": np.arange(1001.0) - 10})
    assert bounds(draws) == pytest.approx((15, 977.5))  # 0.025 and 1 - 0.0125 of the lower one


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_more_pairs_never_make_a_claim_easier_to_support(seed, pairs):
    draws = pd.DataFrame(np.random.default_rng(seed).normal(size=(200, pairs + 1)))
    assert bounds(draws)[0] <= bounds(draws.iloc[:, :pairs])[0]


@functools.cache
def simulated(means, samples=200, seed=0):
    """For many samples of scores about `means`: the claim's interval, and that of the plain minimum."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(samples):
        draws = pd.DataFrame(rng.normal(means, 1) + rng.standard_normal((1000, len(means))))
        found.append((bounds(draws), tuple(draws.min(axis=1).quantile([0.025, 0.975]))))
    return found


@pytest.mark.parametrize("means", [(0.0,), (0.0,) * 7, (0.0, 0.0, 3.0, 6.0)])
def test_a_tie_is_called_neither_way_in_more_than_a_twentieth_of_samples(means):
    found = np.array([kept for kept, _ in simulated(means)])
    assert ((found[:, 0] > 0) | (found[:, 1] < 0)).mean() < 0.05 + 2 * np.sqrt(0.05 * 0.95 / len(found))


def test_the_percentiles_of_the_minimum_would_contradict_a_tie_of_seven():
    naive = np.array([plain for _, plain in simulated((0.0,) * 7)])
    assert (naive[:, 1] < 0).mean() > 0.2


def test_a_resample_without_a_score_is_left_out():
    full = around(published(), 1e-6)
    holed, fewer = full.means.replicates.copy(), full.means.replicates.drop(index=3)
    holed.loc[3, ("V4", "age_mae")] = np.nan
    found, expected = (ledger([V4_OVER_V5], crossed(published(), draws)) for draws in (holed, fewer))
    pd.testing.assert_frame_equal(found, expected)


def test_the_verdict_on_one_pair_is_that_of_its_paired_differences():
    index = pd.MultiIndex.from_tuples([("V4", "age_mae"), ("V5", "age_mae")])
    shared = np.random.default_rng(0).normal(0, 5, 500)  # what both systems find hard cancels
    draws = pd.DataFrame({index[0]: 3 + shared, index[1]: 3.1 + shared})
    row = ledger([V4_OVER_V5], crossed(pd.Series([3, 3.1], index), draws)).iloc[0]
    assert row["verdict"] == "supported"
    assert [row["low"], row["high"]] == pytest.approx([0.1, 0.1])


def test_with_one_seed_the_interval_is_that_of_the_table_of_differences():
    corpus, systems = make_corpus(codes=("V4", "V5"), speakers=20)
    seeds = {code: {0: table} for code, table in systems.items()}
    found = ledger([V4_OVER_V5], cross(corpus.tasks, corpus.split("val"), seeds, resamples=500)).iloc[0]
    table = differences(corpus, systems, references=["V4"], resamples=500).query("split == 'val'")
    row = table.set_index("metric").loc["age_mae"]  # V5 less V4: an error more of V5 is a point for V4
    assert found[["estimate", "low", "high"]].tolist() == pytest.approx(row[["difference", "low", "high"]].tolist())


@pytest.mark.parametrize("seeds", [2, 3])
def test_of_one_system_fed_as_two_the_ledger_says_nothing_in_95_of_100_runs(seeds):
    """The seeds of one variant, dealt at random to V1, V2, V4 and V5, and 40 speakers drawn from a population."""
    rng = np.random.default_rng(seeds)
    population = make_truth(speakers=1000, bursts=5)
    systems = {f"seed {n}": make_system(population, 100 + n, 0.3 * np.exp(0.1 * rng.normal())) for n in range(40)}
    sums, codes = sum_by_speaker(TASKS, population, systems), ("V1", "V2", "V4", "V5")
    stated = [claim for claim in CLAIMS if set(claim.systems) <= set(codes) and not claim.slack]
    assert len(stated) == 4
    said = 0
    for run in range(100):
        speakers, dealt = rng.integers(1000, size=40), rng.choice(40, 4 * seeds, replace=False)
        drawn = SpeakerSums(sums.values[speakers][:, dealt], tuple(f"s{n}" for n in dealt), sums.tasks, "speakers")
        scores = cross_sums(drawn, [code for code in codes for _ in range(seeds)], resamples=200, seed=run)
        said += ledger(stated, scores)["verdict"].isin(["supported", "contradicted"]).any()
    assert said <= 5


def test_two_systems_that_differ_beyond_speakers_and_seeds_are_told_apart():
    truth, rng = make_truth(speakers=80, bursts=5), np.random.default_rng(0)
    noise = {"V4": 0.1, "V5": 0.6}
    predictions = {code: {n: make_system(truth, 10 * place + n, level * np.exp(0.05 * rng.normal()))
                          for n in range(3)} for place, (code, level) in enumerate(noise.items())}
    assert verdicts(cross(TASKS, truth, predictions, 500), [V4_OVER_V5]).item() == "supported"
    turned = {"V4": predictions["V5"], "V5": predictions["V4"]}
    assert verdicts(cross(TASKS, truth, turned, 500), [V4_OVER_V5]).item() == "contradicted"


def test_the_page_shows_verdict_interval_deciding_pair_and_the_papers_own_number():
    html = tables.render_ledger(ledger([V4_OVER_V5], around(published(), 1e-6)), ledger([V4_OVER_V5], published())).data
    for text in ("supported", "V4 over V5", "Age-MAE", "+0.0560 to +0.0560", "V4 does better."):
        assert text in html
    without = ledger(CLAIMS, published().drop("V7", level="code"))
    assert "no Cou-UAR of V7" in tables.render_ledger(without, published_ledger(CLAIMS)).data


def test_a_claim_about_variants_that_were_not_trained_equally_long_says_so():
    claim = Claim("c", "s", "x", "s_mtl", (("V6", "V7"), ("V6", "V5")))
    equal, unequal = ({"V5": {240}, "V6": {240}, "V7": steps} for steps in ({240}, {1_456, 900}))
    assert ledger([claim], published(), steps=equal)["note"].item() == "a point, without interval"
    assert ledger([claim], published(), steps=unequal)["note"].item() == (
        "a point, without interval; trained for 240 steps (V6, V5), 900 to 1,456 steps (V7)")
    whole = Claim("c", "s", "x", "s_mtl", (("A", "V4"),))
    assert "steps (V1)" in ledger([whole], published(), steps={"V1": {7}, "V2": {9}})["note"].item()
    assert ledger([claim], published())["note"].item() == "a point, without interval"
