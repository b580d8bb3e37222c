"""River: does the pipeline find what is there, and nothing where nothing is?

For each seed two worlds are drawn from the specification: its own, with a planted signal whose true expected returns
are known, and the exchangeable null. Every experiment of the project walks forward through both. Asked for: the true
signal is weak (oracle RankIC at most .06), the model chosen on validation has an out-of-sample interval above 0 on
each seed, `lstm_price` follows the component that only a sequence shows better than `ridge_price`, and in the null
world no model's |t| exceeds 3.3.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from assets.evaluation.information import daily, information, on_common_names, seed_averaged
from assets.evaluation.intervals import Interval, interval, paired
from assets.evaluation.leaderboard import compare
from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.outcome import Demand, end, options
from benchmarks.world import project_of, tables_of, walk_forward
from pipelines.home import be_quiet
from pipelines.settings import EXPERIMENTS
from pipelines.workers import workers

MARKET = Path(__file__).parent / "markets" / "river.yaml"
SEQUENCE, LINE, NETWORK = "confirmed_drift", "ridge_price", "lstm_price"
NULL = "null_exchangeable"
NOTHING = Interval(float("nan"), float("nan"), float("nan"), float("nan"), 0, 0)


@dataclass(frozen=True)
class Walked:
    """One experiment through one world: RankIC on validation and out of sample, and its grip on the sequence."""

    name: str
    valid_rank_ic: float
    test: Interval
    sequence: Interval = NOTHING


@dataclass(frozen=True)
class World:
    """One world of one seed: the oracle's RankIC, every experiment, and the network against the line."""

    seed: int
    world: str
    seconds: float
    oracle: float
    walked: tuple[Walked, ...]
    sequence_gain: Interval = NOTHING
    realised_gain: str = ""

    @property
    def chosen(self) -> Walked:
        """The experiment with the highest RankIC on validation."""
        return max(self.walked, key=lambda walked: walked.valid_rank_ic)


def main() -> int:
    """Walk every world, print a line for each experiment, and say what was reached."""
    asked = options(str(__doc__), str(MARKET), seeds="0..4")
    tasks = [(asked.market, seed, world) for seed in asked.seeds for world in ("", NULL)]
    # One thread for each world, as many worlds as cores: small matrices gain nothing from a second thread.
    os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"
    began = time.monotonic()
    worlds = []
    with workers() as pool:
        for done in as_completed([pool.submit(walk_world, *task) for task in tasks]):
            worlds.append(done.result())
            _tell(worlds[-1], len(worlds), len(tasks), time.monotonic() - began)
    signal = [world for world in worlds if world.world != NULL]
    null = [world for world in worlds if world.world == NULL]
    figures = {
        "oracle_rank_ic": max(world.oracle for world in signal),
        "signal_lower_min": min(world.chosen.test.lower for world in signal),
        "sequence_gain_lower": min(world.sequence_gain.lower for world in signal),
        "null_abs_t_max": max(abs(walked.test.t) for world in null for walked in world.walked),
        "seeds": asked.seeds,
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    demands = [
        Demand("oracle_rank_ic", 0.06, at_least=False),
        Demand("signal_lower_min", 1e-9, at_least=True),
        Demand("sequence_gain_lower", 1e-9, at_least=True),
        Demand("null_abs_t_max", 3.3, at_least=False),
    ]
    return end(figures, demands)


def walk_world(market: str, seed: int, world: str) -> World:
    """Draw one world and walk every experiment through it, in memory and in one process."""
    be_quiet()
    began = time.monotonic()
    settings = yaml.safe_load(Path(market).read_text(encoding="utf-8"))
    spec = SyntheticMarketSpec.model_validate({**settings, "seed": seed, **({"world": world} if world else {})})
    tables = tables_of(spec)
    with tempfile.TemporaryDirectory() as folder:
        project = project_of(spec, Path(folder), EXPERIMENTS)
    forecast = {name: walk_forward(walk, tables) for name, walk in project.walks.items()}
    horizon = project.walks[LINE].experiment.target.horizon
    returns = tables["targets/forward_returns"]
    if spec.world == NULL:
        walked = tuple(_walked(name, frame, returns, horizon) for name, frame in forecast.items())
        return World(seed, NULL, time.monotonic() - began, 0.0, walked)
    truth = _truth(spec, horizon)
    grips = {name: _grip(frame, truth) for name, frame in forecast.items()}
    walked = tuple(
        _walked(name, frame, returns, horizon, interval(grips[name]["rank_ic"], horizon))
        for name, frame in forecast.items()
    )
    pair = on_common_names(forecast[NETWORK], forecast[LINE])
    network, line = (information(frame, returns, horizon) for frame in pair)
    realised = compare(network, line, horizon)
    return World(
        seed,
        spec.world,
        time.monotonic() - began,
        oracle_rank_ic(truth, returns, horizon),
        walked,
        paired(grips[NETWORK], grips[LINE], "rank_ic", horizon),
        realised.sentence(),
    )


def oracle_rank_ic(truth: pl.DataFrame, returns: pl.DataFrame, horizon: int) -> float:
    """Mean daily RankIC of the true expected return against what came, over every session."""
    filled = returns.filter(pl.col("horizon") == horizon, pl.col("forward_return").is_not_null())
    both = truth.join(filled, on=["session", "security_id"])
    day = both.group_by("session").agg(pl.corr("total", "forward_return", method="spearman").alias("rank_ic"))
    return float(str(day["rank_ic"].drop_nans().mean()))


def _walked(
    name: str, forecast: pl.DataFrame, returns: pl.DataFrame, horizon: int, sequence: Interval = NOTHING
) -> Walked:
    found = information(forecast, returns, horizon)
    valid = daily(found, "valid")["rank_ic"].mean()
    return Walked(name, float(str(valid)), interval(daily(found, "test")["rank_ic"], horizon), sequence)


def _truth(spec: SyntheticMarketSpec, horizon: int) -> pl.DataFrame:
    """Expected return of one horizon by component, one column each."""
    return spec.truth().filter(pl.col("horizon") == horizon).drop("horizon")


def _grip(forecast: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Daily rank correlation of the seed-averaged test forecast with the true sequence component."""
    test = seed_averaged(forecast.filter(pl.col("segment") == "test")).join(truth, on=["session", "security_id"])
    day = test.group_by("session").agg(pl.corr("forecast", SEQUENCE, method="spearman").alias("rank_ic"))
    return day.sort("session")


def _tell(world: World, done: int, of: int, seconds: float) -> None:
    print(f"\n{done} of {of} after {seconds / 60:.1f} min: seed {world.seed}, {world.world}, {world.seconds:.0f} s")
    if world.world != NULL:
        print(f"  oracle RankIC {world.oracle:.4f}; chosen on validation: {world.chosen.name}")
        print(
            f"  {NETWORK} less {LINE} on {SEQUENCE}: {_bounded(world.sequence_gain)}; realised: {world.realised_gain}"
        )
    for walked in world.walked:
        grip = "" if world.world == NULL else f"  on {SEQUENCE} {_bounded(walked.sequence)}"
        print(
            f"  {walked.name:16} valid {walked.valid_rank_ic:+.4f}  test {_bounded(walked.test)}"
            f"  t {walked.test.t:+.2f}{grip}",
            flush=True,
        )


def _bounded(found: Interval) -> str:
    return f"{found.mean:+.4f} [{found.lower:+.4f}, {found.upper:+.4f}]"


if __name__ == "__main__":
    sys.exit(main())
