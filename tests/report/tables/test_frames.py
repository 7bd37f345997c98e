"""Any data frame becomes a table with words, sensible digits and cells that a screen reader can announce."""

from __future__ import annotations

import doctest
import json
import re

import numpy as np
import pandas as pd

from burst2vec.report.tables import frames
from burst2vec.report.tables.frames import boxed, render_environment


def body(html):
    """The text of each row of a table's body, small print included."""
    rows = re.findall(r"<tr>(.*?)</tr>", html.data.split("<tbody>")[1], flags=re.S)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.S) for row in rows]


def test_the_example_in_the_docstring_runs():
    assert doctest.testmod(frames).failed == 0


def test_no_name_of_a_column_or_of_a_metric_reaches_the_page():
    html = boxed(pd.DataFrame({"metric": ["emo_ccc", "s_mtl"], "over_best": [0.1, 0.2], "p_holm": [1e-5, 0.5]})).data
    assert not re.search("over_best|emo_ccc|s_mtl|p_holm", html)
    assert "gain over the best member" in html and "Emo-CCC" in html


def test_a_small_p_value_is_said_to_be_small_and_a_count_has_no_decimals():
    table = pd.DataFrame({"code": ["V1"], "p_value": [1e-9], "iterations": [12_000], "on": [True], "mae": [np.nan]})
    assert body(boxed(table)) == [["V1", "&lt; 0.001", "12,000", "yes", "–"]]


def test_a_columns_numbers_share_their_digits():
    table = pd.DataFrame({"code": ["a", "b"], "seconds": [12.345, 1.0], "gap": [-0.00123, 0.0456]})
    assert [row[1:] for row in body(boxed(table))] == [["12.35", "−0.0012"], ["1.00", "0.0456"]]


def test_bounds_stand_below_what_they_bound_and_nowhere_else():
    rows = [["V4", 0.5, -0.25, 0.75, 0.3, 0.1, np.nan]]
    columns = ["code", "difference", "low", "high", "floor", "floor_low", "floor_high"]
    assert body(boxed(pd.DataFrame(rows, columns=columns))) == [["V4", "0.500<small>−0.250 to 0.750</small>", "0.300"]]


def test_bounds_without_an_estimate_of_numbers_keep_their_columns():
    table = pd.DataFrame({"code": ["V4"], "low": [0.25], "high": [0.75]})
    assert body(boxed(table)) == [["V4", "0.250", "0.750"]]


def test_every_cell_of_the_head_has_its_scope_and_every_row_its_name():
    columns = pd.MultiIndex.from_tuples([("", "System"), ("Validation", "CCC"), ("Validation", "UAR"), ("Test", "CCC")])
    html = boxed(pd.DataFrame([["V1", "0.5", "0.4", "0.3"]], columns=columns), caption="Scores").data
    assert '<th scope="colgroup" colspan="2">Validation</th><th scope="colgroup">Test</th>' in html
    assert html.count('scope="col"') == 4 and '<th scope="row" class="first">V1</th>' in html
    assert "<caption><span>Scores</span></caption>" in html and html.count("<caption") == 1


def test_words_stand_on_the_left_and_numbers_on_the_right():
    html = boxed(pd.DataFrame({"code": ["V1"], "said": ["more than before"], "share": ["<b>9</b> of 11"]})).data
    assert '<td class="words">more than before</td><td><b>9</b> of 11</td>' in html


def test_a_line_separates_the_rows_from_a_given_one_on():
    html = boxed(pd.DataFrame({"code": ["V1", "Constant"]}), rule_above=1).data
    assert '<th scope="row" class="first">V1' in html and '<th scope="row" class="first below">Constant' in html


def test_an_empty_table_has_its_head():
    html = boxed(pd.DataFrame({"code": [], "share": []}))
    assert body(html) == [] and "share" in html.data


def test_the_environment_is_shown_as_recorded(tmp_path):
    assert "recorded no environment" in render_environment(tmp_path).data
    (tmp_path / "environment.json").write_text(json.dumps({"cores": "2", "torch": "2.13 <cpu>"}))
    assert "2.13 &lt;cpu&gt;" in render_environment(tmp_path).data
