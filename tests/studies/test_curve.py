"""Learning curves: shares lie within each other, test speakers are never learnt from, and nothing is done twice."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import soundfile

from burst2vec.audio.store import open_store
from burst2vec.config import Params
from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.opening import open_corpus
from burst2vec.report.answers import read
from studies import curve
from studies.recognition import Bursts
from tests.support.declared import HEAD

PITCHES = {"low": 200, "high": 2_500}


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """The folder of a corpus of 30 speakers, 20 in train, 2 in val and 8 in test, with two tones of each pitch."""
    root, rng, rows = tmp_path_factory.mktemp("corpora") / "tones", np.random.default_rng(0), []
    root.mkdir()
    for number in range(120):
        speaker, (pitch, hertz) = number // 4, list(PITCHES.items())[number % 2]
        soundfile.write(root / f"{number}.wav", 0.3 * np.sin(2 * np.pi * hertz * np.arange(4_000) / 16_000)
                        + 0.02 * rng.normal(size=4_000), 16_000)
        rows.append((f"{number}.wav", f"s{speaker:02}", "train" if speaker < 20 else "val" if speaker < 22 else "test",
                     pitch))
    pd.DataFrame(rows, columns=["file", "speaker", "split", "pitch"]).to_csv(root / "bursts.csv", index=False)
    (root / "corpus.yaml").write_text(HEAD + "  pitch: {kind: classes, columns: [pitch], classes: [low, high]}\n")
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def found(tones, cache):
    corpus = open_corpus(Params(corpus=[str(tones)]))
    return Bursts.of(corpus, open_store(corpus, "provided", cache), corpus.tasks[0])


@pytest.fixture(scope="module")
def shares(found):
    return curve.Shares.among(found)


def test_shares_of_a_draw_lie_within_each_other_and_hold_no_test_speaker(shares):
    units = shares.units()
    sizes = [len(np.unique(shares.speakers[unit.learnt])) for unit in units]
    assert sizes == [4, 5, 10, 20] * 3 and [unit.seed for unit in units] == [0] * 4 + [1] * 4 + [2] * 4
    for number, unit in enumerate(units):
        assert not (unit.learnt & unit.scored).any() and unit.scored.sum() == 32
        assert not unit.key["share"] > 0.125 or (unit.learnt >= units[number - 1].learnt).all()
    assert not np.array_equal(units[2].learnt, units[6].learnt) and np.array_equal(units[3].learnt, units[7].learnt)


def test_speakers_of_the_validation_split_take_no_part(shares):
    assert not set(shares.corpus.table["speaker"].iloc[shares.rows]) & {"s20", "s21"}
    assert len(shares.rows) == 112 and shares.speakers.max() == 27


def test_first_takes_are_one_burst_of_each_speaker_and_class(found):
    first = curve.Shares.among(found, 1)
    own = first.corpus.table.iloc[first.rows]
    assert own.groupby(["speaker", "pitch"]).size().tolist() == [1] * 56
    assert own.index.tolist()[:4] == ["0", "1", "4", "5"]


def test_a_corpus_with_too_few_test_speakers_is_refused(found):
    few = curve.Shares.among(found)
    none = few.corpus.table["split"].replace("test", "val")
    with pytest.raises(CorpusError, match="tones: 0 speakers of split test have a label for task pitch; expected 4"):
        curve.Shares.among(Bursts.of(few.corpus.__class__(few.corpus.name, few.corpus.root, few.corpus.table.assign(
            split=none), few.corpus.tasks), few.store, few.task))


def test_the_command_records_each_share_and_draw_once(tones, cache, tmp_path, capsys):
    path = tmp_path / "curve.json"
    arguments = [str(tones), "--backbone", "--without", "ComParE", "--takes", "2", "--cache", cache,
                 "--json", str(path)]
    assert curve.main(arguments) == 0
    content = json.loads(path.read_text())
    assert [(row["system"], row["share"], row["seed"]) for row in content["rows"][:5]] == [
        ("log-mel", 0.125, 0), ("log-mel", 0.25, 0), ("log-mel", 0.5, 0), ("log-mel", 1.0, 0), ("log-mel", 0.125, 1)]
    assert len(content["rows"]) == 12 and "centred" not in content["rows"][0]
    assert np.array_equal(read(content["rows"][-1]["plain"]), read(content["truth"]))  # tones are told apart with ease
    assert content["corpus"] | {"classes": 0} == {
        "name": "tones", "split": "test", "task": "pitch", "classes": 0, "speakers": 8, "bursts": 32,
        "left_out": {"speakers": [], "backbones": []}}
    assert content["learnt"]["0.5"] == {"speakers": 10, "bursts": 40} and len(read(content["speakers"])) == 32
    assert content["command"].startswith("python -m studies.curve tones --takes 2 --without ComParE")
    capsys.readouterr()
    assert curve.main(arguments) == 0 and capsys.readouterr().out == ""
