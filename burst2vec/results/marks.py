"""The paper's marks of significance read again: why its t-tests cannot have compared errors.

The paper marks differences of age with "independent two-sample t-tests" and does not say of what. The published age
errors decide it. A mean absolute error is the mean of the samples that a test on errors would compare, and the number
of bursts is known, so the t-statistic follows from the standard deviation of the absolute errors alone. That deviation
is not published, but it is in a fixed ratio to the mean absolute error for errors of a given shape: 0.58 for uniform
errors, 0.76 for normal ones, 1 for Laplace ones. `age_marks` assumes normal errors.

- V6's age is marked against V4, at 3.640 and 3.638 years. On 19,396 bursts, a test on errors gives p = 0.94. Even where
  rounding hides the largest possible difference, 0.003 years, a mark would need absolute errors that hardly vary at
  all: a standard deviation below 0.15 years, where normal errors have 2.75.
- V2's age is marked against V1 at a difference of 0.037 years, where a test on errors gives p = 0.19.
- Ensemble B is marked against V4 at a difference of 0.049 years, while ensemble C, at 0.052, is not. Between tests on
  errors of nearly the same spread, the larger difference is the more significant.
- V5's emotion is marked, although its CCC of 0.675 is that of V4.

Tests on the predictions themselves are compatible with all of these: they mark systems that predict higher or lower
values on average, whether or not they are better.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.stats import t, ttest_ind_from_stats

from burst2vec.evaluation.significance import COMPARISONS, LEVEL
from burst2vec.results.published import read_published, validation_size
from burst2vec.results.scores import parse_marks

NORMAL = math.sqrt(math.pi / 2 - 1)
"""The standard deviation of the absolute value of a centred normal variable, divided by its mean: about 0.76."""
ROUNDING = 0.0005
"""The largest error of a published number, which has three digits."""


def age_marks() -> pd.DataFrame:
    """A table with one row for each comparison of the paper: what a t-test on age errors would give.

    The columns are system, reference, difference, marked, p_value, p_rounded, sd and sd_needed. `difference` is the
    system's published age error less the reference's, in years, and `marked` says whether the paper marks it. (Marks
    that may mean V4 or V6 count for the pair that the paper compares.) `p_value` is that of Student's independent
    two-sample t-test on the absolute errors, if the errors are normal, and `p_rounded` the smallest that rounding of
    the published numbers allows. `sd` is the standard deviation of the reference's absolute errors under this
    assumption, and `sd_needed` the largest with which the difference, rounded in its favour, would be significant.
    """
    table = read_published().query("split == 'val'").set_index("code")
    bursts, rows = validation_size()[0], []
    for system, reference in COMPARISONS:
        ours, theirs = table["age_mae"][[system, reference]]
        marked = any(reference in mark.split("|") for mark in parse_marks(table["marks"][system]).get("age_mae", []))
        farther = np.sign(ours - theirs) * ROUNDING
        rows.append((system, reference, ours - theirs, marked, p_value_of_errors(ours, theirs, bursts),
                     p_value_of_errors(ours + farther, theirs - farther, bursts), NORMAL * theirs,
                     needed_deviation(abs(ours - theirs) + 2 * ROUNDING, bursts)))
    columns = ["system", "reference", "difference", "marked", "p_value", "p_rounded", "sd", "sd_needed"]
    return pd.DataFrame(rows, columns=columns)


def p_value_of_errors(a: float, b: float, bursts: int, ratio: float = NORMAL) -> float:
    """The p-value of Student's independent two-sample t-test between the absolute errors of two systems.

    `a` and `b` are the mean absolute errors on so many `bursts`, and `ratio` is the standard deviation of the absolute
    errors divided by their mean.

    >>> round(p_value_of_errors(3.640, 3.638, 19396), 2)
    0.94
    """
    return float(ttest_ind_from_stats(a, ratio * a, bursts, b, ratio * b, bursts).pvalue)


def needed_deviation(difference: float, bursts: int, level: float = LEVEL) -> float:
    """The largest common standard deviation with which a difference of two means over `bursts` is significant.

    >>> round(needed_deviation(0.003, 19396), 2)
    0.15
    """
    return float(abs(difference) / (t.ppf(1 - level / 2, 2 * bursts - 2) * math.sqrt(2 / bursts)))
