"""What a corpus is like, in numbers: Table 1, the bands of a scalar, and bursts to listen to (section 2).

Conventions: tables have a row for each burst, as `Corpus.table` does; durations are in seconds; shares lie between 0
and 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.metrics import uar

if TYPE_CHECKING:
    from burst2vec.corpora.readers.reading import Reading


SPLIT_NAMES = {"train": "Train", "val": "Validation", "test": "Test"}
"""What the splits are called in tables, as in the paper's Table 1."""

UNKNOWN = "–"
"""What stands in a table for a number that the corpus withholds."""


def table1(corpus: Corpus | Reading, seconds: np.ndarray) -> pd.DataFrame:
    """Returns Table 1 as text: what is counted (rows) in each split (columns).

    Counted are the duration, bursts, speakers, speakers by sex, and speakers by class of every task whose classes are a
    trait of the speaker. A dash stands for what the corpus withholds. `seconds` (bursts,) are the durations, which are
    NaN where they are not known.
    """
    columns = {}
    for split, name in SPLIT_NAMES.items():
        members = (corpus.table["split"] == split).to_numpy()
        rows = corpus.table[members]
        columns[name] = {"HH:MM:SS": clock(np.nansum(seconds[members])), "No.": f"{len(rows)}",
                         "Speakers": _count(rows["speaker"]), "F:M": _sexes(rows)}
        for task in (t for t in corpus.tasks if is_trait(t, corpus.table)):
            speakers = rows.groupby(task.columns[0])["speaker"].nunique()
            columns[name] |= {c: str(speakers.get(c, 0)) if rows["speaker"].notna().any() else UNKNOWN
                              for c in task.classes}
    return pd.DataFrame(columns)


def clock(seconds: float) -> str:
    """A duration in seconds as hours, minutes and seconds.

    >>> clock(3725.4)
    '1:02:05'
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _count(speakers: pd.Series) -> str:
    return str(speakers.nunique()) if speakers.notna().any() else UNKNOWN


def _sexes(rows: pd.DataFrame) -> str:
    speakers = rows.dropna(subset=["speaker", "sex"]).groupby("sex")["speaker"].nunique()
    return f"{speakers.get('f', 0)}:{speakers.get('m', 0)}" if len(speakers) else UNKNOWN


def is_trait(task: Task, table: pd.DataFrame) -> bool:
    """Whether a task's classes belong to the speaker, as a country does, rather than to the burst, as an emotion does.

    They do where most speakers of two bursts or more have one class alone.
    """
    if task.kind != "classes":
        return False
    speakers = table.dropna(subset=["speaker", task.columns[0]]).groupby("speaker")[task.columns[0]]
    several = speakers.nunique()[speakers.size() > 1]
    return bool(len(several) and several.median() == 1)


def task_table(tasks: Sequence[Task]) -> pd.DataFrame:
    """The tasks as rows, as text: name, kind, unit, and the classes or columns that are predicted."""
    rows = [(t.name, t.kind, t.unit, ", ".join(t.classes or t.columns)) for t in tasks]
    return pd.DataFrame(rows, columns=["task", "kind", "unit", "outputs"])


def categories(task: Task, table: pd.DataFrame) -> pd.Series:
    """Each burst's class, band of the scalar, or strongest intensity, as a categorical.

    It is missing for bursts without a label.
    """
    if task.kind == "classes":
        return pd.Series(pd.Categorical(table[task.columns[0]], task.classes), table.index)
    if task.kind == "scalar":
        return bands(table[task.columns[0]], band_width(task))
    labels = table.loc[task.labelled(table), list(task.columns)]
    return pd.Series(pd.Categorical(labels.idxmax(axis=1), task.columns), labels.index).reindex(table.index)


def band_width(task: Task) -> float:
    """How wide the bands of a scalar are: 2.5 years, as in Figure 1, or an eighth of its training range."""
    return 2.5 if task.unit == "years" else (task.high - task.low) / 8


def band_edges(values: pd.Series, width: float) -> np.ndarray:
    """The edges (bands + 1,) of bands of equal `width` that hold all `values`.

    Every edge is a multiple of the width.
    """
    first = np.floor(values.min() / width)
    return width * np.arange(first, np.floor(values.max() / width) + 2)


def bands(values: pd.Series, width: float) -> pd.Series:
    """The band of each value as a categorical, named by its edges: "20–22.5" holds 20 but not 22.5."""
    edges = band_edges(values, width)
    names = [f"{low:g}–{high:g}" for low, high in zip(edges[:-1], edges[1:], strict=True)]
    return pd.cut(values, edges, right=False, labels=names)


def scalar_by_class(scalar: Task, classes: Task, table: pd.DataFrame) -> pd.DataFrame:
    """Returns, for each class, the median and quartiles of the scalar over bursts.

    The numbers of speakers and bursts that have both labels stand beside them.
    """
    rows = table.dropna(subset=[scalar.columns[0], classes.columns[0]])
    grouped = rows.groupby(pd.Categorical(rows[classes.columns[0]], classes.classes), observed=True)
    quartiles = grouped[scalar.columns[0]].quantile([0.25, 0.5, 0.75]).unstack()
    quartiles.columns = ["lower quartile", "median", "upper quartile"]
    counts = pd.DataFrame({"speakers": grouped["speaker"].nunique(), "bursts": grouped.size()})
    return counts.join(quartiles).rename_axis(classes.name)


def uar_from_scalar(corpus: Corpus, scalar: Task, classes: Task, split: str) -> float:
    """The UAR on `split` of guessing the class from the true scalar alone.

    The guess is the class in whose training bursts the scalar's band is most frequent.
    """
    table = corpus.table[scalar.labelled(corpus.table) & classes.labelled(corpus.table)]
    band, column = categories(scalar, table), table[classes.columns[0]]
    train = table["split"] == "train"
    shares = pd.crosstab(column[train], band[train], normalize="index", dropna=False)
    wanted = table["split"] == split
    return uar(column[wanted], band[wanted].map(shares.idxmax()).astype(str))


def examples(task: Task, table: pd.DataFrame) -> dict[str, str]:
    """A burst to listen to, by its `file`, for each intensity or class that occurs.

    For an intensity it is the burst in which it most exceeds all others together, for a class the first burst.
    """
    table = table[task.labelled(table)]
    if task.kind == "classes":
        return {str(name): rows.index[0] for name, rows in table.groupby(task.columns[0])}
    labels = table[list(task.columns)]
    excess = (2 * labels).sub(labels.sum(axis=1), axis=0)
    strongest = labels.eq(labels.max(axis=1), axis=0)
    return {name: excess.loc[strongest[name], name].idxmax()
            for name in task.columns if strongest[name].any()}


def sample_of_each(task: Task, table: pd.DataFrame, names: Sequence[str], size: int,
                   seed: int = 0) -> pd.DataFrame:
    """Rows of `table` that are drawn at random, `size` for each of `names` and either sex.

    They are bursts in which that intensity is the strongest; where there are fewer than `size`, all come back.
    """
    shuffled = table.sample(frac=1, random_state=seed)
    strongest = categories(task, shuffled)
    shuffled, strongest = shuffled[strongest.isin(names)], strongest[strongest.isin(names)]
    return shuffled.groupby([strongest.astype(str), "sex"]).head(size)
