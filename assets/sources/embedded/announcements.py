"""Market announcements: what companies and exchanges publish about reports, suspensions, ST, listing and delisting."""
# N announcements, S securities, T sessions

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from assets.sources.embedded.calendar import days_of, moments
from assets.sources.embedded.events import Events
from assets.sources.embedded.listings import DELISTING_PERIOD, Listings
from assets.sources.embedded.news import filled
from assets.sources.embedded.streams import Bools, Places
from assets.sources.embedded.wording import NOTICES, PERIODS, REPORT, REPORT_BODY, RESTATED, RESTATED_BODY

MORNING = 8 * 60
COLUMNS = ("known_on", "available_at", "security_id", "kind", "title", "body")


def reports(statements: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """One announcement for each publication of a statement, at its minute; none for what came before a listing.

    statements  rows of RawStatements
    names       security_id, listed_on, name
    """
    quarter = pl.format(
        "{}年{}", pl.col("period_end").dt.year(), pl.col("period_end").dt.month().replace_strict(PERIODS)
    )
    is_again = pl.col("revision") > 0
    told = (
        statements.filter(pl.col("item") == "net_profit", pl.col("known_on") == pl.col("published_on"))
        .sort("known_on", maintain_order=True)
        .join_asof(
            names.sort("listed_on"), left_on="known_on", right_on="listed_on", by="security_id", check_sortedness=False
        )
        .with_columns(number=(pl.col("value") / 1e4).round(0).cast(pl.Int64).cast(pl.String), period=quarter)
        .with_columns(
            title=pl.when(is_again).then(pl.lit(RESTATED)).otherwise(pl.lit(REPORT)),
            body=pl.when(is_again).then(pl.lit(RESTATED_BODY)).otherwise(pl.lit(REPORT_BODY)),
        )
    )
    texts = [filled(column).str.replace("{期}", pl.col("period"), literal=True) for column in ("title", "body")]
    return told.select("known_on", "available_at", "security_id", pl.lit("announcement").alias("kind"), *texts)


def notices(sessions: Sequence[date], listings: Listings, events: Events, names: Sequence[str]) -> pl.DataFrame:
    """Announcements of what begins or ends with a session, on its morning."""
    within_TS = listings.is_listed
    many = len(sessions)
    delisted = np.nonzero(listings.is_delisted)[0]
    listed = np.nonzero(listings.is_new_S)[0]
    found = {
        "suspended": _begins(events.is_suspended_TS, within_TS),
        "resumed": _begins(~events.is_suspended_TS, within_TS),
        "st_begins": _begins(events.is_st_TS, within_TS),
        "st_ends": _begins(~events.is_st_TS, within_TS),
        "delisting": (listings.end_S[delisted] - DELISTING_PERIOD, delisted),
        "listed": (listings.first_S[listed], listed),
    }
    rows = [(kind, at[at < many], who[at < many]) for kind, (at, who) in found.items()]
    at, who = (np.concatenate([row[place] for row in rows]) for place in (1, 2))
    kinds = np.repeat([kind for kind, _, _ in rows], [len(row[1]) for row in rows])
    told = pl.DataFrame(
        {
            "known_on": pl.Series(sessions, dtype=pl.Date).gather(at),
            "available_at": moments(days_of(sessions)[at], MORNING + who % 60),
            "security_id": pl.Series(listings.securities).gather(who),
            "name": pl.Series(names).gather(who),
            "number": pl.Series([""]).new_from_index(0, len(at)),
            "title": pl.Series([NOTICES[kind][0] for kind in kinds], dtype=pl.String),
            "body": pl.Series([NOTICES[kind][1] for kind in kinds], dtype=pl.String),
        }
    )
    return told.select(
        "known_on", "available_at", "security_id", pl.lit("announcement").alias("kind"), filled("title"), filled("body")
    )


def _begins(is_TS: Bools, within_TS: Bools) -> tuple[Places, Places]:
    """Session and security where something begins to hold of a security that was listed the session before."""
    at, who = np.nonzero(is_TS[1:] & ~is_TS[:-1] & within_TS[1:] & within_TS[:-1])
    return at + 1, who
