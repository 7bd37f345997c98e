"""The sentences on debiasing follow the record, whichever way it came out."""

from __future__ import annotations

import pytest

from burst2vec.report import debiasing

RIVALS = ("reweighting", "entropy", "erasure")


def effect(difference, margin=0.1, least=0.15):
    return {"difference": difference, "low": difference - margin, "high": difference + margin, "least": least}


def record(ages=None, lost=0.6, seeds=5, **changes):
    """A record of the ways at all biases. `ages` holds the effects on the twins' ages by way and bias, 0 without."""
    ages, effects, losses, scores = ages or {}, [], [], []
    for bias in (0, 1, 2):
        ways = (*debiasing.ADVERSARIES, *(RIVALS if bias else ()))
        for way in ways:
            told = {"bias": bias, "way": way}
            for metric in ("age_mae", "cou_uar", "emo_ccc"):
                size = ages.get((way, bias), 0.0) if metric == "age_mae" else 0.0
                effects += [told | {"table": debiasing.on_twins(bias), "metric": metric} | effect(size),
                            *([told | {"table": "loss", "metric": metric} | effect(0.0)] if bias else [])]
            effects += [told | {"table": f"probe of {name}", "metric": metric} | effect(-0.5)
                        for name, metric in debiasing.READ]
        for way in ("none", *ways):
            losses += [{"bias": bias, "way": way, "metric": metric, **effect(lost)}
                       for metric in ("age_mae", "cou_uar")] if bias else []
            scores += [{"bias": bias, "way": way, "table": table, "metric": metric, "seed": seed, "value": 0.5 + seed}
                       for table in ("test", "twins")[:1 + bool(bias)] for metric in ("age_mae", "cou_uar", "emo_ccc")
                       for seed in range(2)]
    planted = [{"bias": bias, "explained": 0.2 * bias, "test constant": 4.2, "test country median": 4.2 - 0.5 * bias,
                "twins constant": 4.2, "twins country median": 4.2 + 0.4 * bias} for bias in (0, 1, 2)]
    pooled = [{"bias": bias, "ageing": 1, "metric": metric, **values} for bias in (0, 1, 2) for metric, values in (
        ("cou_uar", {"score": 0.6, "low": 0.55, "high": 0.65, "floor_low": 0.2, "floor_high": 0.3, "constant": 0.25}),
        ("age_mae", {"score": 3.8, "low": 3.6, "high": 4.0, "floor_low": 4.1, "floor_high": 4.5, "constant": 4.2}))]
    pooled += [pooled[1] | {"ageing": 0, "score": 4.3, "low": 4.1, "high": 4.5}]
    costs = [{"bias": bias, "metric": metric, **effect(lost)} for bias in (1, 2) for metric in ("age_mae", "cou_uar")]
    return {"costs": costs, "seeds": seeds, "scale": "demo", "common": {}, "environment": {"Date": "2026-11-28"},
            "corpus": {"synthetic_seed": 2026, "speakers": {"train": 90, "test": 91}}, "planted": planted,
            "pooled": pooled, "effects": effects, "losses": losses, "scores": scores} | changes


def test_an_interval_decides_and_one_that_holds_0_does_not():
    assert [debiasing.verdict(effect(size)) for size in (0.2, -0.2, 0.05)] == ["helps", "harms", "undecided"]


def test_nothing_found_is_said_with_what_would_have_been_found():
    said = debiasing.summarise(record())
    assert "neither helps nor harms for certain with a bias twice as strong: its ages are 0.00 years worse" in said
    assert "(−0.10 to +0.10 over speakers and 5 seeds; 0.15 years would have been found)" in said
    assert said.endswith("None of its rivals helps, or harms, at both biases.")
    assert debiasing.for_limitations(record()).endswith(
        "no adversary changes the age error decidedly; an effect of 0.15 years would have been found.")
    assert debiasing.summarise_effects(record()) == (
        "On the twins, of 6 trainings with an adversary and a bias 0 help, 0 harm and 6 are undecided for age.")


def test_an_adversary_that_helps_and_one_that_harms_are_named():
    found = record({("upstream", 2): 0.4, ("doubled", 1): -0.3})
    assert "helps with a bias twice as strong: its ages are 0.40 years better" in debiasing.summarise(found)
    said = debiasing.for_limitations(found)
    assert "helps upstream (with a bias twice as strong) and harms both α doubled (with the bias as measured)" in said
    assert said.endswith("in age; 4 others are undecided.")
    lines = debiasing.describe_verdicts(found).splitlines()
    assert "- **adversary, upstream**, with a bias twice as strong: **helps**, +0.40 years (+0.30 to +0.50)." in lines
    assert any("upstream**, without a bias: **undecided**, " in line for line in lines)
    assert len(lines) == 3 + 6 + 6


def test_a_rival_is_praised_only_where_it_helps_at_every_bias():
    once = record({("erasure", 1): 0.4})
    always = record({("erasure", 1): 0.4, ("erasure", 2): 0.4})
    assert debiasing.summarise(once).endswith("None of its rivals helps, or harms, at both biases.")
    assert debiasing.summarise(always).endswith("Of its rivals, erasure (LEACE) helps at both biases.")


def test_a_price_is_told_where_it_is_certain():
    found = record({("upstream", 1): 0.4})
    for row in found["effects"]:
        if (row["table"], row["way"], row["bias"], row["metric"]) == ("twins", "upstream", 1, "emo_ccc"):
            row |= effect(-0.2)
    [line] = [each for each in debiasing.describe_verdicts(found).splitlines()
              if "upstream**, with the bias as measured" in each]
    assert line.endswith("; emotion −0.200 in its metric.")


def test_what_the_country_is_worth_and_costs_is_that_of_who_answers_by_it():
    said = debiasing.describe_planted(record())
    assert "explains 20 % of the variance" in said and "by 0.50 years less" in said and "by 0.40 years more" in said
    assert "explains 40 %" in said and "by 0.80 years more on the twins" in said


def test_what_cannot_be_read_is_named():
    said = debiasing.describe_pooled(record())
    assert said.startswith("As audible as in people, age cannot be read: the probe errs by 4.30 years, a constant")
    assert "a linear probe reads age and country at every bias" in said and "country with Cou-UAR 0.600 (0.55" in said
    found = record()
    found["pooled"][3]["high"] = 4.3  # the interval of age at bias 1 holds the constant's error
    assert "for age with the bias as measured" in debiasing.describe_pooled(found)
    found = record()
    found["pooled"][0]["floor_high"] = 0.7
    assert "for country without a bias" in debiasing.describe_pooled(found)


@pytest.mark.parametrize(("lost", "words"), [
    (0.6, "owed to the bias"), (0.05, "may be none"), (-0.3, "owes nothing")])
def test_the_losses_without_an_adversary_are_judged_by_their_intervals(lost, words):
    said = debiasing.describe_losses(record(lost=lost))
    assert said.count(words) == 4
    if lost == 0.6:
        assert "age loses +0.60 years (+0.50 to +0.70), which is owed to the bias; country loses +0.600" in said


def test_losses_and_what_is_lost_less_are_counted():
    assert debiasing.summarise_losses(record()) == (
        "Of 14 trainings with a bias, 14 certainly lose in age on the twins; of 12 other than that without an "
        "adversary, 0 certainly lose less than it.")


def test_power_is_set_beside_what_there_was_to_gain():
    assert "costs +0.60 years (+0.50 to +0.70), and to gain back 25 % of it would" in debiasing.describe_power(record())
    assert "could be given back unseen" in debiasing.describe_power(record(lost=0.12))
    assert "on the twins: in age worse by 0.60 years (0.50 to 0.70); in country" in debiasing.describe_costs(record())


def test_one_seed_decides_nothing():
    found = record({("upstream", 2): 0.4})
    for row in found["effects"]:
        row["least"] = float("nan")
    assert set(debiasing.effect_cells(found)["Verdict"]) == {"undecided"}
    assert debiasing.describe_power(found).startswith("With one seed nothing is known")
    said = [debiasing.summarise(found), debiasing.for_limitations(found), debiasing.describe_verdicts(found)]
    assert not any("would have been found" in text or "–" in text for text in said)


def test_what_cannot_be_read_is_not_said_to_be():
    found = record()
    for row in found["pooled"]:
        row["high"] = 5.0
    assert debiasing.for_limitations(record()).startswith("With a planted bias that can be read from the features,")
    assert debiasing.for_limitations(found).startswith("With a planted bias that cannot be read from the features,")


def test_what_was_left_to_read_is_counted():
    assert "*country, in age's own features*: less in 9, more in 0 of 9" in debiasing.describe_read(record())


def test_the_tables_have_a_row_for_every_way_and_bias():
    found = record({("upstream", 2): 0.4})
    assert len(debiasing.effect_cells(found)) == 3 + 6 + 6 and len(debiasing.score_cells(found)) == 4 + 7 + 7
    verdicts = debiasing.effect_cells(found).set_index(["Bias", "Way"])["Verdict"]
    assert verdicts[("A bias twice as strong", "adversary, upstream")] == "helps"
    assert debiasing.score_cells(found).iloc[0]["Age-MAE, twins"] == "–"  # bursts without a bias are their own twins
    assert list(debiasing.planted_cells(found)["Variance of age between countries"]) == ["0 %", "20 %", "40 %"]
    assert len(debiasing.pooled_cells(found)) == 7


def test_the_reach_of_the_reversal_is_told():
    assert "backbone that stays as it was" in debiasing.describe_reach(record())
    assert "reached the backbone too" in debiasing.describe_reach(record(common={"max_steps": 650}))
    assert "90 training speakers and 91 test speakers" in debiasing.describe_making(record())
