"""Slopes, ceiling and decomposition of S_MTL keep what they promise."""

from __future__ import annotations

import doctest

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burst2vec.evaluation.metrics import s_mtl
from burst2vec.results import sensitivity
from burst2vec.results.published import read_published
from burst2vec.results.sensitivity import contributions, decompose, slopes

share = st.floats(0.05, 1)
scores = st.tuples(share, share, st.floats(0, 8))
V4, V5 = (0.675, 0.638, 3.638), (0.675, 0.631, 3.694)


def test_slopes_worked_by_hand():
    assert s_mtl(0.5, 0.5, 2) == 0.5
    assert slopes(0.5, 0.5, 2) == pytest.approx((1 / 3, 1 / 3, -1 / 12))


@given(st.tuples(share, share, st.floats(0.1, 8)))
def test_slopes_are_those_of_small_steps(at):
    for part, slope in enumerate(slopes(*at)):
        step = 1e-6 * np.eye(3)[part]
        assert slope == pytest.approx((s_mtl(*(at + step)) - s_mtl(*(at - step))) / 2e-6, rel=1e-4)


def test_there_is_no_slope_where_the_score_is_0():
    assert np.isnan(slopes(0.0, 0.25, 4.2)).all()


@given(scores, scores)
def test_contributions_sum_to_the_difference(a, b):
    assert contributions(a, b).sum() == pytest.approx(s_mtl(*a) - s_mtl(*b), abs=1e-12)


@given(scores, scores)
def test_contributions_change_their_sign_when_the_systems_change_places(a, b):
    np.testing.assert_allclose(contributions(a, b), -contributions(b, a), atol=1e-12)


@given(scores, scores)
def test_a_part_speaks_for_the_system_that_is_better_at_it(a, b):
    better = np.sign([a[0] - b[0], a[1] - b[1], b[2] - a[2]])
    found = contributions(a, b)
    assert ((np.sign(found) == better) | (np.abs(found) < 1e-12)).all()


def test_a_part_that_does_not_differ_contributes_nothing():
    assert contributions(V4, V5)[0] == 0


def test_contributions_of_two_parts_worked_by_hand():
    a, b = (0.5, 0.5, 2.0), (0.5, 0.25, 5.0)  # of S 1/2 and 3/11; 1/3 with the UAR of a alone, 3/8 with its MAE alone
    uar = ((1 / 3 - 3 / 11) + (1 / 2 - 3 / 8)) / 2
    assert contributions(a, b) == pytest.approx([0, uar, 1 / 2 - 3 / 11 - uar])


def test_most_of_the_papers_gain_from_debiasing_is_age():
    found = decompose(read_published(), [("V4", "V5")]).set_index("part")["contribution"]
    assert found.sum() == pytest.approx(s_mtl(*V4) - s_mtl(*V5))
    assert found["mae"] > 0.7 * found.sum()


def test_contributions_reach_down_to_a_score_of_0():
    constant = (0.0, 0.25, 4.25)
    found = contributions(V4, constant)
    assert np.isfinite(found).all() and found.sum() == pytest.approx(s_mtl(*V4))


def test_the_ceiling_is_reached_by_perfect_emotion_and_country():
    table = read_published().assign(emo_ccc=1.0, cou_uar=1.0)
    found = sensitivity.sensitivity(table).query("split == 'val'")
    assert found["s_mtl"].tolist() == pytest.approx(found["ceiling"].tolist())


def test_the_constants_age_replaces_the_systems_own():
    table = read_published()
    constant = table.query("code == 'V1'").assign(code="Constant", emo_ccc=0.0, cou_uar=0.25, age_mae=4.25)
    found = sensitivity.sensitivity(pd.concat([table, constant]))
    row = found.query("code == 'V4' and split == 'val'").iloc[0]
    assert row["constant_age"] == pytest.approx(s_mtl(0.675, 0.638, 4.25))
    assert found.query("code == 'Constant' and split == 'val'")["s_mtl"].tolist() == [0]


def test_a_pair_that_is_not_scored_is_left_out():
    assert decompose(read_published(), [("V4", "V9"), ("V4", "V5")])["b"].unique().tolist() == ["V5"]


def test_a_corpus_without_s_mtl_is_refused():
    with pytest.raises(ValueError, match="has no S_MTL"):
        sensitivity.sensitivity(read_published().drop(columns="s_mtl"))


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(sensitivity).failed == 0
