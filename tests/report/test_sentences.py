"""Sentences say what a training did, and what a run leaves out."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from burst2vec.corpora.corpus import Task
from burst2vec.report import sentences
from burst2vec.report.sentences import describe_rise


def test_what_a_run_leaves_out_is_named_with_the_recordings_that_are_missing(tiny_corpus):
    every = ["Baseline", *(f"V{n}" for n in range(1, 8)), *"ABC"]
    assert sentences.describe_left_out(tiny_corpus, every) == ""
    assert sentences.describe_left_out(tiny_corpus, [*every[:5], *every[6:]]) == (
        "Left out: V5, since this run has not made them.")
    without = dataclasses.replace(tiny_corpus, table=tiny_corpus.table.assign(raw=None))
    assert sentences.describe_left_out(without, ["Baseline", "V3", "V4", "V5"]) == (
        "Left out: V1, V2, V6 and V7, since this corpus has no raw recordings, which they need; A, B and C, since "
        "members of theirs are.")


@pytest.mark.parametrize(("values", "expected"), [
    ([0.1, 0.2, 0.3], "The CCC of feeling is best at the last step, 30: it may still improve."),
    ([0.1, 0.3, 0.2], "The CCC of feeling is best at step 20 of 30; the validation after it was no better."),
    ([0.3, 0.3, 0.2], "The CCC of feeling is best at step 10 of 30; the 2 validations after it were no better.")])
def test_a_curve_that_still_rises_is_said_to(values, expected):
    rows = [(step, "validation", "feeling", "CCC", value) for step, value in zip((10, 20, 30), values, strict=True)]
    rows += [(30, "train", "feeling", "total", 9.0), (30, "validation", "other", "MAE", 0.0)]
    history = pd.DataFrame(rows, columns=["iteration", "stage", "task", "term", "value"])
    assert describe_rise(history, Task("feeling", "intensities", ("joy",))) == expected


@pytest.mark.parametrize(("verdicts", "expected"), [
    (["helps", "undecided", "hurts", "helps"], "Of 4 {} pre-training helps in 2 and hurts in 1; 1 is undecided."),
    (["helps"], "Of 1 {} pre-training helps in 1."),
    (["undecided", "undecided (one seed)"], "In none of 2 {} is it decided whether pre-training helps.")])
def test_the_worth_of_pretraining_is_counted_without_the_score_that_follows_from_the_others(verdicts, expected):
    rows = [("V4", "emo_ccc", verdict) for verdict in verdicts] + [("V4", "s_mtl", "helps")]
    noun = "comparison" if len(verdicts) == 1 else "comparisons"
    compared = (f"{noun} of a variant with itself from random weights, on one metric each and each by itself, "
                "uncorrected for their number,")
    worth = pd.DataFrame(rows, columns=["code", "metric", "verdict"])
    assert sentences.describe_worth(worth) == expected.format(compared)


def test_without_trainings_from_random_weights_nothing_is_said_of_pretraining():
    assert "no trainings from random weights" in sentences.describe_worth(pd.DataFrame(columns=["metric", "verdict"]))


def test_an_error_is_best_where_it_is_smallest():
    rows = [(step, "validation", "age", "MAE", value) for step, value in ((1, 4.0), (2, 3.0))]
    history = pd.DataFrame(rows, columns=["iteration", "stage", "task", "term", "value"])
    assert "the last step, 2" in describe_rise(history, Task("age", "scalar", ("age",), unit="years", low=20, high=40))


@pytest.mark.parametrize(("params", "words"), [
    ({"backbone_size": "tiny"}, "tiny, with random weights"), ({}, "as published, pre-trained"),
    ({"backbone_size": "small"}, "small, pre-trained on vocal bursts"),
    ({"backbone_size": "small", "pretrained": False}, "small, with random weights"),
    ({"pretrained": False}, "as published, with random weights")])
def test_backbones_that_know_nothing_are_not_said_to_be_pre_trained(params, words):
    assert sentences.initial_weights(params) == words
