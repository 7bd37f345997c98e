"""A declaration of a corpus that several tests of readers start from."""

from __future__ import annotations

import pytest


@pytest.fixture
def declared():
    return {
        "table": "bursts.csv", "file": "path", "raw": "original", "speaker": "who", "sex": "gender", "split": "part",
        "tasks": {"age": {"kind": "scalar", "columns": ["years"], "unit": "years"},
                  "mood": {"kind": "intensities", "columns": ["arousal", "valence"]},
                  "sound": {"kind": "classes", "columns": ["label"]}},
    }
