"""What pre-training alone is worth: variants of a run against the same variants from random weights.

The latter are in `results/<run>/random/`, a folder like that of a run, further seeds included. They differ from the
run's own in `pretrained: false` and in nothing else: the feature encoder is the same, and the Transformer is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from burst2vec.corpora.corpus import Corpus
from burst2vec.evaluation.crossed import cross
from burst2vec.results.runs import read_params
from burst2vec.results.seeds import IRRELEVANT, read_seed_predictions

FOLDER = "random"
"""The folder of a run that holds the trainings from random weights."""

COLUMNS = ["code", "metric", "pretrained", "random", "difference", "low", "high", "seeds", "verdict"]
"""The columns of `worth_of_pretraining`."""


def read_random(run_folder: Path) -> dict[str, dict[int, pd.DataFrame]]:
    """The predictions of the variants from random weights by code and seed; none where a run has no such trainings.

    Raises ValueError where such a variant differs from the run's own in another parameter than `pretrained`, and what
    `read_seed_predictions` raises.
    """
    folder = run_folder / FOLDER
    if not any(folder.glob("*/predictions.csv")):
        return {}
    found = read_seed_predictions(folder)
    for code in found:
        own, other = read_params(run_folder / code), read_params(folder / code)
        unlike = sorted(name for name in own.keys() & other.keys() if name not in (*IRRELEVANT, "pretrained")
                        and own[name] != other[name])
        if unlike or not own.get("pretrained", True) or other.get("pretrained", True):
            raise ValueError(f"{folder / code / 'params.json'}: {', '.join(unlike) or 'pretrained'} differs from the "
                             f"run's own {code}; expected a training that differs in pretrained: false alone")
    return found


def worth_of_pretraining(corpus: Corpus, pretrained: Mapping[str, Mapping[int, pd.DataFrame]],
                         random: Mapping[str, Mapping[int, pd.DataFrame]], split: str = "val") -> pd.DataFrame:
    """A table with the columns `COLUMNS`: a row for each variant that is in both, and each of its metrics.

    `pretrained` and `random` hold predictions by code and seed. Scores are means over the seeds, and the difference,
    above 0 where pre-training helps, has its interval over speakers and seeds (`evaluation.crossed`). `seeds` is the
    smaller of their numbers. The verdict is *helps* or *hurts* where the interval excludes 0, *undecided* where it does
    not, and *undecided (one seed)* where either has one.
    """
    both = {code: of_seeds for code, of_seeds in pretrained.items() if code in random}
    drawn = {_name(code): random[code] for code in both}
    if not both:
        return pd.DataFrame(columns=COLUMNS)
    crossed, rows = cross(corpus.tasks, corpus.split(split), both | drawn), []
    for code, metric in crossed.means.estimates.index:
        if code in both:
            found = crossed.contrast(code, _name(code), metric)
            low, high = found.interval()
            single = bool(crossed.with_one_seed([code, _name(code)], metric))
            verdict = "helps" if low > 0 else "hurts" if high < 0 else "undecided"
            means = [float(crossed.means.estimates[name, metric]) for name in (code, _name(code))]
            rows.append((code, metric, *means, found.difference, low, high, int(found.seed_degrees.min()) + 1,
                         "undecided (one seed)" if single else verdict))
    return pd.DataFrame(rows, columns=COLUMNS)


def _name(code: str) -> str:
    return f"{code} from random weights"
