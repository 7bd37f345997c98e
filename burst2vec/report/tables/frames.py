"""A data frame as an HTML table that can be read on a phone, in the dark, on paper and by a screen reader."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Hashable, Sequence
from html import escape
from pathlib import Path

import pandas as pd
from IPython.display import HTML
from pandas.api import types

from burst2vec.report.words import DASH, METRIC, P_VALUES, column_name, decimals, interval, metric_name, number, p_value

STYLE = """\
.boxed { max-width: 100%; overflow-x: auto; container-type: inline-size; margin: 0 0 0.5em }
.boxed table.dataframe { display: table; width: auto; max-width: none; table-layout: auto; margin: 0; border: 0;
  border-collapse: collapse; overflow: visible; color: inherit; font-size: 0.9rem; font-variant-numeric: tabular-nums }
.boxed caption { caption-side: top; text-align: left; color: inherit; padding: 0 0 0.4em }
.boxed caption span { display: block; position: sticky; left: 0; width: max-content; max-width: 100cqw;
  font-weight: 600 }
.boxed table.dataframe tr { background: none }
.boxed table.dataframe :is(th, td) { padding: 0.25em 0.6em; vertical-align: top; border: 0; text-align: right;
  white-space: nowrap; line-height: 1.4; max-width: none;
  background: var(--pst-color-background, var(--jp-layout-color0, Canvas)) }
.boxed table.dataframe thead th { white-space: normal; vertical-align: bottom; font-weight: 600; min-width: 4em;
  max-width: 11em }
.boxed table.dataframe thead th[scope=colgroup] { text-align: center }
.boxed table.dataframe thead tr:last-child th { border-bottom: 1px solid currentColor }
.boxed table.dataframe .words { text-align: left; white-space: normal; min-width: 6em; max-width: 26em }
.boxed table.dataframe .first { position: sticky; left: 0; z-index: 1; text-align: left; white-space: normal;
  min-width: 6em; max-width: min(20em, 45cqw) }
.boxed table.dataframe tbody .first { font-weight: inherit }
.boxed table.effects td:last-child { white-space: normal; max-width: 6em }
.boxed table.dataframe .below { border-top: 1px solid currentColor }
.boxed small { display: block; opacity: 0.8; font-size: 0.8em; line-height: 1.35 }
.boxed sup { line-height: 0; font-size: 0.75em }
.legend { font-size: 0.85rem; opacity: 0.85; margin: 0.5em 0 1em }"""
"""The CSS rules of every table. They travel with it, so that a notebook and a page look alike."""

NUMBER_LIKE = re.compile(r"[\s+−<>≥≤≈()-]*(\d.*)?|–")
"""The text of a cell that is aligned like a number."""


def boxed(cells: pd.DataFrame, legend: str = "", *, caption: str = "", rule_above: int | None = None,
          align: str = "", kind: str = "") -> HTML:
    """A data frame as an HTML table in a box that scrolls sideways, with a `caption` above and a `legend` below it.

    Columns have the words of `words.COLUMNS`. Numbers are printed with three or so significant digits of the largest
    of their column, p-values as `< 0.001` where they are smaller, and a dash stands for what is missing. Bounds stand
    in small type below their estimate: columns `low` and `high` below the column before them, `NAME_low` and
    `NAME_high` below `NAME`. Text in the cells is taken as HTML. The first column names the row and stays in sight.
    Columns of numbers are aligned to the right and columns of words to the left, or all to the side `align`. A line is
    drawn above the row of number `rule_above`. `kind` is a further class of the table, for rules of its own.
    """
    table = as_text(cells)
    sides = [align or ("right" if all(_like_a_number(cell) for cell in table.iloc[:, place]) else "left")
             for place in range(table.shape[1])]
    classes = ["first", *("words" if side == "left" else "" for side in sides[1:])]
    body = "".join(_row(list(row), classes, number == rule_above)
                   for number, row in enumerate(table.itertuples(index=False, name=None)))
    above = f"<caption><span>{caption}</span></caption>" if caption else ""
    note = f'<p class="legend">{legend}</p>' if legend else ""
    return HTML(f'<style>{STYLE}</style><div class="boxed" tabindex="0"><table class="{f"dataframe {kind}".strip()}">'
                f"{above}<thead>{_head(table.columns, classes)}</thead><tbody>{body}</tbody></table></div>{note}")


def as_text(cells: pd.DataFrame) -> pd.DataFrame:
    """A data frame with the text of every cell and the words of every column, its bounds below their estimates."""
    bounds = find_bounds(cells)
    kept = [column for column in cells.columns if column not in itertools.chain(*bounds.values())]
    texts = [_texts(column, cells[column], *(cells[bound] for bound in bounds.get(column, ()))) for column in kept]
    words = [_words(column) for column in kept]
    index = pd.MultiIndex.from_tuples(words) if cells.columns.nlevels > 1 else words
    return pd.DataFrame(dict(enumerate(texts)), dtype=object).set_axis(index, axis=1)


def find_bounds(cells: pd.DataFrame) -> dict[Hashable, tuple[str, str]]:
    """The columns of numbers that have an interval, each with the columns of its bounds.

    >>> find_bounds(pd.DataFrame([[0.1, 0.0, 0.2]], columns=["difference", "low", "high"]))
    {'difference': ('low', 'high')}
    """
    numbers = [column for column in cells.columns if types.is_numeric_dtype(cells[column])]
    before = dict(zip(cells.columns[1:], cells.columns, strict=False))
    found = {column: (f"{column}_low", f"{column}_high") for column in numbers}
    if before.get("low") in numbers:
        found[before["low"]] = ("low", "high")
    return {column: pair for column, pair in found.items() if set(pair) <= set(numbers)}


def _texts(column: Hashable, values: pd.Series, low: pd.Series | None = None,
           high: pd.Series | None = None) -> list[str]:
    """The text of the cells of one column."""
    if types.is_bool_dtype(values) and values.dtype != object:
        return ["yes" if value else "no" for value in values]
    if not types.is_numeric_dtype(values):
        return [_text(value) for value in values]
    if column in P_VALUES:
        return [escape(p_value(value)) for value in values]
    if types.is_integer_dtype(values):
        return [number(value, 0) for value in values]
    digits = decimals(list(values))
    texts = [number(value, digits) for value in values]
    if low is None or high is None:
        return texts
    ranges = [interval(*bounds, digits) for bounds in zip(low, high, strict=True)]
    return [text + (f"<small>{bounds}</small>" if bounds else "") for text, bounds in zip(texts, ranges, strict=True)]


def _text(value: object) -> str:
    """The text of a cell that need not hold a number; the column of a metric gets its name."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value, decimals([value]))
    if not isinstance(value, str):
        return DASH if value is None or value is pd.NA else str(value)
    return metric_name(value) if METRIC.fullmatch(value) else value


def _words(column: Hashable) -> Hashable:
    if isinstance(column, tuple):
        return tuple(column_name(str(part)) for part in column)
    return column_name(str(column))


def _like_a_number(cell: str) -> bool:
    return NUMBER_LIKE.fullmatch(re.sub(r"<[^>]*>", "", cell)) is not None


def _head(columns: pd.Index, classes: Sequence[str]) -> str:
    """The rows of the head; equal names of an upper level become one cell over all their columns."""
    rows = []
    for level in range(columns.nlevels):
        names, last = columns.get_level_values(level), level == columns.nlevels - 1
        spans = [1] * len(names) if last else [len(list(same)) for _, same in itertools.groupby(names)]
        places = [0, *itertools.accumulate(spans)]
        scope = "col" if last else "colgroup"
        rows.append("".join(_heading(str(names[place]), scope, classes[place], span)
                            for place, span in zip(places, spans, strict=False)))
    return "".join(f"<tr>{row}</tr>" for row in rows)


def _heading(name: str, scope: str, kind: str, span: int) -> str:
    over = _class(kind) + (f' colspan="{span}"' if span > 1 else "")
    return f'<th scope="{scope}"{over}>{name}</th>' if name else f"<td{over}></td>"


def _row(cells: Sequence[str], classes: Sequence[str], ruled: bool) -> str:
    named = [f"{name} below".strip() if ruled else name for name in classes]
    first = f'<th scope="row"{_class(named[0])}>{cells[0]}</th>'
    return f"<tr>{first}{''.join(f'<td{_class(n)}>{c}</td>' for c, n in zip(cells[1:], named[1:], strict=True))}</tr>"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def render_environment(run_folder: Path) -> HTML:
    """The hardware, versions and date of a run as HTML, or a sentence where the run did not record them.

    They are read from `environment.json` in the run's folder.
    """
    path = run_folder / "environment.json"
    if not path.is_file():
        return HTML("<p>This run recorded no environment.</p>")
    entries = json.loads(path.read_text(encoding="utf-8"))
    rows = [(escape(str(name)), escape(str(value))) for name, value in entries.items()]
    return boxed(pd.DataFrame(rows, columns=["", "This run"]), align="left")
