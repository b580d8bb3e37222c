"""Truth assets: what the embedded market's law foretells, by month; a market from elsewhere has none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg
import polars as pl

from assets.sources import Source
from assets.sources.synthetic_market import SyntheticMarketSpec
from expectations.tables import RawBars
from expectations.truth import expected_returns
from pipelines.graph import Graph
from pipelines.reach import month_start


def add_truth(graph: Graph, source: Source) -> None:
    """Add truth/expected_returns where the source knows its own law."""
    if not isinstance(source, SyntheticMarketSpec):
        return
    schema = expected_returns(source.truth_parts())

    def origin(keys: Sequence[str | None]) -> dict[str | None, str]:
        months = [month_start(str(key)) for key in keys]
        found = source.digests(RawBars, months)
        return {key: found[month] for key, month in zip(keys, months, strict=True)}

    def read(context: dg.AssetExecutionContext, first: date, end: date) -> pl.DataFrame:
        return source.truth(first, end - timedelta(days=1))

    module = type(source).__module__
    graph.add_months(schema, read, description=schema.__doc__ or "", modules=[module], inputs={}, origin=origin)
