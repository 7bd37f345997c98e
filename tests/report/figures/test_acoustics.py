"""The figure of measured and published acoustics shows the medians it was given."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from burst2vec.inspection.acoustics import MEASURES, PUBLISHED
from burst2vec.report.figures.acoustics import PANELS, draw_against_published


def test_each_panel_has_measured_and_published_medians_at_their_places():
    measured = pd.DataFrame({"emotion": "Amusement", "sex": "m", **dict.fromkeys(MEASURES, [1.0, 2.0, 6.0])})
    figure = draw_against_published(measured)
    for ax, measure in zip(figure.axes, PANELS, strict=True):
        ours, theirs = ax.lines
        assert ours.get_xdata()[0] == 2.0 and np.isnan(ours.get_xdata()[1:]).all()
        np.testing.assert_array_equal(theirs.get_xdata(), PUBLISHED[measure])
        assert ax.get_xlabel() == PANELS[measure]
    assert figure.axes[0].get_yticklabels()[0].get_text() == "laugh (m)"
    assert figure.axes[0].get_xscale() == "log"
    plt.close(figure)
