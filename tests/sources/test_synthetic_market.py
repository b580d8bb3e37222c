"""The embedded market is one spec: deterministic, read by month, refused by name where it cannot be."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import polars as pl
import pytest
import yaml
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from assets.sources.embedded.calendar import is_session
from assets.sources.embedded.events import Switches
from assets.sources.synthetic_market import COMPONENTS, NEWS, TREND, SyntheticMarketSpec, _made
from expectations.facts import RAW_FACTS, RawNews, RawStatements
from expectations.tables import RawBars, Table

MARKETS = Path(__file__).parents[2] / "benchmarks" / "markets"
SMALL = SyntheticMarketSpec(securities=20, sessions=120)
BROAD = SyntheticMarketSpec(securities=80, sessions=300)
NOTHING = dict.fromkeys(Switches.model_fields, False)
WORLDS = ("signal", "null_realistic", "null_exchangeable")
TABLES = (RawBars, *RAW_FACTS)


def whole(spec: SyntheticMarketSpec, table: type[Table] = RawBars) -> pl.DataFrame:
    return spec.read(table, spec.first_session(), spec.last_session())


def months(spec: SyntheticMarketSpec) -> list[tuple[date, date]]:
    starts = pl.date_range(spec.first_session().replace(day=1), spec.last_session(), "1mo", eager=True)
    return list(zip(starts.to_list(), starts.dt.month_end().to_list(), strict=True))


def load(name: str) -> SyntheticMarketSpec:
    return SyntheticMarketSpec.model_validate(yaml.safe_load((MARKETS / name).read_text()))


@pytest.mark.parametrize("world", WORLDS)
def test_the_same_spec_makes_the_same_market_and_another_seed_another(world: str) -> None:
    spec = SMALL.model_copy(update={"world": world})
    span = spec.first_session(), spec.last_session()
    first, again = (_made.__wrapped__(spec) for _ in range(2))
    for table in TABLES:
        assert_frame_equal(first.read(table, *span), again.read(table, *span))
    assert_frame_equal(first.truth.table(*span), again.truth.table(*span))
    other = whole(spec.model_copy(update={"seed": 1}))
    assert not first.read(RawBars, *span)["close"].head(other.height).equals(other["close"])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_months_read_alone_join_to_the_whole(table: type[Table]) -> None:
    assert_frame_equal(pl.concat([SMALL.read(table, *month) for month in months(SMALL)]), whole(SMALL, table))
    assert whole(SMALL, table).height > 0


def test_months_of_the_truth_join_to_the_whole() -> None:
    assert_frame_equal(pl.concat([SMALL.truth(*month) for month in months(SMALL)]), SMALL.truth())


def test_a_span_without_sessions_reads_as_no_rows() -> None:
    for table in TABLES:
        assert SMALL.read(table, date(2000, 1, 1), date(2000, 12, 31)).is_empty()
    assert SMALL.truth(date(2000, 1, 1), date(2000, 12, 31)).is_empty()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_rows_follow_their_schema_and_are_dated_by_when_they_could_be_known(table: type[Table]) -> None:
    rows = whole(SMALL, table)
    assert rows.equals(table.cast(rows))
    if table.dated_by == "known_on":
        assert rows.select((pl.col("available_at").dt.date() == pl.col("known_on")).all()).item()
        assert rows["known_on"].is_between(SMALL.first_session(), SMALL.last_session()).all()


def test_bars_arrive_at_the_stated_hour_and_once() -> None:
    bars = whole(SMALL.model_copy(update={"available_hour": 17}))
    assert bars.equals(RawBars.validate(bars))
    assert bars.select("session", "security_id").is_duplicated().sum() == 0
    assert bars.select((pl.col("available_at").dt.time() == time(17)).all()).item()
    assert bars.equals(bars.sort("session", "security_id"))


def test_a_spec_goes_through_yaml_and_back() -> None:
    for spec in (SyntheticMarketSpec(), SMALL, load("river.yaml"), load("null.yaml"), load("truth.yaml")):
        text = yaml.safe_dump(spec.model_dump(mode="json"))
        assert SyntheticMarketSpec.model_validate(yaml.safe_load(text)) == spec


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"securites": 5}, "securites"),
        ({"world": "null"}, "null_exchangeable"),
        ({"components": [TREND, TREND]}, "each its own name"),
        ({"components": [TREND.model_copy(update={"name": "total"})]}, "each its own name"),
        ({"components": [{**NEWS.model_dump(), "nonlinear_share": 0.5}]}, "only own_price and supply_chain"),
        ({"opening_prices": (50, 10)}, "lower end first"),
        ({"noise": {"own_tail": {"probability": 0.4, "variance": 3}}}, "below 1"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SyntheticMarketSpec.model_validate(wrong)


def test_the_benchmark_markets_differ_only_in_what_they_are_for() -> None:
    river = load("river.yaml")
    assert {component.driver for component in river.components} == {"own_price"}
    assert load("null.yaml") == river.model_copy(update={"world": "null_exchangeable"})
    assert load("truth.yaml") == SyntheticMarketSpec(securities=600)


def test_the_digest_follows_the_spec_and_nothing_else() -> None:
    starts = [date(2011, 6, 1), date(2011, 7, 1)]
    assert SMALL.digests(RawBars, starts) == SMALL.model_copy().digests(RawBars, starts)
    assert list(SMALL.digests(RawBars, starts)) == starts
    assert set(SMALL.digests(RawBars, starts).values()).isdisjoint(
        SMALL.model_copy(update={"seed": 1}).digests(RawBars, starts).values()
    )


def test_the_one_delivery_counts_every_bar() -> None:
    assert SMALL.deliveries().to_dicts() == [
        {"delivery": "synthetic_market", "rows": whole(SMALL).height, "status": "read", "reason": None}
    ]


def test_the_default_span_ends_in_june_2017_with_15_sessions_in_every_month() -> None:
    spec = SyntheticMarketSpec()
    sessions = whole(spec)["session"].unique().sort()
    assert (spec.first_session(), spec.last_session()) == (sessions[0], sessions[-1])
    assert date(2017, 6, 26) <= spec.last_session() <= date(2017, 6, 30)
    assert len(sessions) == 1500
    assert sessions.dt.truncate("1mo").value_counts()["count"].min() >= 15
    assert not any(is_session(day) for day in (date(2015, 1, 1), date(2015, 2, 5), date(2015, 5, 1), date(2015, 10, 7)))


def test_what_is_switched_off_is_absent_and_leaves_the_rest_alone() -> None:
    plain, full = whole(BROAD.model_copy(update={"switched_on": Switches(**NOTHING)})), whole(BROAD)
    assert plain.height == BROAD.securities * BROAD.sessions > full.height
    for flag in ("is_suspended", "is_st"):
        assert full[flag].any()
        assert not plain[flag].any()
    assert full["adj_factor"].max() > 1
    assert plain["adj_factor"].unique().to_list() == [1.0]
    assert (plain["close"] / plain["prev_close"] - 1).abs().max() <= 0.095
    calm = whole(BROAD.model_copy(update={"switched_on": Switches(suspensions=False)}))
    assert calm.height == full.height
    assert calm["is_st"].equals(full["is_st"])


def test_a_world_without_a_signal_tells_the_same_facts() -> None:
    null = SMALL.model_copy(update={"world": "null_realistic"})
    for table in (RawStatements, RawNews):
        assert_frame_equal(whole(null, table), whole(SMALL, table))
    assert {component.ic for component in null.effective().components} == {0.0}
    assert [component.name for component in null.effective().components] == [one.name for one in COMPONENTS]
