"""News samples: two public sets of dated texts with the movement that followed, in time order.

The days of the label decide the part: those of the publication where it has dates, or else the first half of the days
to train, a fifth to validate, the rest to test. Both sets measure whether a text tells the direction of a large move,
and neither is a trade: large moves are chosen by their size, and Astock's news comes after the close that its move is
counted from.
"""
# N samples, F features

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.features.character_grams import hashed_counts
from assets.features.characters import characters
from assets.features.first_decision import PLACE, at_first_decision
from assets.features.lexicon.finance import sign_counts, tone
from assets.features.news import NewsFlow, news
from assets.features.news_counts import BUCKETS, NAMES, damped, news_counts
from expectations.fact_tables import News
from expectations.tables import EXCHANGE_TIME_ZONE

ASTOCK = Path("data/astock_news/val.parquet")
TWEETS = Path("data/acl18_stocknet/tweets_preprocessed.parquet")
MOVES = Path("data/acl18_stocknet/adv_alstm_features.parquet")
PRICES = Path("data/acl18_stocknet/raw_prices_stocknet.parquet")
TRAIN_SHARE, VALID_SHARE = 0.5, 0.2
STOCKNET_FIRST, STOCKNET_VALID, STOCKNET_TEST = date(2014, 1, 2), date(2015, 8, 3), date(2015, 10, 1)
OPENING = time(9, 30)
TWEET_SESSIONS = 5
"""Sessions of tweets that a sample's text holds, as in the publication."""
TRAIN, VALID, TEST = 0, 1, 2


@dataclass(frozen=True)
class Samples:
    """Samples of one set: the day of the label, the class, the part, and what was known.

    columns     names of the F features
    words       whether texts part their words by spaces
    """

    name: str
    columns: tuple[str, ...]
    day_N: NDArray[np.datetime64]
    label_N: NDArray[np.int64]
    part_N: NDArray[np.int64]
    x_NF: NDArray[np.float32]
    texts: list[str]
    words: bool


def missing(shared: Path) -> list[Path]:
    """The files that are not there."""
    return [shared / path for path in (ASTOCK, TWEETS, MOVES, PRICES) if not (shared / path).exists()]


def astock(shared: Path) -> Samples:
    """Chinese news of single companies: does the close after it lie below, near or above the close before?

    The three classes are the file's own (0 down, 1 hardly moved, 2 up), and leave out what lies between. News that came
    after the opening of the session whose close decides the class is left out: it may tell the move.
    """
    rows = pl.read_parquet(shared / ASTOCK).select(
        day=pl.col("SECOND_DAY").str.to_date(),
        label=pl.col("label").cast(pl.Int64),
        text="text_a",
        came_at=pl.col("DATE").str.to_datetime(),
    )
    rows = rows.filter(pl.col("came_at") <= pl.col("day").dt.combine(OPENING)).sort("day", "text")
    days = rows["day"].unique().sort()
    valid, test = (days[int(share * len(days))] for share in (TRAIN_SHARE, TRAIN_SHARE + VALID_SHARE))
    counts_N2 = sign_counts(characters(rows["text"]))
    signed_NF = np.column_stack([tone(counts_N2), np.log1p(counts_N2)])
    runs_NF = damped(hashed_counts(characters(rows["text"]), BUCKETS).astype(np.float64))
    columns = ("text_tone", "positive_words", "negative_words", *NAMES)
    x_NF = np.column_stack([signed_NF, runs_NF]).astype(np.float32)
    return _samples("astock", rows, (valid, test), x_NF, columns, words=False)


def stocknet(shared: Path) -> Samples:
    """English tweets on US stocks: does the next close lie at least .55% above the last one, or .5% below it?

    Both tables of news are made by the project's own functions, the wall clock of New York in the place of that of the
    exchange: a tweet counts from the first 20:00 of a session after it, and a label uses the session before its own.
    """
    sessions = pl.read_parquet(shared / PRICES)["date"].unique().sort()
    tweets, moves = _tweets(shared), _moves(shared, sessions)
    bars = pl.LazyFrame({"session": sessions}).join(
        pl.LazyFrame({"security_id": moves["security_id"].unique().sort()}), how="cross"
    )
    bars = bars.filter(pl.col("session") >= date(2013, 12, 1)).with_columns(is_suspended=False)
    calendar = pl.LazyFrame({"session": sessions})
    flow, runs = (made(tweets.lazy(), bars, calendar).collect() for made in (news, news_counts))
    known = moves.join(flow, on=["session", "security_id"], how="left", maintain_order="left")
    known = known.join(runs, on=["session", "security_id"], how="left", maintain_order="left")
    rows = known.join(_told(tweets, sessions), on=["session", "security_id"], how="left", maintain_order="left")
    columns = (*NewsFlow.column_names()[2:], *NAMES)
    x_NF = rows.select(columns).to_numpy().astype(np.float32)
    return _samples("stocknet", rows, (STOCKNET_VALID, STOCKNET_TEST), x_NF, columns, words=True)


def _tweets(shared: Path) -> pl.DataFrame:
    """Tweets as rows of cleaning/news, at the wall clock of New York."""
    clock = pl.col("created_at_utc").dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    available_at = clock.dt.replace_time_zone(None).dt.replace_time_zone(EXCHANGE_TIME_ZONE)
    rows = pl.read_parquet(shared / TWEETS).with_row_index("news_id")
    return rows.select(
        pl.col("news_id").cast(pl.String),
        security_id="ticker",
        kind=pl.lit("news"),
        title="text",
        body=pl.lit(None, dtype=pl.String),
        available_at=available_at,
        known_on=available_at.dt.date(),
    ).select(News.column_names())


def _moves(shared: Path, sessions: pl.Series) -> pl.DataFrame:
    """Labelled rows: security_id, day of the label, label, and `session`, the one before it."""
    before = pl.DataFrame({"day": sessions, "session": sessions.shift(1)})
    rows = pl.read_parquet(shared / MOVES).select(
        security_id="ticker", day=pl.col("date").str.to_date(), label=(pl.col("label") > 0).cast(pl.Int64), move="label"
    )
    labelled = rows.filter((pl.col("move").abs() == 1) & (pl.col("day") >= STOCKNET_FIRST))
    return labelled.join(before, on="day", how="left").sort("day", "security_id").drop("move")


def _told(tweets: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    """What was tweeted of each security in the sessions up to each one, as one text."""
    placed = at_first_decision(tweets, sessions).sort("available_at", "news_id")
    lags = pl.DataFrame({"lag": range(TWEET_SESSIONS)}, schema={"lag": pl.Int64})
    later = placed.join(lags, how="cross", maintain_order="left").with_columns(pl.col(PLACE) + pl.col("lag"))
    joined = later.group_by("security_id", PLACE, maintain_order=True).agg(text=pl.col("title").str.join(" "))
    calendar = pl.DataFrame({"session": sessions}).with_row_index(PLACE).with_columns(pl.col(PLACE).cast(pl.Int64))
    return joined.join(calendar, on=PLACE).drop(PLACE)


def _samples(
    name: str,
    rows: pl.DataFrame,
    starts: tuple[date, date],
    x_NF: NDArray[np.float32],
    columns: tuple[str, ...],
    *,
    words: bool,
) -> Samples:
    """Samples whose parts begin on the days `starts`, those of validation and test."""
    part_N = sum((rows["day"] >= start).cast(pl.Int64) for start in starts)
    assert isinstance(part_N, pl.Series)
    texts = rows["text"].fill_null("").to_list()
    label_N = rows["label"].to_numpy()
    return Samples(name, columns, rows["day"].to_numpy(), label_N, part_N.to_numpy(), x_NF, texts, words)
