"""A caption's first sentence says what its figure shows, counted from the table that the figure draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from burst2vec.report import captions
from tests.report.figures.test_claims import ROWS, SCORES
from tests.support.table2 import AGE


def test_ensembles_are_counted_by_metric():
    gains = pd.DataFrame({"metric": ["emo_ccc", "emo_ccc", "age_mae"], "over_best": [0.1, -0.1, 0.2]})
    assert "1 of 2 in Emo-CCC and 1 of 1 in Age-MAE." in captions.ensembles(gains)


def test_the_emotion_that_is_followed_best_is_named_and_the_worst():
    said = captions.output_scores(pd.DataFrame({"Awe": [0.1, 0.2], "Fear": [0.5, 0.7]}, index=["V1", "V2"]))
    assert said.startswith("Fear is followed best and Awe worst, with a CCC of 0.60 and 0.15")


def test_the_commonest_confusion_is_named_and_none_where_there_is_none():
    shares = pd.DataFrame([[0.6, 0.4], [0.1, 0.9]], index=["China", "USA"], columns=["China", "USA"])
    assert captions.confusion(shares, "V4").startswith("What V4 confuses most is China, which it takes for USA in 40 %")
    perfect = pd.DataFrame(np.eye(2), index=["China", "USA"], columns=["China", "USA"])
    assert captions.confusion(perfect, "V4") == "V4 takes no class for another on validation."


def test_an_age_error_counts_as_below_the_median_of_its_own_group():
    errors = pd.DataFrame({"code": ["V1", "V2", "Country median"] * 2, "group": ["China"] * 3 + ["USA"] * 3,
                           "error": [3, 4, 3.5, 4, 5, 4.5], "high": [3.4, 5, 4, 4.6, 6, 5]})
    said = captions.errors_by_group(errors, AGE, "country")
    assert said.startswith("In 2 of 4 pairs of system and country the error in age (years) is below that of the "
                           "country's own median, in 1 of them")


def test_the_discriminator_is_told_beside_a_blind_guess():
    rows = [("V1", step, "train", "emotion", "discriminator", value) for step, value in ((1, 2.0), (2, 1.0))]
    history = pd.DataFrame(rows, columns=["code", "iteration", "stage", "task", "term", "value"])
    assert "in nats, V1 1.000; a blind guess among 3 tasks loses 1.099" in captions.discriminator(history, 3)


def test_a_system_beats_the_constant_only_with_its_whole_interval():
    rows = [("V1", "age_mae", 4.0, 3.0, 4.4), ("V2", "age_mae", 4.0, 3.0, 4.6), ("Constant", "age_mae", 4.5, 4.0, 5.0),
            ("V1", "cou_uar", 0.5, 0.3, 0.6), ("V2", "cou_uar", 0.5, 0.2, 0.6),
            ("Constant", "cou_uar", 0.25, 0.25, 0.25)]
    said = captions.intervals(pd.DataFrame(rows, columns=["code", "metric", "estimate", "low", "high"]))
    assert "1 of 2 in Age-MAE and 1 of 2 in Cou-UAR." in said


@pytest.mark.parametrize("significant, verb", [(1, "1 is"), (2, "2 are"), (0, "0 are")])
def test_differences_are_counted_among_the_papers_comparisons(significant, verb):
    table = pd.DataFrame({"family": [True] * 3 + [False], "significant": [n < significant for n in range(3)] + [True],
                          "verdicts": ["agree", "agree", "paper only", ""]})
    assert captions.differences(table).startswith(
        f"Of 3 comparisons that the paper makes, {verb} significant by speaker, and 1 in the paper's test")
    assert "Of 0 comparisons" in captions.differences(table.assign(family=False))


def test_tests_over_bursts_and_over_speakers_are_told_apart():
    rates = pd.DataFrame({"test": ["paired t, bursts", "sign flips, speakers"], "rate": [0.3, 0.06],
                          "metric": ["age_mae", "emo_ccc"], "null": "guessed"})
    rates = pd.concat([rates, rates.assign(rate=[1.0, 0.4], null="unlike")], ignore_index=True)
    said = captions.false_positives(rates)
    assert "up to 30 % (Age-MAE, guessed) of equal pairs (*swapped* or *guessed*) different" in said
    assert "tests over speakers up to 40 % (Emo-CCC, unlike) of all equal pairs" in said


def test_the_ledgers_caption_begins_with_its_verdicts():
    said = captions.ledger(ROWS)
    assert said.startswith("Of 6 claims 1 is supported (“one”), 1 is contradicted (“four”), 2 are undecided")


def test_the_part_that_moves_most_is_counted():
    table = pd.DataFrame({"a": "V1", "b": "V2", "part": ["ccc", "uar", "mae"], "contribution": [0.1, -0.3, 0.2]})
    assert "moves most is country (UAR) in 1 of 1 pair." in captions.parts(table)


def test_seeds_are_compared_only_where_two_systems_have_several():
    assert captions.seeds(SCORES).startswith("Fewer than two systems")
    more = pd.concat([SCORES, SCORES.assign(code="V5", value=0.2), SCORES.assign(code="V5", seed=2, value=0.25)])
    assert "lie up to" in captions.seeds(more)
