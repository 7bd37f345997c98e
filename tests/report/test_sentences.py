"""Sentences quote the numbers of Table 2."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from burst2vec.corpora.corpus import Task
from burst2vec.report import sentences
from burst2vec.report.sentences import describe_rise
from burst2vec.results.scores import table2
from tests.support.table2 import COUNTRY, made_up, measured


def test_headline_numbers_are_the_tables():
    head = sentences.headline_numbers(measured())
    val = measured().query("split == 'val'").set_index("code")["s_mtl"]
    assert head["best_single_code"] == val[["V1", "V4", "V6"]].idxmax()
    assert head["best_ensemble_s_mtl"] == f"{val['A']:.3f}"
    assert head["relative_gain"] == f"{100 * (val['A'] / val['Baseline'] - 1):.0f}"


def test_the_best_systems_are_named():
    said = sentences.describe_best(measured())
    assert "best single system is V6" in said and "best ensemble is A" in said and "above the baseline" in said


def test_a_corpus_of_other_tasks_has_nothing_to_quote():
    corpus, systems = made_up(tasks=(COUNTRY,))
    table = table2(corpus, systems, {})
    assert sentences.headline_numbers(table)["best_single_s_mtl"] == "–"
    assert sentences.describe_best(table) == ""


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
    ([0.1, 0.2, 0.3], "The CCC of feeling is best at the last step, 30: it may still be rising."),
    ([0.1, 0.3, 0.2], "The CCC of feeling is best at step 20 of 30; the validation after it was no better."),
    ([0.3, 0.3, 0.2], "The CCC of feeling is best at step 10 of 30; the 2 validations after it were no better.")])
def test_a_curve_that_still_rises_is_said_to(values, expected):
    rows = [(step, "validation", "feeling", "CCC", value) for step, value in zip((10, 20, 30), values, strict=True)]
    rows += [(30, "train", "feeling", "total", 9.0), (30, "validation", "other", "MAE", 0.0)]
    history = pd.DataFrame(rows, columns=["iteration", "stage", "task", "term", "value"])
    assert describe_rise(history, Task("feeling", "intensities", ("joy",))) == expected


def test_an_error_is_best_where_it_is_smallest():
    rows = [(step, "validation", "age", "MAE", value) for step, value in ((1, 4.0), (2, 3.0))]
    history = pd.DataFrame(rows, columns=["iteration", "stage", "task", "term", "value"])
    assert "the last step, 2" in describe_rise(history, Task("age", "scalar", ("age",), unit="years", low=20, high=40))
