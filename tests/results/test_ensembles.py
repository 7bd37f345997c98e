import json

import numpy as np
import pandas as pd
import pytest
import yaml

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.predictions import read_predictions, write_predictions
from burst2vec.results.ensembles import build, combine, complete, label, read_ensembles
from burst2vec.systems.folders import write_ensemble

TASKS = (Task("emotion", "intensities", ("Awe", "Fear")), Task("age", "scalar", ("age",), unit="years"),
         Task("country", "classes", ("country",), classes=("China", "South Africa", "USA")))


def predictions(seed, n=12):
    rng = np.random.default_rng(seed)
    files = pd.Index([f"{i:05d}" for i in range(n)], name="file")
    table = pd.DataFrame({"split": ["val"] * (n - 2) + ["test"] * 2,
                          "Awe": rng.random(n), "Fear": rng.random(n), "age": 20 + 10 * rng.random(n)},
                         index=files)
    shares = rng.dirichlet([1, 1, 1], n)
    table["country"] = [TASKS[2].classes[i] for i in shares.argmax(axis=1)]
    table[list(TASKS[2].probability_columns)] = shares
    return table


def test_an_ensemble_of_one_is_its_member():
    member = predictions(0)
    pd.testing.assert_frame_equal(combine({"V1": member}, TASKS), member)


def test_an_ensemble_of_equals_is_any_of_them():
    member = predictions(0)
    pd.testing.assert_frame_equal(combine({"V1": member, "V2": member.copy()}, TASKS), member)


def test_intensities_and_ages_are_averaged():
    a, b = predictions(0), predictions(1)
    found = combine({"V1": a, "V2": b}, TASKS)
    np.testing.assert_allclose(found[["Awe", "age"]], (a[["Awe", "age"]] + b[["Awe", "age"]]) / 2)


def test_the_class_of_highest_mean_probability_wins_against_the_majority():
    rows = [("China", 0.40, 0.35, 0.25), ("China", 0.40, 0.35, 0.25), ("USA", 0.0, 0.0, 1.0)]
    members = {}
    for i, (country, *shares) in enumerate(rows):
        members[f"V{i}"] = predictions(0, n=2).assign(country=country)
        members[f"V{i}"][list(TASKS[2].probability_columns)] = shares
    assert combine(members, TASKS)["country"].tolist() == ["USA", "USA"]


def test_members_are_joined_by_burst_whatever_their_order():
    a, b = predictions(0), predictions(1)
    joined, turned = (combine({"V1": a, "V2": other}, TASKS) for other in (b, b.iloc[::-1]))
    pd.testing.assert_frame_equal(joined, turned)


def test_members_are_left_as_they_are():
    a, b = predictions(0), predictions(1)
    combine({"V1": a, "V2": b}, TASKS)
    pd.testing.assert_frame_equal(a, predictions(0))


def test_members_that_cover_other_bursts_are_refused():
    with pytest.raises(ValueError, match="V1 and V3 do not cover the same bursts; '00011'"):
        combine({"V1": predictions(0), "V3": predictions(1, n=11).assign(split=["val"] * 11)}, TASKS)
    with pytest.raises(ValueError, match="V1 and V3 put burst '00000' in different splits"):
        combine({"V1": predictions(0), "V3": predictions(1).assign(split="test")}, TASKS)


def test_tables_without_splits_are_joined_too():
    a, b = (predictions(seed).drop(columns="split") for seed in (0, 1))
    np.testing.assert_allclose(combine({"V1": a, "V2": b}, TASKS)["age"], (a["age"] + b["age"]) / 2)


def test_the_shipped_ensembles_are_the_papers():
    assert read_ensembles() == {"A": ("V1", "V2", "V3", "V6"), "B": ("V1", "V2", "V3", "V5", "V6"),
                                "C": ("V1", "V2", "V3", "V4", "V5", "V6")}


def test_an_ensemble_file_without_lists_is_refused(tmp_path):
    (tmp_path / "e.yaml").write_text(yaml.dump({"A": "V1"}))
    with pytest.raises(ValueError, match="ensemble A is 'V1'"):
        read_ensembles(tmp_path / "e.yaml")


def test_members_are_named_as_in_the_paper():
    assert [label(m) for m in read_ensembles().values()] == ["V1 – V3, V6", "V1 – V3, V5, V6", "V1 – V6"]
    assert label(["Baseline", "V4"]) == "Baseline, V4"


def test_an_ensemble_is_built_from_a_runs_folder_and_written_like_a_system(tmp_path):
    for i, code in enumerate(("V1", "V2")):
        (tmp_path / code).mkdir()
        write_predictions(predictions(i), tmp_path / code / "predictions.csv")
    found = build(tmp_path, TASKS, {"A": ("V1", "V2")})["A"]
    write_ensemble(tmp_path / "A", ["V1", "V2"], found)
    pd.testing.assert_frame_equal(read_predictions(tmp_path / "A" / "predictions.csv"), found, rtol=1e-5)
    assert json.loads((tmp_path / "A" / "params.json").read_text())["title"] == "V1, V2"
    assert json.loads((tmp_path / "A" / "config.json").read_text())["members"] == ["../V1", "../V2"]
    assert "# Ensemble A" in (tmp_path / "A" / "README.md").read_text()
    with pytest.raises(FileNotFoundError, match="V9"):
        build(tmp_path, TASKS, {"B": ("V1", "V9")})


@pytest.mark.parametrize("change", [lambda table: table.drop(columns="age"), lambda table: table.assign(age="old")])
def test_a_member_that_does_not_predict_a_task_is_named(change):
    with pytest.raises(ValueError, match="ensemble: V2 predicts no numbers 'age'"):
        combine({"V1": predictions(0), "V2": change(predictions(1))}, TASKS)


def test_an_ensemble_that_lacks_a_member_is_left_out():
    members = {"A": ("V1", "V2"), "B": ("V2", "V3")}
    assert complete(members, ["V1", "V2", "V4"]) == {"A": ("V1", "V2")}
    assert complete(members, []) == {} and complete(members, {"V1", "V2", "V3"}) == members
