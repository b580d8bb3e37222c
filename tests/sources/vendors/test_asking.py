from itertools import pairwise

import polars as pl
import pytest

from assets.sources.vendors.asking import Manners, PassingFault, insist

ANSWER = pl.DataFrame({"a": ["1"]})


def failing(times: int, fault: Exception | None = None):
    asked = []

    def send() -> pl.DataFrame:
        asked.append(None)
        if len(asked) <= times:
            raise fault or PassingFault("busy")
        return ANSWER

    return send, asked


def test_a_vendor_that_fails_twice_is_asked_a_third_time_after_growing_waits(clock):
    send, asked = failing(2)
    manners = Manners(calls_per_minute=1000, first_wait=2)
    assert insist(send, "vendor", "bars", manners, clock) is ANSWER
    assert len(asked) == 3
    assert clock.slept == [1.0, 2.0]  # the lower end of 1-2 and 2-4 seconds


def test_waits_double_up_to_the_longest_and_are_spread_by_chance():
    manners = Manners(first_wait=2, longest_wait=10)
    assert [manners.wait(n, 0.999999) for n in (1, 2, 3, 4)] == pytest.approx([2, 4, 8, 10], rel=1e-5)
    assert [manners.wait(n, 0.0) for n in (1, 2, 3, 4)] == [1, 2, 4, 5]


def test_after_the_last_attempt_the_error_says_what_was_asked_and_the_last_fault(clock):
    send, asked = failing(9)
    with pytest.raises(ConnectionError, match="vendor did not answer bars, asked 4 times: busy"):
        insist(send, "vendor", "bars", Manners(attempts=4), clock)
    assert len(asked) == 4


def test_what_a_vendor_refuses_is_not_asked_again(clock):
    send, asked = failing(9, ValueError("no such code"))
    with pytest.raises(ValueError, match="no such code"):
        insist(send, "vendor", "bars", Manners(), clock)
    assert len(asked) == 1


def test_the_rate_is_kept_over_questions_and_attempts(clock):
    manners = Manners(calls_per_minute=20, first_wait=0.001)
    times = []

    def send() -> pl.DataFrame:
        times.append(clock.seconds())
        if len(times) == 2:
            raise PassingFault("busy")
        return ANSWER

    for _ in range(3):
        insist(send, "vendor", "bars", manners, clock)
    assert len(times) == 4
    assert min(later - earlier for earlier, later in pairwise(times)) >= 3 - 1e-6


def test_two_vendors_do_not_wait_for_each_other(clock):
    for vendor in ("one", "other"):
        insist(lambda: ANSWER, vendor, "bars", Manners(calls_per_minute=1), clock)
    assert clock.slept == []
