"""The month of deliveries: what lands when, and how two warehouses are compared."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.sources.files import FilesSpec
from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.landing import Delivery, dearer, programme
from benchmarks.office import below
from benchmarks.thirty_days import differences
from expectations.tables import RawBars

DAYS = [date(2015, 6, 1) + timedelta(days=number) for number in range(30) if number % 7 < 5]


@pytest.mark.parametrize("count", [1, 4, 5, 6, 22])
def test_every_session_lands_once_as_it_is_and_nothing_else_is_due(count):
    days = DAYS[:count]
    due = [day for day, what in programme(days) if what in ("plain", "sent again", "early", "late")]
    assert sorted(due) == days


def test_a_month_has_a_bad_file_a_late_one_one_sent_twice_a_revision_and_a_holiday():
    found = programme(DAYS)
    kinds = {what: place for place, (_, what) in enumerate(found)}
    assert {"broken", "sent again", "early", "late", "sent twice", "revised", "holiday"} < set(kinds)
    by_kind = {what: day for day, what in found}
    assert by_kind["early"] > by_kind["late"]
    assert by_kind["holiday"] not in DAYS
    assert by_kind["revised"] < found[kinds["revised"] - 1][0]


@pytest.fixture
def delivery(tmp_path: Path) -> Delivery:
    spec = SyntheticMarketSpec(securities=12, sessions=40, first=date(2014, 1, 2))
    made = Delivery(tmp_path / "market", spec.read(RawBars, spec.first_session(), spec.last_session()))
    made.begin(30)
    return made


def test_the_folder_goes_on_and_what_lands_is_read(delivery):
    source, (first, second) = FilesSpec(folder=delivery.folder), delivery.sessions[30:32]
    assert source.reached() == delivery.sessions[29]
    delivery.land(first)
    assert source.reached() == first
    delivery.land_broken(second)
    assert source.reached() == first
    assert source.deliveries().filter(pl.col("status") == "refused").height == 1
    delivery.land(second)
    delivery.land(second + timedelta(days=200))
    assert source.reached() == second
    rows = source.read(RawBars, delivery.sessions[0], second)
    kept = [name for name in rows.columns if name not in ("delivery", "available_at", "listed_on", "source_objection")]
    keys = ["session", "security_id"]
    there = delivery.bars.filter(pl.col("session") <= second)
    differ = [n for n in kept if not rows.sort(keys)[n].eq_missing(there.sort(keys)[n]).all()]
    assert differ in ([], ["is_unreformed"])


def test_a_revision_changes_some_closes_and_stays_inside_of_what_was_traded(delivery):
    rows = delivery.bars.filter(pl.col("session") == delivery.sessions[20])
    changed = dearer(rows)
    assert 0 < (changed["close"] != rows["close"]).sum() <= 3
    assert (changed["close"] >= changed["low"]).all()


def test_cells_that_differ_are_counted_and_ledgers_and_run_ids_are_left_out(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    frame = pl.DataFrame({"a": [1.0, None, float("nan")], "run_id": ["x", "y", "z"]})
    changed = frame.with_columns(run_id=pl.lit("w"))
    for root, rows in ((one, frame), (other, changed)):
        for key in ("cleaning/bars", "evaluation/promotions", "features/x"):
            (root / key).mkdir(parents=True)
            rows.write_parquet(root / key / "all.parquet")
    assert differences(one, other) == {}
    frame.with_columns(a=pl.Series([1.0, 2.0, float("nan")])).write_parquet(other / "cleaning/bars/all.parquet")
    frame.head(2).write_parquet(other / "features/x/all.parquet")
    frame.head(2).write_parquet(other / "evaluation/promotions/all.parquet")
    assert differences(one, other) == {"cleaning/bars/all.parquet": 1, "features/x/all.parquet": 3}
    (other / "features/x/all.parquet").unlink()
    assert differences(one, other)["features/x/all.parquet"] == 3


def test_a_process_is_found_below_the_one_that_started_it_however_narrow_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(20)  # found'])"
    process = subprocess.Popen([sys.executable, "-c", code])
    found: list[int] = []
    deadline = time.monotonic() + 15
    try:
        while not (found := below(process.pid, "# found")):
            assert time.monotonic() < deadline, "it was not found"
            time.sleep(0.1)
        assert len(found) == 1
        assert below(found[0], "# found") == []
    finally:
        process.kill()
        for one in found:
            os.kill(one, signal.SIGKILL)
