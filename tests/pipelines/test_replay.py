import polars as pl
import pytest

from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import declarations
from expectations.facts import RAW_FACTS, RawNews
from expectations.leakage import decisions, future_perturbation
from pipelines.project import STAGES, in_order, modules_of
from pipelines.replay import compose, read_by, told_nothing

TABLES = in_order(declarations(*modules_of(STAGES)))
TARGETS = frozenset(key for key, table in TABLES.items() if table.sees_later)


@pytest.fixture(scope="module")
def raw() -> dict[str, pl.DataFrame]:
    spec = SyntheticMarketSpec(seed=7, securities=12, sessions=420)
    return {table.asset_key: spec.read(table, spec.first_session(), spec.last_session()) for table in spec.offers()}


def test_a_table_is_read_with_all_that_it_reads_in_order():
    read = list(read_by(["features/price_volume"], TABLES))
    assert read[-1] == "features/price_volume"
    assert {"cleaning/bars", "cleaning/calendar"} < set(read)
    assert not any(key.startswith("targets/") for key in read)


def test_only_a_table_that_reads_a_silent_source_is_told_nothing(raw):
    assert told_nothing(TABLES, raw) == frozenset()
    without_news = told_nothing(TABLES, {**raw, RawNews.asset_key: RawNews.create_empty()})
    assert "features/supply_chain" in without_news
    assert not without_news & {"cleaning/bars", "cleaning/statements", "features/price_volume", "features/correlation"}


def test_what_is_made_of_bars_alone_is_never_excused():
    features = {key for key in TABLES if key.startswith("features/")}
    excused = told_nothing(TABLES, {})
    assert {"features/price_volume", "features/price_window", "features/correlation"} <= features - excused
    assert not excused & (TARGETS | {"cleaning/bars", "cleaning/universe"})


@pytest.mark.slow
def test_every_table_passes_the_perturbation_of_the_future_where_a_source_has_bars_only(raw):
    bars = {"raw/bars": raw["raw/bars"]} | {table.asset_key: table.create_empty() for table in RAW_FACTS}
    instants = decisions(bars["raw/bars"]["session"].unique().to_list(), 2)
    evidence = future_perturbation(compose(TABLES), bars, instants, TARGETS, 0, told_nothing(TABLES, bars))
    assert evidence.filter(~pl.col("passed")).is_empty()
    assert evidence.filter(~pl.col("alive")).is_empty()
    assert {"features/supply_chain", "features/correlation"} <= set(evidence["table"])
