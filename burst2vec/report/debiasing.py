"""What `studies/debiasing.json` holds, as tables and sentences: whether debiasing helps. Nothing is trained here.

A way of training is compared with the training without an adversary at the same planted bias, on the twins: the test
bursts once more, whose ages were drawn independently of the country. Its effect is above 0 where it is better. The
intervals are over speakers and seeds, and those of all ways of a bias hold together for a metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from burst2vec.evaluation.metrics import sign
from burst2vec.report.effects import amount, digits, direction, named, unit
from burst2vec.report.words import DASH, counted, interval, listed, metric_name, number

WAYS = {"none": "no adversary", "extractors": "adversary, extractors", "upstream": "adversary, upstream",
        "doubled": "adversary, both α doubled", "reweighting": "reweighting", "entropy": "entropy",
        "erasure": "erasure (LEACE)"}
"""What the ways are called, in their order."""

ADVERSARIES = ("extractors", "upstream", "doubled")
"""The ways that are the paper's adversary; those after them are its rivals."""

BIASES = {0: "without a bias", 1: "with the bias as measured", 2: "with a bias twice as strong"}
"""The planted biases in words."""

ASKED = "age_mae"
"""The metric that decides: who answers with the country's typical age errs where ages do not follow the country."""

OTHERS = {"cou_uar": "country", "emo_ccc": "emotion"}
"""The other metrics, with their tasks."""

READ = {("specific age", "cou_uar"): "country, in age's own features",
        ("specific country", "age_mae"): "age, in country's own features",
        ("combined age", "cou_uar"): "country, before the age head",
        ("combined country", "age_mae"): "age, before the country head"}
"""What an adversary is to leave unreadable: a representation and the metric of another task."""


def on_twins(bias: int) -> str:
    """The table of a record that holds the answers on the twins; without a bias the test bursts are their own."""
    return "twins" if bias else "test"


def effects(content: Mapping, table: str, metric: str) -> pd.DataFrame:
    """The effects of all ways and biases in a table of the record, or in that of the twins for `twins`: bias, way,
    difference, low, high, least."""
    found = pd.DataFrame(content["effects"])
    wanted = found["bias"].map(on_twins) if table == "twins" else table
    rows = found[(found["table"] == wanted) & (found["metric"] == metric)]
    place = rows["way"].map(list(WAYS).index)
    return rows.assign(place=place).sort_values(["bias", "place"], ignore_index=True).drop(columns="place")


def verdict(row: Mapping) -> str:
    """What an effect says: `helps`, `harms` or `undecided`, as it always is with one seed, whose error is unknown.

    >>> verdict({"low": 0.1, "high": 0.3, "least": 0.1}), verdict({"low": -0.1, "high": 0.3, "least": 0.1})
    ('helps', 'undecided')
    """
    return {1: "helps", -1: "harms", 0: "undecided"}[direction(row)]


# Tables -----------------------------------------------------------------------------------------------------------

def planted_cells(content: Mapping) -> pd.DataFrame:
    """What is planted at each bias, and the age errors of audio-free baselines where it holds and on the twins."""
    rows = [(BIASES[row["bias"]].removeprefix("with ").capitalize(), f"{100 * row['explained']:.0f} %",
             *(number(row[f"{table} {code}"], 2) for table in ("test", "twins")
               for code in ("constant", "country median"))) for row in content["planted"]]
    return pd.DataFrame(rows, columns=[
        "Bias", "Variance of age between countries", "Constant: error on the bursts (years)",
        "Typical age of the country: error on the bursts (years)", "Constant: error on the twins (years)",
        "Typical age of the country: error on the twins (years)"])


def pooled_cells(content: Mapping) -> pd.DataFrame:
    """What probes read from the embeddings, beside their floor and a constant answer."""
    rows = [("Plainly" if row["ageing"] else "As in people", BIASES[row["bias"]].removeprefix("with ").capitalize(),
             named(row["metric"]),
             f"{number(row['score'])}<small>{interval(row['low'], row['high'])}</small>",
             interval(row["floor_low"], row["floor_high"]), number(row["constant"])) for row in content["pooled"]]
    return pd.DataFrame(rows, columns=["Age is audible", "Bias", "Read", "Score", "After exchanges of labels",
                                       "Constant answer"])


def score_cells(content: Mapping) -> pd.DataFrame:
    """The mean scores of every way at every bias, with their deviation over seeds below them."""
    scores = pd.DataFrame(content["scores"]).groupby(["bias", "way", "table", "metric"])["value"].agg(["mean", "std"])
    rows = []
    for bias in BIASES:
        for way in (way for way in WAYS if (bias, way, "test", ASKED) in scores.index):
            cells = {"Bias": BIASES[bias].removeprefix("with ").capitalize(), "Way": WAYS[way]}
            for metric in (ASKED, *OTHERS):
                for table, words in (("test", "bursts"), ("twins", "twins")):
                    key = (bias, way, table, metric)
                    cells[f"{metric_name(metric)}, {words}"] = (
                        f"{number(scores.loc[key, 'mean'])}<small>± {number(scores.loc[key, 'std'])}</small>"
                        if key in scores.index else DASH)
            rows.append(cells)
    return pd.DataFrame(rows)


def effect_cells(content: Mapping) -> pd.DataFrame:
    """The verdict on every way at every bias: its effects on the twins, and the smallest one that would have been
    found."""
    rows = []
    by_metric = {metric: effects(content, "twins", metric).set_index(["bias", "way"]) for metric in (ASKED, *OTHERS)}
    for bias, way in by_metric[ASKED].index:
        row = by_metric[ASKED].loc[(bias, way)]
        cells = {"Bias": BIASES[bias].removeprefix("with ").capitalize(), "Way": WAYS[way], "Verdict": verdict(row),
                 "Age, better by (years)": _with_bounds(row),
                 "Age, would have been found from (years)": number(row["least"], 2)}
        cells |= {f"{task.capitalize()}, better by": _with_bounds(by_metric[metric].loc[(bias, way)])
                  for metric, task in OTHERS.items()}
        rows.append(cells)
    return pd.DataFrame(rows)


def _with_bounds(row: Mapping) -> str:
    return (f"{number(row['difference'], signed=True)}"
            f"<small>{interval(row['low'], row['high'], signed=True)}</small>")


# Sentences --------------------------------------------------------------------------------------------------------

def describe_making(content: Mapping) -> str:
    """The banner: whose bursts were heard, in Markdown."""
    speakers, environment = content["corpus"]["speakers"], content["environment"]
    return (f"*Synthetic corpus: the trainings behind this page heard synthetic bursts (seed "
            f"{content['corpus']['synthetic_seed']}, {counted(speakers['train'], 'training speaker')} and "
            f"{counted(speakers['test'], 'test speaker')}), at the scale `{content['scale']}` as it was on "
            f"{environment['Date']}. The numbers say nothing about people.*")


def describe_reach(content: Mapping) -> str:
    """A sentence on which weights learnt, and so on how far reversed gradients reached."""
    steps = content["common"].get("max_steps")
    if steps:
        return (f"The last of {steps} steps of each training were of all weights, so reversed gradients reached the "
                "backbone too.")
    return ("The heads learn alone, from embeddings of a backbone that stays as it was: reversed gradients reach the "
            "projection, which all tasks share, and no further. A training of all weights could come out otherwise.")


def describe_planted(content: Mapping) -> str:
    """Sentences on what the country tells of age at each bias, and what answering by it is worth where the bias holds
    and costs on the twins."""
    said = []
    for row in (row for row in content["planted"] if row["bias"]):
        gain = row["test constant"] - row["test country median"]
        loss = row["twins country median"] - row["twins constant"]
        said.append(f"{BIASES[row['bias']].capitalize()} the country explains {100 * row['explained']:.0f} % of the "
                    "variance of age. Whoever knows the country and nothing else, and answers with its typical age, "
                    f"errs by {number(gain, 2)} years less than a constant answer where the bias holds, and by "
                    f"{number(loss, 2)} years more on the twins.")
    return " ".join(said)


def can_be_read(row: Mapping) -> bool:
    """Whether a probe of the embeddings exceeds both a constant answer, with its interval, and every exchange of
    labels."""
    turn = sign(row["metric"])
    worst = row["low"] if turn > 0 else row["high"]
    best_floor = row["floor_high"] if turn > 0 else row["floor_low"]
    return turn * (worst - row["constant"]) > 0 and turn * (row["score"] - best_floor) > 0


def describe_pooled(content: Mapping) -> str:
    """Whether age and country can be read from the embeddings: without both, debiasing would have nothing to do."""
    as_in_people = [row for row in content["pooled"] if not row["ageing"] and row["metric"] == ASKED]
    said = [f"As audible as in people, age {'can' if can_be_read(row) else 'cannot'} be read: the probe errs by "
            f"{number(row['score'], 2)} years, a constant answer by {number(row['constant'], 2)}."
            for row in as_in_people]
    rows = [row for row in content["pooled"] if row["ageing"]]
    failed = [f"{_task_of(row)} {BIASES[row['bias']]}" for row in rows if not can_be_read(row)]
    if failed:
        return " ".join([*said, "Where it is made audible, a probe cannot be told from a constant answer, or from "
                                f"labels exchanged, for {listed(failed)}."])
    fair = [f"{_task_of(row)} with {metric_name(row['metric'], 'markdown')} {number(row['score'])}"
            f"{unit(row['metric'])} ({interval(row['low'], row['high'])}; a constant answer "
            f"{number(row['constant'])})" for row in rows if row["bias"] == 0]
    return " ".join([*said, "Where it is made audible, a linear probe reads age and country at every bias, better than "
                            "a constant answer and than after every exchange of labels. Even where neither says "
                            f"anything of the other it reads {listed(fair)}."])


def _task_of(row: Mapping) -> str:
    return "age" if row["metric"] == ASKED else OTHERS[row["metric"]]


def describe_losses(content: Mapping) -> str:
    """Whether the training without an adversary owes its scores to the bias: what its ages and its countries lose on
    the twins."""
    lost = pd.DataFrame(content["losses"]).query("way == 'none'").set_index(["bias", "metric"])
    said = []
    for bias in lost.index.unique("bias"):
        parts = [f"{task} loses {_size(lost.loc[(bias, metric)], metric)}, {_owed(lost.loc[(bias, metric)])}"
                 for metric, task in (("age_mae", "age"), ("cou_uar", "country"))]
        said.append(f"{BIASES[bias].capitalize()}, without an adversary, {'; '.join(parts)}.")
    return " ".join(said)


def summarise_losses(content: Mapping) -> str:
    """The caption's first sentence: how many ways certainly lose in age, and how many certainly less than without."""
    lost = pd.DataFrame(content["losses"]).query(f"metric == '{ASKED}'")
    less = effects(content, "loss", ASKED)
    return (f"Of {counted(len(lost), 'training')} with a bias, {int((lost['low'] > 0).sum())} certainly lose in age on "
            f"the twins; of {len(less)} other than that without an adversary, {int((less['low'] > 0).sum())} certainly "
            "lose less than it.")


def _size(row: Mapping, metric: str) -> str:
    """A difference with its interval in the metric's unit."""
    return (f"{amount(metric, row['difference'], signed=True)} "
            f"({interval(row['low'], row['high'], digits(metric), signed=True)})")


def _owed(row: Mapping) -> str:
    return ("which is owed to the bias" if row["low"] > 0 else "which owes nothing to the bias" if row["high"] < 0 else
            "which may be none")


def describe_verdicts(content: Mapping, ways: Sequence[str] = tuple(WAYS)) -> str:
    """A line of a list, in Markdown, for each way and bias: whether it helps on the twins, and at what price."""
    found, lines = effects(content, "twins", ASKED), []
    for row in found[found["way"].isin(ways)].to_dict("records"):
        known = "" if verdict(row) != "undecided" else _seen(row["least"])
        lines.append(f"- **{WAYS[row['way']]}**, {BIASES[row['bias']]}: **{verdict(row)}**, {_size(row, ASKED)}{known}"
                     f"{_price(content, row)}.")
    return "\n".join(lines)


def _seen(least: float, before: str = "", unit: str = "") -> str:
    """The part of a sentence that says which effect would have been found; empty where one seed leaves that unknown."""
    return "" if pd.isna(least) else f"; {before}{number(least, 2)}{unit} would have been found"


def _price(content: Mapping, row: Mapping) -> str:
    """What else changes decidedly on the twins."""
    changed = []
    for metric, task in OTHERS.items():
        of = effects(content, "twins", metric)
        for other in of[(of["bias"] == row["bias"]) & (of["way"] == row["way"])].to_dict("records"):
            if verdict(other) != "undecided":
                changed.append(f"{task} {number(other['difference'], 3, signed=True)}")
    return f"; {listed(changed)} in {'its' if len(changed) == 1 else 'their'} metric" if changed else ""


def describe_read(content: Mapping) -> str:
    """Which adversaries leave less to read of another task than no adversary, and which more."""
    said = []
    for (name, metric), words in READ.items():
        table = effects(content, f"probe of {name}", metric)
        table = table[table["way"].isin(ADVERSARIES)]
        less, more = table[table["high"] < 0], table[table["low"] > 0]
        said.append(f"*{words}*: less in {len(less)}, more in {len(more)} of {len(table)}")
    return ("Of the trainings with an adversary, at all biases together, a probe reads on the twins, decidedly against "
            f"no adversary: {'; '.join(said)}.")


def describe_costs(content: Mapping) -> str:
    """Whether training with the bias, and without an adversary, makes the answers on the twins worse or better."""
    costs = pd.DataFrame(content["costs"]).set_index(["bias", "metric"])
    said = []
    for bias in costs.index.unique("bias"):
        parts = [f"{task} {_cost(costs.loc[(bias, metric)], metric)}" for metric, task in (("age_mae", "age"),
                                                                                          ("cou_uar", "country"))]
        said.append(f"Trained {BIASES[bias]} instead of without one, and without an adversary, a system is on the "
                    f"twins: in {'; in '.join(parts)}.")
    return " ".join(said)


def _cost(row: Mapping, metric: str) -> str:
    """A cost in words: worse or better, by how much, with its interval, and whether that is decided."""
    worse = row["difference"] > 0
    low, high = (row["low"], row["high"]) if worse else (-row["high"], -row["low"])
    return (f"{'worse' if worse else 'better'} by {amount(metric, abs(row['difference']))} "
            f"({interval(low, high, digits(metric))}{'; undecided' if low <= 0 else ''})")


def describe_power(content: Mapping) -> str:
    """What the design would have found: the smallest effects on age, beside what there was to gain."""
    said, found = [], effects(content, "twins", ASKED)
    for row in (row for row in content["costs"] if row["metric"] == ASKED):
        least = found[(found["bias"] == row["bias"]) & found["way"].isin(ADVERSARIES)]["least"]
        if not least.notna().all():
            return "With one seed nothing is known of what would have been found."
        there = row["difference"]
        said.append(f"{BIASES[row['bias']].capitalize()} an adversary whose ages were better on the twins by "
                    f"{interval(least.min(), least.max(), 2)} years would have been found with a power of 80 %. The "
                    + (f"bias costs {_size(row, ASKED)}, and to gain back {100 * least.max() / there:.0f} % of it "
                       "would have shown." if there > least.max() else
                       f"bias itself costs {_size(row, ASKED)}"
                       + ("; all that it takes could be given back unseen." if row["low"] > 0 else
                          ": nothing that could be measured, so there was little to repair.")))
    return " ".join(said)


def summarise_effects(content: Mapping) -> str:
    """The caption's first sentence: how many of the adversaries help, harm, or are undecided, where there is a bias."""
    return f"On the twins, {_counts(content, ADVERSARIES)}."


def _counts(content: Mapping, ways: Sequence[str]) -> str:
    found = effects(content, "twins", ASKED)
    verdicts = [verdict(row) for row in found[found["way"].isin(ways) & (found["bias"] > 0)].to_dict("records")]
    helps, harms, open_ = (verdicts.count(each) for each in ("helps", "harms", "undecided"))
    said = [counted(helps, "helps", "help"), counted(harms, "harms", "harm"),
            counted(open_, "is undecided", "are undecided")]
    return f"of {len(verdicts)} trainings with an adversary and a bias {listed(said)} for age"


def summarise(content: Mapping) -> str:
    """Two or three sentences: what was asked, what came out, and how sure that is."""
    found = effects(content, "twins", ASKED)
    strong = max(content["planted"], key=lambda row: row["bias"])["bias"]
    upstream = found[(found["way"] == "upstream") & (found["bias"] == strong)].to_dict("records")[0]
    helping = [WAYS[way] for way in WAYS if way not in ADVERSARIES and _always(found, way, "helps")]
    harming = [WAYS[way] for way in WAYS if way not in ADVERSARIES and _always(found, way, "harms")]
    rivals = " ".join(f"Of its rivals, {listed(names)} {words} at both biases." for names, words in
                      ((helping, "help" if len(helping) > 1 else "helps"),
                       (harming, "harm" if len(harming) > 1 else "harms")) if names)
    rivals = rivals or "None of its rivals helps, or harms, at both biases."
    strongest = [row for row in content["costs"] if row["bias"] == strong and row["metric"] == ASKED]
    if any(row["low"] <= 0 for row in strongest):
        rivals += " The bias itself costs no age that could be measured, so there was little to repair."
    known = _seen(upstream["least"], unit=" years") * (verdict(upstream) == "undecided")
    return (f"On bursts whose ages do not follow the country the paper's adversary {_in_words(upstream)} "
            f"{BIASES[strong]}: its ages are {_better(upstream)} than without an adversary "
            f"({interval(upstream['low'], upstream['high'], 2, signed=True)} over speakers and "
            f"{counted(content['seeds'], 'seed')}{known}). {rivals}")


def _always(found: pd.DataFrame, way: str, wanted: str) -> bool:
    rows = found[(found["way"] == way) & (found["bias"] > 0)].to_dict("records")
    return bool(rows) and all(verdict(row) == wanted for row in rows)


def _in_words(row: Mapping) -> str:
    return {"helps": "helps", "harms": "harms", "undecided": "neither helps nor harms for certain"}[verdict(row)]


def _better(row: Mapping) -> str:
    return f"{number(abs(row['difference']), 2)} years {'better' if row['difference'] > 0 else 'worse'}"


def for_limitations(content: Mapping) -> str:
    """One sentence for the discussion, whichever way it came out."""
    found = effects(content, "twins", ASKED)
    rows = found[found["way"].isin(ADVERSARIES) & (found["bias"] > 0)].to_dict("records")
    kinds = {verdict(row) for row in rows}
    readable = all(can_be_read(row) for row in content["pooled"] if row["ageing"])
    start = (f"With a planted bias that {'can' if readable else 'cannot'} be read from the features, and with it taken "
             "away again, ")
    if kinds == {"undecided"}:
        least = max(row["least"] for row in rows)
        idle = any(row["low"] <= 0 for row in content["costs"] if row["metric"] == ASKED and row["bias"])
        cost = "; nor does the bias itself cost any that could be measured" * idle
        return f"{start}no adversary changes the age error decidedly{_seen(least, 'an effect of ', ' years')}{cost}."
    helps, harms = (listed([f"{WAYS[row['way']].removeprefix('adversary, ')} ({BIASES[row['bias']]})"
                            for row in rows if verdict(row) == each]) for each in ("helps", "harms"))
    parts = [f"{word} {what}" for word, what in (("helps", helps), ("harms", harms)) if what]
    rest = sum(verdict(row) == "undecided" for row in rows)
    undecided = f"; {counted(rest, 'other is', 'others are')} undecided" if rest else ""
    return f"{start}the adversary {' and '.join(parts)} in age{undecided}."
