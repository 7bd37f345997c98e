"""The benchmark of scale: what it measures and writes, never how fast it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import scale
from burst2vec.corpora.opening import read_corpus
from burst2vec.report.speed import measured

BENCHMARKS = Path(scale.__file__).parent


def test_every_stage_runs_at_every_size_and_the_figures_are_written_with_hardware_and_date(tmp_path, capsys):
    scale.main(["--clips", "24", "48", "--json", str(tmp_path / "scale.json")], measure=scale.run)
    written = json.loads((tmp_path / "scale.json").read_text())
    assert {"Date", "Processor", "Python", "torch"} <= written["environment"].keys()
    assert [row["clips"] for row in written["rows"]] == [24, 48]
    for row in written["rows"]:
        assert row.keys() == {"clips", *scale.STAGES}
        assert all(row[stage].keys() == {"seconds", "peak_mib"} for stage in scale.STAGES)
        assert all(row[stage]["seconds"] > 0 and row[stage]["peak_mib"] > 0 for stage in scale.STAGES)
    assert scale.table(written["rows"]) in capsys.readouterr().out


def test_a_stage_runs_in_a_process_of_its_own_and_is_not_measured_where_it_fails(tmp_path):
    assert scale.in_its_own_process("write", tmp_path, 24).keys() == {"seconds", "peak_mib"}
    assert len(read_corpus(tmp_path / "corpus").table) == 24
    with pytest.raises(SystemExit, match="(?s)--stage write.* failed:.*FileExistsError"):
        scale.in_its_own_process("write", tmp_path, 24)


def test_the_corpus_is_split_by_speakers_and_has_three_tasks(tmp_path):
    scale.run("write", tmp_path, 210)
    corpus = read_corpus(tmp_path / "corpus")
    assert corpus.table["split"].value_counts().to_dict() == {"train": 70, "val": 70, "test": 70}
    assert [t.name for t in corpus.tasks] == ["emotion", "age", "country"]
    assert corpus.split("train")["speaker"].nunique() == 2 and corpus.table["provided"].notna().all()


def test_the_table_shows_time_a_clip():
    row = {"clips": 2_000, **{stage: {"seconds": 3.0, "peak_mib": 250.4} for stage in scale.STAGES}}
    assert scale.table([row]).splitlines()[-1] == f"| 2,000 {'| 3.00 | 1.50 | 250 ' * 3}|"


def test_the_command_that_the_page_shows_makes_the_published_figures_again():
    published = json.loads((BENCHMARKS / "scale.json").read_text())
    clips = " ".join(str(row["clips"]) for row in published["rows"])
    assert f"--clips {clips} --json" in measured.BENCHMARKS["scale"][1]
