"""The tutorial says how many of a few recordings were recognised, and what so few can show."""

from __future__ import annotations

import pytest

from burst2vec.report.tutorial import describe_recognition, describe_tutorial

TRUTH = ["laugh"] * 6 + ["sob"] * 6


@pytest.mark.parametrize(("answers", "said"), [
    (TRUTH, "12 of 12 recordings are recognised (100 %, 95 % interval 74 to 100 %), which is better than"),
    (["laugh"] * 12, "6 of 12 recordings are recognised (50 %, 95 % interval 21 to 79 %), which so few recordings "
                     "cannot tell from"),
    (TRUTH[::-1], "0 of 12 recordings are recognised (0 %, 95 % interval 0 to 26 %), which is worse than"),
])
def test_the_interval_decides_whether_a_guess_would_have_done(answers, said):
    assert describe_recognition(TRUTH, answers) == f"{said} a guess (50 %)."


def test_one_recording_is_one_and_the_guess_is_the_most_frequent_class():
    said = describe_recognition(["laugh"] * 3 + ["sob"], ["sob"] * 4)
    assert said.startswith("1 of 4 recordings is recognised (25 %") and "from a guess (75 %)" in said


@pytest.mark.parametrize("answers", [["laugh"], []])
def test_answers_to_other_recordings_are_refused(answers):
    with pytest.raises(ValueError):
        describe_recognition(TRUTH[:2] if answers else [], answers)


def test_the_answer_of_the_page_says_what_was_done_and_that_it_is_synthetic():
    said = describe_tutorial(12, "6 of 12 are.", 0.2)
    assert "A folder of 12 recordings" in said and "The machine took 1 second for" in said and "synthetic" in said
    assert "took 38 seconds" in describe_tutorial(12, "", 38.4)
