"""What the folders of pre-trained backbones say of them, side by side, as tables and sentences."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from burst2vec.corpora.opening import EMBEDDED
from burst2vec.evaluation.metrics import sign
from burst2vec.pretraining.folder import Description, summary
from burst2vec.report.words import counted, listed, number


def facts_table(descriptions: Sequence[Description]) -> pd.DataFrame:
    """How each backbone was made: a row for each fact, and after the first column, which names it, one for each."""
    columns = {told.facts["name"]: {"Data": _data(told), **summary(told)} for told in descriptions}
    return pd.DataFrame(columns).rename_axis("").reset_index()


def _data(told: Description) -> str:
    """The names of the corpora, and which of them are synthetic where the name does not say it."""
    return ", ".join(part["name"] + " (synthetic)" * (part["synthetic"] and part["name"] != "synthetic")
                     for part in told.facts["corpora"])


def probes_table(descriptions: Sequence[Description]) -> pd.DataFrame:
    """The score of each probe: a row for each kind of features, and a column for each task, with its metric.

    Features that several folders have scored, such as the log-mel statistics, stand there once. Where folders were
    scored on unlike bursts, these are named.
    """
    scored = {told.facts["probed"] for told in descriptions if told.probes is not None}
    probes = pd.concat([
        told.probes.assign(features=told.probes["features"] + f" ({told.facts['probed']})" * (len(scored) > 1))
        for told in descriptions if told.probes is not None])
    probes = probes.assign(column=probes["task"] + ", " + probes["metric"]).drop_duplicates(["features", "column"])
    table = probes.pivot(index="features", columns="column", values="score")
    return table.loc[probes["features"].unique(), probes["column"].unique()].rename_axis(columns=None).reset_index()


def commands(descriptions: Sequence[Description]) -> str:
    """The commands by which the backbones were made, as Markdown."""
    lines = "\n".join(told.facts["command"] for told in descriptions)
    return f"```sh\n{lines}\n```"


def describe_data(corpora: Sequence[str], descriptions: Sequence[Description]) -> str:
    """A line, in Markdown, on which numbers of the page are synthetic: those of pre-trainings on `corpora`, and those
    of the backbones described. Empty where none is."""
    said = []
    if set(corpora) & set(EMBEDDED):
        also = "" if set(corpora) <= set(EMBEDDED) else ", among others"
        said.append(f"the pre-trainings that ran for this page heard synthetic bursts{also}")
    said += [f"{told.facts['name']}, which comes with the library, heard {_data(told)}" for told in descriptions
             if any(part["synthetic"] for part in told.facts["corpora"])]
    return f"*Synthetic bursts: {listed(said)}. Numbers of synthetic bursts say nothing about people.*" if said else ""


def describe_guesses(descriptions: Sequence[Description]) -> str:
    """A sentence on what each backbone guesses of the speakers held out at the end of its pre-training."""
    said = [f"{told.facts['name']} guesses {100 * last['accuracy']:.0f} % of the masked frames right after "
            f"{counted(int(told.facts['record']['steps']), 'step')}, at a loss of {number(last['loss'], 2)} where a "
            f"constant guess has {number(last['constant'], 2)}"
            for told in descriptions for last in [told.history.iloc[-1]]]
    return f"{listed(said)}." if said else "No backbone was pre-trained."


def summarise(descriptions: Sequence[Description]) -> str:
    """Sentences on what the backbones that come with the library have learnt, and how sure that is."""
    if not descriptions:
        return "What do backbones learn from recordings without labels? None comes with the library to tell."
    probed = [said for told in descriptions if told.probes is not None
              for said in [_describe_probes(told.facts["name"], told.facts["probed"], told.probes)] if said]
    sure = (" These scores are points, of one pre-training each: no interval says what other speakers or seeds would "
            "give.")
    return ("What do backbones learn from recordings without labels? Of the speakers held out, "
            f"{describe_guesses(descriptions)} {' '.join(probed)}{sure if probed else ''}").strip()


def _describe_probes(name: str, bursts: str, probes: pd.DataFrame) -> str:
    """A sentence that sets the probes of the backbone `name`, scored on those `bursts`, beside those of the same with
    random weights; empty where those were not probed."""
    trained, random = (probes[probes["features"] == f"{name}, {weights}"].set_index("task")
                       for weights in ("pre-trained", "random weights"))
    if random.empty:
        return ""
    better = sum(sign(row.metric) * (row.score - random["score"][task]) > 0 for task, row in trained.iterrows())
    scores = [f"{row.metric} of {task} {number(row.score)} against {number(random['score'][task])}"
              for task, row in trained.iterrows()]
    return (f"A linear reader of the frozen features of {name} does better with pre-trained than with random weights "
            f"on {better} of {counted(len(trained), 'task')} ({'; '.join(scores)}; {bursts}).")
