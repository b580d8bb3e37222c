"""Catalogue: any tool, any working directory, also after the warehouse was moved."""

import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from expectations.tables import Bars, Calendar
from pipelines.catalogue import build_catalogue, open_catalogue, view_name
from pipelines.warehouse import Warehouse

SCHEMAS = {Calendar.asset_key: Calendar, Bars.asset_key: Bars, "experiments/a/calendar": Calendar}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    warehouse = Warehouse(str(tmp_path / "w"), SCHEMAS)
    frame = pl.DataFrame({"session": [date(2015, 1, 5)], "securities_traded": pl.Series([3], dtype=pl.UInt32)})
    warehouse.write(Calendar.asset_key, "2015-01", frame)
    build_catalogue(str(tmp_path / "w"), SCHEMAS)
    return tmp_path / "w"


def test_an_asset_has_a_view_of_its_own_name(root: Path) -> None:
    assert view_name("experiments/a/calendar") == ("experiments", "a__calendar")
    with open_catalogue(str(root)) as connection:
        assert connection.sql("from cleaning.calendar").fetchall() == [(date(2015, 1, 5), 3)]
        assert connection.sql("from experiments.a__calendar").fetchall() == []


def test_a_query_from_another_working_directory_answers(root: Path, tmp_path: Path) -> None:
    file = str(root / "catalogue.duckdb")
    code = f"import duckdb; print(duckdb.connect({file!r}, read_only=True).sql('from cleaning.calendar').fetchall())"
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=True)
    assert "2015, 1, 5" in done.stdout


def test_a_moved_warehouse_answers(root: Path, tmp_path: Path) -> None:
    shutil.move(root, tmp_path / "elsewhere")
    with open_catalogue(str(tmp_path / "elsewhere")) as connection:
        assert connection.sql("from cleaning.calendar").fetchall() == [(date(2015, 1, 5), 3)]


def test_the_catalogue_can_be_attached_to_another_database(root: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{root / 'catalogue.duckdb'}' AS kindling (READ_ONLY)")
        assert connection.sql("from kindling.cleaning.calendar").fetchall() == [(date(2015, 1, 5), 3)]


def test_a_column_that_one_file_lacks_keeps_its_declared_type(root: Path) -> None:
    frame = pl.DataFrame({"session": [date(2015, 2, 2)]})
    frame.write_parquet(root / "cleaning" / "calendar" / "2015-02.parquet")
    with open_catalogue(str(root)) as connection:
        rows = connection.sql("from cleaning.calendar order by session").fetchall()
        kinds = [row[1] for row in connection.sql("describe cleaning.calendar").fetchall()]
    assert rows == [(date(2015, 1, 5), 3), (date(2015, 2, 2), None)]
    assert kinds == ["DATE", "UINTEGER"]


def test_a_rebuild_does_not_disturb_a_reader(root: Path) -> None:
    with open_catalogue(str(root)) as connection:
        before = os.stat(root / "catalogue.duckdb").st_ino
        build_catalogue(str(root), SCHEMAS)
        assert os.stat(root / "catalogue.duckdb").st_ino != before
        assert connection.sql("from cleaning.calendar").fetchall() == [(date(2015, 1, 5), 3)]
    assert [p.name for p in root.iterdir() if p.name.startswith(".")] == []


def test_an_object_store_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="needs a local folder"):
        build_catalogue("memory://bucket/w", SCHEMAS)
