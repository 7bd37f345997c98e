"""`check`: of each fault planted in a sound corpus it finds that one, in its file and row, and nothing else."""

from __future__ import annotations

import codecs
import errno
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from burst2vec.corpora.corpus import Problem
from burst2vec.corpora.synthetic.synthesis import synthesise
from burst2vec.inspection.check import _unlisted, check
from burst2vec.inspection.summary import summary
from tests.support.planting import TABLE, TONE, absent, cells, put, put_all, recording, without, write


def beside(column, value="0"):
    def plant(root):
        header, *rows = cells(root / TABLE)
        write(root / TABLE, [[*header, column], *([*row, value] for row in rows)])
    return plant


def listed_again(row):
    def plant(root):
        rows = cells(root / TABLE)
        write(root / TABLE, [*rows, rows[row - 1]])
    return plant


def text(change, table=TABLE):
    """A fault: the table's text changed, as bytes."""
    def plant(root):
        (root / table).write_bytes(change((root / table).read_bytes()))
    return plant


def content(name, data):
    return lambda root: (root / name).write_bytes(data)


def named(row, file):
    """A fault: another id, under which no recording is found, and none of the old one."""
    def plant(root):
        put(row, "File_ID", file)(root)
        for folder in ("wav", "raw"):
            (root / folder / f"{row - 2:05d}.wav").unlink()
    return plant


def in_a_line(row, change):
    def apply(data):
        lines = data.splitlines(keepends=True)
        lines[row - 1] = change(lines[row - 1])
        return b"".join(lines)
    return text(apply)


def comma_for_a_point(line):
    """The age, which stands in the sixth column (no cell before it holds a comma), with a comma and without quotes."""
    *before, age, rest = line.split(b",", 6)
    return b",".join([*before, age.replace(b".", b","), rest])


def promising(frames, name):
    """A fault: a FLAC file of four seconds whose header speaks of that many frames, in 36 bits from byte 21.5 on."""
    def plant(root):
        soundfile.write(root / name, np.resize(TONE, 64_000), 16_000, format="FLAC")
        data = bytearray((root / name).read_bytes())
        data[18:26] = (int.from_bytes(data[18:26]) >> 36 << 36 | frames).to_bytes(8)
        (root / name).write_bytes(data)
    return plant


def broken_off(name):
    """A fault: the first third of an MP3 file of two seconds."""
    def plant(root):
        soundfile.write(root / name, np.resize(TONE, 96_000), 48_000, format="MP3")
        data = (root / name).read_bytes()
        (root / name).write_bytes(data[:len(data) // 3])
    return plant


def again(name, other):
    """A fault: a recording under a second name."""
    return lambda root: shutil.copy(root / name, root / other)


def pipe(name):
    """A fault: a named pipe, which a reader waits for."""
    def plant(root):
        (root / name).unlink()
        os.mkfifo(root / name)
    return plant


ACCENT = in_a_line(20, lambda line: line.replace(b"eaker", b"\xe9aker"))

IN_ROWS = [
    (put(2, "Fear", "1.2"), TABLE, 2, "Fear is 1.2; intensities lie in [0, 1]"),
    (put(3, "Fear", "-0.1"), TABLE, 3, "Fear is -0.1; intensities lie in [0, 1]"),
    (put(4, "Age", "-20"), TABLE, 4, "Age is -20; expected years"),
    (put(5, "Age", "young"), TABLE, 5, "Age is 'young'; expected a number"),
    (put(6, "Age", "inf"), TABLE, 6, "Age is 'inf'; expected a number"),
    (put(7, "Age", ""), TABLE, 7, "Age is missing; rows of training and validation have it"),
    (put(8, "Country", "4"), TABLE, 8, "Country is 4; 0 is China, 1 is South Africa, 2 is USA, 3 is Venezuela"),
    (put(9, "Age", "28,5"), TABLE, 9, "Age is '28,5'; expected a number with a decimal point"),
    (put(12, "Subject_ID", ""), TABLE, 12, "Subject_ID is missing; rows of training and validation have it"),
    (named(13, ""), TABLE, 13, "File_ID is missing; every row has one"),
    (named(14, "[../../00012]"), TABLE, 14, "leads out of the corpus; expected a path below its folder"),
    (put(15, "Split", "Dev"), TABLE, 15, "burst '00013' is in split 'dev'; expected one of train, val, test"),
    (put(18, "Awe", ""), TABLE, 18, "Awe is missing; rows of training and validation have it"),
    (put(19, "Subject_ID", "Speaker_14"), TABLE, 19, "speaker 'Speaker_14' is in more than one split"),
    (put(26, "Split", "Dev"), TABLE, 26, "burst '00024' is in split 'dev'"),
    (listed_again(17), TABLE, 30, "burst '00015' is listed twice"),
    (in_a_line(10, comma_for_a_point), TABLE, 10, "17 cells where the header has 16; numbers have a decimal point"),
    (in_a_line(11, lambda line: line.rpartition(b",")[0] + b"\n"), TABLE, 11, "15 cells where the header has 16"),
    (put(3, "Fear", "7", "test_labels.csv"), "test_labels.csv", 3, "Fear is 7; intensities lie in [0, 1]"),
    (put(4, "Age", "?", "test_labels.csv"), "test_labels.csv", 4, "Age is '?'; expected a number"),
]

IN_RECORDINGS = [
    (absent("wav/00000.wav"), "wav/00000.wav", 2, "there is no such recording"),
    (absent("raw/00001.wav"), "raw/00001.wav", 3, "there is no such recording"),
    (content("wav/00002.wav", b"a text"), "wav/00002.wav", 4, "not readable as audio"),
    (content("wav/00003.wav", b""), "wav/00003.wav", 5, "empty; it holds no bytes"),
    (recording("raw/00004.wav", TONE[:0]), "raw/00004.wav", 6, "empty; it holds no samples"),
    (recording("wav/00005.wav", TONE[:399]), "wav/00005.wav", 7, "24.9 ms long; expected 25 ms or more"),
    (recording("raw/00006.wav", 0 * TONE), "raw/00006.wav", 8, "silent; every sample is zero"),
    (recording("wav/00007.wav", np.r_[TONE, np.nan]), "wav/00007.wav", 9, "holds samples that are not finite numbers"),
    (recording("raw/00008.wav", np.r_[TONE, np.inf]), "raw/00008.wav", 10, "holds samples that are not finite numbers"),
    (recording("wav/00009.wav", np.full((8_000, 2), 3e38)), "wav/00009.wav", 11, "holds samples that are not finite"),
    (recording("raw/00010.wav", TONE, 500), "raw/00010.wav", 12, "sampled at 500 Hz; expected 1000 to 768000 Hz"),
    (recording("wav/00011.wav", np.stack([TONE, -TONE], 1)), "wav/00011.wav", 13, "silent; its channels cancel out"),
    (pipe("raw/00012.wav"), "raw/00012.wav", 14, "there is no such recording"),
    (recording("wav/00013.wav", 0.1 + 0 * TONE), "wav/00013.wav", 15, "silent but for its offset of 0.1"),
    (recording("raw/00014.wav", np.r_[TONE, 1e30]), "raw/00014.wav", 16, "holds samples far above full scale"),
]

NOTES = [
    (beside("Mood"), TABLE, None, "column 'Mood' is not known, and not read"),
    (text(lambda data: codecs.BOM_UTF8 + data), TABLE, None, "begins with a byte order mark, which is read over"),
    (put(3, "File_ID", "[00003]", "test_labels.csv"), "test_labels.csv", 3, "burst '00003' is not a test row of"),
    (recording("wav/99999.wav", TONE), "wav/99999.wav", None, "not listed, and not read"),
    (recording("wav/00009.wav", np.clip(9 * TONE, -1, 1), subtype="PCM_16"), "wav/00009.wav", 11, "clipped; "),
    (recording("raw/00010.wav", 1e-4 * TONE), "raw/00010.wav", 12, "nearly silent; its peak is -90 dB"),
    (recording("wav/00011.wav", np.resize(TONE, 61 * 2_000), 2_000), "wav/00011.wav", 13, "61 s long; bursts last"),
    (broken_off("wav/00012.wav"), "wav/00012.wav", 14, " s where its header says 2.0 s"),
    (promising(2 ** 36 - 1, "wav/00013.wav"), "wav/00013.wav", 15, "ends after 4.0 s where its header says 4294967.3"),
    (recording("raw/00014.wav", np.stack([TONE, -0.98 * TONE], 1)), "raw/00014.wav", 16, "its channels nearly cancel;"),
    (again("wav/00001.wav", "wav/00020.wav"), "wav/00020.wav", 22,
     "sounds exactly like 'wav/00001.wav' of split train; this one is of split val"),
]

IN_TABLES = {
    "no file id column": (without("File_ID"), TABLE, None, "column File_ID is missing; expected File_ID, Split,"),
    "no split column": (without("Split"), TABLE, None, "column Split is missing; expected one with Train, Val or Test"),
    "no speaker column": (without("Subject_ID"), TABLE, None, "column Subject_ID is missing; expected File_ID, Split,"),
    "no column of a label": (without("Age"), TABLE, None, "column Age is missing; expected File_ID, Split,"),
    "no withheld label": (without("Fear", "test_labels.csv"), "test_labels.csv", None, "column Fear is missing"),
    "a column twice": (beside("Age"), TABLE, None, "column 'Age' is there twice; the first is read"),
    "no emotion in train": (put_all("Train", "Awe", ""), TABLE, None, "split train has a label for task emotion"),
    "no country in train": (put_all("Train", "Country", ""), TABLE, None, "split train has a label for task country"),
    "no age in train": (put_all("Train", "Age", ""), TABLE, None, "training rows hold fewer than two different ages"),
    "no age in val": (put_all("Val", "Age", ""), TABLE, None, "no burst of split val has a label for task age"),
    "nothing in train": (put_all("Train", "Split", "Test"), TABLE, None, "no burst is in split train"),
    "a quote too many": (in_a_line(7, lambda line: b'"' + line), TABLE, 7, "no cells separated by commas"),
    "semicolons": (text(lambda data: data.replace(b",", b";")), TABLE, None, "its cells are separated by semicolons"),
    "latin-1": (ACCENT, TABLE, None, "not UTF-8, first in line 20; save the table in that encoding"),
    "utf-16": (text(lambda data: data.decode().encode("utf-16")), TABLE, None, "not UTF-8; save the table in"),
    "an empty table": (text(lambda data: b""), TABLE, None, "empty; expected a table"),
    "a table without rows": (text(lambda data: data.splitlines(keepends=True)[0]), TABLE, None, "lists no bursts"),
    "no table": (absent(TABLE), ".", None, "no known layout; expected corpus.yaml (generic), data_info.csv (exvo)"),
    "no recordings": (lambda root: [shutil.rmtree(root / f) for f in ("wav", "raw")], ".", None, "none of the bursts"),
}

HARMLESS = {
    "nothing": lambda root: None,
    "line ends of another system": text(lambda data: data.replace(b"\n", b"\r\n")),
    "a blank line": text(lambda data: data + b"\n"),
    "lines of separators alone": text(lambda data: data + b",,,,,,,,,,,,,,,\n,,\n"),
    "empty cells behind the last": text(lambda data: data.replace(b"\n", b",,\n").replace(b",,\n", b"\n", 1)),
    "spaces beside commas": text(lambda data: data.replace(b",", b" , ")),
    "every cell in quotes": text(lambda data: re.sub(rb"[^,\n]+", rb'"\g<0>"', data)),
    "no country in words": without("Country_string"),
    "a recording again in its split": again("wav/00001.wav", "wav/00002.wav"),
    "no withheld labels": absent("test_labels.csv"),
    "a table of who knows what": content("notes.csv", b"a;b\n1"),
}


def found_as_planted(problems, planted, grave=True):
    """Whether the problems are those planted, each in its file and row and in these words, and no others."""
    where = [(p.file, p.row) for p in problems]
    assert sorted(where, key=str) == sorted(((file, row) for _, file, row, _ in planted), key=str)
    words = {(file, row): text for _, file, row, text in planted}
    for problem in problems:
        assert words[problem.file, problem.row] in problem.problem and problem.grave == grave
    return True


@pytest.mark.parametrize("planted", [IN_ROWS, IN_RECORDINGS], ids=["rows", "recordings"])
def test_one_fault_of_each_kind_is_found_where_it_is_and_nothing_else(root, planted):
    for plant, *_ in planted:
        plant(root)
    assert found_as_planted(check(root).problems, planted)


def test_what_is_odd_is_noted_where_it_is_and_nothing_else(root):
    for plant, *_ in NOTES:
        plant(root)
    checked = check(root)
    assert len({p.problem for p in checked.problems}) == len(NOTES) and not checked.grave
    assert [p.row for p in checked.problems if p.file == TABLE] == [None, None]
    assert found_as_planted([p for p in checked.problems if p.file != TABLE], NOTES[2:], grave=False)


@pytest.mark.parametrize("planted", IN_TABLES.values(), ids=IN_TABLES)
def test_a_fault_of_a_whole_table_is_one_problem(root, planted):
    planted[0](root)
    assert found_as_planted(check(root).problems, [planted])


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_what_is_no_fault_is_not_mentioned(root, change):
    change(root)
    assert check(root).problems == []


def test_rows_are_those_of_a_spreadsheet_when_a_cell_holds_a_line_end(root):
    put(3, "Country_string", "South\nAfrica")(root)
    put(7, "Age", "young")(root)
    assert [p.row for p in check(root).problems] == [7]


def test_checking_changes_nothing(root):
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in root.rglob("*") if path.is_file()}
    check(root)
    assert before == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("folder", ["wav", "."])
def test_a_folder_that_may_not_be_read_is_a_problem(root, monkeypatch, folder):
    def refuse(path):
        if Path(path) == root / folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listing(path)

    listing = os.listdir
    monkeypatch.setattr("os.listdir", refuse)
    if folder == ".":
        monkeypatch.setattr("pathlib.Path.read_bytes", lambda path: refuse(path.parent))
    problems = check(root).problems
    assert [(p.file, p.row, p.problem) for p in problems] == [(folder, None, "cannot be read (Permission denied)")]


def test_a_folder_that_is_not_there_is_no_corpus(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: there is no such folder"):
        check(tmp_path / "nowhere")


def test_the_embedded_corpus_has_no_fault_but_provided_audio_that_is_clipped_on_purpose(tmp_path):
    checked = check(synthesise(tmp_path / "corpus", 8, 4, 4, seed=1, workers=1))
    assert not checked.grave
    assert {p.file for p in checked.recordings} == set(checked.reading.table["provided"])
    assert all(p.problem.startswith("clipped; ") for p in checked.recordings)


def test_a_layout_without_a_table_has_its_faults_in_the_recordings(emogator):
    assert check(emogator).problems == []
    mp3 = emogator / "data" / "mp3"
    (mp3 / "000003-01-1.mp3").write_bytes(b"")
    (mp3 / "laugh.mp3").touch()
    (mp3 / "000003-01-1.wav").touch()
    found = {(p.file, p.row, p.grave) for p in check(emogator).problems}
    assert found == {("data/mp3/000003-01-1.mp3", None, True), ("data/mp3/laugh.mp3", None, True),
                     ("data/mp3/000003-01-1.wav", None, False)}


def test_a_name_that_is_not_utf_8_is_a_problem_of_that_file(emogator):
    (emogator / "data" / "mp3" / os.fsdecode(b"caf\xe9.mp3")).touch()
    (problem,) = check(emogator).problems
    assert problem.file == "data/mp3/caf\udce9.mp3" and problem.problem.startswith("expected a name NNNNNN-EE-I.mp3")
    assert "caf\\udce9.mp3" in summary(check(emogator))


@pytest.mark.parametrize(("written", "words"), [
    ("[" * 3_000, "not readable as YAML"),
    ("day: 2024-99-99", "not readable as YAML"),
    ("table: ../x/data_info.csv\nfile: File_ID\ntasks: {age: {kind: scalar, columns: [Age]}}", "leads out of the"),
    ("table: none.csv\nfile: File_ID\ntasks: {age: {kind: scalar, columns: [Age]}}", "there is no such file in"),
    ("table: data_info.csv\nfile: File\ntasks: {age: {kind: scalar, columns: [Age]}}", "has no column 'File'"),
])
def test_what_is_wrong_in_a_declaration_is_a_problem_of_its_file(root, written, words):
    (root / "corpus.yaml").write_text(written)
    (root.parent / "x").mkdir()
    shutil.copy(root / TABLE, root.parent / "x")
    (problem,) = check(root).problems
    assert problem.file == "corpus.yaml" and words in problem.problem


def test_durations_are_those_of_the_provided_recordings_or_else_the_raw_ones(root):
    seconds = check(root).seconds()
    assert seconds[5] == soundfile.info(root / "wav" / "00005.wav").duration
    shutil.rmtree(root / "wav")
    assert check(root).seconds()[5] == soundfile.info(root / "raw" / "00005.wav").duration


def test_a_name_that_no_file_system_takes_is_a_problem(tmp_path):
    assert _unlisted(tmp_path, {"a\0b/1.wav"}) == [Problem("a\0b", None, "cannot be read (embedded null byte)")]


def test_in_a_corpus_of_ones_own_a_recording_is_missing_where_its_like_are_and_a_row_without_split_is_that_alone(root):
    (root / "own.csv").write_text("clip,original,part,age\nwav/00000.wav,raw/00000.wav,train,20\n"
                                  "wav/00001.wav,,train,30\nwav/00002.wav,raw/00002.wav,val,25\n"
                                  "wav/00000.wav,raw/00000.wav,,25\n")
    (root / "corpus.yaml").write_text("table: own.csv\nfile: clip\nraw: original\nsplit: part\n"
                                      "tasks: {age: {kind: scalar, columns: [age], unit: years}}\n")
    problems = check(root).problems
    assert [str(p) for p in problems if p.grave] == [
        "own.csv, row 5: burst 'wav/00000' is listed twice",
        "own.csv, row 5: burst 'wav/00000' is in no split; expected one of train, val, test",
        "raw/00001.wav, row 3: there is no such recording"]
    assert not any("sounds exactly like" in p.problem for p in problems)
