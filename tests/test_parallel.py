"""Parallel work: in order, and no further ahead of whoever takes the results than it says."""

from __future__ import annotations

import joblib
import pytest

from burst2vec.parallel import AHEAD, AT_ONCE, in_parallel


@pytest.mark.parametrize("count", [0, 1, AT_ONCE + 1, 2 * AHEAD * joblib.effective_n_jobs(-1) + 3])
def test_every_result_comes_once_and_in_order(count):
    assert list(in_parallel(lambda n: n * n, range(count))) == [n * n for n in range(count)]


def test_work_waits_for_whoever_takes_its_results():
    done = []
    results = in_parallel(done.append, iter(range(10 ** 9)))
    for _ in range(5):
        next(results)
    assert len(done) <= AHEAD * joblib.effective_n_jobs(-1)
    results.close()


def test_an_error_in_the_work_reaches_whoever_takes_its_results():
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda n: 1 / n, range(3)))
