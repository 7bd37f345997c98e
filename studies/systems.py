"""The systems that the studies of recognition ask: the floor, linear readers, and Burst2Vec on frozen embeddings.

- `Constant`, the most frequent class, and `Chance`, a label drawn from what is learnt from: the floor;
- `ComParE`, the functionals of the challenge's baseline, and `log-mel`, the statistics of a spectrogram, each with
  logistic regression on their main directions (`pretraining.probes`);
- the same reading of each backbone, with random weights and with its own, of the means and deviations of all its
  layers;
- `Burst2Vec` on a backbone with weights of either kind. What follows these embeddings is trained, and the backbone
  stays as it is: so it shows what the model makes of what a linear reader hears as well.

**With speaker statistics** each answers once more (`centred`). Features, and embeddings of Burst2Vec, are standardised
by each speaker's own mean and deviation, in training and in what is scored.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from burst2vec.audio.store import cache_folder
from burst2vec.baseline.functionals import compare_features
from burst2vec.config import Params
from burst2vec.machine.cached import cached
from burst2vec.machine.hardware import choose_device
from burst2vec.models.burst2vec import build
from burst2vec.models.inference import Embedded, embed_once, infer
from burst2vec.pretraining import probes
from burst2vec.training.seeding import seed_everything
from burst2vec.training.trainer import train_heads
from studies.recognition import Answers, Bursts, System, Unit, weights_of

POOLED = {"pooled_layers": "all", "pooled_statistics": "mean_deviation"}
"""The parameters of the embeddings that a linear reader and Burst2Vec have from a backbone."""

TRAINING: dict[str, Any] = {**POOLED, "pooled_scale": "standardised", "head_steps": 800, "max_steps": 800,
                            "learning_rate": 1e-3, "learning_rate_decay": "linear", "max_epochs": 10**6,
                            "validate_every": 100, "patience": 10**6}
"""The parameters of Burst2Vec's trainings, chosen on the validation speakers of EmoGator, whom no study scores."""

SEEDS = 3
"""The number of seeds with which Burst2Vec is trained."""

WEIGHTS: dict[str, dict[str, Any]] = {"random weights": {"pretrained": False}, "pre-trained": {}}
"""What else is set for trainings from each kind of weights."""


def standardised(features: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Features (bursts, features) in units of the deviation of each one's speaker from that speaker's own mean.

    A feature that is the same in all bursts of a speaker is 0.
    """
    found = np.zeros(features.shape, np.float32)
    for speaker in np.unique(speakers):
        own = features[speakers == speaker].astype(np.float64)
        varies = np.ptp(own, axis=0) > 0
        found[speakers == speaker] = np.divide(own - own.mean(0), own.std(0), out=np.zeros_like(own), where=varies)
    return found


def floor() -> list[System]:
    """The systems that hear nothing: the most frequent class of what is learnt from, and one of its labels at random.
    """
    def constant(bursts: Bursts, unit: Unit, seed: int) -> tuple[Answers, dict[str, Any]]:
        return {"plain": np.full(unit.scored.sum(), np.bincount(bursts.truth[unit.learnt]).argmax())}, {}

    def chance(bursts: Bursts, unit: Unit, seed: int) -> tuple[Answers, dict[str, Any]]:
        rng = np.random.default_rng([seed, *np.packbits(unit.learnt).tolist()])  # the same in no two units
        return {"plain": rng.choice(bursts.truth[unit.learnt], unit.scored.sum())}, {}

    return [System("Constant", {}, constant), System("Chance", {}, chance)]


def linear(name: str, compute: Callable[[], np.ndarray], **settings: Any) -> System:
    """Logistic regression on features (bursts, features), which are computed when they are first needed."""
    compute = functools.cache(compute)

    def answer(bursts: Bursts, unit: Unit, seed: int) -> tuple[Answers, dict[str, Any]]:
        learnt, found, chosen = unit.learnt, {}, {}
        for way in unit.ways:
            features = standardised(compute(), bursts.speakers) if way == "centred" else compute()
            found[way], chosen[way] = probes.read(
                bursts.task, features[learnt], bursts.truth[learnt], bursts.speakers[learnt], features[unit.scored])
        return found, chosen

    return System(name, {"components": probes.COMPONENTS, **settings}, answer)


def acoustic(bursts: Bursts, params: Params, without: Collection[str] = ()) -> list[System]:
    """The linear readings of ComParE's functionals and of a log-mel spectrogram, but for those that are left out."""
    cache = params.path(params.cache)
    found = [linear("ComParE", lambda: compare_features(bursts.corpus, params.audio, cache)[bursts.rows]),
             linear("log-mel", lambda: probes.log_mel(bursts.store, bursts.rows))]
    return [system for system in found if system.name not in without]


def embeddings(bursts: Bursts, params: Params) -> np.ndarray:
    """The embeddings (bursts, features) by the Burst2Vec with which a training begins that has the backbone, the
    `POOLED` and the seed of `params`. They are kept in the cache."""
    params = dataclasses.replace(params, tasks=[bursts.task.name], **POOLED)
    depends = [bursts.store.checksum, bursts.rows.tolist(), weights_of(Path(params.backbone)), params.pretrained,
               POOLED, 0 if params.pretrained else params.seed]
    digest = hashlib.sha256(json.dumps(depends).encode()).hexdigest()

    def make(folder: Path) -> None:
        seed_everything(params.seed)
        model = build(params, [bursts.task]).to(choose_device(params.device))
        found = embed_once(model, bursts.store, bursts.rows, bursts.store.lengths, params.inference_batch_size)
        np.save(folder / "embeddings.npy", found.values.cpu().numpy())

    place = cache_folder(f"embeddings-{digest[:8]}", bursts.corpus, params.audio, params.path(params.cache))
    return np.load(cached(place, digest, make) / "embeddings.npy")


def trained(name: str, bursts: Bursts, params: Params, settings: Mapping[str, Any], seeds: int = SEEDS) -> System:
    """Burst2Vec, trained as `params` say on `embeddings`."""
    embed = functools.cache(lambda seed: embeddings(bursts, dataclasses.replace(params, seed=seed)))

    def answer(bursts: Bursts, unit: Unit, seed: int) -> tuple[Answers, dict[str, Any]]:
        plain, found, best = embed(0 if params.pretrained else seed), {}, {}
        corpus, lengths = bursts.divided(unit.learnt), np.ones(len(plain), int)
        scored = np.flatnonzero(unit.scored)
        for way in unit.ways:
            values = standardised(plain, bursts.speakers) if way == "centred" else plain
            values = torch.from_numpy(values).to(choose_device(params.device))
            source = Embedded(values, np.arange(len(values)), lengths)
            done = train_heads(corpus, source, dataclasses.replace(params, seed=seed))
            logits = infer(done.model, source, scored, lengths[scored], params.inference_batch_size)[bursts.task.name]
            found[way], best[way] = logits.argmax(1), done.summary["best_iteration"]
        return found, {"best_iteration": best}

    return System(name, settings, answer, seeds)


def read_backbones(bursts: Bursts, params: Params, folders: Mapping[str, Path]) -> list[System]:
    """The linear reading of each backbone, by name, with random weights and with its own."""
    return [linear(f"{name}, {kind}", functools.partial(embeddings, bursts, dataclasses.replace(
        params, backbone=str(folder), **changes)), backbone=name, weights=weights_of(folder), **POOLED)
        for name, folder in folders.items() for kind, changes in WEIGHTS.items()]


def train_on(bursts: Bursts, params: Params, name: str, folder: Path, seeds: int = SEEDS) -> list[System]:
    """Burst2Vec on a backbone, with random weights and with the backbone's own."""
    given = {"backbone": name, "weights": weights_of(folder)} | TRAINING
    return [trained(f"Burst2Vec on {name}, {kind}", bursts, dataclasses.replace(
        params, tasks=[bursts.task.name], backbone=str(folder), **TRAINING | changes), given | changes, seeds)
        for kind, changes in WEIGHTS.items()]
