"""What every test of figures draws with: the style of the pages, and no warning."""

from __future__ import annotations

import warnings

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest

from burst2vec.report.figures.style import STYLE


@pytest.fixture(autouse=True)
def pages():
    """The style of the pages, in which a warning is an error; figures are closed afterwards."""
    with plt.rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    plt.close("all")
