"""The trainings of a run as tables, sentences, and a tab for each variant. Nothing is trained here."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure

from burst2vec.config import Params
from burst2vec.corpora.corpus import AUDIO, SPLIT_WORDS, Corpus, Task
from burst2vec.evaluation.metrics import METRIC_NAMES, metric_columns, sign
from burst2vec.evaluation.trivial import trivial_rows
from burst2vec.report.figures.style import STYLE
from burst2vec.report.figures.training import draw_terms
from burst2vec.report.sentences import describe_heads_first, initial_weights
from burst2vec.report.tables.frames import boxed
from burst2vec.report.words import DASH, column_name, counted, interval, listed, metric_name, number
from burst2vec.results.runs import VARIANTS
from burst2vec.results.trainings import SEED, Training, differing, spreads

TOTALS = ("total", "loss")
"""The term of a history that is a task's whole loss: in the training of a variant, and of the baseline."""


# Tables -----------------------------------------------------------------------------------------------------

def facts_table(trainings: Sequence[Training], tasks: Sequence[Task]) -> pd.DataFrame:
    """A row for each training: its steps, the step whose weights were kept, its time, and the tasks that were still
    improving, whose metric on validation is best at the last step, as HTML."""
    rows = [(_named(training), f"{training.summary['iterations']:,}", f"{training.summary['best_iteration']:,}",
             duration(training.summary["seconds"]),
             ", ".join(task.name for task in tasks if training.improves(task)) or "none") for training in trainings]
    return pd.DataFrame(rows, columns=["Training", "Steps", "Best step", "Time", "Still improving"])


def scores_table(trainings: Sequence[Training], tasks: Sequence[Task], scores: pd.DataFrame) -> pd.DataFrame:
    """A row for each training: each task's score on validation and on test, above its interval, as HTML.

    `scores` are those of `results.trainings.score_trainings`. A split without labels has no columns.
    """
    cells = {("", "Training"): [_named(training) for training in trainings]}
    for split in ("val", "test"):
        for metric, task in metric_columns(tasks).items():
            rows = scores[(scores["split"] == split) & (scores["metric"] == metric)].set_index("name")
            if len(rows):
                digits = 2 if task.kind == "scalar" else 3
                cells[SPLIT_WORDS[split].capitalize(), heading(metric, task)] = [
                    _scored(rows, training.name, digits) for training in trainings]
    return pd.DataFrame(cells)


def _named(training: Training) -> str:
    return f"{escape(training.code)}<small>{escape(training.what)}</small>"


def _scored(rows: pd.DataFrame, name: str, digits: int) -> str:
    if name not in rows.index:
        return DASH
    row = rows.loc[name]
    return f"{number(row['estimate'], digits)}<small>{interval(row['low'], row['high'], digits)}</small>"


def heading(metric: str, task: Task) -> str:
    """The name of a metric's column, its unit, and an arrow in the direction of better values: `Age-MAE (years) ↓`."""
    unit = f" ({task.unit})" if task.unit else ""
    return f"{metric_name(metric)}{unit} {'↑' if sign(METRIC_NAMES[task.kind]) > 0 else '↓'}"


def duration(seconds: float) -> str:
    """A time in seconds, minutes or hours, whichever suits it.

    >>> duration(24.0), duration(150), duration(9000)
    ('24 s', '2.5 min', '2.5 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def summary_table(summary: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each fact in the summary of a training, in words, as HTML."""
    rows = [(column_name(name), _fact(name, value)) for name, value in summary.items() if name != "seconds"]
    return pd.DataFrame([("time", duration(summary["seconds"])), *rows], columns=["", "This training"])


def _fact(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_share"):
        return f"{100 * value:.1f} %"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def constant_scores(corpus: Corpus, split: str = "val") -> dict[str, float]:
    """The score on each task, by its name, of the audio-free baseline *Constant*; NaN where the split has no label."""
    return next(row.scores for row in trivial_rows(corpus, split) if row.code == "Constant")


# Sentences --------------------------------------------------------------------------------------------------

def describe_trainings(trainings: Sequence[Training], tasks: Sequence[Task], deciding: Task,
                       scores: pd.DataFrame) -> str:
    """Sentences on how many trainings there are, whether their curves are at their end, and how far variants, seeds
    and speakers move a score, all by the metric of the `deciding` task, and on the steps in which no backbone learns.
    """
    own = [training for training in trainings if training.kind == SEED]
    if not own:
        return "No variant has been trained."
    codes, further = {training.code for training in own}, len(trainings) - len(own)
    beside = f", and {counted(further, 'further training')} beside them" if further else ""
    column = next(name for name, task in metric_columns(tasks).items() if task == deciding)
    return " ".join(filter(None, [
        f"{counted(len(codes), 'variant was', 'variants were')} trained in {counted(len(own), 'training')}{beside}, "
        f"{_steps(trainings)} each.",
        describe_end(own, deciding),
        _describe_spread(spreads(own, scores, column), deciding, scores[scores["metric"] == column]),
        *_describe_heads(own)]))


def _steps(trainings: Sequence[Training]) -> str:
    found = [training.summary["iterations"] for training in trainings]
    return (f"{min(found):,} to " if min(found) < max(found) else "") + counted(max(found), "step")


def _describe_heads(trainings: Sequence[Training]) -> list[str]:
    """What `describe_heads_first` says of trainings, with the codes of their variants where it is not one thing."""
    said: dict[str, list[str]] = {}
    for training in trainings:
        params = {name: training.params[name] for name in ("head_steps", "max_steps") if name in training.params}
        said.setdefault(describe_heads_first(Params(**params)), []).append(training.code)
    if len(said) == 1:
        return list(said)
    return [f"{listed(list(dict.fromkeys(codes)))}: {sentence}" for sentence, codes in said.items() if sentence]


def describe_end(trainings: Sequence[Training], task: Task) -> str:
    """A sentence that says in how many trainings a task's metric on validation is best at the last step, and what
    follows."""
    improving, every = sum(training.improves(task) for training in trainings), len(trainings)
    metric = f"the {METRIC_NAMES[task.kind]} of {task.name} on validation"
    if not improving:
        falling = all(training.params.get("learning_rate_decay") == "linear" for training in trainings)
        return (f"In none of the {counted(every, 'training')} is {metric} best at the last step: no later validation "
                f"was better{', while the learning rate fell towards zero' * falling}.")
    where = f"all {every} trainings" if improving == every > 1 else f"{improving} of {counted(every, 'training')}"
    return f"In {where} {metric} is best at the last step: more steps may change the scores, and their order."


def _describe_spread(table: pd.DataFrame, task: Task, scores: pd.DataFrame) -> str:
    """A sentence on a table of `spreads` by a task's metric, beside the width of its intervals in `scores`; empty for a
    table without rows."""
    if table.empty:
        return ""
    said = [f"the means of the variants lie between {number(table['mean'].min())} and {number(table['mean'].max())}"
            if len(table) > 1 else f"{table['code'].iloc[0]} scores {number(table['mean'].iloc[0])}"]
    apart = (table["high"] - table["low"])[table["seeds"] > 1]
    if len(apart):
        said.append(f"seeds of one variant up to {number(apart.max())} apart ({table['code'][apart.idxmax()]})")
    validation = scores[scores["split"] == "val"]
    width = (validation["high"] - validation["low"]).median()
    speakers = "" if pd.isna(width) else f"; the 95 % interval of one score over speakers is about {number(width)} wide"
    return f"By this {METRIC_NAMES[task.kind]} {listed(said)}{speakers}."


def describe_floors(tasks: Sequence[Task], floors: Mapping[str, float]) -> str:
    """A sentence on the scores of the audio-free baseline *Constant* (`constant_scores`)."""
    said = [f"{number(floors[task.name])} ({METRIC_NAMES[task.kind]} of {task.name})"
            for task in metric_columns(tasks).values()]
    return f"On validation a constant, audio-free answer scores {listed(said)}."


def describe_loss(history: pd.DataFrame, tasks: Sequence[Task]) -> str:
    """A sentence on how far each task's training loss went down or up, from a training's history."""
    said = []
    for task in tasks:
        rows = history[(history["stage"] == "train") & (history["task"] == task.name)]
        values = rows[rows["term"].isin(TOTALS)].groupby("iteration")["value"].sum().to_numpy()
        if len(values):
            way = "falls" if values[-1] < values[0] else "rises"
            said.append(f"that of {task.name} {way} from {number(values[0], 2)} to {number(values[-1], 2)}"
                        if len(values) > 1 else f"that of {task.name} is {number(values[0], 2)}")
    return f"Of the training losses, {listed(said)}." if said else "No training loss was recorded."


def describe_training(training: Training, tasks: Sequence[Task], scores: pd.DataFrame,
                      floors: Mapping[str, float]) -> str:
    """Sentences on one training: its question, its steps, each task's score on validation with its interval beside the
    `floors`, which are those of the audio-free baseline *Constant* by the name of the task, and, of a variant, the
    steps in which its backbone does not learn."""
    rows = scores[(scores["split"] == "val") & (scores["name"] == training.name)].set_index("metric")
    said = [f"{METRIC_NAMES[task.kind]} of {task.name} {_beside(rows.loc[column], floors[task.name])}"
            for column, task in metric_columns(tasks).items() if column in rows.index]
    best, last = training.summary["best_iteration"], training.summary["iterations"]
    kept = "the last" if best == last else f"step {best:,}"
    asked = f"{training.params['question']} " if training.params.get("question") else ""
    found = f" On validation: {'; '.join(said)}." if said else ""
    heads = _describe_heads([training]) if training.code in VARIANTS else []
    return " ".join(filter(None, [
        f"{asked}Trained for {counted(last, 'step')} with seed {training.seed}; kept are the weights of {kept}."
        f"{found}{' Another seed may score otherwise.' if found else ''}", *heads]))


def _beside(row: pd.Series, floor: float) -> str:
    """A score with its interval, where it has one, and what a constant scores."""
    bounds = interval(row["low"], row["high"])
    return f"{number(row['estimate'])} ({f'{bounds}; ' * bool(bounds)}a constant scores {number(floor)})"


# Tabs -------------------------------------------------------------------------------------------------------

def variant_tabs(variants: Mapping[str, Params], trainings: Sequence[Training], tasks: Sequence[Task]) -> HTML:
    """A tab for each variant by its code: its question, the parameters in which variants differ, its model, the terms
    of its loss, and a link to the executed notebook. Variants that are not among the trainings say what they lack."""
    own = {training.code: training for training in reversed(trainings) if training.kind == SEED}
    told = differing(trainings)
    return tabs({code: _about(code, params, own.get(code), told.get(code, {}), tasks)
                 for code, params in variants.items()}, "variant")


def _about(code: str, params: Params, training: Training | None, told: Mapping[str, Any],
           tasks: Sequence[Task]) -> str:
    """What a variant's tab holds, as HTML."""
    head = f"<p><strong>{escape(params.title)}.</strong> {escape(params.question)}</p>"
    link = f'<p><a href="{escape(code)}.html">The executed notebook of {escape(code)}</a></p>'
    if training is None:
        return f"{head}<p>Not trained: this corpus has no {AUDIO[params.audio]} recordings, which it needs.</p>"
    rows = [(f"<code>{escape(name)}</code>", escape(_value(value))) for name, value in told.items()]
    facts = [("Weights at the start", escape(initial_weights(training.params))), *_model(training.summary)]
    table = boxed(pd.DataFrame([*rows, *facts], columns=["", escape(code)]), align="left").data
    figure = draw_terms(training.history, tasks)
    caption = f"The terms of each task's loss in {code}, {training.what}, as means between validations."
    return f"{head}{table}<figure>{picture(figure, caption)}<figcaption>{caption}</figcaption></figure>{link}"


def _value(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _model(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a training's summary says of its model, as rows of a table."""
    rows = []
    if "backbone_layers" in summary:
        rows.append(("Transformer", f"{counted(summary['backbone_layers'], 'layer')} of "
                                    f"{counted(summary['backbone_hidden_size'], 'feature')}"))
    if "backbone_feature_norm" in summary:
        rows.append(("Norm of the feature encoder", escape(str(summary["backbone_feature_norm"]))))
    return [*rows, ("Parameters", f"{summary['parameters']:,}")] if "parameters" in summary else rows


def tabs(contents: Mapping[str, str], name: str) -> HTML:
    """HTML contents by their headings, as tabs in the style of sphinx-design; below one another where that is absent.

    `name` tells them from other tabs of the page.
    """
    found = []
    for place, (heading, content) in enumerate(contents.items()):
        checked = " checked" * (place == 0)
        found.append(f'<input type="radio" name="{name}" id="{name}-{place}"{checked}>'
                     f'<label class="sd-tab-label" for="{name}-{place}">{escape(heading)}</label>'
                     f'<div class="sd-tab-content">{content}</div>')
    return HTML(f'<div class="sd-tab-set">{"".join(found)}</div>')


def picture(figure: Figure, alternative: str) -> str:
    """A figure as an HTML image in vectors, and the same bytes for the same figure; closes the figure."""
    with io.BytesIO() as file, plt.rc_context(STYLE | {"svg.fonttype": "none"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
        data = base64.b64encode(file.getvalue()).decode()
    plt.close(figure)
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(alternative)}" style="max-width: 100%">'
