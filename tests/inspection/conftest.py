"""Corpora without a fault, in which tests plant some."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import soundfile


@pytest.fixture
def root(tiny_corpus, tmp_path):
    """A corpus without a fault: bursts 00000 to 00027 in rows 2 to 29; 16 of train, 8 of val, 4 of test."""
    return shutil.copytree(tiny_corpus.root, tmp_path / "tones")


@pytest.fixture
def emogator(tmp_path):
    """Ten speakers of two categories, in EmoGator's layout."""
    folder = tmp_path / "emogator" / "data" / "mp3"
    folder.mkdir(parents=True)
    for speaker in range(10):
        for category in (1, 2):
            tone = 0.3 * np.sin(np.arange(4_800) / (speaker + 20 * category))
            soundfile.write(folder / f"{speaker:06d}-0{category}-1.mp3", tone, 48_000)
    return tmp_path / "emogator"
