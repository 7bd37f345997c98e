"""What debiasing changed: whom the systems serve, and what is left of their scores where labels do not hang together.

The embedded corpus allows a test that no recorded corpus does. Its speakers can be asked again with other ages: drawn
independently of the country, everything else as it was. A burst and its twin share speaker, country, emotions and every
random number, and differ in the speaker's age and what age does to the voice. A system that answers with the typical
age of the country it hears loses on the twins; one that hears age does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from burst2vec.audio.store import open_store
from burst2vec.audio.waveform import load
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.corpora.opening import read
from burst2vec.corpora.synthetic.synthesis import VERSION, synthesise
from burst2vec.evaluation.bootstrap import RESAMPLES, Replicates, bootstrap
from burst2vec.evaluation.metrics import sign
from burst2vec.evaluation.predictions import tabulate
from burst2vec.machine.hardware import autocast, choose_device
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.inference import infer, represent


def represent_saved(corpus: Corpus, params) -> dict[str, np.ndarray]:
    """What the saved system of `params` makes of the corpus's validation bursts; see `inference.represent`.

    Raises `serialisation.ModelError`.
    """
    device = choose_device(params.device)
    model = Burst2Vec.from_pretrained(params.folder).to(device)
    store = open_store(corpus, model.audio, params.path(params.cache))
    return represent(model, corpus, store, ("val",), params.inference_batch_size, autocast(params.precision, device))


def unbiased_twins(params) -> pd.DataFrame:
    """The validation bursts of the embedded corpus of `params` once more, with ages that tell nothing of the country.

    Rows of a corpus table, in its order; the paths of the audio are whole. Synthesised on first use. Raises ValueError
    where `params` name another corpus.
    """
    if params.corpus != ["synthetic"]:
        raise ValueError(f"corpus {', '.join(params.corpus)}: only the embedded corpus can be asked for twins")
    sizes = params.synthetic_train, params.synthetic_val, params.synthetic_test
    parts = (f"twins{VERSION}", *sizes, f"seed{params.synthetic_seed}")
    folder = params.path(params.cache) / "-".join(map(str, parts))
    if not folder.exists():
        synthesise(folder, *sizes, bias=0, seed=params.synthetic_seed, splits=["val"])
    table = read(folder).table
    return table.assign(**{kind: [str(folder / path) for path in table[kind]] for kind in ("raw", "provided")})


def predict_twins(folders: Mapping[str, Path], twins: pd.DataFrame, params) -> dict[str, pd.DataFrame]:
    """The predictions of saved systems, `folders` by code, for `unbiased_twins`; each hears its own kind of audio.

    Raises `serialisation.ModelError`.
    """
    device, heard, found = choose_device(params.device), {}, {}
    for code, folder in folders.items():
        model = Burst2Vec.from_pretrained(folder).to(device)
        if model.audio not in heard:
            paths = twins["raw" if model.audio == "own" else "provided"]
            heard[model.audio] = [load(path, model.audio) for path in paths]
        waveforms = heard[model.audio]
        outputs = infer(model, waveforms, np.arange(len(waveforms)), np.array([len(w) for w in waveforms]),
                        params.inference_batch_size, autocast(params.precision, device))
        found[code] = tabulate(outputs, model.tasks, twins)
    return found


def bias_losses(tasks: Iterable[Task], biased: pd.DataFrame, unbiased: pd.DataFrame,
                predictions: Mapping[str, pd.DataFrame], of_twins: Mapping[str, pd.DataFrame],
                resamples: int = RESAMPLES, seed: int = 0) -> tuple[pd.DataFrame, Replicates]:
    """What each system loses on the twins of the bursts that it was scored on, and the same on resamples of speakers.

    `predictions` and `of_twins` hold its tables for `biased` and `unbiased`, rows of corpus tables; *Constant* is among
    them. Columns: code, metric, biased, unbiased, loss, beyond_constant, low, high. A loss is positive where the metric
    is worse on the twins. Other ages may be easier or harder to guess without hearing any: `beyond_constant` is the
    loss less that of *Constant*, with the bounds of its 95 % interval over speakers, and what the replicates hold.
    Raises ValueError where the two tables are not of the same bursts and speakers.
    """
    if not biased["speaker"].equals(unbiased["speaker"]):
        raise ValueError("the tables are not of the same bursts by the same speakers; twins are compared pair by pair")
    before, after = (bootstrap(tasks, truth, found, resamples, seed)
                     for truth, found in ((biased, predictions), (unbiased, of_twins)))
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
