"""A process that trains with others does what it was told, and says why it ended unless another one has."""

from __future__ import annotations

import json
import os
import signal

import pytest

from burst2vec.audio.store import open_store
from burst2vec.config import ParameterError
from burst2vec.corpora.opening import read_corpus
from burst2vec.machine.interruption import Interrupted
from burst2vec.training import trainer
from burst2vec.training.launch import OUTCOME
from burst2vec.training.worker import _is_consequence, _main, _report


@pytest.fixture
def outcome(tmp_path, monkeypatch):
    """The file in which the first process that fails writes why; this process is the second of several."""
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv(OUTCOME, str(tmp_path / "outcome.json"))
    monkeypatch.setenv("TQDM_DISABLE", "")  # to be restored afterwards
    return tmp_path / "outcome.json"


def told(outcome, error):
    """What a process writes that failed so."""
    outcome.unlink(missing_ok=True)
    try:
        raise error
    except BaseException as caught:
        _report(caught)
    return json.loads(outcome.read_text())


def test_a_failure_is_told_with_its_traceback(outcome):
    failure = told(outcome, ValueError("no such burst"))
    assert (failure["rank"], failure["message"], failure["signal"]) == (1, "ValueError: no such burst", None)
    assert failure["traceback"].startswith("Traceback") and "raise error" in failure["traceback"]
    assert not failure["consequence"]


def test_only_the_first_failure_counts(outcome, monkeypatch):
    told(outcome, ValueError("the first"))
    monkeypatch.setenv("RANK", "0")
    _report(RuntimeError("the second"))
    assert json.loads(outcome.read_text())["message"] == "ValueError: the first"


def test_a_training_that_was_stopped_says_by_which_signal_and_where(outcome):
    stopped = told(outcome, Interrupted("training stopped after iteration 7", signal.SIGTERM))
    assert (stopped["message"], stopped["signal"]) == ("training stopped after iteration 7", signal.SIGTERM)
    early = told(outcome, KeyboardInterrupt())
    assert (early["message"], early["signal"]) == ("training stopped before its first step", signal.SIGINT)


@pytest.mark.parametrize("words", ["Connection closed by peer [127.0.0.1]:4711", "Broken pipe",
                                   "[enforce] Read error: Connection reset by peer", "ncclRemoteError: A call to ..."])
def test_a_connection_that_broke_is_the_consequence_of_another_failure(words):
    assert _is_consequence(RuntimeError(words)) and not _is_consequence(OSError(words))
    assert not _is_consequence(RuntimeError("CUDA error: device-side assert triggered"))


@pytest.fixture
def task(tiny_corpus, tiny_params, tmp_path):
    """A function that writes what `launch` does, with other parameters."""
    def task(**changes):
        params = tiny_params(corpus=[str(tiny_corpus.root)], cache=str(tmp_path / "cache"))
        text = json.dumps(json.loads(params.to_json()) | changes)
        (tmp_path / "task.json").write_text(json.dumps({"params": text, "folder": str(tmp_path / "checkpoints")}))
        return tmp_path / "task.json"
    return task


@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_process_trains_on_the_corpus_that_it_was_told_and_only_the_first_shows_its_progress(
        outcome, task, tiny_corpus, tmp_path, monkeypatch, rank):
    asked = []
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setattr(trainer, "train", lambda *arguments: asked.append(arguments))
    _main(task(seed=5))
    [(corpus, store, params, folder)] = asked
    assert corpus.table.equals(read_corpus(tiny_corpus.root).table) and (params.seed, params.width) == (5, 16)
    assert folder == tmp_path / "checkpoints" and not outcome.exists()
    assert store.lengths.tolist() == open_store(tiny_corpus, "provided", tmp_path / "other").lengths.tolist()
    assert os.environ["TQDM_DISABLE"] == ("1" if rank == "1" else "")


@pytest.mark.parametrize(("changes", "error", "words"), [
    ({"width": "wide"}, ParameterError, "parameter width is 'wide'"),
    ({"corpus": ["/nowhere"]}, FileNotFoundError, "corpus /nowhere: there is no such folder")])
def test_what_goes_wrong_before_the_training_is_told_and_ends_the_process(outcome, task, changes, error, words):
    with pytest.raises(error, match=words):
        _main(task(**changes))
    assert words in json.loads(outcome.read_text())["message"]
