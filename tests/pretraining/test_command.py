"""The command, from folders of corpora to the folder of a backbone."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import safetensors.torch
import torch

from burst2vec import cli
from burst2vec.config import Params
from burst2vec.corpora.opening import read_corpus
from burst2vec.pretraining import probes, trainer
from burst2vec.pretraining.command import command
from burst2vec.pretraining.folder import read_description
from burst2vec.pretraining.recipe import Recipe


@pytest.fixture
def run(tones, cache, tmp_path, monkeypatch):
    """A function that runs `burst2vec pretrain` on the tones and returns its exit code."""
    monkeypatch.chdir(tmp_path)

    def run(*options, out="tone"):
        return cli.main(["pretrain", str(tones), "--out", out, "--size", "tiny", "--cache", str(cache), "--units", "8",
                         "--device", "cpu", *options])
    return run


def test_the_command_writes_the_folder_and_leaves_nothing_else(run, tmp_path, capsys):
    assert run("--family", "hubert", "--steps", "2") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["tone"]
    assert "tone: pre-trained on 0.0" in capsys.readouterr().out
    assert "| Steps | 2 of 32 bursts |\n| Iterations | 2 |" in (tmp_path / "tone" / "README.md").read_text()


def test_what_it_wrote_can_be_gone_on_from_and_probed(run, tones, tmp_path):
    assert run("--family", "wav2vec2", "--steps", "1") == 0
    assert run("--from", "tone", "--steps", "1", "--probe", str(tones), out="on") == 0
    card = (tmp_path / "on" / "README.md").read_text()
    assert "It went on from `tone`." in card
    assert "| on, pre-trained | pitch | UAR |" in card
    assert "Scored on validation bursts of rising tones." in card
    assert (tmp_path / "on" / "probes.csv").is_file()
    first, on = (read_description(tmp_path / name).facts["corpora"] for name in ("tone", "on"))
    table = read_corpus(tones).table
    assert first[0]["speakers"] == sorted(set(table.loc[table["split"] == "train", "speaker"]))
    assert on == first  # what it goes on from has heard the same, which is said once


def test_in_half_precision_the_file_holds_what_was_probed_and_the_command_says_so(run, tones, tmp_path):
    assert run("--family", "hubert", "--steps", "2", "--half", "--probe", str(tones)) == 0
    weights = safetensors.torch.load_file(tmp_path / "tone" / "model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.float16}
    facts = json.loads((tmp_path / "tone" / "pretraining.json").read_text())
    assert facts["command"].endswith("--units 8 --half --out tone") and facts["record"]["steps"] == 2
    probes.main([str(tones), "tone", "--out", "again.csv", "--device", "cpu", "--cache", "cache"])
    again, before = (pd.read_csv(tmp_path / name) for name in ("again.csv", "tone/probes.csv"))
    assert again["score"].tolist() == pytest.approx(before["score"].tolist(), abs=1e-6)


def test_killed_and_started_again_it_writes_the_same_bytes(run, tmp_path, monkeypatch):
    options = "--family", "hubert", "--steps", "6", "--checkpoint-minutes", "0"
    assert run(*options, out="whole") == 0
    step, left = trainer._Pretraining._step, [2, 3]

    def killed(self, bursts):
        if left and not left[0]:
            left.pop(0)
            raise KeyboardInterrupt
        if left:
            left[0] -= 1
        step(self, bursts)

    monkeypatch.setattr(trainer._Pretraining, "_step", killed)
    assert [run(*options, out="parts") for _ in range(3)] == [130, 130, 0]
    for name in ("model.safetensors", "history.csv", "config.json"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("options, said", [
    (("--family", "wavlm", "--steps", "1"), "family is 'wavlm'"),
    (("--family", "hubert"), "steps is 0; expected 1 or more, or a number of minutes"),
    (("--steps", "1"), "family is ''"),
    (("--from", "nowhere/at/all", "--steps", "1"), "there is no such folder"),
    (("--family", "hubert", "--steps", "1", "--device", "abacus"), "parameter device is 'abacus'"),
    (("--family", "hubert", "--steps", "1", "--units", "20000"), "units is 20000; expected no more than there are"),
    (("--family", "hubert", "--steps", "1", "--probe", "nowhere"), "there is no such folder"),
])
def test_refusals_take_one_line_and_write_nothing(run, tmp_path, capsys, options, said):
    assert run(*options) == 1
    line = capsys.readouterr().err
    assert said in line and line.count("\n") == 1
    assert not (tmp_path / "tone").exists()


def test_the_command_is_told_without_the_paths_of_this_machine(tmp_path):
    recipe = Recipe(checkpoint="/models/voc", steps=5, learning_rate=1e-4)
    assert command(["/data/bursts", "synthetic"], tmp_path / "out", recipe, Params(synthetic_seed=7)) == (
        "burst2vec pretrain bursts synthetic --from voc --steps 5 --learning-rate 0.0001 --synthetic-seed 7 "
        "--synthetic-train 640 --out out")
