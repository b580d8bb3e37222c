"""Instants, members and labels of whole markets: quiet on honest ones, and each planted lie is found.

A leak is planted where it would be: in the function of one table, whose result the tables after it are made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import time
from pathlib import Path

import polars as pl
import pytest

from assets.cleaning.statements import deadline
from assets.sources.files import FilesSpec
from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import declarations
from expectations.decisions import decisions
from expectations.facts import RAW_FACTS
from expectations.fills import fills
from expectations.label_intervals import label_intervals
from expectations.membership import listed_membership, universe_membership
from expectations.stamps import stamps
from expectations.vintage import FACTS, bar_vintage, fact_vintage, proxy_vintage
from pipelines.declared import STAGES, in_order, modules_of
from pipelines.replay import made, read_by

REAL = Path(__file__).parents[3] / "shared" / "data" / "ashare_2012_2018"
TABLES = in_order(declarations(*modules_of(STAGES)))
WANTED = [key for key in TABLES if key.startswith(("cleaning/", "targets/"))]
STATEMENTS, NEWS, BARS = "cleaning/statements", "cleaning/news", "cleaning/bars"
LABELS, UNIVERSE = "targets/forward_returns", "cleaning/universe"
ZONE = "Asia/Shanghai"
WHEN = pl.col("available_at")
Frames = dict[str, pl.DataFrame]
Plant = Callable[[pl.LazyFrame, Frames], pl.LazyFrame]


@dataclass(frozen=True)
class Leak:
    """A planted leak: the table whose function is patched, and what is done to its result."""

    table: str
    plant: Plant


def market_of(raw: Frames) -> Frames:
    """Every table up to the labels."""
    return made(read_by(WANTED, TABLES), raw)


def leaking(honest: Frames, leak: Leak) -> Frames:
    """The market with one table patched, and all that is made of it made anew."""
    table = TABLES[leak.table]
    columns = table.schema.column_names()
    patched = replace(table, function=lambda **frames: leak.plant(table.function(**frames), honest).select(columns))
    touched = {leak.table}
    for key in WANTED:
        if touched & {schema.asset_key for schema in TABLES[key].inputs.values()}:
            touched.add(key)
    again = {key: patched if key == leak.table else TABLES[key] for key in WANTED if key in touched}
    return made(again, {key: frame for key, frame in honest.items() if key not in touched})


def _vintage(found: Frames) -> pl.DataFrame:
    bars, sessions = found[BARS], found["cleaning/calendar"]["session"].to_list()
    told = [
        fact_vintage(f, found[f.raw.asset_key], found[f.accepted.asset_key], found["cleaning/refused_facts"], instants)
        for instants in [decisions(sessions, 8)]
        for f in FACTS
    ]
    proxies = proxy_vintage(found["cleaning/float_shares"], found["cleaning/index_bars"], bars)
    return pl.concat([*told, bar_vintage(found["raw/bars"], bars), proxies])


def _universe(found: Frames) -> pl.DataFrame:
    cleaned = [found[f"cleaning/{name}"] for name in ("refused_bars", "bars", "universe", "marks", "calendar")]
    return universe_membership(found["raw/bars"], *cleaned)


def _labels(found: Frames) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    return found[LABELS], found[BARS], found["cleaning/calendar"]


def _stamps(found: Frames) -> pl.DataFrame:
    raw = {table.asset_key: found[table.asset_key] for table in RAW_FACTS}
    return stamps(raw, found[BARS], found["cleaning/index_bars"])


def _listed(found: Frames) -> pl.DataFrame:
    return listed_membership(found["raw/bars"], found["raw/index_members"], found["raw/industries"])


EVIDENCE: dict[str, Callable[[Frames], pl.DataFrame]] = {
    "vintage": _vintage,
    "stamps": _stamps,
    "universe": _universe,
    "listed": _listed,
    "label_intervals": lambda found: label_intervals(*_labels(found)),
    "fills": lambda found: fills(*_labels(found)),
}


def failures(found: Frames, *names: str) -> list[tuple[str, str, str | None]]:
    """Name of the evidence, what failed, and the first example; of all evidence where none is named."""
    return [
        (name, str(row.get("table", "")) + str(row.get("rule", row.get("column"))), row["first_example"])
        for name in names or EVIDENCE
        for row in EVIDENCE[name](found).filter(~pl.col("passed")).iter_rows(named=True)
    ]


def raw_of(seed: int, securities: int = 60, sessions: int = 400) -> Frames:
    spec = SyntheticMarketSpec(seed=seed, securities=securities, sessions=sessions)
    return {table.asset_key: spec.read(table, spec.first_session(), spec.last_session()) for table in spec.offers()}


@pytest.fixture(scope="module")
def raw() -> Frames:
    return raw_of(100)


@pytest.mark.parametrize("seed", [100, 101, 102, 103])
def test_an_honest_market_is_left_alone(seed: int) -> None:
    assert failures(market_of(raw_of(seed))) == []


def test_unsound_rows_that_cleaning_refuses_are_no_lie(raw: Frames) -> None:
    bars, news, statements = raw["raw/bars"], raw["raw/news"], raw["raw/statements"]
    edited = news.head(200).with_columns(WHEN + pl.duration(days=3), body=pl.lit("edited"))
    twice = statements.head(300).with_columns(WHEN + pl.duration(days=30))
    broken = statements.with_columns(value=pl.when(pl.int_range(pl.len()) % 40 != 7).then("value"))
    silent = pl.int_range(pl.len()) % 30 == 11
    broken = broken.with_columns(pl.when(~silent).then(name).alias(name) for name in ("published_on", "available_at"))
    spoilt = bars.with_columns(close=pl.when(pl.int_range(pl.len()) % 500 != 3).then("close").otherwise(float("nan")))
    found = raw | {
        "raw/news": pl.concat([news, edited, news.head(50)]),
        "raw/statements": pl.concat([broken, twice]),
        "raw/bars": pl.concat([spoilt, bars.head(100)]),
    }
    market = market_of(found)
    assert market["cleaning/refused_facts"].height > 500
    assert market["cleaning/refused_bars"].height > 100
    assert failures(market) == []


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="the shared folder of real bars is not here")
def test_real_bars_are_left_alone() -> None:
    spec = FilesSpec(folder=REAL)
    first, last = spec.first_session(), spec.last_session()
    raw = {table.asset_key: spec.read(table, first, last) for table in spec.offers()}
    names = raw["raw/bars"]["security_id"].unique().drop_nulls().sort().gather_every(20)
    part = {
        key: frame.filter(pl.col("security_id").is_in(names.implode())) if "security_id" in frame.columns else frame
        for key, frame in raw.items()
    }
    assert failures(market_of(part)) == []


def published(rows: pl.LazyFrame, at: time, later: str = "0d") -> pl.LazyFrame:
    day = pl.col("published_on").dt.offset_by(later).dt.combine(at, "us").dt.replace_time_zone(ZONE)
    return rows.with_columns(available_at=day).with_columns(known_on=WHEN.dt.date())


def of_period_end(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    return rows.with_columns(
        available_at=pl.col("period_end").dt.combine(time(15), "us").dt.replace_time_zone(ZONE),
        known_on=pl.col("period_end"),
    )


def latest_value_first(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    report = ("security_id", "period_end", "item")
    last = pl.col("value").sort_by("revision").last().over(report)
    return rows.with_columns(value=last)


def latest_row_at_first_date(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    report = ("security_id", "period_end", "item")
    first = pl.col("available_at").min().over(report)
    dated = rows.with_columns(available_at=first, known_on=first.dt.date())
    return dated.filter(pl.col("revision") == pl.col("revision").max().over(report))


def only_the_latest(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    return rows.filter(pl.col("revision") == pl.col("revision").max().over("security_id", "period_end", "item"))


def shifted(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    return rows.with_columns(WHEN.dt.offset_by("-8h")).with_columns(known_on=WHEN.dt.date())


def floored(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    return rows.with_columns(WHEN.dt.truncate("1d"))


def later_wording(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    return rows.with_columns(body=pl.lit("in hindsight the profit was strong"))


def of_today(key: str) -> Plant:
    """What holds in the end, from the first day on."""

    def plant(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
        last = rows.sort("available_at").unique(["security_id", key], keep="last").filter("holds")
        return last.with_columns(
            available_at=rows.collect()["available_at"].min(), known_on=rows.collect()["known_on"].min()
        )

    return plant


def bars_of_the_night_before(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    return rows.with_columns(WHEN.dt.offset_by("-1d"))


def treated_today(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    return rows.with_columns(is_st=pl.col("is_st").sort_by("session").last().over("security_id"))


def survivors_only(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    return rows.with_columns(
        is_member=pl.col("is_member") & (pl.col("session").max().over("security_id") == pl.col("session").max())
    )


def listed_today(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    return rows.filter(pl.col("session").max().over("security_id") == pl.col("session").max())


def liquid_names(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    usual = raw["raw/bars"].group_by("security_id").agg(usual=pl.col("amount").mean())
    wide = rows.join(usual.lazy(), on="security_id")
    thin = pl.col("usual") < usual["usual"].quantile(0.2)
    return wide.with_columns(
        is_member=pl.col("is_member") & ~thin,
        left_out_because=pl.when(pl.col("is_member") & thin).then(pl.lit("illiquid")).otherwise("left_out_because"),
    )


def without_halts(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    """Suspended rows deleted, then shifted by rows: entry and exit are the next rows there are."""
    bars = rows.select("security_id", "session").unique().sort("security_id", "session")
    after = bars.with_columns(
        entry=pl.col("session").shift(-1).over("security_id"), exit=pl.col("session").shift(-6).over("security_id")
    )
    at = {"entered_at": ("entry", time(9, 30)), "exited_at": ("exit", time(15))}
    return rows.join(after, on=["security_id", "session"]).with_columns(
        pl.when(pl.col("horizon") == 5)
        .then(pl.col(day).dt.combine(hour, "us").dt.replace_time_zone(ZONE))
        .otherwise(name)
        .alias(name)
        for name, (day, hour) in at.items()
    )


def same_bar(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    return rows.with_columns(entered_at=pl.col("session").dt.combine(time(15), "us").dt.replace_time_zone(ZONE))


def of_price(entry: str) -> Plant:
    """Labels whose buy is paid at another price, known at the decision."""

    def plant(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
        bars = raw["raw/bars"].sort("security_id", "session").with_columns(vwap=pl.col("amount") / pl.col("volume"))
        nxt = pl.col("vwap").shift(-1) * pl.col("adj_factor").shift(-1) / (pl.col(entry) * pl.col("adj_factor"))
        ratio = bars.select("session", "security_id", _ratio=nxt.over("security_id")).lazy()
        wide = rows.join(ratio, on=["session", "security_id"], how="left")
        return wide.with_columns(forward_return=(1 + pl.col("forward_return")) * pl.col("_ratio") - 1)

    return plant


def always_bought(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    return rows.with_columns(
        forward_return=pl.col("paper_return"),
        status=pl.when(pl.col("paper_return").is_not_null()).then(pl.lit("filled")).otherwise("status"),
    )


def sold_at_once(rows: pl.LazyFrame, raw: Frames) -> pl.LazyFrame:
    out = pl.col("entered_at").dt.date().dt.combine(time(15), "us").dt.replace_time_zone(ZONE)
    return rows.with_columns(exited_at=pl.when(pl.col("horizon") == 1).then(out).otherwise("exited_at"))


LEAKS = {
    "9 period end as date": (Leak(STATEMENTS, of_period_end), "vintage"),
    "10 restated value under the first row": (Leak(STATEMENTS, latest_value_first), "vintage"),
    "10 restated row at the first date": (Leak(STATEMENTS, latest_row_at_first_date), "vintage"),
    "10 only what was never restated is there at once": (Leak(STATEMENTS, only_the_latest), "vintage"),
    "11 date of publication on its own day": (Leak(STATEMENTS, lambda rows, _: published(rows, time(8))), "vintage"),
    "13 survivors are members": (Leak(UNIVERSE, survivors_only), "universe"),
    "13 survivors have bars": (Leak(BARS, listed_today), "universe"),
    "14 members of today": (Leak("cleaning/index_members", of_today("index_id")), "vintage"),
    "15 industry of today": (Leak("cleaning/industries", of_today("industry")), "vintage"),
    "16 treatment of today": (Leak(BARS, treated_today), "universe"),
    "17 liquid over the whole span": (Leak(UNIVERSE, liquid_names), "universe"),
    "20 entry in the decision's own session": (Leak(LABELS, same_bar), "fills"),
    "20 paid at the close of the decision": (Leak(LABELS, of_price("close")), "fills"),
    "21 paid at the open of the decision": (Leak(LABELS, of_price("open")), "fills"),
    "22 bought at a locked limit": (Leak(LABELS, always_bought), "label_intervals"),
    "23 bought and sold in one session": (Leak(LABELS, sold_at_once), "fills"),
    "24 news floored to the day": (Leak(NEWS, floored), "vintage"),
    "25 a clock of eight hours before": (Leak(NEWS, shifted), "vintage"),
    "26 what was written later": (Leak(NEWS, later_wording), "vintage"),
    "26 date of publication for that of arrival": (
        Leak(STATEMENTS, lambda rows, _: published(rows, time(0))), "vintage"
    ),
    "36 halts deleted, then shifted": (Leak(LABELS, without_halts), "label_intervals"),
    "bars known the day before": (Leak(BARS, bars_of_the_night_before), "vintage"),
}  # fmt: skip


@pytest.mark.parametrize("number", LEAKS)
def test_a_planted_lie_is_found_with_its_first_example(number: str, ended: Frames) -> None:
    leak, evidence = LEAKS[number]
    found = failures(leaking(ended, leak), evidence)
    assert found
    assert any(example for _, _, example in found)


@pytest.fixture(scope="module")
def ended(raw: Frames) -> Frames:
    """A market in which every eighth name ends in the middle of the span."""
    bars = raw["raw/bars"]
    names = bars["security_id"].unique().sort().gather_every(8)
    middle = bars["session"].unique().sort()[250]
    ends = pl.col("security_id").is_in(names.implode()) & (pl.col("session") > middle)
    return market_of(raw | {"raw/bars": bars.filter(~ends)})


def test_names_that_end_are_left_alone(ended: Frames) -> None:
    assert failures(ended) == []


def test_45_days_in_the_place_of_a_missing_date_are_found(raw: Frames) -> None:
    """Leak 12: as a well-known format of files fills the dates of statements in."""
    statements = raw["raw/statements"]
    silent = pl.int_range(pl.len()) % 5 == 0
    undated = statements.with_columns(
        pl.when(~silent).then(name).alias(name) for name in ("published_on", "available_at")
    )
    silent_market = market_of(raw | {"raw/statements": undated})
    assert failures(silent_market, "vintage") == []

    def guessed(rows: pl.LazyFrame, _: Frames) -> pl.LazyFrame:
        day = pl.col("period_end").dt.offset_by("45d")
        at = day.dt.combine(time(8), "us").dt.replace_time_zone(ZONE)
        assumed = pl.col("is_deadline_assumed") & (day < deadline(pl.col("period_end")))
        return rows.with_columns(available_at=pl.when(assumed).then(at).otherwise(WHEN)).with_columns(
            known_on=WHEN.dt.date()
        )

    found = failures(leaking(silent_market, Leak(STATEMENTS, guessed)), "vintage")
    assert {where[:10] for _, where, _ in found} == {"statements"}
