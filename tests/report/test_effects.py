"""What a record of ways of training is said to show: verdicts, tables, sentences."""

import matplotlib.pyplot as plt
import pytest

from burst2vec.report import choices, effects, multitask
from burst2vec.report.figures.effects import draw_effects


@pytest.fixture(autouse=True)
def closed():
    """Figures are closed afterwards."""
    yield
    plt.close("all")


METRICS = {"emo_ccc": (0.01, 0.02), "cou_uar": (0.01, 0.02), "age_mae": (0.1, 0.15), "s_mtl": (0.004, 0.006)}
"""By metric half the width of an interval, and the smallest difference that would have been found."""


def effect(way, metric, difference, reference="default", known=True, **others):
    margin, least = METRICS[metric]
    return {"way": way, "reference": reference, "table": "test", "metric": metric, "difference": difference,
            "low": difference - margin, "high": difference + margin, "least": least if known else float("nan")} | others


def of_way(way, *differences, **others):
    return [effect(way, metric, difference, **others) for metric, difference in zip(METRICS, differences, strict=True)]


def content(rows, **others):
    ways = list(dict.fromkeys(row["way"] for row in rows))
    scores = [{"way": way, "table": "test", "seed": seed, "metric": metric, "value": 0.5 + 0.1 * seed}
              for way in ("default", *ways) for seed in range(2) for metric in METRICS]
    return {"effects": rows, "scores": scores, "instead": {way: f"the usual of {way}" for way in ways},
            "seeds": 2, "scale": "demo", "diverged": {},
            "constant": {"emo_ccc": 0.0, "cou_uar": 0.25, "age_mae": 4.25, "s_mtl": 0.0},
            "corpus": {"synthetic_seed": 2026, "synthetic_train": 640, "synthetic_test": 320,
                       "speakers": {"train": 101, "val": 25, "test": 50}},
            "environment": {"Date": "2026-11-28", "Processor": "of some kind"}, "mix": {}, **others}


FOUND = content([*of_way("mild", -0.005, 0.015, -0.05, 0.0), *of_way("harsh", -0.08, -0.005, -0.3, -0.02),
                 *of_way("no adversary", 0.03, 0.0, 0.0, 0.0)])


def test_an_effect_has_a_verdict_where_its_interval_leaves_out_0_and_never_with_one_seed():
    found = effects.read_effects(FOUND).set_index(["way", "metric"])["verdict"]
    assert found["mild"].tolist() == ["", "gains", "", ""]
    assert found["harsh"].tolist() == ["costs", "", "costs", "costs"]
    one = effects.read_effects(content([effect("harsh", "emo_ccc", -0.5, known=False)]))
    assert one["verdict"].tolist() == [""]


def test_a_table_has_the_largest_effects_first_and_says_what_would_have_been_found():
    table = choices.choices_cells(FOUND, open=True)
    assert table["Choice"].tolist() == ["harsh<small>in place of the usual of harsh</small>",
                                        "mild<small>in place of the usual of mild</small>"]
    assert table["Verdict"].tolist() == ["costs Emo-CCC, Age-MAE and <i>S</i><sub>MTL</sub>", "gains Cou-UAR"]
    assert table["Emo-CCC"][0] == "<b>−0.080</b><small>−0.090 to −0.070</small>"
    assert table["Age-MAE (years)"][1] == "−0.05<small>−0.15 to +0.05</small>"
    assert table["Would have been found"][0] == "0.020 / 0.020 / 0.15 / 0.006"
    assert choices.choices_cells(FOUND, open=False)["Choice"].str.startswith("no adversary").tolist() == [True]


def test_the_box_counts_what_is_decided_and_names_the_largest():
    said = choices.describe_choices(FOUND)
    assert said.startswith("Of 2 ways of making such a choice otherwise, 2 change at least one of 4 metrics "
                           "(intervals hold together within each)")
    assert ("The clearest: *harsh* in place of the usual of harsh costs 0.080 of Emo-CCC (interval of the "
            "difference, 95 % for 3 comparisons together: −0.090 to −0.070); *mild*") in said
    assert "cannot tell" not in said and "no adversary" not in said


def test_where_nothing_is_decided_the_box_says_what_would_have_been_found():
    undecided = content(of_way("mild", 0.001, 0.002, 0.01, 0.0))
    assert choices.describe_choices(undecided) == (
        "Of 1 way of making such a choice otherwise, 0 change at least one of 4 metrics (intervals hold together "
        "within each) by more than other speakers and other seeds would. For all this study cannot tell; of a typical "
        "one it would have found differences from 0.020 of Emo-CCC, 0.020 of Cou-UAR, 0.15 years of Age-MAE and "
        "0.006 of *S*<sub>MTL</sub>.")
    assert choices.summarise_choices(undecided) == (
        "Of no way can this study tell that it changes a score by more than other speakers and seeds would.")
    assert choices.conclude_choices(undecided).endswith("beyond speakers and seeds")


def test_one_seed_leaves_no_least_difference_to_tell_of():
    alone = content([effect("mild", metric, 0.5, known=False) for metric in METRICS])
    said = choices.describe_choices(alone)
    assert "For all this study cannot tell" in said and "would have found" not in said
    assert choices.pairs(alone) == {("mild", "default"): "mild"}


def test_a_caption_counts_what_costs_and_what_gains():
    assert choices.summarise_choices(FOUND) == (
        "Of 3 ways 1 costs something and 2 gain something in at least one of 4 metrics (intervals hold together within "
        "each), by more than other speakers and seeds would explain.")
    assert choices.conclude_choices(FOUND).endswith(
        "2 of 2 ways of making a choice otherwise that the paper leaves open changed at least one of 4 metrics "
        "(intervals hold together within each) beyond speakers and seeds; clearest was the cost of: harsh")


def test_ways_that_the_paper_has_itself_are_not_counted_as_choices_that_it_leaves_open():
    found = content([*of_way("harsh", -0.08, 0.0, 0.0, 0.0), *of_way("means alone", -0.2, 0.0, 0.0, 0.0)])
    assert choices.describe_choices(found).startswith("Of 1 way of making such a choice otherwise, 1 changes")
    assert " 1 of 1 way of making" in choices.conclude_choices(found)
    assert choices.summarise_choices(found).startswith("Of 2 ways 2 cost something in at least one of 4 metrics")
    assert choices.pairs(found, open=False) == {("means alone", "default"): "means alone"}


def test_intervals_hold_together_for_the_comparisons_of_their_metric_and_question():
    found = effects.read_effects(FOUND)
    assert found["together"].tolist() == [3] * 12
    asked = effects.read_effects(answers()).set_index(["question", "metric"])["together"]
    assert asked["one or three"].tolist() == [2] * 8 and asked["learnt or fixed"].tolist() == [1] * 4
    alone = effects.read_effects(content([effect("harsh", "emo_ccc", -0.08)])).iloc[0]
    assert "(interval of the difference, 95 %: −0.090" in effects.effect_in_words(alone)


def test_failures_and_the_learnt_mix_are_told():
    assert choices.describe_choices(FOUND | {"diverged": {"no layer norm": 2}}).endswith(
        "Failed, as their losses were no longer finite: 2 trainings with *no layer norm*.")
    assert choices.describe_mix(FOUND) == ""
    assert choices.describe_mix(FOUND | {"mix": {"layer 0": 0.25, "layer 1": 0.75}}).startswith(
        "The learnt mix took of the Transformer 25 % of its input and 75 % of layer 1")


def test_the_banner_says_who_was_heard():
    said = effects.describe_trainings(FOUND)
    assert "640 bursts of 101 speakers, and as test 320 of 50 others" in said and "as it was on 2026-11-28" in said
    assert "Each way has 2 seeds, at" in said


def test_the_banner_says_so_where_a_way_has_fewer_seeds():
    scores = [row for row in FOUND["scores"] if row["way"] != "harsh" or row["seed"] == 0]
    assert "Each way has 1 to 2 seeds, at" in effects.describe_trainings(FOUND | {"scores": scores})


def test_means_are_of_the_seeds():
    table = effects.means_cells(FOUND, ["default"], "Way")
    assert table.iloc[0].tolist() == ["default", "0.550 ± 0.071", "0.550 ± 0.071", "0.55 ± 0.07", "0.550 ± 0.071"]
    assert table.iloc[1].tolist() == ["<i>Constant</i>", "0.000", "0.250", "4.25", "0.000"]


def test_what_is_no_better_than_a_constant_guess_is_said():
    assert effects.describe_floor(FOUND, "default") == ""  # errors of half a year
    poor = FOUND | {"constant": FOUND["constant"] | {"age_mae": 0.4}}
    assert effects.describe_floor(poor, "default") == (
        "In Age-MAE (0.55 years against 0.40 years), *default* is no better than a constant guess.")


def answers(short=(0.0, 0.0, 0.0, 0.0), learnt=(0.0, 0.0, 0.0, 0.0), known=True):
    first, second = ({"question": name, "known": known} for name in ("one or three", "learnt or fixed"))
    rows = [*of_way("three models of 200 steps", *short, reference="all tasks", **first),
            *of_way("three models", 0.0, 0.0, 0.0, 0.0, reference="all tasks, 1,800 steps", **first),
            *of_way("all tasks, learnt weights", *learnt, reference="all tasks", **second)]
    return content(rows, weights={"all tasks, learnt weights": {"emotion": 0.5, "age": 0.4, "country": 0.1}})


@pytest.mark.parametrize(("short", "words"), [
    ((0.03, 0.0, -0.3, 0.0), "With as many steps of every task, 200, three models are better in Emo-CCC (by 0.030; "
                             "+0.020 to +0.040) and one model is better in Age-MAE (by 0.30 years; +0.20 to +0.40), "
                             "while Cou-UAR and *S*<sub>MTL</sub> cannot tell."),
    ((0.0, 0.0, 0.0, 0.0), "With as many steps of every task, 200, no metric tells one model from three.")])
def test_one_model_and_three_are_told_apart_only_where_they_can_be(short, words):
    found = answers(short)
    assert multitask.summarise_sharing(found) == words
    said = multitask.describe_sharing(found)
    assert said.startswith(words) and "With as many steps of every task, 600, no metric tells one model from" in said
    assert said.endswith("0.006 of *S*<sub>MTL</sub> would have been found.") and "every model" not in said
    assert "*" not in multitask.conclude_multitask(found) and "<" not in multitask.conclude_multitask(found)
    for text in (said, multitask.answer(found)):
        assert " Three models also have three projections and three shared extractors, so more weights." in text


def test_with_one_seed_the_sentences_on_tasks_are_whole():
    found = answers((0.5, 0.0, 0.0, 0.0), (-0.5, 0.0, 0.0, 0.0), known=False)
    assert multitask.summarise_sharing(found).endswith("200, no metric tells one model from three.")
    for said in (multitask.describe_sharing(found), multitask.describe_weights(found)):
        assert said.endswith(" With one seed no difference can be told from none.") and "Differences from" not in said
    assert "as this study could tell from none" in multitask.answer(found)


def test_learnt_weights_are_told_with_what_they_change():
    assert multitask.describe_weights(answers(learnt=(-0.04, 0.0, 0.0, 0.0))) == (
        "The learnt weights of *all tasks, learnt weights* ended at 50 % for emotion, 40 % for age and 10 % for "
        "country. Against equal weights *all tasks, learnt weights* costs 0.040 of Emo-CCC (interval of the "
        "difference, 95 %: −0.050 to −0.030). Differences from 0.020 of Emo-CCC, 0.020 of Cou-UAR, 0.15 years of "
        "Age-MAE and 0.006 of *S*<sub>MTL</sub> would have been found.")
    assert multitask.answer(answers()) == (
        "With as many steps of every task, 200, no metric tells one model from three. With as many steps of every "
        "task, 600, no metric tells one model from three. Three models also have three projections and three "
        "shared extractors, so more weights. Learnt weights of the tasks change no score by as much as this study "
        "could tell from none.")
    assert multitask.question_cells(answers(), "learnt or fixed")["Systems"].tolist() == [
        "all tasks, learnt weights<small>against all tasks</small>"]


def test_the_figure_has_a_panel_for_each_metric_and_fills_what_is_decided():
    figure = draw_effects(effects.read_effects(FOUND), choices.pairs(FOUND))
    assert [panel.get_title() for panel in figure.axes] == ["Emo-CCC", "Cou-UAR", "Age-MAE\n(years)",
                                                            r"$S_\mathrm{MTL}$"]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["harsh", "no adversary", "mild"]
    points = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [point.get_xdata()[0] for point in points] == [-0.08, 0.03, -0.005]
    assert [point.get_markerfacecolor() == "white" for point in points] == [False, False, True]


def test_an_effect_off_the_scale_is_an_arrow_with_its_size():
    rows = [row for number in range(8) for row in of_way(f"way {number}", 0.01, 0.0, 0.1, 0.0)]
    found = effects.read_effects(content([*rows, *of_way("broken", -0.01, 0.0, -14.0, 0.0)]))
    panel = draw_effects(found, {("broken", "default"): "broken", ("way 0", "default"): "way 0"}).axes[2]
    assert [line.get_marker() for line in panel.lines][1:] == ["<", "o"] and panel.get_xlim()[0] > -1
    assert [text.get_text() for text in panel.texts] == ["−14.0"]


def test_a_pair_without_an_effect_has_a_row_without_a_point():
    figure = draw_effects(effects.read_effects(FOUND), {("harsh", "default"): "harsh", ("new", "default"): "new"})
    assert len([line for line in figure.axes[0].lines if line.get_marker() == "o"]) == 1
