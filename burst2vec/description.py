"""What a corpus is like, in numbers: Table 1, and how its labels hang together (section 2).

Conventions: tables have a row for each burst, as `Corpus.table` does; durations are in seconds; shares and
measures of association lie between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import yaml
from numpy.typing import ArrayLike
from scipy.stats.contingency import association

from burst2vec.config import project_root
from burst2vec.corpus import Corpus, Task
from burst2vec.metrics import uar

if TYPE_CHECKING:
    from burst2vec.readers import Reading

SPLIT_NAMES = {"train": "Train", "val": "Validation", "test": "Test"}
UNKNOWN = "–"


def table1(corpus: Corpus | Reading, seconds: np.ndarray) -> pd.DataFrame:
    """Table 1 as text: what is counted (rows) in each split (columns).

    Duration, bursts, speakers, and speakers by sex and by class of every task whose classes are a trait of
    the speaker. A dash where the corpus withholds what there is to count. `seconds` (bursts,) are the
    durations, NaN where they are not known.
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


def published_table1(path: str | Path | None = None) -> pd.DataFrame:
    """The paper's own Table 1 in the form of `table1`, from `params/published.yaml` or the file given."""
    path = Path(path) if path else project_root() / "params" / "published.yaml"
    return pd.DataFrame(yaml.safe_load(path.read_text(encoding="utf-8"))["table1"]).fillna(UNKNOWN)


def clock(seconds: float) -> str:
    """A duration as hours, minutes and seconds.

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
    """Whether a task's classes belong to the speaker, as a country does, rather than to the burst, as an
    emotion does: most speakers of two bursts or more keep to one class."""
    if task.kind != "classes":
        return False
    speakers = table.dropna(subset=["speaker", task.columns[0]]).groupby("speaker")[task.columns[0]]
    several = speakers.nunique()[speakers.size() > 1]
    return bool(len(several) and several.median() == 1)


def task_table(tasks: Sequence[Task]) -> pd.DataFrame:
    """The tasks as rows, as text: name, kind, unit, and what is to be told."""
    rows = [(t.name, t.kind, t.unit, ", ".join(t.classes or t.columns)) for t in tasks]
    return pd.DataFrame(rows, columns=["task", "kind", "unit", "outputs"])


def categories(task: Task, table: pd.DataFrame) -> pd.Series:
    """Each burst's class, band of the scalar, or strongest intensity, as a categorical; missing without a
    label."""
    if task.kind == "classes":
        return pd.Series(pd.Categorical(table[task.columns[0]], task.classes), table.index)
    if task.kind == "scalar":
        return bands(table[task.columns[0]], band_width(task))
    labels = table.loc[task.labelled(table), list(task.columns)]
    return pd.Series(pd.Categorical(labels.idxmax(axis=1), task.columns), labels.index).reindex(table.index)


def band_width(task: Task) -> float:
    """How wide the bands of a scalar are: 2.5 years, as in the paper's Figure 1, or an eighth of its training
    range."""
    return 2.5 if task.unit == "years" else (task.high - task.low) / 8


def band_edges(values: pd.Series, width: float) -> np.ndarray:
    """The edges (bands + 1,) of bands of equal `width` that hold all `values`, the first a multiple of the
    width."""
    first = np.floor(values.min() / width)
    return width * np.arange(first, np.floor(values.max() / width) + 2)


def bands(values: pd.Series, width: float) -> pd.Series:
    """The band of each value as a categorical, named by its edges: "20–22.5" holds 20 but not 22.5."""
    edges = band_edges(values, width)
    names = [f"{low:g}–{high:g}" for low, high in zip(edges[:-1], edges[1:], strict=True)]
    return pd.cut(values, edges, right=False, labels=names)


def scalar_by_class(scalar: Task, classes: Task, table: pd.DataFrame) -> pd.DataFrame:
    """For each class the speakers and bursts with both labels, and the median and quartiles of the scalar
    over bursts."""
    rows = table.dropna(subset=[scalar.columns[0], classes.columns[0]])
    grouped = rows.groupby(pd.Categorical(rows[classes.columns[0]], classes.classes), observed=True)
    quartiles = grouped[scalar.columns[0]].quantile([0.25, 0.5, 0.75]).unstack()
    quartiles.columns = ["lower quartile", "median", "upper quartile"]
    counts = pd.DataFrame({"speakers": grouped["speaker"].nunique(), "bursts": grouped.size()})
    return counts.join(quartiles).rename_axis(classes.name)


def correlation_ratio(values: ArrayLike, groups: ArrayLike) -> float:
    """Eta squared: the share of the variance of `values` that lies between `groups`, (bursts,) both.

    >>> correlation_ratio([1, 1, 3, 3], ["a", "a", "b", "b"])
    1.0
    """
    values, codes = np.asarray(values, np.float64), np.unique(np.asarray(groups), return_inverse=True)[1]
    means = np.bincount(codes, values) / np.bincount(codes)
    whole = values.var()
    return float(((means[codes] - values.mean()) ** 2).mean() / whole) if whole > 0 else float("nan")


def cramers_v(a: ArrayLike, b: ArrayLike) -> float:
    """Cramér's V: 0 where the categories `a` and `b`, (bursts,) both, are independent, 1 where one decides
    the other.

    NaN where either is always the same.
    """
    codes_a, codes_b = (np.unique(np.asarray(x), return_inverse=True)[1] for x in (a, b))
    shape = codes_a.max() + 1, codes_b.max() + 1
    if min(shape) < 2:
        return float("nan")
    counts = np.bincount(codes_a * shape[1] + codes_b, minlength=shape[0] * shape[1]).reshape(shape)
    return float(association(counts, method="cramer"))


def associations(corpus: Corpus, table: pd.DataFrame, repeats: int = 200, seed: int = 0) -> pd.DataFrame:
    """How far each pair of tasks hangs together in `table`, one row for each measure: value, by_chance,
    at_most.

    Of a scalar and another task the correlation ratio, of any pair Cramér's V between their `categories`. A
    small corpus shows some association by chance: the mean (`by_chance`) and the 95th percentile (`at_most`)
    of the measure over `repeats` in which speakers exchange their labels of one task, or bursts do where a
    speaker's labels vary.
    """
    rng, rows = np.random.default_rng(seed), []
    for place, first in enumerate(corpus.tasks):
        for second in corpus.tasks[place + 1:]:
            rows += _pair(first, second, table, repeats, rng)
    columns = ["labels", "measure", "value", "by_chance", "at_most"]
    return pd.DataFrame(rows, columns=columns).set_index(["labels", "measure"])


def _pair(first: Task, second: Task, table: pd.DataFrame, repeats: int,
          rng: np.random.Generator) -> list[tuple]:
    known = table[first.labelled(table) & second.labelled(table)]
    a, b = (categories(task, known).astype(str).to_numpy() for task in (first, second))
    speakers = known["speaker"].fillna(pd.Series(known.index, known.index)).to_numpy()
    names, rows = f"{_label(first)} × {_label(second)}", []
    if "scalar" in (first.kind, second.kind):
        scalar, other = (first, b) if first.kind == "scalar" else (second, a)
        values = known[scalar.columns[0]].to_numpy()
        found = _against_chance(correlation_ratio, values, other, speakers, repeats, rng)
        rows.append((names, "correlation ratio η²", *found))
    rows.append((names, "Cramér's V", *_against_chance(cramers_v, a, b, speakers, repeats, rng)))
    return rows


def _against_chance(measure: Callable, a: np.ndarray, b: np.ndarray, speakers: np.ndarray, repeats: int,
                    rng: np.random.Generator) -> tuple[float, float, float]:
    """The measure of `a` and `b`, and its mean and 95th percentile with `b` exchanged."""
    chance = [measure(a, b[order]) for order in exchanges(b, speakers, repeats, rng)]
    return measure(a, b), float(np.mean(chance)), float(np.quantile(chance, 0.95))


def exchanges(labels: np.ndarray, speakers: np.ndarray, repeats: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Random orders (bursts,) of `labels` (bursts, ...) that keep their distribution and break their ties to the sound.

    Speakers exchange their labels, so that a speaker's bursts go on sharing one; where a speaker's labels vary, bursts
    do.
    """
    codes = np.unique(speakers, return_inverse=True)[1]
    first_of_each = np.unique(codes, return_index=True)[1]
    if not (labels == labels[first_of_each][codes]).all():  # no trait of the speaker
        codes = first_of_each = np.arange(len(labels))
    for _ in range(repeats):
        yield rng.permutation(first_of_each)[codes]


def _label(task: Task) -> str:
    return {"intensities": f"strongest {task.name}", "scalar": task.name, "classes": task.name}[task.kind]


def uar_from_scalar(corpus: Corpus, scalar: Task, classes: Task, split: str) -> float:
    """The UAR on `split` of guessing the class from the true scalar alone: the class in whose training bursts
    its band is most frequent."""
    table = corpus.table[scalar.labelled(corpus.table) & classes.labelled(corpus.table)]
    band, column = categories(scalar, table), table[classes.columns[0]]
    train = table["split"] == "train"
    shares = pd.crosstab(column[train], band[train], normalize="index", dropna=False)
    wanted = table["split"] == split
    return uar(column[wanted], band[wanted].map(shares.idxmax()).astype(str))


def examples(task: Task, table: pd.DataFrame) -> dict[str, str]:
    """A burst to listen to for each intensity or class that occurs: its `file`.

    Of an intensity, the burst in which it most exceeds all others together; of a class, its first.
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
    """Rows of `table` drawn at random: of the bursts in which each of `names` is the strongest intensity,
    `size` by speakers of either sex, or all where there are fewer."""
    shuffled = table.sample(frac=1, random_state=seed)
    strongest = categories(task, shuffled)
    shuffled, strongest = shuffled[strongest.isin(names)], strongest[strongest.isin(names)]
    return shuffled.groupby([strongest.astype(str), "sex"]).head(size)
