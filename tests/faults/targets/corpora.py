"""Corpora in every layout: tables, names of recordings, lists of speakers, declarations."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import yaml
from hypothesis import strategies as st

from burst2vec.config import Params
from burst2vec.corpora.corpus import CorpusError
from burst2vec.corpora.opening import read_corpus
from burst2vec.corpora.plausibility import YEARS
from burst2vec.corpora.spelling import folded
from burst2vec.inspection.check import check
from burst2vec.inspection.summary import summary, write_json
from burst2vec.training import batches
from tests.faults import subjects
from tests.faults.damage import LAUGHS, altered, damage, tables
from tests.faults.targets.registry import Action, ensure, target


def _read(root: Path) -> Action:
    """Checks and opens a corpus, and deals batches of it."""
    def act():
        checked = check(root)
        write_json(checked, root.parent / "found.json")
        ensure(all(line.isprintable() for line in summary(checked).split("\n")), "the summary holds control characters")
        try:
            corpus = read_corpus(root)
        except CorpusError:
            ensure(checked.grave, "check finds nothing grave, and yet the corpus cannot be opened")
            (root.parent / "found.json").unlink()
            raise
        ensure(not any(p.grave for p in checked.tables), "check finds a grave problem, and yet the corpus is opened")
        _deal(corpus)
    return act


def _deal(corpus) -> None:
    for task in corpus.tasks:
        known = task.targets(corpus.table)[task.labelled(corpus.table)]
        right = np.isfinite(known).all() and (task.kind != "classes" or known.min() >= 0)
        ensure(bool(right), f"labels of {task}: {known}")
        if task.unit == "years":
            years = corpus.table[task.columns[0]].dropna()
            ensure(years.between(*YEARS).all(), f"years of {task}: {years.tolist()}")
    speakers = corpus.table["speaker"].dropna()
    splits = corpus.table["split"][speakers.index].groupby(speakers.map(folded)).nunique()
    ensure((splits <= 1).all(), "two spellings of one speaker are in two splits")
    for oversampling in (False, True):
        batches.plan(corpus, Params(oversampling=oversampling, batch_size=4), 1)


@target(lambda: tables(subjects.exvo_files()["data_info.csv"]))
def exvo_table(table, folder: Path) -> Action:
    return _read(subjects.exvo(folder / "exvo", data_info=table.data))


@target(lambda: st.tuples(*(tables(subjects.exvo_files()[name]) for name in ("test_labels.csv", "speakers.csv"))))
def exvo_withheld_and_speakers(found, folder: Path) -> Action:
    withheld, speakers = found
    return _read(subjects.exvo(folder / "exvo", test_labels=withheld.data, speakers=speakers.data))


def _names(right: list[str]) -> st.SearchStrategy[list[str]]:
    odd = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), max_size=12)
    undecodable = st.binary(min_size=1, max_size=6).map(os.fsdecode)
    letter = st.sampled_from(("", "9", "-", "٣", " ", "é", "\n", "_", "\x1b", "e\u0301", "\u200b", "０", "._", "A"))
    altered_names = st.builds(lambda name, place, letter: name[:place] + letter + name[place + 1:],
                              st.sampled_from(right), st.integers(0, max(map(len, right))), letter)
    usual = st.just(right) | st.lists(st.sampled_from(right), max_size=30)
    others = st.lists(odd | undecodable | altered_names, max_size=5)
    return st.builds(lambda usual, others: list(dict.fromkeys(usual + others)), usual, others)


@target(lambda: _names(subjects.emogator_names()))
def emogator_names(names: list[str], folder: Path) -> Action:
    subjects.named(folder / "emogator" / "data" / "mp3", names, ".mp3")
    return _read(folder / "emogator")


def _lists() -> st.SearchStrategy[bytes]:
    said = json.dumps(subjects.SPEAKERS).encode()
    objects = {"data": [dict(zip(("spk_id", "gender", "age"), entry, strict=False)) for entry in subjects.SPEAKERS]}
    return ((altered(subjects.SPEAKERS, most=6) | altered(objects, most=6)).map(lambda a: a.json())
            | damage(said, (b"[", b"{", b'"', b",", b"null", b"1e999", b"NaN", b"\\ud800")).map(lambda d: d.data)
            | st.just(b"[" * 100_000))


@target(lambda: st.tuples(_names(subjects.vocalsound_names()), st.dictionaries(
    st.sampled_from(("all", "tr", "val", "te")), _lists(), max_size=3)))
def vocalsound_names_and_lists(found, folder: Path) -> Action:
    names, lists = found
    root = folder / "vocalsound"
    subjects.named(root / "audio_16k", names, ".wav")
    (root / "meta").mkdir()
    for part, content in lists.items():
        (root / "meta" / f"{part}_meta.json").write_bytes(content)
    return _read(root)


def _declarations() -> st.SearchStrategy[bytes]:
    said = yaml.safe_dump(subjects.DECLARATION).encode()
    tokens = (b": ", b"- ", b"&a ", b"*a", b"{", b"[", b"\xff", b"\0", b"tasks:", b"kind: classes", b"path", b"years")
    whole = st.just(said)
    return (whole | altered(subjects.DECLARATION).map(lambda a: yaml.safe_dump(a.content, allow_unicode=True).encode())
            | damage(said, tokens).map(lambda d: d.data) | st.just(f"{LAUGHS}table: *z\n".encode()))


@target(lambda: st.tuples(_declarations(), tables(subjects.generic_table())))
def corpus_of_ones_own(found, folder: Path) -> Action:
    declaration, table = found
    return _read(subjects.generic(folder / "own", declaration, table.data))
