"""What the studies of recognition have written: the answers of systems, their scores, and whose bursts they are of.

A study writes by `written` and `taking_part`, and what it has written is read by `read_record` (`report.curve` has its
own). Nothing is trained here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.bootstrap import RESAMPLES
from burst2vec.evaluation.confusion import METRICS, bootstrap_confusions, confusions
from burst2vec.evaluation.crossed import Crossed, over_seeds
from burst2vec.evaluation.speaker_sums import speaker_indices
from burst2vec.evaluation.trivial import is_trivial

WAYS = {"plain": "each burst by itself", "centred": "with speaker statistics"}
"""The ways in which a system answers, and what they are called."""

RANDOM, PRETRAINED = ", random weights", ", pre-trained"
"""How the names of systems end that differ in their weights alone."""

Key = tuple[str, str]
"""A system and one of `WAYS`."""


@dataclass(frozen=True)
class Recorded:
    """What systems answered: `truth` (bursts,) and, by system and way, `answers` (seeds, bursts), class indices.

    `confusions` has the same by speaker, (speakers, classes, classes), added up over the seeds. `scores` has the
    columns system, way, metric, estimate, low and high: means over the seeds with the bounds of 95 % intervals over
    speakers and seeds, which follow from `crossed`. `settings` has those of each system. Systems that have not answered
    every fold with the same settings are named in `unfinished`, and are nowhere else.
    """

    classes: tuple[str, ...]
    truth: np.ndarray
    answers: Mapping[Key, np.ndarray]
    settings: Mapping[str, Mapping[str, Any]]
    unfinished: tuple[str, ...]
    confusions: Mapping[Key, np.ndarray]
    crossed: Crossed
    scores: pd.DataFrame

    def best(self, way: str = "plain") -> Key:
        """The system of the highest macro-F1 in one way, and that way."""
        there = self.scores[(self.scores["way"] == way) & (self.scores["metric"] == "macro_f1")]
        return str(there.set_index("system")["estimate"].idxmax()), way

    def score(self, key: Key, metric: str = "macro_f1") -> pd.Series:
        """The estimate, low and high of one system's score."""
        system, way = key
        rows = self.scores.set_index(["system", "way", "metric"])
        return rows.loc[(system, way, metric)]


def read_record(content: Mapping, resamples: int = RESAMPLES) -> Recorded | None:
    """What the file of the study says, with scores of so many resamples of the speakers; None where no system is
    finished."""
    classes, truth = tuple(content["corpus"]["classes"]), read(content["truth"])
    answers, settings, unfinished = _answers(content)
    if not answers:
        return None
    found = {code(key): confusions_of(truth, each, read(content["speakers"]), len(classes))
             for key, each in answers.items()}
    crossed = cross_confusions(found, [code(key) for key in answers if not is_drawn(key[0])], resamples)
    rows = []
    for key in answers:
        for metric in METRICS:
            alone = crossed.alone(code(key), metric)
            rows.append((*key, metric, alone.difference, *alone.interval()))
    scores = pd.DataFrame(rows, columns=["system", "way", "metric", "estimate", "low", "high"])
    return Recorded(classes, truth, answers, settings, unfinished,
                    {key: found[code(key)].sum(0) for key in answers}, crossed, scores)


def confusions_of(truth: np.ndarray, answers: np.ndarray, speakers: np.ndarray, classes: int) -> np.ndarray:
    """The confusions (seeds, speakers, classes, classes) of answers (seeds, bursts)."""
    return np.stack([confusions(truth, each, speakers, classes) for each in answers])


def cross_confusions(found: Mapping[str, np.ndarray], seedless: Collection[str], resamples: int) -> Crossed:
    """The scores of systems, by code, over their seeds and on resamples of the speakers.

    `found` has the confusions (seeds, speakers, classes, classes) of each; no seed changes those that are `seedless`.
    """
    single = {f"{code}, seed {number}": each for code, seeds in found.items() for number, each in enumerate(seeds)}
    variant_of = {f"{code}, seed {number}": code for code, seeds in found.items() for number in range(len(seeds))}
    return over_seeds(bootstrap_confusions(single, resamples), variant_of, seedless)


def _answers(content: Mapping) -> tuple[dict[Key, np.ndarray], dict[str, dict], tuple[str, ...]]:
    """The answers and the settings of systems that have answered every fold with the same, and the others' names."""
    folds, found, settings, unfinished = read(content["folds"]), {}, {}, []
    for name in sorted(dict.fromkeys(row["system"] for row in content["rows"]), key=is_trivial):  # the floor comes last
        rows = {(row["seed"], row["fold"]): row for row in content["rows"] if row["system"] == name}
        own, seeds = next(iter(rows.values()))["settings"], sorted({seed for seed, _ in rows})
        if (len(rows) < len(seeds) * len(set(folds.tolist()))
                or any(row["settings"] != own for row in rows.values())):
            unfinished.append(name)
            continue
        settings[name] = own
        for way in (way for way in WAYS if all(way in row for row in rows.values())):
            found[name, way] = np.empty((len(seeds), len(folds)), int)
            for (seed, fold), row in rows.items():
                found[name, way][seeds.index(seed), folds == fold] = read(row[way])
    return found, settings, tuple(unfinished)


def written(indices: np.ndarray) -> str:
    """Indices as a text of one character each: `0` for 0, and so on in the order of Unicode."""
    return "".join(chr(ord("0") + index) for index in indices)


def read(text: str) -> np.ndarray:
    """The indices that `written` has written."""
    return np.array([ord(character) - ord("0") for character in text], int)


def code(key: Key) -> str:
    """A system and a way as one text."""
    return f"{key[0]}, {WAYS[key[1]]}"


def taking_part(task: Task, table: pd.DataFrame, split: str | None, left_out: Collection[str] = ()) -> np.ndarray:
    """The rows of a corpus's table that a study is about: labelled, of a split where one is named, and of no speaker
    who is left out by name."""
    there = task.labelled(table) & ((table["split"] == split) | (split is None))
    return np.flatnonzero(there & ~speaker_names(table).isin(left_out))


def speaker_names(table: pd.DataFrame) -> pd.Series:
    """The names of the speakers of a table's rows as text, as a record holds them; missing where they are unknown."""
    return table["speaker"].map(str, na_action="ignore")


def rows_of(content: Mapping, corpus: Corpus) -> np.ndarray | None:
    """The rows of the corpus's table that the bursts of the study are, or None where it is another corpus."""
    told, table = content["corpus"], corpus.table
    if not corpus.poses(told["task"]) or list(corpus.task(told["task"]).classes) != told["classes"]:
        return None
    task = corpus.task(told["task"])
    rows = taking_part(task, table, told["split"], told["left_out"]["speakers"])
    same = (np.array_equal(task.labels(table)[rows], read(content["truth"]))
            and np.array_equal(speaker_indices(table.iloc[rows]), read(content["speakers"])))
    return rows if same else None


def is_drawn(system: str) -> bool:
    """Whether what a system answers depends on a seed: on the weights that it began with, or on its training."""
    return system.startswith("Burst2Vec") or system.endswith(RANDOM)
