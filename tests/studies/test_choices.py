"""The ways of the study of choices differ where they say, and its record tells of trainings that failed."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from burst2vec.models import burst2vec
from burst2vec.report import choices as report
from burst2vec.training import trainer
from studies import choices
from studies.choices import CHOICES, DEFAULT, LESS_FROZEN, SETTINGS, Mix
from studies.comparison import Outcome, Way

ROOT = Path(__file__).parents[2]

MEASURED = {
    "form of projection, extractors and combinations": ["no layer norm", "width 64", "no dropout", "dropout 0.3"],
    "initial weights of all that stands on the backbone": ["torch's initial weights"],
    "how far a reversed gradient reaches": ["extractors alone reversed"],
    "which hidden states are averaged": ["last layer", "learnt mix of layers"],
    "the scale of what is averaged": ["features as they are"],
    "averaging over time": ["padding averaged, too"],
    "what besides the average": ["means alone"],
    "attention mask": ["padding as published"],
    "what an epoch is": ["each burst for each task"],
    "which bursts share a batch": ["batches sorted by length", "batches sorted in windows of 5"],
    "cells of the oversampling": ["oversampled, at most twice", "oversampled, at most ten times"],
    "learning rate over time": ["constant learning rate"],
    "what keeps a training stable": ["warm-up of 60 steps", "gradients of norm 1 at most"],
}
"""The rows of *Where the paper is silent* that say that their choice was measured, and as which ways of the record."""


@pytest.fixture
def built(tiny_params, tiny_corpus, tiny_store):
    """A function that returns the model that a training builds under a way's patch."""
    def built(name, **changes):
        way = next(choice.way for choice in CHOICES if choice.way.name == name)
        torch.manual_seed(0)
        given = tiny_params(**changes)
        with way.patch(tiny_corpus, tiny_store, given):
            return trainer.build(given, tiny_corpus.tasks)
    return built


def norms(model):
    return sum(isinstance(module, nn.LayerNorm) for name, module in model.named_modules() if "backbone" not in name)


def test_every_way_differs_from_the_default_in_what_it_says_and_has_a_name_of_its_own():
    default = Way(DEFAULT).params(SETTINGS, 0)
    for choice in (*CHOICES, LESS_FROZEN):
        params = choice.way.params(SETTINGS, 0)
        changed = {name for name, value in vars(params).items() if value != getattr(default, name)}
        assert changed == set(choice.way.changes) and (changed or choice.way.patch), choice.way.name
        assert params.max_steps == default.max_steps == 600
    names = [choice.way.name for choice in (*CHOICES, LESS_FROZEN)]
    assert len(set(names)) == len(names) and not any("/" in name for name in names)


def test_what_a_page_says_was_measured_is_in_the_record():
    page = (ROOT / "book" / "silent.md").read_text(encoding="utf-8")
    marked = re.findall(r"^\| ([^|]*) \|[^|\n]*\]\(choices-measured\)", page, re.MULTILINE)
    assert marked == list(MEASURED)
    found = json.loads((ROOT / "studies" / "choices.json").read_text(encoding="utf-8"))
    assert {way for ways in MEASURED.values() for way in ways} <= {effect["way"] for effect in found["effects"]}


def test_the_ways_that_are_the_papers_own_are_ways_of_the_study():
    ways = {choice.way.name: choice.way for choice in CHOICES}
    assert set(report.PAPERS) <= set(ways)
    published = Way("V4", {"pooled_layers": "last", "pooled_statistics": "mean"}).changes
    assert published.items() <= ways["last layer's means as they are"].changes.items()


def test_the_record_is_what_the_study_makes_without_options(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(choices, "collect", lambda name, ways, seeds, *_: made.append((len(ways), seeds)) or {})
    monkeypatch.setattr(choices, "open_corpus", lambda params: None)
    monkeypatch.setattr(choices, "record", lambda *_: {})
    choices.main(["--json", str(tmp_path / "choices.json")])
    command = json.loads((tmp_path / "choices.json").read_text(encoding="utf-8"))["command"]
    assert command == json.loads((ROOT / "studies" / "choices.json").read_text(encoding="utf-8"))["command"]
    assert made == [(len(CHOICES) + 2, choices.SEEDS), (1, 0)]


def test_a_mix_begins_with_the_mean_of_the_layers_and_keeps_statistics_apart():
    mix = Mix(statistics=2, layers=3)
    pooled = torch.tensor([[1.0, 2, 3, 4, 5, 9, 10, 20, 30, 40, 50, 90]])  # two features of each layer
    assert mix(pooled)[0].tolist() == pytest.approx([3, 5, 30, 50])
    with torch.no_grad():
        mix.logits[1] = 1.0  # fifty in the softmax
    assert mix(pooled)[0].tolist() == pytest.approx([3, 4, 30, 40])


def test_the_mix_reads_the_layers_as_the_model_pools_them(built, tiny_corpus, tiny_store):
    model = built("learnt mix of layers", pooled_layers="all", pooled_statistics="mean_deviation").eval()
    last = burst2vec.Burst2Vec(model.backbone, tiny_corpus.tasks, pooled_statistics="mean_deviation").eval()
    waveform = torch.from_numpy(np.array(tiny_store[0]))[None]
    lengths = torch.tensor([waveform.shape[1]])
    mix = model.projection[0]
    with torch.no_grad():
        mix.logits[-1] = 1.0
        torch.testing.assert_close(mix(model.embed([(waveform, lengths)])), last.embed([(waveform, lengths)]),
                                   rtol=1e-4, atol=1e-5)
    assert norms(model) == norms(last)


def test_patches_change_what_they_name_and_nothing_afterwards(built, make_model):
    plain = make_model()
    assert norms(plain) == 8 and norms(built("no layer norm")) == 0 and norms(make_model()) == 8
    ours, theirs = plain.shared_extractor[0].weight, built("torch's initial weights").shared_extractor[0].weight
    assert (ours.std() / theirs.std()).item() == pytest.approx(6**0.5, rel=0.2)  # sqrt(2/n) against sqrt(1/3n)
    assert built("padding averaged, too").pooling == "padded" and make_model().pooling == "real"
    assert built("padding as published").backbone.padding == "as_published"


def test_a_training_that_failed_has_no_predictions_and_is_counted(tiny_corpus):
    truth = tiny_corpus.split("test")
    table = truth[["split"]].assign(**{name: truth[name] for task in tiny_corpus.tasks for name in task.columns})
    whole = {seed: Outcome({"test": table}, {"layer 0": 0.2 + seed, "layer 1": 0.8}) for seed in range(2)}
    failed = Outcome({}, {"diverged": 1})
    outcomes = {DEFAULT: whole, "learnt mix of layers": whole, "no layer norm": {0: failed, 1: failed},
                "last layer": {0: whole[0], 1: failed}}
    picked = [choice for choice in CHOICES if choice.way.name in outcomes]
    found = choices.record(outcomes, tiny_corpus, picked, 2)
    assert found["diverged"] == {"no layer norm": 2, "last layer": 1}
    assert {effect["way"] for effect in found["effects"]} == {"learnt mix of layers", "last layer"}
    assert found["mix"] == {"layer 0": 0.7, "layer 1": 0.8}
    assert found["instead"]["no layer norm"].startswith("layer norm")


def test_a_failure_in_training_is_an_outcome(tiny_corpus, tiny_store, tiny_params, monkeypatch):
    def fails(*_):
        raise choices.TrainingError("the loss is nan")

    monkeypatch.setattr(choices, "train_heads", fails)
    assert choices.make(tiny_corpus, tiny_store, tiny_params(max_steps=4, head_steps=4)).numbers == {"diverged": 1}


def test_the_study_goes_through_on_a_few_steps(tiny_corpus, tiny_store, tiny_params):
    given = tiny_params(max_steps=2, head_steps=2, max_epochs=9, encode_once=False)
    made = choices.make(tiny_corpus, tiny_store, given)
    assert list(made.tables["test"].index) == list(tiny_corpus.split("test").index) and made.numbers == {}
    learns = choices.make(tiny_corpus, tiny_store, dataclasses.replace(given, head_steps=1))
    assert isinstance(learns.tables["test"], pd.DataFrame)
