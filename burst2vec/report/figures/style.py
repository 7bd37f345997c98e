"""The common style of all figures: colours, line styles and font sizes."""

from __future__ import annotations

import seaborn as sns

PALETTE = sns.color_palette("colorblind")
"""Colours that readers with colour blindness can tell apart."""

DASHES = ("-", "--", ":")
"""Line styles, so that no line is told from another by its colour alone."""

STYLE = {"font.size": 9, "axes.labelsize": 9, "axes.titlesize": 9, "xtick.labelsize": 9, "ytick.labelsize": 9,
         "legend.fontsize": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 120}
"""Settings for `matplotlib.rcParams.update`. Text is set in 9 points or more, on a page 6.5 inches wide."""
