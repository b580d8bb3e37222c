"""False discovery: one world judged, and how worlds are counted."""

from dataclasses import replace

import pytest

from benchmarks.false_discovery import Judged, false_of, following, judged, power_of
from benchmarks.strategies import strategies

NOTHING = Judged(psr=0.5, is_first=False, dsr=0.1, dsr_of_all=0.1, spa=0.5, spa_first=0.6, pbo=0.5)
FOUND = Judged(psr=0.99, is_first=True, dsr=0.97, dsr_of_all=0.94, spa=0.01, spa_first=0.01, pbo=0.1)


def test_great_skill_is_found_in_a_world_and_none_where_there_is_none():
    great, none = judged(strategies(0, 4.0), 0), judged(strategies(0), 0)
    assert great.is_first
    assert great.dsr > 0.95 > none.dsr
    assert great.dsr_of_all <= great.dsr
    assert great.spa_first < 0.05 < none.spa
    assert great.pbo < 0.1 < none.pbo


def test_worlds_are_counted_by_what_was_called():
    told = false_of([NOTHING, FOUND, FOUND])
    assert (told["psr_false"], told["dsr_false"], told["dsr_of_all_false"], told["spa_false"]) == (2, 2, 0, 2)
    assert told["pbo_mean"] == pytest.approx(0.7 / 3)


def test_another_strategy_that_looks_good_is_no_find():
    power = power_of([FOUND, replace(FOUND, is_first=False), replace(FOUND, spa_first=0.2), NOTHING])
    assert (power["dsr_power"], power["spa_power"], power["dsr_of_all_power"]) == (0.5, 0.5, 0.0)


def test_sessions_that_follow_each_other_are_told_corrected_and_not():
    told = following(20)
    assert told["psr_false_following"] <= told["psr_false_following_blind"] <= 20
