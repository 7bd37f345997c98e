"""The page of real voices says what its file holds."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.report import answers, voices

CLASSES = ["joy", "fear", "awe"]


def line(indices):
    return "".join(map(str, indices))


@pytest.fixture
def content():
    """Twelve speakers with three bursts of each class. `good` answers 2 in 3 right, and with speaker statistics all;
    `ComParE` says joy; a Burst2Vec from random weights says joy, one of its own is as `good`; `late` has one fold,
    and `mixed` has one with other settings."""
    truth, speakers = np.tile([0, 1, 2], 36), np.repeat(np.arange(12), 9)
    folds, joy = speakers % 2, np.zeros(108, int)
    good = np.where(np.arange(108) % 9 < 6, truth, (truth + 1) % 3)
    given = {"Chance": [joy], "ComParE": [joy, joy], "good": [good, truth],
             "Burst2Vec on x, random weights": [joy, joy], "Burst2Vec on x, pre-trained": [good, good],
             "x, pre-trained": [good], "mixed": [good]}
    trained = {"head_steps": 800, "max_steps": 800}

    def settings(name, fold):
        return trained if name.startswith("Burst2Vec") else {"steps": fold} if name == "mixed" else {}

    rows = [{"system": name, "seed": 0, "fold": fold, "settings": settings(name, fold),
             **{way: line(each[folds == fold])
                for way, each in zip(("plain", "centred"), found, strict=False)}}
            for fold in (1, 0) for name, found in given.items()]
    return {"corpus": {"name": "c", "split": None, "task": "emotion", "classes": CLASSES, "speakers": 12, "bursts": 108,
                       "left_out": {"speakers": [], "backbones": []}}, "truth": line(truth),
            "speakers": answers.written(speakers), "folds": line(folds),
            "rows": [*rows, {"system": "late", "seed": 0, "fold": 0, "settings": {}, "plain": line(joy[folds == 0])}]}


@pytest.fixture
def recorded(content):
    return answers.read_record(content, resamples=200)


def test_answers_stand_in_the_order_of_the_bursts_whatever_that_of_the_folds(recorded):
    assert np.array_equal(recorded.answers["good", "centred"][0], recorded.truth)
    assert (recorded.answers["good", "plain"] == recorded.truth).mean() == pytest.approx(2 / 3)
    assert ("Chance", "centred") not in recorded.answers


def test_a_system_that_has_not_answered_every_fold_alike_is_named_and_not_scored(recorded):
    assert recorded.unfinished == ("mixed", "late")
    assert not {"mixed", "late"} & (set(recorded.scores["system"]) | set(recorded.settings))


def test_without_a_finished_system_there_is_no_record(content):
    rows = [row for row in content["rows"] if row["fold"] == 0]
    assert answers.read_record(content | {"rows": rows}) is None is answers.read_record(content | {"rows": []})


def test_scores_and_the_best_system_of_each_way(recorded):
    assert recorded.score(("good", "plain"))["estimate"] == pytest.approx(2 / 3)
    assert recorded.score(("ComParE", "plain"), "uar")["estimate"] == pytest.approx(1 / 3)
    assert recorded.score(("ComParE", "plain"))["estimate"] == pytest.approx(1 / 6)  # joy: 2 * 36 / (36 + 108)
    assert recorded.best("centred") == ("good", "centred")


def test_the_table_has_a_row_for_each_system_with_the_floor_at_its_end(recorded):
    table = voices.score_table(recorded).set_index(("", "System"))
    assert list(table.index) == ["ComParE", "good", "Burst2Vec on x, random weights", "Burst2Vec on x, pre-trained",
                                 "x, pre-trained", "Chance"]
    assert table.loc["good", ("With speaker statistics", "UAR")] == "1.000<small>1.000 to 1.000</small>"
    assert table.loc["Chance", ("With speaker statistics", "macro-F1")] == "–"


def test_differences_are_those_that_the_systems_were_chosen_for(recorded):
    table = voices.contrast_table(recorded).set_index(["question", "system", "way"])
    assert table["difference"]["pre-training", "Burst2Vec on x, pre-trained", "plain"] == pytest.approx(2 / 3 - 1 / 6)
    assert table["against"]["pre-training", "Burst2Vec on x, pre-trained", "plain"] == "Burst2Vec on x, random weights"
    assert table["difference"]["ComParE", "Burst2Vec on x, random weights", "centred"] == 0
    assert table["difference"]["ComParE", "x, pre-trained", "plain"] == pytest.approx(2 / 3 - 1 / 6)
    assert table["difference"]["speaker statistics", "good", "centred"] == pytest.approx(1 / 3)
    assert len(table) == 2 + 5 + 4


def test_each_comparison_has_a_row_and_each_way_a_column_in_the_order_of_the_questions(recorded):
    table = voices.contrast_cells(recorded)
    assert list(table.columns) == ["System", "Each burst by itself", "With speaker statistics"]
    assert len(table) == 1 + 3 + 4
    first, last = table.iloc[0], table.iloc[-1]
    assert first["System"] == "Burst2Vec on x, pre-trained<small>against Burst2Vec on x, random weights</small>"
    assert first["Each burst by itself"].startswith("+0.500<small>+0.")
    assert last["System"].endswith("<small>against itself without them</small>") and last["Each burst by itself"] == "–"


def test_in_short_names_the_best_and_compares_what_no_seed_drew_with_the_functionals(recorded):
    said = voices.summarise(recorded)
    assert said.startswith("Asked which of 3 categories a burst is of, good does best on speakers that it has not "
                           "heard: macro-F1 0.667 (")
    assert "), the best of 6 systems by this very score, where chance scores 0.167." in said
    assert re.search(r"Each burst by itself, x, pre-trained lies 0\.500 \(0\.\d+ to 0\.\d+\) above ComParE\.", said)
    assert re.search(r"Each burst by itself, Burst2Vec on x, pre-trained lies 0\.500 \([^)]+\) above ComParE; with "
                     r"speaker statistics, Burst2Vec on x, pre-trained lies 0\.500 \([^)]+\) above ComParE; one seed "
                     r"drew the weights, and another might say otherwise\.", said)
    assert "The intervals against ComParE hold together for the 3 comparisons from which these were picked." in said
    assert said.endswith("Each backbone comes from a single pre-training, and another of the same kind might say "
                         "otherwise.")
    assert "random weights" not in said


def test_a_system_that_speakers_cannot_tell_from_the_functionals_is_not_called_better_or_worse(content):
    joy = [row for row in content["rows"] if row["system"] == "ComParE"]
    alike = [{**row, "system": "y, pre-trained"} for row in joy]
    said = voices.summarise(answers.read_record(content | {"rows": joy + alike}, resamples=50))
    assert "y, pre-trained cannot be told from ComParE here (+0.000 to +0.000)." in said
    assert "Burst2Vec" not in said and "chance" not in said


def test_sentences_say_what_is_certain(recorded):
    said = voices.describe(recorded)
    assert said.startswith("Each burst by itself, **good** has the highest macro-F1, 0.667 (")
    assert "), the best of 6 systems by this very score. It recognises" in said
    assert "It recognises 67 % of a category's bursts on average; a guess among 3 recognises 33.3 %." in said
    gains = voices.describe_contrasts(recorded, "ComParE").splitlines()
    assert gains[0] == ("- Burst2Vec on x, random weights, each burst by itself: +0.000 against ComParE, from +0.000 "
                        "to +0.000, which cannot be told from none.")
    assert gains[2].endswith(".") and "+0.500 against ComParE" in gains[2] and "cannot" not in gains[2]
    assert gains[2].startswith("- Burst2Vec") == gains[2].endswith("another might say otherwise.")
    readings = [line for line in gains if line.startswith("- x, pre-trained")]
    assert readings and not any("seed" in line for line in readings)  # which weights were read is no chance
    worth = voices.describe_contrasts(recorded, "pre-training").splitlines()
    assert worth and all("one seed" in line or "cannot be told" in line for line in worth)
    none = dataclasses.replace(recorded, answers={})
    assert voices.describe_contrasts(none, "pre-training") == ""


@pytest.fixture
def seeded(content):
    """The same, with a second seed of both Burst2Vecs; the second of the pre-trained one says joy."""
    own = [row for row in content["rows"] if row["system"].startswith("Burst2Vec")]
    more = [row | {"seed": 1, "plain": "0" * len(row["plain"])} for row in own]
    return answers.read_record(content | {"rows": content["rows"] + more}, resamples=200)


def test_the_score_is_the_mean_of_the_seeds_and_its_interval_holds_for_others(seeded, recorded):
    key = "Burst2Vec on x, pre-trained", "plain"
    assert seeded.answers[key].shape == (2, 108)
    mean = seeded.score(key)
    assert mean["estimate"] == pytest.approx((2 / 3 + 1 / 6) / 2)
    assert mean["high"] - mean["low"] > 5 > 1 > recorded.score(key)["high"] - recorded.score(key)["low"]
    pd.testing.assert_series_equal(seeded.score(("good", "plain")), recorded.score(("good", "plain")))


def test_with_two_seeds_there_is_a_verdict(seeded):
    said = voices.summarise(seeded)
    assert "Burst2Vec on x, pre-trained cannot be told from ComParE here (" in said and "one seed" not in said
    table = voices.category_table(seeded, ("Burst2Vec on x, pre-trained", "plain"))
    assert table["bursts"].tolist() == [36] * 3 and table["recall"].tolist()[1:] == pytest.approx([1 / 3, 1 / 3])


def test_a_seed_that_lacks_a_fold_leaves_its_system_unfinished(content):
    extra = next(row for row in content["rows"] if row["system"] == "Burst2Vec on x, pre-trained")
    found = answers.read_record(content | {"rows": [*content["rows"], extra | {"seed": 1}]}, resamples=50)
    assert "Burst2Vec on x, pre-trained" in found.unfinished


@pytest.mark.parametrize("indices", [[], [0, 29, 7, 61, 150, 999]])
def test_indices_are_read_as_they_were_written(indices):
    text = answers.written(np.array(indices, int))
    assert len(text) == len(indices) and answers.read(text).tolist() == indices
    assert not indices or text.startswith("0")


def test_each_backbone_has_a_row_with_what_is_read_from_it_and_what_is_trained_on_it(content):
    plain = {"x": "x, pre-trained", "y": "ComParE"}
    rows = [row | {"system": f"{name}, pre-trained"} for name, like in plain.items()
            for row in content["rows"] if row["system"] == like]
    found = answers.read_record(content | {"rows": rows}, resamples=200)
    table = voices.backbone_cells(found).set_index("Backbone")
    assert list(table.index) == ["x", "y"] and table.loc["x", "Linear reading, pre-trained"].startswith("0.667<small>")
    assert set(table["Burst2Vec, random weights"]) == {"–"}
    said = voices.summarise_backbones(found)
    assert said.startswith("Of the pre-trained backbones, a linear reader reads most from x, 0.667 (")
    assert re.search(r": 0\.500 \(0\.\d+ to 0\.\d+\) more than from y\. It is the best of 2 by this very score\. Each "
                     "backbone comes from a single pre-training", said)
    alike = [row | {"system": "z, pre-trained"} for row in rows if row["system"].startswith("x")]
    said = voices.summarise_backbones(answers.read_record(content | {"rows": rows + alike}, resamples=50))
    assert ("more than from y. It cannot be told from z (+0.000 to +0.000). It is the best of 3 by this very score; "
            "the intervals hold together for all pairs.") in said
    one = answers.read_record(content | {"rows": alike}, resamples=50)
    assert voices.summarise_backbones(one) == ""


@pytest.fixture
def close(content):
    """Three pre-trained backbones and ComParE, of which `x` is right most often, each wrong in bursts at random."""
    rng, truth, rows = np.random.default_rng(0), answers.read(content["truth"]), []
    folds = answers.read(content["folds"])
    wrong = {"x, pre-trained": 0.30, "y, pre-trained": 0.42, "z, pre-trained": 0.45, "ComParE": 0.42}
    for name, share in wrong.items():
        given = np.where(rng.random(108) < share, (truth + 1) % 3, truth)
        rows += [{"system": name, "seed": 0, "fold": fold, "settings": {}, "plain": line(given[folds == fold])}
                 for fold in (0, 1)]
    return answers.read_record(content | {"rows": rows}, resamples=2_000)


def bounds(text):
    """The intervals in a text, in their order."""
    found = re.findall(r"([+−]?\d\.\d+) to ([+−]?\d\.\d+)", text)
    return [tuple(float(bound.replace("−", "-")) for bound in pair) for pair in found]


def test_what_was_picked_by_the_score_that_is_told_has_the_interval_of_all_that_it_was_picked_from(close):
    def interval(first, second, level):
        found = close.crossed.contrast(f"{first}, each burst by itself", f"{second}, each burst by itself", "macro_f1")
        return pytest.approx(found.interval(level), abs=6e-4)

    [(_, _), *pairs] = bounds(voices.summarise_backbones(close))
    others = sorted(("y, pre-trained", "z, pre-trained"), key=lambda name: -close.score((name, "plain"))["estimate"])
    assert len(pairs) == 2
    for pair, name in zip(pairs, others, strict=True):
        assert pair == interval("x, pre-trained", name, 1 - 0.05 / 3)
    against = bounds(voices.summarise(close))[1]
    assert against == interval("x, pre-trained", "ComParE", 1 - 0.05 / 3)
    assert against != interval("x, pre-trained", "ComParE", 0.95)


def test_intervals_are_said_to_be_over_seeds_only_where_there_are_several(content, recorded, seeded):
    assert voices.covered(recorded) == "over speakers alone, since Burst2Vec was trained with one seed"
    assert voices.covered(seeded) == "over speakers and, of Burst2Vec, over seeds"
    own = [row for row in content["rows"] if row["system"] == "Burst2Vec on x, pre-trained"]
    mixed = content | {"rows": content["rows"] + [row | {"seed": 1} for row in own]}
    assert voices.covered(answers.read_record(mixed, resamples=50)) == (
        "over speakers and, of Burst2Vec where it has several, over seeds")
    none = [row for row in content["rows"] if not row["system"].startswith("Burst2Vec")]
    assert voices.covered(answers.read_record(content | {"rows": none}, resamples=50)) == "over speakers"


def test_the_page_says_what_of_burst2vec_was_trained(recorded):
    said = voices.describe_recipe(recorded)
    assert said.startswith("Burst2Vec was trained with 1 seed, so that its intervals are over speakers alone. "
                           "In all 800 steps of a training the backbone stays as it is")
    assert voices.describe_recipe(dataclasses.replace(recorded, settings={"ComParE": {}})) == ""


def test_the_page_says_whose_bursts_they_are_and_who_was_left_out(content):
    content |= {"command": "make it", "environment": {"Processor": "P", "GPU": "none", "Date": "D", "burst2vec": "1"}}
    assert voices.describe_bursts(content) == ("Recorded on 108 bursts of 12 speakers of `c`, by `make it`, P, GPU "
                                               "none, D, burst2vec 1.")
    content["corpus"] |= {"split": "val", "left_out": {"speakers": ["s1", "s2"], "backbones": ["a", "b"]}}
    assert "`c`, of its val split alone, without the 2 speakers whom a, b heard in pre-training, by" in (
        voices.describe_bursts(content))


def test_categories_are_sorted_by_recall_with_what_they_are_taken_for(recorded):
    table = voices.category_table(recorded, ("ComParE", "plain"))
    assert table["category"].tolist() == CLASSES and table["recall"].tolist() == [1, 0, 0]
    assert table["taken for"].tolist()[1:] == ["joy", "joy"] and table["share"].tolist() == [0, 1, 1]


def test_captions_name_the_best_the_worst_and_the_commonest_confusion(recorded):
    table = voices.category_table(recorded, ("ComParE", "plain"))
    assert voices.summarise_recalls(table) == "joy is recognised best, in 100 % of its bursts, and awe worst, in 0 %."
    assert voices.summarise_confusion(table) == (
        "The commonest confusion is of fear, of which 100 % of the bursts are taken for joy.")
    assert voices.summarise_best(recorded).startswith("Highest is good, at a macro-F1 of 0.667 (")


def test_shares_of_a_confusion_add_up_to_one_in_each_row(recorded):
    shares = voices.confusion_shares(recorded, ("good", "plain"))
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert shares.loc["joy", "fear"] == pytest.approx(1 / 3) and list(shares.index) == list(shares.columns)


def test_examples_are_a_burst_that_is_recognised_and_one_that_is_not(recorded):
    found = voices.examples(recorded, ("good", "plain"), ["fear"])
    assert found.values.tolist() == [[1, "fear", "fear"], [7, "fear", "awe"]]
    assert voices.examples(recorded, ("good", "centred"), ["fear"]).values.tolist() == [[1, "fear", "fear"]]


def test_the_bursts_are_found_in_the_corpus_and_in_no_other(content, tmp_path):
    truth = np.array(CLASSES, object)[answers.read(content["truth"])]
    table = pd.DataFrame({"emotion": [None, "awe", *truth], "split": ["test", "val", *["train"] * 108],
                          "speaker": ["a", "b", *(f"s{i // 9}" for i in range(108))]}, index=map(str, range(110)))
    task = Task("emotion", "classes", ("emotion",), classes=tuple(CLASSES))
    corpus = Corpus("c", tmp_path, table, (task,))
    assert answers.rows_of(content, corpus) is None  # one burst more, in val
    content["corpus"]["split"] = "train"
    assert answers.rows_of(content, corpus).tolist() == list(range(2, 110))
    more = pd.concat([table, table.iloc[[2, 3]].set_axis(["110", "111"]).assign(speaker="heard")])
    more = dataclasses.replace(corpus, table=more)
    assert answers.rows_of(content, more) is None
    left_out = {"speakers": ["heard"], "backbones": ["ear"]}
    told = content | {"corpus": content["corpus"] | {"left_out": left_out}}
    assert answers.rows_of(told, more).tolist() == list(range(2, 110))
    others = table.assign(speaker=table["speaker"].replace("s1", "s0"))
    assert answers.rows_of(content, dataclasses.replace(corpus, table=others)) is None
    mood = dataclasses.replace(corpus, tasks=(dataclasses.replace(task, name="mood"),))
    assert answers.rows_of(content, mood) is None
