"""Table 2 holds what the definitions say, and the tables beside it count and compare it."""

from __future__ import annotations

import doctest

import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.bootstrap import bootstrap, intervals
from burst2vec.evaluation.significance import compare
from burst2vec.results import scores
from burst2vec.results.published import read_published
from burst2vec.results.scores import metric_columns, parse_marks, table2
from tests.support.table2 import AGE, CODES, COUNTRY, TASKS, made_up, measured


def test_the_columns_of_table_2():
    assert list(measured()) == ["code", "model", "split", "emo_ccc", "cou_uar", "age_mae", "s_mtl", "marks"]


def test_every_system_and_audio_free_baseline_has_a_row_for_each_split():
    codes = [*CODES, "Constant", "Country median", "Chance"]
    assert measured()["code"].tolist() == 2 * codes
    assert measured()["split"].tolist() == ["val"] * len(codes) + ["test"] * len(codes)


def test_metrics_are_those_of_the_definitions():
    corpus, systems = made_up()
    val, found = corpus.split("val"), measured().query("code == 'V4' and split == 'val'").iloc[0]
    guess = systems["V4"].loc[val.index]
    assert found.age_mae == pytest.approx((guess["age"] - val["age"]).abs().mean())
    recalls = (guess["country"] == val["country"]).groupby(val["country"]).mean()
    assert found.cou_uar == pytest.approx(recalls.mean())
    assert found.s_mtl == pytest.approx(3 / (1 / found.emo_ccc + 1 / found.cou_uar + found.age_mae))


def test_marks_stand_exactly_where_the_test_on_predictions_is_significant():
    corpus, systems = made_up()
    on_errors = 0
    for row in measured().itertuples():
        marks = parse_marks(row.marks)
        for column, task in metric_columns(TASKS).items():
            p_values = {of: {r: compare(task, corpus.split(row.split), systems[row.code], systems[r], of).p_value
                             for r in ("V1", "V4", "V6") if row.code in systems and r != row.code}
                        for of in ("predictions", "errors")}
            assert marks.get(column, []) == [r for r, p in p_values["predictions"].items() if p <= 0.05]
            on_errors += marks.get(column, []) != [r for r, p in p_values["errors"].items() if p <= 0.05]
    assert measured()["marks"].ne("").sum() > 2
    assert on_errors > 2


def test_a_system_that_is_better_without_a_shift_has_no_mark_of_the_t_test():
    corpus, systems = made_up()
    val = corpus.split("val")
    errors = compare(AGE, val, systems["A"], systems["V1"], "errors")
    assert errors.significant and measured().query("code == 'A' and split == 'val'")["age_mae"].item() < 2
    assert "age_mae" not in parse_marks(measured().query("code == 'A' and split == 'val'")["marks"].item())


def test_the_table_comes_back_from_its_file(tmp_path):
    scores.write_table(measured(), tmp_path / "table2.csv")
    back = pd.read_csv(tmp_path / "table2.csv", keep_default_na=True).fillna({"marks": ""})
    pd.testing.assert_frame_equal(back, measured(), rtol=1e-5, check_dtype=False)


def test_withheld_test_labels_leave_test_numbers_empty():
    table = measured(withheld=True)
    assert table.query("split == 'test'")[["emo_ccc", "cou_uar", "age_mae", "s_mtl"]].isna().all(axis=None)
    assert table.query("split == 'test'")["marks"].eq("").all()
    pd.testing.assert_frame_equal(table.query("split == 'val'"), measured().query("split == 'val'"))


def test_a_corpus_of_other_tasks_has_its_own_metrics():
    corpus, systems = made_up(tasks=(COUNTRY,))
    assert list(table2(corpus, systems, {})) == ["code", "model", "split", "cou_uar", "marks"]


def test_tasks_that_begin_alike_keep_their_names_apart():
    assert list(metric_columns([AGE, Task("agency", "scalar", ("agency",))])) == ["age_mae", "agency_mae"]


def test_how_many_systems_beat_an_audio_free_baseline_is_counted():
    val = measured().query("split == 'val'").set_index("code")
    better = (val.loc[list(CODES), "age_mae"] < val.loc["Constant", "age_mae"]).sum()
    assert scores.beat_trivial(measured()).loc["Constant", "age_mae"] == f"{better} of 5"
    assert scores.beat_trivial(measured()).loc["Country median", "emo_ccc"] == "–"


def test_the_papers_30_percent_are_its_gain_on_test_and_its_gain_on_validation_is_33():
    gains = scores.relative_gains(read_published(), "ABC").set_index("split")
    assert gains["code"].tolist() == ["A", "A"]
    assert gains["gain"].round().to_dict() == {"val": 33, "test": 30}
    assert gains["gain"]["test"] < 30  # 0.435 / 0.335: the abstract rounds up


def test_a_relative_gain_is_that_of_the_best_ensemble_and_absent_without_a_baseline():
    val = measured().query("split == 'val'").set_index("code")["s_mtl"]
    row = scores.relative_gains(measured(), ["A"]).set_index("split").loc["val"]
    assert row["gain"] == pytest.approx(100 * (val["A"] / val["Baseline"] - 1))
    assert scores.relative_gains(measured().query("code != 'Baseline'"), ["A"]).empty


def test_a_gain_is_positive_where_the_ensemble_is_better():
    gains = scores.ensemble_gains(measured(), {"A": ("V1", "V4")}).set_index("metric")
    val = measured().query("split == 'val'").set_index("code")
    members, ensemble = val.loc[["V1", "V4"]], val.loc["A"]
    assert gains["over_best"]["age_mae"] == pytest.approx(members["age_mae"].min() - ensemble["age_mae"])
    assert gains["over_mean"]["emo_ccc"] == pytest.approx(ensemble["emo_ccc"] - members["emo_ccc"].mean())


def test_rows_of_a_confusion_matrix_sum_to_one():
    corpus, systems = made_up()
    shares = scores.confusion(COUNTRY, corpus.split("val"), systems["V4"])
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert list(shares.index) == list(shares.columns) == ["China", "USA"]


def test_intervals_of_group_errors_hold_the_mean_and_ask_for_two_speakers():
    corpus, systems = made_up()
    val = corpus.split("val")
    errors = scores.errors_by_group(AGE, "country", val, {"V1": systems["V1"]})
    assert ((errors["low"] < errors["error"]) & (errors["error"] < errors["high"])).all()
    alone = scores.errors_by_group(AGE, "country", val.assign(speaker="one"), {"V1": systems["V1"]})
    assert alone[["low", "high"]].isna().all(axis=None) and alone["error"].equals(errors["error"])


def test_intervals_of_group_errors_are_those_of_the_projects_one_bootstrap():
    corpus, systems = made_up()
    val = corpus.split("val").assign(speaker=lambda t: t["speaker"].mask(np.arange(len(t)) % 5 == 0))
    errors = scores.errors_by_group(AGE, "country", val, systems)
    assert list(errors) == ["code", "group", "error", "low", "high"]
    assert list(errors["code"].unique()) == list(systems)
    for group, part in val.groupby("country"):
        theirs = intervals(bootstrap([AGE], part, systems), "val")
        ours = errors[errors["group"] == group]
        assert ours[["error", "low", "high"]].to_numpy() == pytest.approx(
            theirs[["estimate", "low", "high"]].to_numpy())


def test_class_scores_set_uar_and_macro_f1_beside_chance():
    corpus, systems = made_up()
    found = scores.class_scores(corpus, systems["A"])
    assert list(found.index) == [("country", "val"), ("country", "test")]
    assert (found["UAR"] > found["UAR by chance"] + 0.2).all()
    assert (found["macro-F1"] > found["macro-F1 by chance"] + 0.2).all()
    assert found["UAR by chance"].sub(0.5).abs().max() < 0.05


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(scores).attempted == 1 and doctest.testmod(scores).failed == 0
