"""What a run could have shown is set beside what the paper reports."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from burst2vec.evaluation.bootstrap import Replicates
from burst2vec.evaluation.crossed import Crossed
from burst2vec.results.claims import paper_claims, published_estimates
from burst2vec.results.power import COLUMNS, detectable_differences

CLAIMS = paper_claims()


def scores(speakers=100, spread=0.01, seed_sd=0.0, seeds=3):
    """The published scores, with replicates that scatter independently by `spread`."""
    estimates = published_estimates()
    noise = np.random.default_rng(0).normal(0, spread, (2000, len(estimates)))
    replicates = pd.DataFrame(estimates.to_numpy() + noise, columns=estimates.index)
    variances = pd.Series(seed_sd**2 if seeds > 1 else np.nan, estimates.index)
    means = Replicates(estimates, replicates, "speakers", speakers)
    return Crossed(means, variances, pd.Series(seeds, estimates.index))


def table(**options):
    return detectable_differences(CLAIMS, scores(**options)).set_index("claim")


def test_every_claim_stands_beside_the_papers_weakest_pair_and_its_effect():
    found = table()
    assert [found.index.name, *found] == COLUMNS and list(found.index) == [claim.name for claim in CLAIMS]
    best = found.loc["V6 is the best single system"]
    assert best["pair"] == "V6 over V4" and best["paper"] == pytest.approx(0.001, abs=1e-4)
    assert found.loc["Debiasing helps V5 on country", "paper"] == pytest.approx(0.007)
    assert found.loc["V1 is the best single system", "paper"] == pytest.approx(0.004)  # on test


def test_without_variance_over_seeds_speakers_alone_decide_what_shows():
    row = table(speakers=10**6).loc["Debiasing helps V5 on country"]
    error = 0.01 * np.sqrt(2)  # of a difference of two
    assert row["detectable_speakers"] == pytest.approx((1.959964 + 0.841621) * error, rel=0.05)
    assert row["detectable"] == row["detectable_speakers"]


def test_exvos_568_speakers_show_what_is_smaller_by_the_root_of_their_number():
    row = table(speakers=142).loc["Debiasing helps V5 on country"]
    assert row["detectable"] / row["exvo"] == pytest.approx(2, rel=0.02)  # 568 is 4 × 142


def test_more_speakers_do_not_help_against_seeds():
    row = table(spread=1e-6, seed_sd=0.01).loc["Debiasing helps V5 on country"]
    error = 0.01 / np.sqrt(3)
    assert row["detectable"] == pytest.approx((4.302653 + 1.060660) * np.sqrt(2) * error, rel=1e-3)  # t of 2 degrees
    assert row["exvo"] == pytest.approx(row["detectable"], rel=1e-3)
    assert row["exvo_speakers"] < 1e-5


def test_with_one_seed_only_speakers_can_be_told():
    found = table(seeds=1)
    assert found[["detectable", "exvo"]].isna().all(axis=None)
    known = found.index != "First in the challenge"
    assert found.loc[known, ["detectable_speakers", "exvo_speakers"]].notna().all(axis=None)


def test_what_the_run_does_not_have_is_left_empty():
    row = table().loc["First in the challenge"]  # the other participants are in no run
    assert row["paper"] == pytest.approx(0.435 - 0.412)
    assert row[["detectable", "detectable_speakers", "exvo", "exvo_speakers"]].isna().all()
