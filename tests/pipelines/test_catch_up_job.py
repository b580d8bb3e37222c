"""The catch-up job: what is stale is made in one run, when nothing else is at work, and it gives way to a refresh."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

import dagster as dg
import dataframely as dy
import polars as pl
import pytest
from dagster._core.test_utils import create_run_for_test

from expectations.tables import Table
from pipelines.catch_up_job import ASKED, LEFT, catch_up_job, catch_up_sensor, ready
from pipelines.graph import Graph
from pipelines.jobs import CATCH_UP, REFRESH, make_jobs
from pipelines.left_over import HELD_BY
from pipelines.reach import Every
from pipelines.warehouse import Warehouse

FIRST, LAST = date(2016, 1, 1), date(2016, 3, 31)


class Raw(Table):
    asset_key: ClassVar[str] = "raw/numbers"
    session = dy.Date(primary_key=True)


class Count(Table):
    asset_key: ClassVar[str] = "evaluation/count"
    sessions = dy.Int64()


class Page(Table):
    asset_key: ClassVar[str] = "evaluation/page"
    sessions = dy.Int64()


@dataclass
class Toy:
    """Three months of days, their count, and a page of it that fails where it is told to."""

    root: Path
    delivered: str = "first"
    fails: bool = False
    meanwhile: list[dg.DagsterInstance] = field(default_factory=list)

    def __post_init__(self) -> None:
        schemas: dict[str, type[Table]] = {}
        self.graph = graph = Graph(Warehouse(str(self.root / "w"), schemas), FIRST, LAST, schemas)
        graph.add_months(
            Raw, self.read, description="", modules=["pipelines.reach"], inputs={},
            origin=lambda keys: {key: self.delivered if key == "2016-03" else "" for key in keys},
        )  # fmt: skip
        graph.add(
            Count, lambda context, raw: raw.select(sessions=pl.len().cast(pl.Int64)).collect(), description="",
            modules=["pipelines.reach"], inputs={"raw": (Raw.asset_key, Every(), True)},
        )  # fmt: skip
        graph.add(
            Page, self.page, description="", modules=["pipelines.reach"],
            inputs={"count": (Count.asset_key, Every(), True)},
        )  # fmt: skip
        self.definitions = dg.Definitions(
            assets=graph.assets, jobs=[*make_jobs(graph.schemes), catch_up_job(lambda: self)],
            resources={"io_manager": graph.warehouse}, executor=dg.in_process_executor,
        )  # fmt: skip
        self.schemes = graph.schemes

    def read(self, context: dg.AssetExecutionContext, first: date, end: date) -> pl.DataFrame:
        if self.meanwhile:
            create_run_for_test(self.meanwhile[0], job_name=REFRESH, status=dg.DagsterRunStatus.NOT_STARTED)
        less = 1 if self.delivered == "first" else 0
        return pl.DataFrame({"session": pl.date_range(first, end - timedelta(days=1 + less), eager=True)})

    def page(self, context: dg.AssetExecutionContext, count: pl.LazyFrame) -> pl.DataFrame:
        if self.fails:
            raise ValueError("no page")
        return count.collect()

    def catch_up(self, instance: dg.DagsterInstance, tags: dict[str, str] | None = None) -> dg.DagsterRun:
        """The run of the job, as it is in the log afterwards."""
        done = self.definitions.resolve_job_def(CATCH_UP).execute_in_process(instance=instance, tags=tags)
        found = instance.get_run_by_id(done.run_id)
        assert found is not None
        return found


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "d").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "d")) as instance:
        yield instance


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


def look(toy: Toy, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    return catch_up_sensor(toy.graph)(dg.build_sensor_context(cursor=cursor, instance=instance))


def said(result: dg.SensorResult) -> str:
    assert not result.run_requests
    return str(result.skip_reason.skip_message)


def test_all_is_made_in_runs_that_the_one_holds_and_then_nothing_is_asked_for(toy: Toy, instance):
    run = toy.catch_up(instance)
    assert run.status is dg.DagsterRunStatus.SUCCESS
    held = instance.get_runs(dg.RunsFilter(tags={HELD_BY: run.run_id}))
    assert len(held) == len(instance.get_runs()) - 1 > 1
    assert toy.graph.warehouse.read(Page.asset_key).collect().item() == 31 + 29 + 30
    assert ready(toy.graph, instance) == {}
    assert said(look(toy, instance)) == "everything is up to date"


def test_what_is_stale_is_asked_for_at_the_second_look_and_with_it_what_hangs_on_it(toy: Toy, instance):
    toy.catch_up(instance)
    toy.delivered = "second"
    first = look(toy, instance)
    assert said(first).startswith("1 partitions are stale, the first raw/numbers 2016-03; asked for if it is so at")
    (request,) = look(toy, instance, first.cursor).run_requests
    toy.catch_up(instance, dict(request.tags))
    assert toy.graph.warehouse.read(Page.asset_key).collect().item() == 31 + 29 + 31
    assert said(look(toy, instance, first.cursor)) == "everything is up to date"


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.NOT_STARTED])
def test_it_waits_until_no_other_run_is_at_work(toy: Toy, instance, status):
    cursor = look(toy, instance).cursor
    create_run_for_test(instance, job_name=REFRESH, status=status)
    assert said(look(toy, instance, cursor)) == "other runs are at work"


def test_what_fails_is_told_and_not_tried_again_before_something_has_changed(toy: Toy, instance):
    toy.fails = True
    run = toy.catch_up(instance)
    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], tags={HELD_BY: run.run_id}))
    left = look(toy, instance, run.tags[LEFT])
    assert said(left).endswith(f"{Page.asset_key} None; run {run.run_id} could not make them")
    toy.delivered = "second"
    changed = look(toy, instance)
    (request,) = look(toy, instance, changed.cursor).run_requests
    toy.fails = False
    toy.catch_up(instance, dict(request.tags))
    assert said(look(toy, instance)) == "everything is up to date"


def test_what_is_back_as_it_was_is_made_again(toy: Toy, instance):
    toy.catch_up(instance)
    for delivered, days in (("second", 31), ("first", 30), ("second", 31)):
        toy.delivered = delivered
        (request,) = look(toy, instance, look(toy, instance).cursor).run_requests
        toy.catch_up(instance, dict(request.tags))
        assert toy.graph.warehouse.read(Page.asset_key).collect().item() == 31 + 29 + days


def test_it_gives_way_to_a_refresh_and_goes_on_after_it(toy: Toy, instance):
    toy.meanwhile.append(instance)
    run = toy.catch_up(instance)
    assert LEFT not in run.tags
    assert list(ready(toy.graph, instance)) == [Count.asset_key]
    toy.meanwhile.clear()
    (waiting,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.NOT_STARTED]))
    instance.report_run_failed(waiting)
    assert look(toy, instance, look(toy, instance).cursor).run_requests


def test_a_run_that_was_broken_off_with_nothing_made_is_not_asked_for_again(toy: Toy, instance):
    cursor = look(toy, instance).cursor
    tags = {ASKED: str(cursor)}
    run = create_run_for_test(instance, job_name=CATCH_UP, status=dg.DagsterRunStatus.FAILURE, tags=tags)
    assert said(look(toy, instance, cursor)).endswith(f"run {run.run_id} could not make them")


def test_runs_that_a_killed_one_held_are_ended(toy: Toy, instance):
    left = create_run_for_test(instance, job_name=REFRESH, status=dg.DagsterRunStatus.STARTED, tags={HELD_BY: "gone"})
    run = toy.catch_up(instance)
    found = instance.get_run_by_id(left.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.FAILURE
    assert LEFT in run.tags
