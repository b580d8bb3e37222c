"""Stamps: whether the instants that a source delivers can be true, before anything is made of them.

What no honest source shows blocks: a share of rows that only a date put in the place of another, a clock of another
country or a day without its hour explains. What may have another reason warns. Shares are asked, since every source
has some rows that are wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time

import polars as pl

from expectations.comparison import place
from expectations.facts import RAW_FACTS, RawNews, RawPolicyEvents, RawStatements
from expectations.tables import EXCHANGE_TIME_ZONE
from expectations.vintage import last_day

STAMPS = pl.Schema(
    {
        "table": pl.String(),
        "rule": pl.String(),
        "blocks": pl.Boolean(),
        "rows_checked": pl.Int64(),
        "rows_striking": pl.Int64(),
        "share": pl.Float64(),
        "allowed_share": pl.Float64(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
        "warning": pl.String(),
    }
)
CLOSE, OPEN, EVENING, NIGHT = time(15), time(9, 30), (17, 21), (2, 6)
DECIDED = time(20)
SOONEST_DAYS = 2
"""No report on a quarter was ever out within two days of its end; the fastest take a week."""
FEWEST = 20
"""With fewer rows a share shows nothing."""
TIMED = 10
"""Fewer different times of day than this are hours of delivery, not of publication."""
NIGHT_OVER_EVENING = 1.5
STAMP = pl.col("available_at")


@dataclass(frozen=True)
class Rule:
    """What may be true of at most a share of the rows of a table."""

    text: str
    striking: pl.Expr
    allowed: float
    blocks: bool


def stamps(raw: Mapping[str, pl.DataFrame], bars: pl.DataFrame, index_bars: pl.DataFrame) -> pl.DataFrame:
    """By table and rule, how many rows bear an instant that can hardly be true.

    raw               raw fact tables by asset key; one that is not given is passed over
    bars, index_bars  accepted rows of Bars and IndexBars; a proxy is not looked at
    returns           STAMPS; a rule that only warns passes and says so in `warning`
    """
    rows = [_judged("bars", bars, _before_close()), _judged("index_bars", _reported(index_bars), _before_close())]
    for schema in RAW_FACTS:
        if schema.asset_key in raw and schema.dated_by == "known_on":
            rows.append(_judged(_word(schema.asset_key), raw[schema.asset_key], _later_delivery()))
    if RawStatements.asset_key in raw:
        rows += _of_reports(_publications(raw[RawStatements.asset_key]))
    for schema in (RawNews, RawPolicyEvents):
        if schema.asset_key in raw:
            rows += _of_pieces(_word(schema.asset_key), raw[schema.asset_key])
    return pl.DataFrame(rows, schema=STAMPS)


def _reported(index_bars: pl.DataFrame) -> pl.DataFrame:
    return index_bars.filter(origin="reported")


def _word(key: str) -> str:
    return key.split("/")[1]


def _before_close() -> Rule:
    close = pl.col("session").dt.combine(CLOSE, "us").dt.replace_time_zone(EXCHANGE_TIME_ZONE)
    return Rule("nothing of a session is known before its close", close > STAMP, 0.0, blocks=True)


def _later_delivery() -> Rule:
    later = (pl.col("known_on") > STAMP.dt.date()).fill_null(value=False)
    return Rule("no row was known before the day under which it was delivered", later, 0.0, blocks=True)


def _publications(statements: pl.DataFrame) -> pl.DataFrame:
    """One row for each report or restatement, with the instant that its source gives it, else the day."""
    day = pl.col("published_on").dt.combine(time(0), "us").dt.replace_time_zone(EXCHANGE_TIME_ZONE)
    once = statements.unique(["security_id", "period_end", "revision"], keep="first", maintain_order=True)
    return once.with_columns(_stamp=pl.coalesce("available_at", day)).filter(pl.col("_stamp").is_not_null())


def _of_reports(reports: pl.DataFrame) -> list[dict[str, object]]:
    """Rules on the publications of statements."""
    stamp, end = pl.col("_stamp"), pl.col("period_end")
    hour = stamp.dt.time()
    is_hour = hour != time(0)
    at_one_hour = is_hour & (stamp.dt.date() == pl.col("published_on")) & (hour == hour.filter(is_hour).mode().min())
    rules = [
        Rule(
            "a report is not known within two days of the end of its period",
            stamp.dt.date() < end.dt.offset_by(f"{SOONEST_DAYS}d"),
            0.02,
            blocks=True,
        ),
        Rule("a day without an hour is not known by its own close", at_one_hour & (hour < CLOSE), 0.5, blocks=True),
        Rule(
            "a day without an hour is not known at its own decision", at_one_hour & (hour < DECIDED), 0.5, blocks=False
        ),
        Rule(
            "a first report comes by its legal deadline",
            (pl.col("published_on") > last_day(end)) & (pl.col("revision") == 0),
            0.1,
            blocks=False,
        ),
        Rule(
            "some reports are restated",
            (pl.col("revision") == 0).all() & pl.lit(reports.height >= 1000),
            0,
            blocks=False,
        ),
    ]
    timed = reports.filter(is_hour & (hour != hour.mode().min()))
    within = Rule("reports come outside trading hours", hour.is_between(OPEN, CLOSE, closed="left"), 0.5, blocks=True)
    found = [_judged("statements", reports, rule) for rule in rules]
    return [*found, _judged("statements", timed if _is_timed(timed, "_stamp") else timed.clear(), within)]


def _of_pieces(table: str, pieces: pl.DataFrame) -> list[dict[str, object]]:
    """Rules on news and measures, which come at any minute, and least of all at night."""
    midnight = Rule("few pieces are known at midnight sharp", STAMP.dt.time() == time(0), 0.5, blocks=False)
    timed = pieces.filter(STAMP.dt.time() != time(0))
    night, evening = (STAMP.dt.hour().is_between(*hours, closed="left") for hours in (NIGHT, EVENING))
    busy_night = night & (night.sum() > NIGHT_OVER_EVENING * evening.sum())
    asleep = Rule("the night is not busier than the evening: the clock is that of the exchange", busy_night, 0.08, True)
    return [
        _judged(table, pieces, midnight),
        _judged(table, timed if _is_timed(timed, "available_at") else timed.clear(), asleep),
    ]


def _is_timed(rows: pl.DataFrame, stamp: str) -> bool:
    """Whether the rows bear times of publication, and not the few hours of a delivery."""
    return rows[stamp].dt.time().n_unique() >= TIMED


def _judged(table: str, rows: pl.DataFrame, rule: Rule) -> dict[str, object]:
    striking = rows.filter(rule.striking.fill_null(value=False))
    enough = rows.height >= FEWEST or rule.allowed == 0
    share = striking.height / max(rows.height, 1)
    holds = share <= rule.allowed or not enough
    example = None
    if striking.height:
        row = striking.row(0, named=True)
        about = [str(row[name]) for name in ("news_id", "event_id", "period_end") if row.get(name) is not None]
        example = f"{' '.join([place(row), *about])}: known at {row['available_at']}"
    return {
        "table": table,
        "rule": rule.text,
        "blocks": rule.blocks,
        "rows_checked": rows.height,
        "rows_striking": striking.height,
        "share": share,
        "allowed_share": rule.allowed,
        "first_example": example,
        "passed": holds or not rule.blocks,
        "warning": None if holds or rule.blocks else f"{rule.text}: {share:.0%} of {rows.height} rows do otherwise",
    }
