"""Our Alpha158 in a process of its own, as the peers have theirs: `python -m benchmarks.own_alpha158 DATA OUT`.

DATA holds each input field as NAME.npy, [sessions, securities]. The last line is JSON: `seconds` are processor seconds,
user and system, of the pure function over wide arrays, called a second time: the first call compiles, and lets the
process have its memory. With a folder OUT each column is written there under Qlib's name as NAME.npy,
[securities, sessions].
"""
# S securities, T sessions

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

from assets.factors.bar_inputs import bar_inputs
from assets.factors.compute import compute
from assets.features.alpha158 import FACTORS
from assets.wide import Grid, gather
from benchmarks.random_panel import weekdays

FIELDS = ("open", "high", "low", "close", "vwap", "volume")


def main(data: str, out: str = "") -> None:
    """Compute twice, tell the seconds of the second time, and write the columns where asked to."""
    fields = {name: np.ascontiguousarray(np.load(Path(data) / f"{name}.npy").T) for name in FIELDS}
    securities, sessions = fields["close"].shape
    grid = Grid(weekdays(sessions), tuple(f"{row:06d}" for row in range(securities)))
    # The prices are adjusted already, as Qlib and KunQuant get them.
    fields["adj_factor"] = np.ones((securities, sessions))
    bars = gather(grid, fields, ~np.isnan(fields["close"])).with_columns(is_suspended=pl.lit(value=False))
    _, wide = bar_inputs(bars, pl.Series(grid.sessions))
    compute(FACTORS, wide)
    began = time.process_time()
    columns = compute(FACTORS, wide)
    seconds = time.process_time() - began
    if out:
        for factor in FACTORS:
            qlibs_name = str(factor.known_as).rpartition(" ")[2]
            np.save(Path(out) / f"{qlibs_name}.npy", columns[factor.name])
    print(json.dumps({"seconds": seconds, "columns": len(columns)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
