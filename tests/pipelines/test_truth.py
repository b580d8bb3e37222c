"""The truth is a table of embedded markets alone, and nothing that is known or trained can read it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
import dataframely as dy
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.sources.synthetic_market import TREND, SyntheticMarketSpec
from assets.table import table
from expectations.tables import Keyed, Table
from expectations.truth import ExpectedReturns, expected_returns
from pipelines.catalogue import build_catalogue, open_catalogue
from pipelines.catch_up import run
from pipelines.graph import Graph
from pipelines.jobs import REFRESH, make_jobs
from pipelines.lineage import Edge, Lineage, Node
from pipelines.reach import Every
from pipelines.truth import add_truth
from pipelines.warehouse import Warehouse

KEY = ExpectedReturns.asset_key
SPEC = SyntheticMarketSpec(securities=12, sessions=60)
SPECS = (
    SPEC,
    SPEC.model_copy(update={"world": "null_realistic"}),
    SPEC.model_copy(update={"world": "null_exchangeable"}),
    SPEC.model_copy(update={"components": (TREND.model_copy(update={"name": "mine"}),)}),
)
FIXED = ["session", "security_id", "horizon", "total", "noise_scale"]


@dataclass
class World:
    """The graph of a market that holds nothing but its truth."""

    graph: Graph
    definitions: dg.Definitions

    @property
    def schemes(self) -> dict[str, str | None]:
        return self.graph.schemes


def world(root: Path, spec: SyntheticMarketSpec = SPEC) -> World:
    schemas: dict[str, type[Table]] = {}
    graph = Graph(Warehouse(str(root), schemas), spec.first_session(), spec.last_session(), schemas)
    add_truth(graph, spec)
    jobs, resources = make_jobs(graph.schemes), {"io_manager": graph.warehouse}
    return World(graph, dg.Definitions(graph.assets, jobs=jobs, resources=resources, executor=dg.in_process_executor))


def declare(key: str, reads: type[Table]) -> Callable[..., Any]:
    """A table of one column, declared as a file of a stage would declare it."""

    class Made(Keyed):
        asset_key: ClassVar[str] = key

    def made(known: pl.LazyFrame) -> pl.LazyFrame:
        return known.select("session", "security_id")

    made.__annotations__ = {"known": dy.LazyFrame[reads], "return": dy.LazyFrame[Made]}
    return table()(made)


@pytest.mark.parametrize("key", ["features/leaky", "targets/leaky", "cleaning/leaky"])
@pytest.mark.parametrize("truth", [ExpectedReturns, expected_returns(SPEC.truth_parts())], ids=["fixed", "with parts"])
def test_a_table_that_reads_the_truth_is_refused_where_it_is_declared(key: str, truth: type[Table]) -> None:
    with pytest.raises(ValueError, match=r"made: 'known' reads truth/expected_returns.*truth and evaluation may read"):
        declare(key, truth)
    assert declare(key, Keyed)


@pytest.mark.parametrize("key", ["features/x", "cleaning/x", "targets/x", "experiments/x/forecasts", "gate/x", "raw/x"])
def test_an_asset_of_another_stage_may_not_read_the_truth_either(key: str) -> None:
    lineage = Lineage()
    lineage.add(Node(KEY, "v", (None,)))
    with pytest.raises(ValueError, match=rf"{key} reads \['truth/expected_returns'\].*no model may know"):
        lineage.add(Node(key, "v", (None,), (Edge(KEY, Every()),)))
    assert key not in lineage.nodes


def test_what_was_made_of_the_truth_is_kept_away_like_the_truth() -> None:
    lineage = Lineage()
    lineage.add(Node(KEY, "v", (None,)))
    lineage.add(Node("evaluation/recovery", "v", (None,), (Edge(KEY, Every()),)))
    lineage.add(Node("evaluation/summary", "v", (None,), (Edge("evaluation/recovery", Every()),)))
    with pytest.raises(ValueError, match=r"reads \['evaluation/summary'\]"):
        lineage.add(Node("features/x", "v", (None,), (Edge("evaluation/summary", Every()),)))


@pytest.mark.parametrize("spec", SPECS, ids=["signal", "null_realistic", "null_exchangeable", "own components"])
def test_the_declared_columns_are_those_of_the_truth_and_the_parts_add_up_to_the_total(
    spec: SyntheticMarketSpec,
) -> None:
    parts, told = list(spec.truth_parts()), spec.truth()
    schema = expected_returns(spec.truth_parts())
    assert schema.column_names() == [*FIXED, *parts]
    assert sorted(told.columns) == sorted(schema.column_names())
    assert schema.validate(told, cast=True).height == told.height > 0
    logs = np.log1p(told.select(parts).cast(pl.Float64).to_numpy()).sum(axis=1)
    assert np.allclose(logs, np.log1p(told["total"].to_numpy()), atol=1e-6)


def test_only_a_market_that_knows_its_law_has_a_truth(tmp_path: Path) -> None:
    graph = world(tmp_path).graph
    assert list(graph.lineage.nodes) == [KEY]
    elsewhere = Graph(graph.warehouse, graph.first, graph.last, {})
    add_truth(elsewhere, object())  # type: ignore[arg-type]
    assert not elsewhere.lineage.nodes


def test_the_truth_is_stored_by_month_and_asked_in_the_catalogue(tmp_path: Path) -> None:
    small = world(tmp_path)
    months = tuple(small.graph.month_keys)
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(small, instance, (REFRESH, months, (KEY,))).failures == ()
        assert not any(small.graph.versions(instance).is_stale(KEY, month) for month in months)
        other = world(tmp_path, SPEC.model_copy(update={"seed": 1}))
        assert all(other.graph.versions(instance).is_stale(KEY, month) for month in months)
    build_catalogue(str(tmp_path), small.graph.schemas)
    with open_catalogue(str(tmp_path)) as connection:
        found = connection.sql("from truth.expected_returns order by session, security_id, horizon").pl()
    wanted = SPEC.truth().sort("session", "security_id", "horizon").select(found.columns)
    assert_frame_equal(found, wanted)
    assert len(list((tmp_path / "truth" / "expected_returns").glob("2*.parquet"))) == len(months)
