"""Story: six named A shares that watch each other, walked forward; is a rise over three sessions foretold at all?

Every name has an expert of its own beside what all share, a coordinator hears the basket, inputs are weighted, a fall
that was called a rise costs half as much again, windows run a little faster or slower, and five seeds are averaged. A
decision after session t enters at the VWAP of t + 1 and leaves at that of t + 4; limits are not looked at, for nothing
here is an order. Folds of half a year from 2016, each trained on all before but for half a year of validation. Beside
the probabilities stand the base rate of the train window, and who always says rise; differences carry a 95% interval
of the daily means.
"""

from __future__ import annotations

import os
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.confidence import by_session
from assets.evaluation.intervals import Interval, interval
from assets.evaluation.probability import accuracy, brier, log_loss
from assets.training.fit import fit
from assets.training.forecasts import forecasts
from assets.training.panel import TEST, TRAIN, VALID, Panel, targets
from assets.training.spec import TrainingSpec
from assets.wide import Grid, spread
from benchmarks.outcome import end, not_possible, options
from benchmarks.shared import HOW_TO_SET_UP, SHARED
from models.augmentation import JitterSpec, TimeScalingSpec
from models.heads import CrossEntropyHead
from models.two_level_lstm import TwoLevelLstmSpec

FILE = SHARED / "data" / "six_names_2014_2018" / "daily.parquet"
HORIZON, ENTRY = 3, 1
FOLDS = tuple(date(year, month, 1) for year in (2016, 2017, 2018) for month in (1, 7))
LAST = date(2019, 1, 1)
COLUMNS = ("open_to_close", "high_to_close", "low_to_close", "vwap_to_close", "log_return", "volume_change")
LOSS = CrossEntropyHead(fall_weight=1.5)
TRAINING = TrainingSpec(
    seeds=5, max_epochs=30, patience=8, learning_rate=2e-3, batch_size=6, stop_by="loss",
    augmentation=(TimeScalingSpec(), JitterSpec()),
)  # fmt: skip

Wide = NDArray[np.float64]


def main() -> int:
    """Print the scores of the walk, and what lies between them and those of who knows nothing."""
    asked = options(str(__doc__), seeds=f"0..{TRAINING.seeds - 1}")
    if not FILE.is_file():
        return not_possible(f"{FILE} is absent; {HOW_TO_SET_UP}")
    began, panel = time.monotonic(), panel_of(pl.read_parquet(FILE))
    cases = pl.concat(walked(panel, asked.seeds))
    stated_N, base_N, rises_N = (cases[name].to_numpy() for name in ("stated", "base", "rises"))
    days_N = cases["day"].to_numpy()
    figures: dict[str, object] = {"cases": len(cases), "rises": round(float(rises_N.mean()), 4)}
    for name, told_N in {"stated": stated_N, "base_rate": base_N, "always_up": np.ones(len(cases))}.items():
        scores = {"accuracy": accuracy(told_N, rises_N), "brier": brier(told_N, rises_N)}
        scores |= {} if name == "always_up" else {"log_loss": log_loss(told_N, rises_N)}
        print(f"{name:10} " + ", ".join(f"{score} {value:.4f}" for score, value in scores.items()))
        figures |= {f"{name}_{score}": round(value, 4) for score, value in scores.items()}
    gained = {
        "accuracy_over_always_up": ((stated_N >= 0.5) == rises_N).astype(float) - rises_N,
        "brier_under_base_rate": (base_N - rises_N) ** 2 - (stated_N - rises_N) ** 2,
        "log_loss_under_base_rate": _nats(base_N, rises_N) - _nats(stated_N, rises_N),
    }
    for name, gain_N in gained.items():
        found = _daily(gain_N, days_N)
        print(f"{name:26} {found.mean:+.4f} [{found.lower:+.4f}, {found.upper:+.4f}]  {found.verdict()}")
        figures |= {name: round(found.mean, 4), f"{name}_lower": round(found.lower, 4)}
    return end({**figures, "minutes": round((time.monotonic() - began) / 60, 1)}, [])


def panel_of(rows: pl.DataFrame) -> Panel:
    """Bars as traded, adjusted, of all sessions; a suspended one has no features and lets no order through."""
    keyed = rows.with_columns(
        session=pl.col("date"), security_id=pl.col("code"), vwap=pl.col("amount") / pl.col("volume")
    ).with_columns(factor=pl.col("bs_qfq_close") / pl.col("close"))
    grid = Grid(tuple(keyed["session"].unique().sort()), tuple(keyed["security_id"].unique().sort()))
    wide = spread(keyed, grid, ("open", "high", "low", "close", "vwap", "volume", "factor"))
    traded_ST = np.isfinite(wide["close"]) & (np.nan_to_num(wide["volume"]) > 0)
    prices = {name: wide[name] * wide["factor"] for name in ("open", "high", "low", "close", "vwap")}
    logs = {name: np.log(np.where(traded_ST, price_ST, np.nan)) for name, price_ST in prices.items()}
    columns = {f"{name}_to_close": logs[name] - logs["close"] for name in ("open", "high", "low", "vwap")}
    columns["log_return"] = _since_last(logs["close"])
    columns["volume_change"] = _since_last(np.log(np.where(traded_ST, wide["volume"] / wide["factor"], np.nan)))
    label_ST = np.full(grid.shape, np.nan)
    through = logs["vwap"]
    label_ST[:, : -ENTRY - HORIZON] = np.expm1(through[:, ENTRY + HORIZON :] - through[:, ENTRY:-HORIZON])
    return Panel(
        grid=grid,
        columns=COLUMNS,
        sequence_columns=COLUMNS,
        groups=("price_window",) * len(COLUMNS),
        x_STF=np.stack([columns[name] for name in COLUMNS], axis=-1).astype(np.float32),
        label_ST=label_ST.astype(np.float32),
        target_ST=np.full(grid.shape, np.nan, dtype=np.float32),
        member_ST=traded_ST,
        segment_ST=np.zeros(grid.shape, dtype=np.int8),
    )


def walked(panel: Panel, seeds: list[int]) -> Iterator[pl.DataFrame]:
    """By fold, the cases of its test: day, stated (mean over seeds), base (rate of train), rises."""
    for start, after in zip(FOLDS, (*FOLDS[1:], LAST), strict=True):
        part = fold_of(panel, start, after)
        model = TwoLevelLstmSpec(
            look_back=20, experts="own", expert=8, coordinator=8, embedding=0, id_dropout=0.0, dropout=0.3,
            importance_weights=True, baskets=(panel.grid.securities,),
        )  # fmt: skip
        stated = pl.concat(
            forecasts(part, fit(part, model, LOSS, TRAINING, seed, lambda _: None).forecaster, seed, f"{start}")
            for seed in seeds
        ).filter(segment="test")
        mean = stated.group_by("session", "security_id", maintain_order=True).agg(pl.col("probability").mean())
        rows, days = part.grid.places(mean)
        print(f"fold {start}: {len(mean)} forecasts by {len(seeds)} seeds", flush=True)
        label_N = part.label_ST[rows, days]
        base = float((part.label_ST[part.labelled(TRAIN)] > 0).mean())
        cases = pl.DataFrame({"day": days, "stated": mean["probability"], "base": base, "rises": label_N > 0})
        yield cases.filter(pl.Series(np.isfinite(label_N)))


def fold_of(panel: Panel, start: date, after: date) -> Panel:
    """The panel with the segments of one fold; a label that reaches over a boundary belongs to none."""
    valid_from = date(start.year, 1, 1) if start.month == 7 else date(start.year - 1, 7, 1)
    edges = [bisect_left(panel.grid.sessions, day) for day in (valid_from, start, after)]
    reach = ENTRY + HORIZON
    segment_T = np.zeros(len(panel.grid.sessions), dtype=np.int8)
    segment_T[: edges[0] - reach] = TRAIN
    segment_T[edges[0] : edges[1] - reach] = VALID
    segment_T[edges[1] : edges[2]] = TEST
    segment_ST = np.broadcast_to(segment_T, panel.grid.shape).copy()
    target_ST = targets(panel.label_ST, panel.member_ST, segment_ST)
    return replace(panel, segment_ST=segment_ST, target_ST=target_ST)


def _daily(gain_N: Wide, days_N: NDArray[np.intp]) -> Interval:
    return interval(by_session(gain_N, days_N), horizon=ENTRY + HORIZON)


def _nats(stated_N: Wide, rises_N: NDArray[np.bool_]) -> Wide:
    told_N: Wide = -np.log(np.clip(np.where(rises_N, stated_N, 1 - stated_N), 1e-12, 1))
    return told_N


def _since_last(logs_ST: Wide) -> Wide:
    """Change since the last session in which the name traded."""
    held_ST = pl.DataFrame(logs_ST.T).fill_nan(None).select(pl.all().forward_fill().shift(1)).to_numpy().T
    change_ST: Wide = logs_ST - held_ST
    return change_ST


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
