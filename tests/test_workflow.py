"""The whole workflow at smoke scale: from nothing to a book, again for nothing, and again for one change."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
SYSTEMS = {"Baseline", "V1", "V2", "V3", "V4", "V5", "V6", "V7", "A", "B", "C"}


def dry_run(workspace, *arguments) -> str:
    """What snakemake would do, as text."""
    return workspace.run("snakemake", "--cores", "2", "--dry-run", "--config", "scale=smoke", *arguments).stdout


def jobs(planned: str) -> dict[str, int]:
    """How many jobs of each rule a dry run plans."""
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", planned, re.MULTILINE)}


def test_every_system_of_table_2_has_a_measured_row(workspace):
    table = pd.read_csv(workspace.path / "results/smoke/table2.csv")
    assert list(table.columns) == ["code", "model", "split", "emo_ccc", "cou_uar", "age_mae", "s_mtl", "marks"]
    for split in ("val", "test"):
        rows = table[(table["split"] == split) & table["code"].isin(SYSTEMS)]
        assert set(rows["code"]) == SYSTEMS
        assert rows[["emo_ccc", "cou_uar", "age_mae", "s_mtl"]].notna().all().all()


def test_the_audit_probes_both_systems_and_asks_every_variant_without_the_bias(workspace):
    probes = pd.read_csv(workspace.path / "results/smoke/probes.csv")
    assert len(probes) == 2 * 8 * 3 == len(probes.drop_duplicates(["code", "representation", "task"]))
    losses = pd.read_csv(workspace.path / "results/smoke/bias0.csv")
    assert {code for code in SYSTEMS if code.startswith("V")} <= set(losses["code"])


def test_v4_is_trained_with_either_reach_and_the_features_of_joined_corpora_are_asked_for_their_corpus(workspace):
    reversals = {json.loads((workspace.path / f"results/smoke/{folder}/params.json").read_text())["reversal"]
                 for folder in ("V4", "reach/V4")}
    assert reversals == {"upstream", "extractors"}
    origins = pd.read_csv(workspace.path / "results/smoke/joined/origins.csv")
    assert {"crest factor", "pooled", "shared"} <= set(origins["features"])


def test_predictions_cover_every_validation_and_test_burst(workspace):
    for code in SYSTEMS:
        table = pd.read_csv(workspace.path / f"results/smoke/{code}/predictions.csv")
        assert table["split"].value_counts().to_dict() == {"val": 24, "test": 24}, code


def test_a_second_run_has_nothing_to_do(workspace):
    assert "Nothing to be done" in dry_run(workspace)


def test_changing_one_variant_runs_that_variant_and_what_depends_on_it(workspace):
    variant = workspace.path / "params/variants/V4.yaml"
    before = variant.read_text()
    try:
        variant.write_text(before + "dropout: 0.2\n")
        planned = jobs(dry_run(workspace))
    finally:
        variant.write_text(before)
    assert planned["train"] == 1
    assert {"ensembles", "results", "environment", "trainings", "book"} <= planned.keys()
    assert not {"prepare", "baseline", "notebook"} & planned.keys()


def test_another_seed_remakes_the_pages_that_show_seeds_and_trains_nothing_else(workspace):
    [predictions, *_] = sorted(path.relative_to(workspace.path) for path in
                               (workspace.path / "results/smoke/seeds").glob("*/*/predictions.csv"))
    planned = jobs(dry_run(workspace, "--forcerun", str(predictions)))
    assert planned["train_seed"] == 1 and {"trainings", "claims", "book"} <= planned.keys()
    assert not {"train", "train_reach", "train_joined", "prepare"} & planned.keys()


def test_remaking_the_page_of_trainings_trains_nothing(workspace):
    planned = jobs(dry_run(workspace, "--forcerun", "trainings"))
    assert planned["trainings"] == 1 and planned.keys() <= {"trainings", "publish", "book", "all", "total"}


def test_a_changed_parameter_of_the_command_line_runs_the_trainings_again(workspace):
    planned = workspace.run("snakemake", "--cores", "2", "--dry-run", "--config", "scale=smoke", "dropout=0.3").stdout
    assert re.search(r"^train +7$", planned, re.MULTILINE)


def test_an_unknown_parameter_stops_the_workflow_before_anything_runs(workspace):
    with pytest.raises(subprocess.CalledProcessError) as failure:
        dry_run(workspace, "learing_rate=1")
    assert "learing_rate" in failure.value.stdout + failure.value.stderr
    assert "learning_rate" in failure.value.stdout + failure.value.stderr


@pytest.mark.parametrize("target", ["report", "notebooks"])
def test_what_make_asks_of_snakemake_is_understood(target):
    told = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    [command] = (line for line in told.splitlines() if line.startswith("snakemake"))
    assert ".ipynb" in command or target == "report"
    subprocess.run(f"{command} --dry-run", shell=True, cwd=ROOT, check=True, capture_output=True)


def test_a_corpus_without_raw_recordings_and_test_split_is_carried_to_its_results(workspace, tmp_path, write_exvo,
                                                                                  labels):
    corpus = write_exvo(tmp_path / "exvo", labels[labels["Split"] != "Test"], withheld=False)
    shutil.rmtree(corpus / "raw")
    pages = [f"results/part/notebooks/{page}.ipynb" for page in ("V1", "ensembles", "results", "claims")]
    workspace.run("snakemake", *pages, "--cores", "2", "--config", "scale=smoke", "run=part", f"corpus={corpus}")
    table = pd.read_csv(workspace.path / "results/part/table2.csv")
    assert set(table["split"]) == {"val"} and set(table["code"]) & SYSTEMS == {"Baseline", "V3", "V4", "V5"}
    said = [(workspace.path / page).read_text() for page in pages]
    assert "This variant is left out" in said[0]
    assert all("Left out: V1, V2, V6 and V7, since this corpus has no raw recordings" in text for text in said[2:])
