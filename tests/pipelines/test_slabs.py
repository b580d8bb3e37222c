"""Slabs: a range made in pieces is the range made at once, to the bit, and no piece is larger than asked."""

from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

import dagster as dg
import dataframely as dy
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.table import table
from expectations.tables import Table
from pipelines import graph as graph_module
from pipelines.catch_up import run
from pipelines.graph import Graph
from pipelines.jobs import REFRESH, make_jobs
from pipelines.lineage import Stamp, read_stamps
from pipelines.slabs import slabs
from pipelines.warehouse import Warehouse, content_hash

FIRST, LAST = date(2015, 1, 1), date(2015, 12, 31)
LOOK_BACK = 20


class Numbers(Table):
    asset_key: ClassVar[str] = "raw/numbers"
    session = dy.Date(primary_key=True)
    value = dy.Float64()


class Trailing(Table):
    asset_key: ClassVar[str] = "features/trailing"
    session = dy.Date(primary_key=True)
    mean_21d = dy.Float64(nullable=True)


class Latest(Table):
    asset_key: ClassVar[str] = "targets/latest"
    session = dy.Date(primary_key=True)
    rule = dy.String()
    sum_after = dy.Float64()


def trailing(numbers: dy.LazyFrame[Numbers]) -> dy.LazyFrame[Trailing]:
    values = numbers.sort("session").collect()
    lags = [values["value"].shift(lag).to_numpy() for lag in range(LOOK_BACK, -1, -1)]
    total = np.zeros(values.height)
    for lag in lags:
        total = total + lag
    made = pl.DataFrame({"session": values["session"], "mean_21d": total / (LOOK_BACK + 1)})
    calls.append(values.height)
    return Trailing.cast(made.with_columns(pl.col("mean_21d").fill_nan(None)).lazy())


@table(sees_later=("numbers",))
def latest(numbers: dy.LazyFrame[Numbers]) -> dy.LazyFrame[Latest]:
    after = pl.col("value").reverse().cum_sum().reverse()
    odd = pl.when(pl.col("session").dt.day() % 2 == 1).then(pl.lit("odd")).otherwise(pl.lit("even"))
    return Latest.cast(numbers.sort("session").select("session", rule=odd, sum_after=after))


calls: list[int] = []


class River:
    """One source of a row a day, a trailing table and one that looks ahead."""

    def __init__(self, root: Path, look_back: int = LOOK_BACK) -> None:
        schemas: dict[str, type[Table]] = {}
        self.graph = Graph(Warehouse(str(root), schemas), FIRST, LAST, schemas)
        self.graph.add_months(Numbers, self.read, description="", modules=["pipelines.reach"], inputs={})
        for function in (table(look_back={"numbers": look_back})(trailing), latest):
            self.graph.add_table(function.table)  # type: ignore[attr-defined]
        self.definitions = dg.Definitions(
            assets=self.graph.assets,
            jobs=make_jobs(self.graph.schemes),
            resources={"io_manager": self.graph.warehouse},
            executor=dg.in_process_executor,
        )

    @property
    def schemes(self) -> dict[str, str | None]:
        return self.graph.schemes

    def flow(self, instance: dg.DagsterInstance) -> None:
        months, keys = tuple(self.graph.month_keys), tuple(self.graph.lineage.nodes)
        assert run(self, instance, (REFRESH, months, keys)).failures == ()

    def read(self, context: dg.AssetExecutionContext, first: date, end: date) -> pl.DataFrame:
        days = pl.date_range(first, end - timedelta(days=1), eager=True).alias("session")
        seconds = days.cast(pl.Int32).to_numpy()
        return pl.DataFrame({"session": days, "value": np.sin(seconds * 12.9898) * 43758.5453 % 1})


@pytest.fixture(autouse=True)
def _code_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    calls.clear()
    # The functions of this test stand in no module of the project.
    monkeypatch.setattr(graph_module, "code_version", lambda *modules: " ".join(modules))


def made(folder: Path, look_back: int = LOOK_BACK) -> tuple[River, dict[str, dict[str | None, Stamp]]]:
    river = River(folder / "warehouse", look_back)
    with dg.DagsterInstance.ephemeral() as instance:
        river.flow(instance)
        return river, {key: read_stamps(instance, key) for key in (Trailing.asset_key, Latest.asset_key)}


@given(st.integers(1, 400), st.integers(0, 10**7), st.integers(1, 200), st.integers(1, 10**8))
def test_pieces_hold_every_month_once_and_in_order(many: int, rows: int, columns: int, cells: int) -> None:
    months = [f"{2000 + month // 12}-{month % 12 + 1:02d}" for month in range(many)]
    pieces = slabs(months, rows, columns, cells)
    assert [month for piece in pieces for month in piece] == months
    assert all(pieces)
    longest = max(len(piece) for piece in pieces)
    assert longest == 1 or (longest - 1) * rows * columns <= cells * many


def test_what_fits_is_one_piece() -> None:
    assert slabs(["2015-01", "2015-02"], 100, 10, 1000) == [["2015-01", "2015-02"]]
    assert slabs(["2015-01", "2015-02"], 101, 10, 1000) == [["2015-01"], ["2015-02"]]


def test_pieces_give_what_one_run_gives_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, stamps = made(tmp_path / "whole")
    assert len(calls) == 1
    monkeypatch.setattr(graph_module, "slabs", lambda months, rows, columns: slabs(months, rows, columns, 200))
    pieces, again = made(tmp_path / "pieces")
    assert len(calls) == 1 + 4
    assert max(calls[1:]) < calls[0] / 2
    assert stamps == again
    for key in (Trailing.asset_key, Latest.asset_key):
        one, other = (river.graph.warehouse.read(key).collect() for river in (whole, pieces))
        assert one.height == whole.graph.warehouse.read("raw/numbers").collect().height
        assert content_hash(one) == content_hash(other), key


def test_a_look_back_that_is_declared_too_short_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, stamps = made(tmp_path / "whole")
    monkeypatch.setattr(graph_module, "slabs", lambda months, rows, columns: slabs(months, rows, columns, 200))
    _, again = made(tmp_path / "pieces", look_back=0)
    contents = [{part: stamp.content for part, stamp in found[Trailing.asset_key].items()} for found in (stamps, again)]
    assert sum(contents[0][part] != contents[1][part] for part in contents[0]) >= 2


def test_rows_of_each_rule_are_counted_over_all_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "slabs", lambda months, rows, columns: slabs(months, rows, columns, 200))
    river = River(tmp_path / "warehouse")
    with dg.DagsterInstance.ephemeral() as instance:
        river.flow(instance)
        event = instance.get_latest_materialization_event(dg.AssetKey(Latest.asset_key.split("/")))
    assert event is not None
    assert event.asset_materialization is not None
    told = event.asset_materialization.metadata
    found = river.graph.warehouse.read(Latest.asset_key).collect()
    assert told["rows of rule odd"].value == found.filter(pl.col("rule") == "odd").height
    assert told["rows of rule even"].value == found.filter(pl.col("rule") == "even").height
