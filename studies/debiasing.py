"""Does debiasing do what it is for? The positive control: a planted bias, with and without adversaries, and rivals.

    python -m studies.debiasing --json studies/debiasing.json

A corpus in which age and country are associated (`synthetic_bias` 0, 1, 2) teaches a system to answer with the typical
age of the country that it hears. Age is plainly audible (`synthetic_ageing: 1`), so that there is something else to
answer with; as in people it is not. What the bias is worth shows on the twins: the same test bursts by the same
speakers, with ages that were drawn independently of the country. They are the test bursts of the corpus without bias. A
way of training does what debiasing is for where it answers better on them than the training without an adversary.

The ways: `none`, `extractors` and `upstream` (`reversal`), `doubled` (`upstream` with both alphas doubled), and with a
bias the rivals `reweighting`, `entropy` and `erasure` (`studies.rivals`). By default the heads alone learn, so that the
reversed gradients of `upstream` reach the projection, which all tasks share, and no weight of the backbone.
`--all-weights N` adds N steps of all weights.

The JSON has what `studies.comparison` says of records, by `bias`. The tables of `scores` and `effects` are `test`;
`twins`; and `probe of …`, what linear probes read on the twins from features behind the embeddings. Beside them it has,
in rows: `planted`, what the bias is like, and what audio-free baselines score; `pooled`, what probes read of age and
country from the embeddings before any training; and `losses`, by how much more than a constant answer a way loses from
bursts to twins; and `costs`, by how much worse the reference is on the twins when it was trained with the bias than
without it. The table `loss` of `effects` says by how much less than the reference.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.common import write_json
from burst2vec.audio.store import Store, open_store
from burst2vec.audit.probes import probe
from burst2vec.audit.twins import cross_changes
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus
from burst2vec.corpora.opening import open_corpus
from burst2vec.evaluation.bootstrap import bootstrap
from burst2vec.evaluation.crossed import Crossed, cross
from burst2vec.evaluation.metrics import metric_columns
from burst2vec.evaluation.trivial import predict_constant, trivial_predictions
from burst2vec.inspection.association import correlation_ratio
from burst2vec.models.burst2vec import Burst2Vec, build
from burst2vec.models.inference import Embedded, compute_in_batches, embed_once
from burst2vec.results.scores import score_system
from burst2vec.training.trainer import train
from studies import frozen, rivals
from studies.comparison import LEVEL, SCALE, Outcome, Way, collect, compare, effect, told

BIASES = (0, 1, 2)
"""The planted biases: none, as measured, twice as strong."""

REFERENCE = "none"
"""The way that the others of a bias are compared with."""

HEARD = ((0, 0), *((bias, 1) for bias in BIASES))
"""The biases at which embeddings are probed, and how audible age is: once as in people, and then as in the study."""

ADVERSARIES: dict[str, dict[str, Any]] = {
    REFERENCE: {"adversarial": False},
    "extractors": {"reversal": "extractors"},
    "upstream": {"reversal": "upstream"},
    "doubled": {"reversal": "upstream", "alpha_discriminator": 1.0, "alpha_adversarial": 0.5},
}
"""What the ways with adversaries, and the one without, change."""

PROBED = {"specific age": "country", "specific country": "age", "combined age": "country", "combined country": "age"}
"""The representations that probes read on the twins, and the task that is asked of each, which is not its own."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains what is missing, and writes the JSON once all is there."""
    parser = argparse.ArgumentParser(prog="python -m studies.debiasing", description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="5 without this")
    parser.add_argument("--all-weights", type=int, default=0, metavar="N",
                        help="steps in which the backbone learns too, after those of the heads; none without this")
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="where the record is kept")
    options = parser.parse_args(arguments)
    common = with_all_weights(options.all_weights)
    name = "debiasing" + f", all weights {options.all_weights}" * bool(options.all_weights)
    ways, erased = ways_of(BIASES), [Way(f"erasure, bias {bias}", {**ADVERSARIES[REFERENCE], "synthetic_bias": bias},
                                         settings={"erased": "linearly"}) for bias in BIASES if bias]
    outcomes = collect(name, ways, options.seeds, common, ask)
    outcomes |= collect(name, erased, options.seeds, common, ask_erased)
    heard = [Way(f"pooled, bias {bias}, ageing {ageing}", {"synthetic_bias": bias, "synthetic_ageing": ageing})
             for bias, ageing in HEARD]
    pooled = collect(name, heard, 1, common, ask_pooled)
    truths = {way.name: open_corpus(way.params(common, 0)) for way in heard}
    corpora = {bias: open_corpus(ways_of([bias])[0].params(common, 0)) for bias in BIASES}
    added = f" --all-weights {options.all_weights}" * bool(options.all_weights)
    write_json(options.json, {
        "command": f"python -m studies.debiasing --seeds {options.seeds}{added} --json studies/debiasing.json",
        **told(corpora[0], [*ways, *erased], REFERENCE, options.seeds, common), "level": LEVEL,
        "planted": planted(corpora), "pooled": read_pooled(truths, pooled), **by_bias(corpora, outcomes)})


def with_all_weights(steps: int) -> dict[str, Any]:
    """The parameters that all ways share: for so many steps of all weights, the backbone's at a tenth of the others'
    rate, or for none."""
    scale = Params.resolve({"scale": SCALE})
    if not steps:
        return {"synthetic_ageing": 1, "encode_once": False}  # embeddings are kept instead
    return {"synthetic_ageing": 1, "max_steps": scale.head_steps + steps, "learning_rate": scale.learning_rate / 10,
            "head_learning_rate": scale.learning_rate}


def ways_of(biases: Sequence[int]) -> list[Way]:
    """The ways that are trained at each bias; `erasure` changes what the way without an adversary has learnt."""
    found = [Way(f"{name}, bias {bias}", {**changes, "synthetic_bias": bias})
             for bias in biases for name, changes in ADVERSARIES.items()]
    for bias in filter(None, biases):
        found += [Way(f"reweighting, bias {bias}",
                      {**ADVERSARIES[REFERENCE], "oversampling": True, "synthetic_bias": bias}, rivals.reweighting),
                  Way(f"entropy, bias {bias}", {**ADVERSARIES["upstream"], "synthetic_bias": bias}, rivals.entropy)]
    return found


# One training -----------------------------------------------------------------------------------------------------

def ask(corpus: Corpus, store: Store, params: Params) -> Outcome:
    """The answers of a training for the test bursts and for their twins, and of the probes for the twins."""
    return answers(trained(corpus, store, params), corpus, store, params)


def ask_erased(corpus: Corpus, store: Store, params: Params) -> Outcome:
    """The same once the heads of age and country read features from which the other's label is erased."""
    model = trained(corpus, store, params)
    source = embeddings(model, store, params)
    rivals.erase_associated(model, corpus, represent(model, corpus, source, "train", params))
    return answers(model, corpus, store, params)


def trained(corpus: Corpus, store: Store, params: Params) -> Burst2Vec:
    """The model of a training, whose heads learn from embeddings that are kept where they learn alone."""
    if heads_alone(params):
        return frozen.train_heads(corpus, store, params)[0].model
    return train(corpus, store, params).model


def answers(model: Burst2Vec, corpus: Corpus, store: Store, params: Params) -> Outcome:
    """The answers of a model for the test bursts and their twins, and of probes of its features for the twins."""
    twins, of_twins = without_bias(corpus, store, params)
    bursts, others = embeddings(model, store, params), embeddings(model, of_twins, params)
    tables = {"test": frozen.predict(model, corpus, bursts, params),
              "twins": frozen.predict(model, twins, others, params)}
    features = represent(model, twins, others, "test", params)
    return Outcome(tables | {f"probe of {name}": read_linearly([asked], features[name], twins, repeats=0)[0]
                             for name, asked in PROBED.items()})


def without_bias(corpus: Corpus, store: Store, params: Params) -> tuple[Corpus, Store]:
    """The corpus without the bias and its waveforms: its test bursts are the twins of the other's."""
    if not params.synthetic_bias:
        return corpus, store
    twins = open_corpus(dataclasses.replace(params, synthetic_bias=0.0))
    return twins, open_store(twins, params.audio, params.path(params.cache))


def ask_pooled(corpus: Corpus, store: Store, params: Params) -> Outcome:
    """What probes read from the embeddings of a backbone as it was pre-trained, for the test bursts, with floors."""
    model = build(params, corpus.tasks).eval()
    test = np.flatnonzero(corpus.table["split"] == "test")
    pooled, _ = embeddings(model, store, params).batch(test)
    table, floors = read_linearly(rivals.ASSOCIATED, pooled.cpu().numpy(), corpus)
    return Outcome({"test": table}, floors)


def read_linearly(asked: Sequence[str], features: np.ndarray, corpus: Corpus,
                  **given: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """The answers of probes of the tasks that are asked, from features (bursts, features) of the test bursts, and the
    bounds of their floors by name, such as `age low`.

    Ages are brought to the range of the training labels: features that hardly vary lead a linear reader far out of it.
    """
    test, floors = corpus.split("test"), {}
    table = test[["split"]].copy()
    for name in asked:
        found = probe(corpus.task(name), features, test, **given)
        scalar = corpus.task(name).kind == "scalar"
        table = table.join(found.answers.clip(corpus.task(name).low, corpus.task(name).high) if scalar else
                           found.answers)
        if len(found.floor):
            floors |= {f"{name} low": float(found.floor.min()), f"{name} high": float(found.floor.max())}
    return table, floors


# Embeddings -------------------------------------------------------------------------------------------------------

def heads_alone(params: Params) -> bool:
    """Whether no weight of the backbone learns."""
    return params.max_steps == params.head_steps


def embeddings(model: Burst2Vec, store: Store, params: Params) -> Embedded:
    """The embeddings of all bursts; where heads learn alone, those that this process has computed before."""
    if heads_alone(params):
        return frozen.embedded(model, store, params)
    return embed_once(model, store, np.arange(len(store.lengths)), store.lengths, params.inference_batch_size)


def represent(model: Burst2Vec, corpus: Corpus, source: Embedded, split: str, params: Params) -> dict[str, np.ndarray]:
    """The representations of the bursts of a split by name, (bursts, features), from their embeddings."""
    rows = np.flatnonzero(corpus.table["split"] == split)
    return compute_in_batches(model, lambda pooled, _: model.branch(pooled).by_name(), source, rows,
                              source.lengths[rows], params.inference_batch_size, None)


# The record -------------------------------------------------------------------------------------------------------

def planted(corpora: Mapping[int, Corpus]) -> list[dict]:
    """For each bias the share of the variance of age between countries, in training, and what is scored on the test
    bursts and on the twins by who gives a constant answer, and by who knows the country and answers its typical age."""
    rows, twins = [], corpora[0].split("test")
    for bias, corpus in corpora.items():
        train_rows, test = corpus.split("train"), corpus.split("test")
        found = {"bias": bias, "explained": correlation_ratio(train_rows["age"], train_rows["country"])}
        for name, truth in (("test", test), ("twins", twins)):
            for code, table in trivial_predictions(corpus, truth).items():
                error = score_system([corpus.task("age")], truth, table)["age_mae"]
                found[f"{name} {code.lower()}"] = error
        rows.append({name: round(float(value), 5) for name, value in found.items()})
    return rows


def read_pooled(corpora: Mapping[str, Corpus], outcomes: Mapping[str, Mapping[int, Outcome]]) -> list[dict]:
    """For each bias and task what probes read from the embeddings: the score with its interval over speakers, the
    bounds of its floor, and the score of a constant answer."""
    rows = []
    for (bias, ageing), (name, corpus) in zip(HEARD, corpora.items(), strict=True):
        outcome, truth = outcomes[name][0], corpus.split("test")
        tasks = [corpus.task(name) for name in rivals.ASSOCIATED]
        drawn = bootstrap(tasks, truth, {"probe": outcome.tables["test"],
                                         "Constant": predict_constant(corpus, truth.index)})
        for metric, task in metric_columns(tasks).items():
            low, high = drawn.interval(drawn.replicates["probe", metric].to_numpy())
            found = {"score": drawn.estimates["probe", metric], "low": low, "high": high,
                     "floor_low": outcome.numbers[f"{task.name} low"],
                     "floor_high": outcome.numbers[f"{task.name} high"],
                     "constant": drawn.estimates["Constant", metric]}
            rows.append({"bias": bias, "ageing": ageing, "metric": metric,
                         **{name: round(float(value), 5) for name, value in found.items()}})
    return rows


def by_bias(corpora: Mapping[int, Corpus], outcomes: Mapping[str, Mapping[int, Outcome]]) -> dict[str, list[dict]]:
    """The `scores`, `effects`, `losses` and `costs` of the record."""
    found: dict[str, list[dict]] = {"scores": [], "effects": [], "losses": [], "costs": []}
    for bias, corpus in corpora.items():
        ending = f", bias {bias}"
        here = {name.removesuffix(ending): of_seeds for name, of_seeds in outcomes.items() if name.endswith(ending)}
        bursts, twins = corpus.split("test"), corpora[0].split("test")
        read = [compare(here, [corpus.task(asked)], {f"probe of {name}": twins}, REFERENCE)
                for name, asked in PROBED.items()]
        answered = compare(here, corpus.tasks, {"test": bursts} | ({"twins": twins} if bias else {}), REFERENCE)
        lost = losses(corpus, bursts, twins, here) | {"costs": costs(corpus, twins, here[REFERENCE], outcomes[
            f"{REFERENCE}, bias 0"])} if bias else {}
        for name, rows in found.items():
            rows += [{"bias": bias, **row} for part in (answered, *read, lost) for row in part.get(name, [])]
    return found


def losses(corpus: Corpus, bursts: pd.DataFrame, twins: pd.DataFrame,
           outcomes: Mapping[str, Mapping[int, Outcome]]) -> dict[str, list[dict]]:
    """The `losses` of ways from bursts to twins beyond that of a constant answer, above 0 where they are worse on the
    twins, and the `effects` of the ways on them, above 0 where they lose less than the reference."""
    constant = {"Constant": {0: predict_constant(corpus, bursts.index)}}
    tables = [{way: {seed: outcome.tables[name] for seed, outcome in of_seeds.items()}
               for way, of_seeds in outcomes.items()} | constant for name in ("test", "twins")]
    crossed = cross_changes(corpus.tasks, bursts, twins, *tables)
    metrics, others = list(metric_columns(corpus.tasks)), [way for way in outcomes if way != REFERENCE]
    return {"losses": [{"way": way, "metric": metric, **_loss(crossed, way, metric, len(outcomes))}
                       for metric in metrics for way in outcomes],
            "effects": [{"way": way, "table": "loss", "metric": metric,
                         **effect(crossed, way, REFERENCE, metric, len(others))}
                        for metric in metrics for way in others]}


def costs(corpus: Corpus, twins: pd.DataFrame, biased: Mapping[int, Outcome],
          fair: Mapping[int, Outcome]) -> list[dict]:
    """By how much the reference answers worse on the twins when it was trained with the bias than without it."""
    crossed = cross(corpus.tasks, twins, {"biased": {seed: outcome.tables["twins"] for seed, outcome in biased.items()},
                                          "fair": {seed: outcome.tables["test"] for seed, outcome in fair.items()}})
    return [{"metric": metric, **effect(crossed, "fair", "biased", metric)} for metric in metric_columns(corpus.tasks)]


def _loss(crossed: Crossed, way: str, metric: str, together: int) -> dict[str, float]:
    """By how much more than a constant answer a way loses: the effect of the constant answer against the way."""
    return effect(crossed, "Constant", way, metric, together)


if __name__ == "__main__":
    torch.set_num_threads(min(2, torch.get_num_threads()))
    main()
