"""The common style of all figures: colours, line styles, font sizes, and vectors on a white ground."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import seaborn as sns
from IPython import get_ipython
from matplotlib_inline.config import InlineBackend

PALETTE = sns.color_palette("colorblind")
"""Colours that readers with colour blindness can tell apart."""

DASHES = ("-", "--", ":")
"""Line styles, so that no line is told from another by its colour alone."""

STYLE: Any = {
    "font.size": 9, "axes.labelsize": 9, "axes.titlesize": 9, "xtick.labelsize": 9, "ytick.labelsize": 9,
    "legend.fontsize": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 120,
    "figure.facecolor": "white", "axes.facecolor": "white", "savefig.facecolor": "white", "svg.hashsalt": "burst2vec"}
"""Settings for `matplotlib.rcParams.update`. Text is set in 9 points or more, on a page 6.5 inches wide. The
ground is white, as JupyterLab's dark theme has no card under it, and the same figure is the same file."""


def use_style(form: str = "svg") -> None:
    """Has every figure from here on drawn in this style, and shown in a notebook as `svg` or, if heavy, as `png`.

    A vector drawing of many thousand points weighs more than its pixels: above about 150 kB choose `png`.
    """
    plt.rcParams.update(STYLE)
    shell = get_ipython()
    if shell is None:  # no notebook shows it
        return
    plt.get_backend()  # resolved now, since a backend that is begun later forgets these choices
    backend: Any = InlineBackend.instance(parent=shell)
    backend.shell = shell
    undated: dict[str, Any] = {"metadata": {"Date": None}} if form == "svg" else {}
    backend.print_figure_kwargs = {"bbox_inches": "tight"} | undated
    backend.figure_formats = {form}
