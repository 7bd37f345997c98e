"""A page has words where a file has the names of columns, and no more digits than say something."""

from __future__ import annotations

import doctest

import pytest

from burst2vec.report import words


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(words).failed == 0


@pytest.mark.parametrize("where", ["html", "markdown", "figure"])
def test_no_metric_keeps_its_underscore(where):
    assert "_" not in words.metric_name("emo_ccc", where) and "s_mtl" not in words.metric_name("s_mtl", where)


def test_the_words_of_columns_are_words():
    assert not [name for name in words.COLUMNS.values() if "_" in name or "*" in name]


def test_a_p_value_that_rounds_to_nothing_is_said_to_be_small():
    assert [words.p_value(p) for p in (0.0, 0.00099, 0.001, 1.0)] == ["< 0.001", "< 0.001", "0.001", "1.000"]
