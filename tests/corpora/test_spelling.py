"""Which spellings may mean one name, and which words stand for a missing value."""

from __future__ import annotations

import unicodedata

import pytest

from burst2vec.corpora.spelling import alike, folded, is_missing, listed, trimmed


@pytest.mark.parametrize("spellings", [
    ("laugh", "Laugh", " laugh", "la ugh", "LAUGH", "laugh\u200b", "\ufefflaugh", "'laugh'"),
    ("1", "01", "1.0", "001", "1.00", "+1", "\uff11"), ("-0.5", "-00.50"), ("100", "0100", "100.0"), ("0", "00", "0.0"),
    ("Speaker_1", "speaker_01", "Speaker_001", "speaker-1", "Speaker 1"), ("a-b", "a_b", "a b", "A\u2013B"),
    ("3-f", "3_f"), ("Stra\u00dfe", "STRASSE"), ("P7b", "p07B"),
    ("\u00e9t\u00e9", unicodedata.normalize("NFD", "\u00e9t\u00e9"), "\u00c9T\u00c9"),
])
def test_spellings_of_one_name_fold_to_one(spellings):
    assert len({folded(name) for name in spellings}) == 1
    assert alike(spellings) == [sorted(spellings)]


@pytest.mark.parametrize("names", [
    ("1", "10", "11", "100"), ("1.05", "1.5"), ("1", "-1"), ("0.1", "0.01"), ("laugh", "laughs"), ("e", "\u00e9"),
    ("1.2.03", "1.2.30"), ("a", ""), ("P1", "P10"), ("1-2", "1_2", "12"), ("joy-", "joy"),
    ("-a", "a"), ("_", "-"), ("9" * 40, "9" * 39 + "8"),
])
def test_different_names_stay_different(names):
    assert len({folded(name) for name in names}) == len(names) and alike(names) == []


@pytest.mark.parametrize("word", ["", "NA", "na", "N/A", "None", "null", "NULL", "nan", "NaN", "-", "<NA>", "#N/A"])
def test_words_for_a_missing_value(word):
    assert is_missing(word)


@pytest.mark.parametrize("word", ["0", "-1", "no", "ZA", "nana", "unknown", "?", "x"])
def test_other_words_are_values(word):
    assert not is_missing(word)


def test_white_space_and_invisible_characters_are_trimmed_at_the_ends_alone():
    assert trimmed(" \u200b\u00a0a\u200bb\ufeff\t ") == "a\u200bb"


def test_names_are_listed_with_an_and():
    assert listed(["a"]) == "'a'" and listed("ab") == "'a' and 'b'" and listed("abc") == "'a', 'b' and 'c'"
