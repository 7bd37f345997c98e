"""The page of trainings: every run in a row, sentences that fit the numbers, and a tab for each variant."""

from __future__ import annotations

import base64
import re

import pandas as pd
import pytest

from burst2vec.config import Params
from burst2vec.report import trainings as told
from burst2vec.results.trainings import REACH, SEED, Training
from tests.support.table2 import AGE, EMOTION, TASKS, made_up
from tests.support.trainings import history

SUMMARY = {"iterations": 200, "best_iteration": 150, "seconds": 150.0}


def training(code="V4", kind=SEED, *, summary=(), **params):
    return Training(code, kind, params, {**SUMMARY, **dict(summary)}, history(), pd.DataFrame())


def scores_of(trainings, values, split="val", metric="emo_ccc"):
    return pd.DataFrame([(each.name, split, metric, value, value - 0.02, value + 0.03)
                         for each, value in zip(trainings, values, strict=True)],
                        columns=["name", "split", "metric", "estimate", "low", "high"])


@pytest.fixture
def several():
    """Two seeds of V1, one of V4, and V4 with the other reach."""
    return [training("V1", seed=0), training("V1", seed=1), training(seed=0),
            training(kind=REACH, seed=0, reversal="upstream")]


def test_every_training_has_a_row_of_facts(several):
    table = told.facts_table(several, TASKS)
    assert table["Training"].tolist() == ["V1<small>seed 0</small>", "V1<small>seed 1</small>",
                                          "V4<small>seed 0</small>", "V4<small>reversal: upstream</small>"]
    assert table.iloc[0].tolist()[1:] == ["200", "150", "2.5 min", "age"]
    assert told.facts_table(several, [EMOTION])["Still improving"].tolist() == ["none"] * 4


def test_scores_stand_above_their_intervals_and_a_split_without_labels_has_no_column(several):
    table = told.scores_table(several, TASKS, scores_of(several[:3], [0.4, 0.5, 0.6]))
    assert list(table.columns) == [("", "Training"), ("Validation", "Emo-CCC ↑")]
    assert table.iloc[:, 1].tolist() == ["0.400<small>0.380 to 0.430</small>", "0.500<small>0.480 to 0.530</small>",
                                         "0.600<small>0.580 to 0.630</small>", "–"]
    ages = told.scores_table(several[:1], TASKS, scores_of(several[:1], [4.254], "test", "age_mae"))
    assert ages["Test", "Age-MAE (years) ↓"].tolist() == ["4.25<small>4.23 to 4.28</small>"]
    assert told.heading("age_mae", AGE) == "Age-MAE (years) ↓"


def test_in_short_counts_trainings_and_says_what_seeds_variants_and_speakers_move(several):
    said = told.describe_trainings(several, TASKS, EMOTION, scores_of(several, [0.40, 0.44, 0.5, 0.9]))
    assert said == (
        "2 variants were trained in 3 trainings, and 1 further training beside them, 200 steps each. In none of the 3 "
        "trainings is the CCC of emotion on validation best at the last step: no later validation was better. By this "
        "CCC the means of the variants lie between 0.420 and 0.500 and seeds of one variant up to 0.040 apart (V1); "
        "the 95 % interval of one score over speakers is about 0.050 wide.")
    assert told.describe_trainings([], TASKS, EMOTION, scores_of([], [])) == "No variant has been trained."


def test_one_variant_with_one_seed_is_described_without_a_spread_of_seeds():
    one = [training(summary={"iterations": 1, "best_iteration": 1}, seed=0)]
    said = told.describe_trainings(one, TASKS, AGE, scores_of(one, [4.0], metric="age_mae"))
    assert said.startswith("1 variant was trained in 1 training, 1 step each. In 1 of 1 training the MAE of age")
    assert "By this MAE V4 scores 4.000; the 95 % interval of one score over" in said
    assert told.describe_trainings(one, TASKS, AGE, scores_of([], [])).endswith(
        "more steps may change the scores, and their order.")


def test_trainings_of_unlike_length_and_curves_that_all_rise_are_said_so(several):
    longer = [*several, training("V5", summary={"iterations": 1200})]
    assert "200 to 1,200 steps each" in told.describe_trainings(longer, TASKS, EMOTION, scores_of([], []))
    assert told.describe_end(several, AGE).startswith("In all 4 trainings the MAE of age on validation is best at")


def test_a_learning_rate_that_fell_is_said_to_only_where_all_did():
    falling = [training("V1", learning_rate_decay="linear"), training("V4", learning_rate_decay="linear")]
    assert told.describe_end(falling, EMOTION).endswith(
        "no later validation was better, while the learning rate fell towards zero.")
    assert told.describe_end([*falling, training("V5", learning_rate_decay="none")], EMOTION).endswith("was better.")


def test_trainings_whose_backbones_do_not_learn_say_so_and_which_of_them():
    heads = [training("V1", head_steps=600, max_steps=600), training("V4", head_steps=600, max_steps=600)]
    none = scores_of([], [])
    said = told.describe_trainings(heads, TASKS, EMOTION, none)
    assert " was better. In none of the 600 steps does the backbone learn" in said
    some = told.describe_trainings([*heads, training("V5", head_steps=0)], TASKS, EMOTION, none)
    assert "was better. V1 and V4: In none of the 600 steps" in some
    assert "backbone" not in told.describe_trainings([training("V5", head_steps=0)], TASKS, EMOTION, none)
    assert "In none of the 600 steps" in told.describe_training(heads[0], TASKS, none, {})
    baseline = training("Baseline", head_steps=600, max_steps=600)  # which has no backbone
    assert "backbone" not in told.describe_training(baseline, TASKS, none, {})


def test_one_training_is_described_by_its_question_and_its_scores_beside_a_constant():
    one = training(seed=2, question="How far?")
    said = told.describe_training(one, TASKS, scores_of([one], [0.4]), {"emotion": 0.0})
    assert said == ("How far? Trained for 200 steps with seed 2; kept are the weights of step 150. On validation: "
                    "CCC of emotion 0.400 (0.380 to 0.430; a constant scores 0.000). Another seed may score otherwise.")
    bare = told.describe_training(training(summary={"best_iteration": 200}), TASKS, scores_of([], []), {})
    assert bare == "Trained for 200 steps with seed 0; kept are the weights of the last."
    unsure = scores_of([one], [0.4]).assign(low=float("nan"), high=float("nan"))  # one speaker
    assert "emotion 0.400 (a constant scores 0.000)." in told.describe_training(one, TASKS, unsure, {"emotion": 0.0})


def test_the_losses_are_described_from_the_first_to_the_last():
    assert told.describe_loss(history(), [EMOTION, AGE]) == (
        "Of the training losses, that of emotion rises from 1.00 to 3.00 and that of age rises from 1.00 to 3.00.")
    assert told.describe_loss(history(steps=(10,)), [AGE]) == "Of the training losses, that of age is 1.00."
    assert told.describe_loss(history()[:0], TASKS) == "No training loss was recorded."


def test_the_facts_of_a_training_are_in_words():
    table = told.summary_table({"iterations": 1200, "best_iteration": 200, "seconds": 90.0, "validation_share": 0.037,
                                "encoded_once": True, "device": "cpu"})
    assert table.to_numpy().tolist() == [
        ["time", "1.5 min"], ["steps", "1,200"], ["best step", "200"], ["share of time for validation", "3.7 %"],
        ["audio encoded once", "yes"], ["device", "cpu"]]


def test_what_a_constant_scores_is_said_in_the_order_of_table_2():
    said = told.describe_floors([AGE, EMOTION], {"emotion": 0.0, "age": 4.25})
    assert said == ("On validation a constant, audio-free answer scores 0.000 (CCC of emotion) and 4.250 (MAE of age).")


def test_the_constant_is_scored_as_in_table_2():
    scores = told.constant_scores(made_up()[0])
    assert scores["emotion"] == 0 and scores["country"] == 0.5 and 4 < scores["age"] < 7

def test_each_variant_has_a_tab_and_one_that_is_left_out_says_what_the_corpus_lacks():
    trained = [training("V1", seed=1, audio="own"), training("V1", seed=0, audio="own"),
               training("V4", seed=0, audio="provided", summary={"parameters": 1234, "backbone_layers": 2,
                                                                  "backbone_hidden_size": 96})]
    variants = {code: Params(variant=code, title=f"Model {code}", question="Does it <help>?", audio="own")
                for code in ("V1", "V2", "V4")}
    html = told.variant_tabs(variants, trained, TASKS).data
    first, left_out, last = re.findall(r'<div class="sd-tab-content">(.*?)(?=<input|$)', html, re.DOTALL)
    assert "Does it &lt;help&gt;?" in first and "<code>audio</code>" in first and "own" in first
    assert 'href="V4.html"' in last and "1,234" in last and "2 layers of 96 features" in last
    assert "this corpus has no raw recordings" in left_out and "<img" not in left_out
    assert html.count("<input") == 3 and html.count(" checked>") == 1 and html.count('name="variant"') == 3


def test_a_picture_has_the_same_bytes_in_every_build():
    import matplotlib.pyplot as plt

    def draw():
        figure, axes = plt.subplots(figsize=(1, 1))
        axes.plot([0, 1], [0, 1])
        return told.picture(figure, 'what "it" shows')
    first = draw()
    assert first == draw() and 'alt="what &quot;it&quot; shows"' in first
    data = re.search(r"base64,([^\"]*)", first)[1]
    assert b"<svg" in base64.b64decode(data) and not plt.get_fignums()
