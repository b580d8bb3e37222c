"""Information scale: how long every figure of an experiment by part takes, for a whole market.

Random forecasts of 3 seeds for 5,000 names in 500 test sessions, random returns of four horizons, with boards,
industries and float shares, in one process with one thread; seconds are those of its processor. Timed is all that
`experiments/<name>/depth` computes from its tables: the seed average, the cases, slices, top, legs, decay, what is left
without styles, the portfolio beside its yardsticks and the styles that it leans on. Beside it stands, in the same run,
the shortest way in pandas to the RankIC by slice alone, one groupby-apply for each kind of slice, on a frame that is
already averaged and joined. Asked for: all of it in a stated time and in no more than that one part takes in pandas,
and the same figures.
"""
# S securities, T sessions

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl

from benchmarks.outcome import Demand, end, options
from benchmarks.random_panel import RandomPanel, random_panel
from pipelines.workers import workers

SECURITIES, SESSIONS, SEEDS, BEFORE = 5000, 500, 3, 190
TOP_K, HOLD, HORIZON, HOUR = 50, 5, 5, 20
BOARDS = ("bse", "chinext", "main", "star")
INDUSTRIES = tuple(f"industry_{number:02d}" for number in range(30))
MOST_SECONDS = 60.0
LEAST_RATIO = 1.0
SAME = 1e-12
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Drawn:
    """The tables that the figures are computed from, and the portfolio that was traded by the same forecasts."""

    forecasts: pl.DataFrame
    labels: pl.DataFrame
    bars: pl.DataFrame
    float_shares: pl.DataFrame
    industries: pl.DataFrame
    index_bars: pl.DataFrame
    daily: pl.DataFrame
    orders: pl.DataFrame


def main() -> int:
    """Measure in a process of its own, print the seconds of each part, and say what was reached."""
    options(__doc__ or "")
    for name in ONE_THREAD:
        os.environ[name] = "1"
    # A process of its own, since threads are counted out when libraries are first imported.
    with workers(1) as pool:
        figures = pool.submit(measured, SECURITIES, SESSIONS, SEEDS).result()
    demands = [
        Demand("seconds", MOST_SECONDS, at_least=False),
        Demand("ratio", LEAST_RATIO, at_least=True),
        Demand("furthest", SAME, at_least=False),
    ]
    return end(figures, demands)


def measured(securities: int, sessions: int, seeds: int) -> dict[str, object]:
    """Processor seconds of everything, those in pandas of RankIC by slice, their ratio, how far they are apart."""
    from assets.evaluation.cases import cases
    from assets.evaluation.depth import depth, of_forecasts, of_portfolio
    from assets.evaluation.information import seed_averaged

    drawn = draw(securities, sessions, seeds)
    began = time.process_time()
    averaged = seed_averaged(drawn.forecasts)
    at_average = time.process_time()
    laid = cases(averaged, drawn.labels, drawn.bars, drawn.float_shares, drawn.industries, HORIZON, HOUR)
    at_cases = time.process_time()
    portfolio = of_portfolio(drawn.daily, drawn.orders, drawn.bars, drawn.index_bars, laid, HOLD)
    at_portfolio = time.process_time()
    table = depth([*of_forecasts(laid, TOP_K), *portfolio])
    ended = time.process_time()
    naive, theirs = in_pandas(laid)
    ours = table.filter(pl.col("metric") == "rank_ic").select("kind", "part", "value")
    both = ours.join(theirs, on=["kind", "part"])
    return {
        "seconds": round(ended - began, 2),
        "naive_seconds": round(naive, 2),
        "ratio": round(naive / (ended - began), 2),
        "furthest": float((both["value"] - both["naive"]).abs().max()),  # type: ignore[arg-type]
        "slices": both.height,
        "figures": table.height,
        "seconds_seed_average": round(at_average - began, 2),
        "seconds_cases": round(at_cases - at_average, 2),
        "seconds_portfolio": round(at_portfolio - at_cases, 2),
        "seconds_forecasts": round(ended - at_portfolio, 2),
        "cases": int(laid.counted.sum()),
    }


def draw(securities: int, sessions: int, seeds: int) -> Drawn:
    """A made-up market whose forecasts know a little of its returns."""
    from assets.evaluation.information import seed_averaged
    from assets.evaluation.portfolio import simulate
    from assets.evaluation.trading import TradingSpec

    rng = np.random.default_rng(0)
    panel = random_panel(securities, sessions + BEFORE, 0)
    names = pl.Series("security_id", panel.securities)
    bars = _bars(panel, names)
    tested = panel.sessions[BEFORE:]
    keys = pl.DataFrame({"session": tested}).join(names.to_frame(), how="cross")
    labels, known = [], np.zeros(keys.height)
    for horizon in (1, 3, 5, 10):
        earned = rng.normal(0, 0.03, keys.height)
        known = earned if horizon == HORIZON else known
        refused = pl.Series(rng.random(keys.height) < 0.02)
        value = pl.when(refused).then(None).otherwise(pl.Series(earned))
        labels.append(keys.with_columns(horizon=pl.lit(horizon, dtype=pl.Int32), forward_return=value))
    forecasts = pl.concat(
        [
            keys.with_columns(
                seed=pl.lit(seed, dtype=pl.Int32), segment=pl.lit("test"), fold=pl.lit("2012"),
                forecast=pl.Series(known + rng.normal(0, 0.6, keys.height)),
            )
            for seed in range(seeds)
        ]
    )  # fmt: skip
    told = datetime(2000, 1, 1, tzinfo=UTC)
    shares = pl.DataFrame(names).with_columns(
        available_at=pl.lit(told), float_shares=pl.Series(np.exp(rng.normal(19, 1, securities)))
    )
    industries = pl.DataFrame(names).with_columns(
        available_at=pl.lit(told), industry=pl.Series(np.array(INDUSTRIES)[np.arange(securities) % 30]), holds=True
    )
    averaged = seed_averaged(forecasts).filter(pl.col("session") < tested[-1])
    universe = averaged.select("session", "security_id", is_member=pl.lit(value=True))
    ran = simulate(averaged, bars, universe, TradingSpec(top_k=TOP_K, hold_sessions=HOLD))
    index = pl.DataFrame(
        {"session": panel.sessions, "close": np.exp(np.cumsum(rng.normal(0, 0.01, len(panel.sessions))))}
    )
    index = index.with_columns(
        index_id=pl.lit("sh000300"), origin=pl.lit("reported"), prev_close=pl.col("close").shift(1)
    )
    return Drawn(forecasts, pl.concat(labels), bars, shares, industries, index, ran.daily, ran.orders)


def in_pandas(laid: object) -> tuple[float, pl.DataFrame]:
    """Processor seconds, and RankIC by kind and part, of one groupby-apply for each kind of slice."""
    import pandas as pd  # type: ignore[import-untyped]

    from assets.evaluation.cases import Cases
    from assets.evaluation.slices import LEAST_NAMES

    assert isinstance(laid, Cases)
    rows, columns = np.nonzero(laid.counted)
    frame = pd.DataFrame({"session": rows, "x": laid.forecast_TS[rows, columns], "y": laid.realised[rows, columns]})
    kinds = {"all": np.zeros(len(frame), dtype=int)}
    kinds |= {kind: slicing.group_TS[rows, columns].astype(int) for kind, slicing in laid.slicings.items()}
    names = {"all": ("all",), **{kind: slicing.names for kind, slicing in laid.slicings.items()}}
    found = []
    began = time.process_time()
    for kind, part in kinds.items():
        told = frame.assign(part=part)[part >= 0]
        groups = told.groupby(["session", "part"])[["x", "y"]]
        daily = groups.apply(lambda one: one.x.corr(one.y, method="spearman") if len(one) >= LEAST_NAMES else np.nan)
        means = daily.groupby("part").mean()
        found += [(kind, names[kind][place], value) for place, value in means.items()]
    return time.process_time() - began, pl.DataFrame(found, schema=["kind", "part", "naive"], orient="row")


def _bars(panel: RandomPanel, names: pl.Series) -> pl.DataFrame:
    keys = pl.DataFrame({"session": panel.sessions}).join(names.to_frame(), how="cross")
    boards = np.array(BOARDS)[np.arange(len(names)) % len(BOARDS)]
    traded = {name: pl.Series(cells_ST.T.ravel()).fill_nan(None) for name, cells_ST in panel.traded.items()}
    close_ST = panel.traded["close"]
    before = np.concatenate([np.full((len(names), 1), np.nan), close_ST[:, :-1]], axis=1)
    return keys.with_columns(
        board=pl.Series(np.tile(boards, len(panel.sessions))),
        **traded,
        prev_close=pl.Series(before.T.ravel()).fill_nan(None),
        adj_factor=pl.Series(panel.factor.T.ravel()),
        is_suspended=traded["close"].is_null(),
        limit_up=pl.lit(None, dtype=pl.Float64),
        limit_down=pl.lit(None, dtype=pl.Float64),
        is_locked_up=pl.lit(value=False),
        is_locked_down=pl.lit(value=False),
        available_at=pl.col("session").dt.combine(pl.time(17)).dt.replace_time_zone("Asia/Shanghai"),
    )


if __name__ == "__main__":
    sys.exit(main())
