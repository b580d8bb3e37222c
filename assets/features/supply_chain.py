"""Supply chain: what the known suppliers and customers of a security have done lately, and how much was told of them.

Prices of firms that are tied by trade follow one another with a delay (Cohen and Frazzini 2008, Menzly and Ozbas 2010).
"""
# S securities with bars, edges or both, T sessions, N sessions of a spell, E edges

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import dataframely as dy
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from assets.cleaning.as_of import EVERYTHING_BEFORE, holding_join
from assets.features.first_decision import first_decisions
from assets.features.neighbours import (
    Spell,
    decayed_mean,
    edge_counts,
    graph_of,
    market_mean,
    mean_of_neighbours,
    sum_of_known,
    sum_over_neighbours,
)
from assets.features.price_window import STALE_AFTER, log_returns
from assets.features.trailing import moved_later, trailing_count, trailing_sum
from assets.table import table
from assets.wide import Grid, gather, grid_of, spread
from expectations import fact_tables
from expectations.decisions import decided_at
from expectations.tables import Bars, Calendar, Keyed

Wide = NDArray[np.float64]
Places = NDArray[np.intp]
KEY = ("supplier_id", "customer_id")
LAGS = range(1, 6)
HALF_LIFE = 3
DEEPEST = 20
"""Sessions of the longest window, and those after which a decayed residual is forgotten."""
NEWS_WINDOW = 5
LOOK_BACK = DEEPEST + STALE_AFTER
LONGEST_SPELL = 64
SPELLS_AT_ONCE = 64
RETURN_SOURCE = "Cohen and Frazzini 2008, Menzly and Ozbas 2010"


def _residual(definition: str) -> dy.Float64:
    """A mean over known neighbours of residuals: log returns less their plain mean over all that traded."""
    return dy.Float64(nullable=True, metadata={"definition": definition, "unit": "log ratio", "source": RETURN_SOURCE})


def _count(definition: str, unit: str) -> dy.UInt32:
    return dy.UInt32(nullable=True, metadata={"definition": definition, "unit": unit})


def _columns(side: str) -> dict[str, dy.Column]:
    """The columns of one side of the edges, `supplier` or `customer`."""
    mean, own = f"mean residual log return of the known {side}s", "less the sum of the security's own residuals of the"
    return {
        f"{side}_residual_1d": _residual(f"{mean} in the session itself"),
        **{f"{side}_residual_1d_lag_{lag}d": _residual(f"{mean} {_sessions_before(lag)}") for lag in LAGS},
        f"{side}_residual_5d": _residual(f"sum over 5 sessions, this one the last, of the {mean}; at least 3"),
        f"{side}_residual_20d": _residual(f"sum over 20 sessions, this one the last, of the {mean}; at least 10"),
        f"{side}_residual_half_life_3d": _residual(f"mean of the {mean}, its weight halved every 3 sessions back"),
        f"{side}_gap_5d": _residual(f"{side}_residual_5d {own} 5 sessions"),
        f"{side}_gap_20d": _residual(f"{side}_residual_20d {own} 20 sessions"),
        f"{side}_count": _count(f"{side}s known at the decision", "securities"),
        f"{side}_news_count_1d": _count(f"news of known {side}s since the decision before; null without any", "news"),
        f"{side}_news_count_5d": _count(f"news of known {side}s since 5 decisions before; null without any", "news"),
    }


def _sessions_before(lag: int) -> str:
    return "in the session before" if lag == 1 else f"{lag} sessions before"


class SupplyChain(Keyed):
    """Residual returns and news of the suppliers and customers that are known at the decision after a session.

    A residual is a log return less the plain mean over all that traded; means are weighted by share of purchases.
    """

    asset_key: ClassVar[str] = "features/supply_chain"
    is_sequence: ClassVar[bool] = False

    vars().update(_columns("supplier") | _columns("customer"))


@dataclass(frozen=True)
class Market:
    """What is looked at through the edges: residuals, NaN where not traded, and where news lie, in time order."""

    grid: Grid
    traded_ST: NDArray[np.bool_]
    residual_ST: Wide
    news_session_K: Places
    news_row_K: Places


@table(look_back={"bars": LOOK_BACK, "calendar": LOOK_BACK, "news": NEWS_WINDOW + 1, "edges": EVERYTHING_BEFORE})
def supply_chain(
    bars: dy.LazyFrame[Bars],
    calendar: dy.LazyFrame[Calendar],
    news: dy.LazyFrame[fact_tables.News],
    edges: dy.LazyFrame[fact_tables.SupplyChain],
) -> dy.LazyFrame[SupplyChain]:
    """One row per traded bar, with the edges known at its decision: one known later counts from the next session on.

    Of each earlier session the mean is over those of today's neighbours that traded in it, the weights of the others
    shared out among them in proportion; where none traded it is null. A weight is the share of the customer's
    purchases, also where the mean is over a supplier's customers; suppliers without a weight get equal shares of what
    the known weights leave of their customer's purchases. News of the market as a whole is not counted.
    """
    traded = bars.filter(~pl.col("is_suspended")).collect()
    changes = edges.select("available_at", *KEY, "weight", "holds").collect()
    ids = pl.concat([traded.select("security_id"), *(changes.select(security_id=name) for name in KEY)])
    grid = grid_of(ids, calendar.select("session").collect()["session"])
    market = _market(grid, traded, news)
    parts = [_features(market, spell, held) for spell, held in _spells(grid, changes)]
    return SupplyChain.cast(pl.concat(parts) if parts else SupplyChain.create_empty()).lazy()


def _market(grid: Grid, traded: pl.DataFrame, news: pl.LazyFrame) -> Market:
    wide = spread(traded, grid, ("close", "adj_factor"))
    returns_ST = log_returns(np.log(wide["close"] * wide["adj_factor"]))
    told = news.filter(pl.col("security_id").is_in(list(grid.securities)))
    dated = told.select("security_id", "available_at").sort("available_at").collect()
    return Market(
        grid=grid,
        traded_ST=np.isfinite(wide["close"]),
        residual_ST=returns_ST - market_mean(returns_ST),
        news_session_K=first_decisions(dated["available_at"], pl.Series(grid.sessions, dtype=pl.Date)),
        news_row_K=_rows(grid, dated["security_id"]),
    )


def _rows(grid: Grid, securities: pl.Series) -> Places:
    names = list(grid.securities)
    return securities.replace_strict(names, range(len(names)), return_dtype=pl.Int64).to_numpy().astype(np.intp)


def _decisions(grid: Grid) -> pl.DataFrame:
    sessions = pl.DataFrame({"session": pl.Series(grid.sessions, dtype=pl.Date)})
    return sessions.with_columns(decided_at=decided_at(pl.col("session")))


def _spells(grid: Grid, changes: pl.DataFrame) -> Iterator[tuple[Spell, pl.DataFrame]]:
    """Every session once, in time order: spells in which the same edges are known, and these edges."""
    coded = changes.with_columns(pl.Series(name, _rows(grid, changes[name])) for name in KEY)
    size = len(grid.sessions)
    places = first_decisions(changes["available_at"], pl.Series(grid.sessions, dtype=pl.Date))
    starts = sorted({*range(0, size, LONGEST_SPELL), *places[places < size].tolist()})
    ends = dict(pairwise([*starts, size]))
    for batch in range(0, len(starts), SPELLS_AT_ONCE):
        asked = _decisions(grid).with_row_index("first")[starts[batch : batch + SPELLS_AT_ONCE]]
        held = holding_join(asked.drop("session").lazy(), coded.lazy(), by=KEY).sort(*reversed(KEY)).collect()
        for first in asked["first"]:
            yield Spell(first, ends[first], DEEPEST), held.filter(pl.col("first") == first)


def _features(market: Market, spell: Spell, held: pl.DataFrame) -> pl.DataFrame:
    size = len(market.grid.securities)
    suppliers_E, customers_E = (held[name].to_numpy().astype(np.intp) for name in KEY)
    weights_E = _weights(customers_E, held["weight"].fill_null(np.nan).to_numpy(), size)
    graphs = {
        "supplier": graph_of(customers_E, suppliers_E, weights_E, size),
        "customer": graph_of(suppliers_E, customers_E, weights_E, size),
    }
    own_SN, news_SN = spell.seen(market.residual_ST), _news_counts(market, spell)
    columns: dict[str, Wide] = {}
    for side, graph in graphs.items():
        found = {**_returns(graph, own_SN), **_counts(graph, news_SN)}
        columns |= {f"{side}_{name}": spell.own(cells_SN) for name, cells_SN in found.items()}
    grid = Grid(market.grid.sessions[spell.first : spell.end], market.grid.securities)
    return gather(grid, columns, market.traded_ST[:, spell.first : spell.end])


def _weights(customers_E: Places, told_E: Wide, size: int) -> Wide:
    """The weights told, and for each NaN among them an equal share of what the others leave of the customer's 1."""
    is_told_E = ~np.isnan(told_E)
    told_S = np.bincount(customers_E, np.where(is_told_E, told_E, 0.0), size)
    untold_S = np.bincount(customers_E, ~is_told_E, size)
    left_S = np.maximum(1.0 - told_S, 0.0) / np.maximum(untold_S, 1)
    return np.where(is_told_E, told_E, left_S[customers_E])


def _returns(graph: csr_array, own_SN: Wide) -> dict[str, Wide]:
    mean_SN = mean_of_neighbours(graph, own_SN)
    sums = {window: sum_of_known(mean_SN, window) for window in (5, DEEPEST)}
    return {
        "residual_1d": mean_SN,
        **{f"residual_1d_lag_{lag}d": moved_later(mean_SN, lag) for lag in LAGS},
        **{f"residual_{window}d": sums[window] for window in sums},
        "residual_half_life_3d": decayed_mean(mean_SN, HALF_LIFE, DEEPEST),
        **{f"gap_{window}d": sums[window] - sum_of_known(own_SN, window) for window in sums},
    }


def _counts(graph: csr_array, news_SN: Wide) -> dict[str, Wide]:
    number_S1, told_SN = edge_counts(graph)[:, None], sum_over_neighbours(graph, news_SN)
    has_any_S1 = np.where(number_S1 > 0, 1.0, np.nan)
    sums = {f"news_count_{window}d": has_any_S1 * _whole_sum(told_SN, window) for window in (1, NEWS_WINDOW)}
    return {"count": np.broadcast_to(number_S1, told_SN.shape), **sums}


def _news_counts(market: Market, spell: Spell) -> Wide:
    """News since the decision before each session that the spell sees, [S, N]; NaN where no decision was before."""
    start = spell.first - spell.before
    inside = slice(*np.searchsorted(market.news_session_K, [start, spell.end]))
    shape = len(market.grid.securities), spell.end - start
    cells_K = np.ravel_multi_index((market.news_row_K[inside], market.news_session_K[inside] - start), shape)
    counts_SN = np.bincount(cells_K, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    counts_SN[:, : max(1 - start, 0)] = np.nan
    return counts_SN


def _whole_sum(counts_SN: Wide, window: int) -> Wide:
    is_whole_SN = trailing_count(counts_SN, window) == window
    return np.where(is_whole_SN, trailing_sum(counts_SN, window), np.nan)
