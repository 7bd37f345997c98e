"""The ledger of claims as a table, in which verdicts have a word, a sign and a colour."""

from __future__ import annotations

from html import escape

import pandas as pd
from IPython.display import HTML

from burst2vec.report.tables.frames import boxed
from burst2vec.report.words import DASH, METRIC, interval, metric_name, number
from burst2vec.results.claims import ONE_SEED

VERDICTS = {"supported": ("✓", "#0173b2"), "contradicted": ("✗", "#d55e00"), "undecided": ("?", "#8a8a8a"),
            ONE_SEED: ("?", "#8a8a8a"), "not tested": (DASH, "#b0b0b0")}
"""The sign and the colour of each verdict; the word beside them says the same."""

STYLE = """\
.boxed table.ledger .first { min-width: min(15em, 45cqw) }
.boxed table.ledger td.words { max-width: 11em }
.boxed .verdict { display: inline-block; border-left: 0.3em solid; padding-left: 0.4em }
.boxed .verdict b { color: inherit }
.boxed .verdict span { color: var(--pst-color-text-base, var(--jp-ui-font-color0, CanvasText)) }"""
"""The CSS rules of the ledger alone."""


def render_ledger(claims: pd.DataFrame, published: pd.DataFrame) -> HTML:
    """A ledger of claims (`claims.ledger`) as HTML, with a row for each claim.

    A row has the claim's name and statement, the verdict, the estimate with its interval, the metric with the weakest
    pair, which decides, and what the paper's own numbers say. `published` is the ledger of those numbers; it has no
    intervals.
    """
    paper = published.set_index("claim")
    rows = [{
        "Claim": f"<b>{escape(row['claim'])}</b><small>{escape(row['statement'])}</small>",
        "Verdict": f"{show_verdict(row['verdict'])}<small>{_note(row['note'])}</small>",
        "Estimate": f"{_signed(row['estimate'])}<small>{interval(row['low'], row['high'], 4, signed=True)}</small>",
        "Metric and weakest pair": f"{metric_name(row['metric'])}<small>{escape(row['weakest'])}</small>",
        "As published": f"{_signed(paper['estimate'][row['claim']])}"
                        f"<small>{paper['verdict'][row['claim']]}</small>",
    } for row in claims.to_dict("records")]
    legend = ("The estimate is by how much the weakest pair, which decides, speaks for the claim: above 0 for it, "
              "below 0 against it; age in years. Small, below it: its 95 % interval over speakers and seeds. As "
              "published: what the paper's own numbers say, as points without interval, measured on ExVo 2022.")
    table = boxed(pd.DataFrame(rows), legend, caption="The ledger: each claim and its verdict", kind="ledger")
    return HTML(f"<style>{STYLE}</style>{table.data}")


def show_verdict(verdict: str) -> str:
    """A verdict as HTML: its sign in its colour, and the word."""
    sign, colour = VERDICTS[verdict]
    return (f'<span class="verdict" style="color: {colour}"><b aria-hidden="true">{sign}</b> '
            f"<span>{escape(verdict)}</span></span>")


def _note(note: str) -> str:
    """What a verdict rests on, with the names of metrics for those of columns."""
    return METRIC.sub(lambda found: metric_name(found[0]), escape(note))


def _signed(value: float) -> str:
    return number(value, 4, signed=True)
