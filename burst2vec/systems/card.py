"""Model cards: what a trained model is, what it was trained on, how well it scores, and what it must not be used for.

A card is Markdown text below a header that the Hugging Face hub reads. Every score stands beside the scores of
audio-free baselines, and is called synthetic where the corpus is. Tasks of classes are also scored class by class, with
intervals over speakers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from burst2vec import __version__
from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.audio.store import Store
from burst2vec.config import Params
from burst2vec.corpora.corpus import SPLIT_WORDS, Corpus, Task
from burst2vec.corpora.licence import find_licence
from burst2vec.evaluation.bootstrap import scored_splits
from burst2vec.evaluation.calibration import calibration_error, tempered
from burst2vec.evaluation.classes import score_classes
from burst2vec.evaluation.metrics import METRIC_NAMES, aligned, metric_columns, sign
from burst2vec.evaluation.speaker_sums import speaker_indices
from burst2vec.evaluation.trivial import is_trivial
from burst2vec.models.shipped import read_facts
from burst2vec.models.tiny import CHECKPOINTS
from burst2vec.results import scores

if TYPE_CHECKING:
    from burst2vec.models.burst2vec import Burst2Vec

SYNTHETIC = ("**Synthetic:** the bursts and labels were made by a synthesiser. The scores show that the software "
             "works; they say nothing about people or about recordings of them.")
"""The warning on the card of a model whose corpora are all synthetic."""

PARTLY = ("**Partly synthetic:** the bursts and labels of {made} were made by a synthesiser, and scores on them say "
          "nothing about people; those of {real} are as that corpus has them.")
"""The warning on the card of a model some of whose corpora are synthetic."""

USE = """## Use

```sh
burst2vec predict laugh.wav recordings/ --model FOLDER --out predictions.csv
```

where `FOLDER` is the one that holds this card."""
"""The section that says how the model predicts recordings."""

INTENDED = """## Intended use

For research on vocal bursts, and on what models hear in them.

- Not for decisions about people: not in hiring, education, insurance, health care, policing, migration or surveillance.
- An emotion here is the label that a corpus gives a short sound, not what somebody felt.
- Age and country, where they are predicted, are guessed from the voice with large errors; the scores of audio-free
  baselines show how large. A country is one of the corpus's few, not a nationality, a language or a descent.
- Every recording gets an answer, speech and noise as well. It is one of those that the corpus has, and the scores are
  those of its speakers and microphones; other people, languages and rooms were not measured.
- Recordings of voices are personal data: ask those who are heard in them."""
"""The section that says what the model is for, and what it is not for."""

ORIGINS = {
    "published": "fine-tuned from that checkpoint",
    "small": "the small model of that family that comes with burst2vec",
    "tiny": "a tiny model of that family, not the published weights",
}
"""What a card says of a backbone of each `backbone_size`."""

TERMS = {
    ("published", True): "training corpus and from the backbone's checkpoint: the terms of both say",
    ("published", False): "training corpus and from the feature encoder's checkpoint: the terms of both say",
    ("small", True): "training corpus and from the corpora of the backbone's pre-training: the terms of all say",
}
"""What the weights of a model follow from, by `backbone_size` and `pretrained`; the others from the corpus alone."""


def describe_model(model: Burst2Vec, title: str = "Burst2Vec", corpus: Corpus | None = None,
                   predictions: pd.DataFrame | None = None, params: Params | None = None, store: Store | None = None,
                   half: bool = False) -> str:
    """The card of a model, with its training corpus and the scores of its predictions where they are given.

    The `params` of its training say what its backbone is; without them, the checkpoint of its name. The `store` of the
    corpus adds how many hours it is. `half` says that the weights are stored in half precision.
    """
    params = params or Params()
    table = _score(corpus, title, predictions)
    origin = (params.backbone_size, params.pretrained)
    own = bool(origin not in TERMS and corpus and corpus.wholly_synthetic)
    data = _header(title, model.tasks, corpus, table, license="apache-2.0" if own else "other",
                   license_name=None if own else "corpus-and-checkpoint",
                   base_model=_on_hub(model) if origin == ("published", True) else None)
    return _join(data, title, _tasks(model.tasks), USE, _training(corpus, store), _pretraining(params),
                 _backbone(model, params, half), _scores(corpus, table),
                 _by_class(corpus, predictions, model.temperatures), INTENDED,
                 _licence(own, params, corpus))


def describe_ensemble(title: str, members: Iterable[str], corpus: Corpus | None = None,
                      predictions: pd.DataFrame | None = None) -> str:
    """The card of an ensemble, which has no weights of its own; `members` are the codes of its members."""
    table = _score(corpus, title, predictions)
    tasks = corpus.tasks if corpus else ()
    data = _header(title, tasks, corpus, table, license="other", license_name="of-the-members")
    listed = "\n".join(f"- `{member}`" for member in members)
    joined = (f"## Members\n\n{listed}\n\nIntensities and scalars are the members' mean, a class is the one of the "
              "highest mean probability.")
    return _join(data, title, joined, _tasks(tasks), USE, _training(corpus), _scores(corpus, table),
                 _by_class(corpus, predictions), INTENDED,
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


def _training(corpus: Corpus | None, store: Store | None = None) -> str:
    if corpus is None:
        return "## Training\n\nNot recorded."
    rows = []
    for split, name in SPLIT_WORDS.items():
        there = (corpus.table["split"] == split).to_numpy()
        if there.any():
            hours = (f"{store.lengths[there].sum() / SAMPLE_RATE / 3600:.2f}",) if store else ()
            rows.append((name, f"{there.sum():,}", _count_speakers(corpus.table[there]), *hours))
    head = ("split", "bursts", "speakers", *(["hours"] if store else []))
    said = ["## Training", f"Corpus: {_named(corpus)}. The model has learnt from the training split alone; validation "
            "decided when to stop.",
            _table(head, rows)]
    return "\n\n".join(filter(None, [*said, _warning(corpus)]))


def _count_speakers(rows: pd.DataFrame) -> str:
    return f"{rows['speaker'].nunique():,}" if rows["speaker"].notna().any() else "unknown"


def _pretraining(params: Params) -> str:
    """The section that says what a small backbone had heard before; empty for other backbones."""
    family = _family(params)
    if not family:
        return ""
    said, facts = f"The backbone's own card is `burst2vec/weights/{family}/README.md`.", read_facts(family)
    if facts:
        heard = [f"{part['name']} (synthetic)" if part["synthetic"] else part["name"] for part in facts["corpora"]]
        splits = f"training split of {heard[0]}" if len(heard) == 1 else f"training splits of {' and '.join(heard)}"
        hours = f"{facts['record']['hours']:.2f} hours"
        said = f"Before, the backbone has heard the {splits}, without labels: {hours}. {said}"
    return f"## Pre-training\n\n{said}"


def _family(params: Params) -> str:
    """The family whose small pre-trained model is the backbone, as its folder is called; empty for other backbones."""
    small = params.backbone_size == "small" and params.pretrained
    return next((family for family, name in CHECKPOINTS.items() if small and name == params.backbone), "")


def _backbone(model: Burst2Vec, params: Params, half: bool) -> str:
    backbone, shape = model.backbone, model.backbone.config
    origin = (ORIGINS[params.backbone_size] if params.pretrained or params.backbone_size == "tiny" else
              "its shape and feature encoder alone; the other weights began at random")
    rows = [("backbone", f"{backbone.settings.name}: {origin}"),
            ("architecture", f"{shape.model_type}, {shape.num_hidden_layers} layers of width {shape.hidden_size}"),
            ("parameters", f"{sum(p.numel() for p in model.parameters()):,}"),
            ("feature encoder", "frozen" if backbone.frozen else "trained"), ("padding", backbone.padding),
            *((name, str(value).lower()) for name, value in _settings(model).items()),
            ("burst2vec", __version__)]
    if half:
        rows.append(("stored in", "half precision (float16); the scores are those of the model before, in float32"))
    return "## Model\n\n" + _table(("setting", "value"), rows)


def _settings(model: Burst2Vec) -> dict[str, Any]:
    """The settings of a model as they took effect: with a single task there is no adversary."""
    if model.discriminator:
        return model.settings
    return {name: value for name, value in model.settings.items() if name != "reversal"} | {"adversarial": False}


def _licence(own: bool, params: Params, corpus: Corpus | None) -> str:
    if own:
        return "## Licence\n\nApache-2.0, as the software: corpus and backbone are its own."
    terms = TERMS.get((params.backbone_size, params.pretrained), "training corpus: its terms say")
    said = [f"The software is under Apache-2.0. The weights follow from the {terms} whether they may be passed on."]
    found = {part.name: find_licence(part) for part in (_parts(corpus) if corpus else ())}
    facts = read_facts(_family(params)) or {"corpora": []}
    found |= {part["name"]: part["licence"] for part in facts["corpora"] if part["licence"]}
    said += [f"In the folder of {name} lies the licence: {licence}." for name, licence in found.items() if licence]
    return "\n\n".join(["## Licence", *said])


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
    rows = [(SPLIT_WORDS[row["split"]], row["code"], *(_number(row[c]) for c in columns))
            for _, row in table.iterrows()]
    said = [f"Measured on {_named(corpus)}. The rows below the model's are audio-free baselines: {_trivial(table)}.",
            _table(("split", "predictor", *columns.values()), rows), _not_beaten(table, columns)]
    return "## Scores\n\n" + "\n\n".join(filter(None, said))


def _by_class(corpus: Corpus | None, predictions: pd.DataFrame | None,
              temperatures: Mapping[str, float] | None = None) -> str:
    """The section with the scores of each class, for the tasks of classes; empty where none can be scored."""
    if corpus is None or predictions is None:
        return ""
    said = [text for task in corpus.tasks if task.kind == "classes"
            for text in _classes_of(task, {split: corpus.split(split) for split in scored_splits(corpus)}, predictions,
                                    (temperatures or {}).get(task.name))]
    return "\n\n".join(["## Class by class", f"Measured on {_named(corpus)}.", *said]) if said else ""


def _classes_of(task: Task, truths: dict[str, pd.DataFrame], predictions: pd.DataFrame,
                temperature: float | None) -> list[str]:
    """Two tables of a task with a sentence above each: its means on each split, and its classes on the last of them."""
    labelled = {split: truth[task.labelled(truth)] for split, truth in truths.items()}
    tables = {split: score_classes(task, truth, predictions) for split, truth in labelled.items()
              if len(truth) and speaker_indices(truth).max() > 0}
    if not tables:
        return []
    rows = [(SPLIT_WORDS[split], _count_speakers(labelled[split]), *map(_interval, table.head(2).itertuples()))
            for split, table in tables.items()]
    split, table = list(tables.items())[-1]
    classes = table[2:].sort_values("estimate", ascending=False, kind="stable")
    return [f"*{task.name}* is one of {len(task.classes)} classes; whoever guesses has a UAR of "
            f"{1 / len(task.classes):.3f}. In brackets is the 95 % interval over speakers; where these are unknown it "
            "is one over bursts, and too narrow.",
            _table(("split", "speakers", "UAR", "macro-F1"), rows),
            *_confidence(task, labelled[split], predictions, SPLIT_WORDS[split], temperature),
            f"Recall is the share of a class's bursts that the model gives this class, here on {SPLIT_WORDS[split]}.",
            _table((task.name, "bursts", "recall"),
                   [(row[2], f"{row.bursts:,}", _interval(row)) for row in classes.itertuples()])]


def _confidence(task: Task, truth: pd.DataFrame, predictions: pd.DataFrame, split: str,
                temperature: float | None) -> list[str]:
    """How probable the answers are to the model, and how often they are right; none where it tells no probabilities."""
    names = list(task.probability_columns)
    if not set(names) <= set(predictions):
        return []
    known, guessed = aligned(task, truth, predictions)
    found, true = predictions.loc[known.index, names].to_numpy(), task.labels(known)
    right = (known[task.columns[0]] == guessed[task.columns[0]]).mean()
    said = (f"on {split} that of the answer is {found.max(1).mean():.2f} on average, and the share of answers that are "
            f"right is {right:.2f}. The expected calibration error is "
            f"{calibration_error(found, true):.3f}")
    if temperature is None:
        return [f"The probabilities are not calibrated: {said}."]
    before = calibration_error(tempered(found, 1 / temperature), true)
    return [f"The probabilities are calibrated: logits are divided by {temperature:.2f}, which was fitted to "
            f"validation. Then {said}; without that it is {before:.3f}."]


def _interval(row: Any) -> str:
    """An estimate with its interval, where it has one: `0.254 (0.231 to 0.278)`."""
    return _number(row.estimate) + (f" ({row.low:.3f} to {row.high:.3f})" if np.isfinite(row.low) else "")


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
