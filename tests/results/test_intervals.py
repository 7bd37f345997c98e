"""Which systems speakers cannot tell from the best follows from paired differences, not from overlapping intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from burst2vec.evaluation.bootstrap import Replicates
from burst2vec.results.intervals import gain_intervals, score_intervals, unresolved
from burst2vec.results.scores import table2
from tests.support.speakers import make_corpus


def replicates(**systems):
    """Resampled values of one error, by code; all systems share the noise of the speakers."""
    shared = np.random.default_rng(0).normal(size=1000)
    columns = {(code, "age_mae"): value + shared + own * np.random.default_rng(1).normal(size=1000)
               for code, (value, own) in systems.items()}
    table = pd.DataFrame(columns)
    table.columns = table.columns.set_names(["code", "metric"])
    return Replicates(pd.Series({key: systems[key[0]][0] for key in columns}).rename_axis(["code", "metric"]), table,
                      "speakers", 200)


def test_a_paired_difference_resolves_what_overlapping_intervals_do_not():
    boot = replicates(V1=(4.0, 0.0), V2=(4.1, 0.01), V3=(4.01, 0.1))
    low, high = boot.interval(boot.replicates.to_numpy())
    assert low[1] < high[0]  # the intervals of V1 and V2 overlap, and still V2 is worse on every resample
    assert unresolved(boot) == {("V1", "age_mae"), ("V3", "age_mae")}


def test_an_audio_free_baseline_is_never_the_best():
    assert unresolved(replicates(V1=(4.0, 0.0), Constant=(3.0, 0.0))) == {("V1", "age_mae")}


def test_the_best_of_each_metric_is_among_the_best():
    corpus, systems = make_corpus()
    table = score_intervals(corpus, systems, resamples=50)
    assert set(table["split"]) == {"val", "test"} and (table["low"] <= table["high"]).all()
    for _, rows in table[table["code"].isin(systems)].groupby(["split", "metric"]):
        turn = -1 if rows["metric"].iloc[0] == "age_mae" else 1
        assert rows.loc[(turn * rows["estimate"]).idxmax(), "best"]
    assert not table.loc[~table["code"].isin(systems), "best"].any()


def test_a_gain_lies_within_its_interval_and_an_ensemble_of_copies_gains_nothing():
    corpus, systems = make_corpus(("V1", "V2"))
    systems = systems | {"A": systems["V1"], "B": systems["V2"]}
    table = table2(corpus, systems, {})
    gains = gain_intervals(corpus, systems, table, {"A": ("V1", "V1"), "B": ("V1", "V2")}, resamples=50)
    copies, mixed = (gains[gains["ensemble"] == code] for code in "AB")
    assert (copies[["over_best", "over_best_low", "over_best_high", "over_mean_high"]].abs() < 1e-12).all(axis=None)
    assert mixed["over_mean"].between(mixed["over_mean_low"], mixed["over_mean_high"]).all()
    assert gain_intervals(corpus, systems, table, {}).empty
