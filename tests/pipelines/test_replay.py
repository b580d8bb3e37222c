import polars as pl
import pytest

from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import declarations
from expectations.facts import RAW_FACTS
from pipelines.declared import STAGES, in_order, modules_of
from pipelines.replay import another_future, of_facts, read_by

TABLES = in_order(declarations(*modules_of(STAGES)))


@pytest.fixture(scope="module")
def raw() -> dict[str, pl.DataFrame]:
    spec = SyntheticMarketSpec(seed=7, securities=12, sessions=420)
    return {table.asset_key: spec.read(table, spec.first_session(), spec.last_session()) for table in spec.offers()}


def test_a_table_is_read_with_all_that_it_reads_in_order():
    read = list(read_by(["features/price_volume"], TABLES))
    assert read[-1] == "features/price_volume"
    assert {"cleaning/bars", "cleaning/calendar"} < set(read)
    assert not any(key.startswith("targets/") for key in read)


def test_tables_of_facts_are_those_that_read_admitted_facts():
    found = of_facts(TABLES)
    assert {"features/supply_chain", "features/financials", "features/policy_events"} <= found
    of_bars = {"features/price_volume", "features/price_window", "features/correlation", "targets/forward_returns"}
    assert not found & (of_bars | {"cleaning/bars", "cleaning/universe", "cleaning/statements"})


@pytest.mark.slow
def test_every_table_passes_the_perturbation_of_the_future_where_a_source_has_bars_only(raw):
    bars = {"raw/bars": raw["raw/bars"]} | {table.asset_key: table.create_empty() for table in RAW_FACTS}
    evidence = another_future(TABLES, bars, 4)
    assert evidence.filter(~pl.col("passed")).is_empty()
    alive = evidence.filter(pl.col("alive").is_not_null()).group_by("table", "column").agg(pl.col("alive").any())
    assert alive.filter(~pl.col("alive")).is_empty()
    assert {"features/supply_chain", "features/correlation"} <= set(evidence["table"])
