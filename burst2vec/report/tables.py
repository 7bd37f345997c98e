"""Tables as HTML for the pages of the report.

Every table stands in a scroll box of its own, so that it can be read on a phone, and takes its colours from the page,
so that it can be read on a light or a dark one. Each `render_` function makes the table of one kind of result;
`boxed` makes one of any data frame.
"""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import HTML

from burst2vec.evaluation.metrics import sign
from burst2vec.evaluation.significance import LEVEL, REFERENCES
from burst2vec.evaluation.trivial import is_trivial
from burst2vec.results.runs import OWN_AUDIO
from burst2vec.results.scores import metric_names, parse_marks

SYMBOLS = ("♣", "♦", "♥", "▲", "■", "●")
"""The marks of significant differences, one for each reference system, in the order of the references."""

SPLIT_NAMES = {"val": "Validation", "test": "Test"}
"""What the heading of Table 2 calls each split."""

TEXT_STYLE = "\N{VARIATION SELECTOR-15}"
"""The character that keeps phones from drawing the card suit before it as an emoji."""

STYLES = [
    {"selector": "", "props": "border-collapse: collapse; border: 0; margin: 0; font-size: 0.9rem; "
                              "white-space: nowrap; font-variant-numeric: tabular-nums"},
    {"selector": "th, td", "props": "padding: 0.25em 0.6em; vertical-align: top; border: 0"},
    {"selector": "thead th", "props": "text-align: center; font-weight: 600"},
    {"selector": "thead tr:last-child th", "props": "border-bottom: 1px solid currentColor"},
    {"selector": "td:first-child", "props": "text-align: left; white-space: normal; min-width: 7.5em; "
                                            "max-width: 14em; position: sticky; left: 0"},
    {"selector": "tbody td", "props": "background: var(--pst-color-background, Canvas)"},  # no striped rows
    {"selector": "small", "props": "display: block; opacity: 0.75; font-size: 0.8em; line-height: 1.3"},
    {"selector": "sup", "props": "line-height: 0; font-size: 0.75em"},
    {"selector": "td:not(:first-child) sup", "props": "display: inline-block; width: 3em; text-align: left"},
]
"""The CSS rules of every table, as `pandas.io.formats.style.Styler.set_table_styles` takes them."""


def render_table2(table: pd.DataFrame, published: pd.DataFrame | None = None,
                  columns: Sequence[tuple[str, str]] = (), references: Iterable[str] = REFERENCES) -> HTML:
    """Returns Table 2 (`scores.table2`) as HTML, with a row for each system and a legend below.

    `columns` are (split, metric) pairs, by default those of the paper's table (`paper_columns`); those of a split that
    `table` lacks are left out. Where a table of `published` numbers is given, each of them stands in small type under
    the measured one. The best trained system of a column is bold. Each of the `references` has a symbol, which follows
    every number that differs from that reference significantly.
    """
    there = set(table["split"])
    columns = [(split, metric) for split, metric in list(columns) or paper_columns(table) if split in there]
    symbols = dict(zip(references, SYMBOLS, strict=False))
    models = table.drop_duplicates("code").set_index("code")["model"]
    names = [f"{escape(code)}<small>{_model(model)}</small>" for code, model in models.items()]
    cells = {("", "Code, model(s)"): names}
    for split, metric in columns:
        found = _cells(table[table["split"] == split], published, metric, symbols)
        cells[SPLIT_NAMES[split], _heading(metric)] = [found.get(code, "–") for code in models.index]
    first_trivial = next((i for i, code in enumerate(models.index) if is_trivial(code)), None)
    return boxed(pd.DataFrame(cells), _legend(table, published, columns, symbols), rule_above=first_trivial)


def render_summary(table: pd.DataFrame, published: pd.DataFrame | None = None) -> HTML:
    """A short Table 2 as HTML: each system's S_MTL on validation and test, measured and `published`."""
    return render_table2(table, published, [column for column in paper_columns(table) if column[1] == "s_mtl"])


def paper_columns(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The (split, metric) pairs that the paper's Table 2 shows, as far as `table` has them.

    They are every metric on validation and S_MTL on test; where there is no S_MTL, every metric on both splits.
    """
    metrics = metric_names(table)
    tested = ["s_mtl"] if "s_mtl" in metrics else metrics
    columns = [("val", m) for m in metrics] + [("test", m) for m in tested]
    return [(split, metric) for split, metric in columns if (table["split"] == split).any()]


def best_system(rows: pd.DataFrame, metric: str) -> str | None:
    """The code of the trained system that is best by the column `metric`, or None where no system has a value.

    `rows` are the rows of Table 2 for one split.
    """
    values = rows.loc[~rows["code"].map(is_trivial)].set_index("code")[metric].dropna()
    if values.empty:
        return None
    return (sign(metric) * values).idxmax()


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


def render_p_values(comparisons: pd.DataFrame) -> HTML:
    """The p-values of `significance.compare_systems` as HTML, those of significant differences in bold.

    The table has a row for each system and a column for each reference and task.
    """
    shown = comparisons.assign(reference="from " + comparisons["reference"], cell=[
        f"<b>{_p(p)}</b>" if bold else _p(p)
        for p, bold in zip(comparisons["p_value"], comparisons["significant"], strict=True)])
    table = shown.pivot(index="system", columns=["reference", "task"], values="cell")
    table = table.reindex(shown["system"].unique()).fillna("")
    in_order = itertools.product(shown["reference"].unique(), shown["task"].unique())
    table = table[[column for column in in_order if column in table]]
    table.insert(0, ("", "system"), table.index)
    table.columns.names = [None, None]
    return boxed(table.reset_index(drop=True), f"p-values; bold: p ≤ {LEVEL}.")


def render_ledger(claims: pd.DataFrame, published: pd.DataFrame) -> HTML:
    """A ledger of claims (`claims.ledger`) as HTML, with a row for each claim.

    A row has the claim's name and statement, the verdict, the estimate with its interval, the metric with the weakest
    pair, which decides, and what the paper's own numbers say. `published` is the ledger of those numbers; it has no
    intervals.
    """
    paper = published.set_index("claim")
    rows = [{
        "Claim": f"{escape(row['claim'])}<small>{escape(row['statement'])}</small>",
        "Verdict": f"<b>{row['verdict']}</b><small>{escape(row['note'])}</small>",
        "Estimate": f"{_signed(row['estimate'])}<small>{_range(row['low'], row['high'])}</small>",
        "Metric": f"{_name(row['metric'])}<small>{escape(row['weakest'])}</small>",
        "As published": f"{_signed(paper['estimate'][row['claim']])}<small>{paper['verdict'][row['claim']]}</small>",
    } for row in claims.to_dict("records")]
    legend = ("Above 0 supports the claim. Small, below the estimate: its 95 % interval over speakers and seeds; below "
              "the metric: the pair that holds least, which decides. Age in years. As published: the paper's own "
              "numbers, on ExVo 2022.")
    return boxed(pd.DataFrame(rows), legend)


def _cells(rows: pd.DataFrame, published: pd.DataFrame | None, metric: str,
           symbols: Mapping[str, str]) -> dict[str, str]:
    """Each code's cell: the number, bold where it is the best, its marks, and the published number below."""
    split, winner = rows["split"].iloc[0], best_system(rows, metric)
    cells = {}
    for row in rows.to_dict("records"):
        number = _number(row[metric])
        number = f"<b>{number}</b>" if row["code"] == winner else number
        cells[row["code"]] = number + _suits(row, metric, symbols)
    if published is not None and metric in published:
        for row in published[published["split"] == split].to_dict("records"):
            if row["code"] in cells:
                cells[row["code"]] += f"<small>{_number(row[metric])}{_suits(row, metric, symbols)}</small>"
    return cells


def _suits(row: Mapping[Hashable, Any], metric: str, symbols: Mapping[str, str]) -> str:
    """The symbols of the references that a row's metric differs from; `V4|V6` stands for one of the two."""
    if metric == "s_mtl":  # the paper makes no test for it
        return ""
    marked = parse_marks(row["marks"]).get(metric, [])
    suits = ["/".join(_text(symbols.get(r, r)) for r in reference.split("|")) for reference in marked]
    return f"<sup>{''.join(suits)}</sup>"  # even where it is empty, its width keeps the digits aligned


def _heading(metric: str) -> str:
    """A metric's name with an arrow in the direction of better values."""
    return f"{_name(metric)}&nbsp;{'↑' if sign(metric) > 0 else '↓'}"


def _name(metric: str) -> str:
    """A metric's name as it is printed: Emo-CCC for emo_ccc."""
    if metric == "s_mtl":
        return "<i>S</i><sub>MTL</sub>"
    task, name = metric.rsplit("_", 1)
    return f"{task.capitalize()}-{name.upper()}"


def _legend(table: pd.DataFrame, published: pd.DataFrame | None, columns: Sequence[tuple[str, str]],
            symbols: Mapping[str, str]) -> str:
    lines = ["Bold: the best trained system of a column."]
    if published is not None:
        lines.append("Small: as published, measured on ExVo 2022.")
    if table["model"].str.contains(OWN_AUDIO).any():
        lines.append(f"{_text(OWN_AUDIO)} trained on our own preprocessing of the raw recordings.")
    if table["marks"].map(bool).any() and any(metric != "s_mtl" for _, metric in columns):
        named = ", ".join(f"{_text(symbol)} {reference}" for reference, symbol in symbols.items())
        lines.append(f"Differs significantly (p ≤ {LEVEL}) from {named}.")
    if ("val", "age_mae") in columns or ("test", "age_mae") in columns:
        lines.append("Age-MAE in years.")
    if any(is_trivial(code) for code in table["code"]):
        lines.append("Below the line: audio-free baselines.")
    return " ".join(lines)


def boxed(cells: pd.DataFrame, legend: str = "", rule_above: int | None = None, align: str = "right") -> HTML:
    """A data frame as an HTML table in a scroll box of its own, with a `legend` below it.

    Text in the cells is taken as HTML; numbers are printed with three decimals. All columns but the first are aligned
    to the side `align`. A line is drawn above the row of number `rule_above`.
    """
    styles = STYLES + [{"selector": "td:not(:first-child)", "props": f"text-align: {align}"}]
    if rule_above is not None:
        styles.append({"selector": f"tbody tr:nth-child({rule_above + 1}) td",
                       "props": "border-top: 1px solid currentColor"})
    styler = cells.style.hide(axis="index").set_table_styles(styles).set_table_attributes('class="dataframe"')
    styler.format(precision=3)
    styler.set_uuid(f"{zlib.crc32(cells.to_csv().encode()):08x}")  # the same HTML in every build
    note = f'<p style="font-size: 0.85rem; opacity: 0.8; margin: 0.5em 0 1em">{legend}</p>' if legend else ""
    return HTML(f'<div style="max-width: 100%; overflow-x: auto">{styler.to_html()}</div>{note}')


def _model(model: str) -> str:
    return escape(model).replace(f" {OWN_AUDIO}", "&nbsp;" + f"<sup>{_text(OWN_AUDIO)}</sup>")


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _text(symbols: str) -> str:
    return "".join(symbol + TEXT_STYLE for symbol in symbols)


def _signed(value: float) -> str:
    return f"{value:+.4f}" if pd.notna(value) else "–"


def _range(low: float, high: float) -> str:
    return f"{_signed(low)} to {_signed(high)}" if pd.notna(low) else ""


def _number(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}" if pd.notna(value) else "–"  # + 0.0 turns -0.0 into 0.0
