"""Backtest: how fast the executor trades beside Qlib's own, on one core, and whether both end each session alike.

500 securities by 500 sessions with 1% of the bars missing, dividends, and scores that keep some of their order from a
session to the next. Both hold the 50 best and let 5 drop out a session (Qlib's TopkDropoutStrategy), at the close,
with Qlib's rates, least fee and lots of 100 shares. Counted are processor seconds: of Qlib's loop over strategy and
executor, with the quotes loaded; of ours from wide arrays to books, compiled code loaded. `ratio_whole` is told beside
it: for Qlib with making the exchange from its files, for ours from a table of bars to all tables of `simulate`, which
trades eight times over for the yardstick and the shortfall.

Qlib's own rules are switched on: no limits, no cap, no impact, no tax. Three things of ours are switched to its manner,
and each is told alone: orders sized by the price of their own fill (`at_fill`), which is not known when one decides,
shares that grow by the adjustment factor (`reinvested`), where ours pays dividends in cash, and money in fractions of
cents (`whole_cents` off).

Asked for: at least 50 times the speed, and account values within 1e-6 of each other on every session.
"""
# S securities, T sessions

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation import tariff
from assets.evaluation.exchange import Exchange, usual_deviation, usual_volume
from assets.evaluation.execution import execute
from assets.evaluation.executor import SUSPENDED, Market, Plan, Rules, Tariff
from assets.evaluation.portfolio import simulate
from assets.evaluation.trading import TradingSpec
from assets.wide import Grid
from benchmarks.outcome import Demand, end, not_possible
from benchmarks.qlib_folder import write_qlib_folder
from benchmarks.random_panel import RandomPanel, as_float32, random_panel

ROOT = Path(__file__).resolve().parents[1]
PEER_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
SECURITIES, SESSIONS, MISSING, SEED = 500, 500, 0.01, 0
SETTINGS = {
    "top_k": 50, "drop": 5, "capital": 100_000_000.0, "invested": 0.95, "buy": 0.0005, "sell": 0.0015, "minimum": 5.0
}  # fmt: skip
KEPT = 0.9  # of the scores, from a session to the next
ROUNDS = 3
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS",
     "POLARS_MAX_THREADS"), "1",
)  # fmt: skip
LIKE_QLIB = Rules(
    dropout=True,
    top_k=50,
    drop=5,
    capital=SETTINGS["capital"] * 100,
    cash_share=SETTINGS["invested"],
    limits=False,
    whole_cents=False,
    at_fill=True,
    reinvested=True,
    taxed=False,
    lot_slack=0.1,
)
CAUSES = {
    "orders sized by what was known": {"at_fill": False},
    "dividends paid in cash": {"reinvested": False},
    "money in whole cents": {"whole_cents": True},
}
Wide = NDArray[np.float64]
DEMANDS = (
    Demand("ratio", 50, at_least=True),
    Demand("worst_relative_difference", 1e-6, at_least=False),
)


@dataclass(frozen=True)
class World:
    """A panel of one session more than is traded, and scores [S, T]."""

    panel: RandomPanel
    scores_ST: Wide

    @property
    def traded(self) -> int:
        """Sessions that are traded, the first decision included."""
        return len(self.panel.sessions) - 1


def main() -> int:
    """Trade by both, a few times, and tell how fast and how far apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=["qlib"], default="qlib", help="the executor to be compared with")
    parser.parse_args()
    if not PEER_PYTHON.exists():
        return not_possible("the peers have no environment here: make peers first")
    world = drawn(SECURITIES, SESSIONS, SEED)
    exchange, plan = exchange_of_world(world), plan_of_world(world)
    fees = _fees(exchange)
    execute(exchange, plan, LIKE_QLIB, fees)
    ours, theirs = [], []
    for number in range(ROUNDS):
        account_T, told = by_qlib(world)
        theirs.append(told)
        ours.append(_timed(lambda: execute(exchange, plan, LIKE_QLIB, fees)))
        print(f"round {number + 1}: Qlib {told['seconds']:.2f} s, ours {ours[-1] * 1e3:.1f} ms of one core", flush=True)
    whole = _timed(lambda: whole_simulation(world))
    apart = {cause: difference(world, account_T, LIKE_QLIB._replace(**switch)) for cause, switch in CAUSES.items()}
    for cause, worst in apart.items():
        print(f"{cause}: account values differ by up to {worst:.1e}")
    loop = median(told["seconds"] for told in theirs)
    figures = {
        "ratio": round(loop / median(ours), 1),
        "worst_relative_difference": float(f"{difference(world, account_T, LIKE_QLIB):.2e}"),
        "ratio_whole": round((loop + median(told["making"] for told in theirs)) / whole, 1),
        "seconds": {"qlib": round(loop, 2), "ours": round(median(ours), 4), "ours_whole": round(whole, 2)},
        "causes": {cause: float(f"{worst:.1e}") for cause, worst in apart.items()},
        "sessions": len(account_T),
    }
    return end(figures, DEMANDS)


def drawn(securities: int, sessions: int, seed: int) -> World:
    """Bars whose stored numbers are those of Qlib's files, and scores that keep some of their order."""
    panel = random_panel(securities, sessions + 1, seed, MISSING)
    rng = np.random.default_rng(seed + 1)
    scores_ST = rng.standard_normal((securities, sessions + 1))
    for t in range(1, sessions + 1):
        scores_ST[:, t] = KEPT * scores_ST[:, t - 1] + np.sqrt(1 - KEPT**2) * scores_ST[:, t]
    return World(panel, scores_ST)


def by_qlib(world: World) -> tuple[Wide, dict[str, float]]:
    """Account value of each session after the first, and what Qlib told of its time."""
    fields = world.panel.adjusted | {"factor": as_float32(world.panel.factor)}
    fields["change"] = np.zeros_like(fields["close"])
    held_ST = ~np.isnan(fields["close"])
    with tempfile.TemporaryDirectory() as data, tempfile.TemporaryDirectory() as out:
        masked = {name: np.where(held_ST, cells_ST, np.nan) for name, cells_ST in fields.items()}
        write_qlib_folder(Path(data) / "qlib", world.panel.sessions, world.panel.securities, masked)
        np.save(Path(data) / "scores.npy", world.scores_ST)
        (Path(data) / "settings.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
        script = ROOT / "benchmarks" / "peers" / "qlib_backtest.py"
        command = [str(part) for part in (PEER_PYTHON, script, data, out)]
        found = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **ONE_THREAD})
        if found.returncode:
            raise RuntimeError(f"Qlib's executor failed: {found.stderr.strip()[-2000:]}")
        return np.load(Path(out) / "account.npy"), json.loads(found.stdout.strip().splitlines()[-1])


def exchange_of_world(world: World) -> Exchange:
    """What the executor reads, of the numbers that Qlib's files hold."""
    sessions = world.traded
    adjusted = {name: cells_ST[:, :sessions] for name, cells_ST in world.panel.adjusted.items()}
    factor_ST = as_float32(world.panel.factor)[:, :sessions]
    held_ST = ~np.isnan(adjusted["close"])
    close_ST, volume_ST = adjusted["close"] / factor_ST, adjusted["volume"] * factor_ST
    place_ST = np.maximum.accumulate(np.where(held_ST, np.arange(sessions), 0), axis=1)
    worth_ST = np.take_along_axis(adjusted["close"], place_ST, axis=1)
    ranges = [adjusted[name] / factor_ST for name in ("open", "high", "low")]
    cells = [close_ST, *ranges, worth_ST, np.take_along_axis(factor_ST, place_ST, axis=1)]
    cells += [usual_volume(volume_ST, factor_ST), usual_deviation(adjusted["close"])]
    refused_ST = np.where(held_ST, 0, SUSPENDED)
    market = Market(
        cells_QTS=np.stack([cells_ST.T for cells_ST in cells]),
        codes_QTS=np.stack([refused_ST.T, refused_ST.T, np.ones((sessions, len(held_ST)))]).astype(np.int8),
        place_QS=np.stack([np.zeros(len(held_ST), np.int64), np.ones(len(held_ST), np.int64)]),
    )
    grid = Grid(world.panel.sessions[:sessions], world.panel.securities)
    return Exchange(grid, market, np.ones((sessions, len(held_ST)), dtype=bool))


def plan_of_world(world: World) -> Plan:
    """Every name of every session, best first."""
    sessions, securities = world.traded, len(world.scores_ST)
    order_TS = np.argsort(-world.scores_ST[:, :sessions].T, axis=1, kind="stable")
    edges = np.arange(sessions + 1, dtype=np.int64) * securities
    return Plan(edges, order_TS.reshape(-1).astype(np.int64), np.ones(order_TS.size, dtype=bool))


def difference(world: World, account_T: Wide, rules: Rules) -> float:
    """Largest relative difference of the account values over the sessions."""
    exchange = exchange_of_world(world)
    found = execute(exchange, plan_of_world(world), rules, _fees(exchange)).days["nav"]
    if len(found) != len(account_T):
        raise ValueError(f"Qlib told {len(account_T)} sessions, ours {len(found)}; both trade all but the first")
    return float(np.max(np.abs(found / account_T - 1)))


def _fees(exchange: Exchange) -> Tariff:
    return tariff.flat(exchange.grid.sessions, SETTINGS["buy"], SETTINGS["sell"], SETTINGS["minimum"])


def whole_simulation(world: World) -> None:
    """From a table of bars to every table."""
    traded, sessions = world.panel.traded, world.traded
    days, names = pl.Series(world.panel.sessions[:sessions]), pl.Series(world.panel.securities)
    long = pl.DataFrame({"security_id": names}).join(pl.DataFrame({"session": days}), how="cross")
    columns = {name: traded[name][:, :sessions].reshape(-1) for name in traded}
    columns["adj_factor"] = world.panel.factor[:, :sessions].reshape(-1)
    columns["forecast"] = world.scores_ST[:, :sessions].reshape(-1)
    flags = dict.fromkeys(("is_suspended", "is_locked_up", "is_locked_down"), pl.lit(False))
    bars = long.with_columns(**{name: pl.Series(cells) for name, cells in columns.items()}, **flags)
    bars = bars.with_columns(
        board=pl.lit("main"), limit_up=pl.lit(None, pl.Float64), limit_down=pl.lit(None, pl.Float64)
    ).filter(pl.col("close").is_not_nan())
    told = bars.filter(pl.col("session") < days[-1]).select("session", "security_id", "forecast")
    universe = bars.select("session", "security_id", is_member=pl.lit(True))
    simulate(told, bars, universe, TradingSpec(holding="dropout", top_k=50, drop=5, capital=SETTINGS["capital"]))


def _timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    os.environ.update(ONE_THREAD)
    sys.exit(main())
