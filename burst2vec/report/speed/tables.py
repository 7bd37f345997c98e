"""The tables of the page *Speed*, as data frames of text for `report.tables.boxed`.

They are made of what `measured.read_benchmarks` returns. Times are medians; a dash stands for what was not measured.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from html import escape

import numpy as np
import pandas as pd

from burst2vec.config import Params
from burst2vec.report.speed.measured import (
    BENCHMARKS,
    CONTENDERS,
    EXVO,
    GFLOP,
    ON_A_GPU,
    WAYS,
    Measured,
    circumstances,
    default_steps,
    encoded_exvo_mib,
    hardware,
    limit_hours,
    steps_behind,
)


def file_table(found: Measured) -> pd.DataFrame:
    """A row for each file: what it measures, its name, the hardware, the version of torch, and the date."""
    rows = []
    for name, each in ((name, each) for name, files in found.items() for each in files):
        size = f", HuBERT {each['size']}" if "size" in each else ""
        machine = "estimated" if name == "full_run" else hardware(each)
        rows.append((_below(BENCHMARKS[name][0] + size, each["file"]),
                     _below(machine, f"torch {each['environment']['torch']}"), each["environment"]["Date"]))
    return pd.DataFrame(rows, columns=[_below("measured", "file"), "on", "date"])


def missing_measurements(found: Measured) -> dict[str, list[str]]:
    """What no file holds yet, by the command that measures it."""
    lacking: dict[str, list[str]] = {}
    for name, files in found.items():
        if not files:
            what, command = BENCHMARKS[name]
            lacking.setdefault(f"`{command}`", []).append(what)
    for name in ON_A_GPU:
        known = {each["size"] for each in found[name] if each["device"] == "cuda"}
        for size in (size for size in GFLOP if size not in known):
            lacking.setdefault(f"`make bench` on a machine with a GPU: HuBERT {size}", []).append(BENCHMARKS[name][0])
    return lacking


def legend(content: Mapping) -> str:
    """The line below the table of one file: the corpus, where there is one, the hardware and the date."""
    if "measured" in content:
        return f"Estimated from steps measured on: {'; '.join(map(circumstances, content['measured']))}."
    if "corpus" in content:
        return (f"{escape(content['corpus'])}, {content['recordings']:,} recordings, {content['hours']:.1f} hours of "
                f"audio; {circumstances(content)}.")
    return f"{circumstances(content)}."


def limit_table(found: Measured, seconds: float) -> pd.DataFrame:
    """What a pass over `seconds` of audio costs at each size of backbone.

    The cost is given in operations and, for each machine that was measured, as the minutes that they take at its matrix
    rate, which is a lower bound at that rate. The frozen feature encoder, which a training needs once, is given apart.
    """
    rates = {_below("minutes", hardware(each)): each["matrix_rate"]["flop_s"] for each in default_steps(found)}
    rows = []
    for size, (behind, encoder) in GFLOP.items():
        a_pass, once = 1e9 * behind * seconds, 1e9 * encoder * seconds
        rows.append({"backbone": f"HuBERT {size}",
                     _below("GFLOP", "a second of audio"): _once(f"{behind:.1f}", f"{encoder:.1f}"),
                     _below("PFLOP", "a pass"): _once(f"{a_pass / 1e15:.2f}", f"{once / 1e15:.3f}"),
                     **{name: _once(number(a_pass / rate / 60), number(once / rate / 60))
                        for name, rate in rates.items()}})
    return pd.DataFrame(rows)


def _once(each: str, once: str) -> str:
    return _below(each, f"encoder once {once}")


def step_table(content: Mapping) -> pd.DataFrame:
    """The training step of each contender, with a row for each.

    Columns: its seconds, its ratio to ours with the lowest and the highest, the share of audio in its batches, and its
    memory without the bursts. For ours, the memory of the encoded bursts on the device is given too.
    """
    rows, parts = [], content.get("parts", 1)
    for name, title in CONTENDERS.items():
        if name in ("trainer_documented", "trainer_tuned_random") and parts > 1:
            title = _below(title, f"a batch in {parts} parts, for less memory")
        seconds, memory = content[f"{name}_s"], content["memory_mib"].get(name)
        if seconds is None:
            rows.append((title, "out of memory", "–", percent(content["epoch"][name]["audio_share"]), "–"))
            continue
        times, told = "1", number(memory)
        if name == "ours":
            told = _below(told, f"and {number(encoded_exvo_mib(content))} kept of ExVo, encoded")
        else:
            times = spread(content[f"{name.removeprefix('trainer_')}_to_ours"])
        rows.append((title, number(seconds), times, percent(content["epoch"][name]["audio_share"]), told))
    return pd.DataFrame(rows, columns=["trained by", "s a step", _below("times ours", "lowest–highest"),
                                       _below("audio", "of batches"), _below("MiB", "without the bursts")])


def packing_table(content: Mapping) -> pd.DataFrame:
    """A training step in each way of batching.

    Columns: its seconds, its ratio to packed random batches with the lowest and the highest, and the share of audio in
    an epoch's batches.
    """
    rows = [(title, number(content["seconds"][way]), spread(content["to_packed"][way]) if way != "packed" else "1",
             percent(content["epoch"][way]["audio_share"])) for way, title in WAYS.items()]
    return pd.DataFrame(rows, columns=["batches", "s a step", _below("times packed", "lowest–highest"),
                                       _below("audio", "of batches")])


def stretch_table(content: Mapping) -> pd.DataFrame:
    """The time and the memory of a stretch of a training, and what a whole one would take by it."""
    return pd.DataFrame([{
        _below("steps", "timed"): f"{content['steps']:,}", "s a step": number(content["step_s"]),
        _below("validation", "s"): number(content["validation_s"]),
        _below("encoding", "s"): number(content["encoding_s"]), "peak, MiB": number(content["peak_mib"]),
        "utilisation": percent(content["utilisation"]),
        _below("whole run", f"{content['run_steps']:,} steps, minutes"): number(60 * content["run_h"])}])


def utilisation_table(found: Measured) -> pd.DataFrame:
    """The use that our steps make of each machine: the operations of a step, the matrix rate, and the shares of
    it that are reached."""
    rows = [(_below(f"HuBERT {each['size']}", _machine(each)), each["precision"], number(each["flop_a_step"] / 1e12),
             number(each["flop_a_step"] / each["ours_s"] / 1e12), number(each["matrix_rate"]["flop_s"] / 1e12),
             percent(each["utilisation"]), percent(each["utilisation_padded"])) for each in default_steps(found)]
    return pd.DataFrame(rows, columns=["backbone", "arithmetic", _below("TFLOP", "a step"), _below("TFLOP/s", "ours"),
                                       _below("TFLOP/s", "square matrices"), "utilisation",
                                       _below("with padding", "counted as work")])


def profile_table(content: Mapping) -> pd.DataFrame:
    """The operations that take most of a step, for each contender; no row where no step was profiled."""
    rows = [(CONTENDERS[name], f"<code>{escape(op['name'][:60])}</code>", number(op["ms"]), percent(op["share"]))
            for name, ops in content["profile"].items() for op in ops]
    return pd.DataFrame(rows, columns=["trained by", "operation", "ms a step", "of all"])


def savings_table(found: Measured) -> pd.DataFrame:
    """What each measure against wasted time saves, with a column for each file of a training step with the
    default parameters."""
    columns = {"what": ["audio, batches padded", "audio, in packed groups", "encoding spared, of a step",
                    "kept for it, ExVo, GiB", "arithmetic", "gathering, of a step", "validation, of all time"]}
    for each in default_steps(found):
        seconds, epoch = each["ours_s"], each["epoch"]
        encoding = each["once"]["encoding_s_per_hour"] / 3600 * epoch["ours"]["real_s"]
        every = Params().validate_every * seconds
        validation = EXVO["val"] * each["validation"]["s_per_burst"]
        columns[_below(f"HuBERT {each['size']}", _machine(each))] = [
            percent(epoch["trainer_documented"]["audio_share"]), percent(epoch["ours"]["audio_share"]),
            percent(encoding / (seconds + encoding)), number(encoded_exvo_mib(each) / 1024), each["precision"],
            _gathering(each, found), percent(validation / (validation + every))]
    return pd.DataFrame(columns)


def _machine(content: Mapping) -> str:
    return f"{hardware(content)}, {content['environment']['Date']}"


def _gathering(step: Mapping, found: Measured) -> str:
    alike = [g for g in found["growth"] if (g["device"], hardware(g)) == (step["device"], hardware(step))]
    gathered = max((row["gather_ms"] for g in alike for row in g["corpora"]), default=None)
    return "–" if gathered is None else percent(gathered / 1000 / step["ours_s"], 2)


def parameter_table(found: Measured) -> pd.DataFrame:
    """What our steps cost with other parameters, with a row for each file that was made with `--set`.

    Both files measured the Trainer as documented too. What is compared is the ratio of our seconds to its seconds, so
    that it makes no difference if the machine was busier on one of the two days.
    """
    rows = []
    for each in found["training_step"]:
        same = [d for d in default_steps(found) if (d["size"], hardware(d)) == (each["size"], hardware(each))]
        if each["set"] and same and each["documented_to_ours"] and same[0]["documented_to_ours"]:
            times = same[0]["documented_to_ours"]["median"] / each["documented_to_ours"]["median"]
            told = ", ".join(f"{name}: {str(value).lower()}" for name, value in each["set"].items())
            rows.append((_below(f"HuBERT {each['size']}", _machine(each)), f"<code>{escape(told)}</code>",
                         number(each["ours_s"]), f"{times:.2f}"))
    return pd.DataFrame(rows, columns=["backbone", "parameter", "s a step", _below("times as long", "as by default")])


def length_table(content: Mapping) -> pd.DataFrame:
    """The time and the memory of a step by the length of its bursts."""
    rows = [(number(row["audio_s"]), number(row["step_s"]), number(1000 * row["s_per_audio_s"]),
             number(row["peak_mib"])) for row in content["lengths"]]
    return pd.DataFrame(rows, columns=["burst, s", "s a step", "ms a second of audio", "peak, MiB"])


def corpus_table(content: Mapping) -> pd.DataFrame:
    """The time that dealing an epoch into batches and gathering a batch take, by the number of bursts."""
    rows = [(f"{row['bursts']:,}", number(1000 * row["plan_s"]), f"{row['batches']:,}", number(row["gather_ms"]),
             number(row["resident_mib"])) for row in content["corpora"]]
    return pd.DataFrame(rows, columns=["bursts", "dealing an epoch, ms", "batches", "gathering one, ms",
                                       "encoded, MiB"])


def scale_table(content: Mapping) -> pd.DataFrame:
    """The seconds of each stage before training, by the number of bursts, with milliseconds a burst and memory
    in small type."""
    rows = []
    for row in content["rows"]:
        cells = {}
        for name in ("check", "prepare", "batch"):
            each, memory = 1000 * row[name]["seconds"] / row["clips"], row[name]["peak_mib"]
            cells[_below(name, "s")] = _below(number(row[name]["seconds"]),
                                              f"{number(each)} ms a burst, {number(memory)} MiB")
        rows.append({"bursts": f"{row['clips']:,}"} | cells)
    return pd.DataFrame(rows)


def bootstrap_table(content: Mapping) -> pd.DataFrame:
    """How long the intervals of the statistics page take to compute."""
    return pd.DataFrame([{key: f"{v:,}" if isinstance(v, int) else number(v) for key, v in row.items()}
                         for row in content["rows"]])


def preparation_table(content: Mapping) -> pd.DataFrame:
    """Each way of decoding a corpus's recordings: its seconds, its speed as a multiple of real time, and how
    many times as long as the command it takes."""
    names = {"command": "<code>burst2vec prepare</code>", "library": "the same within Python",
             "librosa_loop": "loop of <code>librosa.load</code>", "librosa_processes": "the same in worker processes"}
    rows = [(title, number(statistics.median(content[name]["seconds"])), spread(content[name]["times_real_time"], 0),
             spread(content[name]["times_the_command"]) if name != "command" else "1") for name, title in names.items()]
    return pd.DataFrame(rows, columns=["way", "s", "times real time", "times as long as the command"])


def inference_table(content: Mapping) -> pd.DataFrame:
    """The speed of each contender's predictions as a multiple of real time, and how many times as long as ours
    they take."""
    batch = content.get("documented_batch", 8)  # older files lack the key, because it was 8 in all of them
    documented = _below("as documented", "one burst at a time" if batch == 1 else f"batches of {batch}")
    rows = [("ours", number(1 / content["ours_rtf"]), "1")]
    rows += [(f"pipeline {title}", number(1 / content[f"pipeline_{name}_rtf"]), spread(content[f"{name}_to_ours"]))
             for name, title in (("documented", documented), ("tuned", "set well"))]
    return pd.DataFrame(rows, columns=["predicted by", "times real time", "times as long as ours"])


def run_table(content: Mapping, found: Measured) -> pd.DataFrame:
    """The steps, validations and hours of each variant's whole training, with the hours of training, validation
    and encoding in small type.

    The limit is what the operations of the steps alone would take at the machine's matrix rate.
    """
    files, rows = steps_behind(content, found), []
    for code, run in content["runs"].items():
        total, parts = number(run["total_h"]), (run[f"{part}_h"] for part in ("training", "validation", "encoding"))
        rows.append((_below(code, f"HuBERT {run['size']}"),
                     _below(f"{run['steps']:,}", f"{run['steps_per_epoch']:,} an epoch"), f"{run['validations']:,}",
                     total if total == "–" else _below(total, " + ".join(map(number, parts))),
                     number(run["each_task"]["total_h"]), number(run["earliest"]["total_h"]),
                     number(limit_hours(run["size"], run["steps"], files))))
    return pd.DataFrame(rows, columns=["variant", "steps", "validations", "hours", _below("each task", "hours"),
                                       _below("earliest", "hours"), _below("limit", "hours")])


def _below(text: str, below: str) -> str:
    return f"{text}<small>{below}</small>"


def number(value: float | None) -> str:
    """A number with three significant digits, or as a whole number from 100 up; a dash where it is unknown.

    >>> number(0.01234), number(5.5), number(12345.6), number(None)
    ('0.0123', '5.5', '12,346', '–')
    """
    if value is None or not np.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(ratio: Mapping[str, float] | None, digits: int = 2) -> str:
    """The median of a ratio, with its lowest and highest value in brackets; a dash where it is unknown.

    >>> spread({"median": 5.5, "low": 5, "high": 6.25})
    '5.50 (5.00–6.25)'
    """
    if ratio is None:
        return "–"
    median, low, high = (f"{ratio[key]:,.{digits}f}" for key in ("median", "low", "high"))
    return f"{median} ({low}–{high})"


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage.

    >>> percent(0.954), percent(0.00012, 2)
    ('95 %', '0.01 %')
    """
    return f"{100 * share:.{digits}f} %"
