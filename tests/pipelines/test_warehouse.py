"""Warehouse: whole files or none, and one hash for one content."""

import multiprocessing
import os
import signal
import time
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from expectations.tables import Bars, Calendar
from pipelines.catalogue import build_catalogue, open_catalogue
from pipelines.warehouse import Warehouse, content_hash

SCHEMAS = {Calendar.asset_key: Calendar, Bars.asset_key: Bars}
ROWS = 20_000


def calendar(month: int, value: int) -> pl.DataFrame:
    first = date(2015, 1, 1) + timedelta(days=ROWS * month)
    return pl.DataFrame({"session": pl.date_range(first, first + timedelta(days=ROWS - 1), eager=True)}).with_columns(
        securities_traded=pl.lit(value, dtype=pl.UInt32)
    )


def write_often(root: str, month: int, times: int) -> None:
    warehouse = Warehouse(root, SCHEMAS)
    for value in range(times):
        warehouse.write(Calendar.asset_key, f"2015-{month + 1:02d}", calendar(month, value))


def write_for_ever(root: str) -> None:
    write_often(root, 0, 1_000_000)


def test_a_frame_comes_back_as_it_was_written(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path), SCHEMAS)
    frame = calendar(0, 3)
    assert warehouse.write(Calendar.asset_key, "2015-01", frame) == content_hash(frame)
    assert warehouse.read(Calendar.asset_key, ["2015-01"]).collect().equals(frame)
    assert warehouse.stored(Calendar.asset_key) == {"2015-01"}


def test_a_missing_partition_is_named(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path), SCHEMAS)
    warehouse.write(Calendar.asset_key, "2015-01", calendar(0, 3))
    with pytest.raises(FileNotFoundError, match=r"cleaning/calendar has no data for 2015-02; materialise"):
        warehouse.read(Calendar.asset_key, ["2015-01", "2015-02"])


def test_content_hash_follows_values_names_types_and_order_but_not_chunks() -> None:
    frame = calendar(0, 3)
    halves = pl.concat([frame.head(7), frame.slice(7)], rechunk=False)
    assert content_hash(halves) == content_hash(frame)
    assert content_hash(frame.rename({"securities_traded": "n"})) != content_hash(frame)
    assert content_hash(frame.cast({"securities_traded": pl.Int64})) != content_hash(frame)
    assert content_hash(frame.reverse()) != content_hash(frame)
    assert content_hash(calendar(0, 4)) != content_hash(frame)


def test_content_hash_sees_a_null_but_not_a_mask_that_masks_nothing() -> None:
    some = pl.DataFrame({"x": [1.0, 2.0, None], "t": ["a", "bc", None], "b": [True, False, None]})
    plain = pl.DataFrame({"x": [1.0, 2.0], "t": ["a", "bc"], "b": [True, False]})
    assert content_hash(some.head(2)) == content_hash(plain)
    assert content_hash(some.with_columns(pl.col("x").fill_null(0.0))) != content_hash(some)
    assert content_hash(plain.with_columns(t=pl.Series(["ab", "c"]))) != content_hash(plain)


def test_an_asset_without_data_reads_as_no_rows(tmp_path: Path) -> None:
    build_catalogue(str(tmp_path), SCHEMAS)
    assert Warehouse(str(tmp_path), SCHEMAS).read(Bars.asset_key).collect().height == 0
    with open_catalogue(str(tmp_path)) as connection:
        assert connection.sql("from cleaning.bars").fetchall() == []


def test_kill_9_during_a_write_leaves_old_or_new_data_never_half(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    for _ in range(3):
        writer = context.Process(target=write_for_ever, args=(str(tmp_path),))
        writer.start()
        while not (tmp_path / "cleaning" / "calendar" / "2015-01.parquet").exists():
            time.sleep(0.01)
        time.sleep(0.3)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        left = Warehouse(str(tmp_path), SCHEMAS).read(Calendar.asset_key).collect()
        assert left.height == ROWS
        assert left["securities_traded"].n_unique() == 1


def test_four_writers_and_a_reader_that_holds_the_catalogue_open_never_disturb_each_other(tmp_path: Path) -> None:
    root, writers, times = str(tmp_path), 4, 25
    for month in range(writers):
        write_often(root, month, 1)
    build_catalogue(root, SCHEMAS)
    context = multiprocessing.get_context("spawn")
    with open_catalogue(root) as connection:
        processes = [context.Process(target=write_often, args=(root, month, times)) for month in range(writers)]
        for process in processes:
            process.start()
        reads = 0
        while any(process.is_alive() for process in processes):
            rows, sessions = connection.sql(
                "select count(*), count(distinct session) from cleaning.calendar"
            ).fetchall()[0]
            assert (rows, sessions) == (writers * ROWS, writers * ROWS)
            reads += 1
        for process in processes:
            process.join()
            assert process.exitcode == 0
        assert reads > 5
        values = connection.sql("select distinct securities_traded from cleaning.calendar").fetchall()
    assert values == [(times - 1,)]
