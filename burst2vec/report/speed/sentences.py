"""The sentences of the page *Speed* whose wording depends on what was measured.

They are made of what `measured.read_benchmarks` returns, with numbers as the tables have them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from burst2vec.report.speed.measured import Measured, circumstances, default_steps, hardware, measured_gpus
from burst2vec.report.speed.tables import number, spread

ONE_PASS_SINCE = "2026-11-27"
"""The day from which on an epoch of the records is one pass over the bursts, and no longer three, one for each task."""


def describe_speed(found: Measured) -> str:
    """Up to three sentences: what padding costs a training, how fast predictions are, and what a full run takes.

    Of several files of one benchmark the one on a GPU is told, and of the larger model.
    """
    said = []
    if found["packing"]:
        packing = _foremost(found["packing"])
        said.append(f"A training step on random batches takes {spread(packing['to_packed']['padded'])} times as long "
                    f"if they are padded as if they are packed in groups ({circumstances(packing)}; in brackets the "
                    "lowest and the highest of its rounds).")
    if found["inference"]:
        each = _foremost(found["inference"])
        said.append(f"Predictions run at {number(1 / each['ours_rtf'])} times real time, and the `transformers` "
                    f"pipeline, set well, takes {spread(each['tuned_to_ours'])} times as long "
                    f"({circumstances(each)}).")
    if found["full_run"]:
        said.append(run_sentence(_latest_run(found["full_run"])))
    elif measured_gpus(found):
        said.append("The hours of a full run have not been estimated yet.")
    else:
        where = " on a GPU" if default_steps(found) else ""
        said.append("How many hours a full run takes is not known here: it is estimated from the steps of a training, "
                    f"which were not measured{where}.")
    return " ".join(said)


def _foremost(contents: Sequence[Mapping]) -> Mapping:
    return max(contents, key=lambda each: (each["device"] == "cuda", each["size"] == "large"))


def _latest_run(contents: Sequence[Mapping]) -> Mapping:
    """The file of full runs that were estimated from steps on a GPU, where there is one."""
    return max(contents, key=lambda each: any(step["device"] == "cuda" for step in each["measured"]))


def describe_epoch(content: Mapping) -> str:
    """A sentence on what an epoch is in a file of growth or scale."""
    if content["environment"]["Date"] >= ONE_PASS_SINCE:
        return "An epoch is one pass over the bursts."
    return ("Recorded when an epoch was three passes over the bursts, one for each task; by default it is one now, "
            "with a third of the batches.")


def caption_steps(contents: Sequence[Mapping]) -> str:
    """The caption of the figure of steps; empty where no step was measured."""
    if not contents:
        return ""
    found = "; ".join(f"{number(each['ours_s'])} s ({circumstances(each)})" for each in contents)
    return (f"A step of ours takes {found}; large marks are the mean step of an epoch, small ones single turns. To the "
            "left is less padding; lower, at the same length, is faster.")


def caption_growth(contents: Sequence[Mapping]) -> str:
    """The caption of the figure of growth; empty where it was not measured."""
    if not contents:
        return ""
    lengths = contents[0]["lengths"]
    first, last = lengths[0], lengths[-1]
    return (f"From bursts of {number(first['audio_s'])} s to bursts of {number(last['audio_s'])} s a step grows from "
            f"{number(first['step_s'])} to {number(last['step_s'])} s, and its peak of memory from "
            f"{number(first['peak_mib'])} to {number(last['peak_mib'])} MiB ({circumstances(contents[0])}). Both axes "
            "are logarithmic. On a CPU the peak is that of the whole process, libraries included; on a GPU that of "
            "what was allotted there.")


def why_longer(content: Mapping) -> str:
    """A sentence: how much longer the documented Trainer's step is, and how much of that is padding."""
    if content["documented_to_ours"] is None:
        return f"{circumstances(content)}: the Trainer as documented ran out of memory."
    times = content["documented_to_ours"]["median"]
    padding = content["epoch"]["trainer_documented"]["padded_s"] / content["epoch"]["ours"]["padded_s"]
    return (f"{circumstances(content)}: a step of the Trainer as documented takes {number(times)} times as long as "
            f"ours. Its batches are {number(padding)} times as long; for the same length it takes "
            f"{number(times / padding)} times as long.")


def cost_of_random(content: Mapping) -> str:
    """A sentence: how many times as long our step takes on random batches as on sorted ones."""
    times = content["ours_sorted_to_ours"]
    low, high = (number(1 / times[key]) for key in ("high", "low"))
    return (f"{circumstances(content)}: a step of ours on random batches takes {number(1 / times['median'])} times as "
            f"long as one on sorted batches ({low}–{high}).")


def run_sentence(content: Mapping, published: tuple[float, float] = (24, 36)) -> str:
    """Sentences on the shortest and the longest run whose hours could be computed, beside the hours, least and
    most, that were `published` for one training."""
    hours = {code: run["total_h"] for code, run in content["runs"].items() if run["total_h"] is not None}
    unknown = [code for code in content["runs"] if code not in hours]
    if not hours:
        return "No variant's step was measured, so that none of the runs can be estimated."
    shortest, longest = min(hours, key=hours.__getitem__), max(hours, key=hours.__getitem__)
    machines = " and ".join(dict.fromkeys(map(hardware, content["measured"])))
    parts = [f"On {machines}, {shortest} would take {number(hours[shortest])} hours at the most"
             + (f", {longest} {number(hours[longest])}" if longest != shortest else "")
             + f". The authors needed {published[0]} to {published[1]} hours for one training on an RTX A6000."]
    if unknown:
        parts.append(f"The size of {', '.join(unknown)} was not measured: their steps are counted, their hours "
                     "unknown.")
    return " ".join(parts)
