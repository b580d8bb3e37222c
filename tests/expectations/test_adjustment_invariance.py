import polars as pl
import pytest

from expectations.adjustment_invariance import ADJUSTMENT_INVARIANCE, adjustment_invariance, relevelled
from expectations.decisions import decisions
from expectations.table_by_table import Step
from pipelines.replay import stored_in

ADJUSTED = pl.col("close") * pl.col("adj_factor")
VOLUME = pl.col("volume") / pl.col("adj_factor")
FORMULAE = {
    "return": (ADJUSTED / ADJUSTED.shift(1) - 1).over("security_id"),
    "traded": pl.col("close") / pl.col("high"),
    "adjusted_volume": (VOLUME / VOLUME.shift(1)).over("security_id"),
}
LEAKS = {
    "level": ADJUSTED.log(),
    "cheap": (ADJUSTED < 12).cast(pl.Float64),
    "traded_price_times_adjusted_volume": pl.col("close") * pl.col("volume") / pl.col("adj_factor"),
    "rank_of_the_level": ADJUSTED.rank().over("session"),
}


@pytest.fixture
def found(raw):
    """Evidence on a table of the bars with some columns."""

    def run(**columns):
        def make(bars):
            in_order = bars.collect().sort("security_id", "session")
            return in_order.select("session", "security_id", **columns).sort("session", "security_id")

        step = Step("features/planted", make, {"bars": "cleaning/bars"}, {"bars": 300})
        sessions = raw["session"].unique().sort().to_list()
        stored = stored_in({"cleaning/bars": raw, "features/planted": make(raw.lazy())})
        return adjustment_invariance([step], stored, sessions, decisions(sessions, 3), 0)

    return run


def test_what_depends_on_returns_and_on_the_bar_alone_stays(found):
    evidence = found(**FORMULAE)
    assert evidence.schema == ADJUSTMENT_INVARIANCE
    assert evidence["passed"].all()
    assert evidence["rows_compared"].min() > 100


@pytest.mark.parametrize("name", LEAKS)
def test_what_knows_the_level_is_found_and_named(found, name):
    evidence = found(**FORMULAE, leak=LEAKS[name])
    assert set(evidence.filter(~pl.col("passed"))["column"]) == {"leak"}
    assert evidence.filter(column="leak")["first_example"].str.contains("sz0000").all()


def test_the_level_of_most_securities_is_another_one(raw):
    moved = relevelled(raw.lazy(), 0).collect()
    ratio = (moved["adj_factor"] / raw["adj_factor"]).rename("ratio")
    by_name = raw.with_columns(ratio).group_by("security_id").agg(pl.col("ratio").unique())
    assert by_name["ratio"].list.len().to_list() == [1] * 12
    assert by_name["ratio"].list.first().n_unique() > 3
