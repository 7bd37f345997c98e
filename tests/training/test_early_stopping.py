"""When a model has collapsed."""

from __future__ import annotations

import pandas as pd
import pytest

from burst2vec.corpora.corpus import Task
from burst2vec.training.early_stopping import has_collapsed

MOOD = Task("mood", "intensities", ("calm", "wild"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
SOUND = Task("sound", "classes", ("sound",), classes=("laugh", "sigh"))


@pytest.mark.parametrize(("task", "columns", "expected"), [
    (MOOD, {"calm": [0.5, 0.5003, 0.5], "wild": [0.1, 0.1, 0.1002]}, True),
    (MOOD, {"calm": [0.5, 0.5, 0.5], "wild": [0.1, 0.4, 0.1]}, False),
    (AGE, {"age": [31.2, 31.201, 31.2]}, True), (AGE, {"age": [31.2, 31.5, 31.2]}, False),
    (SOUND, {"sound": ["sigh", "sigh", "sigh"]}, True), (SOUND, {"sound": ["sigh", "laugh", "sigh"]}, False),
])
def test_a_model_has_collapsed_if_it_predicts_one_thing_for_all(task, columns, expected):
    assert has_collapsed(task, pd.DataFrame(columns)) is expected
