"""Stamps: instants that cannot be true in what a source delivers."""

from collections.abc import Callable
from datetime import time

import polars as pl
import pytest

from assets.sources.synthetic_market import SyntheticMarketSpec
from expectations.evidence import INSTANT
from expectations.stamps import STAMPS, stamps

ZONE = "Asia/Shanghai"
WHEN = pl.col("available_at")
Frames = dict[str, pl.DataFrame]
NOTHING = {"session": pl.Date, "security_id": pl.String, "available_at": INSTANT, "origin": pl.String}


@pytest.fixture(scope="module")
def raw() -> Frames:
    spec = SyntheticMarketSpec(seed=105, securities=60, sessions=400)
    span = spec.first_session(), spec.last_session()
    return {table.asset_key: spec.read(table, *span) for table in spec.offers()}


def looked(raw: Frames, **instead: pl.DataFrame) -> pl.DataFrame:
    changed = raw | {f"raw/{name}": frame for name, frame in instead.items()}
    reported = changed["raw/index_bars"].with_columns(origin=pl.lit("reported"))
    facts = {key: frame for key, frame in changed.items() if key not in ("raw/bars", "raw/index_bars")}
    return stamps(facts, changed["raw/bars"], reported)


def dated(frame: pl.DataFrame, at: pl.Expr) -> pl.DataFrame:
    return frame.with_columns(at.alias("available_at")).with_columns(known_on=WHEN.dt.date())


def on(day: str, hour: time, later: str = "0d") -> pl.Expr:
    return pl.col(day).dt.offset_by(later).dt.combine(hour, "us").dt.replace_time_zone(ZONE)


def test_an_honest_source_is_left_alone(raw: Frames) -> None:
    found = looked(raw)
    assert found.schema == STAMPS
    assert found["passed"].all()
    assert found["warning"].null_count() == found.height


@pytest.mark.parametrize(("hour", "later"), [(time(21), "0d"), (time(3), "1d"), (time(8), "1d"), (time(9), "1d")])
def test_hours_at_which_vendors_deliver_are_no_lie(raw: Frames, hour: time, later: str) -> None:
    statements = raw["raw/statements"].filter(pl.col("published_on").dt.year() > 2000)
    news = dated(raw["raw/news"], on("known_on", hour, later))
    found = looked(raw, statements=dated(statements, on("published_on", hour, later)), news=news)
    assert found["passed"].all()
    assert found["warning"].null_count() == found.height


LIES: dict[str, tuple[str, Callable[[pl.DataFrame], pl.DataFrame], str]] = {
    "9 period end as date": (
        "statements", lambda f: dated(f, on("period_end", time(18))), "within two days of the end"
    ),
    "9 period end as day": (
        "statements",
        lambda f: f.with_columns(published_on=pl.col("period_end"), available_at=pl.lit(None, INSTANT), known_on=None),
        "within two days of the end",
    ),
    "11 a day is known on itself": ("statements", lambda f: dated(f, on("published_on", time(8))), "by its own close"),
    "25 news by another clock": ("news", lambda f: dated(f, WHEN.dt.offset_by("-8h")), "the night is not busier"),
    "25 measures by another clock": (
        "policy_events", lambda f: dated(f, WHEN.dt.offset_by("-8h")), "the night is not busier"
    ),
    "25 reports by another clock": (
        "statements", lambda f: dated(f, WHEN.dt.offset_by("-8h")), "reports come outside trading hours"
    ),
    "25 bars by another clock": ("bars", lambda f: f.with_columns(WHEN.dt.offset_by("-8h")), "before its close"),
    "25 indices by another clock": (
        "index_bars", lambda f: f.with_columns(WHEN.dt.offset_by("-8h")), "before its close"
    ),
    "a stamp before the day of delivery": (
        "supply_chain", lambda f: f.with_columns(WHEN.dt.offset_by("-3d")), "under which it was delivered"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_lie_in_what_is_delivered_is_found(raw: Frames, name: str) -> None:
    table, plant, rule = LIES[name]
    failed = looked(raw, **{table: plant(raw[f"raw/{table}"])}).filter(~pl.col("passed"))
    assert failed["table"].to_list() == [table]
    assert rule in failed["rule"].item()
    assert "known at" in failed["first_example"].item()


WARNINGS: dict[str, tuple[str, Callable[[pl.DataFrame], pl.DataFrame], str]] = {
    "24 news at midnight": ("news", lambda f: dated(f, WHEN.dt.truncate("1d")), "few pieces are known at midnight"),
    "11 a day is known by its decision": (
        "statements", lambda f: dated(f, on("published_on", time(17))), "not known at its own decision"
    ),
    "reports far behind the law": (
        "statements", lambda f: f.with_columns(pl.col("published_on").dt.offset_by("200d")), "by its legal deadline"
    ),
    "10 nothing is ever restated": (
        "statements",
        lambda f: pl.concat([f.filter(revision=0), f.filter(revision=0).with_columns(pl.col("security_id") + "b")]),
        "some reports are restated",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WARNINGS)
def test_what_may_have_another_reason_warns_and_does_not_block(raw: Frames, name: str) -> None:
    table, plant, rule = WARNINGS[name]
    found = looked(raw, **{table: plant(raw[f"raw/{table}"])})
    assert found["passed"].all()
    (warning,) = found["warning"].drop_nulls().to_list()
    assert rule in warning


def test_a_few_rows_show_nothing(raw: Frames) -> None:
    few = dated(raw["raw/statements"].head(15), on("period_end", time(18)))
    assert looked(raw, statements=few)["passed"].all()


def test_a_source_of_bars_only_is_left_alone(raw: Frames) -> None:
    found = stamps({}, raw["raw/bars"], pl.DataFrame(schema=NOTHING))
    assert found["table"].to_list() == ["bars", "index_bars"]
    assert found["passed"].all()
