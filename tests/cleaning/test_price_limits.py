import itertools
import os
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.cleaning.price_limits import limit_prices


def frame_of(prev_close, security_id, board, session, is_st, since, listed, into_delisting):
    return pl.DataFrame(
        {
            "session": session,
            "security_id": security_id,
            "board": board,
            "is_st": is_st,
            "listed_on": pl.Series([listed], dtype=pl.Date),
            "sessions_since_listing": pl.Series([since], dtype=pl.Int64),
            "sessions_into_delisting": pl.Series([into_delisting], dtype=pl.Int64),
            "prev_close": pl.Series([prev_close], dtype=pl.Float64),
        }
    )


def limits(
    prev_close,
    security_id="sh600000",
    board="main",
    session=date(2015, 6, 1),
    is_st=False,
    since=None,
    listed=None,
    into_delisting=None,
):
    frame = frame_of(prev_close, security_id, board, session, is_st, since, listed, into_delisting)
    return limit_prices(frame).select("limit_up", "limit_down").row(0)


ANCHORS = [
    (dict(prev_close=2.55), (2.81, 2.30)),
    (dict(prev_close=10.05), (11.06, 9.05)),
    (dict(prev_close=0.04, security_id="sz000001", session=date(2025, 6, 3)), (0.05, 0.03)),
    (dict(prev_close=0.04, security_id="sh600000", session=date(2020, 6, 1)), (0.04, 0.04)),
    (dict(prev_close=0.04, security_id="sh600000", session=date(2023, 4, 10)), (0.05, 0.03)),
    (dict(prev_close=12.35, security_id="sh688001", board="star", session=date(2021, 6, 1)), (14.82, 9.88)),
    (dict(prev_close=10, security_id="bj430001", board="bse", session=date(2022, 6, 1)), (13, 7)),
    (dict(prev_close=10, security_id="sz300001", board="chinext", session=date(2020, 8, 21)), (11, 9)),
    (dict(prev_close=10, security_id="sz300001", board="chinext", session=date(2020, 8, 24)), (12, 8)),
    (dict(prev_close=10, security_id="sz300001", board="chinext", session=date(2020, 8, 21), is_st=True), (10.5, 9.5)),
    (dict(prev_close=10, security_id="sz300001", board="chinext", session=date(2020, 8, 24), is_st=True), (12, 8)),
    (dict(prev_close=10, session=date(2026, 7, 3), is_st=True), (10.5, 9.5)),
    (dict(prev_close=10, session=date(2026, 7, 6), is_st=True), (11, 9)),
    (dict(prev_close=10, security_id="sh688001", board="star", session=date(2021, 6, 1), is_st=True), (12, 8)),
]


@pytest.mark.parametrize(("given", "expected"), ANCHORS)
def test_limits_are_those_of_the_exchange(given, expected):
    assert limits(**given) == expected


LISTINGS = [
    (dict(listed=date(2012, 3, 1), since=0, session=date(2012, 3, 1)), (None, None)),
    (dict(listed=date(2012, 3, 1), since=1, session=date(2012, 3, 2)), (11, 9)),
    (dict(listed=date(2014, 1, 2), since=0, session=date(2014, 1, 2)), (14.4, 6.4)),
    (dict(listed=date(2014, 1, 2), since=0, session=date(2014, 1, 2), security_id="sz002001"), (None, None)),
    (dict(listed=date(2014, 6, 13), since=0, session=date(2014, 6, 13), security_id="sz002001"), (14.4, 6.4)),
    (dict(listed=date(2023, 4, 7), since=1, session=date(2023, 4, 10)), (11, 9)),
    (dict(listed=date(2023, 4, 10), since=4, session=date(2023, 4, 14)), (None, None)),
    (dict(listed=date(2023, 4, 10), since=5, session=date(2023, 4, 17)), (11, 9)),
    (dict(listed=date(2020, 8, 24), since=4, session=date(2020, 8, 28), board="chinext"), (None, None)),
    (dict(listed=date(2020, 8, 24), since=5, session=date(2020, 8, 31), board="chinext"), (12, 8)),
    (dict(listed=date(2021, 11, 15), since=0, session=date(2021, 11, 15), board="bse"), (None, None)),
    (dict(listed=date(2021, 11, 15), since=1, session=date(2021, 11, 16), board="bse"), (13, 7)),
]


@pytest.mark.parametrize(("given", "expected"), LISTINGS)
def test_the_first_sessions_after_a_listing_have_rules_of_their_own(given, expected):
    assert limits(10, **given) == expected


def test_without_a_reference_price_or_before_a_board_opens_there_is_no_limit():
    assert limits(None) == (None, None)
    assert limits(10, board="star", session=date(2019, 7, 19)) == (None, None)


def test_every_half_cent_is_rounded_up():
    prices = [cents / 100 for cents in range(5, 20_000)]
    frame = pl.DataFrame({"prev_close": prices}).with_columns(
        session=pl.lit(date(2015, 6, 1)),
        security_id=pl.lit("sh600000"),
        board=pl.lit("main"),
        is_st=pl.lit(False),
        listed_on=pl.lit(None, dtype=pl.Date),
        sessions_since_listing=pl.lit(None, dtype=pl.Int64),
    )
    found = limit_prices(frame)
    expected_up = [(110 * cents + 50) // 100 / 100 for cents in range(5, 20_000)]
    expected_down = [(90 * cents + 50) // 100 / 100 for cents in range(5, 20_000)]
    assert found["limit_up"].to_list() == expected_up
    assert found["limit_down"].to_list() == expected_down
    assert found.columns == [*frame.columns, "limit_up", "limit_down"]


DELISTINGS = [
    (dict(session=date(2013, 1, 4), into_delisting=0), (11, 9)),
    (dict(session=date(2013, 1, 4), into_delisting=0, is_st=True), (11, 9)),
    (dict(session=date(2012, 12, 17), into_delisting=1, security_id="sz000001"), (11, 9)),
    (dict(session=date(2012, 12, 14), into_delisting=1, security_id="sz000001"), (None, None)),
    (dict(session=date(2020, 12, 30), into_delisting=0, security_id="sz000001"), (11, 9)),
    (dict(session=date(2020, 12, 31), into_delisting=0), (None, None)),
    (dict(session=date(2020, 12, 31), into_delisting=0, security_id="sz000001"), (None, None)),
    (dict(session=date(2020, 12, 31), into_delisting=1), (11, 9)),
    (dict(session=date(2020, 8, 21), into_delisting=1, board="chinext"), (11, 9)),
    (dict(session=date(2020, 8, 24), into_delisting=0, board="chinext"), (12, 8)),
    (dict(session=date(2020, 9, 1), into_delisting=1, board="chinext"), (None, None)),  # 10 or 20: not known here
    (dict(session=date(2020, 12, 31), into_delisting=1, board="chinext"), (12, 8)),
    (dict(session=date(2020, 12, 30), into_delisting=0, board="star"), (12, 8)),
    (dict(session=date(2020, 12, 31), into_delisting=0, board="star"), (None, None)),
    (dict(session=date(2023, 5, 8), into_delisting=3, board="star"), (12, 8)),
    (dict(session=date(2023, 5, 8), into_delisting=0, board="bse"), (None, None)),
    (dict(session=date(2023, 5, 8), into_delisting=1, board="bse"), (13, 7)),
]


@pytest.mark.parametrize(("given", "expected"), DELISTINGS)
def test_the_delisting_period_has_rules_of_its_own(given, expected):
    assert limits(10, **given) == expected


def test_in_the_delisting_period_shanghai_kept_a_cent_before_its_other_stocks_did():
    day = date(2016, 5, 4)
    assert limits(0.04, session=day) == (0.04, 0.04)
    assert limits(0.04, session=day, into_delisting=1) == (0.05, 0.03)
    assert limits(0.05, session=day, into_delisting=1) == (0.06, 0.05)
    assert limits(0.05, session=date(2021, 5, 6), into_delisting=1) == (0.06, 0.04)


def test_a_company_without_share_reform_has_the_band_of_special_treatment():
    frame = pl.concat([frame_of(10, "sh600733", "main", date(2014, 1, 6), False, None, None, None)] * 3)
    marked = limit_prices(frame.with_columns(is_unreformed=pl.Series([True, False, None])))
    assert marked["limit_up"].to_list() == [10.5, 11, 11]
    assert "is_unreformed" in marked.columns


def test_the_delisting_column_may_be_absent():
    frame = frame_of(10, "sh600000", "main", date(2022, 1, 4), False, None, None, None)
    assert limit_prices(frame.drop("sessions_into_delisting"))["limit_up"].to_list() == [11]


@pytest.mark.parametrize(
    ("session", "listed"), [(date(2023, 4, 7), date(2023, 4, 7)), (date(2023, 4, 10), date(2023, 4, 10))]
)
def test_the_first_session_goes_by_the_day_of_the_listing(session, listed):
    expected = (14.4, 6.4) if listed < date(2023, 4, 10) else (None, None)
    assert limits(10, session=session, listed=listed, since=0) == expected


# ---- properties

CENTS = st.integers(1, 500_000)
ANY_CASE = st.builds(
    dict,
    venue=st.sampled_from(
        [("sh600000", "main"), ("sz000001", "main"), ("sz300001", "chinext"), ("sh688001", "star"), ("bj1", "bse")]
    ),
    session=st.dates(date(2005, 1, 4), date(2026, 10, 30)),
    is_st=st.booleans(),
    since=st.one_of(st.none(), st.integers(0, 7)),
    into_delisting=st.one_of(st.none(), st.integers(0, 2)),
)


def of_cents(cents, of_case):
    security, board = of_case["venue"]
    known = {name: of_case[name] for name in ("session", "is_st", "since", "into_delisting")}
    listed = of_case["session"] if of_case["since"] is not None else None
    return limits(cents / 100, security_id=security, board=board, listed=listed, **known)


@settings(max_examples=150, deadline=None)
@given(cents=CENTS, of_case=ANY_CASE)
def test_limits_are_whole_cents_around_the_reference_price(cents, of_case):
    up, down = of_cents(cents, of_case)
    if up is None:
        assert down is None
        return
    assert Decimal(str(up)).as_tuple().exponent >= -2
    assert Decimal(str(down)).as_tuple().exponent >= -2
    assert 0 <= down <= cents / 100 <= up


@settings(max_examples=150, deadline=None)
@given(cents=CENTS, of_case=ANY_CASE, more=st.integers(1, 5_000))
def test_a_higher_reference_price_never_has_lower_limits(cents, of_case, more):
    lower, higher = of_cents(cents, of_case), of_cents(cents + more, of_case)
    if lower[0] is not None:
        assert lower[0] <= higher[0]
        assert lower[1] <= higher[1]


@settings(max_examples=150, deadline=None)
@given(
    cents=st.lists(CENTS, min_size=1, max_size=30),
    scope=st.sampled_from(
        [
            ("sh600000", "main", date(2016, 3, 1), False, "0.10", False),
            ("sh600000", "main", date(2016, 3, 1), True, "0.05", False),
            ("sz000001", "main", date(2016, 3, 1), True, "0.05", True),
            ("sh600000", "main", date(2026, 9, 1), True, "0.10", True),
            ("sz300001", "chinext", date(2021, 3, 1), True, "0.20", True),
            ("sh688001", "star", date(2021, 3, 1), False, "0.20", False),
            ("bj430001", "bse", date(2022, 3, 1), False, "0.30", False),
        ]
    ),
)
def test_limits_equal_decimal_arithmetic(cents, scope):
    security, board, session, is_st, band, floored = scope
    frame = pl.concat([frame_of(price / 100, security, board, session, is_st, None, None, None) for price in cents])
    expected = [by_decimal(Decimal(price) / 100, Decimal(band), floored) for price in cents]
    assert limit_prices(frame).select("limit_up", "limit_down").rows() == expected


def by_decimal(reference, band, floored):
    cent = Decimal("0.01")
    up, down = ((reference * (1 + side)).quantize(cent, ROUND_HALF_UP) for side in (band, -band))
    if floored:
        up, down = max(up, reference + cent), min(down, reference - cent)
    return float(up), float(down)


# ---- independent books

SCOPES = [
    ("main_board", "main", "sh600000", False, "XSHG"),
    ("main_board", "main", "sz000001", False, "XSHE"),
    ("st_main", "main", "sh600000", True, "XSHG"),
    ("st_main", "main", "sz000001", True, "XSHE"),
    ("chinext", "chinext", "sz300001", False, "XSHE"),
    ("st_chinext", "chinext", "sz300001", True, "XSHE"),
    ("star", "star", "sh688001", False, "XSHG"),
    ("bse", "bse", "bj430001", False, "BJSE"),
]
DAYS = [date(2012, 1, 4), date(2020, 8, 21), date(2020, 8, 24), date(2023, 4, 7), date(2023, 4, 10)]
DAYS += [date(2026, 7, 3), date(2026, 7, 6)]
PRICES = (0.05, 0.07, 1.0, 2.55, 9.99, 10.05, 123.45)


def test_an_independent_rule_book_agrees():
    marina = pytest.importorskip("marina_rules", reason="the independent rule book is not installed")
    cases = list(itertools.product(SCOPES, DAYS, PRICES))
    frame = pl.DataFrame(
        [(day, security, board, is_st, price) for (_, board, security, is_st, _), day, price in cases],
        schema=["session", "security_id", "board", "is_st", "prev_close"],
        orient="row",
    ).with_columns(
        listed_on=pl.lit(None, dtype=pl.Date),
        sessions_since_listing=pl.lit(None, dtype=pl.Int64),
    )
    expected = []
    for (scope, _, _, _, exchange), day, price in cases:
        try:
            expected.append(marina.limit_price(price, scope, day.isoformat(), exchange))
        except KeyError:  # the board was not open
            expected.append((None, None))
    assert limit_prices(frame).select("limit_up", "limit_down").rows() == expected


SHARED = Path(os.environ.get("KINDLING_SHARED", Path(__file__).parents[3] / "shared"))
REAL = SHARED / "data" / "ashare_2012_2018" / "daily.parquet"


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="the folder of real market data is absent")
def test_real_trades_lie_inside_the_limits_but_for_two_relistings():
    rows = pl.scan_parquet(REAL).filter(pl.col("date") <= date(2017, 12, 29)).collect()
    found = limit_prices(
        rows.select(
            "high",
            "low",
            session="date",
            security_id="code",
            board=pl.when(pl.col("code").str.starts_with("sz30")).then(pl.lit("chinext")).otherwise(pl.lit("main")),
            is_st=pl.col("name").str.contains("ST"),
            listed_on=pl.lit(None, dtype=pl.Date),
            sessions_since_listing=pl.lit(None, dtype=pl.Int64),
            prev_close="preclose",
        )
    )
    assert found["limit_up"].equals(rows["limit_up"].round(2))
    assert found["limit_down"].equals(rows["limit_down"].round(2))
    outside = found.filter((pl.col("high") > pl.col("limit_up")) | (pl.col("low") < pl.col("limit_down")))
    assert outside.select("security_id", "session").rows() == [
        ("sh600705", date(2012, 8, 30)),
        ("sz000509", date(2014, 1, 14)),
    ]
