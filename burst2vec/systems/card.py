"""Model cards: what a trained model is, what it was trained on, how well it scores, and what it must not be used for.

A card is Markdown text below a header that the Hugging Face hub reads. Every score stands beside the scores of
audio-free baselines, and is called synthetic where the corpus is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from burst2vec import __version__
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.metrics import METRIC_NAMES, metric_columns, sign
from burst2vec.evaluation.trivial import is_trivial
from burst2vec.results import scores

if TYPE_CHECKING:
    from burst2vec.models.burst2vec import Burst2Vec

SPLITS = {"train": "training", "val": "validation", "test": "test"}
"""What a card calls each split."""

SYNTHETIC = ("**Synthetic:** the bursts and labels were made by a synthesiser. The scores show that the software "
             "works; they say nothing about people or about recordings of them.")
"""The warning on the card of a model whose corpora are all synthetic."""

PARTLY = ("**Partly synthetic:** the bursts and labels of {made} were made by a synthesiser, and scores on them say "
          "nothing about people; those of {real} are as that corpus has them.")
"""The warning on the card of a model some of whose corpora are synthetic."""

USE = """## Use

```sh
burst2vec predict FOLDER laugh.wav recordings/ --out predictions.csv
```

where `FOLDER` is the one that holds this card."""
"""The section that says how the model predicts recordings."""

INTENDED = """## Intended use

For research on vocal bursts, and on what models hear in them.

- Not for decisions about people: not in hiring, education, insurance, health care, policing, migration or surveillance.
- An emotion here is the label that a corpus gives a short sound, not what somebody felt.
- Age and country are guessed from the voice with large errors; the scores of audio-free baselines show how
  large. A country is one of the corpus's few, not a nationality, a language or a descent.
- Recordings of voices are personal data: ask those who are heard in them."""
"""The section that says what the model is for, and what it is not for."""


def describe_model(model: Burst2Vec, title: str = "Burst2Vec", corpus: Corpus | None = None,
                   predictions: pd.DataFrame | None = None, tiny: bool = False) -> str:
    """The card of a model, with its training corpus and the scores of its predictions where they are given.

    `tiny` says that the backbone is a small one that started from random weights, not the checkpoint of its name.
    """
    table = _score(corpus, title, predictions)
    own = bool(tiny and corpus and corpus.wholly_synthetic)
    data = _header(title, model.tasks, corpus, table, license="apache-2.0" if own else "other",
                   license_name=None if own else "corpus-and-checkpoint", base_model=None if tiny else _on_hub(model))
    return _join(data, title, _tasks(model.tasks), USE, _training(corpus), _backbone(model, tiny),
                 _scores(corpus, table), INTENDED, _licence(own, tiny))


def describe_ensemble(title: str, members: Iterable[str], corpus: Corpus | None = None,
                      predictions: pd.DataFrame | None = None) -> str:
    """The card of an ensemble, which has no weights of its own; `members` are the codes of its members."""
    table = _score(corpus, title, predictions)
    tasks = corpus.tasks if corpus else ()
    data = _header(title, tasks, corpus, table, license="other", license_name="of-the-members")
    listed = "\n".join(f"- `{member}`" for member in members)
    joined = (f"## Members\n\n{listed}\n\nIntensities and scalars are the members' mean, a class is the one of the "
              "highest mean probability.")
    return _join(data, title, joined, _tasks(tasks), USE, _training(corpus), _scores(corpus, table), INTENDED,
                 "## Licence\n\nThis folder holds no weights; its members' licences apply.")


def _join(data: ModelCardData, title: str, *sections: str) -> str:
    text = "\n\n".join(section for section in (f"# {title}", *sections) if section)
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}\n").content


def _header(title: str, tasks: Sequence[Task], corpus: Corpus | None, table: pd.DataFrame, **fields) -> ModelCardData:
    systems = table[~table["code"].map(is_trivial).astype(bool)]
    results = [EvalResult("audio-classification", corpus.name, _named(corpus), METRIC_NAMES[task.kind].lower(),
                          round(float(row[column]), 4), dataset_split=row["split"], metric_name=_heading(task))
               for _, row in systems.iterrows() for column, task in metric_columns(tasks).items()
               if corpus and np.isfinite(row[column])]
    tags = ["vocal-bursts", "burst2vec", *(task.name for task in tasks)]
    return ModelCardData(model_name=title, library_name="burst2vec", pipeline_tag="audio-classification",
                         tags=tags + ["synthetic"] * bool(corpus and corpus.synthetic),
                         eval_results=results or None, **fields)


def _on_hub(model: Burst2Vec) -> str | None:
    name = model.backbone.settings.name
    return name if name.count("/") == 1 else None


def _parts(corpus: Corpus) -> tuple[Corpus, ...]:
    """The corpora that a corpus is joined from; the corpus itself where it is a single one."""
    return corpus.parts or (corpus,)


def _named(corpus: Corpus) -> str:
    """The names of the corpora that a corpus is joined from, each called synthetic where it is."""
    return " + ".join(f"{part.name} (synthetic)" if part.synthetic else part.name for part in _parts(corpus))


def _warning(corpus: Corpus) -> str:
    """The warning about the synthetic ones among a corpus's parts; empty where there are none."""
    made, real = (" and ".join(p.name for p in _parts(corpus) if p.synthetic == kind) for kind in (True, False))
    if made and real:
        return PARTLY.format(made=made, real=real)
    return SYNTHETIC if made else ""


def _heading(task: Task) -> str:
    unit = f" ({task.unit})" if task.kind == "scalar" and task.unit else ""
    return f"{task.name} {METRIC_NAMES[task.kind]}{unit}"


def _tasks(tasks: Sequence[Task]) -> str:
    rows = []
    for task in tasks:
        found = ", ".join(task.classes or task.columns)
        if task.kind == "scalar":
            found = f"{task.columns[0]} in {task.unit or 'its own unit'}, trained on {task.low:g} to {task.high:g}"
        rows.append((task.name, task.kind, found))
    return "## Tasks\n\nFrom the recording of a vocal burst – a laugh, a sob, a gasp:\n\n" + _table(
        ("task", "kind", "predicts"), rows) if tasks else ""


def _training(corpus: Corpus | None) -> str:
    if corpus is None:
        return "## Training\n\nNot recorded."
    rows = [(said, f"{len(part):,}", f"{part['speaker'].nunique():,}" if part["speaker"].notna().any() else "unknown")
            for split, said in SPLITS.items() if len(part := corpus.split(split))]
    said = ["## Training", f"Corpus: {_named(corpus)}.", _table(("split", "bursts", "speakers"), rows)]
    return "\n\n".join(filter(None, [*said, _warning(corpus)]))


def _backbone(model: Burst2Vec, tiny: bool) -> str:
    backbone, shape = model.backbone, model.backbone.config
    origin = "a tiny model of that family, not the published weights" if tiny else "fine-tuned from that checkpoint"
    rows = [("backbone", f"{backbone.settings.name}: {origin}"),
            ("architecture", f"{shape.model_type}, {shape.num_hidden_layers} layers of width {shape.hidden_size}"),
            ("parameters", f"{sum(p.numel() for p in model.parameters()):,}"),
            ("feature encoder", "frozen" if backbone.frozen else "trained"), ("padding", backbone.padding),
            *((name, str(value).lower()) for name, value in model.settings.items()),
            ("burst2vec", __version__)]
    return "## Model\n\n" + _table(("setting", "value"), rows)


def _licence(own: bool, tiny: bool) -> str:
    if own:
        return "## Licence\n\nApache-2.0, as the software: corpus and backbone are its own."
    terms = ("training corpus: its terms say" if tiny else
             "training corpus and from the backbone's checkpoint: the terms of both say")
    return (f"## Licence\n\nThe software is under Apache-2.0. The weights follow from the {terms} whether they may be "
            "passed on.")


def _score(corpus: Corpus | None, title: str, predictions: pd.DataFrame | None) -> pd.DataFrame:
    """Returns Table 2 of one system and the audio-free baselines; it is empty where there is nothing to score."""
    if corpus is None or predictions is None:
        return pd.DataFrame(columns=["code", "model", "split", "marks"])
    return scores.table2(corpus, {title: predictions}, {title: title}, references=[])


def _scores(corpus: Corpus | None, table: pd.DataFrame) -> str:
    if corpus is None or table.empty:
        return "## Scores\n\nNot recorded."
    columns = {c: _heading(task) for c, task in metric_columns(corpus.tasks).items()}
    columns |= {"s_mtl": "S_MTL"} if "s_mtl" in table else {}
    rows = [(SPLITS[row["split"]], row["code"], *(_number(row[c]) for c in columns)) for _, row in table.iterrows()]
    said = [f"Measured on {_named(corpus)}. The rows below the model's are audio-free baselines: {_trivial(table)}.",
            _table(("split", "predictor", *columns.values()), rows), _not_beaten(table, columns)]
    return "## Scores\n\n" + "\n\n".join(filter(None, said))


def _trivial(table: pd.DataFrame) -> str:
    rows = table[table["code"].map(is_trivial).astype(bool)].drop_duplicates("code")
    return "; ".join(f"{row['code']} ({row['model']})" for _, row in rows.iterrows())


def _not_beaten(table: pd.DataFrame, columns: dict[str, str]) -> str:
    """A sentence that names the metrics at which the model is no better on validation than the constant and the
    random answer; empty where it is better at all of them."""
    rows = table[table["split"] == "val"].set_index("code")
    fair = rows.loc[[code for code in ("Constant", "Chance") if code in rows.index]]
    weak = [said for c, said in columns.items() if not sign(c) * rows[c].iloc[0] > (sign(c) * fair[c]).max()]
    return ("On validation the model does no better than an audio-free baseline at: "
            + ", ".join(weak) + ".") if weak else ""


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "–"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
