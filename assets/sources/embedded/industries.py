"""Market industries: which industry each security belongs to, and since when that is known."""
# K industries, S securities, T sessions

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time

import numpy as np
import polars as pl

from assets.sources.embedded.bars import instants
from assets.sources.embedded.listings import Listings
from assets.sources.embedded.streams import Places, Singles, Streams
from expectations.facts import RawIndustries

INDUSTRIES = (
    "银行", "非银金融", "房地产", "建筑材料", "建筑装饰", "钢铁", "煤炭", "有色金属", "基础化工", "石油石化",
    "电力设备", "公用事业", "环保", "机械设备", "汽车", "家用电器", "轻工制造", "纺织服饰", "食品饮料", "农林牧渔",
    "医药生物", "商贸零售", "社会服务", "交通运输", "电子", "计算机", "通信", "传媒", "国防军工", "综合",
)  # fmt: skip
SECURITIES_OF_ONE = 8
"""A market has about one industry for so many securities, up to all of them."""
MOVED_SHARE = 0.03
"""Of all securities, those that are given another industry within the span, once."""
TOLD_AT = time(17, 30)


@dataclass(frozen=True)
class Industries:
    """Places in INDUSTRIES of each security before and after its one change, [S]; `change_S` is T without one."""

    many: int
    sessions: int
    before_S: Places
    after_S: Places
    change_S: Places

    def wide(self) -> np.ndarray:
        """Industry of each session, [T, S]."""
        later_TS = np.arange(self.sessions)[:, None] >= self.change_S
        return np.where(later_TS, self.after_S, self.before_S).astype(np.int8)

    def spread(self, values_TK: Singles, rows: Places | slice) -> Singles:
        """The value of each security's industry in some sessions, [T, S]; one row of `values_TK` for each of them."""
        found_TS = values_TK[:, self.before_S]
        at = np.arange(self.sessions)[rows]
        for s in np.nonzero(self.change_S < self.sessions)[0]:
            later = at >= self.change_S[s]
            found_TS[later, s] = values_TK[later, self.after_S[s]]
        return found_TS

    def table(self, sessions: Sequence[date], listings: Listings) -> pl.DataFrame:
        """Rows of RawIndustries: one when a code begins to hold and one when it ends, told on the session itself."""
        changed = np.nonzero((self.change_S < listings.end_S) & (self.change_S > listings.first_S))[0]
        begun = np.arange(len(self.before_S))
        at = np.concatenate([listings.first_S, self.change_S[changed], self.change_S[changed]])
        names = pl.Series(INDUSTRIES)
        codes = np.concatenate([self.before_S, self.before_S[changed], self.after_S[changed]])
        holds = np.repeat([True, False, True], [len(begun), len(changed), len(changed)])
        return (
            pl.DataFrame(
                {
                    "known_on": pl.Series(sessions, dtype=pl.Date).gather(at),
                    "available_at": instants(sessions, TOLD_AT).gather(at),
                    "delivery": pl.Series(["synthetic_market"]).new_from_index(0, len(at)),
                    "security_id": pl.Series(listings.securities).gather(np.concatenate([begun, changed, changed])),
                    "industry": names.gather(codes),
                    "holds": holds,
                }
            )
            .select(RawIndustries.column_names())
            .sort("known_on", "security_id", "holds")
        )


def draw_industries(streams: Streams, sessions: Sequence[date], listings: Listings) -> Industries:
    """An industry for each security; changes are told on the first session of a month."""
    securities = len(listings.securities)
    many = min(len(INDUSTRIES), max(2, securities // SECURITIES_OF_ONE))
    rng = streams.fixed("industry")
    before_S, after_S = rng.integers(0, many, (2, securities))
    starts = month_starts(sessions)
    moves_S = (rng.random(securities) < MOVED_SHARE) & (len(starts) > 1) & (after_S != before_S)
    change_S = np.where(moves_S, rng.choice(starts[1:] if len(starts) > 1 else starts, securities), len(sessions))
    # a change before the listing is none: the code that a security lists with is its first
    listed_later_S = change_S <= listings.first_S
    return Industries(many, len(sessions), before_S, after_S, np.where(listed_later_S, len(sessions), change_S))


def month_starts(sessions: Sequence[date]) -> Places:
    """Places of the first session of each month."""
    months = [(day.year, day.month) for day in sessions]
    return np.array([t for t, month in enumerate(months) if t == 0 or month != months[t - 1]])
