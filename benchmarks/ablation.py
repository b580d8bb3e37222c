"""Ablation: what each source of features adds where its component is planted, and that it adds nothing where it is not.

For each seed one world is drawn with every component and, for each source, one without its component. A ridge
regression walks forward through them with the features of all sources, and again without those of one. The
difference of the two daily RankICs, averaged over the seeds, is what the source adds. Where the component is planted
its 95% interval must lie above 0; where it is not, its 90% interval, corrected for the number of sources, must lie
within .003 of 0.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from assets.evaluation.information import daily, information
from assets.evaluation.intervals import Interval, interval
from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.outcome import Demand, end, options
from benchmarks.worlds import project_of, tables_of, walk_forward
from pipelines.home import be_quiet

MARKET = Path(__file__).parent / "markets" / "ablation.yaml"
EXPERIMENT = Path(__file__).parent / "experiments" / "every_source.yaml"
SOURCES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "prices": ("own_price", ("alpha158",)),
    "financials": ("statements", ("financials",)),
    "news": ("news", ("news",)),
    "policy_events": ("policy", ("policy_events",)),
    "supply_chain": ("supply_chain", ("supply_chain",)),
    "correlation": ("peers", ("correlation",)),
}
"""Source -> driver of its component, and its feature groups."""
HORIZON = 5
LARGEST = 0.003
ADDED_LEVEL, ABSENT_LEVEL = 0.95, 0.9834
FULL = "every_source"


@dataclass(frozen=True)
class World:
    """Daily RankIC on test of the model with every source and of those without one; `absent` names what is not planted.

    days  session, and a column for each model
    """

    seed: int
    absent: str
    days: pl.DataFrame
    seconds: float


def main() -> int:
    """Walk every world, print what each source adds in it, and say what was reached."""
    asked = options(str(__doc__), str(MARKET))
    tasks = [(asked.market, seed, absent) for seed in asked.seeds for absent in ("", *SOURCES)]
    os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"
    began = time.monotonic()
    worlds = []
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(walk_world, *task) for task in tasks]):
            worlds.append(done.result())
            _tell(worlds[-1], len(worlds), len(tasks), time.monotonic() - began)
    added = {source: gain(worlds, source, "", ADDED_LEVEL) for source in SOURCES}
    absent = {source: gain(worlds, source, source, ABSENT_LEVEL) for source in SOURCES}
    print(f"\n{'source':14} {'planted: adds':32} not planted: adds")
    for source in SOURCES:
        print(f"{source:14} {_bounded(added[source]):32} {_bounded(absent[source])}")
    figures: dict[str, object] = {f"added_lower_{source}": found.lower for source, found in added.items()}
    figures |= {f"absent_widest_{source}": widest(found) for source, found in absent.items()}
    demands = [Demand(f"added_lower_{source}", 1e-9, at_least=True) for source in SOURCES]
    demands += [Demand(f"absent_widest_{source}", LARGEST, at_least=False) for source in SOURCES]
    return end({**figures, "seeds": asked.seeds, "minutes": round((time.monotonic() - began) / 60, 1)}, demands)


def walk_world(market: str, seed: int, absent: str) -> World:
    """Draw one world and walk the model through it, with every source and without some.

    absent  the source whose component is not planted, and without which the model walks again; none: without each
    """
    be_quiet()
    began = time.monotonic()
    settings = yaml.safe_load(Path(market).read_text(encoding="utf-8"))
    spec = SyntheticMarketSpec.model_validate({**without_component(settings, absent), "seed": seed})
    tables = tables_of(spec)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_experiments(home / "experiments", [absent] if absent else list(SOURCES))
        project = project_of(spec, home, home / "experiments")
    returns = tables["targets/forward_returns"]
    days = [rank_ic(name, walk_forward(walk, tables), returns, HORIZON) for name, walk in project.walks.items()]
    return World(seed, absent, _joined(days), time.monotonic() - began)


def without_component(market: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The settings of a market with nothing planted that the source could tell; every noise stays as it is."""
    driver = SOURCES[source][0] if source else ""
    components = [{**c, "ic": 0.0} if c["driver"] == driver else c for c in market["components"]]
    return {**market, "components": components}


def write_experiments(folder: Path, left_out: Sequence[str]) -> None:
    """Settings of the model with every source, and of one without each of some sources."""
    folder.mkdir()
    (folder / f"{FULL}.yaml").write_text(EXPERIMENT.read_text(encoding="utf-8"), encoding="utf-8")
    full = yaml.safe_load(EXPERIMENT.read_text(encoding="utf-8"))
    for source in left_out:
        features = [group for group in full["features"] if group not in SOURCES[source][1]]
        own = {"base": FULL, "question": f"What is lost without {source}?", "features": features}
        (folder / f"without_{source}.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")


def gain(worlds: Sequence[World], source: str, absent: str, level: float) -> Interval:
    """What the source adds to RankIC in the worlds in which `absent` is not planted: mean over seeds, day by day."""
    added = (pl.col(FULL) - pl.col(f"without_{source}")).alias("added")
    days = pl.concat(world.days.select("session", added) for world in worlds if world.absent == absent)
    return interval(days.group_by("session").mean().sort("session")["added"], HORIZON, level)


def widest(found: Interval) -> float:
    """How far an interval reaches from 0."""
    return max(abs(found.lower), abs(found.upper))


def rank_ic(name: str, forecast: pl.DataFrame, returns: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """Session and RankIC on test, in a column with the name of the model."""
    return daily(information(forecast, returns, horizon), "test").select("session", pl.col("rank_ic").alias(name))


def _joined(days: Sequence[pl.DataFrame]) -> pl.DataFrame:
    joined = days[0]
    for more in days[1:]:
        joined = joined.join(more, on="session")
    return joined.sort("session")


def _tell(world: World, done: int, of: int, seconds: float) -> None:
    planted = f"without the component of {world.absent}" if world.absent else "every component"
    means = ", ".join(f"{name} {float(str(world.days[name].mean())):+.4f}" for name in world.days.columns[1:])
    print(f"{done} of {of} after {seconds / 60:.1f} min: seed {world.seed}, {planted}, {world.seconds:.0f} s: {means}")
    sys.stdout.flush()


def _bounded(found: Interval) -> str:
    return f"{found.mean:+.4f} [{found.lower:+.4f}, {found.upper:+.4f}]"


if __name__ == "__main__":
    sys.exit(main())
