"""Scores of classes: the metrics' own values, and intervals over speakers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.bootstrap import bootstrap, intervals
from burst2vec.evaluation.classes import score_classes
from burst2vec.evaluation.metrics import macro_f1, uar
from tests.support.speakers import COUNTRY, make_system, make_truth

CRY = Task("cry", "classes", ("cry",), classes=("gasp", "laugh", "sob"))


def table(labels, speakers=None):
    return pd.DataFrame({"cry": labels, "speaker": speakers}, index=[f"{n}.wav" for n in range(len(labels))])


def test_the_estimates_are_those_of_the_metrics_and_of_scikit_learn():
    truth = make_truth()
    system = make_system(truth, 1)
    found = score_classes(COUNTRY, truth, system, resamples=10)
    known = truth[COUNTRY.labelled(truth)]
    pair = known[COUNTRY.columns[0]], system.loc[known.index, COUNTRY.columns[0]]
    assert found["metric"].tolist()[:2] == ["UAR", "macro-F1"]
    assert found["estimate"].tolist()[:2] == pytest.approx([uar(*pair), macro_f1(*pair)])
    classes = found["class"].tolist()[2:]
    assert found["estimate"].tolist()[2:] == pytest.approx(list(recall_score(*pair, labels=classes, average=None)))
    assert found["bursts"].tolist()[2:] == [(pair[0] == c).sum() for c in classes] and found["bursts"][0] == len(known)


def test_the_interval_of_the_uar_is_that_of_the_bootstrap_over_speakers():
    truth = make_truth()
    system = make_system(truth, 1)
    wanted = intervals(bootstrap([COUNTRY], truth, {"V1": system}, resamples=500, seed=2), "val").iloc[0]
    found = score_classes(COUNTRY, truth, system, resamples=500, seed=2).iloc[0]
    assert found[["low", "high"]].tolist() == pytest.approx(wanted[["low", "high"]].tolist())


def test_scores_by_hand():
    """Of two gasps one is heard; all three sobs are; the laugh is called a sob. Precision of sob: 3 of 4."""
    truth = table(["gasp", "gasp", "laugh", "sob", "sob", "sob"], list("aabbcc"))
    said = table(["gasp", "sob", "sob", "sob", "sob", "sob"])
    found = score_classes(CRY, truth, said, resamples=50).set_index(["metric", "class"])
    assert found["estimate"]["recall"].to_dict() == {"gasp": 0.5, "laugh": 0, "sob": 1}
    assert found["estimate"]["UAR", ""] == pytest.approx(0.5)
    assert found["estimate"]["macro-F1", ""] == pytest.approx((2 / 3 + 0 + 3 / 4) / 3)
    assert found["speakers"]["recall"].to_dict() == {"gasp": 1, "laugh": 1, "sob": 2}
    assert np.isnan(found["low"]["recall"]["gasp"]) and found["low"]["recall"]["sob"] == 1


def test_a_class_that_nobody_uttered_is_left_out_and_still_counts_as_wrong():
    truth = table(["gasp", "gasp", "sob", "sob"], list("abab"))
    found = score_classes(CRY, truth, table(["gasp", "laugh", "sob", "sob"]), resamples=50)
    assert found["class"].tolist() == ["", "", "gasp", "sob"]
    assert found["estimate"].tolist() == pytest.approx([0.75, (2 / 3 + 1) / 2, 0.5, 1])


def test_one_speaker_is_too_few():
    truth = table(["gasp", "sob"], ["a", "a"])
    with pytest.raises(ValueError, match="task cry: labelled bursts of 1 speaker; intervals over speakers need two"):
        score_classes(CRY, truth, truth)
