"""What the market prints where rights go off, against the formula of the exchange."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from assets.cleaning.ex_rights import reference_prices
from assets.sources.embedded.making import Market
from assets.sources.embedded.path import MERGED, _rights
from assets.sources.synthetic_market import SyntheticMarketSpec, _made

DEFAULT = SyntheticMarketSpec()
CHEAP = SyntheticMarketSpec(sessions=800, opening_prices=(1.5, 4.0), seed=1)


def printed(market: Market) -> pl.DataFrame:
    """Each traded session: last close and what goes off, yuan and shares, and the reference that is printed, ticks."""
    path, events, tape = market.tape.path, market.facts.events, market.tape
    trades_TS = tape.is_listed_TS & ~tape.is_suspended_TS
    parts = []
    for t in range(1, len(tape.sessions)):
        at = np.nonzero(trades_TS[t] & tape.is_listed_TS[t - 1])[0]
        # A suspended security keeps the reference that it had.
        close_S = np.where(trades_TS[t - 1], path.close_TS[t - 1], path.prev_close_TS[t - 1]) * path.tick
        bonus_S = cash_S = np.zeros(len(close_S))
        if t in events.dividend_yield:
            bonus_S, cash_S = _rights(t, events, close_S, trades_TS[t], splits=True)
        columns = {
            "last_close": close_S[at],
            "cash_per_share": (close_S * cash_S)[at],
            "bonus_per_share": bonus_S[at],
            "printed": path.prev_close_TS[t][at],
        }
        parts.append(pl.DataFrame(columns).with_columns(session=pl.lit(tape.sessions[t])))
    return pl.concat(parts).with_columns(rights_per_share=pl.lit(0.0), rights_price=pl.lit(0.0))


@pytest.mark.parametrize(
    ("spec", "seen"), [(DEFAULT, ("cash_per_share", "bonus_per_share", "both")), (CHEAP, ("cash_per_share", "merged"))]
)
def test_a_reference_price_is_that_of_the_exchange_to_the_tick(
    spec: SyntheticMarketSpec, seen: tuple[str, ...]
) -> None:
    rows = reference_prices(printed(_made(spec)))
    cash, bonus = pl.col("cash_per_share") > 0, pl.col("bonus_per_share") > 0
    merged = pl.col("bonus_per_share") == MERGED
    kinds = rows.select(cash.sum(), bonus.sum(), both=(cash & bonus).sum(), merged=merged.sum()).row(0, named=True)
    assert min(kinds[name] for name in seen) > 20, kinds
    ticks = (pl.col("reference_price") / _made(spec).tape.path.tick).round()
    assert rows.filter(ticks.ne_missing(pl.col("printed"))).is_empty()
