import doctest
import functools
import json
import re
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.bootstrap import bootstrap, intervals
from burst2vec.evaluation.predictions import write_predictions
from burst2vec.evaluation.significance import compare
from burst2vec.report import sentences, tables
from burst2vec.report.figures import results as figures
from burst2vec.results import runs, scores
from burst2vec.results.published import read_published
from burst2vec.results.scores import metric_columns, parse_marks, table2

EMOTION = Task("emotion", "intensities", ("Awe", "Fear"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("China", "USA"))
TASKS = (EMOTION, AGE, COUNTRY)
CODES = ("Baseline", "V1", "V4", "V6", "A")


@functools.cache
def made_up(tasks=TASKS, withheld=False):
    """A corpus of 240 bursts and the predictions of five systems, each better than the one before."""
    rng, n = np.random.default_rng(0), 240
    truth = pd.DataFrame({
        "split": np.repeat(["train", "val", "test"], n // 3), "speaker": [f"s{i // 8}" for i in range(n)],
        "sex": None, "raw": None, "provided": None, "Awe": rng.random(n), "Fear": rng.random(n),
        "age": 20 + 19 * rng.random(n), "country": rng.choice(COUNTRY.classes, n),
    }, index=pd.Index([f"{i:05d}" for i in range(n)], name="file"))
    systems = {}
    for i, code in enumerate(CODES):
        table = truth.loc[truth["split"] != "train", ["split"]].copy()
        for column, scale in (("Awe", 0.5), ("Fear", 0.5), ("age", 8.0)):
            noise = scale * (1 - 0.2 * i) * rng.standard_normal(len(table))
            table[column] = truth.loc[table.index, column] + noise
        right = rng.random(len(table)) < 0.55 + 0.1 * i
        known = truth.loc[table.index, "country"]
        table["country"] = np.where(right, known, np.where(known == "USA", "China", "USA"))
        systems[code] = table
    if withheld:
        truth.loc[truth["split"] == "test", ["speaker", "Awe", "Fear", "age", "country"]] = None
    return Corpus("made up", Path("."), truth, tasks, synthetic=True), systems


@functools.cache
def measured(withheld=False):
    return table2(*made_up(withheld=withheld), {"V1": "Burst2Vec WL ♠"})


def cell(html, code, column):
    """The HTML of one cell of a rendered table."""
    rows = re.findall(r"<tr>(.*?)</tr>", html.data.split("<tbody>")[1], flags=re.S)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, flags=re.S) for row in rows]
    return next(row[column] for row in cells if row[0].startswith(f"{code}<"))


def test_the_columns_are_those_of_the_issue():
    assert list(measured()) == ["code", "model", "split", "emo_ccc", "cou_uar", "age_mae", "s_mtl", "marks"]


def test_every_system_and_trivial_predictor_has_a_row_for_each_split():
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


def test_marks_stand_exactly_where_the_test_is_significant():
    corpus, systems = made_up()
    for row in measured().itertuples():
        marks = parse_marks(row.marks)
        for column, task in metric_columns(TASKS).items():
            expected = [r for r in ("V1", "V4", "V6") if row.code in systems and r != row.code and
                        compare(task, corpus.split(row.split), systems[row.code], systems[r]).p_value <= 0.05]
            assert marks.get(column, []) == expected
    assert measured()["marks"].ne("").sum() > 2


def test_the_table_comes_back_from_its_file(tmp_path):
    scores.write_table(measured(), tmp_path / "table2.csv")
    back = pd.read_csv(tmp_path / "table2.csv", keep_default_na=True).fillna({"marks": ""})
    pd.testing.assert_frame_equal(back, measured(), rtol=1e-5, check_dtype=False)


def test_withheld_test_labels_leave_test_numbers_empty_and_show_a_dash():
    table = measured(withheld=True)
    assert table.query("split == 'test'")[["emo_ccc", "cou_uar", "age_mae", "s_mtl"]].isna().all(axis=None)
    assert table.query("split == 'test'")["marks"].eq("").all()
    assert cell(tables.render(table), "V1", 5) == "–"
    pd.testing.assert_frame_equal(table.query("split == 'val'"), measured().query("split == 'val'"))


def test_a_corpus_of_other_tasks_has_its_own_metrics():
    corpus, systems = made_up(tasks=(COUNTRY,))
    table = table2(corpus, systems, {})
    assert list(table) == ["code", "model", "split", "cou_uar", "marks"]
    assert "Cou-UAR" in tables.render(table).data
    assert sentences.headline(table)["best_single_s_mtl"] == "–"
    assert sentences.verdict(table) == ""


def test_tasks_that_begin_alike_keep_their_names_apart():
    assert list(metric_columns([AGE, Task("agency", "scalar", ("agency",))])) == ["age_mae", "agency_mae"]


def test_the_papers_table_is_complete():
    published = read_published()
    val = published.query("split == 'val'").set_index("code")
    assert list(val.index) == ["Baseline", *(f"V{i}" for i in range(1, 8)), "A", "B", "C"]
    assert val[["emo_ccc", "cou_uar", "age_mae", "s_mtl"]].notna().all(axis=None)
    tested = published.query("split == 'test'").set_index("code")["s_mtl"].dropna()
    assert tested.to_dict() == {"Baseline": 0.335, "V1": 0.421, "V6": 0.417,
                                "A": 0.435, "B": 0.432, "C": 0.432}
    assert {code for code, model in val["model"].items() if "♠" in model} == {"V1", "V2", "V6", "V7"}
    assert list(measured()) == list(published)


def test_the_papers_own_best_numbers_are_found_best():
    val = read_published().query("split == 'val'")
    assert [tables.best(val, m) for m in ("emo_ccc", "cou_uar", "age_mae")] == ["C", "A", "A"]


def test_bold_is_the_best_trained_system_of_a_column():
    html = tables.render(measured())
    val = measured().query("split == 'val'").set_index("code").loc[list(CODES)]
    winners = [val["emo_ccc"].idxmax(), val["cou_uar"].idxmax(), val["age_mae"].idxmin()]
    for column, winner in enumerate(winners, start=1):
        assert [code for code in CODES if "<b>" in cell(html, code, column)] == [winner]
    assert not any("<b>" in cell(html, "Chance", column) for column in range(1, 6))


def test_each_reference_has_its_own_symbol_and_the_legend_names_it():
    html = tables.render(measured())
    marks = parse_marks(measured().query("code == 'Baseline' and split == 'val'")["marks"].iloc[0])
    symbols = dict(zip(("V1", "V4", "V6"), "♣♦♥", strict=True))
    shown = {s for s in symbols.values() if s in cell(html, "Baseline", 1)}
    assert shown == {symbols[r] for r in marks["emo_ccc"]}
    for reference, symbol in symbols.items():
        assert re.search(f"{symbol}.? {reference}", html.data)
    assert "♠" in cell(html, "V1", 0) and "♠" not in cell(html, "V4", 0)


def test_published_numbers_stand_below_the_measured_ones():
    html = tables.render(measured(), read_published())
    assert re.search(r"<small>0\.653", cell(html, "V1", 1))
    assert re.search(r"<small>0\.421", cell(html, "V1", 5))
    assert "<small>–" in cell(html, "V4", 5)
    assert "0.653" not in cell(tables.summary(measured(), read_published()), "V1", 1)


def test_a_rounded_zero_has_no_minus_sign():
    table = measured().assign(emo_ccc=-1e-5)
    assert "-0.000" not in tables.render(table).data


def test_rendering_is_reproducible_and_scrolls_in_its_own_box():
    assert tables.render(measured()).data == tables.render(measured()).data
    assert tables.render(measured()).data.startswith('<div style="max-width: 100%; overflow-x: auto">')


def test_headline_numbers_are_the_tables():
    head = sentences.headline(measured())
    val = measured().query("split == 'val'").set_index("code")["s_mtl"]
    assert head["best_single_code"] == val[["V1", "V4", "V6"]].idxmax()
    assert head["best_ensemble_s_mtl"] == f"{val['A']:.3f}"
    assert head["relative_gain"] == f"{100 * (val['A'] / val['Baseline'] - 1):.0f}"


def test_how_many_systems_beat_a_trivial_predictor_is_counted():
    val = measured().query("split == 'val'").set_index("code")
    better = (val.loc[list(CODES), "age_mae"] < val.loc["Constant", "age_mae"]).sum()
    assert scores.beat_trivial(measured()).loc["Constant", "age_mae"] == f"{better} of 5"
    assert scores.beat_trivial(measured()).loc["Country median", "emo_ccc"] == "–"


def test_a_gain_is_positive_where_the_ensemble_is_better():
    gains = scores.ensemble_gains(measured(), {"A": ("V1", "V4")}).set_index("metric")
    val = measured().query("split == 'val'").set_index("code")
    members, ensemble = val.loc[["V1", "V4"]], val.loc["A"]
    assert gains["over_best"]["age_mae"] == pytest.approx(members["age_mae"].min() - ensemble["age_mae"])
    assert gains["over_mean"]["emo_ccc"] == pytest.approx(ensemble["emo_ccc"] - members["emo_ccc"].mean())


def test_systems_are_read_in_the_papers_order_with_their_names(tmp_path):
    for code in ("A", "V2", "Baseline", "V1"):
        (tmp_path / code).mkdir()
        write_predictions(made_up()[1]["V1"], tmp_path / code / "predictions.csv")
    (tmp_path / "V1" / "params.json").write_text(json.dumps({"title": "Burst2Vec WL", "audio": "own"}))
    predictions, models = runs.read_systems(tmp_path)
    assert list(predictions) == ["Baseline", "V1", "V2", "A"]
    assert models["V1"] == "Burst2Vec WL ♠" and models["V2"] == "V2"
    with pytest.raises(FileNotFoundError, match="no system has written predictions.csv"):
        runs.read_systems(tmp_path / "V1")


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


def test_the_environment_is_shown_as_recorded(tmp_path):
    assert "recorded no environment" in tables.environment_table(tmp_path).data
    (tmp_path / "environment.json").write_text(json.dumps({"cores": "2", "torch": "2.13 <cpu>"}))
    assert "2.13 &lt;cpu&gt;" in tables.environment_table(tmp_path).data


def history():
    moments = [(code, iteration, 1) for code in ("V1", "V4") for iteration in (10, 20)]
    rows = [(*moment, "train", task.name, term, 1.0) for moment in moments for task in TASKS
            for term in ("total", "discriminator")]
    rows += [(*moment, "validation", task.name, metric, 0.5) for moment in moments
             for task, metric in zip(TASKS, ("CCC", "MAE", "UAR"), strict=True)]
    return pd.DataFrame(rows, columns=["code", "iteration", "epoch", "stage", "task", "term", "value"])


def test_figures_draw_without_a_warning():
    corpus, systems = made_up()
    val, (_, axes) = corpus.split("val"), plt.subplots()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = figures.draw_learning_curves(history(), TASKS)
        assert [len(ax.lines) for ax in figure.axes] == [2, 2, 2, 2]
        assert figure.axes[1].get_ylabel() == "age MAE (years)"
        figures.plot_output_scores(scores.score_each_output(EMOTION, val, systems), plt.subplots()[1])
        figures.plot_confusion(scores.confusion(COUNTRY, val, systems["V4"]), plt.subplots()[1])
        errors = scores.errors_by_group(AGE, "country", val, systems)
        assert len(figures.draw_errors_by_group(errors, "years", ["A"]).axes) == 2
        figures.draw_ensembles(measured(), {"A": ("V1", "V4")}, ["emo_ccc", "s_mtl"]).canvas.draw()
        blind = figures.plot_discriminator(history(), 3, axes).lines[0]
    assert blind.get_ydata()[0] == pytest.approx(np.log(3))
    plt.close("all")


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(tables).failed == 0


def test_class_scores_set_uar_and_macro_f1_beside_chance():
    corpus, systems = made_up()
    found = scores.class_scores(corpus, systems["A"])
    assert list(found.index) == [("country", "val"), ("country", "test")]
    assert (found["UAR"] > found["UAR by chance"] + 0.2).all()
    assert (found["macro-F1"] > found["macro-F1 by chance"] + 0.2).all()
    assert found["UAR by chance"].sub(0.5).abs().max() < 0.05
