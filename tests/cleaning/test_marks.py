from datetime import date, time

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import assets.cleaning
from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.cleaning.marks import marks
from assets.cleaning.rules import RULES
from assets.cleaning.rules import marks as marking
from assets.table import declarations
from benchmarks.cleaning_ledger import causality
from expectations.cleaning_tables import Marks
from expectations.fact_tables import FloatShares, IndexBars, News
from expectations.facts import RAW_FACTS, RawFloatShares, RawIndexBars, RawNews
from expectations.tables import Bars, Calendar, RawBars, Table
from pipelines.declared import in_order, modules_of

INPUTS = (Bars, Calendar, IndexBars, FloatShares, News)
BACK = [marks.table.look_back[name] for name in marks.table.inputs]
NO_FACTS = [table.create_empty(lazy=True) for table in (IndexBars, FloatShares, News)]


@pytest.fixture(scope="module")
def cleaned(market) -> tuple[pl.DataFrame, pl.DataFrame]:
    days = calendar(market.lazy()).collect()
    return bars(market.lazy(), days.lazy()).collect(), days


def test_each_bar_has_one_row_for_each_rule_that_finds_it(cleaned):
    found = Marks.validate(marks(*(frame.lazy() for frame in cleaned), *NO_FACTS).collect())
    assert found.select("session", "security_id", "rule").is_unique().all()
    assert found.join(cleaned[0], on=["session", "security_id"], how="anti").is_empty()
    assert set(found["rule"]) <= {rule.name for rule in marking(RULES)}
    assert found.filter(rule="suspended").height == 82


def told_of(market: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Raw tables: a market with bursts of trading, few float shares, an index on some sessions, two delistings."""
    days = market["session"].unique().sort()
    busy = pl.col("session").is_in(days.gather(range(60, 200, 45)).implode()) & (pl.col("security_id") != "sh600001")
    busy_for = pl.when(busy | busy.shift(1).over("security_id")).then(40.0).otherwise(1.0)
    bars = market.sort("security_id", "session").with_columns(pl.col("volume", "amount") * busy_for)
    known = market["available_at"].min()
    shares = market.group_by("security_id").agg(float_shares=pl.col("volume").median() * 12)
    index = pl.DataFrame({"session": days, "index_id": "sh000002", "prev_close": 100.0})
    close = 100 + (pl.int_range(pl.len()) / 4).sin() * 15
    index = index.with_columns(close=close).filter(pl.int_range(pl.len()) % 3 > 0)
    news = [{"news_id": str(n), "security_id": name, "kind": "announcement", "title": "进入退市整理期交易的公告",
             "known_on": days[80 * (n + 1)]} for n, name in enumerate(("sh600002", "sz000003"))]  # fmt: skip
    at_16 = [pl.col("session").dt.combine(time(16)).dt.replace_time_zone("Asia/Shanghai").alias("available_at")]
    at_9 = [pl.col("known_on").dt.combine(time(9)).dt.replace_time_zone("Asia/Shanghai").alias("available_at")]
    planted = {
        RawFloatShares: shares.with_columns(available_at=pl.lit(known), known_on=pl.lit(days[0])),
        RawIndexBars: index.with_columns(at_16),
        RawNews: pl.DataFrame(news).with_columns(at_9),
    }
    raw = {table.asset_key: table.create_empty() for table in RAW_FACTS} | {RawBars.asset_key: bars}
    for table, rows in planted.items():
        raw[table.asset_key] = pl.concat([table.create_empty(), table.cast(_whole(table, rows))])
    return raw


def _whole(table: type[Table], rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.lit(None).alias(name) for name in table.column_names() if name not in rows.columns)


@pytest.fixture(scope="module")
def raw(market) -> dict[str, pl.DataFrame]:
    return told_of(market)


@pytest.fixture(scope="module")
def facts(raw) -> list[pl.DataFrame]:
    """The inputs of marks and its rows, made of these raw tables."""
    made = dict(raw)
    for key, one in in_order(declarations(*modules_of([assets.cleaning]))).items():
        made[key] = one.function(**{name: made[s.asset_key].lazy() for name, s in one.inputs.items()}).collect()
    return [made[table.asset_key] for table in (*INPUTS, Marks)]


def test_one_month_with_the_declared_look_back_equals_the_whole(facts):
    *given, whole = facts
    days = given[1]
    for month in (7, 9, 11):
        inside = pl.col("session").dt.month() == month
        first = days["session"].search_sorted(date(2014, month, 1))
        parts = []
        for frame, schema, back in zip(given, INPUTS, BACK, strict=True):
            since = days["session"][max(first - back, 0)]
            day = pl.col(schema.dated_by)
            known = (day >= since) if first > back else pl.lit(True)
            parts.append(frame.filter(known, day < date(2014, month + 1, 1)).lazy())
        part = marks(*parts).collect()
        assert_frame_equal(part.filter(inside), whole.filter(inside), check_exact=True)
        assert whole.filter(inside).height > 0


def test_the_facts_are_looked_at(facts):
    assert {"abnormal_turnover", "abnormal_fluctuation", "delisting_period"} <= set(facts[-1]["rule"])


def test_facts_and_bars_that_come_later_leave_what_was_marked_as_it_is(facts):
    *given, whole = facts
    days = given[1]["session"]
    for place in range(70, 190, 17):
        instant = given[0].filter(session=days[place])["available_at"].max()
        known = [
            frame.filter(pl.col("available_at") <= instant)
            if "available_at" in frame.columns
            else frame.filter(pl.col("session") <= days[place])
            for frame in given
        ]
        part = marks(*(frame.lazy() for frame in known)).collect()
        assert_frame_equal(part, whole.filter(pl.col("session") <= days[place]), check_exact=True)


def test_another_future_leaves_the_marks_of_every_rule_as_they_are(raw):
    found = causality(raw, marking(RULES), instants=3)
    assert found.filter(~pl.col("causal"))["rule"].to_list() == []
    compared = dict(found.select("rule", "rows_compared").iter_rows())
    assert min(compared[name] for name in ("abnormal_turnover", "abnormal_fluctuation", "delisting_period")) > 0


def test_an_empty_month_gives_an_empty_table(cleaned):
    assert marks(cleaned[0].clear().lazy(), cleaned[1].lazy(), *NO_FACTS).collect().is_empty()
