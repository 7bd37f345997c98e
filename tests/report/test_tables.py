"""Tables on a page show the numbers, marks and symbols that they were given."""

from __future__ import annotations

import doctest
import json
import re

from burst2vec.report import tables
from burst2vec.results.published import read_published
from burst2vec.results.scores import parse_marks, table2
from tests.support.table2 import CODES, COUNTRY, made_up, measured


def cell(html, code, column):
    """The HTML of one cell of a rendered table."""
    rows = re.findall(r"<tr>(.*?)</tr>", html.data.split("<tbody>")[1], flags=re.S)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, flags=re.S) for row in rows]
    return next(row[column] for row in cells if row[0].startswith(f"{code}<"))


def test_withheld_test_labels_show_a_dash():
    assert cell(tables.render_table2(measured(withheld=True)), "V1", 5) == "–"


def test_without_a_test_split_there_are_no_test_columns():
    table = measured().query("split == 'val'")
    asked = [(split, metric) for split in ("val", "test") for metric in ("emo_ccc", "s_mtl")]
    assert "Validation" in tables.render_table2(table, columns=asked).data
    assert "Test" not in tables.render_table2(table, columns=asked).data
    assert tables.render_table2(table).data.count("Test") == tables.render_summary(table).data.count("Test") == 0


def test_a_corpus_of_other_tasks_shows_its_own_metrics():
    corpus, systems = made_up(tasks=(COUNTRY,))
    assert "Cou-UAR" in tables.render_table2(table2(corpus, systems, {})).data


def test_the_papers_own_best_numbers_are_found_best():
    val = read_published().query("split == 'val'")
    assert [tables.best_system(val, m) for m in ("emo_ccc", "cou_uar", "age_mae")] == ["C", "A", "A"]


def test_bold_is_the_best_trained_system_of_a_column():
    html = tables.render_table2(measured())
    val = measured().query("split == 'val'").set_index("code").loc[list(CODES)]
    winners = [val["emo_ccc"].idxmax(), val["cou_uar"].idxmax(), val["age_mae"].idxmin()]
    for column, winner in enumerate(winners, start=1):
        assert [code for code in CODES if "<b>" in cell(html, code, column)] == [winner]
    assert not any("<b>" in cell(html, "Chance", column) for column in range(1, 6))


def test_each_reference_has_its_own_symbol_and_the_legend_names_it():
    table = measured().copy()
    marked = (table["code"] == "Baseline") & (table["split"] == "val")
    table.loc[marked, "marks"] = "emo_ccc:V1,V6;age_mae:V4"
    html = tables.render_table2(table)
    symbols = dict(zip(("V1", "V4", "V6"), "♣♦♥", strict=True))
    for column, references in ((1, {"V1", "V6"}), (2, set()), (3, {"V4"})):
        shown = {reference for reference, symbol in symbols.items() if symbol in cell(html, "Baseline", column)}
        assert shown == references
    assert set(parse_marks(table.loc[marked, "marks"].item())) == {"emo_ccc", "age_mae"}
    for reference, symbol in symbols.items():
        assert re.search(f"{symbol}.? {reference}", html.data)
    assert "♠" in cell(html, "V1", 0) and "♠" not in cell(html, "V4", 0)


def test_published_numbers_stand_below_the_measured_ones():
    html = tables.render_table2(measured(), read_published())
    assert re.search(r"<small>0\.653", cell(html, "V1", 1))
    assert re.search(r"<small>0\.421", cell(html, "V1", 5))
    assert "<small>–" in cell(html, "V4", 5)
    assert "0.653" not in cell(tables.render_summary(measured(), read_published()), "V1", 1)


def test_a_rounded_zero_has_no_minus_sign():
    table = measured().assign(emo_ccc=-1e-5)
    assert "-0.000" not in tables.render_table2(table).data


def test_rendering_is_reproducible_and_scrolls_in_its_own_box():
    assert tables.render_table2(measured()).data == tables.render_table2(measured()).data
    assert tables.render_table2(measured()).data.startswith('<div style="max-width: 100%; overflow-x: auto">')


def test_the_environment_is_shown_as_recorded(tmp_path):
    assert "recorded no environment" in tables.render_environment(tmp_path).data
    (tmp_path / "environment.json").write_text(json.dumps({"cores": "2", "torch": "2.13 <cpu>"}))
    assert "2.13 &lt;cpu&gt;" in tables.render_environment(tmp_path).data


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(tables).failed == 0
