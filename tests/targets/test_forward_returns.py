from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.targets.forward_returns import HORIZONS, forward_returns
from expectations.tables import EXCHANGE_TIME_ZONE, Bars, Calendar, ForwardReturns

FIRST = date(2015, 6, 1)
HALT, UP, DOWN = "suspended", "locked up", "locked down"


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def name(vwaps: list[float | None], marks: dict[int, str] | None = None, factors: dict[int, float] | None = None):
    """Bars of one name: a VWAP a session (None: no row), marks for special sessions, a new factor from a session on."""
    rows, factor = [], 1.0
    for number, vwap in enumerate(vwaps):
        mark = (marks or {}).get(number)
        factor = (factors or {}).get(number, factor)
        if vwap is None:
            continue
        traded = mark != HALT
        price = vwap if traded else None
        close = vwap + 0.5 if traded else None
        prices = dict(open=price, high=close, low=price, close=close, vwap=price)
        flags = dict(is_suspended=not traded, is_locked_up=mark == UP, is_locked_down=mark == DOWN)
        rows.append({"session": day(number), "security_id": "sh600000", "adj_factor": factor, **prices, **flags})
    schema = {column: Bars.columns()[column].dtype for column in rows[0]}
    volume = pl.when("is_suspended").then(0.0).otherwise(100.0)
    return pl.DataFrame(rows, schema=schema).with_columns(volume=volume, amount=volume, prev_close=pl.col("close"))


def labels(frame: pl.DataFrame, sessions: int, horizon: int = 1) -> list[dict[str, object]]:
    known = pl.DataFrame({"session": [day(n) for n in range(sessions)], "securities_traded": 1})
    table = forward_returns(frame.lazy(), Calendar.cast(known).lazy()).collect()
    return ForwardReturns.validate(table).filter(pl.col("horizon") == horizon).sort("session").to_dicts()


def opening(number: int) -> datetime:
    return datetime.combine(day(number), datetime.min.time(), ZoneInfo(EXCHANGE_TIME_ZONE)) + timedelta(
        hours=9, minutes=30
    )


def closing(number: int) -> datetime:
    return datetime.combine(day(number), datetime.min.time(), ZoneInfo(EXCHANGE_TIME_ZONE)) + timedelta(hours=15)


def test_entry_is_the_next_vwap_and_exit_that_of_h_sessions_after():
    first = labels(name([10, 11, 12, 13, 14, 15]), 6)[0]
    assert first["status"] == "filled"
    assert first["forward_return"] == first["paper_return"] == pytest.approx(12 / 11 - 1)
    assert (first["entered_at"], first["exited_at"]) == (opening(1), closing(2))
    later = labels(name([10, 11, 12, 13, 14, 15]), 6, horizon=3)[0]
    assert later["forward_return"] == pytest.approx(14 / 11 - 1)
    assert (later["entered_at"], later["exited_at"]) == (opening(1), closing(4))


def test_a_suspension_at_the_exit_moves_it_to_the_first_trade():
    first = labels(name([10, 11, 12, 13, 14], {2: HALT, 3: HALT}), 5)[0]
    assert first["forward_return"] == pytest.approx(14 / 11 - 1)
    assert first["exited_at"] == closing(4)


def test_a_session_without_a_row_is_no_exit_either():
    first = labels(name([10, 11, None, 13]), 4)[0]
    assert first["forward_return"] == pytest.approx(13 / 11 - 1)
    assert first["exited_at"] == closing(3)


def test_a_locked_lower_limit_at_the_exit_moves_it_on():
    first = labels(name([10, 11, 9, 8, 7, 7], {2: DOWN, 3: DOWN}), 6)[0]
    assert first["forward_return"] == pytest.approx(7 / 11 - 1)
    assert first["exited_at"] == closing(4)


def test_a_locked_upper_limit_at_the_exit_can_be_sold():
    assert labels(name([10, 11, 12, 13], {2: UP}), 4)[0]["forward_return"] == pytest.approx(12 / 11 - 1)


def test_a_locked_upper_limit_at_the_entry_refuses_the_buy_but_has_a_paper_return():
    first = labels(name([10, 11, 12, 13], {1: UP}), 4)[0]
    assert (first["status"], first["forward_return"]) == ("refused_locked_up", None)
    assert first["paper_return"] == pytest.approx(12 / 11 - 1)
    assert (first["entered_at"], first["exited_at"]) == (opening(1), closing(2))


def test_a_locked_lower_limit_at_the_entry_fills():
    first = labels(name([10, 9, 12, 13], {1: DOWN}), 4)[0]
    assert first["status"] == "filled"
    assert first["forward_return"] == pytest.approx(12 / 9 - 1)


@pytest.mark.parametrize("frame", [name([10, 11, 12, 13], {1: HALT}), name([10, None, 12, 13])])
def test_a_suspension_at_the_entry_refuses_the_buy_and_the_paper_return_starts_at_the_close(frame):
    first = labels(frame, 4)[0]
    assert (first["status"], first["forward_return"]) == ("refused_suspended", None)
    assert first["paper_return"] == pytest.approx(12 / 10.5 - 1)


def test_a_split_inside_the_holding_is_no_loss():
    first = labels(name([10, 11, 6, 6], factors={2: 2.0}), 4)[0]
    assert first["forward_return"] == pytest.approx(12 / 11 - 1)


def test_what_is_not_yet_known_is_pending_and_never_zero():
    found = labels(name([10, 11, 12, 13]), 4)
    assert [row["status"] for row in found] == ["filled", "filled", "pending", "pending"]
    assert [row["paper_return"] for row in found[2:]] == [None, None]
    assert [row["forward_return"] for row in found[2:]] == [None, None]
    assert [row["entered_at"] for row in found] == [opening(1), opening(2), opening(3), None]
    assert [row["exited_at"] for row in found] == [closing(2), closing(3), None, None]


def test_an_exit_that_still_waits_for_a_trade_is_pending():
    first = labels(name([10, 11, 12, 13], {2: DOWN, 3: HALT}), 4)[0]
    assert (first["status"], first["paper_return"], first["exited_at"]) == ("pending", None, None)


def test_a_refused_buy_stays_refused_while_its_paper_return_is_pending():
    first = labels(name([10, 11, 12, 13], {1: UP, 2: DOWN, 3: HALT}), 4)[0]
    assert (first["status"], first["paper_return"], first["exited_at"]) == ("refused_locked_up", None, None)


def test_a_suspended_session_has_no_label():
    assert [row["session"] for row in labels(name([10, 11, 12, 13], {1: HALT}), 4)] == [day(0), day(2), day(3)]


def test_a_delisted_name_ends_at_its_last_close_once_sixty_sessions_have_passed():
    vwaps = [10, 11, 12, *[None] * 62]
    waiting, ended = labels(name(vwaps), 62, horizon=3)[0], labels(name(vwaps), 65, horizon=3)[0]
    assert waiting["status"] == "pending"
    assert ended["status"] == "filled"
    assert ended["forward_return"] == pytest.approx(12.5 / 11 - 1)
    assert ended["exited_at"] == closing(62)


def test_a_name_given_up_after_sixty_sessions_stays_settled_when_it_comes_back():
    gone = name([10, 11, 12, *[None] * 62], {})
    back = name([10, 11, 12, *[None] * 62, 30, 31], {})
    assert labels(back, 67, horizon=3)[0] == labels(gone, 67, horizon=3)[0]
    assert labels(back, 67, horizon=3)[0]["exited_at"] == closing(62)


def test_a_long_suspension_is_no_delisting():
    marks = dict.fromkeys(range(3, 80), HALT)
    assert labels(name([10, 11, 12, *[12] * 77], marks), 80, horizon=3)[0]["status"] == "pending"
    assert labels(name([10, 11, 12, *[12] * 77, 14], marks), 81, horizon=3)[0]["forward_return"] == pytest.approx(
        14 / 11 - 1
    )


def test_the_exit_is_always_in_a_later_session_than_the_entry(market):
    sessions = calendar(market.lazy()).collect()
    cleaned = bars(market.lazy(), sessions.lazy()).collect()
    found = forward_returns(cleaned.lazy(), sessions.lazy()).collect()
    traded = cleaned.filter(~pl.col("is_suspended")).height
    assert found.height == traded * len(HORIZONS)
    known = found.drop_nulls("exited_at")
    assert (known["exited_at"].dt.date() > known["entered_at"].dt.date()).all()
    assert (known["entered_at"].dt.date() > known["session"]).all()
    assert found.filter(pl.col("status") == "filled")["forward_return"].null_count() == 0
    assert found.filter(pl.col("status") != "filled")["forward_return"].null_count() > 0
    assert set(found["status"]) == {"filled", "refused_suspended", "pending"}


def test_a_label_once_known_does_not_depend_on_earlier_or_later_rows(market):
    sessions = calendar(market.lazy()).collect()
    cleaned = bars(market.lazy(), sessions.lazy()).collect()
    whole = forward_returns(cleaned.lazy(), sessions.lazy()).collect()
    later = pl.col("session") >= date(2014, 6, 2)
    part = forward_returns(cleaned.filter(later).lazy(), sessions.filter(later).lazy()).collect()
    assert_frame_equal(part, whole.filter(later), check_exact=True)
    early = pl.col("session") <= date(2014, 10, 31)
    cut = forward_returns(cleaned.filter(early).lazy(), sessions.filter(early).lazy()).collect()
    settled = cut.filter(pl.col("status") == "filled")
    same = whole.join(settled.select("session", "security_id", "horizon"), on=["session", "security_id", "horizon"])
    assert_frame_equal(settled, same, check_exact=True, check_row_order=False)


def test_the_level_of_the_adjustment_does_not_matter(market):
    sessions = calendar(market.lazy()).collect()
    cleaned = bars(market.lazy(), sessions.lazy()).collect()
    scaled = cleaned.with_columns(adj_factor=pl.col("adj_factor") * 37.3)
    assert_frame_equal(
        forward_returns(scaled.lazy(), sessions.lazy()).collect(),
        forward_returns(cleaned.lazy(), sessions.lazy()).collect(),
        rel_tol=0,
        abs_tol=1e-12,
    )


def test_no_bars_give_no_labels(market):
    sessions = calendar(market.lazy()).collect()
    cleaned = bars(market.lazy(), sessions.lazy()).collect().clear()
    assert forward_returns(cleaned.lazy(), sessions.lazy()).collect().is_empty()
    assert forward_returns(cleaned.lazy(), sessions.clear().lazy()).collect().is_empty()
