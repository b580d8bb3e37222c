from datetime import date, timedelta

import numpy as np
import polars as pl

from assets.evaluation.exchange import exchange_of
from assets.evaluation.executor import LISTED, NO_BUY, NO_SELL, PRICE, REASONS

FIRST = date(2018, 1, 1)


def row(number: int, name: str, close: float | None, **special) -> dict:
    plain = {"adj_factor": 1.0, "board": "main", "is_suspended": close is None}
    flags = {"is_locked_up": False, "is_locked_down": False}
    session = FIRST + timedelta(days=number)
    prices = dict.fromkeys(("open", "high", "low", "close", "vwap"), close)
    limits = {"limit_up": None, "limit_down": None, "volume": None if close is None else 1e6}
    return {"session": session, "security_id": name, **prices, **limits, **plain, **flags, **special}


def exchange(rows: list[dict], sessions: int, names: tuple[str, ...] = ()):
    bars = pl.DataFrame(rows, infer_schema_length=None)
    universe = bars.select("session", "security_id", is_member=~pl.col("is_suspended"))
    calendar = pl.date_range(FIRST, FIRST + timedelta(days=sessions - 1), eager=True)
    return exchange_of(bars, universe, calendar, pl.Series("security_id", names, dtype=pl.String))


def reasons(codes: np.ndarray) -> list[str]:
    return [REASONS[code] for code in codes]


def test_each_session_tells_why_a_buy_or_a_sale_is_refused():
    found = exchange(
        [
            row(0, "a", 10.0),
            row(1, "a", 11.0, is_locked_up=True),
            row(2, "a", 10.0, is_locked_down=True),
            row(3, "a", None),
            row(4, "b", 1.0),
        ],
        sessions=5,
    )
    assert reasons(found.market.codes_QTS[NO_BUY, :, 0]) == ["", "locked_up", "", "suspended", "no_bar"]
    assert reasons(found.market.codes_QTS[NO_SELL, :, 0]) == ["", "", "locked_down", "suspended", "no_bar"]


def test_worth_is_the_adjusted_close_carried_over_sessions_without_a_trade():
    rows = [row(1, "a", 10.0), row(2, "a", None, adj_factor=None), row(3, "a", 6.0, adj_factor=2.0), row(0, "b", 1.0)]
    found = exchange(rows, sessions=4)
    np.testing.assert_array_equal(found.market.worth_TS[:, 0], [np.nan, 10, 10, 12])
    np.testing.assert_array_equal(found.market.cells_QTS[PRICE, :, 0], [np.nan, 10, np.nan, 6])


def test_what_the_executor_reads_lies_session_by_session_so_that_it_is_compiled_once():
    market = exchange([row(t, name, 10.0) for t in range(4) for name in "ab"], sessions=4).market
    assert all(part.flags.c_contiguous for part in market)


def test_a_name_is_delisted_when_it_has_no_bar_for_sixty_sessions_and_none_later():
    steady = [row(t, "b", 1.0) for t in range(140)]
    gone, back = [row(t, "a", 1.0) for t in range(3)], [row(t, "c", 1.0) for t in (0, 1, 2, 139)]
    found = exchange(steady + gone + back, sessions=100)
    assert found.market.codes_QTS[LISTED][:, 0].sum() == 2 + 60
    assert found.market.codes_QTS[LISTED][:, 2].all()


def test_a_name_without_any_bar_cannot_be_bought():
    found = exchange([row(0, "b", 1.0), row(1, "b", 1.0)], sessions=2, names=("a",))
    assert found.grid.securities == ("a", "b")
    assert reasons(found.market.codes_QTS[NO_BUY, :, 0]) == ["no_bar", "no_bar"]
    assert not found.member_TS[:, 0].any()


def test_a_name_locked_up_enters_the_benchmark_only_after_it_could_be_bought():
    rows = [row(t, "a", 10.0) for t in range(4)]
    rows += [row(t, "b", 10.0 + t, is_locked_up=t < 2) for t in range(4)]
    found = exchange(rows, sessions=4).benchmark()
    np.testing.assert_allclose(found, [0, 0, (13 / 12 - 1) / 2])


def test_an_empty_basket_has_no_return():
    assert np.isnan(exchange([row(0, "a", None), row(1, "a", None)], sessions=2).benchmark()).all()
