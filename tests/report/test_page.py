"""What notebooks display besides figures and tables."""

from __future__ import annotations

import base64
import dataclasses
import io
import re

import numpy as np
import pytest
import soundfile

from burst2vec.report import page


@pytest.fixture
def shown(monkeypatch):
    """The objects that the report displays."""
    objects = []
    monkeypatch.setattr(page, "display", objects.append)
    return objects


def decoded(html):
    data = re.findall(r'src="data:audio/flac;base64,([^"]*)"', html)
    return [soundfile.read(io.BytesIO(base64.b64decode(d)), dtype="float32") for d in data]


def test_only_a_synthetic_corpus_has_a_banner_of_one_line(tiny_corpus, shown):
    page.banner(tiny_corpus)
    assert not shown
    page.banner(dataclasses.replace(tiny_corpus, synthetic=True))
    assert "say nothing about people" in shown[0].data and "\n" not in shown[0].data


def test_the_banner_names_the_corpora_that_are_not_synthetic(tiny_corpus, shown):
    parts = tuple(dataclasses.replace(tiny_corpus, name=name, synthetic=name == "made") for name in ("made", "real"))
    page.banner(dataclasses.replace(tiny_corpus, synthetic=True, parts=parts))
    assert shown[0].data.startswith("*Synthetic corpus, but for the recordings of real: ")


def test_an_absent_kind_of_task_is_named(tiny_corpus, shown):
    assert page.poses_kinds(tiny_corpus, "scalar", "classes") and not shown
    alone = dataclasses.replace(tiny_corpus, tasks=(tiny_corpus.task("country"),))
    assert not page.poses_kinds(alone, "scalar", "classes")
    assert "*scalar*" in shown[0].data


def test_players_keep_order_and_escape_captions():
    html = page.players({"<one>": np.ones(1600), "two & more": np.zeros(800)}, lossless=True).data
    assert [len(samples) for samples, _ in decoded(html)] == [1600, 800]
    assert html.index("&lt;one&gt;") < html.index("two &amp; more") and "<one>" not in html


def test_the_same_sound_makes_the_same_page():
    waveform = np.sin(np.arange(1600))
    assert page.player(waveform, "x").data == page.player(waveform.copy(), "x").data
