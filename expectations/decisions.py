"""Decisions: the instants at which a forecast is made, and a choice of them to try checks on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from expectations.tables import EXCHANGE_TIME_ZONE

DECIDED_HOUR = 20
"""Hour of the decision where an experiment states no other; features of dated facts hold what was known by then."""
EDGE_SHARE = 0.1


def decision_instant(session: date, hour: int) -> datetime:
    """The instant of the decision after a session, at a full hour of exchange time."""
    return datetime.combine(session, time(hour), ZoneInfo(EXCHANGE_TIME_ZONE))


def decided_at(session: pl.Expr, hour: int = DECIDED_HOUR) -> pl.Expr:
    """The instant of the decision after each session, in exchange time."""
    return session.dt.combine(time(hour), "us").dt.replace_time_zone(EXCHANGE_TIME_ZONE)


def in_exchange_time(instant: datetime) -> datetime:
    """The same instant in exchange time; one without a time zone raises ValueError."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone and is no instant; give one, as `decision_instant` does")
    return instant.astimezone(ZoneInfo(EXCHANGE_TIME_ZONE))


def decisions(
    sessions: Sequence[date],
    n: int = 8,
    seed: int = 0,
    hour: int = DECIDED_HOUR,
    wanted: Sequence[Collection[date]] = (),
) -> list[datetime]:
    """`n` decision instants, one in each n-th of the span without its edges, in time order.

    Odd parts give the last or the first session of a month in turn, every fourth one a session out of each of the
    `wanted` sets in turn (ex-dates, say), the others fill up the weekdays that are missing.

    raises  ValueError when there are too few sessions
    """
    every = sorted(set(sessions))
    edge = max(1, int(EDGE_SHARE * len(every)))
    inner = range(edge, len(every) - edge)
    if n < 1 or len(inner) < n:
        raise ValueError(
            f"{len(every)} sessions leave {len(inner)} away from the edges, and n is {n}; give more of them"
        )
    rng = np.random.default_rng(seed)
    parts = [list(part) for part in np.array_split(np.array(inner), n)]
    turns = {part: -1 if part % 4 == 1 else 1 for part in range(1, n, 2)}
    special = {part: wanted[turn % len(wanted)] for turn, part in enumerate(range(0, n, 4))} if wanted else {}
    seen: dict[int, int] = {}
    chosen: list[int] = []
    for part in sorted(range(n), key=lambda part: part not in turns and part not in special):
        turn = [i for i in parts[part] if part in turns and every[i].month != every[i - turns[part]].month]
        turn += [i for i in parts[part] if part in special and every[i] in special[part]]
        places = [int(i) for i in rng.permutation(turn or parts[part])]
        chosen.append(min(places, key=lambda i: seen.get(every[i].weekday(), 0)))
        weekday = every[chosen[-1]].weekday()
        seen[weekday] = seen.get(weekday, 0) + 1
    return [decision_instant(every[i], hour) for i in sorted(chosen)]


def telling_sessions(bars: pl.DataFrame) -> tuple[frozenset[date], frozenset[date]]:
    """Sessions with a close at a limit, and sessions from which on an adjustment factor is another.

    bars  session, security_id, close, limit_up, limit_down and adj_factor of Bars
    """
    at_limit = (pl.col("close") == pl.col("limit_up")) | (pl.col("close") == pl.col("limit_down"))
    factor = pl.col("adj_factor").shift(1).over("security_id", order_by="session")
    limits = bars.filter(at_limit)["session"]
    ex_dates = bars.filter(pl.col("adj_factor") != factor)["session"]
    return frozenset(limits.to_list()), frozenset(ex_dates.to_list())
