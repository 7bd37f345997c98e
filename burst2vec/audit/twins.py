"""Twins: the validation bursts once more, without the bias, and what each system loses on them.

The embedded corpus allows a test that no recorded corpus does. Its speakers can be synthesised again with other ages,
drawn independently of the country, and with everything else unchanged. A burst and its twin share the speaker, the
country, the emotions and every random number; they differ in the age of the speaker and in what age does to the voice.
A system that answers with the typical age of the country that it hears loses on the twins, and one that hears age does
not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from burst2vec.audio.quantised import as_stored
from burst2vec.audio.waveform import load
from burst2vec.config import Params
from burst2vec.corpora.corpus import Task
from burst2vec.corpora.opening import aged, read
from burst2vec.corpora.synthetic.synthesis import VERSION, synthesise
from burst2vec.evaluation.bootstrap import RESAMPLES, Replicates, bootstrap
from burst2vec.evaluation.crossed import Crossed, by_system, over_seeds
from burst2vec.evaluation.metrics import sign
from burst2vec.evaluation.predictions import tabulate
from burst2vec.machine.hardware import choose_device
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.inference import infer


def unbiased_twins(params: Params) -> pd.DataFrame:
    """The twins of the validation bursts of the embedded corpus, whose ages say nothing about the country.

    They are rows of a corpus table in the order of the corpus of `params`, with absolute paths of the audio, and are
    synthesised on first use. Raises ValueError where `params` name another corpus.
    """
    if params.corpus != ["synthetic"]:
        raise ValueError(f"corpus {', '.join(params.corpus)}: only the embedded corpus can be asked for twins")
    sizes = params.synthetic_train, params.synthetic_val, params.synthetic_test
    parts = (f"twins{VERSION}", *sizes, f"seed{params.synthetic_seed}")
    folder = params.path(params.cache) / ("-".join(map(str, parts)) + aged(params))
    if not folder.exists():
        synthesise(folder, *sizes, bias=0, seed=params.synthetic_seed, splits=["val"], ageing=params.synthetic_ageing)
    table = read(folder).table
    return table.assign(**{kind: [str(folder / path) for path in table[kind]] for kind in ("raw", "provided")})


def predict_twins(folders: Mapping[str, Path], twins: pd.DataFrame, params: Params) -> dict[str, pd.DataFrame]:
    """The predictions of saved systems for `unbiased_twins`, by code.

    `folders` holds the folders of the systems by code. Each system gets the kind of audio that it was trained on, and
    computes in float32 on samples of 16 bits, as its own predictions were computed.
    Raises `serialisation.ModelError`.
    """
    device, found = choose_device(params.device), {}
    loaded: dict[str, list[np.ndarray]] = {}  # by kind of audio
    for code, folder in folders.items():
        model = Burst2Vec.from_pretrained(folder).to(device)
        if model.audio not in loaded:
            paths = twins["raw" if model.audio == "own" else "provided"]
            loaded[model.audio] = [as_stored(load(path, model.audio)) for path in paths]
        waveforms = loaded[model.audio]
        outputs = infer(model, waveforms, np.arange(len(waveforms)), np.array([len(w) for w in waveforms]),
                        params.inference_batch_size)
        found[code] = tabulate(outputs, model.tasks, twins)
    return found


def bias_losses(tasks: Iterable[Task], biased: pd.DataFrame, unbiased: pd.DataFrame,
                predictions: Mapping[str, pd.DataFrame], of_twins: Mapping[str, pd.DataFrame],
                resamples: int = RESAMPLES, seed: int = 0) -> tuple[pd.DataFrame, Replicates]:
    """The loss of each system on the twins of the bursts that it was scored on, as a table and on resampled speakers.

    `biased` and `unbiased` are rows of corpus tables, the bursts and their twins. `predictions` and `of_twins` hold the
    systems' tables for them by code, with the audio-free baseline *Constant* among them.

    The columns are code, metric, biased, unbiased, loss, beyond_constant, low and high. A loss is positive where the
    metric is worse on the twins. Other ages may be easier or harder to guess without the audio, so `beyond_constant` is
    the loss less that of *Constant*; `low` and `high` bound its 95 % interval over speakers, and the replicates hold
    the same quantity. Raises ValueError where the two tables are not of the same bursts and speakers.
    """
    before, after = _scored(tasks, (biased, predictions), (unbiased, of_twins), resamples, seed)
    metrics = before.estimates.index.get_level_values("metric")
    signs = np.array([sign(metric) for metric in metrics])
    constant = [("Constant", metric) for metric in metrics]
    loss, drawn = (signs * (b - a) for b, a in ((before.estimates, after.estimates),
                                                (before.replicates, after.replicates)))
    beyond = Replicates(loss - loss[constant].to_numpy(), drawn - drawn[constant].to_numpy(),
                        before.clusters, before.speakers)
    low, high = beyond.interval(beyond.replicates.to_numpy())
    table = pd.DataFrame({"biased": before.estimates, "unbiased": after.estimates, "loss": loss,
                          "beyond_constant": beyond.estimates, "low": low, "high": high})
    return table.reset_index(), beyond


def cross_changes(tasks: Iterable[Task], biased: pd.DataFrame, unbiased: pd.DataFrame,
                  predictions: Mapping[str, Mapping[int, pd.DataFrame]],
                  of_twins: Mapping[str, Mapping[int, pd.DataFrame]], resamples: int = RESAMPLES,
                  seed: int = 0) -> Crossed:
    """By how much each metric of each variant is greater on the twins than on the bursts, over its seeds and speakers.

    The tables of predictions are by code and seed, and all else is as in `bias_losses`. A contrast of two variants is
    above 0 where the first loses less on the twins.
    """
    (before_by, variant_of), (after_by, _) = by_system(predictions), by_system(of_twins)
    before, after = _scored(list(tasks), (biased, before_by), (unbiased, after_by), resamples, seed)
    return over_seeds(Replicates(after.estimates - before.estimates, after.replicates - before.replicates,
                                 before.clusters, before.speakers), variant_of)


def _scored(tasks: Iterable[Task], bursts: tuple[pd.DataFrame, Mapping[str, pd.DataFrame]],
            twins: tuple[pd.DataFrame, Mapping[str, pd.DataFrame]], resamples: int,
            seed: int) -> tuple[Replicates, Replicates]:
    """The metrics on bursts and on their twins, each with its predictions, on the same resamples of the speakers."""
    tasks = list(tasks)
    if not bursts[0]["speaker"].equals(twins[0]["speaker"]):
        raise ValueError("the tables are not of the same bursts by the same speakers; twins are compared pair by pair")
    before, after = (bootstrap(tasks, truth, found, resamples, seed) for truth, found in (bursts, twins))
    return before, after
