"""Facts beside the bars: dated, in order, in Chinese, and tied to what moves prices and what is in the truth."""

from __future__ import annotations

from datetime import time

import numpy as np
import polars as pl

from assets.sources.embedded.statements import WINDOWS
from assets.sources.embedded.wording import NEWS
from assets.sources.synthetic_market import SyntheticMarketSpec, _made
from expectations.facts import (
    RawFloatShares,
    RawIndexBars,
    RawIndexMembers,
    RawIndustries,
    RawNews,
    RawPolicyEvents,
    RawStatements,
    RawSupplyChain,
)
from expectations.tables import RawBars, Table

SPEC = SyntheticMarketSpec(sessions=800)
EVENING = time(20)


def whole(table: type[Table], spec: SyntheticMarketSpec = SPEC) -> pl.DataFrame:
    return spec.read(table, spec.first_session(), spec.last_session())


def first_to_know(rows: pl.DataFrame) -> pl.DataFrame:
    """With the session whose decision at 20:00 is the first to know each row."""
    late = pl.col("available_at").dt.time() > EVENING
    day = pl.col("known_on").dt.offset_by(pl.when(late).then(pl.lit("1d")).otherwise(pl.lit("0d")))
    sessions = whole(RawBars).select("session").unique().sort("session")
    dated = rows.with_columns(day=day).sort("day")
    return dated.join_asof(sessions, left_on="day", right_on="session", strategy="forward").drop_nulls("session")


def test_reports_come_within_their_legal_window_after_the_close_and_once_per_revision() -> None:
    rows = whole(RawStatements)
    assert not rows.select("security_id", "period_end", "item", "revision", "published_on").is_duplicated().any()
    firsts = rows.filter(revision=0)
    lag = (firsts["published_on"] - firsts["period_end"]).dt.total_days()
    last = firsts["period_end"].dt.month().replace_strict({month: window[1] for month, window in WINDOWS.items()})
    late_first_quarter = firsts["period_end"].dt.month() == 3
    assert ((lag <= last) | late_first_quarter).all()
    assert (lag > 0).all()
    on_time = rows.filter(pl.col("known_on") > SPEC.first_session(), pl.col("known_on") == pl.col("published_on"))
    assert on_time.select((pl.col("available_at").dt.time() > EVENING).all()).item()


def test_some_reports_are_restated_later_and_the_first_figure_stays() -> None:
    profits = whole(RawStatements).filter(item="net_profit")
    both = profits.filter(revision=0).join(
        profits.filter(revision=1), on=["security_id", "period_end"], suffix="_again"
    )
    assert 0.01 < both.height / profits.filter(revision=0).height < 0.08
    within = both.filter(pl.col("known_on_again") == pl.col("published_on_again"))
    assert within.height > both.height / 2
    assert (within["available_at_again"] > within["available_at"]).all()
    assert (both["value_again"] != both["value"]).all()


def test_a_profit_above_that_of_a_year_before_drifts_on_in_the_truth() -> None:
    profits = whole(RawStatements).filter(item="net_profit", revision=0).sort("security_id", "period_end")
    quarter = pl.col("value") - pl.when(pl.col("period_end").dt.month() > 3).then(
        pl.col("value").shift(1).over("security_id")
    ).otherwise(0.0)
    change = profits.with_columns(quarter=quarter).with_columns(
        change=pl.col("quarter") - pl.col("quarter").shift(4).over("security_id")
    )
    scaled = change.with_columns(surprise=pl.col("change") / pl.col("change").std().over("security_id")).drop_nulls()
    told = first_to_know(scaled).join(SPEC.truth().filter(horizon=5), on=["session", "security_id"])
    assert told.height > 1000
    assert told.select(pl.corr("surprise", "statements")).item() > 0.6


def test_news_comes_at_any_minute_in_chinese_and_its_tone_is_in_the_truth() -> None:
    news = whole(RawNews)
    assert not news["news_id"].is_duplicated().any()
    assert news["available_at"].is_sorted()
    after_decision = (news.filter(kind="news")["available_at"].dt.time() > EVENING).mean()
    assert 0.1 < float(str(after_decision)) < 0.5
    assert not news["title"].str.contains_any(["{", "}"]).any()
    assert not news["body"].str.contains_any(["{", "}"]).any()
    assert news.filter(pl.col("security_id").is_null()).height == whole(RawPolicyEvents)["event_id"].n_unique()
    tones = {body[body.index("}") + 1 :][:4]: tone for tone, _, body in NEWS if body.startswith("{公司}")}
    toned = news.filter(kind="news", security_id=pl.col("security_id")).filter(~pl.col("title").str.starts_with("转载"))
    tone = pl.coalesce(
        pl.when(pl.col("body").str.contains(key, literal=True)).then(value) for key, value in tones.items()
    )
    known = first_to_know(toned.with_columns(tone=tone).drop_nulls("tone"))
    told = known.join(SPEC.truth().filter(horizon=1), on=["session", "security_id"])
    assert told.select(pl.corr("tone", "news")).item() > 0.6


def test_reports_suspensions_st_and_delistings_are_announced() -> None:
    announced = whole(RawNews).filter(kind="announcement")
    reports = announced.filter(pl.col("title").str.contains("报告") & ~pl.col("title").str.contains("更正"))
    profits = whole(RawStatements).filter(
        pl.col("item") == "net_profit", pl.col("revision") == 0, pl.col("known_on") == pl.col("published_on")
    )
    keys = ["security_id", "available_at"]
    assert reports.join(profits, on=keys, how="semi").height == profits.height
    listings = _made(SPEC).tape.listings
    assert announced["title"].str.contains("退市整理期").sum() == listings.is_delisted.sum() > 0
    bars = whole(RawBars).sort("session")
    began = bars.with_columns(
        began=pl.col("is_suspended") & ~pl.col("is_suspended").shift(1).over("security_id", "listed_on")
    ).filter("began")
    stopped = announced.filter(pl.col("title").str.contains("停牌公告"))
    assert began.join(
        stopped, left_on=["session", "security_id"], right_on=["known_on", "security_id"], how="anti"
    ).is_empty()


def test_policy_names_its_industries_and_moves_them_in_the_truth() -> None:
    events = whole(RawPolicyEvents)
    assert not events.select("event_id", "industry").is_duplicated().any()
    assert events.select(pl.col("title").str.contains(pl.col("industry"), literal=True).all()).item()
    tone = pl.when(pl.col("title").str.contains("支持|优惠")).then(1).otherwise(-1)
    first = whole(RawIndustries).filter("holds").sort("known_on").group_by("industry", maintain_order=True).all()
    members = first.select("industry", "security_id").explode("security_id")
    known = first_to_know(events.with_columns(tone=tone)).join(members, on="industry")
    told = known.join(SPEC.truth().filter(horizon=1), on=["session", "security_id"])
    assert told.select(pl.corr("tone", "policy")).item() > 0.4


def test_edges_and_industries_end_as_a_row_of_their_own() -> None:
    for table, keys in (
        (RawSupplyChain, ["supplier_id", "customer_id"]),
        (RawIndustries, ["security_id", "industry"]),
    ):
        rows = whole(table)
        ends = rows.filter(~pl.col("holds"))
        assert ends.height > 0
        begun = rows.filter("holds").join(ends, on=keys, suffix="_end")
        assert begun.height >= ends.height
        assert (begun["known_on"] <= begun["known_on_end"]).any()
    assert whole(RawSupplyChain).select((pl.col("supplier_id") != pl.col("customer_id")).all()).item()


def test_an_index_is_the_weighted_return_of_its_members() -> None:
    index = whole(RawIndexBars).filter(index_id="sh000002").sort("session")
    assert index["prev_close"][1:].equals(index["close"][:-1])
    moves = whole(RawBars).with_columns(move=pl.col("close") / pl.col("prev_close") - 1)
    old = moves.filter(pl.col("security_id").str.starts_with("sh60"), pl.col("session") != pl.col("listed_on"))
    mean = old.group_by("session").agg(pl.mean("move"))
    both = index.with_columns(index=pl.col("close") / pl.col("prev_close") - 1).join(mean, on="session")
    assert both.select(pl.corr("index", "move")).item() > 0.9
    assert set(whole(RawIndexMembers)["index_id"]) <= set(whole(RawIndexBars)["index_id"])


def test_members_of_the_large_index_weigh_one_together() -> None:
    weights = whole(RawIndexMembers).filter("holds").group_by("known_on").agg(pl.sum("weight"), pl.len())
    assert np.allclose(weights["weight"], 1, atol=1e-3)
    assert weights["len"].min() >= 40


def test_float_shares_change_where_rights_go_off_and_never_exceed_all_shares() -> None:
    shares = whole(RawFloatShares)
    assert (shares["float_shares"] <= shares["total_shares"]).all()
    turnover = (
        whole(RawBars)
        .filter(pl.col("volume") > 0)
        .sort("session")
        .join_asof(
            shares.sort("known_on"), left_on="session", right_on="known_on", by="security_id", check_sortedness=False
        )
    )
    rate = turnover.select(rate=pl.col("volume") / pl.col("float_shares"))["rate"]
    assert 0.003 < float(str(rate.median())) < 0.05
    assert float(str(rate.quantile(0.999))) < 1
