"""Market statements: quarterly figures, their publication and restatement, and what a reported profit foretells.

A quarter's net profit is that of the same quarter a year before plus a surprise, so that the change from a year before
is what nobody knew. A report comes out on an evening within its legal window and after 20:00, so that the next
session's decision is the first to know it. A part of the surprise is in the next open; the rest drifts. Restatements
come months later, move the price when they come, and tell nothing of what follows.
"""
# P periods, N publications, S securities, T sessions

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from assets.sources.embedded.calendar import dates_of, days_of, first_to_know, moments
from assets.sources.embedded.listings import Listings
from assets.sources.embedded.streams import Floats, Places, Singles, Streams
from expectations.facts import RawStatements

WINDOWS = {3: (10, 30), 6: (15, 61), 9: (8, 31), 12: (20, 120)}
"""Month in which a period ends -> days after it between which its report comes out; the last is the legal deadline."""
YEARS_BEFORE = 2
SURPRISE_SPREAD = 0.25
"""Standard deviation of a surprise, in usual quarterly profits."""
SURPRISE_CUT = 3.0
IN_THE_OPEN = 0.6
"""Log return at the next open for a surprise of one deviation, in noise scales; so for a restatement."""
RESTATED_SHARE = 0.05
RESTATEMENT_CUT, RESTATEMENT_VARIANCE = 1.0, 0.516
RESTATED = ("net_profit", "total_assets", "equity")
QUARTER_ENDS = ((3, 31), (6, 30), (9, 30), (12, 31))
EVENING = 20 * 60 + 5
ITEMS = ("revenue", "net_profit", "operating_cash_flow", "total_assets", "equity")


@dataclass(frozen=True)
class Statements:
    """Every report, [P, S], and the part of reports that is restated.

    surprise_PS   deviations; net profit of the quarter beyond that of a year before
    published_PS  days since 1970-01-01 of the first publication; the minute of the day is `minute_PS`
    known_PS      place of the first session whose decision knows it; T where that is none, -1 before the span
    """

    period_ends: tuple[date, ...]
    surprise_PS: Floats
    published_PS: Places
    minute_PS: Places
    known_PS: Places
    figures: dict[str, Floats]  # item -> [P, S], yuan
    restated: tuple[Places, Places]  # places in P and in S, [N]
    restated_on_N: Places
    restated_known_N: Places
    restatement_N: Floats  # deviations, of the quarter's net profit
    unit_S: Floats  # yuan for one deviation

    def shocks(self, shape: tuple[int, int]) -> Singles:
        """Surprises at the session whose decision is the first to know them, [T, S]."""
        return placed(self.known_PS.ravel(), self._securities(), self.surprise_PS.ravel(), shape)

    def reactions(self, sessions: int, scale_S: Singles) -> tuple[tuple[Places, Places], Floats]:
        """Where the next open reacts, and by which log return, expected simple return 0."""
        at = np.concatenate([self.known_PS.ravel(), self.restated_known_N])
        who = np.concatenate([self._securities(), self.restated[1]])
        deviations = np.concatenate([self.surprise_PS.ravel(), self.restatement_N])
        variances = np.repeat([1.0, RESTATEMENT_VARIANCE], [self.surprise_PS.size, len(self.restatement_N)])
        inside = (at >= 0) & (at < sessions)
        size = IN_THE_OPEN * scale_S[who[inside]].astype(np.float64)
        return (at[inside], who[inside]), size * deviations[inside] - 0.5 * size**2 * variances[inside]

    def table(self, sessions: Sequence[date], listings: Listings) -> pl.DataFrame:
        """Rows of RawStatements, one for each item and publication.

        What a security reported in the two years before its listing, or before the span, is known from that day on.
        """
        p, s = (places.ravel() for places in np.indices(self.surprise_PS.shape))
        again_p, again_s = self.restated
        zero, one = np.zeros(len(p), np.int32), np.ones(len(again_p), np.int32)
        rows_p, rows_s, revision = np.append(p, again_p), np.append(s, again_s), np.append(zero, one)
        day = np.append(self.published_PS.ravel(), self.restated_on_N)
        minute = np.append(self.minute_PS.ravel(), np.full(len(again_p), EVENING + 30))
        listed = days_of(sessions)[listings.first_S[rows_s]]
        left = days_of([*sessions, sessions[-1] + timedelta(days=1)])[listings.end_S[rows_s]]
        told = np.nonzero((day >= listed - 365 * YEARS_BEFORE) & (day < left))[0]
        change = np.append(np.zeros(len(p)), self.restatement_N * self.unit_S[again_s])
        available = pl.select(pl.max_horizontal(moments(day[told], minute[told]), moments(listed[told], 0))).to_series()
        known = pl.DataFrame(
            {
                "known_on": available.dt.date(),
                "available_at": available,
                "delivery": pl.Series(["synthetic_market"]).new_from_index(0, len(told)),
                "security_id": pl.Series(listings.securities).gather(rows_s[told]),
                "period_end": pl.Series(self.period_ends, dtype=pl.Date).gather(rows_p[told]),
                "revision": revision[told],
                "published_on": dates_of(day[told]),
            }
        )
        return self._by_item(known, rows_p[told], rows_s[told], change[told])

    def _by_item(self, known: pl.DataFrame, p: Places, s: Places, change: Floats) -> pl.DataFrame:
        """One row for each item of some publications."""
        rows = [
            known.with_columns(
                item=pl.lit(item), value=pl.Series(np.round(self.figures[item][p, s] + change * (item in RESTATED), 2))
            )
            for item in ITEMS
        ]
        order = ("available_at", "security_id", "period_end", "item", "revision")
        return pl.concat(rows).select(RawStatements.column_names()).sort(order)

    def _many(self) -> int:
        return len(self.unit_S)

    def _securities(self) -> Places:
        return np.tile(np.arange(self._many()), len(self.period_ends))


def draw_statements(streams: Streams, sessions: Sequence[date], cap_S: Floats) -> Statements:
    """All statements of a market from two years before its first session on.

    cap_S  capitalisation before the first session, yuan; the usual yearly profit is a twentieth of it
    """
    ends = _period_ends(sessions[0].year - YEARS_BEFORE - 1, sessions[-1])
    shape = (len(ends), len(cap_S))
    day_PS, minute_PS = _publication(streams, ends, shape)
    known_PS = first_to_know(sessions, day_PS, minute_PS)
    surprise_PS = streams.told("surprise", known_PS).clip(-SURPRISE_CUT, SURPRISE_CUT)
    rng = streams.fixed("restatement")
    p, s = np.nonzero(rng.random(shape) < RESTATED_SHARE)
    restated_on_N = day_PS[p, s] + rng.integers(30, 200, len(p))
    restated_known_N = first_to_know(sessions, restated_on_N, EVENING + 30)
    unit_S = SURPRISE_SPREAD * cap_S / 80
    return Statements(
        period_ends=ends,
        surprise_PS=surprise_PS,
        published_PS=day_PS,
        minute_PS=minute_PS,
        known_PS=known_PS,
        figures=_figures(streams, ends, surprise_PS * unit_S, cap_S),
        restated=(p, s),
        restated_on_N=restated_on_N,
        restated_known_N=restated_known_N,
        restatement_N=streams.told("restatement_size", restated_known_N).clip(-RESTATEMENT_CUT, RESTATEMENT_CUT),
        unit_S=unit_S,
    )


def _period_ends(first_year: int, last: date) -> tuple[date, ...]:
    """Ends of quarters from a year on, in order."""
    days = [date(year, month, day) for year in range(first_year, last.year + 1) for month, day in QUARTER_ENDS]
    return tuple(day for day in days if day < last)


def _publication(streams: Streams, ends: Sequence[date], shape: tuple[int, int]) -> tuple[Places, Places]:
    """Day and minute of each first publication, [P, S]; no first quarter comes before the year it follows."""
    rng = streams.fixed("publication")
    window_P2 = np.array([WINDOWS[end.month] for end in ends])
    lag_PS = rng.integers(window_P2[:, :1], window_P2[:, 1:] + 1, shape)
    day_PS = days_of(ends)[:, None] + lag_PS
    for p, end in enumerate(ends):
        if end.month == 3 and p > 0:
            day_PS[p] = np.maximum(day_PS[p], day_PS[p - 1])
    return day_PS, EVENING + rng.integers(0, 120, shape)


def _figures(streams: Streams, ends: Sequence[date], surprise_PS: Floats, cap_S: Floats) -> dict[str, Floats]:
    """Each item of each report, yuan, [P, S]; flows are those of the year so far."""
    rng = streams.fixed("figures")
    usual_S, shape = cap_S / 80, surprise_PS.shape
    profit_PS = np.stack([usual_S + surprise_PS[p % 4 : p + 1 : 4].sum(axis=0) for p in range(shape[0])])
    margin_S = rng.uniform(0.04, 0.2, shape[1])
    revenue_PS = usual_S / margin_S * (1 + 0.1 * rng.standard_normal(shape)) + surprise_PS
    cash_PS = profit_PS + usual_S * rng.standard_normal(shape)
    equity_PS = 10 * usual_S * rng.uniform(1.0, 4.0, shape[1]) + 0.7 * profit_PS.cumsum(axis=0)
    assets_PS = equity_PS + 10 * usual_S * rng.uniform(1.0, 6.0, shape[1])
    so_far = {"net_profit": profit_PS, "revenue": revenue_PS.clip(0), "operating_cash_flow": cash_PS}
    flows = {item: _year_so_far(ends, quarter_PS) for item, quarter_PS in so_far.items()}
    return {**flows, "total_assets": assets_PS, "equity": equity_PS}


def _year_so_far(ends: Sequence[date], quarter_PS: Floats) -> Floats:
    """Sum of the quarters of each year up to each one."""
    total_PS = quarter_PS.copy()
    for p, end in enumerate(ends):
        if end.month > 3 and p > 0:
            total_PS[p] += total_PS[p - 1]
    return total_PS


def placed(at: Places, who: Places, values: Floats, shape: tuple[int, int]) -> Singles:
    """Values added up at their session and security, [T, S]; those outside the market's sessions are left out."""
    inside = (at >= 0) & (at < shape[0])
    found_TS = np.zeros(shape, np.float32)
    np.add.at(found_TS, (at[inside], who[inside]), values[inside].astype(np.float32))
    return found_TS
