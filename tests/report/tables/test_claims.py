"""A verdict is told by its word, its sign and its colour, and no two verdicts look alike but the undecided."""

from __future__ import annotations

import pandas as pd
import pytest

from burst2vec.report.figures.claims import VERDICTS as DRAWN
from burst2vec.report.tables.claims import VERDICTS, render_ledger, show_verdict
from burst2vec.results.claims import ledger, paper_claims, published_ledger

CLAIMS = paper_claims()


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_verdict_has_its_word_and_its_sign(verdict):
    sign, colour = VERDICTS[verdict]
    shown = show_verdict(verdict)
    assert f">{sign}</b>" in shown and f">{verdict}<" in shown and colour in shown


def test_the_table_and_the_figure_know_the_same_verdicts():
    assert set(VERDICTS) == set(DRAWN)


def test_every_claim_has_its_row_with_the_papers_own_verdict():
    paper = published_ledger(CLAIMS)
    html = render_ledger(ledger(CLAIMS, pd.Series(dtype=float)), paper).data
    assert html.count('<th scope="row"') == len(CLAIMS)
    assert html.count("<small>supported</small>") == (paper["verdict"] == "supported").sum()
