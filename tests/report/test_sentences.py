"""Sentences quote the numbers of Table 2."""

from __future__ import annotations

from burst2vec.report import sentences
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
