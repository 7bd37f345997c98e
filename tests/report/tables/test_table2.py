"""Table 2 on a page shows the numbers, intervals, marks and symbols that it was given."""

from __future__ import annotations

import re

import pandas as pd

from burst2vec.report.tables.table2 import best_system, render_p_values, render_summary, render_table2
from burst2vec.results.published import read_published
from burst2vec.results.scores import parse_marks, table2
from tests.support.table2 import CODES, COUNTRY, made_up, measured


def cells(html):
    """The HTML of the cells of each row by the code of its system."""
    rows = re.findall(r"<tr>(.*?)</tr>", html.data.split("<tbody>")[1], flags=re.S)
    found = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.S) for row in rows]
    return {row[0].split("<")[0]: row for row in found}


def known(best=(), low=0.25):
    """Made-up intervals of every system and metric, in which the codes `best` are not resolved from the best."""
    metrics = ("emo_ccc", "cou_uar", "age_mae", "s_mtl")
    return pd.DataFrame([{"code": code, "split": split, "metric": metric, "estimate": 0.5, "low": low, "high": 0.75,
                          "best": code in best} for code in CODES for split in ("val", "test") for metric in metrics])


def test_withheld_test_labels_show_a_dash():
    assert cells(render_table2(measured(withheld=True)))["V1"][5] == "–"


def test_without_a_test_split_there_are_no_test_columns():
    table = measured().query("split == 'val'")
    asked = [(split, metric) for split in ("val", "test") for metric in ("emo_ccc", "s_mtl")]
    assert "Validation" in render_table2(table, columns=asked).data
    assert ">Test<" not in render_table2(table, columns=asked).data
    assert render_table2(table).data.count(">Test<") == render_summary(table).data.count(">Test<") == 0


def test_a_corpus_of_other_tasks_shows_its_own_metrics():
    corpus, systems = made_up(tasks=(COUNTRY,))
    table = table2(corpus, systems, {})
    assert "Cou-UAR" in render_table2(table).data and "Cou-UAR" in render_summary(table).data


def test_the_papers_own_best_numbers_are_found_best():
    val = read_published().query("split == 'val'")
    assert [best_system(val, m) for m in ("emo_ccc", "cou_uar", "age_mae")] == ["C", "A", "A"]


def test_bold_is_the_best_trained_system_of_a_column():
    shown = cells(render_table2(measured()))
    val = measured().query("split == 'val'").set_index("code").loc[list(CODES)]
    winners = [val["s_mtl"].idxmax(), val["emo_ccc"].idxmax(), val["cou_uar"].idxmax(), val["age_mae"].idxmin()]
    for column, winner in enumerate(winners, start=1):
        assert [code for code in CODES if "<b>" in shown[code][column]] == [winner]
    assert not any("<b>" in cell for cell in shown["Chance"])


def test_every_system_that_is_not_resolved_from_the_best_is_bold_and_the_legend_says_so():
    html = render_table2(measured(), intervals=known(best=("V4", "V6", "A")))
    assert [code for code, row in cells(html).items() if "<b>" in row[1]] == ["V4", "V6", "A"]
    assert "every one that is not resolved from it" in html.data
    assert "resolved" not in render_table2(measured()).data


def test_an_interval_stands_below_its_score_and_the_published_number_below_that():
    row = cells(render_table2(measured(), read_published(), intervals=known()))["V1"]
    assert re.search(r"<small>0\.250 to 0\.750</small><small>paper 0\.653", row[2])
    assert row[5].endswith("<small>paper 0.421</small>")
    assert "paper" not in cells(render_table2(measured(), read_published()))["V4"][5]  # the paper has no test score


def test_steps_have_a_column_of_their_own_where_they_are_known():
    shown = cells(render_table2(measured(), steps={"V1": 12_000}))
    assert (shown["V1"][-1], shown["A"][-1]) == ("12,000", "")
    assert ">Steps<" not in render_table2(measured()).data


def test_the_main_score_comes_first_on_a_phone():
    html = render_table2(measured()).data
    assert html.index("<sub>MTL</sub>") < html.index("Emo-CCC") < html.index("Age-MAE")


def test_the_summary_has_the_baseline_the_best_of_each_kind_and_the_audio_free_baselines():
    shown = cells(render_summary(measured(), read_published(), known()))
    assert list(shown) == ["Baseline", "V6", "A", "Constant", "Chance"]
    assert "0.653" not in shown["V6"][1] and "<small>0.250 to 0.750</small>" in shown["V6"][1]


def test_each_reference_has_its_own_symbol_and_the_legend_names_it():
    table = measured().copy()
    marked = (table["code"] == "Baseline") & (table["split"] == "val")
    table.loc[marked, "marks"] = "emo_ccc:V1,V6;age_mae:V4"
    html = render_table2(table)
    symbols, row = dict(zip(("V1", "V4", "V6"), "♣♦♥", strict=True)), cells(html)["Baseline"]
    for column, references in ((2, {"V1", "V6"}), (3, set()), (4, {"V4"})):
        assert {reference for reference, symbol in symbols.items() if symbol in row[column]} == references
    assert set(parse_marks(table.loc[marked, "marks"].item())) == {"emo_ccc", "age_mae"}
    for reference, symbol in symbols.items():
        assert re.search(f"{symbol}.? {reference}", html.data)
    assert "♠" in cells(html)["V1"][0] and "♠" not in cells(html)["V4"][0]


def test_a_rounded_zero_has_no_minus_sign():
    assert "−0.000" not in render_table2(measured().assign(emo_ccc=-1e-5)).data


def test_rendering_is_reproducible():
    assert render_table2(measured()).data == render_table2(measured()).data


def test_a_significant_p_value_is_bold_and_a_small_one_said_to_be_small():
    compared = pd.DataFrame({"system": ["V2", "V3"], "reference": "V1", "task": "age", "p_value": [0.2, 1e-9],
                             "significant": [False, True]})
    shown = cells(render_p_values(compared))
    assert (shown["V2"][1], shown["V3"][1]) == ("0.200", "<b>&lt; 0.001</b>")
