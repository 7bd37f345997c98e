"""What `check` found is told in a few lines, with the command that trains on the corpus, and as JSON in full."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest

from burst2vec.cli import main
from burst2vec.config import Params
from burst2vec.corpora.corpus import CorpusError, Problem, Task
from burst2vec.corpora.opening import open_corpus
from burst2vec.corpora.readers.reading import Reading
from burst2vec.inspection.check import Checked, check
from burst2vec.inspection.listening import Heard
from burst2vec.inspection.summary import command, formats, labels, summary, write_json
from burst2vec.pretraining.heard import open_unlabelled
from tests.support.planting import TABLE, TONE, absent, put, put_all, recording, without


def test_the_corpus_in_the_current_folder_goes_by_that_folders_name(root, monkeypatch):
    monkeypatch.chdir(root)
    assert summary(check(".")).startswith("tones: 28 bursts\n")


def test_the_summary_shows_what_there_is_and_how_to_train_on_it(root):
    shown = summary(check(root))
    assert re.search(r"tones: 28 bursts\n", shown) and re.search(r"No\. +16 +8 +4", shown)
    assert re.search(r"emotion +16 +8 +4 +10 intensities", shown)
    assert re.search(r"country +16 +8 +4 +4 classes of 4 training bursts", shown)
    assert re.search(r"16 kHz mono +0 +28\n24 kHz stereo +28 +0", shown)
    assert shown.splitlines()[-4:] == [
        "Nothing that would make training wrong.", "", "To train on it:",
        f"  burst2vec run notebooks/04_train_variant.ipynb tones.ipynb -p corpus {root} -p run tones"]


def test_the_command_names_the_task_the_audio_and_the_layout_that_the_corpus_asks_for(emogator, root):
    shown = summary(check(emogator, "emogator"))
    assert shown.endswith(f"-p corpus {emogator} -p run emogator -p layout emogator")
    shutil.rmtree(root / "wav")
    corpus = root.rename(root.parent / "my tones")
    declare(corpus, "file: path\nraw: path\nsplit: part\ntasks: {sound: {kind: classes, columns: [label]}}", "raw/")
    shown = summary(check(corpus))
    assert shown.endswith(f"'my tones.ipynb' -p corpus '{corpus}' -p run 'my tones'")


def declare(root, text, folder):
    """A table and a declaration of the recordings in a folder of the corpus, with two labels in turn."""
    (root / TABLE).unlink()
    rows = [f"{folder}{number:05d}.wav,{split},{'sigh' if number % 2 else 'laugh'}"
            for number, split in enumerate(["train"] * 16 + ["val"] * 8 + ["test"] * 4)]
    (root / "bursts.csv").write_text("\n".join(["path,part,label", *rows]) + "\n")
    (root / "corpus.yaml").write_text(f"table: bursts.csv\n{text}\n")


def test_without_tasks_a_backbone_can_learn_from_it_and_nothing_else(root):
    declare(root, "file: path\nsplit: part", "wav/")
    shown = summary(check(root))
    assert shown.endswith(f"To pre-train a backbone on it:\n  burst2vec pretrain {root} --family hubert "
                          "--out backbones/tones")
    assert len(open_unlabelled([str(root)], Params()).table) == 28
    with pytest.raises(CorpusError, match="declares no task, so a backbone can learn from it"):
        open_corpus(Params(corpus=[str(root)]))


def test_a_training_by_the_command_starts_and_is_refused_where_the_check_refuses(root):
    arguments = shlex.split(summary(check(root)).splitlines()[-1])
    pairs = list(zip(arguments[5::3], arguments[6::3], strict=True))
    assert arguments[:2] == ["burst2vec", "run"] and Path(pairs[0][1]) == root
    params = Params(**{name: [value] if name == "corpus" else value for name, value in pairs})
    assert len(open_corpus(params).table) == 28
    put(7, "Age", "young")(root)
    assert "To train on it:" not in summary(check(root))
    with pytest.raises(CorpusError, match="Age is 'young'"):
        open_corpus(params)


def test_the_recordings_of_many_folders_are_counted_in_one_column(root):
    for number in range(28):
        (root / "raw" / str(number)).mkdir()
        shutil.move(root / "raw" / f"{number:05d}.wav", root / "raw" / str(number) / f"{number:05d}.wav")
    declare(root, "file: path\nsplit: part\ntasks: {sound: {kind: classes, columns: [label]}}", "wav/")
    rows = (root / "bursts.csv").read_text().splitlines()
    rows[1:] = [f"raw/{number}/{row.removeprefix('wav/')}" for number, row in enumerate(rows[1:])]
    (root / "bursts.csv").write_text("\n".join(rows) + "\n")
    shown = summary(check(root))
    assert re.search(r"^ +raw/\n24 kHz stereo +28$", shown, re.MULTILINE)
    assert max(map(len, shown.splitlines())) < 200
    for number in range(28):
        shutil.move(root / "raw" / str(number), root / f"speaker{number}")
    (root / "bursts.csv").write_text((root / "bursts.csv").read_text().replace("raw/", "speaker"))
    assert re.search(r"^ +28 folders\n24 kHz stereo +28$", summary(check(root)), re.MULTILINE)


def test_the_summary_shows_grave_problems_first_and_of_each_kind_no_more_than_twenty(root):
    put_all("Train", "Subject_ID", "")(root)
    put_all("Val", "Subject_ID", "")(root)
    put(7, "Age", "young")(root)
    recording("wav/99999.wav", TONE)(root)
    lines = summary(check(root)).splitlines()
    assert "25 problems that would make training wrong:" in lines
    assert sum("Subject_ID is missing" in line for line in lines) == 20
    assert "  … and 4 more like these; --json FILE lists them all" in lines
    assert "  data_info.csv, row 7: Age is 'young'; expected a number" in lines
    assert lines[-2:] == ["1 note:", "  wav/99999.wav: not listed, and not read"] and "To train on it:" not in lines


def test_problems_are_written_as_json_with_file_row_and_problem(root, tmp_path, capsys):
    for plant in (put(7, "Age", "-20"), absent("wav/00005.wav"), recording("wav/99999.wav", TONE)):
        plant(root)
    assert main(["check", str(root), "--json", str(tmp_path / "problems.json")]) == 1
    assert json.loads((tmp_path / "problems.json").read_text()) == [
        {"file": TABLE, "row": 7, "problem": "Age is -20; expected years"},
        {"file": "wav/00005.wav", "row": 7, "problem": "there is no such recording"},
        {"file": "wav/99999.wav", "row": None, "problem": "note: not listed, and not read"},
    ]


def test_a_corpus_that_cannot_be_read_at_all_is_reported_in_the_same_way(root, tmp_path, capsys):
    without("Split")(root)
    assert main(["check", str(root), "--json", str(tmp_path / "problems.json")]) == 1
    (problem,) = json.loads((tmp_path / "problems.json").read_text())
    assert (problem["file"], problem["row"]) == (TABLE, None) and "Split is missing" in problem["problem"]
    assert "data_info.csv: column Split is missing" in capsys.readouterr().out


# Made by hand ------------------------------------------------------------------------------------------------

AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=50.5)
MOOD = Task("mood", "intensities", ("calm", "wild"))
SOUND = Task("sound", "classes", ("sound",), classes=("laugh", "sigh", "sob"))


def made(*problems, tasks=(MOOD, AGE, SOUND), heard=None, **columns):
    """What `check` may have found in a corpus of six bursts in folder `my tones`."""
    table = pd.DataFrame({
        "split": ["train"] * 3 + ["val"] * 2 + ["test"], "speaker": list("abcdef"), "sex": None,
        "raw": "raw.wav", "provided": "wav.wav", "calm": [0, 0.5, 1, 0.2, 0.9, None],
        "wild": [1, 0.5, 0, 0.8, 0.1, None], "age": [20, 50.5, None, 30, 40, 45],
        "sound": ["laugh", "laugh", "sigh", "laugh", "sigh", "sob"]} | columns)
    reading = Reading(Path("my tones"), table, tasks, name="my tones")
    return Checked(Path("my tones"), reading, list(problems), heard=heard or {})


def wave(rate=16_000, channels=1):
    return Heard(rate, channels, frames=rate, checksum=(0, 0), clipped=0.0, fault="", notes=())


def test_labels_are_counted_by_split_and_told_by_their_kind():
    table = labels((MOOD, AGE, SOUND), made().reading.table)
    assert table.to_numpy().tolist() == [["3", "2", "0", "2 intensities"], ["2", "2", "1", "20 to 50.5 years"],
                                         ["3", "2", "1", "3 classes of 0 to 2 training bursts"]]
    assert list(table) == ["Train", "Validation", "Test", "labels"] and list(table.index) == ["mood", "age", "sound"]


def test_formats_have_a_row_for_each_rate_and_number_of_channels_in_order():
    heard = {"a/1.wav": wave(44_100, 2), "a/2.wav": wave(8_000), "a/3.wav": wave(8_000), "b/1.wav": wave(44_100, 6)}
    table = formats(made(heard=heard))
    assert table.index.tolist() == ["8 kHz mono", "44.1 kHz stereo", "44.1 kHz 6 channels"]
    assert table.loc["8 kHz mono"].tolist() == ["2", "0"] and list(table) == ["a/", "b/"]


@pytest.mark.parametrize(("folders", "columns"), [
    (("a/1", "a/2", "b/1", "b/2"), ["a/1/", "a/2/", "b/1/", "b/2/"]),
    (("a/1", "a/2", "a/3", "b/1", "b/2"), ["a/", "b/"]),
    (("a", "b", "c", "d", "e"), ["5 folders"])])
def test_more_than_four_folders_are_counted_together(folders, columns):
    table = formats(made(heard={f"{folder}/1.wav": wave() for folder in folders}))
    assert list(table) == columns and table.loc["16 kHz mono"].astype(int).sum() == len(folders)


def test_a_corpus_of_no_recordings_has_no_formats():
    assert formats(made()).empty and "kHz" not in summary(made())


def test_problems_of_one_kind_stand_together_whatever_names_and_numbers_they_hold():
    problems = [Problem("t.csv", row, f"age is {row}; expected years", grave=False) for row in range(2, 7)]
    problems[2:2] = [Problem("t.csv", 9, "column 'Mood' is not known", grave=False),
                     Problem("t.csv", None, "column 'Day 2' is not known", grave=False)]
    lines = summary(made(*problems)).splitlines()
    start = lines.index("7 notes:")
    assert lines[start + 1:start + 7] == [
        "  t.csv, row 2: age is 2; expected years", "  t.csv, row 3: age is 3; expected years",
        "  t.csv, row 4: age is 4; expected years", "  … and 2 more like these; --json FILE lists them all",
        "  t.csv, row 9: column 'Mood' is not known", "  t.csv: column 'Day 2' is not known"]


def test_a_line_end_or_a_control_character_in_a_name_breaks_no_line():
    shown = summary(made(Problem("a\nb.wav", None, "silent"), Problem("c\x1b[31m.wav", None, "empty")))
    assert "\n  a\\nb.wav: silent\n" in shown and "\x1b" not in shown
    assert "2 problems that would make training wrong:" in shown


def test_no_command_is_shown_where_nothing_could_be_trained():
    for checked in (made(Problem("t.csv", 2, "wrong")), made(tasks=()), Checked(Path("x"), None, [])):
        assert "burst2vec run" not in summary(checked)
    assert "1 problem that would make training wrong:" in summary(made(Problem("t.csv", 2, "wrong")))


def options(checked):
    """The parameters in the command that trains on a corpus, by name."""
    words = shlex.split(command(checked, checked.reading))
    assert words[:4] == ["burst2vec", "run", "notebooks/04_train_variant.ipynb", "my tones.ipynb"]
    assert words[4::3] == ["-p"] * len(words[4::3])
    return dict(zip(words[5::3], words[6::3], strict=True))


def test_the_first_task_whose_validation_labels_differ_decides_unless_the_usual_one_can():
    def deciding(**columns):
        return options(made(tasks=(AGE, MOOD, SOUND), **columns)).get("early_stopping_task")

    assert deciding() is None
    assert deciding(age=30.0) == "mood"
    assert deciding(age=30.0, calm=0.5, wild=0.5) == "sound"
    emotion = Task("emotion", "intensities", ("calm", "wild"))
    assert "early_stopping_task" not in options(made(tasks=(AGE, emotion)))
    assert options(made(tasks=(AGE, emotion), calm=0.5, wild=0.5))["early_stopping_task"] == "age"


def test_a_corpus_whose_validation_labels_are_all_the_same_cannot_end_its_training():
    shown = summary(made(tasks=(AGE,), age=[20, 50, 40, 30, 30, 35]))
    assert shown.endswith("No task of it can decide when the training stops, since no validation labels differ.")
    assert "No task of it" not in summary(made(tasks=(AGE,)))


def test_our_own_audio_is_asked_for_where_a_burst_has_no_provided_recording():
    assert "audio" not in options(made())
    assert options(made(provided=["wav.wav"] * 5 + [None]))["audio"] == "own"


def test_every_problem_is_written_the_grave_ones_first_and_notes_as_such(tmp_path):
    problems = [Problem("t.csv", row, "odd", grave=False) for row in range(30)] + [Problem("é.wav", None, "silent")]
    write_json(made(*problems), tmp_path / "problems.json")
    first, *others = json.loads((tmp_path / "problems.json").read_text())
    assert first == {"file": "é.wav", "row": None, "problem": "silent"}
    assert others == [{"file": "t.csv", "row": row, "problem": "note: odd"} for row in range(30)]
    write_json(made(), tmp_path / "problems.json")
    assert json.loads((tmp_path / "problems.json").read_text()) == []
