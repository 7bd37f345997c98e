"""The words and numbers of the pages: readable names of columns and metrics, digits, intervals, counts, lists.

A page shows no name of a column of a file. `COLUMNS` has the words for each, and `metric_name` those for a metric.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

COLUMNS = {
    "age_mae_years": "Age-MAE (years)", "best_iteration": "best step", "by_ccc": "slope by CCC",
    "by_mae": "slope by MAE", "by_uar": "slope by UAR", "chance": "by chance",
    "checkpoint_share": "share of time for checkpoints", "code": "system", "constant": "<i>Constant</i>",
    "constant_age": "with the constant's age error", "design_effect": "design effect", "detectable": "detectable here",
    "detectable_speakers": "detectable here, had seeds changed nothing", "effect": "effect size (<i>d</i>)",
    "encoded_once": "audio encoded once", "errors_p": "<i>p</i> of errors", "exvo": "detectable on ExVo",
    "exvo_speakers": "detectable on ExVo, had seeds changed nothing", "floor": "labels exchanged", "gain": "gain (%)",
    "icc": "intraclass correlation", "iteration": "step", "iterations": "steps", "marked": "marked in the paper",
    "over_best": "gain over the best member", "over_mean": "gain over the members' mean",
    "p_holm": "<i>p</i>, corrected (Holm)", "p_rounded": "smallest <i>p</i> that rounding allows",
    "p_value": "<i>p</i>", "paper_p": "<i>p</i> of the paper's test",
    "pretrained": "pre-trained", "random": "random weights", "sd": "standard deviation",
    "sd_needed": "standard deviation that a mark needs", "val": "validation",
    "validation_share": "share of time for validation", "weakest": "weakest pair",
}
"""What a page calls the columns of the tables, as HTML; a column that is not here keeps its name, less underscores."""

P_VALUES = frozenset({"p_value", "p_holm", "p_rounded", "paper_p", "errors_p"})
"""The columns that hold p-values."""

METRIC = re.compile(r"\b(s_mtl|\w+_(ccc|uar|mae))\b")
"""What the name of a metric's column looks like."""

S_MTL = {"html": "<i>S</i><sub>MTL</sub>", "markdown": "*S*<sub>MTL</sub>", "figure": r"$S_\mathrm{MTL}$"}
"""How the challenge's main score is written in a table, in a sentence and in a figure."""

DASH = "–"
"""What stands for a number that is not there."""


def metric_name(metric: str, where: str = "html") -> str:
    """The name of a metric's column as the paper prints it, for one of the places `html`, `markdown` and `figure`.

    >>> metric_name("age_mae"), metric_name("s_mtl", "markdown")
    ('Age-MAE', '*S*<sub>MTL</sub>')
    """
    if metric == "s_mtl":
        return S_MTL[where]
    task, _, name = metric.rpartition("_")
    return f"{task[:1].upper()}{task[1:]}-{name.upper()}"


def column_name(column: str) -> str:
    """The words for a column of a table, as HTML.

    >>> column_name("over_best"), column_name("emo_ccc"), column_name("taken for")
    ('gain over the best member', 'Emo-CCC', 'taken for')
    """
    if column in COLUMNS:
        return COLUMNS[column]
    return metric_name(column) if METRIC.fullmatch(column) else column.replace("_", " ")


def number(value: float, digits: int = 3, signed: bool = False) -> str:
    """A number with so many decimals, a true minus sign and commas in thousands, or a dash where there is none.

    >>> number(-0.12345), number(0.5, 2, signed=True), number(float("nan")), number(12345, 0), number(-0.0001)
    ('−0.123', '+0.50', '–', '12,345', '0.000')
    """
    if value is None or not math.isfinite(value):
        return DASH
    rounded = round(float(value), digits) + 0.0  # + 0.0 turns -0.0 into 0.0
    return f"{rounded:{'+' if signed else ''},.{digits}f}".replace("-", "−")


def interval(low: float, high: float, digits: int = 3, signed: bool = False) -> str:
    """An interval in words, or nothing where a bound is missing.

    >>> interval(-0.25, 0.5, 2), interval(float("nan"), 1)
    ('−0.25 to 0.50', '')
    """
    found = [number(bound, digits, signed) for bound in (low, high)]
    return "" if DASH in found else " to ".join(found)


def p_value(value: float) -> str:
    """A p-value with three decimals, and no smaller one than 0.001.

    >>> p_value(0.04567), p_value(0.0000999)
    ('0.046', '< 0.001')
    """
    return "< 0.001" if value < 0.001 else number(value)


def decimals(values: Sequence[float]) -> int:
    """How many decimals the numbers of a column are shown with: three or so significant digits of its largest.

    >>> decimals([0.5, 12.25]), decimals([0.0012, 0.0345]), decimals([1600.0]), decimals([])
    (2, 4, 0, 3)
    """
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    for digits, bound in ((0, 1000), (1, 100), (2, 10), (3, 0.1), (4, 0.01)):
        if largest >= bound:
            return digits
    return 5 if largest else 3


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun, in the plural where the count is not one.

    >>> counted(1, "claim"), counted(2, "claim"), counted(0, "is", "are")
    ('1 claim', '2 claims', '0 are')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def listed(items: Sequence[str], joint: str = "and") -> str:
    """Items as a list in a sentence.

    >>> listed(["V1", "V2", "V3"]), listed(["V1"]), listed([])
    ('V1, V2 and V3', 'V1', '')
    """
    return f" {joint} ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))
