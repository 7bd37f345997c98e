"""Where features come from: what a classifier, trained afresh on them, tells of their corpus and of their extractor.

The task discriminator learns while the features that it reads change. Its running loss therefore says little about
them: a loss above that of a blind guess is that of a discriminator which is surer than it is right, and nothing that it
cannot find needs to be hidden. So the question is put once more, when training is over, to `probes.probe`: a linear
classifier on features that stay as they are, scored on validation bursts of speakers that it has not heard, beside a
floor of the scores that it reaches where there is nothing to tell.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from burst2vec.audit.probes import REPEATS, probe
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.machine.progress import progress_bar

COLUMNS = ["features", "score", "floor", "floor_low", "floor_high", "chance", "told"]
"""The columns of a table of what is told: `score` is the UAR of the classifier; `floor`, `floor_low` and `floor_high`
are the mean, the lowest and the highest UAR after an exchange of origins; `chance` is the UAR of a blind guess; and
`told` says whether the score is above the whole floor."""

CREST = "crest factor"
"""What the rows of `tell_corpora` call features that are `acoustics.crest_factors`."""


def tell_corpora(features: Mapping[str, np.ndarray], table: pd.DataFrame, repeats: int = REPEATS,
                 seed: int = 0) -> pd.DataFrame:
    """What a classifier tells of the corpus of each burst, from each of the `features` by name: `COLUMNS`.

    Features are (bursts, features) and belong to the bursts of `table`, rows of the table of joined corpora that the
    model was not trained on. Corpora are exchanged between speakers. Raises the ValueError of `probe`.
    """
    wanted = progress_bar(features.items(), total=len(features), desc="Telling corpora", unit="probe", leave=False)
    return pd.DataFrame([_tell(name, of_bursts, table["corpus"], table, repeats, seed) for name, of_bursts in wanted],
                        columns=COLUMNS)


def tell_extractors(representations: Mapping[str, Mapping[str, np.ndarray]], table: pd.DataFrame,
                    repeats: int = REPEATS, seed: int = 0) -> pd.DataFrame:
    """What a classifier tells of the extractor that specific features come from, a row for each system: `COLUMNS`.

    `representations` holds by the code of a system and the name of a representation the features (bursts, features) of
    the bursts of `table`, on which it was not trained. Each burst is there once for each task, with the features that
    are specific to it; all of them are on the same side of a fold. The column `features` names the system. Raises the
    ValueError of `probe`.
    """
    rows = []
    for code, by_name in representations.items():
        specific = {name: features for name, features in by_name.items() if name.startswith("specific ")}
        origins = pd.Series(np.repeat(list(specific), len(table)))
        stacked = pd.concat([table] * len(specific))
        rows.append(_tell(code, np.concatenate(list(specific.values())), origins, stacked, repeats, seed))
    return pd.DataFrame(rows, columns=COLUMNS)


def _tell(name: str, features: np.ndarray, origins: pd.Series, table: pd.DataFrame, repeats: int,
          seed: int) -> tuple[str, float, float, float, float, float, bool]:
    classes = tuple(origins.unique())
    task = Task("origin", "classes", ("origin",), classes=classes)
    found = probe(task, features, table.assign(origin=origins.to_numpy()), repeats, seed)
    floor = found.floor
    return (name, found.score, float(floor.mean()), float(floor.min()), float(floor.max()), 1 / len(classes),
            bool(found.score > floor.max()))


def best_guess(corpus: Corpus, table: pd.DataFrame, epoch: str) -> float:
    """The largest share of batches' bursts whose task could be told by one who knows every burst of `table` by heart.

    A burst that takes part in n tasks has the same shared features in the batches of each of them, so no guess is right
    in more than one of n. With an `epoch` of `one_pass` it comes once for a random one of them, otherwise n times.
    """
    tasks = np.stack([task.labelled(table) for task in corpus.tasks]).sum(axis=0)
    tasks = tasks[tasks > 0]
    return float(np.mean(1 / tasks) if epoch == "one_pass" else len(tasks) / tasks.sum())


def in_words(row: pd.Series) -> str:
    """A row of what is told as text: "shared features 0.52 (floor 0.44 to 0.56)"."""
    return f"{row['features']} {row['score']:.2f} (floor {row['floor_low']:.2f} to {row['floor_high']:.2f})"


def describe_corpora(told: pd.DataFrame, reversal: str) -> str:
    """Sentences, in Markdown, on a table of `tell_corpora` with rows for `pooled`, `shared` and `CREST`.

    `reversal` is that of the system, or "none" for a system without an adversary.
    """
    sound, features = told[told["features"] == CREST].iloc[0], told[told["features"] != CREST]
    found, missed = ("; ".join(in_words(row) for _, row in features[features["told"] == yes].iterrows()) or "none"
                     for yes in (True, False))
    verdict = _verdict(features.set_index("features")["told"], reversal)
    return (f"One number of the sound, the crest factor, {_tells(sound)}. The corpus is told from these features of "
            f"the model: {found}; and not from these: {missed}. By chance one in {REPEATS + 1} is told where there is "
            f"nothing to tell. {verdict}")


def _verdict(told: pd.Series, reversal: str) -> str:
    if told["shared"]:
        return "**The shared features do not hide the corpus**: a classifier that is trained afresh finds it there."
    doing = {"none": "No adversary was there to hide it.",
             "upstream": "Whether that is the adversary's doing, only a training without one could show."}
    if told["pooled"]:
        return ("**The backbone's features hold the corpus, and a linear classifier does not find it in the shared "
                f"ones.** {doing.get(reversal, doing['upstream'])}")
    return ("**A linear classifier finds nothing of the corpus in the shared features, nor in the backbone's, from "
            "which they follow.** " + doing.get(reversal, "The adversary has not hidden it: the reversed gradients end "
                                                "at the extractors, and there is nothing of it before them."))


def _tells(row: pd.Series) -> str:
    verb = "tells the corpora apart" if row["told"] else "does not tell the corpora apart"
    return (f"{verb}: a line through it has a UAR of {row['score']:.2f} (floor {row['floor_low']:.2f} to "
            f"{row['floor_high']:.2f})")


def describe_extractors(told: pd.DataFrame) -> str:
    """Sentences, in Markdown, on a table of `tell_extractors`."""
    numbers = "; ".join(in_words(row) for _, row in told.iterrows())
    if told["told"].all():
        verdict = ("The extractors put their features into places of their own, with an adversary or without. That "
                   "says nothing of what these hold: extractors that learnt nothing would be told apart, too.")
    elif not told["told"].any():
        verdict = "In none of them can a linear classifier tell the extractors apart."
    else:
        verdict = f"They are told apart in {', '.join(told['features'][told['told']])} alone."
    return f"The UAR of the extractor, from specific features: {numbers}. {verdict}"
