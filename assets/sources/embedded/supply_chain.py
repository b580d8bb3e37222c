"""Market supply chain: who supplies whom, since when that is known, and what customers' returns tell of suppliers."""
# E edges, M months, S securities, T sessions

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time

import numpy as np
import polars as pl
from scipy import sparse

from assets.sources.embedded.bars import instants
from assets.sources.embedded.industries import month_starts
from assets.sources.embedded.listings import Listings
from assets.sources.embedded.streams import Floats, Places, Singles, Streams
from expectations.facts import RawSupplyChain

EDGES_OF_ONE = 3
"""Edges of a security at a time, about."""
LASTS_MONTHS = 24.0
"""Mean life of an edge."""
TOLD_AT = time(17, 30)


@dataclass(frozen=True)
class SupplyChain:
    """Edges from supplier to customer, [E]; each begins and ends on the first session of a month, known that evening.

    start_E, end_E   places in `starts_M`; an edge that outlives the market ends at M
    """

    starts_M: Places
    supplier_E: Places
    customer_E: Places
    weight_E: Floats
    start_E: Places
    end_E: Places

    def customers(self, values_TS: Singles) -> Singles:
        """Weighted sum of the customers' values in units of one customer's spread, [T, S]; 0 without a customer."""
        found_TS = np.zeros_like(values_TS)
        many = values_TS.shape[1]
        ends_M = np.append(self.starts_M[1:], len(values_TS))
        for m, (first, end) in enumerate(zip(self.starts_M, ends_M, strict=True)):
            held = (self.start_E <= m) & (m < self.end_E)
            edges = self.weight_E[held], (self.supplier_E[held], self.customer_E[held])
            weight_SS = sparse.csr_array(edges, shape=(many, many))
            length_S = np.sqrt(np.asarray(weight_SS.multiply(weight_SS).sum(axis=1)).ravel())
            told_ST = weight_SS @ values_TS[first:end].T.astype(np.float64)
            found_TS[first:end] = (told_ST / np.where(length_S > 0, length_S, 1.0)[:, None]).T
        return found_TS

    def table(self, sessions: Sequence[date], listings: Listings) -> pl.DataFrame:
        """Rows of RawSupplyChain: one where an edge becomes known, one where it is known to have ended."""
        ended = np.nonzero(self.end_E < len(self.starts_M))[0]
        rows = np.concatenate([np.arange(len(self.start_E)), ended])
        at = self.starts_M[np.concatenate([self.start_E, self.end_E[ended]])]
        tickers = pl.Series(listings.securities, dtype=pl.String)
        return (
            pl.DataFrame(
                {
                    "known_on": pl.Series(sessions, dtype=pl.Date).gather(at),
                    "available_at": instants(sessions, TOLD_AT).gather(at),
                    "delivery": pl.Series(["synthetic_market"]).new_from_index(0, len(at)),
                    "supplier_id": tickers.gather(self.supplier_E[rows]),
                    "customer_id": tickers.gather(self.customer_E[rows]),
                    "weight": self.weight_E[rows],
                    "holds": np.arange(len(rows)) < len(self.start_E),
                }
            )
            .select(RawSupplyChain.column_names())
            .sort("known_on", "holds", "supplier_id", "customer_id")
        )


def draw_supply_chain(streams: Streams, sessions: Sequence[date], listings: Listings) -> SupplyChain:
    """Edges over the life of the market; both ends are listed while one holds, and no edge is there twice at once."""
    rng = streams.fixed("supply_chain")
    starts_M = month_starts(sessions)
    months, securities = len(starts_M), len(listings.securities)
    many = int(EDGES_OF_ONE * securities * (1 + months / LASTS_MONTHS))
    supplier_E, customer_E = rng.integers(0, securities, (2, many))
    weight_E = np.round(rng.uniform(0.05, 0.4, many), 3)
    begun_E = rng.random(many) < 1 / (1 + months / LASTS_MONTHS)
    start_E = np.where(begun_E, 0, rng.integers(0, months, many))
    end_E = start_E + 1 + rng.exponential(LASTS_MONTHS, many).astype(int)
    first_S = np.searchsorted(starts_M, listings.first_S)
    gone_S = np.searchsorted(starts_M, listings.end_S, side="right") - 1
    gone_S = np.where(listings.end_S >= len(sessions), months, gone_S)
    start_E = np.maximum(start_E, np.maximum(first_S[supplier_E], first_S[customer_E]))
    end_E = np.minimum(end_E, np.minimum(gone_S[supplier_E], gone_S[customer_E])).clip(max=months)
    pair_E = supplier_E * securities + customer_E
    _, first_of_pair = np.unique(pair_E, return_index=True)
    kept = np.zeros(many, bool)
    kept[first_of_pair] = True
    kept &= (supplier_E != customer_E) & (start_E < end_E)
    return SupplyChain(starts_M, supplier_E[kept], customer_E[kept], weight_E[kept], start_E[kept], end_E[kept])
