"""The benchmark of the bootstrap: what it measures and writes, never how fast it was."""

from __future__ import annotations

import json

from benchmarks import bootstrap


def test_both_ways_of_drawing_are_measured_and_written_with_hardware_and_date(tmp_path, capsys):
    path = tmp_path / "bootstrap.json"
    bootstrap.main(["--systems", "2", "--bursts", "210", "--resamples", "20", "--json", str(path)])
    written = json.loads(path.read_text())
    assert {"Date", "Processor", "Python"} <= written["environment"].keys()
    [row] = written["rows"]
    assert list(row.values())[:4] == [2, 210, 6, 20]
    assert row["by speakers, s"] >= 0 and row["by bursts, s"] >= 0
    assert bootstrap.table(row) in capsys.readouterr().out
