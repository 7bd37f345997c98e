"""The page on preprocessing says what its sample holds, of whichever kinds of audio there are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from burst2vec.report import preprocessing as told


@pytest.fixture
def survey():
    """Three recordings: raw ones 10 dB apart, own ones all at -3 dB, provided ones of which 2 % are clipped."""
    rows = [(f"{place}", kind, 1.0, level, 1.0, clipped) for place in range(3) for kind, level, clipped in (
        ("raw", -10.0 * place, 0.0), ("own", -3.0, 0.001), ("provided", -4.0 - place, 0.02))]
    return pd.DataFrame(rows, columns=["file", "audio", "seconds", "level", "peak", "clipped"])


def test_the_table_has_a_row_for_each_kind_of_audio(survey):
    assert told.survey_table(survey).to_numpy().tolist() == [
        ["raw recordings", "0.000", "1.0", "−10.0"],
        ["recordings by our own preprocessing", "0.100", "1.0", "−3.0"],
        ["recordings as provided", "2.000", "1.0", "−5.0"]]


def test_captions_say_how_far_levels_lie_apart_and_what_is_clipped(survey):
    assert told.describe_levels(survey) == (
        "The middle 90 % of levels span 18.0 dB in raw recordings, 0.0 dB in recordings by our own preprocessing and "
        "1.8 dB in recordings as provided.")
    assert told.describe_clipping(survey) == (
        "The share of samples that are clipped, at the largest magnitude of their recording, is 0.0 % in raw "
        "recordings, 0.1 % in recordings by our own preprocessing and 2.0 % in recordings as provided.")
    assert "recording of the sample, 2.00 % of the samples" in told.describe_example(0.02)


def test_aliases_are_what_is_left_above_half_the_sample_rate():
    gains = {"ours": np.array([0.0, -1.0, -150.0]), "theirs": np.array([0.0, 0.0, -20.4])}
    assert told.describe_aliases([7000, 8000, 9500], gains) == (
        "Of tones above 8.05 kHz, ours leaves up to −150 dB and theirs leaves up to −20 dB.")


def test_in_short_compares_both_kinds_where_there_are_both(survey):
    said = told.summarise(survey, ["provided", "own"])
    assert "measured on 3 recordings, drawn at random" in said and "span 0.0 dB" in said
    alone = told.summarise(survey[survey["audio"] == "provided"], ["provided"])
    assert "Our preprocessing" not in alone and "This corpus has no raw recordings of every burst" in alone
