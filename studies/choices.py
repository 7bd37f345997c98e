"""What do the silent choices cost? Each is made otherwise, one at a time.

    python -m studies.choices --json studies/choices.json

The default is variant V4 as the scale `demo` trains it: a small pre-trained backbone that stays as it is, and heads
that learn for 600 steps, scored after the last of them. Each way differs from it in one choice, in code (`CHOICES`).
Everything else is equal: the corpus, the steps, the seeds.

A layer-norm backbone with its mask, as V4's is, is immune to padding as published. The way that has this padding
therefore has the backbone of V3, HuBERT base, and is compared with that backbone under exact padding (`BASE`). Layer
norm is taken away with the adversary and without it, since it is there to bound what the adversary asks for. Where all
weights learn in the last steps the study has seeds of its own (`--few`), none by default, as such a step costs what ten
or more others do; with none that way is left out.

The JSON is that of `studies.comparison`, with `instead`: by way what the default has in its place; with `diverged`: by
way the number of trainings that failed, where any did; and with `mix`: the share of each layer in the learnt mix, the
mean of its seeds. Which ways are the paper's own, `burst2vec.report.choices` says.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import nn

from benchmarks.common import write_json
from burst2vec.audio.store import Store
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus
from burst2vec.corpora.opening import open_corpus
from burst2vec.models import burst2vec
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.training import batches
from burst2vec.training.trained import TrainingError
from studies.batches import WINDOWS, dealer
from studies.comparison import Outcome, Way, collect, compare, on_test, told
from studies.frozen import COMMON, built_with, train_heads

STEPS, SEEDS = 600, 5

SETTINGS: dict[str, Any] = {**COMMON, "variant": "V4", "head_steps": STEPS, "max_steps": STEPS, "max_epochs": 10**6,
                            "validate_every": STEPS}
"""The parameters of all ways, besides those of the scale. All weights are those of the last step."""

DEFAULT, BASE, NO_ADVERSARY = "default", "HuBERT base", "no adversary"

FASTER = 50
"""How many times as fast as weights a few numbers learn that have far to go in few steps.

Adam moves a number by about its learning rate a step. At a rate that falls from 0.001 to zero, 600 steps reach as far
as 0.3, and 200 of them as far as 0.1; these numbers then reach 15 and 5. That is the reason for fifty.
"""


class Mix(nn.Module):
    """One mix of all layers: embeddings (batch, statistics × layers × features) become (batch, statistics × features).

    The `weights` (layers,) of the layers are positive, add up to one, and are learnt; they begin equal. Source: Yang et
    al. (2021), SUPERB.
    """

    def __init__(self, statistics: int, layers: int):
        super().__init__()
        self.statistics = statistics
        self.logits = nn.Parameter(torch.zeros(layers))

    @property
    def weights(self) -> torch.Tensor:
        """The share (layers,) of each layer, the Transformer's input first."""
        return (FASTER * self.logits).softmax(0)

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        """The mixed statistics of embeddings `pooled`."""
        layers = pooled.unflatten(1, (self.statistics, len(self.logits), -1))
        return torch.einsum("bslf,l->bsf", layers, self.weights).flatten(1)


def mix_layers(model: Burst2Vec, params: Params) -> None:
    """Puts a `Mix` before the projection of a model that pools all layers."""
    statistics, layers = 1 + model.with_deviation, model.backbone.config.num_hidden_layers + 1
    features = model.backbone.features * statistics
    projection = burst2vec.layer(features, params.width, params.dropout)
    projection.apply(burst2vec._initialise)
    model.projection = nn.Sequential(Mix(statistics, layers), *projection)


@contextlib.contextmanager
def dealt(corpus: Corpus, store: Store, params: Params, window: int) -> Iterator[None]:
    """Batches of bursts that are sorted by length within windows of so many batches."""
    with mock.patch.object(batches, "deal", dealer(store.lengths, window)):
        yield


@contextlib.contextmanager
def without_norm(*_: Any) -> Iterator[None]:
    """Projection, extractors and combinations without layer norm."""
    def layer(inputs: int, width: int, dropout: float) -> nn.Sequential:
        return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout))

    with mock.patch.object(burst2vec, "layer", layer):
        yield


@contextlib.contextmanager
def torch_weights(*_: Any) -> Iterator[None]:
    """Initial weights as torch draws them by default."""
    with mock.patch.object(burst2vec, "_initialise", lambda module: None):
        yield


@dataclass(frozen=True)
class Choice:
    """A `way` that differs from the default in one choice.

    `instead` is what the default has in its place, and `reference` the way that it is compared with.
    """

    way: Way
    instead: str
    reference: str = DEFAULT


PAPERS: dict[str, Any] = {"pooled_layers": "last", "pooled_statistics": "mean", "pooled_scale": "as_is"}
"""The embedding as the paper's text is understood: the average of what the backbone puts out."""

HUBERT_BASE = {"backbone": "facebook/hubert-base-ls960"}

CHOICES = (
    Choice(Way("batches sorted by length", patch=functools.partial(dealt, window=WINDOWS["sorted"])), "random batches"),
    Choice(Way("batches sorted in windows of 5", patch=functools.partial(dealt, window=WINDOWS["windows"])),
           "random batches"),
    Choice(Way("padding averaged, too", patch=functools.partial(built_with, pooling="padded")), "real frames alone"),
    Choice(Way("padding as published", HUBERT_BASE, functools.partial(built_with, padding="as_published")),
           "padding without effect", reference=BASE),
    Choice(Way("no layer norm", patch=without_norm), "layer norm in projection, extractors and combinations"),
    Choice(Way("no layer norm, nor adversary", {"adversarial": False}, without_norm), "layer norm, without adversary",
           reference=NO_ADVERSARY),
    Choice(Way("torch's initial weights", patch=torch_weights), "weights that keep the variance"),
    Choice(Way("extractors alone reversed", {"reversal": "extractors"}), "all reversed that is upstream"),
    Choice(Way("last layer", {"pooled_layers": "last"}), "all layers side by side"),
    Choice(Way("learnt mix of layers", patch=functools.partial(built_with, change=mix_layers),
               settings={"faster": FASTER}), "all layers side by side"),
    Choice(Way("means alone", {"pooled_statistics": "mean"}), "means and deviations"),
    Choice(Way("features as they are", {"pooled_scale": "as_is"}), "features standardised"),
    Choice(Way("last layer's means as they are", PAPERS), "all layers, deviations, standardised"),
    Choice(Way("each burst for each task", {"epoch": "each_task"}), "each burst for one task an epoch"),
    Choice(Way("oversampled, at most twice", {"oversampling": True}), "no oversampling"),
    Choice(Way("oversampled, at most ten times", {"oversampling": True, "max_repeat": 10}), "no oversampling"),
    Choice(Way("width 64", {"width": 64}), "width 256"),
    Choice(Way("no dropout", {"dropout": 0.0}), "dropout 0.1"),
    Choice(Way("dropout 0.3", {"dropout": 0.3}), "dropout 0.1"),
    Choice(Way("warm-up of 60 steps", {"warmup_steps": 60}), "no warm-up"),
    Choice(Way("gradients of norm 1 at most", {"max_gradient_norm": 1.0}), "gradients as they are"),
    Choice(Way("constant learning rate", {"learning_rate_decay": "none"}), "learning rate that falls to zero"),
    Choice(Way("best weights by emotion", {"validate_every": 50}), "weights of the last step"),
    Choice(Way(NO_ADVERSARY, {"adversarial": False}), "adversary"),
)
"""What is made otherwise, one at a time."""

LESS_FROZEN = Choice(Way("last 60 steps of all weights", {"head_steps": STEPS - 60, "learning_rate": 1e-4,
                                                          "head_learning_rate": 1e-3, "encode_once": True}),
                     "steps of the heads alone")


def make(corpus: Corpus, store: Store, params: Params) -> Outcome:
    """The predictions for the test split; none of a training that failed, which is counted as `diverged`."""
    try:
        if params.head_steps < params.max_steps:
            return on_test(corpus, store, params)
        done, table = train_heads(corpus, store, params)
    except TrainingError as error:
        print(error, flush=True)
        return Outcome({}, {"diverged": 1})
    mixes = [module for module in done.model.modules() if isinstance(module, Mix)]
    shares = {f"layer {place}": round(share, 4) for mix in mixes for place, share in enumerate(mix.weights.tolist())}
    return Outcome({"test": table}, shares)


def record(outcomes: Mapping[str, Mapping[int, Outcome]], corpus: Corpus, choices: Sequence[Choice],
           seeds: int) -> dict[str, Any]:
    """What the study has found, as its JSON holds it; of trainings that failed, their number alone."""
    whole = {way: {seed: outcome for seed, outcome in of_seeds.items() if outcome.tables}
             for way, of_seeds in outcomes.items()}
    known = {way: of_seeds for way, of_seeds in whole.items() if of_seeds}
    pairs = [(choice.way.name, choice.reference) for choice in choices if choice.way.name in known]
    ways = [Way(DEFAULT), Way(BASE, HUBERT_BASE), *(choice.way for choice in choices)]
    mixes = [outcome.numbers for outcome in outcomes.get("learnt mix of layers", {}).values() if outcome.tables]
    return {**told(corpus, ways, DEFAULT, seeds, SETTINGS),
            "instead": {choice.way.name: choice.instead for choice in choices},
            "diverged": {way: len(of_seeds) - len(whole[way]) for way, of_seeds in outcomes.items()
                         if len(whole[way]) < len(of_seeds)},
            "mix": {layer: round(sum(mix[layer] for mix in mixes) / len(mixes), 3) for layer in (mixes or [{}])[0]},
            **compare(known, corpus.tasks, {"test": corpus.split("test")}, pairs)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains every way with every seed, and then writes the JSON."""
    parser = argparse.ArgumentParser(prog="python -m studies.choices", description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help=f"{SEEDS} without this")
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="where the figures are kept")
    parser.add_argument("--few", type=int, default=0, metavar="N",
                        help="seeds where all weights learn; none without this")
    options = parser.parse_args(arguments)
    ways = [Way(DEFAULT), *(choice.way for choice in CHOICES), Way(BASE, HUBERT_BASE)]
    outcomes = collect("choices", ways, options.seeds, SETTINGS, make)
    outcomes |= collect("choices", [LESS_FROZEN.way], options.few, SETTINGS, make)
    choices = (*CHOICES, LESS_FROZEN) if options.few else CHOICES
    found = record(outcomes, open_corpus(Way(DEFAULT).params(SETTINGS, 0)), choices, options.seeds)
    command = f"python -m studies.choices --seeds {options.seeds} --few {options.few} --json studies/choices.json"
    write_json(options.json, {"command": command, **found})


if __name__ == "__main__":
    torch.set_num_threads(1)  # steps of heads are so small that threads would wait for each other
    main()
