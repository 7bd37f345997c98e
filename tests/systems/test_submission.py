"""The challenge's submission file."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from burst2vec.config import Params
from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS
from burst2vec.evaluation.predictions import write_predictions
from burst2vec.systems.submission import SubmissionError, check_submission, write_submission

HEADER = "File_ID,Country,Age,Awe,Excitement,Amusement,Awkwardness,Fear,Horror,Distress,Triumph,Sadness,Surprise"


def predictions(files, split="test", seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.random((len(files), 10)), columns=list(EMOTIONS), index=pd.Index(files, name="file"))
    table.insert(0, "split", split)
    table["age"] = rng.uniform(20, 39, len(files))
    table["country"] = [COUNTRIES[i % 4] for i in range(len(files))]
    return table


@pytest.fixture
def system(tmp_path, tiny_corpus):
    """A function that writes a system's folder with these predictions for the test clips of the tiny corpus."""
    def system(change=lambda table: table, params=None):
        test = predictions(tiny_corpus.split("test").index)
        table = pd.concat([predictions(["00016"], "val"), change(test)])
        write_predictions(table, tmp_path / "V4" / "predictions.csv")
        values = dataclasses.asdict(Params(corpus=[str(tiny_corpus.root)])) if params is None else params
        (tmp_path / "V4" / "params.json").write_text(json.dumps(values))
        return tmp_path / "V4"
    return system


def test_a_submission_is_as_the_challenge_wants_it(system, tmp_path, tiny_corpus):
    path = write_submission(system(), "Night-Owls", 3, tmp_path / "out")
    assert path == tmp_path / "out" / "ExVo-Multi_Night-Owls_3.csv"
    header, *lines = path.read_text().splitlines()
    assert header == HEADER and len(lines) == len(tiny_corpus.split("test"))
    wanted = predictions(tiny_corpus.split("test").index)
    for line, (file, row) in zip(lines, wanted.iterrows(), strict=True):
        file_id, country, age, *emotions = line.split(",")
        assert file_id == f"[{file}]" and COUNTRIES[int(country)] == row["country"]
        assert float(age) == pytest.approx(row["age"], rel=1e-5)
        np.testing.assert_allclose([float(e) for e in emotions], row[list(EMOTIONS)].astype(float), rtol=1e-5)


def test_rows_are_in_the_corpuss_order_whatever_the_predictions(system, tmp_path, tiny_corpus):
    path = write_submission(system(lambda t: t.iloc[::-1]), "owls", 1, tmp_path)
    assert pd.read_csv(path)["File_ID"].tolist() == [f"[{f}]" for f in tiny_corpus.split("test").index]


def test_an_ensemble_is_checked_against_its_members_corpus(system, tmp_path, tiny_corpus):
    system()
    short = predictions(tiny_corpus.split("test").index[:3])
    write_predictions(short, tmp_path / "A" / "predictions.csv")
    (tmp_path / "A" / "params.json").write_text(json.dumps({"variant": "A", "members": ["V4", "V5"]}))
    with pytest.raises(SubmissionError, match="1 of 4 test clips have no prediction, '00027' first"):
        write_submission(tmp_path / "A", "owls", 1, tmp_path)


def test_without_a_corpus_the_predictions_stand_for_themselves(system, tmp_path):
    for corpus in ("synthetic", ["synthetic"], ["example"], ["/no/longer/there"], []):
        params = {"corpus": corpus} if corpus else {}
        assert write_submission(system(params=params), "owls", 1, tmp_path).is_file()


def test_a_system_of_one_corpus_is_checked_against_it_however_its_record_names_it(system, tmp_path, tiny_corpus):
    for corpus in (str(tiny_corpus.root), [str(tiny_corpus.root)]):
        with pytest.raises(SubmissionError, match="1 of 4 test clips have no prediction"):
            write_submission(system(lambda t: t.iloc[1:], {"corpus": corpus}), "owls", 1, tmp_path)


def test_a_system_of_several_corpora_is_refused(system, tmp_path, tiny_corpus):
    params = dataclasses.asdict(Params(corpus=[str(tiny_corpus.root), "/data/emogator"]))
    for corpus in (None, tiny_corpus.root):
        with pytest.raises(SubmissionError, match="V4 was trained on several corpora; a submission is ExVo's alone"):
            write_submission(system(params=params), "owls", 1, tmp_path, corpus)


@pytest.mark.parametrize(("change", "complaint"), [
    (lambda t: t.iloc[1:], "1 of 4 test clips have no prediction, '00024' first"),
    (lambda t: t.rename(index={"00024": "99999"}), "1 of 4 test clips have no prediction, '00024' first"),
    (lambda t: pd.concat([t, predictions(["99999"])]), "'99999' is predicted, but is no test clip of the corpus"),
    (lambda t: pd.concat([t, t.iloc[:1]]), "'00024' is listed twice"),
    (lambda t: t.iloc[:0], "no prediction for a test clip"),
    (lambda t: t.assign(country="Chile"), "'Chile' is predicted as a country; expected one of China"),
    (lambda t: t.assign(age=np.nan), r"Age of \[00024\] is nan; expected 0 to 120"),
    (lambda t: t.assign(age=-3.0), r"Age of \[00024\] is -3"),
    (lambda t: t.assign(Fear=1.5), r"Fear of \[00024\] is 1.5; expected 0 to 1"),
])
def test_predictions_that_are_no_submission_are_refused_and_nothing_is_written(system, tmp_path, change, complaint):
    with pytest.raises((SubmissionError, CorpusError), match=complaint):
        write_submission(system(change), "owls", 1, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))


def test_a_system_of_other_tasks_is_refused(tmp_path):
    write_predictions(predictions(["1"]).drop(columns="age"), tmp_path / "predictions.csv")
    with pytest.raises(SubmissionError, match="no column 'age'; a submission needs ExVo's tasks"):
        write_submission(tmp_path, "owls", 1, tmp_path)


@pytest.mark.parametrize("team", ["", "night owls", "../owls", "-owls", "a/b", "Eulen\n", "x" * 65, "Käuze"])
def test_a_team_that_cannot_stand_in_a_files_name_is_refused(system, tmp_path, team):
    with pytest.raises(SubmissionError, match="cannot stand in the file's name; expected letters, digits, - and _"):
        write_submission(system(), team, 1, tmp_path)


def test_submissions_are_counted_from_1(system, tmp_path):
    with pytest.raises(SubmissionError, match="number is 0; expected 1 or more"):
        write_submission(system(), "owls", 0, tmp_path)


@pytest.mark.parametrize(("old", "new", "complaint"), [
    ("File_ID,Country", "Country,File_ID", "its columns are Country, File_ID"),
    ("[00025],", "00025,", "its rows are not the 4 test clips"),
    ("[00025],", "[00026],", "its rows are not the 4 test clips"),
    ("[00025],1,", "[00025],1.0,", r"Country of \[00025\] is 1.0; expected 0 to 3"),
    ("[00025],1,", "[00025],4,", r"Country of \[00025\] is 4; expected 0 to 3"),
    ("[00025],1,", "[00025],China,", r"Country of \[00025\] is China"),
    ("[00025],1,", "[00025],,", r"Country of \[00025\] is nan"),
])
def test_reading_back_finds_what_is_wrong(system, tmp_path, tiny_corpus, old, new, complaint):
    path = write_submission(system(), "owls", 1, tmp_path)
    check_submission(path, tiny_corpus.split("test").index)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(SubmissionError, match=f"ExVo-Multi_owls_1.csv: {complaint}"):
        check_submission(path, tiny_corpus.split("test").index)


@pytest.mark.parametrize("content", ["{", "null", "[]", '{"corpus": 7}', '{"corpus": [7]}', '{"members": {"a": 1}}',
                                     '{"members": [0]}'])
def test_a_damaged_record_of_parameters_is_named_with_the_way_round_it(system, tmp_path, content):
    folder = system()
    (folder / "params.json").write_text(content)
    with pytest.raises(SubmissionError, match="params.json: not readable as a system's parameters; .*--corpus"):
        write_submission(folder, "owls", 1, tmp_path)
