"""Ablation: what each source of features adds where its component is planted, and that it adds nothing where it is not.

For each seed one world is drawn with every component and, for each source, one without its component. A ridge
regression walks forward through them with the features of all sources, and again without those of one. The
difference of the two daily RankICs, averaged over the seeds, is what the source adds. Where the component is planted
its 95% interval must lie above 0; where it is not, its 90% interval, corrected for the number of sources, must lie
within .003 of 0.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from assets.evaluation.information import daily, information
from assets.evaluation.intervals import Interval, interval
from assets.folds.walk_forward import Fold
from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.training.fit import fit
from assets.training.forecasts import forecasts
from assets.training.panel import Panel
from benchmarks.outcome import Demand, end, options
from benchmarks.world import project_of, tables_of
from pipelines.experiment_assets import Walk
from pipelines.fold_path import fold_panel
from pipelines.home import be_quiet
from pipelines.workers import workers

MARKET = Path(__file__).parent / "markets" / "ablation.yaml"
EXPERIMENTS = Path(__file__).parent / "experiments"
SOURCES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "prices": (("own_price", "industry"), ("alpha158", "correlation")),
    "financials": (("statements",), ("financials",)),
    "news": (("news",), ("news",)),
    "policy_events": (("policy",), ("policy_events",)),
    "supply_chain": (("supply_chain",), ("supply_chain",)),
    "correlation": (("industry",), ("correlation",)),
}
"""Source -> drivers of the components that it tells, and its feature groups; peers are found by prices."""
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
    horizon: int
    days: pl.DataFrame
    seconds: float


def main() -> int:
    """Walk every world, print what each source adds in it, and say what was reached."""
    asked = options(str(__doc__), str(MARKET), seeds="0..4")
    tasks = [(asked.market, seed, absent) for seed in asked.seeds for absent in ("", *SOURCES)]
    os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"
    began = time.monotonic()
    worlds = []
    with workers() as pool:
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
        walk = project_of(spec, Path(folder), EXPERIMENTS).walks[FULL]
    left_out = [absent] if absent else list(SOURCES)
    parts = [forecast for fold in walk.folds for forecast in forecast_fold(walk, fold, tables, left_out)]
    returns, horizon = tables["targets/forward_returns"], walk.experiment.target.horizon
    days = [rank_ic(name, pl.concat(found), returns, horizon) for name, found in _by_model(parts).items()]
    return World(seed, absent, horizon, _joined(days), time.monotonic() - began)


def forecast_fold(
    walk: Walk, fold: Fold, tables: Mapping[str, pl.DataFrame], left_out: Sequence[str]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Name and forecasts of the model with every source, and of those that are fitted without one."""
    panel = fold_panel(walk, fold, {name: tables[key].lazy() for name, key in walk.tables.items()})
    experiment = walk.experiment
    for source in ("", *left_out):
        part = without_groups(panel, SOURCES[source][1]) if source else panel
        fitted = fit(part, experiment.model, experiment.loss, experiment.training, 0, lambda _: None)
        name = f"without_{source}" if source else FULL
        yield name, forecasts(part, fitted.forecaster, 0, fold.key, experiment.decided_hour)


def without_groups(panel: Panel, groups: Sequence[str]) -> Panel:
    """The panel without the columns of some feature groups."""
    kept = [place for place, group in enumerate(panel.groups) if group not in groups]
    columns = tuple(panel.columns[place] for place in kept)
    return replace(
        panel,
        columns=columns,
        groups=tuple(panel.groups[place] for place in kept),
        sequence_columns=tuple(name for name in panel.sequence_columns if name in columns),
        x_STF=np.ascontiguousarray(panel.x_STF[:, :, kept]),
    )


def without_component(market: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The settings of a market with nothing planted that the source could tell; every noise stays as it is."""
    drivers = SOURCES[source][0] if source else ()
    components = [{**c, "ic": 0.0} if c["driver"] in drivers else c for c in market["components"]]
    return {**market, "components": components}


def gain(worlds: Sequence[World], source: str, absent: str, level: float) -> Interval:
    """What the source adds to RankIC in the worlds in which `absent` is not planted: mean over seeds, day by day."""
    added = (pl.col(FULL) - pl.col(f"without_{source}")).alias("added")
    days = pl.concat(world.days.select("session", added) for world in worlds if world.absent == absent)
    return interval(days.group_by("session").mean().sort("session")["added"], worlds[0].horizon, level)


def widest(found: Interval) -> float:
    """How far an interval reaches from 0."""
    return max(abs(found.lower), abs(found.upper))


def rank_ic(name: str, forecast: pl.DataFrame, returns: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """Session and RankIC on test, in a column with the name of the model."""
    days = daily(information(forecast, returns, horizon), "test")
    return days.select("session", pl.col("rank_ic").alias(name))


def _by_model(parts: Sequence[tuple[str, pl.DataFrame]]) -> dict[str, list[pl.DataFrame]]:
    by_model: dict[str, list[pl.DataFrame]] = {}
    for name, forecast in parts:
        by_model.setdefault(name, []).append(forecast)
    return by_model


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
