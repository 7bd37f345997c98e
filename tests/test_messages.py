import warnings

import numpy as np

from burst2vec.messages import LONGEST, abridged, printable, shown, warn


def test_a_short_value_stands_as_python_writes_it():
    for value in ("loud", 0.1, None, True, ["a", 1], {"a": 1}, 10 ** 30):
        assert shown(value) == repr(value)


def test_a_value_that_python_writes_in_several_lines_is_shown_in_one():
    assert shown({"array": np.eye(2)}) == "{'array': array([[1., 0.], [0., 1.]])}"


def test_a_value_that_would_fill_the_memory_is_shown_in_a_line():
    laugh = ["ha"]
    for _ in range(100):
        laugh = [laugh] * 9
    assert len(shown(laugh)) < 1_000 and len(shown("x" * 10 ** 6)) < 200


def test_what_a_terminal_would_obey_is_printed_as_an_escape():
    assert printable("käuze\x1b[2J\r.wav:\udce9\u202e 💥\n  next") == "käuze\\x1b[2J\\r.wav:\\udce9\\u202e 💥\n  next"


def test_a_line_without_end_is_cut():
    short, long = printable("short\n" + "x" * 10 ** 6).split("\n")
    assert short == "short" and len(long) < LONGEST + 50 and long.endswith("(1000000 letters)")


def test_of_each_kind_a_few_lines_are_shown_and_how_many_more_there_are():
    said = [(f"{i}.wav", f"clipped; {i}.5% of 'its' samples") for i in range(5)] + [("a\nb", "odd"), ("c", "odd")]
    said[1:1] = [("d", "even")]
    assert abridged(said, 2, "; see there") == [
        "0.wav: clipped; 0.5% of 'its' samples", "1.wav: clipped; 1.5% of 'its' samples",
        "… and 3 more like these; see there", "d: even", "a\\nb: odd", "c: odd"]
    assert abridged([]) == []


def test_a_warning_is_one_of_the_first_line_outside_of_the_library():
    inner = {"__name__": "burst2vec.inner", "warn": warn}
    exec("def tell(): warn('odd')\ndef through(): return [tell() for _ in '1']", inner)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        inner["through"]()
    assert [(str(w.message), w.filename) for w in caught] == [("odd", __file__)]
