"""What is fuzzed: for each kind of input, how it is damaged and what the library then does with it.

A target's `cases` are what Hypothesis draws from; `act(case, folder)` writes the case into an empty folder and returns
what is to be judged. A new kind of input is one function here, with `@target(cases)`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from hypothesis import strategies as st

from burst2vec import batches, cli, metrics
from burst2vec.audio import SHORTEST, load, read_parts
from burst2vec.check import check
from burst2vec.config import Params, read_yaml
from burst2vec.corpus import CorpusError, read_corpus
from burst2vec.ensembles import combine
from burst2vec.findings import summary, write_json
from burst2vec.listening import listen
from burst2vec.predictions import read_predictions
from burst2vec.quarantine import quarantine
from tests.faults import subjects
from tests.faults.damage import NASTY_TEXTS, NASTY_VALUES, SHORT, altered, damage, nasty_values, tables
from tests.faults.outcome import Broken

Action = Callable[[], Any]


@dataclass(frozen=True)
class Target:
    """A kind of input; see the module."""

    name: str
    cases: Callable[[], st.SearchStrategy]
    act: Callable[[Any, Path], Action]


TARGETS: dict[str, Target] = {}


def target(cases: Callable[[], st.SearchStrategy]) -> Callable:
    """Makes a function of a case and an empty folder a target, by the function's name."""
    def register(act: Callable[[Any, Path], Action]) -> Callable:
        name = act.__name__.replace("_", " ")
        TARGETS[name] = Target(name, cases, act)
        return act
    return register


def ensure(fact: bool, otherwise: str) -> None:
    """Raises Broken where a success is none."""
    if not fact:
        raise Broken(otherwise)


# Parameters.

NAMES = tuple(Params.names())
LAUGHS = "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n"
                 for a, b in zip(string.ascii_lowercase, string.ascii_lowercase[1:], strict=False)).replace(
                     "b: &b", "a: &a [ha]\nb: &b", 1)
"""A hundred lines of YAML that mean more lists than there are atoms."""


def _shown_names() -> st.SearchStrategy[str]:
    return st.sampled_from(NAMES) | st.sampled_from(("batchsize", "model", "", "_x", "é", "x" * 5_000)) | SHORT


def _parameter_files() -> st.SearchStrategy[bytes]:
    def dumped(values: dict) -> bytes:
        return yaml.safe_dump(values, allow_unicode=True).encode("utf-8", "surrogatepass")

    def spelt(lines: list[tuple[str, str]]) -> bytes:
        return "".join(f"{name}: {text}\n" for name, text in lines).encode("utf-8", "surrogatepass")

    shipped = (Path(__file__).parents[2] / "params" / "scales" / "demo.yaml").read_bytes()
    tokens = (b": ", b"- ", b"&a ", b"*a", b"!!int ", b"{", b"[", b"\xff", b"\0", b"2022-13-45", b"---\n", b"<<: ")
    nested = [f"width: {'[' * 5_000}".encode(), LAUGHS.encode(), f"width: {LAUGHS}".encode(),
              ("corpus: " + LAUGHS.splitlines()[0].partition(": ")[2] + "\n" + LAUGHS + "title: *z").encode()]
    return (st.dictionaries(_shown_names(), nasty_values(), max_size=4).map(dumped)
            | st.lists(st.tuples(_shown_names(), st.sampled_from(NASTY_TEXTS) | SHORT), max_size=4).map(spelt)
            | damage(shipped, tokens).map(lambda d: d.data) | st.sampled_from(nested))


@target(_parameter_files)
def parameter_files(content: bytes, folder: Path) -> Action:
    path = folder / "X.yaml"
    path.write_bytes(content)
    return lambda: _used(Params.resolve(read_yaml(path)))


def _used(params: Params) -> None:
    """What every run does with its parameters."""
    params.folder, params.path(params.cache), [params.path(c) for c in params.corpus]  # noqa: B018
    again = Params(**json.loads(params.to_json()))
    ensure(again == params, "parameters do not survive JSON")


@target(lambda: st.lists(st.tuples(_shown_names(), st.sampled_from(NASTY_TEXTS) | st.text(max_size=12)), max_size=3))
def parameter_options(given: list[tuple[str, str]], folder: Path) -> Action:
    options = [word for name, value in given for word in ("-p", name, value)]

    def act():
        run("run", str(folder / "missing.ipynb"), str(folder / "out.ipynb"), *options)
        raise Broken("a notebook that is not there was run")
    return act


def run(*arguments: str) -> int:
    """A command of `burst2vec`, with its errors as they are, before `cli.main` makes a line of them."""
    options = cli._parser().parse_args(arguments)
    return options.command(options) or 0


@target(lambda: st.dictionaries(_shown_names(), nasty_values() | st.sampled_from(
    (np.float64(2), np.arange(3), np.array("x"), len, os, Path("x"), b"x", {1}, object, Params(), 1j, range(3), (1, "a"))), max_size=4))
def notebook_globals(values: dict, folder: Path) -> Action:
    return lambda: _used(Params.resolve(values))


# Corpora.

def _read(root: Path) -> Action:
    """Checks, quarantines and opens a corpus, and deals batches of it."""
    def act():
        checked = check(root)
        write_json(checked, root.parent / "found.json")
        ensure(all(line.isprintable() for line in summary(checked).split("\n")), "the summary holds control characters")
        _quarantined(checked)
        try:
            corpus = read_corpus(root)
        except CorpusError:
            ensure(checked.grave, "check finds nothing grave, and yet the corpus cannot be opened")
            (root.parent / "found.json").unlink()
            for copy in root.glob("*.quarantined.csv"):
                copy.unlink()
            raise
        ensure(not any(p.grave for p in checked.tables), "check finds a grave problem, and yet the corpus is opened")
        _deal(corpus)
    return act


def _quarantined(checked) -> None:
    try:
        quarantine(checked)
    except CorpusError:
        pass


def _deal(corpus) -> None:
    lengths = np.full(len(corpus.table), 1_600)
    for task in corpus.tasks:
        known = task.targets(corpus.table)[task.labelled(corpus.table)]
        ensure(bool(np.isfinite(known).all()) and (task.kind != "classes" or known.min() >= 0), f"labels of {task}: {known}")
    for oversampling in (False, True):
        batches.plan(corpus, lengths, Params(oversampling=oversampling, batch_size=4), 1)


@target(lambda: tables(subjects.exvo_files()["data_info.csv"]))
def exvo_table(table, folder: Path) -> Action:
    return _read(subjects.exvo(folder / "exvo", data_info=table.data))


@target(lambda: st.tuples(tables(subjects.exvo_files()["test_labels.csv"]), tables(subjects.exvo_files()["speakers.csv"])))
def exvo_withheld_and_speakers(found, folder: Path) -> Action:
    withheld, speakers = found
    return _read(subjects.exvo(folder / "exvo", test_labels=withheld.data, speakers=speakers.data))


def _names(right: list[str]) -> st.SearchStrategy[list[str]]:
    odd = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), max_size=12)
    undecodable = st.binary(min_size=1, max_size=6).map(os.fsdecode)
    pieces = st.sampled_from(right).flatmap(
        lambda name: st.tuples(st.integers(0, len(name)), st.sampled_from(("", "9", "-", "٣", " ", "é", "\n", "_", "\x1b"))).map(
            lambda edit: name[:edit[0]] + edit[1] + name[edit[0] + 1:]))
    return st.tuples(st.just(right) | st.lists(st.sampled_from(right), max_size=30), st.lists(odd | undecodable | pieces, max_size=5)).map(
        lambda both: list(dict.fromkeys(both[0] + both[1])))


@target(lambda: _names(subjects.emogator_names()))
def emogator_names(names: list[str], folder: Path) -> Action:
    subjects.named(folder / "emogator" / "data" / "mp3", names, ".mp3")
    return _read(folder / "emogator")


def _lists() -> st.SearchStrategy[bytes]:
    said = json.dumps(subjects.SPEAKERS).encode()
    return (altered(subjects.SPEAKERS, most=6).map(lambda a: a.json())
            | altered({"data": [dict(zip(("spk_id", "gender", "age", "country"), s, strict=False)) for s in subjects.SPEAKERS]},
                      most=6).map(lambda a: a.json())
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


# Audio.

FORMS = [(form, subtype, rate, channels, seconds)
         for form, subtype in (("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "PCM_24"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"),
                               ("OGG", "OPUS"), ("MP3", None), ("AIFF", "PCM_16"), ("W64", "PCM_16"), ("CAF", "PCM_16"))
         for rate, channels, seconds in ((16_000, 1, 0.1), (48_000, 2, 0.3))]
ODD_FORMS = [("WAV", "FLOAT", rate, channels, seconds) for rate in (1, 999, 44_101, 768_000, 2_000_000_011)
             for channels, seconds in ((1, 0.1 if rate < 10 ** 6 else 1e-6), (37, 0.01 if rate < 10 ** 6 else 1e-7))]


@target(lambda: st.tuples(st.sampled_from(FORMS + ODD_FORMS).flatmap(
    lambda form: damage(subjects.encoded(*form), (b"RIFF", b"data", b"fmt ", b"OggS", b"fLaC", b"ID3", b"\xff\xfb")).map(
        lambda damaged: (form, damaged))),
    st.sampled_from((".wav", ".flac", ".ogg", ".mp3", ".raw", ".opus", ""))))
def recordings(found, folder: Path) -> Action:
    (_, damaged), suffix = found
    path = folder / f"burst{suffix}"
    path.write_bytes(damaged.data)

    def act():
        heard = listen(path)
        errors = []
        for audio in ("provided", "own"):
            try:
                _check_waveform(load(path, audio))
            except ValueError as error:
                errors.append(error)
        ensure(len(errors) < 2 or str(path) in str(errors[-1]), f"the message does not name the file: {errors}")
        if isinstance(heard, str):
            ensure("\n" not in heard and len(heard) < 500, f"heard {heard!r}")
        for start, end, waveform in read_parts(path, 0.05):
            ensure(0 <= start <= end and waveform.dtype == np.float32, f"{start} to {end} s: {waveform}")
        if errors:
            raise errors[-1]
    return act


def _check_waveform(waveform: np.ndarray) -> None:
    right = waveform.dtype == np.float32 and waveform.ndim == 1 and len(waveform) >= SHORTEST
    ensure(right and bool(np.isfinite(waveform).all()), f"{waveform.dtype} {waveform.shape}, finite or not")


# Stores.

def _store_edits() -> st.SearchStrategy:
    folder = next(subjects.store().iterdir())
    return st.sampled_from(sorted(p.name for p in folder.iterdir())).flatmap(
        lambda name: damage((folder / name).read_bytes(), (b"nan", b"-1", b"\n", b",", b'"', b"99999999999")).map(
            lambda damaged: (name, damaged)))


@target(_store_edits)
def stores(found, folder: Path) -> Action:
    """A damaged store is named, or made again, and never gives other samples than the recordings'."""
    from burst2vec.store import open_store

    name, damaged = found
    original = next(subjects.store().iterdir())
    cache = folder.parent / "cache"  # made again beside what is judged, as that leaves files
    subjects.copied(original, cache / original.name)
    (cache / original.name / name).write_bytes(damaged.data)

    def act():
        opened = open_store(subjects.corpus(), "provided", cache)
        whole = open_store(subjects.corpus(), "provided", subjects.store())
        for row in range(len(whole)):
            ensure(np.array_equal(opened[row], whole[row]), "other samples than the recording's")
    return act


# Checkpoints.

def _checkpoint_edits() -> st.SearchStrategy:
    """For one checkpoint, or for both: damage, or another name."""
    names = sorted(p.name for p in subjects.checkpoints().iterdir())
    tokens = (b"{", b"}", b'"', b"state", b"F32", b"[0,", b"NaN", b"\xff\xff\xff\x7f")
    contents = [damage((subjects.checkpoints() / name).read_bytes(), tokens) for name in names]
    called = st.sampled_from(("0x-1-a", "000003-9-", "9" * 40 + "-1-x", "-1--", "000002-2-" + "0" * 32, ".writing-1"))
    return st.tuples(*(st.tuples(st.just(name), content, st.none() | called)
                       for name, content in zip(names, contents, strict=True)))


@target(_checkpoint_edits)
def checkpoints(found, folder: Path) -> Action:
    """The last sound checkpoint is read, whatever else lies there, or none; and another can be written after it."""
    from burst2vec.resumption import Checkpoint, Checkpoints

    kept = Checkpoints(subjects.copied(subjects.checkpoints(), folder.parent / "training"), subjects.IDENTITY)
    sound = []
    for number, (name, damaged, called) in enumerate(found, start=1):
        path = kept.folder / name
        if damaged.data == path.read_bytes() and not called:
            sound.append(number)
        path.write_bytes(damaged.data)
        if called:
            path.rename(kept.folder / f"{called}.safetensors")

    def act():
        checkpoint = kept.read()  # refused where every checkpoint is damaged
        ensure((checkpoint is None) == (not sound), f"read {checkpoint} where {sound} are sound")
        if checkpoint:
            same = checkpoint.state["iteration"] == sound[-1] and bool((checkpoint.tensors["now.w"] == sound[-1]).all())
            ensure(same, f"read {checkpoint} where {sound} are sound")
        kept.write(3, Checkpoint({"now.w": subjects.weights(3)}, {"iteration": 3, "finished": False}))
        ensure(kept.read().state["iteration"] == 3, "not the checkpoint that was written last")
    return act


# Models.

def _configs() -> st.SearchStrategy[bytes]:
    said = (subjects.model() / "config.json").read_bytes()
    return (altered(json.loads(said)).map(lambda a: a.json())
            | damage(said, (b"{", b"[", b'"', b"null", b"1e999", b"NaN", b"-1", b"99999999")).map(lambda d: d.data))


@target(_configs)
def model_configs(content: bytes, folder: Path) -> Action:
    return _heard_by(subjects.copied(subjects.model(), folder / "V4", config__json=content))


@target(lambda: damage((subjects.model() / "model.safetensors").read_bytes(),
                       (b"F64", b"BF16", b"I64", b'"', b"{", b"}", b"[0,", b"shape", b"\x00\x00\xc0\x7f")))
def model_weights(damaged, folder: Path) -> Action:
    return _heard_by(subjects.copied(subjects.model(), folder / "V4", model__safetensors=damaged.data))


def _heard_by(model: Path) -> Action:
    """What a model predicts: refused by ModelError, or in numbers."""
    from burst2vec.pretrained import ModelError, load

    def act():
        try:
            system = load(model, "cpu")
        except ValueError as error:
            ensure(isinstance(error, ModelError), f"refused by {type(error).__name__}: {error}")
            raise
        reports: list[str] = []
        found = system.predict(sorted(subjects.recordings().iterdir())[:2], batch_size=2, report=reports.append)
        numbers = found.select_dtypes("number").to_numpy()
        ensure(len(found) == 2 and not reports and bool(np.isfinite(numbers).all()), f"predicted {found.to_dict()}, {reports}")
    return act


# Results.

@target(lambda: tables((subjects.predictions() / "predictions.csv").read_bytes()))
def predictions(table, folder: Path) -> Action:
    from burst2vec.submission import write_submission

    system = subjects.copied(subjects.predictions(), folder / "V4", predictions__csv=table.data)

    def act():
        found = read_predictions(system / "predictions.csv")
        corpus = subjects.corpus()
        for task in corpus.tasks:
            metrics.score(task, corpus.split("val"), found)
        combine({"V4": found, "V5": found}, corpus.tasks)
        write_submission(system, "owls", 1, folder)
    return act


@target(lambda: altered(json.loads((subjects.predictions() / "params.json").read_text())).map(lambda a: a.json())
        | damage((subjects.predictions() / "params.json").read_bytes(), (b"[", b"{", b"null", b"members")).map(lambda d: d.data))
def records_of_parameters(content: bytes, folder: Path) -> Action:
    from burst2vec.submission import write_submission

    system = subjects.copied(subjects.predictions(), folder / "V4", params__json=content)
    return lambda: write_submission(system, "owls", 1, folder)
