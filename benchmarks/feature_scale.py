"""Feature scale: how long 158 factors take for a whole exchange over twelve years, from the warehouse to the warehouse.

5,000 securities x 3,000 sessions of random bars lie in the warehouse by month. One Dagster run over all months, in a
process of its own, reads them, computes `features/alpha158`, checks its schema, and stores it by month with the hash of
each. Drawing the bars and compiling are outside. Two months are made once more, alone, and must be the same to the bit.
Asked for: at most 180 seconds on two cores, at most 12 GB, and no month that differs.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl

from assets.table import declarations
from assets.wide import Grid, gather
from benchmarks.feature_river import RangeRiver, cells_apart
from benchmarks.outcome import Demand, end, not_possible
from benchmarks.random_panel import random_panel, weekdays
from expectations.decisions import decided_at
from expectations.tables import Bars, Calendar
from pipelines.catch_up import run
from pipelines.declared import STAGES, modules_of
from pipelines.home import be_quiet
from pipelines.jobs import REFRESH
from pipelines.run_log import quicken
from pipelines.warehouse import Warehouse
from pipelines.workers import workers

SECURITIES, SESSIONS, MISSING, SEED = 5000, 3000, 0.01, 0
SMALL = 8
CORES = 2
KIBIBYTES_PER_GB = 1e9 / 1024
GROUP = "alpha158"


def main() -> int:
    """Draw the bars in one process, make the features in the next, and say what was reached."""
    asked = _asked()
    key = f"features/{asked.group}"
    table = declarations(*modules_of(STAGES)).get(key)
    if table is None or {schema.asset_key for schema in table.inputs.values()} != {Bars.asset_key, Calendar.asset_key}:
        return not_possible(f"there is no group {key} that reads the bars and the calendar only")
    os.environ["POLARS_MAX_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = str(CORES)
    with tempfile.TemporaryDirectory() as folder:
        rows = _alone(store_bars, f"{folder}/whole", asked.securities, asked.sessions)
        _alone(store_bars, f"{folder}/small", SMALL, SESSIONS)
        figures = _alone(make_features, folder, key, asked.sessions)
    figures |= {"rows": rows, "securities": asked.securities, "sessions": asked.sessions, "group": asked.group}
    demands = [
        Demand("seconds", 180, at_least=False),
        Demand("peak_gb", 12, at_least=False),
        Demand("cells_differ", 0, at_least=False),
    ]
    return end(figures, demands)


def store_bars(root: str, securities: int, sessions: int) -> int:
    """Bars and calendar of a random panel, by month, as the warehouse keeps them; returns the number of bars."""
    panel = random_panel(securities, sessions, SEED, MISSING)
    warehouse = Warehouse(root, {})
    months = np.array([f"{day:%Y-%m}" for day in panel.sessions])
    rows = 0
    for month in dict.fromkeys(months.tolist()):
        own = np.flatnonzero(months == month)
        grid = Grid(tuple(panel.sessions[place] for place in own), panel.securities)
        wide = {name: values_ST[:, own] for name, values_ST in {**panel.traded, "adj_factor": panel.factor}.items()}
        bars = _completed(gather(grid, wide, ~np.isnan(wide["close"])))
        warehouse.write(Bars.asset_key, month, bars)
        traded = bars.group_by("session").agg(securities_traded=pl.len().cast(pl.UInt32)).sort("session")
        warehouse.write(Calendar.asset_key, month, traded)
        rows += bars.height
    return rows


def make_features(folder: str, key: str, sessions: int) -> dict[str, Any]:
    """Seconds, processor seconds and peak memory of one run over all months, and cells that two months alone change."""
    be_quiet()
    quicken()
    days = weekdays(max(sessions, SESSIONS))
    _run(RangeRiver(Path(folder) / "small", days[0], days[SESSIONS - 1], key))
    river = RangeRiver(Path(folder) / "whole", days[0], days[sessions - 1], key)
    before, began = _processor_seconds(), time.monotonic()
    _run(river)
    seconds, busy = time.monotonic() - began, _processor_seconds() - before
    peak = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    stored = river.graph.warehouse.stored(key)
    months = [str(month) for month in river.graph.month_keys]
    return {
        "seconds": round(seconds, 1),
        "peak_gb": round(peak / KIBIBYTES_PER_GB, 2),
        "processor_seconds": round(busy, 1),
        "months": len(stored),
        "gigabytes_stored": round(sum(path.stat().st_size for path in _files(river, key)) / 1e9, 2),
        "cells_differ": sum(_differ_alone(river, month) for month in (months[len(months) // 2], months[-1])),
    }


def _run(river: RangeRiver) -> None:
    months = tuple(river.graph.month_keys)
    runs = river.root / "dagster"
    runs.mkdir(parents=True, exist_ok=True)
    with dg.DagsterInstance.local_temp(str(runs)) as instance:
        outcome = run(river, instance, (REFRESH, months, (river.key,)))
    if outcome.failures:
        raise RuntimeError("\n".join(outcome.failures))


def _differ_alone(river: RangeRiver, month: str) -> int:
    """Cells of a stored month that a run over it alone would give otherwise."""
    stored = river.graph.warehouse.read(river.key, [month]).collect()
    return cells_apart(stored, river.alone(month))


def _alone(work: Callable[..., Any], *given: object) -> Any:
    """The result of a function in a process of its own, whose memory no other work has touched."""
    with workers(1) as pool:
        return pool.submit(work, *given).result()


def _completed(bars: pl.DataFrame) -> pl.DataFrame:
    """The bars with the columns that no factor reads."""
    price, flags = pl.col("close"), ("is_suspended", "is_st", "is_new_listing", "is_locked_up", "is_locked_down")
    return Bars.cast(
        bars.with_columns(
            board=pl.lit("main"),
            amount=pl.col("vwap") * pl.col("volume"),
            prev_close=price,
            limit_up=price * 1.1,
            limit_down=price * 0.9,
            available_at=decided_at(pl.col("session"), 16),
            **dict.fromkeys(flags, pl.lit(value=False)),
        )
    )


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _files(river: RangeRiver, key: str) -> list[Path]:
    return [Path(river.graph.warehouse.path(key, str(month)).path) for month in river.graph.month_keys]


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--securities", type=int, default=SECURITIES)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--group", default=GROUP, help="a feature group that reads the bars and the calendar only")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
