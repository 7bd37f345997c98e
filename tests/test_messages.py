from burst2vec.messages import LONGEST, printable, shown


def test_a_short_value_stands_as_python_writes_it():
    for value in ("loud", 0.1, None, True, ["a", 1], {"a": 1}, 10 ** 30):
        assert shown(value) == repr(value)


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
