"""The one style of all figures: colours, dashes and sizes."""

from __future__ import annotations

import seaborn as sns

PALETTE = sns.color_palette("colorblind")
DASHES = ("-", "--", ":")
STYLE = {"font.size": 9, "axes.labelsize": 9, "axes.titlesize": 9, "xtick.labelsize": 9, "ytick.labelsize": 9,
         "legend.fontsize": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 120}
"""For `matplotlib.rcParams.update`: letters of 9 points or more on a page 6.5 inches wide."""
