"""The command line."""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from burst2vec.cli import _COMMANDS, main
from burst2vec.models.burst2vec import build

COMMAND = [sys.executable, "-c", "import sys; from burst2vec.cli import main; sys.exit(main())"]
"""How a test starts `burst2vec` as a process of its own."""


@pytest.mark.parametrize("code", ["import burst2vec", "import burst2vec.cli as cli\ntry: cli.main(['--help'])\n"
                                                      "except SystemExit: pass"])
def test_importing_the_package_and_asking_for_help_load_nothing_but_pythons_own_library(code):
    assert loaded(code) == {"burst2vec"}


def test_preparing_loads_no_torch_and_its_workers_no_table_either():
    heavy = {"torch", "torchaudio", "transformers", "scipy", "sklearn", "matplotlib"}
    assert not loaded("import burst2vec.audio.store, burst2vec.audio.quantised") & heavy
    assert not loaded("import burst2vec.audio.quantised, burst2vec.machine.parallel") & {*heavy, "pandas"}


def loaded(code):
    """Packages that a fresh interpreter loads for `code`, without those of Python itself."""
    code = (f"import sys; before = set(sys.modules)\n{code}\n"
            "new = {m.split('.')[0] for m in {*sys.modules} - before}\n"
            "print('', *sorted(new - sys.stdlib_module_names))")
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    return set(printed.splitlines()[-1].split())


def test_synth_writes_a_corpus_that_prepare_reads(tmp_path, capsys):
    corpus = tmp_path / "corpus"
    assert main(["synth", str(corpus), "--train", "8", "--val", "4", "--test", "4", "--seed", "3"]) == 0
    assert capsys.readouterr().out == f"{corpus}: 8 training, 4 validation and 4 test clips\n"
    summary = tmp_path / "summary.json"
    options = ["-p", "corpus", str(corpus), "-p", "audio", "own", "-p", "cache", str(tmp_path / "cache")]
    assert main(["prepare", *options, "--summary", str(summary)]) == 0
    assert json.loads(summary.read_text())["bursts"] == 16


def test_prepare_and_predict_note_what_check_notes_of_a_recording(tiny_corpus, tmp_path, model, capsys):
    corpus = shutil.copytree(tiny_corpus.root, tmp_path / "tones")
    files = sorted((corpus / "wav").iterdir())[:5]
    for file in files:
        samples, rate = soundfile.read(file, always_2d=True)
        soundfile.write(file, samples * [1, -0.98], rate, subtype="FLOAT")
    said = "its channels nearly cancel; their mean is 40 dB softer than they are"
    assert main(["check", str(corpus)]) == 0
    assert f"  wav/00000.wav, row 2: {said}" in capsys.readouterr().out.splitlines()
    wanted = [*(f"burst2vec: {file}: {said}" for file in files[:3]), "burst2vec: … and 2 more like these"]
    for _ in range(2):  # again where nothing is left to prepare
        assert main(["prepare", "-p", "corpus", str(corpus), "-p", "cache", str(tmp_path / "cache")]) == 0
        assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("burst2vec: ")] == wanted
    assert main(["predict", "--model", model, *map(str, files)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "age is" not in line] == wanted


@pytest.mark.parametrize("arguments, named", [
    (["prepare", "-p", "corpus", "no/such/folder"], "no/such/folder"),
    (["prepare", "-p", "audio", "loud"], "audio"),
    (["prepare", "-f", "no/such.yaml"], "no/such.yaml"), (["prepare", "-p", "sed", "1"], "did you mean seed?"),
])
def test_bad_input_is_one_line_that_names_it(arguments, named, capsys):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert named in error and len(error.strip().splitlines()) == 1


@pytest.mark.parametrize("value", ["2022-13-45", "[" * 10_000, "9" * 5_000, "a: b: c", "0x10"])
def test_a_value_of_another_type_is_named_with_its_parameter_in_one_line(value, capsys):
    assert main(["prepare", "-p", "seed", value]) == 1
    error = capsys.readouterr().err
    assert error.startswith("burst2vec: parameter seed is ") and "expected a whole number" in error
    assert len(error.splitlines()) == 1 and len(error) < 500


def test_a_parameter_arrives_as_it_was_typed(tmp_path, capsys, write_exvo, labels):
    corpus = write_exvo(tmp_path / "bursts #2: (clean)", labels)
    typed = ["-p", "corpus", str(corpus), "-p", "cache", str(tmp_path / "cache #1"), "-p", "seed", "010"]
    assert main(["prepare", *typed]) == 0
    assert json.loads(capsys.readouterr().out)["corpus"] == corpus.name
    assert list((tmp_path / "cache #1").iterdir())


def test_a_corpus_named_twice_is_two_corpora(tmp_path, capsys, write_exvo, labels):
    folders = [write_exvo(tmp_path / name, labels) for name in ("one", "other, too")]
    named = [part for folder in folders for part in ("-p", "corpus", str(folder))]
    for corpora in (named, ["-p", "corpus", json.dumps(list(map(str, folders)))]):
        assert main(["prepare", *corpora, "-p", "cache", str(tmp_path / "cache")]) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["bursts"] == 2 * len(labels)


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", rb"k\xe4uze \u2014 \U0001f4a5"),
                                                 ("latin-1", b"k\xe4uze \\u2014 \\U0001f4a5")])
def test_check_prints_its_report_on_a_terminal_of_few_characters(tmp_path, write_exvo, labels, encoding, shown):
    corpus = write_exvo(tmp_path / "k\u00e4uze \u2014 \U0001f4a5", labels)
    done = subprocess.run([*COMMAND, "check", str(corpus)], capture_output=True,
                          env={**os.environ, "PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout and b"Nothing that would make training wrong" in done.stdout


def test_no_progress_bar_is_drawn_where_standard_error_is_no_terminal(tmp_path):
    command = [*COMMAND, "synth", str(tmp_path / "corpus"), "--train", "8", "--val", "4", "--test", "4"]
    assert not subprocess.run(command, stderr=subprocess.PIPE, check=True).stderr


def test_a_name_cannot_command_the_terminal(tmp_path, capsys):
    assert main(["check", str(tmp_path / "evil\x1b[2J")]) == 1
    assert "evil\\x1b[2J: there is no such folder" in capsys.readouterr().err


@pytest.fixture
def model(tiny_corpus, tiny_params, tmp_path, monkeypatch):
    """The folder of a saved model. It is untrained, but nobody says that what it predicts is implausible."""
    monkeypatch.setattr("burst2vec.systems.predictor.implausible_scalars", lambda *_: iter(()))
    torch.manual_seed(0)
    build(tiny_params(), tiny_corpus.tasks).save_pretrained(tmp_path / "V4")
    return str(tmp_path / "V4")


@pytest.fixture
def sound(tmp_path):
    """The path of a recording."""
    soundfile.write(tmp_path / "laugh.wav", 0.1 * np.random.default_rng(0).normal(size=8_000), 16_000)
    return str(tmp_path / "laugh.wav")


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_predict_writes_a_row_for_each_recording(model, sound, tmp_path, capsys, suffix):
    out = tmp_path / f"found.{suffix}"
    assert main(["predict", "--model", model, sound, "--out", str(out), "--device", "cpu"]) == 0
    table = pd.read_csv(out) if suffix == "csv" else pd.read_json(out, lines=True)
    assert table["file"].tolist() == [sound] and table["end"].tolist() == [0.5]
    assert capsys.readouterr() == ("", "")


def test_predict_prints_notes_and_ends_well_all_the_same(model, sound, capsys, monkeypatch):
    monkeypatch.setattr("burst2vec.systems.predictor.implausible_scalars", lambda *_: iter(["age is\x1b implausible"]))
    assert main(["predict", "--model", model, sound]) == 0
    assert capsys.readouterr().err == "burst2vec: age is\\x1b implausible\n"


def test_predict_prints_a_table_on_a_terminal(model, sound, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "62")  # which the longest answers fill, in columns that are not cut further
    assert main(["predict", "--model", model, sound]) == 0
    header, row, *_ = lines = capsys.readouterr().out.splitlines()
    assert header.startswith("file") and "age" in header and "laugh.wav" in row and max(map(len, lines)) <= 62


def test_predict_without_out_prints_csv(model, sound, capsys):
    assert main(["predict", "--model", model, sound, "--window", "0.2"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.startswith("file,start,end,Awe,") and len(rows) == 3


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_predict_prints_the_name_of_any_file(model, sound, tmp_path, monkeypatch, encoding):
    strange = tmp_path / os.fsdecode("käuze ".encode() + b"\xe9.wav")  # its last letter is no UTF-8
    os.rename(sound, strange)
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding=encoding, write_through=True))
    assert main(["predict", "--model", model, str(strange)]) == 0
    assert os.fsencode(strange) in printed.getvalue()


@pytest.mark.parametrize("where", ["laugh.wav/found.csv", "laugh.wav/new/found.csv"])
def test_predict_says_at_once_that_its_file_cannot_be_written(model, sound, tmp_path, capsys, monkeypatch, where):
    monkeypatch.setattr("burst2vec.systems.saved.load", lambda *a: pytest.fail("a model was loaded"))
    assert main(["predict", "--model", model, sound, "--out", str(tmp_path / where)]) == 1
    assert capsys.readouterr().err == (f"burst2vec: --out {tmp_path / where}: {tmp_path / 'laugh.wav'} is no folder "
                                       "that can be written to\n")
    monkeypatch.setattr(os, "access", lambda *a: False)
    assert main(["predict", "--model", model, sound, "--out", str(tmp_path / "new" / "found.csv")]) == 1
    assert f"{tmp_path} is no folder that can be written to" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_predict_reports_what_it_cannot_use_and_writes_the_rest(model, sound, tmp_path, capsys):
    (tmp_path / "text.wav").write_text("no sound")
    out = tmp_path / "found.csv"
    assert main(["predict", "--model", model, str(tmp_path / "text.wav"), sound, "--out", str(out)]) == 1
    assert len(pd.read_csv(out)) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"burst2vec: {tmp_path}/text.wav: not readable as audio")


@pytest.mark.parametrize(("arguments", "complaint"), [
    (["--out", "found.txt"], "--out found.txt: expected a file that ends in .csv or .jsonl"),
    (["--window", "0"], "window is 0.0 s; expected 0.05 s or more"),
    (["--device", "abacus"], "parameter device is 'abacus'"),
])
def test_predict_refuses_what_it_cannot_do(model, sound, capsys, arguments, complaint):
    assert main(["predict", "--model", model, sound, *arguments]) == 1
    found = capsys.readouterr()
    assert complaint in found.err and len(found.err.splitlines()) == 1 and not found.out


def test_predict_never_puts_a_file_in_the_place_of_a_folder(model, sound, tmp_path, capsys):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "folder.csv" / "precious").touch()
    assert main(["predict", "--model", model, sound, "--out", str(tmp_path / "folder.csv")]) == 1
    assert (tmp_path / "folder.csv" / "precious").exists()


def test_predict_says_what_is_wrong_with_a_model(sound, tmp_path, capsys):
    assert main(["predict", sound, "--model", str(tmp_path)]) == 1
    assert f"{tmp_path}/config.json: there is no such file; expected the folder of" in capsys.readouterr().err


def test_predict_takes_no_model_for_a_recording(model, sound, tmp_path, capsys):
    assert main(["predict", model, sound]) == 1
    said = f"burst2vec: {model}: the folder of a trained model, not of recordings; give it as --model {model}\n"
    assert capsys.readouterr() == ("", said)
    (tmp_path / "V4" / "config.json").write_text('{"format": 1, "burst2vec": "0.1')  # cut off
    assert main(["predict", sound, model]) == 1 and capsys.readouterr().err == said


def test_predict_without_a_model_hears_with_the_one_that_comes_with_the_package(model, sound, tmp_path, capsys,
                                                                                monkeypatch):
    monkeypatch.setattr("burst2vec.models.shipped.WEIGHTS", tmp_path / "weights")
    assert main(["predict", sound]) == 1
    assert capsys.readouterr().err.startswith("burst2vec: emogator: its weights, which come with burst2vec, are not in")
    assert main(["predict", sound, "--model", model]) == 0
    wanted = capsys.readouterr().out
    shutil.copytree(model, tmp_path / "weights" / "emogator")
    assert main(["predict", sound]) == 0 and capsys.readouterr().out == wanted
    (tmp_path / "here" / "emogator").mkdir(parents=True)  # a corpus, say
    monkeypatch.chdir(tmp_path / "here")
    assert main(["predict", sound]) == 0 and capsys.readouterr().out == wanted


def test_export_writes_a_model_by_itself(tiny_corpus, tiny_store, tiny_params, tmp_path, capsys):
    from burst2vec.models.inference import predict
    from burst2vec.systems.folders import write_system
    from burst2vec.training.trained import Trained

    params = tiny_params(corpus=[str(tiny_corpus.root)], cache=str(tmp_path / "cache"))
    trained = Trained(build(params, tiny_corpus.tasks).eval(), pd.DataFrame(), {})
    write_system(tmp_path / "V4", params, predict(trained.model, tiny_corpus, tiny_store), trained)
    assert main(["export", str(tmp_path / "V4"), "--out", str(tmp_path / "mine"), "--half"]) == 0
    assert {p.name for p in (tmp_path / "mine").iterdir()} == {"config.json", "model.safetensors", "README.md"}
    assert capsys.readouterr().out.splitlines()[-1] == f"{tmp_path / 'mine'}: 0.6 MB"
    assert main(["export", str(tmp_path / "mine"), "--out", str(tmp_path / "other")]) == 1
    assert "mine/params.json: not the parameters of a training; expected the folder of a" in capsys.readouterr().err


@pytest.mark.parametrize("name", _COMMANDS)
def test_the_help_of_each_command_and_of_each_of_its_arguments_says_what_it_is_for(name):
    add_arguments, _, options = _COMMANDS[name]
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert options["description"].endswith(".") and options["help"][0].islower()
    assert [action.dest for action in parser._actions if not action.help] == []


def test_help_tells_of_the_exit_code(capsys):
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    assert "1 when any was left out" in " ".join(capsys.readouterr().out.split())


def test_convert_tells_how_many_recordings_it_made_readable(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("burst2vec.corpora.conversion.convert", lambda folder, report: report("x.webm: no") or (3, 2))
    assert main(["convert", str(tmp_path)]) == 1
    assert capsys.readouterr() == ("3 recordings converted; 2 had been before\n", "burst2vec: x.webm: no\n")
    monkeypatch.setattr("burst2vec.corpora.conversion.convert", lambda folder, report: (3, 0))
    assert main(["convert", str(tmp_path)]) == 0


def test_submission_prints_the_file_that_it_wrote(tiny_corpus, tmp_path, capsys):
    from burst2vec.evaluation.predictions import write_predictions

    write_predictions(tiny_corpus.split("test"), tmp_path / "V4" / "predictions.csv")  # the truth will do
    assert main(["submission", str(tmp_path / "V4"), "--team", "owls", "--number", "2", "--out", str(tmp_path),
                 "--corpus", str(tiny_corpus.root)]) == 0
    path = capsys.readouterr().out.strip()
    assert path == str(tmp_path / "ExVo-Multi_owls_2.csv") and len(pd.read_csv(path)) == 4
    assert main(["submission", str(tmp_path / "V4"), "--team", "o/wl", "--number", "2"]) == 1
    assert "team 'o/wl' cannot stand" in capsys.readouterr().err


def test_check_prints_what_a_sound_corpus_holds_and_succeeds(tiny_corpus, tmp_path, capsys):
    assert main(["check", str(tiny_corpus.root), "--layout", "exvo", "--json", str(tmp_path / "problems.json")]) == 0
    assert json.loads((tmp_path / "problems.json").read_text()) == []
    assert "Nothing that would make training wrong" in capsys.readouterr().out


def test_a_command_that_is_interrupted_says_so_and_leaves_nothing(tiny_corpus, tmp_path, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("burst2vec.inspection.check._unlisted", interrupt)
    assert main(["check", str(tiny_corpus.root), "--json", str(tmp_path / "problems.json")]) == 130
    assert "burst2vec: interrupted" in capsys.readouterr().err and not list(tmp_path.iterdir())
