"""RSR NASDAQ: next-day returns of 1,026 US names, split as published (Feng et al., TOIS 2019; Fan, Shen, AAAI 2024).

Days are numbered from 2013-01-02: train to 755, validation to 1007, test to 1244, by the day whose return is foretold
from the days before it. Features are made of the raw bars of the same names: the published inputs are divided by the
highest price of the whole window, test included. `ic` is the mean daily correlation over the names that have a
return; the published ones count absent names as 0. The names were chosen by having survived, for all alike.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.information import seed_averaged
from assets.evaluation.intervals import interval
from assets.training.fit import fit
from assets.training.forecasts import forecasts
from assets.training.panel import TEST, TRAIN, VALID, Panel, targets
from assets.training.spec import TrainingSpec
from assets.wide import Grid, spread
from benchmarks.outcome import end, not_possible, options
from benchmarks.shared import HOW_TO_SET_UP, SHARED
from models.losses import MeanSquaredSpec
from models.lstm import LstmSpec

FOLDER = SHARED / "data" / "rsr_nasdaq"
PUBLISHED = {"LSTM": (0.032, 0.354), "ALSTM": (0.035, 0.371), "RSR-I": (0.038, 0.398), "StockMixer": (0.043, 0.501)}
"""IC and ICIR."""
VALID_FROM, TEST_FROM, END = 756, 1008, 1245
MEANS = (5, 10, 20, 30)
ABSENT = 0.0
LARGEST = 0.5
"""A log return or ratio beyond which a price is taken for that: some raw rows hold splits that were missed."""
LARGEST_OF_VOLUME = 3.0
MODEL = LstmSpec(look_back=16, hidden=32)
TRAINING = TrainingSpec(seeds=5, max_epochs=30, patience=8, batch_size=128, burn_in=16)
"""Chosen on validation: as good as a correlation loss and wider states, and better than fewer epochs."""

Wide = NDArray[np.float64]


def main() -> int:
    """Print the IC beside what was published."""
    asked = options(str(__doc__), seeds="0..4")
    if not FOLDER.is_dir():
        return not_possible(f"{FOLDER} is absent; {HOW_TO_SET_UP}")
    began, panel = time.monotonic(), panel_of(pl.read_parquet(FOLDER / "raw_ohlcv.parquet"), _published())
    for name, (ic, icir) in PUBLISHED.items():
        print(f"{name:12} ic {ic:.3f}  icir {icir:.3f}  (published)")
    parts = []
    for seed in asked.seeds:
        fitted = fit(panel, MODEL, MeanSquaredSpec(), TRAINING, seed, lambda _: None)
        parts.append(forecasts(panel, fitted.forecaster, seed, "nasdaq"))
        told = {segment: daily_ic(panel, parts[-1].filter(segment=segment)) for segment in ("valid", "test")}
        print(f"seed {seed}: " + ", ".join(f"{segment} {np.nanmean(ic_T):+.4f}" for segment, ic_T in told.items()))
    stated = pl.concat(parts)
    apart = [daily_ic(panel, part) for part in stated.filter(segment="test").partition_by("seed")]
    together = daily_ic(panel, seed_averaged(stated).filter(segment="test"))
    range_of = interval(together, horizon=1)
    print(f"averaged: {range_of.mean:+.4f} [{range_of.lower:+.4f}, {range_of.upper:+.4f}]")
    figures = {
        "ic": round(float(np.mean([np.nanmean(ic_T) for ic_T in apart])), 4),
        "icir": round(float(np.mean([np.nanmean(ic_T) / np.nanstd(ic_T) for ic_T in apart])), 4),
        "ic_averaged": round(range_of.mean, 4),
        "ic_averaged_lower": round(range_of.lower, 4),
        "ic_averaged_upper": round(range_of.upper, 4),
        "icir_averaged": round(float(np.nanmean(together) / np.nanstd(together)), 4),
    }
    return end({**figures, "minutes": round((time.monotonic() - began) / 60, 1)}, [])


def panel_of(bars: pl.DataFrame, published: pl.DataFrame) -> Panel:
    """Features of the bars of the published days and names; a day that the published prices mask has no label."""
    keys = {"session": "date", "security_id": "ticker"}
    days = tuple(published["date"].unique().sort())[: END + 1]
    names = tuple(published["ticker"].unique().sort())
    inside = pl.col("date").is_in(days) & pl.col("ticker").is_in(names)
    grid = Grid(days, names)
    wide = spread(bars.filter(inside).with_columns(**keys), grid, ("open", "high", "low", "close", "volume"))
    masked = spread(published.filter(inside).with_columns(**keys), grid, ("close_norm",))["close_norm"]
    known_ST = np.isfinite(masked) & (masked > ABSENT)
    prices = {name: np.where(wide[name] > 0, wide[name], np.nan) for name in wide}
    columns = features(prices)
    label_ST = np.full(grid.shape, np.nan)
    label_ST[:, :-1] = prices["close"][:, 1:] / prices["close"][:, :-1] - 1
    label_ST[:, :-1][~(known_ST[:, 1:] & known_ST[:, :-1])] = np.nan
    told_T = np.arange(1, len(days) + 1)
    segment_T = np.select([told_T < VALID_FROM, told_T < TEST_FROM, told_T < END], [TRAIN, VALID, TEST], 0)
    segment_ST = np.broadcast_to(segment_T.astype(np.int8), grid.shape).copy()
    label_ST = label_ST.astype(np.float32)
    return Panel(
        grid=grid,
        columns=tuple(columns),
        sequence_columns=tuple(columns),
        groups=("bars",) * len(columns),
        x_STF=np.stack(list(columns.values()), axis=-1).astype(np.float32),
        label_ST=label_ST,
        target_ST=targets(label_ST, known_ST, segment_ST),
        member_ST=known_ST,
        segment_ST=segment_ST,
    )


def features(prices: Mapping[str, Wide]) -> dict[str, Wide]:
    """Logarithms of ratios to the close of the session and of the one before, [S, T]; NaN where one is absent."""
    logs = {name: np.log(values_ST) for name, values_ST in prices.items()}
    columns = {f"{name}_to_close": logs[name] - logs["close"] for name in ("open", "high", "low")}
    columns |= {"log_return": _change(logs["close"]), "volume_change": _change(logs["volume"])}
    for window in MEANS:
        columns[f"mean_{window}_to_close"] = _trailing_mean(prices["close"], window) - logs["close"]
    most = {"volume_change": LARGEST_OF_VOLUME}
    return {name: np.clip(cells, -most.get(name, LARGEST), most.get(name, LARGEST)) for name, cells in columns.items()}


def daily_ic(panel: Panel, stated: pl.DataFrame) -> NDArray[np.float64]:
    """Correlation of forecasts and returns of each session, over the names that have a return."""
    rows, days = panel.grid.places(stated)
    frame = pl.DataFrame(
        {"day": days, "forecast": stated["forecast"], "label": panel.label_ST[rows, days].astype(np.float64)}
    )
    ic = frame.filter(pl.col("label").is_not_nan()).group_by("day").agg(pl.corr("forecast", "label"))
    return ic.sort("day")["forecast"].to_numpy()


def _published() -> pl.DataFrame:
    return pl.read_parquet(FOLDER / "rsr_close_norm.parquet")


def _change(values_ST: Wide) -> Wide:
    return np.concatenate([np.full((len(values_ST), 1), np.nan), np.diff(values_ST, axis=1)], axis=1)


def _trailing_mean(close_ST: Wide, window: int) -> Wide:
    """Logarithm of the mean of the last closes that are there."""
    table = pl.DataFrame(close_ST.T).fill_nan(None)
    means_ST: Wide = np.log(table.select(pl.all().rolling_mean(window, min_samples=1)).to_numpy().T)
    return means_ST


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
