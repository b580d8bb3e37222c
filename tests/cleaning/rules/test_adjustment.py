import polars as pl
import pytest

from assets.cleaning.rules.adjustment import ADJUSTMENT_BREAK

NAME = "sh600002"
AFTER = list(range(80, 100))


def with_reference(bars: pl.DataFrame, ratio: float) -> pl.DataFrame:
    """The reference price of session 80 is that share of the last close, as on an ex-day."""
    there = (pl.col("security_id") == NAME) & (pl.col("session") == bars["session"].unique().sort()[80])
    return bars.with_columns(
        prev_close=pl.when(there).then(pl.col("prev_close") * ratio).otherwise(pl.col("prev_close"))
    )


def test_a_jump_of_the_factor_alone_is_a_break(calm, cells):
    assert cells(ADJUSTMENT_BREAK, calm(factors={NAME: {80: 2.0}})) == {NAME: AFTER}


def test_a_gap_of_the_reference_price_alone_is_a_break(calm, cells):
    assert cells(ADJUSTMENT_BREAK, with_reference(calm(), 0.5)) == {NAME: AFTER}


@pytest.mark.parametrize("factor", [2.0, 1.013, 0.25])
def test_an_ex_day_on_which_both_agree_is_none(calm, cells, factor):
    assert cells(ADJUSTMENT_BREAK, with_reference(calm(factors={NAME: {80: factor}}), 1 / factor)) == {}


def test_an_ex_day_during_a_halt_is_judged_by_the_last_close(calm, cells):
    assert cells(ADJUSTMENT_BREAK, calm(factors={NAME: {75: 2.0}}, suspended={NAME: range(70, 80)})) == {NAME: AFTER}


def test_after_a_session_without_a_row_nothing_is_judged(calm, cells):
    assert cells(ADJUSTMENT_BREAK, calm(returns={NAME: {79: 0.09}}, absent={NAME: [79]})) == {}
