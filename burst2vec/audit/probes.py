"""Linear probes: what a representation tells about a task, and what they read where there is nothing to read.

A probe is a ridge regression on standardised features that predicts a task from a representation of a trained model; no
weight of the model changes. It is fitted and scored on validation bursts alone. The model may have memorised the labels
of its training bursts, and a probe fitted to those would look for something that no other burst has. The speakers are
divided into folds: what is learnt from the other folds predicts the bursts of the one that is left out. The strength of
the regularisation is chosen within the other folds for the metric of the task, again across speakers. Classes are
regressed as indicators divided by their share, so that the largest value names a class whatever its frequency.

Beside each probe stands its floor: the scores of the same procedure, choice of regularisation included, on labels that
have been exchanged between speakers. A probe whose score lies within the floor has read nothing.

A probe shows what a linear reader can find. What it does not find may still be there in another form.

Source: Alain and Bengio (2016); Hewitt and Liang (2019) for the need of a floor.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.bootstrap import RESAMPLES, bootstrap, expanded_percentiles
from burst2vec.evaluation.metrics import METRIC_NAMES, metric, metric_columns, sign
from burst2vec.evaluation.speaker_sums import speaker_indices
from burst2vec.evaluation.trivial import predict_constant
from burst2vec.inspection.association import exchanges
from burst2vec.machine.progress import progress_bar

PENALTIES = np.logspace(-3, 3, 5)
"""The candidate weights of the squared coefficients, relative to the mean squared error."""
FOLDS = 4
"""The number of folds of speakers, both for the answers and, within the other folds, for the penalty."""
REPEATS = 20
"""The number of exchanges of labels behind each floor. Where there is nothing to read, one score in 21 exceeds all."""

COLUMNS = ["code", "representation", "task", "metric", "score", "floor", "floor_low", "floor_high", "constant", "skill",
           "skill_low", "skill_high", "bursts", "regularisation"]
"""The columns of `Probed.table`."""


@dataclass(frozen=True)
class Readout:
    """What a probe reads of a task.

    `answers` are its predictions (labelled bursts, columns of the task), `score` is their metric, `floor` (repeats,)
    holds the scores after an exchange of labels, and `penalty` is the chosen one, the median over the folds.
    """

    answers: pd.DataFrame
    score: float
    floor: np.ndarray
    penalty: float


def probe(task: Task, features: np.ndarray, table: pd.DataFrame, repeats: int = REPEATS, seed: int = 0) -> Readout:
    """What a linear probe reads of `task` from the `features` (bursts, features) of the bursts in `table`.

    `table` holds rows of a corpus table on which the model was not trained. Raises ValueError where fewer than `FOLDS`
    speakers have a label.
    """
    labelled = task.labelled(table)
    table, features = table[labelled], features[labelled]
    truth, speakers = task.labels(table), speaker_indices(table)
    if len(np.unique(speakers)) < FOLDS:
        raise ValueError(f"a probe of task {task.name} needs bursts of {FOLDS} speakers or more, to leave some out")
    exchanged = exchanges(truth, speakers, repeats, np.random.default_rng(seed))
    labels = [truth, *(truth[order] for order in exchanged)]
    targets = np.stack([_regressands(task, each) for each in labels], axis=1)
    outputs, penalties = np.empty((len(labels), len(truth), targets.shape[2])), []
    for fit, held_out in GroupKFold(FOLDS).split(features, groups=speakers):
        chosen = _choose(task, features[fit], targets[fit], [each[fit] for each in labels], speakers[fit])
        outputs[:, held_out] = _predict(chosen, features[fit], targets[fit], features[held_out])
        penalties.append(chosen[0])
    guesses = [_answers(task, output) for output in outputs]
    scores = [metric(task)(known, guess) for known, guess in zip(labels, guesses, strict=True)]
    answers = np.array(task.classes, object)[guesses[0]][:, None] if task.kind == "classes" else guesses[0]
    return Readout(pd.DataFrame(answers, table.index, list(task.columns)), scores[0], np.array(scores[1:]),
                   float(np.median(penalties)))


def _regressands(task: Task, labels: np.ndarray) -> np.ndarray:
    """The targets of the regression, (bursts, outputs)."""
    if task.kind != "classes":
        return labels
    of_class = labels[:, None] == np.arange(len(task.classes))
    return of_class / np.maximum(of_class.mean(axis=0), 1 / len(labels))


def _answers(task: Task, outputs: np.ndarray) -> np.ndarray:
    """The answers in the form of `Task.labels`, from regressed values (bursts, outputs)."""
    return outputs.argmax(axis=1) if task.kind == "classes" else outputs


def _ridge(penalty: float, bursts: int) -> Pipeline:
    return make_pipeline(StandardScaler(), Ridge(penalty * bursts))


def _choose(task: Task, features: np.ndarray, targets: np.ndarray, labels: list[np.ndarray],
            speakers: np.ndarray) -> np.ndarray:
    """The penalty (labellings,) whose answers for speakers left out score best, for each labelling.

    `targets` are (bursts, labellings, outputs), and `labels` are the same labellings in the form of `Task.labels`.
    """
    folds = GroupKFold(min(FOLDS, len(np.unique(speakers))))
    flat, scores = targets.reshape(len(targets), -1), []
    for penalty in PENALTIES:
        held_out = cross_val_predict(_ridge(penalty, len(targets)), features, flat, groups=speakers, cv=folds)
        answers = [_answers(task, output) for output in np.moveaxis(held_out.reshape(targets.shape), 1, 0)]
        scores.append([metric(task)(truth, answer) for truth, answer in zip(labels, answers, strict=True)])
    best = np.argmax(sign(METRIC_NAMES[task.kind]) * np.asarray(scores), axis=0)
    return PENALTIES[best]


def _predict(penalties: np.ndarray, features: np.ndarray, targets: np.ndarray, unheard: np.ndarray) -> np.ndarray:
    """The regressed values (labellings, bursts, outputs) for `unheard` features, with the penalty of each labelling."""
    outputs = np.empty((targets.shape[1], len(unheard), targets.shape[2]))
    for penalty in np.unique(penalties):
        those = penalties == penalty
        flat = targets[:, those].reshape(len(targets), -1)
        found = _ridge(penalty, len(targets)).fit(features, flat).predict(unheard)
        outputs[those] = np.moveaxis(found.reshape(len(unheard), those.sum(), -1), 1, 0)
    return outputs


@dataclass(frozen=True)
class Probed:
    """The probes of all tasks on all representations: a `table` with a row for each probe, and its skill's replicates.

    `replicates` (resamples, probes) are the skills on resamples of the validation `speakers`, in the order of the
    table. The columns of the table are code, representation, task, metric and score; floor, floor_low and floor_high,
    the mean, lowest and highest score of the floor; constant, the score of the audio-free baseline *Constant*; skill,
    with the bounds of its 95 % interval over speakers, skill_low and skill_high; bursts, the number with a label; and
    regularisation, the chosen penalty.
    """

    table: pd.DataFrame
    replicates: np.ndarray
    speakers: int


def probe_all(representations: Mapping[str, Mapping[str, np.ndarray]], corpus: Corpus, repeats: int = REPEATS,
              resamples: int = RESAMPLES, seed: int = 0) -> Probed:
    """Every task of the corpus, read from every representation.

    `representations` holds, by the code of a system and the name of a representation, the features (bursts, features)
    of the corpus's validation bursts in their order. Raises the ValueError of `probe`.
    """
    val = corpus.split("val")
    wanted = [(code, name, task) for code, found in representations.items() for name in found for task in corpus.tasks]
    found = [probe(task, representations[code][name], val, repeats, seed)
             for code, name, task in progress_bar(wanted, desc="Probing", unit="probe", leave=False)]
    answers: dict[str, list[pd.DataFrame]] = {"Constant": [predict_constant(corpus, val.index)]}
    for (code, name, _), readout in zip(wanted, found, strict=True):
        answers.setdefault(f"{code} {name}", []).append(readout.answers)
    tables = {of: pd.concat(parts, axis=1) for of, parts in answers.items()}
    drawn = bootstrap(corpus.tasks, val, tables, resamples, seed)
    column = {task.name: name for name, task in metric_columns(corpus.tasks).items()}
    rows, skills = [], []
    for (code, name, task), readout in zip(wanted, found, strict=True):
        ours, constant = (f"{code} {name}", column[task.name]), ("Constant", column[task.name])
        skills.append(skill(task, drawn.replicates[ours].to_numpy(), drawn.replicates[constant].to_numpy()))
        rows.append(_row(code, name, task, readout, drawn.estimates[constant]))
    low, high = drawn.interval(np.stack(skills, axis=1))
    table = pd.DataFrame(rows).assign(skill_low=low, skill_high=high)[COLUMNS]
    return Probed(table, np.stack(skills, axis=1), drawn.speakers)


def _row(code: str, representation: str, task: Task, found: Readout, constant: float) -> dict[str, str | float]:
    return {"code": code, "representation": representation, "task": task.name, "metric": METRIC_NAMES[task.kind],
            "score": found.score, "floor": found.floor.mean(), "floor_low": found.floor.min(),
            "floor_high": found.floor.max(), "constant": constant, "skill": skill(task, found.score, constant),
            "bursts": len(found.answers), "regularisation": found.penalty}


def skill(task: Task, score: float | np.ndarray, constant: float | np.ndarray) -> float | np.ndarray:
    """A score on one scale for all tasks: 0 is the score of a `constant` answer, and 1 a perfect score.

    The skill is the CCC itself, 1 - MAE / (MAE of a constant), or (UAR - chance) / (1 - chance). It is NaN where a
    constant answer is already perfect, as of few bursts that are all of one class.
    """
    best = 1 if sign(METRIC_NAMES[task.kind]) > 0 else 0
    reached, most = np.broadcast_arrays(score - constant, best - constant)
    found = np.divide(reached, most, out=np.full(reached.shape, np.nan), where=most != 0)
    return found if found.ndim else float(found)


def floor_skills(table: pd.DataFrame) -> pd.DataFrame:
    """The lowest and the highest skill of the floor of each row of `Probed.table`: low, high."""
    best = (table["metric"].map(sign) > 0).astype(float)
    bounds = [(table[name] - table["constant"]) / (best - table["constant"]) for name in ("floor_low", "floor_high")]
    return pd.DataFrame({"low": np.minimum(*bounds), "high": np.maximum(*bounds)})


def above_floor(table: pd.DataFrame) -> pd.Series:
    """Whether each row of `Probed.table` scores better than after every exchange of labels."""
    return table["skill"] > floor_skills(table)["high"]


def reading(representation: str, task: str) -> str:
    """The kind of reading that it is to ask a representation for a task.

    >>> reading("specific age", "country")
    'specific, of another task'
    """
    kind, _, of = representation.partition(" ")
    return kind if not of else f"{kind}, of {'this' if of == task else 'another'} task"


def compare_skills(probed: Probed, first: str, second: str) -> pd.DataFrame:
    """The skills of two systems' probes for each task and kind of `reading`, and their difference.

    Where several representations are of one kind, their mean counts. The columns are task, features, one column for
    each system, difference, low and high; the last two bound the 95 % interval of the difference over speakers.
    """
    table, rows = probed.table, []
    kinds = pd.Series(map(reading, table["representation"], table["task"]), table.index)
    for task, kind in itertools.product(table["task"].unique(), kinds.unique()):
        of_kind = table[(table["task"] == task) & (kinds == kind)]
        ours, theirs = (of_kind.index[of_kind["code"] == code] for code in (first, second))
        if len(of_kind):
            one, other = table["skill"][ours].mean(), table["skill"][theirs].mean()
            gaps = probed.replicates[:, ours].mean(axis=1) - probed.replicates[:, theirs].mean(axis=1)
            rows.append((task, kind, one, other, one - other, *expanded_percentiles(gaps, probed.speakers)))
    return pd.DataFrame(rows, columns=["task", "features", first, second, "difference", "low", "high"])
