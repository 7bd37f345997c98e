"""Table 2 and the tests behind its marks."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
from IPython.display import HTML

from burst2vec.corpora.corpus import SPLIT_WORDS
from burst2vec.evaluation.metrics import sign
from burst2vec.evaluation.significance import LEVEL, REFERENCES
from burst2vec.evaluation.trivial import is_trivial
from burst2vec.report.tables.frames import boxed
from burst2vec.report.words import DASH, interval, metric_name, number, p_value
from burst2vec.results.runs import OWN_AUDIO
from burst2vec.results.scores import metric_names, parse_marks

SYMBOLS = ("♣", "♦", "♥", "▲", "■", "●")
"""The marks of significant differences, one for each reference system, in the order of the references."""

TEXT_STYLE = "\N{VARIATION SELECTOR-15}"
"""The character that keeps phones from drawing the card suit before it as an emoji."""

STYLE = """\
.boxed table.table2 td sup { display: inline-block; width: 3em; text-align: left }
.boxed table.table2 .first { max-width: min(13em, 40cqw) }
.boxed table.table2 i.paper { font-style: normal }"""
"""The CSS rules of Table 2 alone; a mark's width is always there, which keeps the digits aligned."""

Column = tuple[str, str]
"""A split and a metric."""


def render_table2(table: pd.DataFrame, published: pd.DataFrame | None = None, columns: Sequence[Column] = (),
                  references: Iterable[str] = REFERENCES, *, intervals: pd.DataFrame | None = None,
                  steps: Mapping[str, int] | None = None, caption: str = "") -> HTML:
    """Returns Table 2 (`scores.table2`) as HTML, with a row for each system and a legend below.

    `columns` are (split, metric) pairs, by default those of the paper's table (`paper_columns`); those of a split that
    `table` lacks are left out. Small, below each score, stand its interval from `intervals`
    (`results.intervals.score_intervals`) and the number of the table `published`, where they are given. Bold is the
    best trained system of a column, and with it, where there are intervals, every one that is not resolved from it. The
    last column has the `steps` of training by code. Each of the `references` has a symbol, which follows every number
    that differs from that reference significantly.
    """
    there = set(table["split"])
    columns = [(split, metric) for split, metric in list(columns) or paper_columns(table) if split in there]
    symbols = dict(zip(references, SYMBOLS, strict=False))
    models = table.drop_duplicates("code").set_index("code")["model"]
    cells = {("", "System"): [f"{escape(code)}<small>{_model(model)}</small>" for code, model in models.items()]}
    for split, metric in columns:
        found = _cells(table[table["split"] == split], metric, symbols, published, intervals)
        cells[SPLIT_WORDS[split].capitalize(), _heading(metric)] = [found.get(code, DASH) for code in models.index]
    if steps:
        cells["", "Steps"] = [number(steps[code], 0) if code in steps else "" for code in models.index]
    first_trivial = next((i for i, code in enumerate(models.index) if is_trivial(code)), None)
    legend = _legend(table, published, columns, symbols, intervals)
    shown = boxed(pd.DataFrame(cells), legend, caption=caption, rule_above=first_trivial, align="right", kind="table2")
    return HTML(f"<style>{STYLE}</style>{shown.data}")


def render_summary(table: pd.DataFrame, published: pd.DataFrame | None = None,
                   intervals: pd.DataFrame | None = None) -> HTML:
    """A short Table 2 as HTML: the baseline, the best single system, the best ensemble and the audio-free baselines.

    They are those with the highest main score on validation; it stands there on every split, with its interval and the
    `published` number. A corpus without S_MTL shows the first of its metrics instead.
    """
    metric = main_metric(table)
    val = table[table["split"] == "val"]
    best = [best_system(val[val["code"].str.fullmatch(kind)], metric) for kind in (r"V\d+", r"[A-Z]")]
    kept = table["code"].isin(["Baseline", *best]) | table["code"].map(is_trivial) & table[metric].notna()
    columns = [column for column in paper_columns(table) if column[1] == metric]
    caption = f"The best of each kind by {metric_name(metric)}"
    return render_table2(table[kept].assign(marks=""), published, columns, intervals=intervals, caption=caption)


def main_metric(table: pd.DataFrame) -> str:
    """The metric by which the systems of a Table 2 are ordered: S_MTL, or the first where there is none."""
    metrics = metric_names(table)
    return "s_mtl" if "s_mtl" in metrics else metrics[0]


def paper_columns(table: pd.DataFrame) -> list[Column]:
    """The (split, metric) pairs that the paper's Table 2 shows, as far as `table` has them, with S_MTL first.

    They are every metric on validation and S_MTL on test; where there is no S_MTL, every metric on both splits.
    """
    metrics = sorted(metric_names(table), key=lambda metric: metric != "s_mtl")
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


def render_p_values(comparisons: pd.DataFrame, caption: str = "") -> HTML:
    """The p-values of `significance.compare_systems` as HTML, those of significant differences in bold.

    The table has a row for each system and a column for each reference and task.
    """
    shown = comparisons.assign(reference="from " + comparisons["reference"], cell=[
        f"<b>{escape(p_value(p))}</b>" if bold else escape(p_value(p))
        for p, bold in zip(comparisons["p_value"], comparisons["significant"], strict=True)])
    table = shown.pivot(index="system", columns=["reference", "task"], values="cell")
    table = table.reindex(shown["system"].unique()).fillna("")
    in_order = itertools.product(shown["reference"].unique(), shown["task"].unique())
    table = table[[column for column in in_order if column in table]]
    table.insert(0, ("", "System"), table.index)
    table.columns.names = [None, None]
    return boxed(table.reset_index(drop=True), f"<i>p</i>-values; bold: <i>p</i> ≤ {LEVEL}.",
                 caption=caption, align="right")


def _cells(rows: pd.DataFrame, metric: str, symbols: Mapping[str, str], published: pd.DataFrame | None,
           intervals: pd.DataFrame | None) -> dict[str, str]:
    """Each code's cell: the number, bold where it may be the best, its marks, its interval, the published number."""
    split = rows["split"].iloc[0]
    known, bold = {}, {best_system(rows, metric)}
    if intervals is not None:
        here = intervals[(intervals["split"] == split) & (intervals["metric"] == metric)]
        moved = here[here["low"] < here["high"]]  # an answer that is the same for all scores the same on any speakers
        known = {row.code: interval(row.low, row.high) for row in moved.itertuples()}
        bold |= set(here.loc[here["best"], "code"])
    cells = {}
    for row in rows.to_dict("records"):
        score = number(row[metric])
        cells[row["code"]] = ((f"<b>{score}</b>" if row["code"] in bold else score) + _suits(row, metric, symbols)
                              + _small(known.get(row["code"], "")))
    if published is not None and metric in published:
        for row in published[published["split"] == split].to_dict("records"):
            if row["code"] in cells and pd.notna(row[metric]):
                cells[row["code"]] += _small(f"paper {number(row[metric])}{_suits(row, metric, symbols)}")
    return cells


def _small(text: str) -> str:
    return f"<small>{text}</small>" if text else ""


def _suits(row: Mapping[Hashable, Any], metric: str, symbols: Mapping[str, str]) -> str:
    """The symbols of the references that a row's metric differs from; `V4|V6` stands for one of the two."""
    if metric == "s_mtl":  # the paper makes no test for it
        return ""
    marked = parse_marks(row["marks"]).get(metric, [])
    suits = ["/".join(_text(symbols.get(r, r)) for r in reference.split("|")) for reference in marked]
    return f"<sup>{''.join(suits)}</sup>"  # even where it is empty, its width keeps the digits aligned


def _heading(metric: str) -> str:
    """A metric's name with an arrow in the direction of better values."""
    return f"{metric_name(metric)}&nbsp;{'↑' if sign(metric) > 0 else '↓'}"


def _legend(table: pd.DataFrame, published: pd.DataFrame | None, columns: Sequence[Column],
            symbols: Mapping[str, str], intervals: pd.DataFrame | None) -> str:
    lines = ["Bold: the best trained system of a column."]
    if intervals is not None and len(intervals):
        lines = ["Bold: the best trained system of a column, and every one that is not resolved from it, which means "
                 "that the 95 % interval of their difference contains 0.",
                 "Small: the 95 % interval over speakers. Other seeds are not in it."]
    if published is not None:
        lines.append("Paper: as published, measured on ExVo 2022.")
    if table["model"].str.contains(OWN_AUDIO).any():
        lines.append(f"{_text(OWN_AUDIO)} trained on our own preprocessing of the raw recordings.")
    if table["marks"].map(bool).any() and any(metric != "s_mtl" for _, metric in columns):
        named = ", ".join(f"{_text(symbol)} {reference}" for reference, symbol in symbols.items())
        lines.append(f"Differs significantly (<i>p</i> ≤ {LEVEL}) from {named}.")
    if ("val", "age_mae") in columns or ("test", "age_mae") in columns:
        lines.append("Age-MAE in years.")
    if any(is_trivial(code) for code in table["code"]):
        lines.append("Below the line: audio-free baselines.")
    return " ".join(lines)


def _model(model: str) -> str:
    return escape(model).replace(f" {OWN_AUDIO}", "&nbsp;" + f"<sup>{_text(OWN_AUDIO)}</sup>")


def _text(symbols: str) -> str:
    return "".join(symbol + TEXT_STYLE for symbol in symbols)
