"""False alarms: does the gate stop honest work?

For each seed three small honest markets with every kind of fact are drawn: one that foretells, the realistic null and
the exchangeable null. Beside them stands a folder of real bars, where one is given. In each, every asset with a
blocking check is made, with all that it reads and with the experiments of `benchmarks/experiments/honest` (on real bars
those of the project), by the project's own graph, so that a new stage takes part as soon as it is in it. Asked for: no
blocking check fails, and none is left without an answer.

`--data files:FOLDER` names the real bars; by default they are those of the environment variable KINDLING_DATA, and
without it that part is skipped, and said to be. `--no-synthetic` leaves the drawn markets out.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import yaml

from assets.sources import Source
from assets.sources.market import parse_market
from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.needed import Needed
from benchmarks.outcome import Demand, end, seeds_of
from benchmarks.world import beginning_with, project_of
from pipelines.home import be_quiet
from pipelines.settings import EXPERIMENTS
from pipelines.workers import workers

MARKET = Path(__file__).parent / "markets" / "honest.yaml"
HONEST = Path(__file__).parent / "experiments" / "honest"
WORLDS = ("signal", "null_realistic", "null_exchangeable")
DATA = "KINDLING_DATA"


@dataclass(frozen=True)
class Judged:
    """One blocking check on one market: whether it passed and what it said; None where it gave no answer."""

    check: str
    passed: bool | None
    said: str


@dataclass(frozen=True)
class Market:
    """One honest market and what every blocking check of the gate said of it."""

    name: str
    seconds: float
    judged: tuple[Judged, ...]

    @property
    def alarms(self) -> list[Judged]:
        """Checks that failed."""
        return [one for one in self.judged if one.passed is False]

    @property
    def silent(self) -> list[Judged]:
        """Checks that gave no answer."""
        return [one for one in self.judged if one.passed is None]


def main() -> int:
    """Judge every market, as many at a time as there are cores; print each and say what was reached."""
    asked = _asked()
    # One thread for each market: small frames gain nothing from a second one.
    os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"
    began = time.monotonic()
    markets = []
    with workers() as pool:
        tasks = [pool.submit(judge_data, asked.data)] if asked.data else []
        drawn = [(asked.market, seed, world) for seed in asked.seeds for world in WORLDS]
        tasks += [pool.submit(judge_world, *task) for task in drawn if asked.synthetic]
        for done in as_completed(tasks):
            markets.append(done.result())
            _tell(markets[-1], len(markets), len(tasks))
    if not asked.data:
        print(f"real bars: skipped, since neither --data files:FOLDER nor {DATA} names a folder")
    figures = {
        **counted(markets),
        "seeds": asked.seeds if asked.synthetic else [],
        "real_bars": bool(asked.data),
        "seconds_a_world": round(max((one.seconds for one in markets if one.name != asked.data), default=0.0), 1),
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    demands = [Demand(key, 0, at_least=False) for key in ("false_alarms", "without_answer")]
    return end(figures, [*demands, Demand("judged", 1, at_least=True)])


def counted(markets: Sequence[Market]) -> dict[str, object]:
    """Failures, checks without an answer and checks with one over all markets, and the names of the checks."""
    every = [one for market in markets for one in market.judged]
    return {
        "false_alarms": sum(len(market.alarms) for market in markets),
        "without_answer": sum(len(market.silent) for market in markets),
        "judged": sum(one.passed is not None for one in every),
        "checks": sorted({one.check for one in every}),
        "markets": len(markets),
    }


def judge_world(market: str, seed: int, world: str) -> Market:
    """Draw a market and let the gate judge it."""
    settings = yaml.safe_load(Path(market).read_text(encoding="utf-8"))
    spec = SyntheticMarketSpec.model_validate({**settings, "seed": seed, "world": world})
    with tempfile.TemporaryDirectory() as folder:
        return judge(f"seed {seed}, {world}", spec, Path(folder), beginning_with(spec, HONEST, Path(folder) / "asked"))


def judge_data(market: str) -> Market:
    """Let the gate judge the project's own experiments on a market from elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        return judge(market, parse_market(market), Path(folder), EXPERIMENTS)


def judge(name: str, source: Source, home: Path, experiments: Path) -> Market:
    """Make every asset with a blocking check and all that it reads, and gather what the checks say."""
    be_quiet()
    began = time.monotonic()
    project = project_of(source, home, experiments)
    checks = [spec for asset in project.graph.assets for spec in asset.check_specs if spec.blocking]
    needed = Needed(project, {spec.asset_key.to_user_string() for spec in checks})
    with needed.instance() as instance:
        said = needed.flow(instance)
        judged = tuple(_answer(instance, spec.key, said) for spec in checks)
    return Market(name, time.monotonic() - began, judged)


def _answer(instance: dg.DagsterInstance, key: dg.AssetCheckKey, said: str) -> Judged:
    """The last evaluation of a check; a failure that only warns stops nothing and counts as passed."""
    name = f"{key.asset_key.to_user_string()} {key.name}"
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
    found = record.evaluation if record else None
    if not isinstance(found, dg.AssetCheckEvaluation):  # planned, but its step ended before it
        return Judged(name, None, said)
    passed = found.passed or found.severity != dg.AssetCheckSeverity.ERROR
    told = found.metadata.get("failures")
    return Judged(name, passed, "" if passed or told is None else str(told.value))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", default=str(MARKET), help="specification of the synthetic markets, YAML")
    parser.add_argument("--seeds", default="0..19", type=seeds_of, help="as 0..19")
    parser.add_argument("--data", default=_data(), help="real bars, as files:FOLDER")
    parser.add_argument("--no-synthetic", dest="synthetic", action="store_false", help="only the real bars")
    return parser.parse_args()


def _data() -> str | None:
    """The real bars that the environment names, with or without the word before the folder."""
    named = os.environ.get(DATA)
    return named if not named or ":" in named else f"files:{named}"


def _tell(market: Market, done: int, of: int) -> None:
    passed = len(market.judged) - len(market.alarms) - len(market.silent)
    print(f"{done} of {of}: {market.name}, {market.seconds:.0f} s: {passed} of {len(market.judged)} checks passed")
    for one in market.alarms:
        print(f"  FALSE ALARM {one.check}: {one.said}")
    for one in market.silent:
        print(f"  NO ANSWER {one.check}: {one.said[-2000:]}")
    sys.stdout.flush()


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
