"""The sentences of the dataset's page hold for whatever corpus there is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import Task
from burst2vec.inspection.acoustics import MEASURES
from burst2vec.inspection.association import associations, correlation_ratio
from burst2vec.report import dataset
from tests.support.planted import AGE, COUNTRY, EMOTION, planted


@pytest.fixture(scope="module")
def corpus():
    return planted(1, n=400)


def test_the_caption_of_labels_begins_with_the_medians_that_lie_farthest_apart():
    table = pd.DataFrame({"age": [20, 22, 30, 32, 25, None], "country": ["USA", "USA", "China", "China", None, "USA"]})
    assert dataset.caption_labels(AGE, COUNTRY, table).startswith(
        "The median age of bursts is 21.0 years in USA and 31.0 years in China: age and country in training")


def test_the_caption_of_durations_has_the_splits_that_there_are():
    seconds = np.array([1.0, 2.0, 3.0, 5.0])
    said = dataset.caption_durations(seconds, pd.Series(["train", "train", "train", "val"]))
    assert said.startswith("Half of the bursts are shorter than 2.00 s in training and 5.00 s in validation; one in")


def test_the_captions_of_intensities_count_them():
    table = pd.DataFrame({"Awe": [1.0, 1.0, 0.0, np.nan], "Fear": [0.05, 0.5, 1.0, np.nan]})
    assert dataset.caption_intensities(EMOTION, table).startswith(
        "Of all intensities, 33 % are below 0.1, and 50 % are 1")
    assert dataset.caption_frequencies(EMOTION, table).startswith(
        "Awe is the most frequent, as the strongest of a burst, with 67 % of the bursts, and Fear the least, with 33.3")
    sound = Task("sound", "classes", ("sound",), classes=("cough", "sigh"))
    said = dataset.caption_frequencies(sound, pd.DataFrame({"sound": ["sigh"] * 3 + ["cough"]}))
    assert said.startswith("sigh is the most frequent, as the class of a burst, with 75 %")
    said = dataset.caption_frequencies(AGE, pd.DataFrame({"age": [20.0, 21.0, 24.0]}))
    assert said.startswith("20–22.5 is the most frequent, as the band of age, with 67 %")


def test_the_caption_of_acoustics_counts_medians_between_published_quartiles():
    measured = pd.DataFrame({"emotion": "Amusement", "sex": "m", **dict.fromkeys(MEASURES, [1.0, 352.0, 900.0])})
    assert dataset.caption_acoustics(measured).startswith("Of 1 median of this corpus, 1 lies between")


def test_the_answer_says_how_much_there_is_and_what_a_constant_scores(corpus):
    said = dataset.in_short(corpus, np.full(400, 9.0), associations(corpus, corpus.table, repeats=5))
    eta = correlation_ratio(corpus.table["age"], corpus.table["country"])
    assert "400 bursts by 100 speakers, 1:00:00 in all (hours," in said
    assert f"{100 * eta:.0f} % of the variance of age" in said
    assert "emotion CCC 0.00, age MAE" in said and "years and country UAR 0.33 on validation" in said


@pytest.mark.parametrize("value, end", [
    (0.21, "in 95 of 100 cases), so one label can be learnt from the other."),
    (0.20, "in 95 of 100 cases), no more than chance shows."), (np.nan, "")])
def test_a_label_can_be_learnt_from_another_only_beyond_chance(value, end):
    key = pd.MultiIndex.from_tuples([("age × country", "correlation ratio η²")])
    said = dataset.scalar_and_classes([AGE, COUNTRY], pd.DataFrame({"value": value, "at_most": 0.2}, key))
    assert said.endswith(end) and bool(said) == bool(end)


def test_one_task_without_speakers_has_no_association_and_no_speakers(corpus):
    alone = dataclasses.replace(corpus, tasks=(COUNTRY,), table=corpus.table.assign(speaker=None))
    said = dataset.in_short(alone, np.full(400, 1.0), associations(alone, alone.table))
    assert "whose speakers are not known" in said and "variance" not in said
    assert "reaches country UAR 0.33 on validation" in said
