"""Market scale: how long the embedded market takes at the size of a whole exchange, and how much memory.

A child process makes 5,000 securities over 2,500 sessions from nothing and reads every raw table and the truth month by
month, as the assets do. Asked for: at most 90 seconds and 8 GB on two cores.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from datetime import date

import polars as pl

from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.outcome import Demand, end, options
from pipelines.workers import workers

SECURITIES, SESSIONS = 5000, 2500
CORES = 2
KIBIBYTES_PER_GB = 1e9 / 1024


def main() -> int:
    options(str(__doc__))
    os.environ["POLARS_MAX_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(CORES)
    with workers(1) as pool:
        rows, steps, seconds, busy, peak_gb = pool.submit(make_all, SECURITIES, SESSIONS).result()
    for name, many in rows.items():
        print(f"{name:24} {many:>12,} rows {steps[name]:8.1f} s")
    figures = {
        "seconds": round(seconds, 1),
        "peak_gb": round(peak_gb, 2),
        "processor_seconds": round(busy, 1),
        "rows": sum(rows.values()),
        "securities": SECURITIES,
        "sessions": SESSIONS,
    }
    return end(figures, [Demand("seconds", 90, at_least=False), Demand("peak_gb", 8, at_least=False)])


def make_all(securities: int, sessions: int) -> tuple[dict[str, int], dict[str, float], float, float, float]:
    """Rows and seconds of each table, seconds and processor seconds of all, and the peak of memory in GB."""
    began = time.monotonic()
    spec = SyntheticMarketSpec(securities=securities, sessions=sessions)
    rows, steps = (
        {"the market itself": spec.deliveries()["rows"].item()},
        {"the market itself": time.monotonic() - began},
    )
    months = _months(spec)
    for table in spec.offers():
        since = time.monotonic()
        rows[table.asset_key] = sum(spec.read(table, *month).height for month in months)
        steps[table.asset_key] = time.monotonic() - since
    since = time.monotonic()
    rows["truth"] = sum(spec.truth(*month).height for month in months)
    steps["truth"] = time.monotonic() - since
    used = resource.getrusage(resource.RUSAGE_SELF)
    busy = used.ru_utime + used.ru_stime
    return rows, steps, time.monotonic() - began, busy, used.ru_maxrss / KIBIBYTES_PER_GB


def _months(spec: SyntheticMarketSpec) -> list[tuple[date, date]]:
    """First and last day of every month of the span."""
    starts = pl.date_range(spec.first_session().replace(day=1), spec.last_session(), "1mo", eager=True)
    return list(zip(starts.to_list(), starts.dt.month_end().to_list(), strict=True))


if __name__ == "__main__":
    sys.exit(main())
