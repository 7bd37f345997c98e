"""Linear probes: what ridge and logistic regression read from the frozen features of a backbone.

    python -m burst2vec.pretraining.probes CORPUS FOLDER... --out probes.csv

compares the statistics of a log-mel spectrogram, and for each FOLDER a backbone of the same shape with random weights
and the pre-trained one. A burst's features are the mean and the standard deviation of each over its real frames.

Probes are fitted to the training split, whose speakers are in no other. How strongly they are regularised is decided
within it, across folds of its speakers, and never on what is scored.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torchaudio.compliance import kaldi

from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.audio.store import Store, open_store
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.corpora.opening import open_corpus
from burst2vec.evaluation.metrics import METRIC_NAMES, metric, sign
from burst2vec.evaluation.speaker_sums import speaker_indices
from burst2vec.machine.files import write_aside
from burst2vec.machine.hardware import arithmetic, choose_device
from burst2vec.machine.progress import progress_bar
from burst2vec.messages import REFUSALS, refusal
from burst2vec.models.backbone import Backbone
from burst2vec.models.hub import draw, load_backbone
from burst2vec.models.packing import transform
from burst2vec.pretraining.heard import Frames
from burst2vec.pretraining.units import layer_outputs

PENALTIES = np.logspace(-3, 1, 5)
"""The candidate weights of the squared coefficients, relative to the mean loss of a burst."""

COMPONENTS = 300
"""The number of main directions that are kept of wider features: readers of thousands take minutes and read no more."""

FOLDS = 3
"""The number of folds of training speakers across which the penalty is chosen."""

COLUMNS = ["features", "task", "metric", "score", "bursts", "penalty"]
"""The columns of the table of probes: `bursts` is the number of bursts scored."""


def probe(features: Mapping[str, np.ndarray], corpus: Corpus, split: str = "val") -> pd.DataFrame:
    """The score of a linear probe for each task of the corpus and each of the `features`, with the columns `COLUMNS`.

    `features` holds, by name, those (bursts, features) of every burst of the corpus, in its order. Ridge reads
    intensities and scalars, logistic regression reads classes. `split` names the bursts that are scored. Raises
    ValueError where the split has no labelled burst of a task, or the training split has fewer than two speakers.
    """
    rows = []
    for task in corpus.tasks:
        labelled, splits = task.labelled(corpus.table), corpus.table["split"].to_numpy()
        fit, scored = (np.flatnonzero(labelled & (splits == name)) for name in ("train", split))
        if not len(scored):
            raise ValueError(f"corpus {corpus.name}: no burst of split {split} has a label for task {task.name}, which "
                             "the probe is to be scored on")
        truth, speakers = task.labels(corpus.table), speaker_indices(corpus.table)
        for name, found in progress_bar(features.items(), desc=f"Probing {task.name}", unit="probe", leave=False):
            answers, penalty = read(task, found[fit], truth[fit], speakers[fit], found[scored])
            score = metric(task)(truth[scored], answers.reshape(truth[scored].shape))
            rows.append((name, task.name, METRIC_NAMES[task.kind], float(score), len(scored), penalty))
    return pd.DataFrame(rows, columns=COLUMNS)


def read(task: Task, features: np.ndarray, truth: np.ndarray, speakers: np.ndarray,
         scored: np.ndarray) -> tuple[np.ndarray, float]:
    """What a linear reader answers for the features `scored` (bursts, features), and its penalty, one of `PENALTIES`.

    It is fitted to other `features` with their `truth`, as `Task.labels` has it; the penalty is chosen across their
    `speakers` (bursts,), indices. Raises ValueError where these are fewer than two.
    """
    penalty = _choose(task, features, truth, speakers)
    compress = _compress(features)
    reader = _reader(task, penalty, len(truth)).fit(compress.transform(features), truth)
    return reader.predict(compress.transform(scored)), penalty


def _compress(features: np.ndarray) -> Pipeline:
    """Standardises features (bursts, features), and keeps their `COMPONENTS` main directions where they have more."""
    components = min(COMPONENTS, *features.shape)
    narrow = [PCA(components, svd_solver="randomized", random_state=0)] if features.shape[1] > COMPONENTS else []
    return make_pipeline(StandardScaler(), *narrow).fit(features)


def _reader(task: Task, penalty: float, bursts: int) -> LogisticRegression | Ridge:
    """A linear reader whose squared coefficients weigh `penalty` times the mean loss of so many bursts."""
    if task.kind == "classes":
        return LogisticRegression(C=1 / (penalty * bursts), class_weight="balanced", max_iter=300, tol=1e-3)
    return Ridge(penalty * bursts)


def _choose(task: Task, features: np.ndarray, truth: np.ndarray, speakers: np.ndarray) -> float:
    """The penalty whose answers for training speakers left out score best."""
    count = len(np.unique(speakers))
    if count < 2:
        raise ValueError(f"a probe of task {task.name} needs labelled bursts of two training speakers or more")
    answers = np.zeros((len(PENALTIES), *truth.shape), truth.dtype)
    for fit, out in GroupKFold(min(FOLDS, count)).split(features, groups=speakers):
        compress = _compress(features[fit])
        heard, unheard = compress.transform(features[fit]), compress.transform(features[out])
        for number, penalty in enumerate(PENALTIES):
            found = _reader(task, penalty, len(fit)).fit(heard, truth[fit]).predict(unheard)
            answers[number, out] = found.reshape(truth[out].shape)
    scores = np.array([metric(task)(truth, each) for each in answers])
    return float(PENALTIES[np.argmax(sign(METRIC_NAMES[task.kind]) * scores)])


def statistics(frames: torch.Tensor) -> torch.Tensor:
    """The mean and the standard deviation (2 features,) over the frames (frames, features) of a burst."""
    frames = frames.float()
    return torch.cat([frames.mean(0), frames.std(0, unbiased=False)])


def log_mel(store: Store, rows: np.ndarray) -> np.ndarray:
    """The statistics (bursts, 160) of a log-mel spectrogram of 80 bands, with windows of 25 ms every 10 ms.

    Each burst is scaled to unit variance first, as the backbones hear it.
    """
    found = []
    for row in progress_bar(rows, desc="Log-mel", unit="burst", leave=False):
        waveform = torch.from_numpy(store[row])
        waveform = (waveform - waveform.mean()) / waveform.std(unbiased=False).clamp_min(1e-7)
        waveform = torch.nn.functional.pad(waveform, (0, max(0, 400 - len(waveform))))
        spectrogram = kaldi.fbank(waveform[None], num_mel_bins=80, sample_frequency=SAMPLE_RATE)
        found.append(statistics(spectrogram))
    return torch.stack(found).numpy()


def layer_statistics(backbone: Backbone, store: Store, rows: np.ndarray, layer: int | None = None) -> np.ndarray:
    """The statistics (bursts, 2 features) of the output of one layer of the Transformer, counted from 1, for each of
    the `rows` of a store; by default those of its input and of all layers, side by side.
    """
    backbone.eval()
    frames, encoder = Frames(backbone, store, rows), backbone.model.encoder
    layers = list(encoder.layers) if layer is None else [encoder.layers[layer - 1]]
    found: list[np.ndarray] = []
    for part in progress_bar(frames.parts(np.arange(len(frames.sizes))), desc="Features", unit="part", leave=False):
        batch = frames.batch(part, 0, 0, np.random.default_rng())
        with torch.no_grad(), layer_outputs(layers) as outputs:
            projected = backbone.project(batch.encoded)
            transform(backbone, projected, batch.shapes)
        hidden = torch.cat([projected, *outputs] if layer is None else outputs, dim=2)[0]
        for number in range(len(part)):
            places = batch.places[torch.from_numpy(np.flatnonzero(batch.bursts == number)).to(hidden.device)]
            found.append(statistics(hidden[places]).cpu().numpy())
    return _by_row(np.stack(found), frames, rows)


def _by_row(found: np.ndarray, frames: Frames, rows: np.ndarray) -> np.ndarray:
    """The features (rows, features) of each row, given those of the pieces (pieces, features) that it was cut into."""
    means = pd.DataFrame(found).mul(frames.sizes, axis=0).groupby(frames.rows).sum()
    total = pd.Series(frames.sizes).groupby(frames.rows).sum()
    return means.div(total, axis=0).loc[rows].to_numpy(np.float32)


def untrained(backbone: Backbone, seed: int = 0) -> Backbone:
    """A backbone of the same shape with the same feature encoder, whose Transformer has random weights."""
    torch.manual_seed(seed)
    return Backbone(draw(backbone.model), backbone.settings).to(next(backbone.parameters()).device)


def compare(corpus: Corpus, store: Store, backbones: Mapping[str, Backbone], split: str = "val",
            seed: int = 0) -> pd.DataFrame:
    """The probes of log-mel statistics, and for each backbone by its name those of random weights and its own."""
    rows = np.arange(len(corpus.table))
    features: dict[str, np.ndarray] = {"log-mel": log_mel(store, rows)}
    for name, backbone in backbones.items():
        features[f"{name}, random weights"] = layer_statistics(untrained(backbone, seed), store, rows)
        features[f"{name}, pre-trained"] = layer_statistics(backbone, store, rows)
    return probe(features, corpus, split)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the module's docstring shows, and returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m burst2vec.pretraining.probes", description=__doc__.split("\n")[0])
    parser.add_argument("corpus", help="folder of a labelled corpus, or synthetic")
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="pre-trained backbones")
    parser.add_argument("--split", default="val", choices=("val", "test"), help="the bursts to score (default val)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table as CSV")
    parser.add_argument("--cache", default="cache", help="folder of waveform stores (default cache)")
    parser.add_argument("--device", default="auto", help="cpu or cuda; by default the GPU where there is one")
    parser.add_argument("--seed", type=int, default=0, help="seed of random weights (default 0)")
    return _reporting(lambda: _main(parser.parse_args(arguments)))


def _main(options: argparse.Namespace) -> None:
    params = Params(corpus=[options.corpus], cache=options.cache)
    corpus, device = open_corpus(params), choose_device(options.device)
    store = open_store(corpus, "provided", params.path(params.cache))
    with arithmetic(device):
        backbones = {Path(name).name: load_backbone(name).to(device) for name in options.folders}
        table = compare(corpus, store, backbones, options.split, options.seed)
    print(table.to_string(index=False, float_format="{:.3f}".format))
    if options.out:
        with write_aside(options.out) as aside:
            table.to_csv(aside, index=False)


def _reporting(work: Callable[[], None]) -> int:
    try:
        work()
    except REFUSALS as error:
        print(refusal(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
