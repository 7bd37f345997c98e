"""What trainings leave: checkpoints, saved models, predictions, records of parameters."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from burst2vec.evaluation import metrics
from burst2vec.evaluation.predictions import read_predictions
from burst2vec.results.ensembles import combine
from tests.faults import subjects
from tests.faults.damage import altered, damage, tables
from tests.faults.targets.registry import Action, ensure, target


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
    from burst2vec.training.checkpoints import Checkpoint, Checkpoints

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
    from burst2vec.models.serialisation import ModelError
    from burst2vec.systems.saved import load

    def act():
        try:
            system = load(model, "cpu")
        except ValueError as error:
            ensure(isinstance(error, ModelError), f"refused by {type(error).__name__}: {error}")
            raise
        reports: list[str] = []
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"\w+ is implausible in")  # as it may be of damaged weights
            found = system.predict(sorted(subjects.recordings().iterdir())[:2], batch_size=2, report=reports.append)
        finite = bool(np.isfinite(found.select_dtypes("number").to_numpy()).all())
        ensure(len(found) == 2 and not reports and finite, f"predicted {found.to_dict()}, {reports}")
    return act


@target(lambda: tables((subjects.predictions() / "predictions.csv").read_bytes()))
def predictions(table, folder: Path) -> Action:
    from burst2vec.systems.submission import write_submission

    system = subjects.copied(subjects.predictions(), folder / "V4", predictions__csv=table.data)

    def act():
        found = read_predictions(system / "predictions.csv")
        corpus = subjects.corpus()
        for task in corpus.tasks:
            metrics.score(task, corpus.split("val"), found)
        combine({"V4": found, "V5": found}, corpus.tasks)
        write_submission(system, "owls", 1, folder)
    return act


def _records() -> st.SearchStrategy[bytes]:
    said = (subjects.predictions() / "params.json").read_bytes()
    return (altered(json.loads(said)).map(lambda a: a.json())
            | damage(said, (b"[", b"{", b"null", b"members")).map(lambda d: d.data))


@target(_records)
def records_of_parameters(content: bytes, folder: Path) -> Action:
    from burst2vec.systems.submission import write_submission

    system = subjects.copied(subjects.predictions(), folder / "V4", params__json=content)
    return lambda: write_submission(system, "owls", 1, folder)
