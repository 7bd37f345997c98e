"""Seeds are read from their folders, and a difference is compared with their spread by a stated model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.metrics import ccc, mae, s_mtl, uar
from burst2vec.evaluation.predictions import write_predictions
from burst2vec.results.seeds import (
    combine_seeds,
    compare_seeds,
    read_seed_predictions,
    score_seeds,
    spread,
    summary,
)

TASKS = (Task("emotion", "intensities", ("Awe",)), Task("age", "scalar", ("age",), unit="years", low=20, high=40),
         Task("country", "classes", ("country",), classes=("China", "USA")))


def corpus(n=60):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({
        "split": np.repeat(["train", "val", "test"], n // 3), "speaker": [f"s{i // 4}" for i in range(n)], "sex": None,
        "raw": None, "provided": None, "Awe": rng.random(n), "age": 20 + 19 * rng.random(n),
        "country": rng.choice(["China", "USA"], n),
    }, index=pd.Index([f"{i:05d}" for i in range(n)], name="file"))
    table.loc[table["split"] == "test", ["Awe", "age", "country"]] = None
    return Corpus("made up", Path("."), table, TASKS)


def train(folder, code, seed, *, noise=0.3, **params):
    """A system's folder as training leaves it: the truth and noise that the seed draws."""
    rng, known = np.random.default_rng(seed), corpus().table.query("split == 'val'")
    table = known[["split"]].assign(Awe=known["Awe"] + noise * rng.normal(size=len(known)), country="USA",
                                    age=known["age"] + 3 * rng.normal(size=len(known)), country_China=0.25,
                                    country_USA=0.75)
    (folder / code).mkdir(parents=True)
    write_predictions(table, folder / code / "predictions.csv")
    (folder / code / "params.json").write_text(json.dumps({"variant": code, "seed": seed} | params))
    return table


def scored(metric="emo_ccc", **values):
    rows = [(code, seed, "val", metric, v) for code, seeds in values.items() for seed, v in enumerate(seeds)]
    return pd.DataFrame(rows, columns=["code", "seed", "split", "metric", "value"])


def scores_of(run_folder):
    return score_seeds(corpus(), read_seed_predictions(run_folder))


def test_the_runs_own_systems_and_further_seeds_are_scored_alike(tmp_path):
    train(tmp_path, "V4", 0)
    train(tmp_path, "V5", 0)
    tables = {2: train(tmp_path / "seeds" / "2", "V4", 2), 10: train(tmp_path / "seeds" / "10", "V4", 10)}
    scores = scores_of(tmp_path)
    assert list(scores) == ["code", "seed", "split", "metric", "value"]
    assert scores.query("code == 'V4'")["seed"].unique().tolist() == [0, 2, 10]
    assert scores.query("code == 'V5'")["seed"].unique().tolist() == [0]
    known = corpus().split("val")
    for seed, table in tables.items():
        found = scores[(scores["code"] == "V4") & (scores["seed"] == seed)].set_index("metric")["value"]
        parts = (ccc(known["Awe"], table["Awe"]), uar(known["country"], table["country"]),
                 mae(known["age"], table["age"]))
        assert found.tolist() == pytest.approx([*parts, s_mtl(*parts)], rel=1e-4)


def test_a_split_without_labels_has_no_scores(tmp_path):
    train(tmp_path, "V4", 0)
    assert scores_of(tmp_path)["split"].unique().tolist() == ["val"]


def test_the_runs_own_seed_is_the_one_it_was_trained_with(tmp_path):
    train(tmp_path, "V4", 7)
    assert scores_of(tmp_path)["seed"].unique().tolist() == [7]


@pytest.mark.parametrize("folder, seed, params, message", [
    ("2", 3, {}, "seed is 3; its folder says 2"),
    ("0", 0, {}, "seed 0 is the run's own"),
    ("2", 2, {"learning_rate": 0.1}, "learning_rate is 0.1; the run's own V4 has 0.2"),
    ("second", 2, {}, "the folder of a seed is named by its number"),
])
def test_a_folder_that_is_no_seed_of_the_same_training_is_refused(tmp_path, folder, seed, params, message):
    train(tmp_path, "V4", 0, learning_rate=0.2)
    train(tmp_path / "seeds" / folder, "V4", seed, **params)
    with pytest.raises(ValueError, match=message):
        read_seed_predictions(tmp_path)


def test_another_device_or_folder_is_the_same_training(tmp_path):
    train(tmp_path, "V4", 0, device="cpu", results="here")
    train(tmp_path / "seeds" / "1", "V4", 1, device="cuda", results="there")
    assert scores_of(tmp_path)["seed"].nunique() == 2


def test_mean_and_spread_worked_by_hand():
    row = spread(scored(V4=[0.2, 0.4, 0.6], V5=[0.5])).set_index("code")
    assert row.loc["V4", ["seeds", "mean", "sd", "low", "high"]].tolist() == pytest.approx([3, 0.4, 0.2, 0.2, 0.6])
    assert row.loc["V5", "seeds"] == 1 and np.isnan(row.loc["V5", "sd"])


def test_two_variants_are_compared_as_by_welchs_t():
    a, b = [0.31, 0.35, 0.36], [0.30, 0.29, 0.33, 0.28]
    row = compare_seeds(scored(V4=a, V5=b)).iloc[0]
    welch = ttest_ind(a, b, equal_var=False)
    low, high = welch.confidence_interval(0.95)
    assert row[["low", "high", "p_value"]].tolist() == pytest.approx([low, high, welch.pvalue])
    assert row["difference"] == pytest.approx(np.mean(a) - np.mean(b))


def test_a_variant_that_varies_much_does_not_blur_the_others():
    calm = {"V4": [0.40, 0.41, 0.42], "V5": [0.50, 0.51, 0.52]}
    for other in ([0.1, 0.5, 0.9], [0.30, 0.31, 0.32]):
        table = compare_seeds(scored(**calm, V6=other))
        row = table[(table["a"] == "V4") & (table["b"] == "V5")].iloc[0]
        assert row["verdict"] == "exceeds the seeds' spread"
        margin = 3.961 * np.sqrt(2 / 3) * 0.01  # t of 4 degrees of freedom at 1 - 0.05 / 6
        assert row["high"] - row["low"] == pytest.approx(2 * margin, rel=1e-3)


def test_a_lower_error_is_a_positive_difference():
    row = compare_seeds(scored("age_mae", V4=[3.0, 3.1], V5=[4.0, 4.1])).iloc[0]
    assert row["difference"] == pytest.approx(1) and row["low"] > 0
    assert row["verdict"] == "exceeds the seeds' spread"


def test_variants_with_one_seed_are_not_compared():
    assert compare_seeds(scored(V4=[0.3], V5=[0.4], V6=[0.1, 0.2])).empty
    assert spread(scored(V4=[0.3], V5=[0.4]))["least"].isna().all()
    found = compare_seeds(scored(V4=[0.3, 0.31], V5=[0.4, 0.41], V6=[0.1]))
    assert found[["a", "b"]].to_numpy().tolist() == [["V4", "V5"]]


def test_seeds_that_change_nothing_make_no_difference_certain():
    row = compare_seeds(scored(V4=[0.3, 0.3], V5=[0.4, 0.4])).iloc[0]
    assert row["verdict"] == "not estimable" and np.isnan(row["low"])
    one = compare_seeds(scored(V4=[0.3, 0.3, 0.3], V5=[0.4, 0.41, 0.42])).iloc[0]
    assert one["high"] - one["difference"] == pytest.approx(4.302653 * 0.01 / np.sqrt(3))  # the t of V5's two degrees


def test_the_summary_says_what_cannot_be_estimated():
    assert "cannot be estimated" in summary(scored(V4=[0.3], V5=[0.4]))
    assert "nothing to compare" in summary(scored(V4=[0.3, 0.4], V5=[0.4]))
    said = summary(scored(V4=[0.3, 0.4], V5=[0.4, 0.2, 0.3], V6=[0.1]))
    assert "V4 (2), V5 (3)" in said and said.endswith("not compared: V6.")


def test_of_tables_of_equal_variants_no_more_than_one_in_twenty_calls_a_difference_real():
    rng, found = np.random.default_rng(0), []
    for _ in range(400):
        draws = {code: sd * rng.normal(size=3) for code, sd in (("V4", 1), ("V5", 1), ("V6", 5))}
        found.append(compare_seeds(scored(**draws))["verdict"].str.startswith("exceeds").any())
    assert np.mean(found) < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)


def test_two_runs_of_one_variant_stay_below_its_least_difference_in_95_percent():
    rng = np.random.default_rng(0)
    table = spread(scored(**{f"V{n}": rng.normal(size=3) for n in range(600)}))
    assert (table["least"] / table["sd"]).to_numpy() == pytest.approx(4.302653 * np.sqrt(2))  # t of 2 degrees
    below = np.abs(rng.normal(size=600) - rng.normal(size=600)) < table["least"]
    assert below.mean() == pytest.approx(0.95, abs=0.025)


def test_predictions_are_read_by_code_and_seed(tmp_path):
    tables = {0: train(tmp_path, "V4", 0), 3: train(tmp_path / "seeds" / "3", "V4", 3)}
    train(tmp_path, "V5", 0)
    found = read_seed_predictions(tmp_path)
    assert {code: list(seeds) for code, seeds in found.items()} == {"V4": [0, 3], "V5": [0]}
    for seed, table in tables.items():
        np.testing.assert_allclose(found["V4"][seed]["age"], table["age"], rtol=1e-5)


def test_an_ensemble_has_the_seeds_that_all_its_members_have_and_averages_them(tmp_path):
    for code, seeds in {"V4": (1, 2), "V5": (1,)}.items():
        train(tmp_path, code, 0)
        for seed in seeds:
            train(tmp_path / "seeds" / str(seed), code, seed)
    own = train(tmp_path, "A", 0)
    read = read_seed_predictions(tmp_path)
    found = combine_seeds(read, corpus().tasks, {"A": ("V4", "V5"), "B": ("V4", "V9")})
    assert {code: list(seeds) for code, seeds in found.items()} == {"A": [0, 1], "V4": [0, 1, 2], "V5": [0, 1]}
    mean = (found["V4"][1]["age"] + found["V5"][1]["age"]) / 2
    assert found["A"][1]["age"].tolist() == pytest.approx(mean.tolist())
    np.testing.assert_allclose(found["A"][0]["age"], own["age"], rtol=1e-5)  # as the run's folder has it
    assert list(read["A"]) == [0]
