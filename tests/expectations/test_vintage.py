"""Vintage: an accepted row is known no earlier than the raw row that says the same, and no other row counts."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from expectations.fact_tables import FloatShares, IndexBars, RefusedFacts, Statements, SupplyChain
from expectations.facts import RawStatements, RawSupplyChain
from expectations.vintage import FACTS, VINTAGE, bar_vintage, fact_vintage, last_day, proxy_vintage

ZONE = ZoneInfo("Asia/Shanghai")
STATEMENTS, SUPPLY_CHAIN = (next(f for f in FACTS if f.name == name) for name in ("statements", "supply_chain"))
NOTHING = RefusedFacts.create_empty()
END = date(2015, 3, 31)


def at(day: int, hour: int = 20, month: int = 4) -> datetime:
    return datetime(2015, month, day, hour, tzinfo=ZONE)


def report(known: datetime | None, published: date | None, value: float = 1.0, revision: int = 0) -> dict[str, object]:
    return {
        "known_on": known and known.date(), "available_at": known, "security_id": "sz000401", "period_end": END,
        "item": "net_profit", "value": value, "revision": revision, "published_on": published, "delivery": "a.csv",
    }  # fmt: skip


def raw_reports(*rows: dict[str, object]) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in RawStatements.columns().items()}
    return pl.DataFrame(list(rows), schema=schema)


def accepted(*rows: dict[str, object]) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in Statements.columns().items()}
    return pl.DataFrame([{"is_deadline_assumed": False} | row for row in rows], schema=schema)


def broken(raw: pl.DataFrame, told: pl.DataFrame, refused: pl.DataFrame = NOTHING) -> list[tuple[str, str]]:
    found = fact_vintage(STATEMENTS, raw, told, refused, [at(15), at(15, month=6), at(15, month=9)])
    assert found.schema == VINTAGE
    return [(row["rule"][:12], row["first_example"]) for row in found.to_dicts() if not row["passed"]]


RAW = raw_reports(report(at(20), date(2015, 4, 20)), report(at(1, month=7), date(2015, 7, 1), 2.0, 1))


def test_rows_as_they_were_delivered_pass_and_may_be_known_later() -> None:
    told = accepted(report(at(20), date(2015, 4, 20)), report(at(1, month=7), date(2015, 7, 1), 2.0, 1))
    assert broken(RAW, told) == []
    later = told.with_columns(pl.col("available_at") + timedelta(hours=2))
    assert broken(RAW, later) == []


def test_a_row_known_an_hour_before_its_raw_row_is_named() -> None:
    told = accepted(report(at(20, 19), date(2015, 4, 20)), report(at(1, month=7), date(2015, 7, 1), 2.0, 1))
    ((rule, example),) = broken(RAW, told)
    assert rule == "no row is kn"
    assert example.startswith(
        "sz000401 2015-03-31 net_profit: known at 2015-04-20 19:00:00+08:00; the raw row is known"
    )


def test_a_restated_value_in_the_first_row_is_what_no_raw_row_says_and_counts_too_early() -> None:
    told = accepted(report(at(20), date(2015, 4, 20), 2.0), report(at(1, month=7), date(2015, 7, 1), 2.0, 1))
    (_, no_row), (_, counts) = broken(RAW, told)
    assert no_row.endswith("no raw row says the same")
    assert counts.endswith("revision 0, value 2.0 counts; delivered by then was revision 0, value 1.0")


def test_a_first_report_that_lacks_because_it_was_restated_is_found() -> None:
    told = accepted(report(at(1, month=7), date(2015, 7, 1), 2.0, 1))
    ((rule, example),) = broken(RAW, told)
    assert rule == "what counts "
    assert example.endswith("nothing counts; delivered by then was revision 0, value 1.0")


@pytest.mark.parametrize(
    ("known", "published", "honest"),
    [
        (None, date(2015, 4, 20), at(21, 8)),
        (at(20, 0), date(2015, 4, 20), at(21, 8)),
        (None, None, at(1, 8, month=5)),
        (at(10), None, at(1, 8, month=5)),
        (at(3, month=5), None, at(3, month=5)),
        (at(25, 0), date(2015, 4, 20), at(25, 0)),
    ],
)
def test_a_day_without_an_hour_counts_the_next_morning_and_no_day_from_the_last_one_of_the_law(
    known: datetime | None, published: date | None, honest: datetime
) -> None:
    raw = raw_reports(report(known, published))
    assert broken(raw, accepted(report(honest, published or date(2015, 4, 30)))) == []
    early = honest - timedelta(minutes=1)
    assert broken(raw, accepted(report(early, published or date(2015, 4, 30))))


@pytest.mark.parametrize(
    ("end", "by"),
    [
        (date(2015, 3, 31), date(2015, 4, 30)),
        (date(2015, 6, 30), date(2015, 8, 31)),
        (date(2015, 9, 30), date(2015, 10, 31)),
        (date(2015, 12, 31), date(2016, 4, 30)),
        (date(2015, 5, 31), None),
    ],
)
def test_the_law_wants_a_report_by_a_day(end: date, by: date | None) -> None:
    assert pl.select(last_day(pl.lit(end))).item() == by


def test_a_refused_row_does_not_count_and_of_equal_rows_only_as_many_as_were_refused() -> None:
    told = accepted(report(at(20), date(2015, 4, 20)))
    text = RAW.tail(1).select(pl.struct(pl.all().cast(pl.String)).struct.json_encode()).item()
    row = {
        "known_on": date(2015, 7, 1),
        "table": "statements",
        "rule": "r",
        "reason": "r",
        "delivery": None,
        "row": text,
    }
    refused = pl.DataFrame([row], schema=NOTHING.schema)
    assert len(broken(RAW, told)) == 1
    assert broken(RAW, told, refused) == []
    assert len(broken(pl.concat([RAW, RAW.tail(1)]), told, refused)) == 1


def test_an_edge_that_holds_again_is_not_known_when_it_first_held() -> None:
    schema = {name: column.dtype for name, column in RawSupplyChain.columns().items()}
    held = [(at(1), True), (at(10), False), (at(1, month=6), True)]
    edge = {"supplier_id": "a", "customer_id": "b", "weight": None, "delivery": "a.csv"}
    raw = pl.DataFrame([edge | {"known_on": w.date(), "available_at": w, "holds": h} for w, h in held], schema=schema)
    told = raw.select(SupplyChain.column_names())
    assert fact_vintage(SUPPLY_CHAIN, raw, told, NOTHING, [at(15), at(15, month=6)])["passed"].all()
    early = told.with_columns(
        available_at=pl.when(pl.col("available_at") == at(1, month=6)).then(pl.lit(at(12))).otherwise("available_at")
    ).with_columns(known_on=pl.col("available_at").dt.date())
    found = fact_vintage(SUPPLY_CHAIN, raw, early, NOTHING, [at(15)]).filter(~pl.col("passed"))
    assert found["rows_violating"].to_list() == [1, 1]


def test_a_bar_says_what_its_raw_row_says(market: pl.DataFrame) -> None:
    suspended = pl.col("is_suspended")
    prices = (pl.when(~suspended).then(pl.col(name)).alias(name) for name in ("open", "high", "low", "close"))
    idle = (pl.when(~suspended).then(pl.col(name)).otherwise(0.0).alias(name) for name in ("volume", "amount"))
    bars = market.with_columns(*prices, *idle)
    assert bar_vintage(market, bars)["passed"].all()
    lies = {
        "close": pl.col("close").shift(-1),
        "is_st": ~pl.col("is_st"),
        "available_at": pl.col("available_at").dt.offset_by("-1h"),
        "adj_factor": pl.col("adj_factor") / pl.col("adj_factor").max(),
    }
    for name, lie in lies.items():
        (row,) = bar_vintage(market, bars.with_columns(lie.alias(name))).to_dicts()
        assert not row["passed"]
        assert row["first_example"].startswith("s")


def test_what_stands_in_for_facts_is_known_with_its_bars(market: pl.DataFrame) -> None:
    bars = market.head(50)
    dated = {"known_on": pl.col("available_at").dt.date(), "origin": pl.lit("proxy")}
    shares = bars.select("security_id", "available_at", float_shares=pl.lit(1e6), total_shares=pl.lit(None, pl.Float64))
    shares = shares.with_columns(**dated).select(FloatShares.column_names())
    levels = bars.select("session", "available_at", index_id=pl.lit("all"), origin=pl.lit("proxy"))
    assert proxy_vintage(shares, levels, bars)["passed"].all()
    early = pl.col("available_at").dt.offset_by("-1d")
    assert proxy_vintage(shares.with_columns(early), levels, bars)["passed"].to_list() == [False, True]
    assert proxy_vintage(shares, levels.with_columns(early), bars)["passed"].to_list() == [True, False]
    assert "close" in IndexBars.column_names()
