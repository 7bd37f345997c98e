"""The landing page's sentences are right whichever system is best, on any corpus and with any backbones."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from burst2vec.config import Params
from burst2vec.report import landing
from burst2vec.results.intervals import score_intervals
from burst2vec.results.scores import table2
from tests.support.table2 import COUNTRY, made_up


def known(**scores):
    """Table 2 and intervals with these scores; a system is bold where its score is at least 0.4."""
    table = pd.DataFrame([{"code": code, "model": code, "split": "val", "s_mtl": score, "marks": ""}
                          for code, score in scores.items()])
    found = table.rename(columns={"s_mtl": "estimate"}).assign(
        metric="s_mtl", low=table["s_mtl"] - 0.1, high=table["s_mtl"] + 0.1, best=table["s_mtl"] >= 0.4)
    return table, found


def test_a_baseline_that_is_best_is_said_to_be_and_what_is_below_it_for_sure():
    assert landing.finding(*known(Baseline=0.5, V1=0.2, V2=0.3, C=0.35)) == (
        "Baseline is the best trained system, with 0.500 (0.400 to 0.600); the best variant of Burst2Vec is V2, with "
        "0.300 (0.200 to 0.400); the best ensemble is C, with 0.350 (0.250 to 0.450). The others are behind Baseline "
        "by more than the choice of speakers explains. All these are scores of each one's first seed, and the "
        "best were chosen by them; claims use all seeds.")


def test_an_order_that_speakers_could_turn_is_said_to_be_open():
    said = landing.finding(*known(Baseline=0.3, V1=0.45, C=0.5))
    assert said.startswith("C is the best trained system") and "the baseline has 0.300 (0.200 to 0.400)" in said
    assert "The choice of speakers alone could turn the order of C and V1. All these are scores" in said


def test_what_is_not_there_is_not_mentioned():
    alone = landing.finding(*known(V1=0.5))
    assert alone == "V1 is the best trained system, with 0.500 (0.400 to 0.600)."
    table, found = known(V1=0.5)
    assert landing.finding(table, found.iloc[:0]) == "No system has a score."


def test_every_sentence_is_there_for_a_corpus_of_one_task():
    corpus, systems = made_up(tasks=(COUNTRY,))
    table, found = table2(corpus, systems, {}), score_intervals(corpus, systems, resamples=50)
    said = landing.sentences(corpus, Params(), table, found)
    assert "best trained system" in said["finding"] and all(said.values())


def test_a_corpus_of_recordings_is_not_said_to_be_synthetic():
    corpus = made_up()[0]
    assert "synthetic" in landing.corpus_in_words(corpus)
    assert landing.corpus_in_words(dataclasses.replace(corpus, synthetic=False)) == "the recordings of made up"


@pytest.mark.parametrize("max_steps, expected", [
    (600, "small, pre-trained on vocal bursts and left as they are"),
    (601, "and left as they are in the first 600 steps"),
    (0, "and left as they are in the first 600 steps")])
def test_backbones_that_do_not_learn_are_said_to_be_left_as_they_are(max_steps, expected):
    said = landing.backbones_in_words(Params(backbone_size="small", head_steps=600, max_steps=max_steps))
    assert said.endswith(expected)
