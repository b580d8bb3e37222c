"""Reported quarters: cumulative figures of the year turned into single quarters, twelve months and surprises.

Net profit of a quarter is foretold to be that of the same quarter a year before. What differs, over the standard
deviation of what differed in up to eight quarters before, is the surprise.

source  Foster, Olsen and Shevlin (1984) and Bernard and Thomas (1989) on standardised unexpected earnings and the drift
        after them; Jegadeesh and Livnat (2006) on revenue; Sloan (1996) on accruals
"""
# N publications, Q quarters back (0 is the latest)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assets.features.publications import FIRST_NET_PROFIT, Known
from assets.features.statement_items import (
    ASSETS,
    CASH_FLOW,
    CASH_TO_REVENUE,
    EQUITY,
    LEVERAGE,
    NET_MARGIN,
    NET_PROFIT,
    REVENUE,
    SHARES,
    TURNOVER,
)

Figures = NDArray[np.float64]
A_YEAR = 4
PAST_CHANGES = 8
FEWEST_CHANGES = 4
LARGEST_SURPRISE = 10.0


def figures(known: Known, quarter_N: NDArray[np.int64]) -> dict[str, Figures]:
    """What statements say of a security at each publication, [N]; NaN where an item that it needs is not known.

    known      meaning -> [N, Q], as `publications.known_at` reads it
    quarter_N  the latest quarter, 4 * year + 0 to 3
    """
    told = implied(known)
    profit, revenue, cash = (told[name] for name in (NET_PROFIT, REVENUE, CASH_FLOW))
    return {
        **{f"{name}_ttm": twelve_months(told[name], quarter_N) for name in (NET_PROFIT, REVENUE, CASH_FLOW)},
        "equity": told[EQUITY][:, 0],
        "told_shares": told[SHARES][:, 0],
        **_growth("profit", profit, quarter_N),
        **_growth("revenue", revenue, quarter_N),
        **_quality(told, quarter_N),
        "accruals_ttm": _ratio(
            twelve_months(profit, quarter_N) - twelve_months(cash, quarter_N), _between(told[ASSETS], 0)
        ),
        "profit_surprise": surprise(profit, quarter_N),
        "revenue_surprise": surprise(revenue, quarter_N),
        **_restated(told, quarter_N),
    }


def implied(known: Known) -> Known:
    """`known` with the figures that a source tells only as ratios to others.

    Revenue that follows from the margin goes before a revenue that is told beside it: sources that tell margins tell
    revenue for half years only, and count it otherwise.
    """
    revenue = _first(_ratio(known[NET_PROFIT], known[NET_MARGIN]), known[REVENUE])
    assets = _first(known[ASSETS], _ratio(revenue, known[TURNOVER]))
    return {
        **known,
        REVENUE: revenue,
        CASH_FLOW: _first(known[CASH_FLOW], known[CASH_TO_REVENUE] * revenue),
        ASSETS: assets,
        EQUITY: _first(known[EQUITY], _ratio(assets, known[LEVERAGE])),
    }


def single_quarters(year_to_date_NQ: Figures, quarter_N: NDArray[np.int64]) -> Figures:
    """Each quarter by itself, [N, Q - 1]: the first of a year as it is, the others less what the one before held."""
    here, before = year_to_date_NQ[:, :-1], year_to_date_NQ[:, 1:]
    return np.where(_of_year(quarter_N, here.shape[1]) == 0, here, here - before)


def twelve_months(year_to_date_NQ: Figures, quarter_N: NDArray[np.int64], back: int = 0) -> Figures:
    """Sum of the four quarters up to the one so far back, [N]: this year so far and the rest of the last year."""
    of_year_N = _of_year(quarter_N, back + 1)[:, back]
    whole_year_N = np.take_along_axis(year_to_date_NQ, (back + of_year_N + 1)[:, None], axis=1)[:, 0]
    here, year_before = year_to_date_NQ[:, back], year_to_date_NQ[:, back + A_YEAR]
    return np.where(of_year_N == A_YEAR - 1, here, here + (whole_year_N - year_before))


def surprise(year_to_date_NQ: Figures, quarter_N: NDArray[np.int64]) -> Figures:
    """Change of the latest quarter from a year before, over the standard deviation of the eight such changes before.

    At least four of these must be known; beyond 10 it is cut, for a deviation of few changes may be tiny by chance.
    """
    single = single_quarters(year_to_date_NQ, quarter_N)
    changes = single[:, : PAST_CHANGES + 1] - single[:, A_YEAR : A_YEAR + PAST_CHANGES + 1]
    scaled: Figures = np.clip(_ratio(changes[:, 0], _deviation(changes[:, 1:])), -LARGEST_SURPRISE, LARGEST_SURPRISE)
    return scaled


def relative_change(now: Figures, before: Figures) -> Figures:
    """Change over the sum of both sizes, -1 to 1: defined through losses too, where a rate of growth is not."""
    return _ratio(now - before, np.abs(now) + np.abs(before))


def _growth(name: str, year_to_date_NQ: Figures, quarter_N: NDArray[np.int64]) -> dict[str, Figures]:
    single = single_quarters(year_to_date_NQ, quarter_N)
    now, before = (twelve_months(year_to_date_NQ, quarter_N, back) for back in (0, A_YEAR))
    return {
        f"{name}_growth_quarter_yoy": relative_change(single[:, 0], single[:, A_YEAR]),
        f"{name}_growth_ttm_yoy": relative_change(now, before),
    }


def _quality(told: Known, quarter_N: NDArray[np.int64]) -> dict[str, Figures]:
    on_equity, margin = [], []
    for back in (0, A_YEAR):
        profit = twelve_months(told[NET_PROFIT], quarter_N, back)
        on_equity.append(_ratio(profit, _positive(_between(told[EQUITY], back))))
        margin.append(_ratio(profit, _positive(twelve_months(told[REVENUE], quarter_N, back))))
    share = [_ratio(told[EQUITY][:, back], _positive(told[ASSETS][:, back])) for back in (0, A_YEAR)]
    return {
        "return_on_equity_ttm": on_equity[0],
        "return_on_equity_change_yoy": on_equity[0] - on_equity[1],
        "net_margin_ttm": margin[0],
        "net_margin_change_yoy": margin[0] - margin[1],
        "equity_to_assets": share[0],
        "equity_to_assets_change_yoy": share[0] - share[1],
    }


def _restated(told: Known, quarter_N: NDArray[np.int64]) -> dict[str, Figures]:
    now, first = told[NET_PROFIT], told[FIRST_NET_PROFIT]
    both = np.isfinite(now[:, :PAST_CHANGES]) & np.isfinite(first[:, :PAST_CHANGES])
    moved = both & (now[:, :PAST_CHANGES] != first[:, :PAST_CHANGES])
    size = relative_change(twelve_months(now, quarter_N), twelve_months(first, quarter_N))
    return {
        "profit_restated_ttm": size,
        "restated_quarters_8q": np.where(both.any(axis=1), moved.sum(axis=1), np.nan),
    }


def _deviation(values_NK: Figures) -> Figures:
    """Sample standard deviation of the known values, the earliest added first; NaN below four of them."""
    known_NK = np.isfinite(values_NK)
    count_N = known_NK.sum(axis=1)
    enough_N = np.where(count_N >= FEWEST_CHANGES, count_N, np.nan)
    total_N, squares_N = np.zeros(len(values_NK)), np.zeros(len(values_NK))
    for back in range(values_NK.shape[1] - 1, -1, -1):
        total_N += np.where(known_NK[:, back], values_NK[:, back], 0.0)
    mean_N = total_N / enough_N
    for back in range(values_NK.shape[1] - 1, -1, -1):
        gap_N = values_NK[:, back] - mean_N
        squares_N += np.where(known_NK[:, back], gap_N * gap_N, 0.0)
    deviation_N: Figures = np.sqrt(squares_N / (enough_N - 1))
    return deviation_N


def _between(balance_NQ: Figures, back: int) -> Figures:
    """Mean of the balance so far back and of that a year before it."""
    return (balance_NQ[:, back] + balance_NQ[:, back + A_YEAR]) / 2


def _of_year(quarter_N: NDArray[np.int64], quarters: int) -> NDArray[np.int64]:
    """Place in its year of each quarter back, 0 to 3, [N, Q]."""
    return (quarter_N[:, None] - np.arange(quarters)) % A_YEAR


def _first(told: Figures, otherwise: Figures) -> Figures:
    return np.where(np.isnan(told), otherwise, told)


def _positive(values: Figures) -> Figures:
    return np.where(values > 0, values, np.nan)


def _ratio(of: Figures, over: Figures) -> Figures:
    """NaN where it would divide by nothing."""
    return of / np.where(over == 0, np.nan, over)
