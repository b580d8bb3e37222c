import itertools
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.cleaning.price_limits import limit_prices, rule_book


def limits(
    prev_close, security_id="sh600000", board="main", session=date(2015, 6, 1), is_st=False, since=None, listed=None
):
    frame = pl.DataFrame(
        {
            "session": [session],
            "security_id": [security_id],
            "board": [board],
            "is_st": [is_st],
            "listed_on": pl.Series([listed], dtype=pl.Date),
            "sessions_since_listing": pl.Series([since], dtype=pl.Int64),
            "prev_close": pl.Series([prev_close], dtype=pl.Float64),
        }
    )
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


def test_every_rule_names_its_source():
    assert all(rule["source"] for rule in rule_book())


def test_bands_of_one_board_follow_each_other_without_gap_or_overlap():
    named = {(r["board"], r["is_st"]) for r in rule_book() if r["rule"] == "band"}
    for board, is_st in named:
        rules = [r for r in rule_book() if r["rule"] == "band" and (r["board"], r["is_st"]) == (board, is_st)]
        for before, after in itertools.pairwise(sorted(rules, key=lambda r: r["first"])):
            assert (after["first"] - before["last"]).days == 1


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


REAL = Path(__file__).parents[3] / "shared" / "data" / "ashare_2012_2018" / "daily.parquet"


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
