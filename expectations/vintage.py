"""Vintage: whether what cleaning accepted was known no earlier, and told nothing else, than the raw rows say.

A replay believes the instants that it finds. Here they are compared with those of the raw rows, read a second time and
as plainly as can be, so that a row that cleaning dates back, completes or replaces is found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

import polars as pl

from expectations.decisions import in_exchange_time
from expectations.evidence import INSTANT
from expectations.fact_tables import (
    FloatShares,
    IndexBars,
    IndexMembers,
    Industries,
    News,
    PolicyEvents,
    Statements,
    SupplyChain,
)
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
from expectations.tables import EXCHANGE_TIME_ZONE, Table
from expectations.tickers import ticker

VINTAGE = pl.Schema(
    {
        "table": pl.String(),
        "rule": pl.String(),
        "decided_at": INSTANT,
        "rows_checked": pl.Int64(),
        "rows_violating": pl.Int64(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
    }
)
NOT_EARLIER = "no row is known before the raw row that says the same"
IN_FORCE = "what counts at a decision is what had been delivered by then"
SAME_DATE = "known_on is the date of available_at"
PROXIES = "a proxy is known no earlier than the bars that it is made of"
WITHOUT_HOUR_AT = time(8)
"""A day without an hour may have ended before the publication: it counts from this hour of the next day on."""
LAW = {3: 1, 6: 2, 9: 1, 12: 4}
"""Month in which a period ends -> months after it at whose end its report must be out."""
UNDATED = date(1, 1, 1)
NUMBERS = ("open", "high", "low", "close", "volume", "amount", "prev_close", "adj_factor")
PRICES = ("open", "high", "low", "close")
AT, NUMBER, CONTENT = "_at", "_number", "_content"

Reading = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class Fact:
    """An admitted table and the raw one that it is made of.

    key      columns that name what a row is about
    content  columns that must stand in the raw row as they are
    at       over raw rows: from when on one may count
    latest   columns by which one row of a key is later than another, before the instant
    """

    raw: type[Table]
    accepted: type[Table]
    key: tuple[str, ...]
    content: tuple[str, ...]
    at: pl.Expr
    latest: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Last word of the table's key."""
        return self.accepted.asset_key.split("/")[1]


def _after(day: pl.Expr) -> pl.Expr:
    return day.dt.offset_by("1d").dt.combine(WITHOUT_HOUR_AT, "us").dt.replace_time_zone(EXCHANGE_TIME_ZONE)


def last_day(period_end: pl.Expr) -> pl.Expr:
    """The day by which the law wants the report on a period; null where it ends no quarter."""
    return pl.coalesce(
        pl.when(period_end.dt.month() == month).then(period_end.dt.offset_by(f"{later}mo").dt.month_end())
        for month, later in LAW.items()
    )


def _of_statement() -> pl.Expr:
    """The stamp; without one, or with the midnight of the day, the next morning; without a day, the law's last day."""
    published, stamped, end = pl.col("published_on"), pl.col("available_at"), pl.col("period_end")
    midnight = published.dt.combine(time(0), "us").dt.replace_time_zone(EXCHANGE_TIME_ZONE)
    return (
        pl.when(published.is_null())
        .then(pl.max_horizontal(stamped, _after(last_day(end))))
        .when(stamped.is_null() | (stamped == midnight))
        .then(_after(published))
        .otherwise(stamped)
    )


STAMP = pl.col("available_at")
REPORT = ("security_id", "period_end", "item")
FACTS = (
    Fact(RawStatements, Statements, REPORT, ("revision", "value"), _of_statement(), ("revision",)),
    Fact(RawNews, News, ("news_id", "security_id"), ("kind", "title", "body"), STAMP),
    Fact(RawPolicyEvents, PolicyEvents, ("event_id", "industry"), ("theme", "title"), STAMP),
    Fact(RawSupplyChain, SupplyChain, ("supplier_id", "customer_id"), ("weight", "holds"), STAMP),
    Fact(RawIndustries, Industries, ("security_id", "industry"), ("holds",), STAMP),
    Fact(RawIndexMembers, IndexMembers, ("index_id", "security_id"), ("weight", "holds"), STAMP),
    Fact(RawFloatShares, FloatShares, ("security_id",), ("float_shares", "total_shares"), STAMP),
    Fact(RawIndexBars, IndexBars, ("session", "index_id"), ("close", "prev_close", "amount"), STAMP),
)


def fact_vintage(
    fact: Fact, raw: pl.DataFrame, accepted: pl.DataFrame, refused: pl.DataFrame, decisions: Sequence[datetime]
) -> pl.DataFrame:
    """Whether the accepted rows of a table are known when, and tell what, the raw ones say.

    raw, accepted  rows of `fact.raw` and `fact.accepted`; rows that say that they are a proxy are left out
    refused        rows of RefusedFacts, of any table
    decisions      instants with time zone at which what counts is compared, key by key
    returns        VINTAGE
    """
    told = accepted.filter(origin="reported") if "origin" in accepted.columns else accepted
    told = told.with_columns(_at=STAMP)
    delivered = raw.with_columns(_at=fact.at)
    rows = [_not_earlier(fact.name, delivered, told, fact.key, fact.content)]
    if "known_on" in told.columns:
        moved = told.filter(pl.col("known_on").ne_missing(STAMP.dt.date()))
        rows.append(_row(fact.name, SAME_DATE, told.height, moved.height, _first(moved, fact.key)))
    believed = _without_refused(delivered, refused.filter(table=fact.name), fact.raw.column_names())
    order = [*fact.latest, AT]
    believed, told = (frame.sort(order, nulls_last=False, maintain_order=True) for frame in (believed, told))
    rows += [_in_force(fact, believed, told, instant) for instant in map(in_exchange_time, decisions)]
    return pl.DataFrame(rows, schema=VINTAGE)


def bar_vintage(raw: pl.DataFrame, accepted: pl.DataFrame) -> pl.DataFrame:
    """Whether every accepted bar says what a raw one says, and is known no earlier. Returns VINTAGE.

    A number that is none counts as missing, and a suspended session has no prices; nothing else may differ.
    """
    is_traded = ~pl.col("is_suspended").fill_null(value=False)
    finite = raw.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in NUMBERS)
    plain = finite.with_columns(
        *(pl.when(is_traded).then(pl.col(name)).alias(name) for name in PRICES),
        *(pl.when(is_traded).then(pl.col(name)).otherwise(0.0).alias(name) for name in ("volume", "amount")),
        _at=STAMP,
    )
    told = accepted.with_columns(ticker(pl.col("security_id")), _at=STAMP)
    found = _not_earlier("bars", plain, told, ("security_id", "session"), ("is_suspended", "is_st", *NUMBERS))
    return pl.DataFrame([found], schema=VINTAGE)


def proxy_vintage(shares: pl.DataFrame, index_bars: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Whether what stands in for missing facts is known no earlier than its bars: FloatShares, IndexBars -> VINTAGE."""
    known = bars.select("security_id", "available_at")
    guessed = shares.filter(origin="proxy")
    early = guessed.join(known, on=["security_id", "available_at"], how="anti", maintain_order="left")
    last = bars.group_by("session").agg(_last=pl.col("available_at").max())
    levels = index_bars.filter(origin="proxy").join(last, on="session", how="left", maintain_order="left")
    above = levels.filter(~(pl.col("available_at") >= pl.col("_last")).fill_null(value=False))
    rows = [
        _row("float_shares", PROXIES, guessed.height, early.height, _first(early, ("security_id", "known_on"))),
        _row("index_bars", PROXIES, levels.height, above.height, _first(above, ("index_id", "session"))),
    ]
    return pl.DataFrame(rows, schema=VINTAGE)


def _not_earlier(
    table: str, raw: pl.DataFrame, accepted: pl.DataFrame, key: Sequence[str], content: Sequence[str]
) -> dict[str, object]:
    """The k-th accepted row of one content, in time order, is known no earlier than its k-th raw row."""
    delivered = _numbered(raw.filter(pl.col(AT).is_not_null()), key, content).select(CONTENT, NUMBER, _raw=AT)
    told = _numbered(accepted, key, content)
    found = told.join(delivered, on=[CONTENT, NUMBER], how="left", maintain_order="left")
    wrong = found.filter(~(pl.col(AT) >= pl.col("_raw")).fill_null(value=False))
    example = None
    if wrong.height:
        row = wrong.row(0, named=True)
        said = f"the raw row is known at {row['_raw']}" if row["_raw"] else "no raw row says the same"
        example = f"{_words(row, key)}: known at {row[AT]}; {said}"
    return _row(table, NOT_EARLIER, found.height, wrong.height, example)


def _numbered(rows: pl.DataFrame, key: Sequence[str], content: Sequence[str]) -> pl.DataFrame:
    """Key and instant in time order, with what a row says as one number, and how many have said so before."""
    said = rows.select(*key, *content).hash_rows(seed=0)
    narrow = rows.select(*key, AT).with_columns(said.alias(CONTENT)).sort(AT, maintain_order=True)
    again = (
        pl.int_range(pl.len(), dtype=pl.UInt32).over(CONTENT) if said.n_unique() < len(said) else pl.lit(0, pl.UInt32)
    )
    return narrow.with_columns(again.alias(NUMBER))


def _without_refused(raw: pl.DataFrame, refused: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The raw rows but those that stand among the refused ones; of equal rows as many as were not refused."""
    if refused.is_empty():
        return raw
    day = (pl.col("known_on") if "known_on" in columns else pl.col("session")).fill_null(UNDATED)
    asked = day.is_in(refused["known_on"].implode())
    suspects = raw.filter(asked)
    texts = pl.struct(pl.col(name).cast(pl.String) for name in columns).struct.json_encode()
    counted = refused.group_by("row").agg(_refused=pl.len())
    judged = suspects.with_columns(row=texts).join(counted, on="row", how="left", maintain_order="left")
    again = pl.int_range(pl.len()).over("row")
    kept = judged.filter(again >= pl.col("_refused").fill_null(0)).drop("row", "_refused")
    return pl.concat([raw.filter(~asked), kept])


def _in_force(fact: Fact, raw: pl.DataFrame, accepted: pl.DataFrame, instant: datetime) -> dict[str, object]:
    """Key by key, the latest row known by an instant on either side, the rows of each side being in their order."""
    ours, theirs = (
        frame.filter(pl.col(AT) <= instant)
        .select(*fact.key, *fact.content)
        .unique(fact.key, keep="last", maintain_order=True)
        .with_columns(_is=pl.lit(value=True))
        for frame in (accepted, raw)
    )
    both = ours.join(theirs, on=fact.key, how="full", coalesce=True, nulls_equal=True, suffix="_raw")
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_raw")) for name in ("_is", *fact.content))
    wrong = both.filter(differs).sort(fact.key)
    example = None
    if wrong.height:
        row = wrong.row(0, named=True)
        said = [
            ", ".join(f"{name} {row[f'{name}{end}']}" for name in fact.content) if row[f"_is{end}"] else "nothing"
            for end in ("", "_raw")
        ]
        example = f"{_words(row, fact.key)}: {said[0]} counts; delivered by then was {said[1]}"
    return _row(fact.name, IN_FORCE, both.height, wrong.height, example) | {"decided_at": instant}


def _first(rows: pl.DataFrame, key: Sequence[str]) -> str | None:
    return f"{_words(rows.row(0, named=True), key)}: known at {rows['available_at'][0]}" if rows.height else None


def _words(row: Mapping[str, object], key: Sequence[str]) -> str:
    return " ".join(str(row[name]) for name in key)


def _row(table: str, rule: str, checked: int, violating: int, example: str | None) -> dict[str, object]:
    return {
        "table": table,
        "rule": rule,
        "decided_at": None,
        "rows_checked": checked,
        "rows_violating": violating,
        "first_example": example,
        "passed": violating == 0,
    }
