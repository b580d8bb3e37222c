from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.cleaning.float_shares import float_shares
from assets.cleaning.index_bars import ALL_BARS, BASE, index_bars, judged
from expectations.fact_tables import FloatShares, IndexBars
from expectations.facts import RawFloatShares, RawIndexBars

DAY = date(2014, 6, 3)
CLOSE = datetime(2014, 6, 3, 16, tzinfo=ZoneInfo("Asia/Shanghai"))
NO_INDEX, NO_SHARES = RawIndexBars.create_empty().lazy(), RawFloatShares.create_empty().lazy()


@pytest.fixture(scope="module")
def traded(market):
    return bars(market.lazy(), calendar(market.lazy())).collect()


def row(**changes: object) -> dict[str, object]:
    return {"session": DAY, "index_id": "i1", "close": 3000.0, "available_at": CLOSE} | changes


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, None),
        (dict(session=None), "missing_key"),
        (dict(index_id=None), "missing_key"),
        (dict(available_at=None), "missing_available_at"),
        (dict(session=date(2014, 6, 4)), "available_before_session"),
        (dict(close=None), "missing_value"),
        (dict(close=float("inf")), "not_finite"),
        (dict(close=0.0), "not_positive"),
        (dict(prev_close=-1.0), "not_positive"),
        (dict(amount=-1.0), "not_positive"),
    ],
)
def test_each_rule_refuses_what_breaks_it(rows_of, changes, rule):
    assert judged(rows_of(RawIndexBars, [row(**changes)]))["rule"].to_list() == [rule]


def test_a_second_close_of_one_session_is_refused(rows_of):
    later = CLOSE.replace(hour=18)
    raw = rows_of(RawIndexBars, [row(close=3100.0, available_at=later), row(), row(index_id="i2")])
    assert judged(raw).sort("_row")["rule"].to_list() == ["contradiction", None, None]


def test_every_session_has_the_proxy_also_where_the_source_has_an_index(rows_of, traded):
    shares = float_shares(NO_SHARES, traded.lazy())
    raw = rows_of(RawIndexBars, [row(), row(index_id="i2"), row(session=date(2014, 6, 4), close=-1.0)])
    found = IndexBars.validate(index_bars(raw.lazy(), traded.lazy(), shares).collect())
    assert found.filter(session=DAY).select("index_id", "origin", "weighted_by").rows() == [
        (ALL_BARS, "proxy", "trailing_amount"), ("i1", "reported", "source"), ("i2", "reported", "source"),
    ]  # fmt: skip
    others = found.filter(pl.col("session") != DAY)
    assert set(others.select("index_id", "origin", "weighted_by").unique().rows()) == {
        (ALL_BARS, "proxy", "trailing_amount")
    }
    assert date(2014, 6, 4) in others["session"].to_list()


@pytest.mark.parametrize("halted", [0, 30])
def test_the_proxy_weights_by_reported_shares_times_the_close_before(rows_of, traded, halted):
    # A name that is suspended from its first session on has no weight before its first close.
    waits = (pl.col("security_id") == "sz000003") & (pl.col("session") < traded["session"].unique().sort()[halted])
    prices = ("open", "high", "low", "close", "vwap")
    traded = traded.with_columns(
        *(pl.when(~waits).then(pl.col(name)).alias(name) for name in prices),
        is_suspended=pl.col("is_suspended") | waits,
    )
    names = {"sh600001": 1e8, "sh600002": 3e8, "sz000003": 2e8, "sz000004": 5e8, "sz300005": 4e8}
    early = CLOSE.replace(year=2013)
    raw = rows_of(
        RawFloatShares,
        [{"security_id": name, "float_shares": shares, "available_at": early} for name, shares in names.items()],
    )
    shares = float_shares(raw.lazy(), traded.lazy())
    found = index_bars(NO_INDEX, traded.lazy(), shares).collect()
    assert found["weighted_by"].unique().to_list() == ["float_shares"]
    level, capital = BASE, {}
    sessions = traded["session"].unique().sort()
    for session in sessions:
        here = {r["security_id"]: r for r in traded.filter(session=session).iter_rows(named=True)}
        known = {name: capital[name] for name in here if name in capital}
        if known:
            moved = {n: (here[n]["close"] or 0) / here[n]["prev_close"] - 1 if here[n]["close"] else 0 for n in known}
            level *= 1 + sum(known[n] * moved[n] for n in known) / sum(known.values())
            one = found.filter(session=session).row(0, named=True)
            assert one["close"] == pytest.approx(level, rel=1e-12)
            assert one["available_at"] == max(r["available_at"] for r in here.values())
        capital |= {name: r["close"] * names[name] for name, r in here.items() if r["close"]}
    assert found["prev_close"].to_list() == [BASE, *found["close"].to_list()[:-1]]


def test_reported_and_guessed_weights_together_are_called_mixed(rows_of, traded):
    early = CLOSE.replace(year=2013)
    raw = rows_of(RawFloatShares, [{"security_id": "sh600001", "float_shares": 1e8, "available_at": early}])
    found = index_bars(NO_INDEX, traded.lazy(), float_shares(raw.lazy(), traded.lazy())).collect()
    assert found["weighted_by"].unique(maintain_order=True).to_list() == ["float_shares", "mixed"]


def test_without_any_weight_there_is_no_index(traded):
    assert index_bars(NO_INDEX, traded.lazy(), FloatShares.create_empty().lazy()).collect().is_empty()
