"""Staleness: exactly what a change touches is made again, read from the run log."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

import dagster as dg
import dataframely as dy
import polars as pl
import pytest

from expectations.tables import Table
from pipelines.catch_up import bring_up_to_date
from pipelines.graph import Graph
from pipelines.jobs import make_jobs
from pipelines.lineage import Versions
from pipelines.reach import Every, FoldMonths, Months, month_start
from pipelines.run_log import quicken
from pipelines.warehouse import Warehouse

FIRST, LAST = date(2006, 1, 1), date(2016, 12, 30)
MONTHS = 132


class Raw(Table):
    asset_key: ClassVar[str] = "raw/numbers"
    session = dy.Date(primary_key=True)
    value = dy.Float64()


class Positive(Raw):
    asset_key: ClassVar[str] = "cleaning/positive"


class Window(Raw):
    asset_key: ClassVar[str] = "features/window"


class Forecast(Table):
    asset_key: ClassVar[str] = "experiments/toy/forecasts"
    fold = dy.String(primary_key=True)
    value = dy.Float64()


class Total(Table):
    asset_key: ClassVar[str] = "evaluation/total"
    value = dy.Float64()


@dataclass
class Toy:
    """A river of five assets over 132 months and two folds, each of which reads more than a hundred of them."""

    root: Path
    changed: dict[str, float] = field(default_factory=dict)
    graph: Graph = field(init=False)
    definitions: dg.Definitions = field(init=False)

    def __post_init__(self) -> None:
        schemas: dict[str, type[Table]] = {}
        self.graph = graph = Graph(Warehouse(str(self.root / "w"), schemas), FIRST, LAST, schemas)
        add = graph.add_months
        add(
            Raw, self.read, description="", modules=["pipelines.reach"], inputs={},
            origin=lambda keys: {key: str(self.changed.get(str(key), 0.0)) for key in keys},
        )  # fmt: skip
        add(
            Positive, lambda context, first, end, raw: raw.with_columns(pl.col("value").abs()).collect(),
            description="", modules=["pipelines.reach"], inputs={"raw": (Raw.asset_key, Months())},
        )  # fmt: skip
        add(
            Window, lambda context, first, end, positive: positive.collect(),
            description="", modules=["pipelines.reach"], inputs={"positive": (Positive.asset_key, Months(back=2))},
        )  # fmt: skip
        folds = dg.TimeWindowPartitionsDefinition(
            cron_schedule="0 0 1 1,7 *", fmt="%Y-%m-%d", start="2016-01-01", end="2017-01-01"
        )
        graph.add(
            Forecast, self.forecast, description="", modules=["pipelines.reach"], partitions=folds,
            inputs={"window": (Window.asset_key, FoldMonths(6, 18), True)},
            keys=("2016-01-01", "2016-07-01"), scheme="toy",
        )  # fmt: skip
        graph.add(
            Total, lambda context, forecasts: forecasts.select(pl.col("value").sum()).collect(), description="",
            modules=["pipelines.reach"], inputs={"forecasts": (Forecast.asset_key, Every(), True)},
        )  # fmt: skip
        self.definitions = dg.Definitions(
            assets=graph.assets, jobs=make_jobs(graph.schemes), resources={"io_manager": graph.warehouse},
            executor=dg.in_process_executor,
        )  # fmt: skip

    @property
    def schemes(self) -> dict[str, str | None]:
        return self.graph.schemes

    def read(self, context: dg.AssetExecutionContext, first: date, end: date) -> pl.DataFrame:
        days = pl.date_range(first, end - timedelta(days=1), eager=True).alias("session")
        month = days.dt.strftime("%Y-%m")
        extra = month.replace_strict(self.changed, default=0.0, return_dtype=pl.Float64)
        return pl.DataFrame({"session": days, "value": days.dt.day().cast(pl.Float64) + extra})

    def forecast(self, context: dg.AssetExecutionContext, window: pl.LazyFrame) -> pl.DataFrame:
        return window.select(fold=pl.lit(context.partition_key), value=pl.col("value").sum()).collect()

    def recode(self, key: str) -> None:
        """As if the module of an asset had been edited: what Dagster and the lineage see of it changes."""
        node = self.graph.lineage.nodes[key]
        self.graph.lineage.nodes[key] = replace(node, code_version=node.code_version + "'")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    quicken()
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance:
        yield instance


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance) -> Toy:
    toy = Toy(tmp_path_factory.mktemp("toy"))
    assert bring_up_to_date(toy, instance) == (6, 0)
    return toy


def made(toy: Toy, instance: dg.DagsterInstance, before: int) -> dict[str, set[str | None]]:
    """What the run log says was materialised after an event."""
    found: dict[str, set[str | None]] = {}
    for key in toy.graph.lineage.nodes:
        query = dg.AssetRecordsFilter(asset_key=dg.AssetKey(key.split("/")), after_storage_id=before)
        for record in instance.fetch_materializations(query, limit=1000).records:
            found.setdefault(key, set()).add(record.partition_key)
    return found


def now(instance: dg.DagsterInstance) -> int:
    return instance.event_log_storage.get_maximum_record_id() or 0


def test_a_second_time_launches_nothing(toy: Toy, instance: dg.DagsterInstance) -> None:
    before = now(instance)
    assert bring_up_to_date(toy, instance) == (0, 0)
    assert made(toy, instance, before) == {}


def test_a_fold_reads_more_than_a_hundred_months(toy: Toy) -> None:
    assert len(toy.graph.lineage.upstream(Forecast.asset_key, "2016-07-01")) > 100


def test_one_month_of_bars_touches_exactly_its_descendants(toy: Toy, instance: dg.DagsterInstance) -> None:
    toy.changed["2006-09"] = 1.0
    before = now(instance)
    assert bring_up_to_date(toy, instance)[1] == 0
    # the content of the window's two later months does not change, but what they were made from does
    assert made(toy, instance, before) == {
        Raw.asset_key: {"2006-09"},
        Positive.asset_key: {"2006-09"},
        Window.asset_key: {"2006-09", "2006-10", "2006-11"},
    }
    toy.changed["2007-03"] = 1.0
    before = now(instance)
    bring_up_to_date(toy, instance)
    assert made(toy, instance, before)[Forecast.asset_key] == {"2016-01-01"}
    assert made(toy, instance, before)[Total.asset_key] == {None}


def test_the_same_content_stops_the_change(toy: Toy, instance: dg.DagsterInstance) -> None:
    before = now(instance)
    toy.recode(Positive.asset_key)
    bring_up_to_date(toy, instance)
    found = made(toy, instance, before)
    assert set(found) == {Positive.asset_key}
    assert len(found[Positive.asset_key]) == MONTHS


def test_touching_code_makes_the_asset_again_and_what_its_new_content_changes(
    toy: Toy, instance: dg.DagsterInstance
) -> None:
    before = now(instance)
    toy.recode(Forecast.asset_key)
    bring_up_to_date(toy, instance)
    assert made(toy, instance, before) == {Forecast.asset_key: {"2016-01-01", "2016-07-01"}}


def test_lost_data_is_made_again(toy: Toy, instance: dg.DagsterInstance) -> None:
    (toy.root / "w" / "cleaning" / "positive" / "2010-05.parquet").unlink()
    before = now(instance)
    bring_up_to_date(toy, instance)
    assert made(toy, instance, before) == {Positive.asset_key: {"2010-05"}}


def test_a_failed_partition_is_asked_for_once_a_difference_and_again_with_a_lost_cursor(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    toy = Toy(tmp_path)
    toy.read = None  # type: ignore[method-assign,assignment]
    toy.__post_init__()
    (tmp_path / "d").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "d")) as own:
        assert bring_up_to_date(toy, own)[1] == 1
        first = dg.evaluate_automation_conditions(toy.definitions, own)
        assert first.get_num_requested(dg.AssetKey(["raw", "numbers"])) == MONTHS
        again = dg.evaluate_automation_conditions(toy.definitions, own, cursor=first.cursor)
        assert again.total_requested == 0


def test_what_reads_something_stale_waits(toy: Toy, instance: dg.DagsterInstance) -> None:
    toy.recode(Raw.asset_key)
    assert Versions(toy.graph.lineage, instance, toy.graph.warehouse.stored).is_stale(Total.asset_key, None)
    asked = dg.evaluate_automation_conditions(toy.definitions, instance)
    assert asked.get_num_requested(dg.AssetKey(["raw", "numbers"])) == MONTHS
    assert asked.total_requested == MONTHS


def test_month_keys_start_their_months() -> None:
    assert month_start("2016-07") == date(2016, 7, 1)
