"""A small model and the folder that it was saved to, for the tests of the rooms `models` and `systems`."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def model(make_model):
    """A small untrained model. Not to be changed."""
    return make_model()


@pytest.fixture
def folder(model, tmp_path):
    """A folder that holds a saved model."""
    model.save_pretrained(tmp_path / "V1")
    return tmp_path / "V1"
