"""A variant with either reach, and without an adversary, stands in the table as its folder says."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from burst2vec.audit import reach
from burst2vec.corpora.corpus import Corpus, Task

AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)


@pytest.fixture
def run(tmp_path):
    """A run whose systems all err by as many years as their folder says: V4 by 1, its other reach by 2, V5 by 3."""
    table = pd.DataFrame({"split": ["train", "train", "val", "val"], "speaker": list("abcd"), "age": [20, 40, 25, 30.]},
                         index=pd.Index(list("wxyz"), name="file"))
    for name, reversal, adversarial, error in (("V4", "extractors", True, 1), ("reach/V4", "upstream", True, 2),
                                               ("V5", "extractors", False, 3)):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "params.json").write_text(json.dumps({"reversal": reversal, "adversarial": adversarial}))
        (folder / "summary.json").write_text(json.dumps({"iterations": 100 * error}))
        predictions = table.loc[["y", "z"], ["split", "age"]]
        predictions.assign(age=predictions["age"] + error).to_csv(folder / "predictions.csv")
    return Corpus("made up", tmp_path, table, (AGE,)), tmp_path


def test_each_training_stands_with_its_reach_its_scores_and_its_steps(run):
    found = reach.score_reaches(*run, [("V4", "V5"), ("V1", "V2")])
    assert found.to_dict("list") == {"code": ["V4", "V4", "V5"], "reversal": ["extractors", "upstream", "none"],
                                     "age MAE": [1, 2, 3], "steps": [100, 200, 300]}


def test_the_sentence_gives_the_numbers_and_no_verdict(run):
    said = reach.describe_reaches(reach.score_reaches(*run, [("V4", "V5")]))
    assert "With `extractors`, with `upstream` and without an adversary, V4 and V5 reach age MAE 1.000, 2.000" in said
    assert said.endswith("does not follow.")


def test_where_no_other_reach_was_trained_the_sentence_says_so(run):
    found = reach.score_reaches(*run, [("V5", "V4")])
    assert found.empty and "nothing to compare" in reach.describe_reaches(found)
