"""Promotion: does luck take a champion's seat, and does a better model take it?

Three lines of different features walk forward through small worlds. The one that sees two sessions of prices has the
seat. After each quarter of new test sessions the best on validation of the others tries to take it, by the project's
own rule: the paired test at the error that the year has left, and the deflated Sharpe ratio among all three. Each world
is as long as three test windows of half a year, so that several attempts are made.

*Null* worlds are exchangeable: nothing foretells, and whoever takes the seat took it by luck. In *signal* worlds weeks
of own prices foretell, which two sessions tell in part; the truth says who foretells more. Asked for: of 100 null
worlds at most 5 ever promote, and in 16 of 20 signal worlds the seat ends with one that foretells more than the first
champion does.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import as_completed
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import yaml

from assets.evaluation.information import daily, information, on_common_names, seed_averaged
from assets.evaluation.luck import figures
from assets.evaluation.portfolio import simulate
from assets.evaluation.promotion import NEW_SESSIONS, Rivals, Seat, attempt
from assets.sources.embedded.truth import NOISE_SCALE
from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.outcome import Demand, end
from benchmarks.world import Frames, beginning_with, project_of, tables_of, walk_forward
from expectations.tables import Bars, ForwardReturns, Universe
from pipelines.experiment_assets import Walk
from pipelines.home import be_quiet
from pipelines.workers import workers

MARKET = Path(__file__).parent / "markets" / "promotion.yaml"
EXPERIMENTS = Path(__file__).parent / "experiments" / "promotion"
NULL, SIGNAL = "null", "signal"
FIRST = "near"
SHARE_OF_NULLS, SHARE_OF_SIGNALS = 0.05, 0.8
KEYS = ("session", "security_id")


@dataclass(frozen=True)
class Contender:
    """One model out of sample.

    valid    by the first session of each test window, the mean RankIC on its validation window
    test     rows of Forecasts
    earned   session, excess_return
    truth    mean correlation with the true expected return within the session; None where nothing is foretold
    """

    name: str
    valid: Mapping[date, float]
    test: pl.DataFrame
    earned: pl.DataFrame
    truth: float | None

    def valid_until(self, day: date) -> float:
        """Mean RankIC on the validation windows of the folds that have begun by then."""
        begun = [value for first, value in self.valid.items() if first <= day]
        return sum(begun) / len(begun)


@dataclass(frozen=True)
class World:
    """One world: what happened to the seat, and what each contender foretells in truth."""

    kind: str
    seed: int
    seconds: float
    history: tuple[Seat, ...]
    truth: Mapping[str, float | None]

    @property
    def promotions(self) -> int:
        """How often the seat changed hands."""
        return sum(seat.told == "promoted" for seat in self.history)

    @property
    def is_better(self) -> bool:
        """Whether the last champion foretells more than the first."""
        first, last = (self.truth[name] or 0.0 for name in (FIRST, self.history[-1].holder))
        return last > first


def main() -> int:
    """Walk every world, two at a time, and say who took a seat."""
    asked = _asked()
    # One thread for each world, as many worlds as cores.
    os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"
    began = time.monotonic()
    tasks = [(asked.market, seed, NULL) for seed in range(asked.nulls)]
    tasks += [(asked.market, seed, SIGNAL) for seed in range(asked.signals)]
    worlds = []
    with workers() as pool:
        for done in as_completed([pool.submit(walk_world, *task) for task in tasks]):
            worlds.append(done.result())
            _tell(worlds[-1], len(worlds), len(tasks))
    nulls, signals = ([world for world in worlds if world.kind == kind] for kind in (NULL, SIGNAL))
    reached = {
        "null_promotions": sum(world.promotions > 0 for world in nulls),
        "signal_promotions": sum(world.is_better for world in signals),
        "attempts_a_null_world": round(sum(len(world.history) - 1 for world in nulls) / max(len(nulls), 1), 2),
        "worlds": [len(nulls), len(signals)],
        "seconds_a_world": round(max(world.seconds for world in worlds), 1),
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    return end(
        reached,
        [
            Demand("null_promotions", SHARE_OF_NULLS * len(nulls), at_least=False),
            Demand("signal_promotions", SHARE_OF_SIGNALS * len(signals), at_least=True),
        ],
    )


def walk_world(market: str, seed: int, kind: str) -> World:
    """Draw one world, let every model walk through it, and let the seat be tried for as the sessions come."""
    be_quiet()
    began = time.monotonic()
    settings = yaml.safe_load(Path(market).read_text(encoding="utf-8"))
    world = "signal" if kind == SIGNAL else "null_exchangeable"
    spec = SyntheticMarketSpec.model_validate({**settings, "seed": seed, "world": world})
    with tempfile.TemporaryDirectory() as folder:
        walks = project_of(spec, Path(folder), beginning_with(spec, EXPERIMENTS, Path(folder) / "asked")).walks
    read = {ForwardReturns.asset_key, Bars.asset_key, Universe.asset_key}
    tables = tables_of(spec, read.union(*(walk.tables.values() for walk in walks.values())))
    contenders = {name: contender(walk, tables, spec if kind == SIGNAL else None) for name, walk in walks.items()}
    history = tried(contenders, tables[ForwardReturns.asset_key], walks[FIRST].experiment.target.horizon)
    truth = {name: one.truth for name, one in contenders.items()}
    return World(kind, seed, time.monotonic() - began, tuple(history), truth)


def contender(walk: Walk, tables: Frames, spec: SyntheticMarketSpec | None) -> Contender:
    """One model through its folds; what it earned, and how it stands to the truth where there is one."""
    experiment = walk.experiment
    found = walk_forward(walk, tables)
    test = found.filter(pl.col("segment") == "test")
    told = information(found, tables[ForwardReturns.asset_key], experiment.target.horizon)
    by_fold = told.filter(pl.col("segment") == "valid").group_by("fold").agg(pl.col("rank_ic").mean())
    valid = {date.fromisoformat(fold): mean for fold, mean in by_fold.iter_rows()}
    traded = seed_averaged(test).select(*KEYS, "forecast")
    simulated = simulate(traded, tables[Bars.asset_key], tables[Universe.asset_key], experiment.trading)
    truth = None if spec is None else foretold(test, spec, experiment.target.horizon)
    return Contender(experiment.name, valid, test, simulated.daily.select("session", "excess_return"), truth)


def foretold(test: pl.DataFrame, spec: SyntheticMarketSpec, horizon: int) -> float:
    """Mean correlation of a forecast with the true expected return within the session."""
    truth = spec.truth().filter(pl.col("horizon") == horizon).drop("horizon", NOISE_SCALE)
    parts = [name for name in truth.columns if name not in KEYS]
    expected = truth.select(*KEYS, expected=pl.sum_horizontal(parts))
    by_day = seed_averaged(test).join(expected, on=list(KEYS)).group_by("session")
    return float(str(by_day.agg(found=pl.corr("forecast", "expected").fill_nan(None))["found"].mean()))


def tried(contenders: Mapping[str, Contender], labels: pl.DataFrame, horizon: int) -> list[Seat]:
    """What happens to the seat when it is tried for after each quarter of settled test sessions."""
    settled = daily(information(contenders[FIRST].test, labels, horizon), "test").drop_nulls("rank_ic")["session"]
    history = [_seat(horizon, settled[0])]
    for number in range(NEW_SESSIONS, len(settled) + 1, NEW_SESSIONS):
        until: date = settled[number - 1]
        others = [name for name in contenders if name != history[-1].holder]
        best = max(others, key=lambda name: contenders[name].valid_until(until))
        found = attempt(rivals(contenders, history[-1].holder, best, labels, horizon, until), history)
        if found is not None:
            history.append(found)
    return history


def rivals(
    contenders: Mapping[str, Contender], champion: str, challenger: str, labels: pl.DataFrame, horizon: int, until: date
) -> Rivals:
    """Two contenders as they stood after a session."""
    pair = on_common_names(contenders[champion].test, contenders[challenger].test)
    by_day = [daily(information(rows, labels, horizon), "test").select("session", "rank_ic") for rows in pair]
    before = [frame.filter(pl.col("session") <= until) for frame in by_day]
    return Rivals(
        source="world",
        horizon=horizon,
        champion=champion,
        challenger=challenger,
        champion_daily=before[0],
        challenger_daily=before[1],
        dsr=deflated(contenders, challenger, until),
        trials=(champion, challenger),
    )


def deflated(contenders: Mapping[str, Contender], own: str, until: date) -> float:
    """Deflated Sharpe ratio of one contender among all, as it stood after a session."""
    returns = pl.concat(
        one.earned.filter(pl.col("session") <= until).drop_nulls().with_columns(trial_id=pl.lit(name))
        for name, one in contenders.items()
    )
    found = {figure.metric: figure.value for figure in figures(returns, own, 0, {})}
    return found.get("dsr_effective", float("nan"))


def _seat(horizon: int, day: date) -> Seat:
    return Seat(
        source="world", horizon=horizon, told="seated", champion=FIRST, trial=FIRST, until=day, reason="the first"
    )


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--market", default=str(MARKET), help="specification of the synthetic market, YAML")
    parser.add_argument("--nulls", type=int, default=100, help="null worlds, of the seeds 0, 1, ...")
    parser.add_argument("--signals", type=int, default=20, help="signal worlds, of the seeds 0, 1, ...")
    return parser.parse_args()


def _tell(world: World, done: int, of: int) -> None:
    told = "; ".join(_words(seat) for seat in world.history[1:]) or "no attempt"
    truth = ", ".join(f"{name} {value:.2f}" for name, value in world.truth.items() if value is not None)
    print(f"{done} of {of}: {world.kind} {world.seed}, {world.seconds:.0f} s: {told}{truth and '; truth: ' + truth}")
    sys.stdout.flush()


def _words(seat: Seat) -> str:
    dsr = "none" if seat.dsr is None else f"{seat.dsr:.2f}"
    return f"{seat.challenger} {seat.told} at {seat.level:.4f} ({seat.difference:+.4f}, {seat.lower:+.4f}, DSR {dsr})"


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
