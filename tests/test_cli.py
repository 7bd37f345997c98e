"""The command line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from burst2vec.cli import main


def test_importing_the_package_and_asking_for_help_load_no_torch():
    code = "import sys, burst2vec, burst2vec.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_synth_writes_a_corpus_that_prepare_reads(tmp_path, capsys):
    corpus = tmp_path / "corpus"
    assert main(["synth", str(corpus), "--train", "8", "--val", "4", "--test", "4", "--seed", "3"]) == 0
    summary = tmp_path / "summary.json"
    options = ["-p", "corpus", str(corpus), "-p", "audio", "own", "-p", "cache", str(tmp_path / "cache")]
    assert main(["prepare", *options, "--summary", str(summary)]) == 0
    assert json.loads(summary.read_text())["bursts"] == 16


@pytest.mark.parametrize("arguments, named", [
    (["prepare", "-p", "corpus", "no/such/folder"], "no/such/folder"),
    (["prepare", "-p", "audio", "loud"], "audio"),
    (["prepare", "-f", "no/such.yaml"], "no/such.yaml"),
])
def test_bad_input_is_one_line_that_names_it(arguments, named, capsys):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert named in error and len(error.strip().splitlines()) == 1
