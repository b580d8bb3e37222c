import polars as pl

from assets.cleaning.rules.trading_halts import LOCKED_DOWN, LOCKED_UP, SUSPENDED, SUSPENSION_GAP

NAME = "sz000005"


def test_suspended_sessions_are_marked(calm, cells):
    assert cells(SUSPENDED, calm(suspended={NAME: range(60, 63)})) == {NAME: [60, 61, 62]}


def test_five_sessions_follow_a_halt_of_twenty(calm, cells):
    assert cells(SUSPENSION_GAP, calm(suspended={NAME: range(60, 80)})) == {NAME: list(range(80, 85))}
    assert cells(SUSPENSION_GAP, calm(suspended={NAME: range(60, 79)})) == {}


def test_missing_rows_are_a_halt_too_but_not_those_before_a_listing(calm, cells):
    assert cells(SUSPENSION_GAP, calm(absent={NAME: range(60, 90)})) == {NAME: list(range(90, 95))}
    assert cells(SUSPENSION_GAP, calm(absent={NAME: range(90)}, new={NAME: range(90, 150)})) == {}


def test_a_halt_inside_the_five_sessions_is_not_marked_and_the_length_is_told(calm, rows):
    found = rows(SUSPENSION_GAP, calm(suspended={NAME: [*range(30, 105), 106]}))
    assert found.height == 4
    assert set(found["value"]) == {60.0}


def test_locked_sessions_are_flagged_by_direction(calm, cells):
    there = (pl.col("security_id") == NAME) & (pl.col("session").rank("dense") == 71)
    up = calm().with_columns(is_locked_up=there)
    assert cells(LOCKED_UP, up) == {NAME: [70]}
    assert cells(LOCKED_DOWN, up) == {}
    assert cells(LOCKED_DOWN, calm().with_columns(is_locked_down=there)) == {NAME: [70]}
    assert LOCKED_UP.action == LOCKED_DOWN.action == "flagged"
