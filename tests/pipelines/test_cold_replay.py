"""Cold: what a module remembers of the whole history is found where nothing is remembered."""

import importlib
import subprocess
import sys
from datetime import timedelta

import polars as pl
import pytest

from assets.table import declarations
from expectations.decisions import decision_instant
from expectations.table_by_table import table_by_table
from expectations.tables import RawBars
from pipelines.cold_replay import StoredMarket, replayed_cold
from pipelines.reach import month_keys
from pipelines.replay import steps
from pipelines.warehouse import Warehouse

REMEMBERS = '''
from __future__ import annotations

from typing import ClassVar

import dataframely as dy
import polars as pl

from assets.table import declarations, table
from expectations.tables import Keyed, RawBars

KEPT = {}


class Scaled(Keyed):
    """Closes by one number."""

    asset_key: ClassVar[str] = "features/scaled"
    scaled = dy.Float64(nullable=True)


@table()
def scaled(bars: dy.LazyFrame[RawBars]) -> dy.LazyFrame[Scaled]:
    """Closes by one number."""
    known = bars.collect().sort("session", "security_id")
    number = NUMBER
    return Scaled.cast(known.lazy().select("session", "security_id", scaled=pl.col("close") / number))


def declare():
    import sys
    return declarations(sys.modules[__name__])
'''


@pytest.mark.parametrize(
    ("number", "passes"),
    [('KEPT.setdefault("scale", known["close"].max())', False), ("100.0", True)],
    ids=["remembered", "honest"],
)
def test_what_a_module_keeps_of_its_first_call_is_found_in_a_new_process(
    market, tmp_path, monkeypatch, number, passes
) -> None:
    name = f"module_that_passes_{passes}"
    (tmp_path / f"{name}.py").write_text(REMEMBERS.replace("NUMBER", number))
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module(name)
    tables = declarations(module)
    months = month_keys(market["session"].min(), market["session"].max())
    warehouse = Warehouse(str(tmp_path / "w"), {RawBars.asset_key: RawBars, "features/scaled": module.Scaled})
    made = module.scaled(market.lazy()).collect()
    for month in months:
        for key, frame in {RawBars.asset_key: market, "features/scaled": made}.items():
            warehouse.write(key, month, frame.filter(pl.col("session").dt.strftime("%Y-%m") == month))
    sessions = market["session"].unique().sort().to_list()
    at = [decision_instant(sessions[place], 20) for place in (90, 200)]
    files = {key: warehouse.files(key, months) for key in warehouse.schemas}
    stored = StoredMarket(module.declare, months, files, sessions)
    warm = table_by_table(steps(tables), stored.stored(tables), sessions, at, 0)
    assert warm["passed"].all()
    cold = replayed_cold(stored, at, 0)
    assert cold.columns == warm.columns
    assert cold["passed"].all() is passes
    assert passes or set(cold.filter(~pl.col("passed"))["column"]) == {"scaled"}


def test_a_month_that_is_not_asked_for_is_not_opened(market, tmp_path, monkeypatch) -> None:
    (tmp_path / "module_of_months.py").write_text(REMEMBERS.replace("NUMBER", "100.0"))
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("module_of_months")
    warehouse = Warehouse(str(tmp_path), {RawBars.asset_key: RawBars})
    months = month_keys(market["session"].min(), market["session"].max())
    warehouse.write(RawBars.asset_key, "2014-03", market.filter(pl.col("session").dt.month() == 3))
    files = [str(warehouse.path(RawBars.asset_key, month)) for month in months]
    read = StoredMarket(module.declare, months, {RawBars.asset_key: files}, []).stored(declarations(module))
    first = market["session"].min().replace(month=3, day=10)
    found = read(RawBars.asset_key, first, first + timedelta(days=7)).collect()
    assert found["session"].unique().sort().to_list() == [first + timedelta(days=day) for day in (0, 1, 2, 3, 4, 7)]
    with pytest.raises(FileNotFoundError, match=r"2014-0[12]"):
        read(RawBars.asset_key, None, first).collect()


def test_the_process_of_a_replay_starts_without_what_only_runs_need() -> None:
    """Each start counts twice in what the gate costs."""
    imported = "import sys, pipelines.cold_replay, pipelines.declared"
    code = f"{imported}; print({{'dagster', 'torch', 'mlflow'}} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
