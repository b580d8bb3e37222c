"""News told by hand, beside bars that never move."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from expectations.fact_tables import News
from expectations.tables import Bars, Calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
SESSIONS = pl.date_range(date(2015, 1, 5), date(2015, 4, 10), eager=True)
SESSIONS = SESSIONS.filter(SESSIONS.dt.weekday() <= 5)


def told(*items: tuple[str, str | None, str, str | None, datetime], kind: str = "news") -> pl.DataFrame:
    """News of number, security, title, body and instant."""
    names = ("news_id", "security_id", "title", "body", "available_at")
    rows = [dict(zip(names, item, strict=True)) for item in items]
    schema = {name: News.columns()[name].dtype for name in names}
    frame = pl.DataFrame(rows, schema).with_columns(kind=pl.lit(kind), known_on=pl.col("available_at").dt.date())
    return News.validate(frame.select(News.column_names()))


def bars_of(securities: str, sessions: pl.Series = SESSIONS, suspended: tuple[tuple[str, date], ...] = ()):
    keys = pl.DataFrame({"session": sessions}).join(pl.DataFrame({"security_id": list(securities)}), how="cross")
    is_suspended = [(security, session) in suspended for session, security in keys.rows()]
    prices = {name: 10.0 for name in ("open", "high", "low", "close", "vwap", "prev_close", "adj_factor")}
    flags = dict.fromkeys(("is_st", "is_new_listing", "is_locked_up", "is_locked_down"), False)
    more = {**prices, **flags, "board": "main", "volume": 1.0, "amount": 10.0, "limit_up": 11.0, "limit_down": 9.0}
    frame = keys.with_columns(
        **{name: pl.lit(value) for name, value in more.items()},
        is_suspended=pl.Series(is_suspended),
        available_at=pl.col("session").dt.combine(time(16)).dt.replace_time_zone("Asia/Shanghai"),
    )
    return Bars.validate(frame.select(Bars.column_names()), cast=True)


def calendar_of(sessions: pl.Series = SESSIONS) -> pl.DataFrame:
    return Calendar.validate(pl.DataFrame({"session": sessions}).with_columns(securities_traded=pl.lit(2)), cast=True)


def at(session: date, hour: int = 10) -> datetime:
    return datetime.combine(session, time(hour), SHANGHAI)


def random_news(seed: int, count: int = 150) -> pl.DataFrame:
    """Items of both kinds about a, b and the market, of words with and without a sign, over 85 days."""
    rng = np.random.default_rng(seed)
    words = ("净利润", "增长", "下降", "up", "loss ", "公告", "中标", "不", "2015", "，")
    items = []
    for number in range(count):
        instant = at(SESSIONS[0], 0) + timedelta(minutes=int(rng.integers(0, 60 * 24 * 85)))
        title, body = ("".join(rng.choice(words, rng.integers(1, 6))) for _ in range(2))
        items.append((str(number), ("a", "b", None)[rng.integers(3)], title, body, instant))
    kinds = pl.Series(rng.choice(["news", "announcement"], count), dtype=pl.String)
    return told(*items).with_columns(kind=kinds)
